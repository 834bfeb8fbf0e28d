#!/usr/bin/env bash
# What a plan costs beside its runs, and what its page costs. By hand, on a machine with nothing else
# to do:
#
#     tests/experiments/overhead.sh build/kin [STEPS]
#
# 102 runs, one after the other. Fails when the runner takes more than 2 % of the time of its runs, or
# the page more than 10 s.
set -u
steps=${2:-1500}
. "$(dirname "$0")/../cli/lib.sh" "$1"
. "$source/tests/experiments/plan.sh"
cat > many.ini <<INI
[plan]
base = base.ini
seeds = 1, 2, 3
steps = $steps
jobs = 1
[rows]
loss.temperature = 0.01 .. 1 log 34
INI
"$KIN" ablate many.ini > table 2> err || { cat err; exit 1; }
awk '/processes ran/ { printf "%d processes ran %.2f s, the runner took %.2f %% more\n", $1, $4,
                       100 * ($(NF - 1) - $4) / $4 }' err
holds "the runner takes less than 2 % more" \
    "$(awk '/processes ran/ { print $(NF - 1) < 1.02 * $4 }' err)" = 1
before=$(date +%s.%N)
expect 0 "report.html" "$KIN" report many.ini
seconds=$(awk -v a="$before" -v b="$(date +%s.%N)" 'BEGIN { print b - a }')
echo "the page of 102 runs took $seconds s"
holds "less than 10 s" "$(awk -v s="$seconds" 'BEGIN { print s < 10 }')" = 1
finish
