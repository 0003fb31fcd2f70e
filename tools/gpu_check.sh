#!/usr/bin/env bash
# ten minutes of one GPU -> OUT/check.json: parity, speed, waits, features, saving, analyses and a real training
# example: gpu_check.sh --out build/gpu_check
set -euo pipefail
root=$(cd "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
PYTHONPATH=$root:$root/tools${PYTHONPATH:+:$PYTHONPATH} exec python3 -m gpu_check "$@"
