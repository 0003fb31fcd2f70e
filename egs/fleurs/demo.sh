#!/usr/bin/env bash
# corpus -> two encoders, one with metadata -> what a linear probe of their vectors says -> the languages of three sentences
# example: demo.sh --nj 2
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/path.sh"

nj=$(nproc) # COUNT: jobs of an array, processes of a stage
. "$root/utils/parse_options.sh"

mkdir -p exp
: >exp/demo.log
keep() { tee -a exp/demo.log | grep --line-buffered '^stage [0-9]*: [a-z-]*: ' || true; } # what a stage prints goes to the log
./run.sh --nj "$nj" --pretrain best_rq_demo,best_rq_masr_demo | keep
{
  masr table run demo.yaml
  masr table show demo.yaml --format figure --out exp/answer.figure.json
  masr report exp/pretrain/best_rq_masr_demo/seed0 exp/pretrain/best_rq_demo/seed0 --first exp/answer.figure.json \
    --out exp/report.html
} >>exp/demo.log

printf '\nA linear layer on the frozen encoder with metadata learns to identify, and hears three sentences of the test set:\n'
./run.sh --nj "$nj" --stage 7 --stop-stage 7 --pretrain best_rq_masr_demo --lid frozen_tiny | keep
{
  masr data subset data/test exp/three --keep lang=spa,hin,tur --per-label lang 1
  masr table show demo.yaml
} >>exp/demo.log
masr identify exp/lid/best_rq_masr_demo/seed0 exp/three
printf '\n'
masr table show demo.yaml --format brief
printf '\nall of it: %s\nthe same as pictures: %s\n' "$PWD/exp/demo.log" "$PWD/exp/report.html"
