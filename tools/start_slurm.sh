#!/usr/bin/env bash
# A Slurm cluster of this machine alone, to try recipes and tests on the real thing.
#
# usage: tools/start_slurm.sh install                                Debian's packages (as root); there already: nothing
#        tools/start_slurm.sh start FOLDER [--nodes N] [--cpus N]    prints the line that makes a shell use it
#        tools/start_slurm.sh stop FOLDER
#
# munged, slurmctld and one slurmd for each node (1) listen on loopback, at ports that were free; keys, state and logs
# are in FOLDER, and nothing else of the machine is touched. Each node has this machine's cores, or as many as --cpus
# says, and its share of the memory. Starting twice starts what is missing.
# Exit code 77: Slurm is not here and cannot be installed; what needs it is to be skipped.
set -euo pipefail

readonly packages=(munge slurmctld slurmd slurm-client) programs=(munged slurmctld slurmd sbatch squeue scontrol scancel srun)
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

main() {
  local verb=${1:-}
  case $verb in
    install) install ;;
    start | stop)
      [[ -n ${2:-} ]] || usage
      mkdir -p -- "$2"
      folder=$(cd -- "$2" && pwd)
      export SLURM_CONF=$folder/slurm.conf
      "$verb" "${@:3}"
      ;;
    *) usage ;;
  esac
}

usage() {
  sed -n 's/^# \(usage:\|      \) tools/tools/p' "${BASH_SOURCE[0]}" >&2
  exit 2
}

skip() {
  printf 'start_slurm.sh: %s\n' "$1" >&2
  exit 77
}

missing() {
  local program
  for program in "${programs[@]}"; do
    command -v "$program" >/dev/null || printf '%s ' "$program"
  done
}

install() {
  local said
  [[ -n $(missing) ]] || return 0
  command -v apt-get >/dev/null || skip "Slurm is not here, and without apt-get it cannot be installed"
  ((EUID == 0)) || skip "Slurm is not here; as root: $0 install"
  export DEBIAN_FRONTEND=noninteractive
  if ! said=$({ apt-get update -q && apt-get install -y -q --no-install-recommends "${packages[@]}"; } 2>&1); then
    skip "Slurm is not here, and Debian's packages cannot be installed:"$'\n'"$(tail -n 3 <<<"$said")"
  fi
  [[ -z $(missing) ]] || skip "Debian's packages came without $(missing)"
}

start() {
  local nodes=1 cpus i
  cpus=$(nproc)
  while (($#)); do
    case $1 in
      --nodes) nodes=${2:?} ;;
      --cpus) cpus=${2:?} ;;
      *) usage ;;
    esac
    shift 2
  done
  [[ -z $(missing) ]] || skip "Slurm is not here ($(missing)is missing); as root: $0 install"
  if [[ ! $folder =~ ^[[:graph:]]{1,80}$ ]]; then
    printf 'start_slurm.sh: %s: Slurm wants a folder whose name is short and has no spaces\n' "$folder" >&2
    exit 2
  fi
  chmod 700 -- "$folder"
  mkdir -p -- "$folder/state"
  [[ -f $folder/munge.key ]] || (umask 077 && head -c 128 /dev/urandom >"$folder/munge.key")
  [[ -f $SLURM_CONF ]] || configuration "$nodes" "$cpus" >"$SLURM_CONF.new"
  [[ -f $SLURM_CONF ]] || mv -- "$SLURM_CONF.new" "$SLURM_CONF"
  running munged || munged --force --socket="$folder/munge.socket" --key-file="$folder/munge.key" \
    --pid-file="$folder/munged.pid" --log-file="$folder/munged.log" --seed-file="$folder/munged.seed" >&2
  running slurmctld || slurmctld
  nodes=$(grep -c '^NodeName=' "$SLURM_CONF")
  for ((i = 1; i <= nodes; i++)); do
    mkdir -p -- "$folder/spool.node$i"
    running "slurmd.node$i" || slurmd -N "node$i"
  done
  for ((i = 0; i < 300; i++)); do
    if [[ $(sinfo -h -N -t idle,mixed,allocated,completing -o %N 2>/dev/null | wc -l) -eq $nodes ]]; then
      printf 'export SLURM_CONF=%q\n' "$SLURM_CONF"
      return
    fi
    sleep 0.1
  done
  skip "Slurm was started but its nodes do not answer: $(tail -qn 3 "$folder"/slurm*.log)"
}

stop() {
  local name pid i
  ! running slurmctld || timeout 10 scancel --user "$(id -un)" 2>/dev/null || true
  for name in "$folder"/slurmd.*.pid "$folder/slurmctld.pid" "$folder/munged.pid"; do
    name=$(basename -- "$name" .pid)
    running "$name" || continue
    pid=$(<"$folder/$name.pid")
    kill "$pid"
    # A daemon removes its file before it ends, and what has ended may wait for its parent to take note (state Z).
    for ((i = 0; i < 300; i++)); do
      [[ -r /proc/$pid/stat && $(<"/proc/$pid/stat") != *') Z '* ]] || break
      sleep 0.05
    done
  done
}

# Whether the daemon that left this pid file lives; the number may have gone to another process since.
running() {
  local pid
  pid=$(cat -- "$folder/$1.pid" 2>/dev/null) && [[ -r /proc/$pid/comm && $(<"/proc/$pid/comm") == "${1%%.*}"* ]]
}

free_ports() {
  python3 -c '
import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in held: s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' "$1"
}

configuration() {
  local nodes=$1 cpus=$2 host user memory ports i
  host=$(hostname -s) user=$(id -un)
  memory=$(($(awk '/^MemTotal/ { print $2 }' /proc/meminfo) / 1024 / nodes))
  mapfile -t ports < <(free_ports $((nodes + 1)))
  cat <<END
ClusterName=masr
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=${ports[0]}
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket,cred_expire=30
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool.%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.%n.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0
DefMemPerCPU=$((memory / cpus / 2))
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
  for ((i = 1; i <= nodes; i++)); do
    printf 'NodeName=node%d NodeHostname=%s NodeAddr=127.0.0.1 Port=%d CPUs=%d RealMemory=%d State=UNKNOWN\n' \
      "$i" "$host" "${ports[i]}" "$cpus" "$memory"
  done
}

main "$@"
