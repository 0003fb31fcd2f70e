#!/usr/bin/env bash
# The recipe on the embedded corpus, what a linear probe says of its two encoders, and the languages of three sentences.
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/path.sh"

nj=$(nproc) # COUNT: jobs of an array, processes of a stage
. "$root/utils/parse_options.sh"

./run.sh --nj "$nj" --stop-stage 6
masr table run demo.yaml --quiet
masr table show demo.yaml
./run.sh --nj "$nj" --stage 7 --stop-stage 7 --pretrain best_rq_masr_tiny --lid frozen_tiny
