#!/usr/bin/env bash
# Regenerate the pages under docs/results/: run the studies behind them, in parts.
#
#   docs/results/regenerate.sh list             the parts, with runs and processor time
#   docs/results/regenerate.sh 1                part 1; rerun the same command to resume
#   docs/results/regenerate.sh 2 3              parts 2 and 3
#   WORKERS=8 docs/results/regenerate.sh 1      runs at a time (default: one per core)
#
# Each study goes to studies/NAME, its log to studies/NAME.log, and the rows of its tables to docs/results/rows/NAME.parquet.
# Commit the rows after each part: runs that are recorded there are not trained again, on this machine or another. Tables and
# verdicts are computed from the recorded episodes by the code that is installed, so they need no new training if that changes.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH="$PWD/.venv/bin:$PATH"
rows=docs/results/rows
mkdir -p "$rows" studies

# part  study  runs  processor seconds per run (measured on 2 cores under other load; idle, about half)  overrides
TABLE='
1 coinrun 40 20
1 alpha 200 15
1 overseer 30 46
1 corner 30 40
2 seeds 100 16
2 shields 20 46
2 keysandchests 20 40
2 beacon 20 30
2 colourshape 20 30
3 paralysis-corner 60 40
3 paralysis 360 15 seeds=[100,101,102,103,104]
4 paralysis 720 15
5 pixels 20 300
6 salience 80 16
6 right_fraction 60 14
6 levels 50 14
6 capability 40 40
6 recipe 50 16
7 gem 30 30
7 cure 80 24
8 algorithms 60 150
9 finetuning 10 60
10 foresight 240 20
10 foresight-corner 60 45
11 foresight-beacon 60 35
11 foresight-colourshape 60 35
12 separate 10 20
13 methods-search 136 25
14 methods-l1 340 17 seeds=[510,511,512,513,514]
15 methods-l1 340 17 seeds=[515,516,517,518,519]
16 methods-l0 150 22
16 methods-corner 105 45
17 methods-labelled 370 16
18 methods-why 180 20
19 methods-entropy 195 22
20 methods-finalists 540 17
21 methods-finalists-corner 120 45
21 methods-finalists-beacon 90 25
'
ANALYSES="separate paralysis paralysis-corner foresight foresight-corner foresight-beacon foresight-colourshape" # and methods-*: studies whose page is not made by `goalposts study docs`

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*"; }

# Run a study, record its rows, write its page. If it fails, the next study follows.
study() { # NAME OVERRIDES…
  local name=$1 page=docs/results/$1.md log=studies/$1.log
  shift
  say "study $name: log in $log"
  if ! goalposts study run "$name" "$@" --out "studies/$name" --rows "$rows/$name.parquet" --no-estimate \
    ${WORKERS:+--workers "$WORKERS"} >>"$log" 2>&1; then
    say "study $name did not finish; see $log"
    return
  fi
  case "$name $ANALYSES " in methods-* | *" $name "*) return ;; esac
  # The first page of a study replaces one that was written by hand.
  if [ -e "$page" ] && ! grep -q 'goalposts study docs' "$page"; then rm "$page"; fi
  goalposts study docs "studies/$name" --out docs/results >>"$log" 2>&1 || say "no page of $name; see $log"
}

# Train into FOLDER unless that training has finished; an interrupted one resumes.
train() { # FOLDER CONFIG OVERRIDES…
  if ! grep -qs '"state": "finished"' "$1/status.json"; then goalposts train "${@:2}" -q --out "$1"; fi
}

# The fine-tuning test with its positive control: agents that learned to fetch the coin anywhere, and were then paid for the edge only.
finetuning() {
  local seed run folder=studies/finetune log=studies/finetune.log
  say "fine-tuning: log in $log"
  for seed in 0 1 2 3 4 5 6 7 8 9; do
    {
      train "$folder/edge-s$seed" coinrun/edge "seed=$seed"
      train "$folder/anywhere-s$seed" coinrun/anywhere "seed=$seed" --no-evaluate
      train "$folder/turned-s$seed" coinrun/proxy_anywhere name=turned "init_from=$folder/anywhere-s$seed" train.total_steps=300000 "seed=$seed"
      for run in "$folder/edge-s$seed" "$folder/turned-s$seed"; do
        # A run that was fine-tuned with these steps keeps its table.
        goalposts finetune "$run" --steps 500 --steps 2000 --steps 8000 --steps 30000 --steps 100000 --steps 300000 -q
      done
    } >>"$log" 2>&1
  done
  python -m goalposts.experiments.analyses.finetune_control docs/results/finetune.csv --edge "$folder"/edge-s? \
    --control "$folder"/turned-s? >>"$log" 2>&1
}

# The options of the studies of methods are those that their search chose: written into the study files after it, checked before the others.
options() { # PART
  local command=(python -m goalposts.experiments.analyses.methods.search docs/results/methods-search.csv)
  if [ "$1" = 13 ]; then
    "${command[@]}" --rows "$rows/methods-search.parquet" --apply configs/studies/methods || return 1
    say "if a note above names trials with fewer runs, run part 13 once more; runs that fail again do not count"
    say "commit docs/results/methods-search.csv and configs/studies/methods before parts 14 to 17"
  else "${command[@]}" --check configs/studies/methods || return 1; fi
}

# Pages that are computed from the runs or rows of studies; a minute or two each.
pages() {
  say "pages from studies"
  local study
  for study in coinrun overseer corner shields keysandchests beacon colourshape; do
    [ -e "$rows/$study.parquet" ] || break
  done
  if [ -e "$rows/$study.parquet" ]; then
    python -m goalposts.experiments.analyses.all_worlds docs/results/worlds.csv --rows "$rows" >>studies/pages.log 2>&1 ||
      say "no page of all worlds; see studies/pages.log"
  else say "no page of all worlds yet: $rows/$study.parquet is missing"; fi
  if [ -e "$rows/coinrun.parquet" ]; then
    # The other columns of this table are measured on runs, which the page names.
    python -m goalposts.experiments.analyses.outer_vs_inner docs/results/outer-inner.csv --rows "$rows" >>studies/pages.log 2>&1 ||
      say "no page of outer against inner; see studies/pages.log"
  fi
  if [ -e "$rows/paralysis.parquet" ]; then
    local agents=()
    if [ -e studies/paralysis/runs ]; then agents=(--runs studies/paralysis/runs); fi
    python -m goalposts.experiments.analyses.paralysis docs/results/paralysis.csv --rows "$rows" "${agents[@]}" >>studies/pages.log 2>&1 ||
      say "no page of paralysis; see studies/pages.log"
  fi
  if [ -e "$rows/foresight.parquet" ]; then
    python -m goalposts.experiments.analyses.foresight docs/results/foresight.csv --rows "$rows" \
      --calibration experiments/foresight/calibration.json >>studies/pages.log 2>&1 || say "no page of foresight; see studies/pages.log"
  fi
  if compgen -G "$rows/methods-l*.parquet" >/dev/null || [ -e "$rows/methods-corner.parquet" ]; then
    python -m goalposts.experiments.analyses.methods docs/results/methods.csv --rows "$rows" \
      --board experiments/study/leaderboard/committed.csv >>studies/pages.log 2>&1 || say "no page of methods; see studies/pages.log"
  fi
  if [ -e "$rows/methods-why.parquet" ]; then
    python -m goalposts.experiments.analyses.methods.why docs/results/methods-why.csv --rows "$rows" >>studies/pages.log 2>&1 ||
      say "no page of why methods differ; see studies/pages.log"
  fi
  if [ -e "$rows/methods-entropy.parquet" ]; then
    python -m goalposts.experiments.analyses.methods.entropy docs/results/methods-entropy.csv --rows "$rows" >>studies/pages.log 2>&1 ||
      say "no page of equal entropy bonuses; see studies/pages.log"
  fi
  if compgen -G "$rows/methods-finalists*.parquet" >/dev/null; then
    python -m goalposts.experiments.analyses.methods.finalists docs/results/methods-finalists.csv --rows "$rows" >>studies/pages.log 2>&1 ||
      say "no page of finalists; see studies/pages.log"
  fi
  if [ -e studies/alpha/runs ]; then explain; fi
  python docs/_build/claims.py
}

# What the nets use: reads the agents of alpha (part 1), and of parts 2, 10, 11 and 12 where they are there.
explain() {
  local command=(python -m goalposts.experiments.analyses.explain docs/results/explain.csv) runs=(--runs studies/alpha/runs) others=() separate=() name
  for name in shields keysandchests foresight-corner foresight-beacon foresight-colourshape; do
    if [ -e "studies/$name/runs" ]; then others+=("studies/$name/runs"); fi
  done
  for name in separate foresight; do
    if [ -e "studies/$name/runs" ]; then separate+=("studies/$name/runs"); fi
  done
  {
    "${command[@]}" "${runs[@]}"
    "${command[@]}" "${runs[@]}" --full 10 --pairs 10
    if [ "${#separate[@]}" -gt 0 ]; then "${command[@]}" --separate "${separate[@]}"; fi
    if [ "${#others[@]}" -gt 0 ]; then "${command[@]}" --worlds "${others[@]}"; fi
  } >>studies/pages.log 2>&1 || say "no page of explain; see studies/pages.log"
}

if [ "${1:-list}" = list ]; then
  echo "$TABLE" | awk 'NF {printf "part %s  %-18s up to %4d runs  %4d s of CPU each  %5.2f core-hours\n", $1, $2, $3, $4, $3 * $4 / 3600}'
  exit
fi
for part in "$@"; do
  if [[ "$part" =~ ^1[4-7]$ ]] && ! options "$part"; then exit 1; fi
  while read -r number name _ _ overrides; do
    # shellcheck disable=SC2086
    if [ "$number" = "$part" ] && [ "$name" = finetuning ]; then
      finetuning
    elif [ "$number" = "$part" ]; then study "$name" $overrides </dev/null; fi
  done <<<"$TABLE"
  if [ "$part" = 13 ]; then options 13 || say "the search has trials without a run; run part 13 again"; fi
done
pages
say "done; commit docs/results"
