#!/usr/bin/env bash
# From a TSV file to answers, and the mistakes on the way.
. "$(dirname "$0")/lib.sh" "$1"

# ---- import
expect 2 "FILE.tsv" "$KIN" import pairs --out x.h5
expect 2 "--out" "$KIN" import pairs pairs.tsv
expect 2 "pairs" "$KIN" import pears pairs.tsv --out x.h5
expect 3 "pairs.tsv" "$KIN" import pairs pairs.tsv --out x.h5
: > empty.tsv;                      expect 3 "empty.tsv" "$KIN" import pairs empty.tsv --out x.h5
printf 'only one column\n' > one.tsv;   expect 3 "one.tsv line 1" "$KIN" import pairs one.tsv --out x.h5
printf 'a\tb\na\tb\tx\n' > grade.tsv;   expect 3 "grade.tsv line 2" "$KIN" import pairs grade.tsv --out x.h5
printf 'a\tb\n\xff\xfe\tb\n' > bad.tsv; expect 3 "bad.tsv line 2" "$KIN" import pairs bad.tsv --out x.h5
mkdir chosen; printf '0 1\n1 x\n' > chosen/train.txt
expect 3 "train.txt line 2" "$KIN" import interactions chosen --out x.h5
expect 2 "FOLDER" "$KIN" import interactions --out x.h5
expect 2 "takes no validation file" "$KIN" import interactions chosen --validation a --out x.h5
mkdir -p beir/qrels; printf '{"_id": "a", "title": "t", "text": "x"}\n' > beir/corpus.jsonl
printf '{"_id": "q", "text": "who"}\n' > beir/queries.jsonl
expect 3 "beir: has neither qrels/train.tsv nor" "$KIN" import beir beir --out x.h5
printf 'query-id\tcorpus-id\tscore\nq\ta\tmany\n' > beir/qrels/test.tsv
expect 3 'test.tsv line 2: score "many"' "$KIN" import beir beir --out x.h5
printf 'q\ta\t1\nq\tz\t1\n' > beir/qrels/test.tsv
expect 0 "1 documents, 1 pairs to train on, queries 0 train, 0 validation, 1 test" "$KIN" import beir beir --out y.h5
expect 0 "judgements are of documents that the corpus lacks" "$KIN" import beir beir --out y.h5
expect 2 "FOLDER" "$KIN" import beir --out x.h5
mkdir folder.tsv;                   expect 3 "folder.tsv" "$KIN" import pairs folder.tsv --out x.h5
pairs > pairs.tsv
expect 1 "nowhere" "$KIN" import pairs pairs.tsv --out nowhere/x.h5
holds "a failed import leaves nothing" -z "$(ls | grep 'x.h5' || true)"
expect 0 "400 documents" "$KIN" import pairs pairs.tsv --out pairs.h5
expect 0 '"documents": 400' "$KIN" import pairs pairs.tsv --out pairs.h5 --json

# ---- train
cat > run.ini <<INI
[run]
dir = runs/a
threads = 2
[data]
store = pairs.h5
[tokenizer]
vocab_size = 600
[encoder]
name = static
dim = 32
[batch]
size = 64
[optim]
lr = 0.1
[schedule]
epochs = 12
[eval]
every = 30
INI
expect 3 "nofile.ini" "$KIN" train nofile.ini
expect 2 "temperatur" "$KIN" train run.ini --loss.temperatur 0.1
expect 2 "loss.temperature" "$KIN" train run.ini --loss.temperature -1
expect 2 "run.device" "$KIN" train run.ini --device abacus
expect 2 "infonce" "$KIN" train run.ini --loss.name infonse
expect 2 "exclude each other" "$KIN" train run.ini --resume --overwrite
printf '[run]\nnonsense = 1\n' > key.ini
expect 2 "key.ini" "$KIN" train key.ini
expect 2 "key.ini: data.store is missing" "$KIN" train key.ini
expect 2 "; --optim.lr" "$KIN" train run.ini --batch.size 0 --optim.lr -1
holds "several mistakes are one line" "$(wc -l < err)" = 1
expect 2 "schedule.floor" "$KIN" train run.ini --schedule.floor $'\n1'
expect 2 "encoder.query_prefix holds the control character 0x0a" "$KIN" train run.ini --encoder.query_prefix $'a\nb'
expect 2 "encoder.query_prefix is not UTF-8" "$KIN" train run.ini --encoder.query_prefix $'\xff'
mkdir mine && echo mine > mine/notes
expect 2 "holds files but no run" "$KIN" train run.ini --run.dir mine
holds "a folder of others is not touched" "$(ls -A mine)" = notes
expect 3 "missing.h5" "$KIN" train run.ini --data.store missing.h5
holds "a refused run leaves no folder" ! -e runs
expect 0 "model" "$KIN" train run.ini
cp out table.txt
for file in run.ini run.json metrics.jsonl model/model.safetensors model/tokenizer.json \
            model/config.json model/modules.json; do
    holds "runs/a/$file exists" -s "runs/a/$file"
done
expect 0 "bag back and Adam" "$KIN" train run.ini --run.dir runs/profile --schedule.steps 3 --profile
expect 0 "(bound 1e-05)" "$KIN" check cache run.ini --batch.chunk 10 --loss vicreg
expect 0 '"bound"' "$KIN" check cache run.ini --threads 1 --json
expect 2 "usage: kin check cache RUN.ini" "$KIN" check cache
expect 3 "nofile.ini" "$KIN" check cache nofile.ini
expect 2 "loss.chunk" "$KIN" check cache run.ini --loss.chunk 3
expect 2 "keys of a run file go with kin check cache" "$KIN" check infonce --loss.temperature 3
expect 0 "model" "$KIN" train run.ini --run.dir runs/sum --loss.sum "infonce:1 uniformity:0.2" \
    --loss.uniformity.t 3 --batch.chunk 16 --schedule.steps 12
holds "terms are logged" -n "$(grep '"loss/uniformity":' runs/sum/metrics.jsonl)"
expect 0 "model" "$KIN" train run.ini --run.dir runs/on --encoder.from runs/a --schedule.steps 5
expect 3 "nowhere is no run with a checkpoint" "$KIN" train run.ini --run.dir runs/x --encoder.from nowhere
expect 2 "runs/a" "$KIN" train run.ini
expect 0 "finished" "$KIN" train run.ini --resume
expect 0 "finished" "$KIN" train --resume run.ini
expect 0 "finished" "$KIN" train --resume latest run.ini
holds "a finished run tells its results again" -z "$(diff out table.txt 2>&1)"

expect 0 "model" "$KIN" train "$source/experiments/pairs.ini" --data.store pairs.h5 --run.dir runs/p \
    --batch-size 64 --epochs 2
holds "the starting point for own text learns" -d runs/p/model

# ---- use
expect 0 "mrr@10" "$KIN" eval runs/a --split validation
expect 0 '"mrr@10"' "$KIN" eval runs/a --split validation --json
expect 0 "weighted minus bm25, mrr@10: " "$KIN" eval runs/a --split validation --hybrid
holds "hybrid runs are written" -s runs/a/eval/validation/weighted.trec -a -s runs/a/eval/validation/rrf.tsv
expect 0 "that no query of an earlier part has" "$KIN" eval runs/a --split validation --fresh
expect 2 "--split is 'dev'" "$KIN" eval runs/a --split dev
expect 3 "nowhere" "$KIN" eval nowhere
expect 0 "thing7 " "$KIN" search runs/a "thing7" --top 3
expect 0 '"hits"' "$KIN" search runs/a "thing7" --json
printf 'thing3\nthing9\n' > questions
INPUT=questions expect 0 "thing9 " "$KIN" search runs/a
printf 'thing1\n\nthing2 and part2\n' > lines
expect 0 "" "$KIN" embed runs/a lines --out e.npy
holds "three rows of 32 floats behind a header of 128 bytes" "$(stat -c %s e.npy)" = 512
expect 0 "" "$KIN" embed runs/a/model lines --out f.npy --threads 1
holds "the run and its model give the same bits" -z "$(cmp e.npy f.npy 2>&1)"
expect 2 "--out" "$KIN" embed runs/a lines
expect 2 "--role is 'judge'" "$KIN" embed runs/a lines --out e.npy --role judge
expect 3 "nolines" "$KIN" embed runs/a nolines --out g.npy
holds "a failed embed leaves nothing" ! -e g.npy

# ---- negatives for others
expect 0 "false negatives" "$KIN" mine runs/a --out mined.jsonl --hdf5 mined.h5 --policy "window:3 hardest"
holds "a line for each query" "$(wc -l < mined.jsonl)" = "$(grep -c '"kept_by": "window:3 hardest"' mined.jsonl)"
expect 0 '"histogram"' "$KIN" mine runs/a --out mined.jsonl --split validation --count 2 --json --picture mined.svg
holds "a picture of three curves" "$(grep -c '<polyline' mined.svg)" = 3
expect 2 "--out FILE.jsonl is missing" "$KIN" mine runs/a
expect 2 "windo" "$KIN" mine runs/a --out x.jsonl --policy windo
expect 2 "'all' is not a split" "$KIN" mine runs/a --out x.jsonl --split all
expect 2 "--depth is '0'" "$KIN" mine runs/a --out x.jsonl --depth 0
expect 2 "cannot be chosen from 2" "$KIN" mine runs/a --out x.jsonl --depth 2
expect 3 "nowhere" "$KIN" mine nowhere --out x.jsonl
expect 2 "--guide RUN, a model, is missing" "$KIN" mine runs/a --out x.jsonl --policy guide
expect 0 "by guide" "$KIN" mine runs/a --out mined.jsonl --policy "guide near_duplicate" --guide runs/a
holds "a refused mine leaves nothing" ! -e x.jsonl

# ---- an index file, what is added to it, and a file of questions
"$KIN" search runs/a "thing7" --json > plain.json
expect 0 "400 documents, 400 of them added; all rows, in float; recall@10 1.000" "$KIN" index runs/a
"$KIN" search runs/a "thing7" --json > indexed.json
holds "the same answer with the index" -z "$(cmp plain.json indexed.json 2>&1)"
printf 'new1\tthing7 and a thing\nnew2\tsomewhere else\n' > more.tsv
expect 0 "402 documents, 2 of them added" "$KIN" index runs/a --append more.tsv
expect 0 '"id": "new1"' "$KIN" search runs/a "thing7 and a thing" --json
expect 3 "more.tsv: document 'new1' is in runs/a/index.kin already" "$KIN" index runs/a --append more.tsv
printf 'no tab\n' > notab.tsv;  expect 3 "notab.tsv line 1: has no tab" "$KIN" index runs/a --append notab.tsv
printf 'a\tb\na\tc\n' > twice.tsv; expect 3 "twice.tsv line 2: the id 'a' came before" "$KIN" index runs/a --append twice.tsv
expect 2 "--kind makes a new one" "$KIN" index runs/a --append more.tsv --kind ivf
expect 2 "--look makes a new one" "$KIN" index runs/a --append more.tsv --look int8
expect 2 "takes no option --lists" "$KIN" index runs/a --lists 3
expect 2 "perhaps ivf" "$KIN" index runs/a --kind ifv
expect 2 "lists" "$KIN" index runs/a --kind ivf --lists -1
expect 0 "all rows, in int8 first" "$KIN" index runs/a --look int8 --out int8.kin
expect 0 '"recall@10"' "$KIN" index runs/a --kind ivf --lists 9 --recall 1 --out ivf.kin --json
"$KIN" search runs/a --index ivf.kin "thing7" --top 3 > ivf.out
"$KIN" search runs/a --index int8.kin "thing7" --top 3 > int8.out
"$KIN" search runs/a --index int8.kin "thing7" --top 3 --threads 1 > one.out
holds "the same answer from bytes" -z "$(cmp int8.out ivf.out 2>&1; cmp int8.out one.out 2>&1)"
expect 0 "thing7 " "$KIN" search runs/a/model --index int8.kin "thing7"
printf 'q1\tthing3\nq2\tthing9\nq3\tzzz\n' > asked.tsv
expect 0 "" "$KIN" search runs/a --queries asked.tsv --out asked.trec --top 5
holds "five documents a query" "$(cut -d' ' -f1 asked.trec | sort | uniq -c | tr -s ' \n' ' ' )" = " 5 q1 5 q2 5 q3 "
expect 0 "" "$KIN" search runs/a --index ivf.kin --queries questions --out lines.trec --top 5
holds "a line without an id is its number" "$(cut -d' ' -f1 lines.trec | sort -u | tr '\n' ' ')" = "1 2 "
expect 2 "go together" "$KIN" search runs/a --queries asked.tsv
expect 2 "neither a QUERY" "$KIN" search runs/a thing7 --queries asked.tsv --out x.trec
"$KIN" index runs/a --kind hnsw --ef 400 --out hnsw.kin > out 2> err
holds "an index of kind hnsw, or why there is none" $? = 0 -o "$(grep -c 'built without hnswlib' err)" = 1
[ ! -e hnsw.kin ] || expect 0 "thing7 " "$KIN" search runs/a --index hnsw.kin "thing7"
head -c 5000 int8.kin > cut.kin
expect 3 "cut.kin: 5000 bytes" "$KIN" search runs/a --index cut.kin thing7
printf x | dd of=ivf.kin bs=1 seek=20000 conv=notrunc 2> /dev/null
expect 3 "ivf.kin: damaged" "$KIN" search runs/a --index ivf.kin thing7
expect 3 "asked.tsv: is not an index file" "$KIN" search runs/a --index asked.tsv thing7
expect 3 "nofile.kin" "$KIN" search runs/a --index nofile.kin thing7
rm runs/a/index.kin

# ---- what has no end, what may not grow, who went away
expect 3 "/dev/zero: it is a device" "$KIN" embed runs/a /dev/zero --out z.npy
expect 3 "/dev/urandom: it is a device" "$KIN" import pairs /dev/urandom --out z.h5
mkfifo pipe
expect 3 "pipe: it is a pipe" "$KIN" train run.ini --run.dir runs/q --data.store pipe
INPUT=/ expect 3 "standard input" "$KIN" search runs/a
(ulimit -f 1; expect 1 "z.h5: cannot write" "$KIN" import pairs pairs.tsv --out z.h5; [ "$failed" = 0 ]) || failed=$((failed + 1))
holds "nothing half-written stays" -z "$(ls | grep z.h5 || true)"
yes thing1 | head -n 2000 > many
("$KIN" search runs/a < many 2> err; echo $? > code) | head -n 1 > out
holds "a reader that leaves is no error" "$(cat code)" = 0

# ---- the same bits on another number of threads, and after a stop
expect 0 "" "$KIN" train run.ini --run.dir runs/b --threads 1 --quiet
holds "same model on one thread" -z "$(cmp runs/a/model/model.safetensors runs/b/model/model.safetensors 2>&1)"
long="--schedule.steps 4000 --eval.every 0 --log.every 1 --quiet"
"$KIN" train run.ini --run.dir runs/c $long --checkpoint.every 500 2> err &
pid=$!
for wait in $(seq 1000); do
    [ "$(cat runs/c/metrics.jsonl 2> cat.log | wc -l)" -gt 600 ] && break
    sleep 0.02
done
kill -INT $pid
wait $pid
holds "a signal saves and leaves with 75" $? = 75
expect 0 "" "$KIN" train run.ini --run.dir runs/c $long --checkpoint.every 500 --resume --threads 3
expect 0 "" "$KIN" train run.ini --run.dir runs/d $long
holds "same model after stop and resume" -z "$(cmp runs/c/model/model.safetensors runs/d/model/model.safetensors 2>&1)"

# ---- what a refusal must not cost
cp -r runs/a kept
expect 6 "memory" "$KIN" train run.ini --overwrite --run.memory 1
expect 3 "missing.json" "$KIN" train run.ini --overwrite --tokenizer.file missing.json
holds "a refused --overwrite leaves the old run" -z "$(diff -r runs/a kept 2>&1)"
expect 4 "not finite" "$KIN" train run.ini --run.dir runs/n --optim.name sgd --optim.lr 1000 --optim.weight_decay 1 --checkpoint.every 1 --eval.every 0 --quiet
expect 4 "" "$KIN" train run.ini --run.dir runs/n --optim.name sgd --optim.lr 1000 --optim.weight_decay 1 --checkpoint.every 1 --eval.every 0 --quiet --resume
sed 's/thing/object/g' pairs.tsv > other.tsv
"$KIN" import pairs other.tsv --out other.h5 > out 2> err
sed "s|^store = .*|store = $work/other.h5|" runs/a/run.ini > run.new && cp run.new kept/run.ini
expect 3 "not the store" "$KIN" eval kept --split validation
echo '[zonk' > kept/run.ini
expect 3 "kept/run.ini: damaged" "$KIN" eval kept --split validation
(exec "$KIN" train run.ini --run.dir runs/z --schedule.steps 20 >&- 2>&-)
holds "closed streams do not reach the run's files" -z "$(grep -v '^{' runs/z/metrics.jsonl)"

# ---- a disk that is full, here a limit on the size of a file; interrupted runs
limited=(bash -c 'trap "" XFSZ; ulimit -f $1; shift; exec "$@"' limited)    # in KiB
cp pairs.h5 before.h5
expect 1 "pairs.h5: cannot write" "${limited[@]}" 8 "$KIN" import pairs other.tsv --out pairs.h5
holds "a failed import leaves the old store" -z "$(cmp pairs.h5 before.h5 2>&1)"
holds "and no draft" -z "$(find . -name '*.tmp-*')"
full="run.ini --run.dir runs/f --encoder.dim 64 --checkpoint.every 30 --eval.every 0 --quiet"
expect 1 "runs/f/checkpoints/step_30" "${limited[@]}" 30 "$KIN" train $full
holds "a failed checkpoint leaves no draft" -z "$(find runs/f -name '*.tmp-*')"
expect 0 "" "$KIN" train $full --resume
mkdir runs/i
: > runs/i/run.ini.tmp-99
expect 0 "" "$KIN" train run.ini --run.dir runs/i --overwrite --quiet
expect 1 "stdout" sh -c "\"$KIN\" list key > /dev/full"

# ---- damaged files
head -c 3000 pairs.h5 > cut.h5
expect 3 "cut.h5" "$KIN" train run.ini --run.dir runs/e --data.store cut.h5
cp -r runs/a/model broken
printf '\377' | dd of=broken/model.safetensors bs=1 seek=9 conv=notrunc 2> dd.log
expect 3 "broken/model.safetensors" "$KIN" embed broken lines --out h.npy
cp -r runs/a/model changed
sed -i 's/"document_prefix": ""/"document_prefix": "x"/' changed/config.json
expect 3 "changed/config.json: not what the model was saved with" "$KIN" embed changed lines --out h.npy

# ---- what a resumed run will need at its end is looked at before it trains
expect 0 "" "$KIN" train run.ini --run.dir runs/r --quiet --eval.every 4 --optim.lr 0.000001
last=$(ls -v runs/r/checkpoints | tail -n 1)       # the best is an older one at such a rate
rm -r "runs/r/checkpoints/$last" runs/r/run.json
echo '{' > runs/r/model/config.json
cp -r runs/r kept_r
expect 3 "model/config.json" "$KIN" train runs/r/run.ini --resume
holds "a refused --resume leaves the run" -z "$(diff -r runs/r kept_r 2>&1)"
sed -i 's/^seed = 0/seed = 1/' runs/r/run.ini
expect 2 "run.seed" "$KIN" train runs/r/run.ini --resume
finish
