#!/usr/bin/env bash
# A Grid Engine of this machine alone, to try recipes and tests on the real thing.
#
# usage: tools/start_grid_engine.sh install                          Debian's packages (as root); there already: nothing
#        tools/start_grid_engine.sh start FOLDER [--slots N]         prints the lines that make a shell use it
#        tools/start_grid_engine.sh stop FOLDER
#
# sge_qmaster and sge_execd run at ports that were free; configuration, spool, accounts and logs are in FOLDER, and
# nothing else of the machine is touched. There is one queue, all.q, with as many slots as this machine has cores, or as
# --slots says, the parallel environment smp, and a resource gpu, of which there are two, counted for each job. Only
# this machine may submit. Starting twice starts what is missing.
# Exit code 77: Grid Engine is not here and cannot be installed; what needs it is to be skipped.
set -euo pipefail

readonly packages=(gridengine-master gridengine-exec gridengine-client) programs=(qsub qstat qacct qdel qconf)
readonly lib=/usr/lib/gridengine share=/usr/share/gridengine

main() {
  local verb=${1:-}
  case $verb in
    install) install ;;
    start | stop)
      [[ -n ${2:-} ]] || usage
      mkdir -p -- "$2"
      folder=$(cd -- "$2" && pwd)
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
  printf 'start_grid_engine.sh: %s\n' "$1" >&2
  exit 77
}

missing() {
  local program
  for program in "${programs[@]}"; do
    command -v "$program" >/dev/null || printf '%s ' "$program"
  done
  for program in sge_qmaster sge_execd spoolinit; do
    [[ -x $lib/$program ]] || printf '%s ' "$program"
  done
}

install() {
  local said
  [[ -n $(missing) ]] || return 0
  command -v apt-get >/dev/null || skip "Grid Engine is not here, and without apt-get it cannot be installed"
  ((EUID == 0)) || skip "Grid Engine is not here; as root: $0 install"
  export DEBIAN_FRONTEND=noninteractive
  # The packages would start a cluster of their own.
  [[ -e /etc/default/gridengine ]] || printf 'SGE_START_MASTERD=no\nSGE_START_EXECD=no\n' >/etc/default/gridengine
  if ! said=$({ apt-get update -q && apt-get install -y -q --no-install-recommends "${packages[@]}"; } 2>&1); then
    skip "Grid Engine is not here, and Debian's packages cannot be installed:"$'\n'"$(tail -n 3 <<<"$said")"
  fi
  [[ -z $(missing) ]] || skip "Debian's packages came without $(missing)"
}

start() {
  local slots i
  slots=$(nproc)
  while (($#)); do
    case $1 in
      --slots) slots=${2:?} ;;
      *) usage ;;
    esac
    shift 2
  done
  [[ -z $(missing) ]] || skip "Grid Engine is not here ($(missing)is missing); as root: $0 install"
  if [[ ! $folder =~ ^[[:graph:]]{1,80}$ ]]; then
    printf 'start_grid_engine.sh: %s: Grid Engine wants a folder whose name is short and has no spaces\n' "$folder" >&2
    exit 2
  fi
  [[ -f $folder/settings.sh ]] || create
  # shellcheck source=/dev/null
  . "$folder/settings.sh"
  running sge_qmaster || "$lib/sge_qmaster" >&2
  [[ -f $folder/has_queue ]] || add_queue "$slots" >&2
  running sge_execd || SGE_EXECD_PIDFILE=$folder/sge_execd.pid "$lib/sge_execd" >&2
  for ((i = 0; i < 300; i++)); do
    # The queue's line ends with its load and architecture where the host has reported, and with letters where it has not.
    if qstat -f 2>/dev/null | grep -qE '^all\.q@.* [0-9.]+ +lx-[^ ]+ *$'; then
      cat "$folder/settings.sh"
      return
    fi
    sleep 0.1
  done
  skip "Grid Engine was started but its host does not answer: $(tail -qn 3 "$folder"/spool/qmaster/messages "$folder"/spool/execd/*/messages)"
}

stop() {
  local name pid i
  [[ -f $folder/settings.sh ]] || return 0
  # shellcheck source=/dev/null
  . "$folder/settings.sh"
  ! running sge_qmaster || timeout 10 qdel -u "$(id -un)" >/dev/null 2>&1 || true
  for name in sge_execd sge_qmaster; do
    running "$name" || continue
    pid=$(<"$folder/$name.pid")
    kill "$pid"
    # What has ended may wait for its parent to take note (state Z).
    for ((i = 0; i < 300; i++)); do
      [[ -r /proc/$pid/stat && $(<"/proc/$pid/stat") != *') Z '* ]] || break
      sleep 0.05
    done
  done
}

# Whether the daemon that left this pid file lives; the number may have gone to another process since.
running() {
  local pid
  pid=$(cat -- "$folder/$1.pid" 2>/dev/null) && [[ -r /proc/$pid/comm && $(<"/proc/$pid/comm") == "$1" ]]
}

free_ports() {
  python3 -c '
import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in held: s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' "$1"
}

# The folder of a cluster before its first start.
create() {
  local common=$folder/default/common spool=$folder/spool ports host
  host=$(hostname)
  mapfile -t ports < <(free_ports 2)
  mkdir -p -- "$common" "$spool/qmaster" "$spool/execd"
  ln -sfn "$share/util" "$folder/util"
  ln -sfn spool/qmaster/qmaster.pid "$folder/sge_qmaster.pid"
  printf 'export SGE_ROOT=%q SGE_CELL=default SGE_QMASTER_PORT=%d SGE_EXECD_PORT=%d\n' "$folder" "${ports[@]}" \
    >"$folder/settings.sh.new"
  # shellcheck source=/dev/null
  . "$folder/settings.sh.new"
  cat >"$common/bootstrap" <<END
Version: 6.2
admin_user              none
default_domain          none
ignore_fqdn             true
spooling_method         classic
spooling_lib            libspoolc
spooling_params         $common;$spool/qmaster
binary_path             $lib
qmaster_spool_dir       $spool/qmaster
security_mode           none
listener_threads        2
worker_threads          2
scheduler_threads       1
END
  printf '%s\n' "$host" >"$common/act_qmaster"
  # Where the host's name leads to loopback, that leads back to another name.
  printf '%s localhost\n' "$host" >"$common/host_aliases"
  # A process belongs to a job by a group of its own: those of two clusters have to differ.
  sed -e "s#^execd_spool_dir.*#execd_spool_dir $spool/execd#" \
    -e "s/^min_uid.*/min_uid 0/" -e "s/^min_gid.*/min_gid 0/" \
    -e "s/^gid_range.*/gid_range ${ports[0]}000-${ports[0]}999/" \
    -e "s/^load_report_time.*/load_report_time 00:00:01/" \
    -e "s/^execd_params.*/execd_params ENABLE_ADDGRP_KILL=TRUE/" \
    -e "s/^reporting_params.*/reporting_params accounting=true reporting=false flush_time=00:00:01 accounting_flush_time=00:00:00/" \
    "$share/default-configuration" >"$folder/configuration"
  "$lib/spoolinit" classic libspoolc "$common;$spool/qmaster" init >&2
  for what in "configuration $folder/configuration" "complexes $share/util/resources/centry" \
    "usersets $share/util/resources/usersets" "managers $(id -un)" "operators $(id -un)"; do
    # shellcheck disable=SC2086 # two words
    "$lib/spooldefaults" $what >&2
  done
  mv -- "$folder/settings.sh.new" "$folder/settings.sh"
}

# The host, its resources and the queue; the files are as qconf shows them.
add_queue() {
  local host limit i
  host=$(hostname)
  for ((i = 0; i < 300; i++)); do # the master takes a while to listen, longer on a busy machine
    ! qconf -sc >"$folder/complexes" 2>/dev/null || break
    sleep 0.1
  done
  printf 'gpu gpu INT <= YES JOB 0 0\n' >>"$folder/complexes"
  qconf -Mc "$folder/complexes"
  printf '%s\n' "hostname $host" "load_scaling NONE" "complex_values gpu=2" "user_lists NONE" "xuser_lists NONE" \
    "projects NONE" "xprojects NONE" "usage_scaling NONE" "report_variables NONE" >"$folder/host"
  qconf -ah "$host" || true # there already
  qconf -as "$host"
  qconf -Ae "$folder/host"
  printf '%s\n' "pe_name smp" "slots 9999" "user_lists NONE" "xuser_lists NONE" "start_proc_args NONE" \
    "stop_proc_args NONE" "allocation_rule \$pe_slots" "control_slaves FALSE" "job_is_first_task TRUE" \
    "urgency_slots min" "accounting_summary FALSE" "qsort_args NONE" >"$folder/pe"
  qconf -Ap "$folder/pe"
  {
    printf '%s\n' "qname all.q" "hostlist $host" "seq_no 0" "load_thresholds NONE" "suspend_thresholds NONE" \
      "nsuspend 1" "suspend_interval 00:05:00" "priority 0" "min_cpu_interval 00:05:00" "processors UNDEFINED" \
      "qtype BATCH" "ckpt_list NONE" "pe_list smp" "rerun TRUE" "slots $1" "tmpdir /tmp" "shell /bin/bash" \
      "prolog NONE" "epilog NONE" "shell_start_mode posix_compliant" "starter_method NONE" "suspend_method NONE" \
      "resume_method NONE" "terminate_method NONE" "notify 00:00:05" "owner_list NONE" "user_lists NONE" \
      "xuser_lists NONE" "subordinate_list NONE" "complex_values NONE" "projects NONE" "xprojects NONE" \
      "calendar NONE" "initial_state default"
    for limit in rt cpu fsize data stack core rss vmem; do
      printf '%s INFINITY\n' "s_$limit" "h_$limit"
    done
  } >"$folder/queue"
  qconf -Aq "$folder/queue"
  qconf -ssconf | sed -e 's/^schedule_interval.*/schedule_interval 0:0:1/' -e 's/^flush_\(.*\)_sec.*/flush_\1_sec 1/' \
    >"$folder/scheduler"
  qconf -Msconf "$folder/scheduler"
  touch -- "$folder/has_queue"
}

main "$@"
