#!/usr/bin/env bash
# A plan from its file to its tables: mistakes, failed runs, stops and kills, the same bytes after them.
# With scipy (PYTHON=...) the statistics are computed again from the scores on disk.
. "$(dirname "$0")/lib.sh" "$1"
. "$source/tests/experiments/plan.sh"

# ---- mistakes
expect 2 "usage: kin ablate PLAN.ini" "$KIN" ablate
expect 3 "nofile.ini" "$KIN" ablate nofile.ini
small_plan 30 > plan.ini
sed 's/optim.lr =/optim.rl =/' plan.ini > wrong.ini
expect 2 "wrong.ini:10: unknown key optim.rl; did you mean optim.lr?" "$KIN" ablate wrong.ini
sed 's/infonce, sigmoid/infonce, sigmoids/' plan.ini > wrong.ini
expect 2 'wrong.ini:8: there is no loss called "sigmoids"' "$KIN" ablate wrong.ini
sed 's/^seeds/sedes/' plan.ini > wrong.ini
expect 2 "unknown key plan.sedes; did you mean seeds?" "$KIN" ablate wrong.ini
expect 2 "--jobs is '0'" "$KIN" ablate plan.ini --jobs 0
"$KIN" import pairs pairs.tsv --out only.h5 > import.out
sed 's/pairs.h5/only.h5/' base.ini > only.ini
sed 's/base.ini/only.ini/' plan.ini > wrong.ini
expect 3 "only.h5: has no test queries" "$KIN" ablate wrong.ini
holds "a refused plan leaves nothing but its lock" -z "$(find runs -type f ! -name .lock)"

# ---- what will be done, and doing it undisturbed
sed 's/^name = .*/name = calm/' plan.ini > calm.ini
expect 0 "2 rows, 2 seeds, 8 runs" "$KIN" ablate calm.ini --dry-run
holds "a dry run says how it knows" -n "$(grep 'estimate: [0-9:]* for 8 runs (8 steps of the first run' out)"
holds "a dry run trains nothing" ! -e runs/calm/runs/infonce/lr-0.02/seed-1
expect 0 "| loss | mrr@10 | group |" "$KIN" ablate calm.ini
holds "the caption says which split chose" -n "$(grep 'chosen by mrr@10 on the validation queries with seed 1, out of 2 to 4' out)"
holds "two rows and two baselines" "$(grep -c '^| [a-zB].*\[' out)" = 4
holds "and the geometry of both rows" "$(grep -c '^| [is][a-z]* | [0-9.]* | -' out)" = 2
holds "tries alone are not judged on test" ! -e runs/calm/runs/sigmoid/lr-0.02_scale-5/seed-1/eval/test
holds "what was chosen is" "$(find runs/calm -path '*eval/test/results.json' | wc -l)" = 4
holds "neither checkpoints nor lists stay" -z "$(find runs/calm \( -name checkpoints -o -name run.trec \))"
cp runs/calm/results.json first.json
expect 0 '"settings_chosen_on": "validation"' "$KIN" ablate calm.ini --json --quiet
holds "nothing is run twice" -z "$(cat err)"
holds "and the results are the same" -z "$(cmp first.json runs/calm/results.json 2>&1)"

# ---- stopped, killed, its child killed
"$KIN" ablate plan.ini 2> err > out &
pid=$!
wait_for() { for wait in $(seq 500); do [ -e "$1" ] && break; sleep 0.02; done; }
wait_for runs/plan/runs/infonce/lr-0.02/seed-1/run.ini
kill -INT $pid
wait $pid
holds "a signal leaves with 75" $? = 75
holds "and says how to go on" -n "$(grep 'go on with: kin ablate plan.ini' err)"
"$KIN" ablate plan.ini 2> err > out &
pid=$!
wait_for runs/plan/runs/sigmoid/lr-0.02_scale-5/seed-1/run.ini
kill -KILL $pid
wait $pid 2> wait.err
expect 0 "" "$KIN" ablate plan.ini
compare_with_calm

# ---- runs that fail
cat > fail.ini <<'INI'
[plan]
base = base.ini
seeds = 1, 2
steps = 30
keep = all
[rows]
optim.name + optim.lr = adam 0.1, sgd 1000
[set sgd]
optim.weight_decay = 1
INI
expect 0 "Failed runs:" "$KIN" ablate fail.ini --jobs 1
holds "with its exit code and last sentence" -n "$(grep -- '- sgd-1000/seed-1, exit code [14]: kin train: .*step' out)"
holds "and no second seed of it" "$(grep -c 'exit code' out)" = 1
holds "the other row is there" -n "$(grep '^| adam | 0.1 | ' out)"
holds "in the results too" -n "$(grep '"exit_code"' runs/fail/results.json)"
holds "keep = all keeps checkpoints and lists" "$(ls -d runs/fail/runs/adam-0.1/*/{checkpoints,eval/test/run.trec} | wc -l)" = 4
cp -r runs/fail/runs kept
expect 0 "Failed runs:" "$KIN" ablate fail.ini
holds "what failed is not tried again" -z "$(diff -r kept runs/fail/runs 2>&1)"
expect 0 "sgd-1000/seed-1 failed" "$KIN" ablate fail.ini --retry
sed 's/adam 0.1, //' fail.ini > all.ini
expect 1 "every row failed (1 run)" "$KIN" ablate all.ini
sed 's/^steps = 30/steps = 31/' plan.ini > longer.ini
expect 2 "was run with schedule.steps = 30, the plan says 31" "$KIN" ablate longer.ini
sed -i 's/^name = .*/name = longer/' longer.ini

# ---- the page
expect 0 "runs/calm/report.html" "$KIN" report calm.ini
holds "has the caption" -n "$(grep 'were chosen by mrr@10 on the validation queries' runs/calm/report.html)"
holds "has both rows and both baselines" "$(grep -c '<td>\(infonce\|sigmoid\|BM25\|untrained\)</td><td>.*\[0' runs/calm/report.html)" -ge 3
holds "needs nothing from elsewhere" -z "$(grep -iE '<script|<link|src=|http[^ ]*\.(js|css)' runs/calm/report.html)"
if command -v gnuplot > which.out; then
    holds "has its pictures" "$(grep -c '<svg' runs/calm/report.html)" = 6
fi
mkdir bin
expect 0 "" env PATH="$work/bin" "$KIN" report calm.ini
holds "does without gnuplot" -n "$(grep 'gnuplot is not installed' runs/calm/report.html)"
holds "leaves nothing else behind" -z "$(ls runs/calm | grep -E 'svg|gnuplot|log$')"
expect 3 "no run is finished yet" "$KIN" report longer.ini
expect 3 "nofile.ini" "$KIN" report nofile.ini

# ---- items of classes, pairs with scores
awk 'BEGIN { for (i = 0; i < 300; i++)
    printf "class%d\tabout word%d and kind%d\n", i % 6, i, i % 6 > (i % 7 ? "in.tsv" : "test.tsv") }'
expect 0 "" "$KIN" import labelled in.tsv --test test.tsv --fraction 0.2 --out items.h5
cat > items.ini <<'INI'
[plan]
base = base.ini
seeds = 1, 2
steps = 20
[set]
data.store = items.h5
batch.per_class = 4
batch.size = 24
[rows]
loss.name + loss.mining + loss.candidates = triplet hard -, supcon - -, infonce - proxies
[tune supcon]
loss.temperature = 0.1, 0.2
INI
expect 0 "| loss | loss.mining | loss.candidates | centroid | group | knn@1 |" "$KIN" ablate items.ini --quiet
holds "the caption speaks of items" -n "$(grep 'centroid on 43 test items of 6 classes' out)"
holds "it says what chose" -n "$(grep 'chosen by centroid on the validation items' out)"
holds "and which model is judged" -n "$(grep 'best on the validation items, by centroid' out)"
holds "three rows beside tf-idf and the untrained model" "$(grep -c '^| \(triplet\|supcon\|infonce\|tf-idf\|untrained\).*\[' runs/items/table.md)" = 5
expect 0 "runs/items/report.html" "$KIN" report items.ini
holds "with texts" -n "$(grep '<td class="text">about word' runs/items/report.html)"
sed 's/^steps/measure = mrr@10\nsteps/' items.ini > wrong.ini
expect 2 "mrr@10 is not a measure of items of classes" "$KIN" ablate wrong.ini
sed 's/^data.store.*//; s/^loss.name/data.store + loss.name/; s/= triplet/= pairs.h5 triplet/; s/, supcon/, items.h5 supcon/; s/, infonce/, items.h5 infonce/; s/^batch.*//' \
    items.ini > wrong.ini
expect 2 "items.h5: holds items of classes, the store of the first row pairs" "$KIN" ablate wrong.ini
"$KIN" import labelled in.tsv --out only.h5 > import.out
sed 's/items.h5/only.h5/' items.ini > wrong.ini
expect 3 "only.h5: has no test items" "$KIN" ablate wrong.ini
awk 'BEGIN { for (i = 0; i < 120; i++)
    printf "%.1f\ta%d b%d c\ta%d b%d d\n", i % 6, i % 7, i % 9, i % 7, (i + i % 6) % 9 }' > scored.tsv
expect 0 "" "$KIN" import sts scored.tsv --test scored.tsv --out scored.h5
cat > scored.ini <<'INI'
[plan]
base = base.ini
seeds = 1, 2
steps = 10
[set]
data.store = scored.h5
[rows]
loss.name = cosent, angle
INI
expect 0 "spearman on 120 test pairs. Best by spearman: " "$KIN" ablate scored.ini --quiet

# ---- statistics
for plan in calm items; do
    ${PYTHON:-python3} "$source/tests/experiments/outside.py" runs/$plan > out 2> err
    code=$?
    [ $code = 77 ] && echo "numpy or scipy is missing: statistics are not compared" || holds "$plan as numpy and scipy have it" $code = 0
done
finish
