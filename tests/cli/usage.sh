#!/usr/bin/env bash
# Wrong words on the command line: one sentence, exit code 2; right ones: exit code 0.
. "$(dirname "$0")/lib.sh" "$1"

expect 0 "usage: kin VERB" "$KIN" --help
expect 0 "kin" "$KIN" --version
expect 2 "unknown verb" "$KIN" nothing_is_called_this
expect 2 "did you mean 'train'" "$KIN" trian
expect 2 "unknown verb" "$KIN" zzzzzz
expect 2 "unexpected argument" "$KIN" --help train
for verb in import train eval ablate report embed index search mine loss list describe check bench doctor; do
    expect 0 "usage: kin $verb" "$KIN" $verb --help
    expect 0 "usage: kin $verb" "$KIN" $verb -h
    expect 2 "unknown option --zonk" "$KIN" $verb --zonk --help
    expect 2 "unknown option --zonk" "$KIN" $verb --help --zonk
    expect 2 "unexpected argument" "$KIN" $verb a b c d
done
expect 2 "did you mean --threads" "$KIN" doctor --thread 2
expect 2 "--threads is 'many'" "$KIN" doctor --threads many
expect 2 "--threads is '0'" "$KIN" doctor --threads 0
expect 2 "needs a value" "$KIN" doctor --threads
expect 2 "takes no value" "$KIN" doctor --json=yes
expect 2 "a verb is missing" "$KIN"
expect 2 "--threads is 'x'" "$KIN" list --threads x
expect 2 "--threads is '\x0a1'" "$KIN" doctor --threads $'\n1'
expect 2 "--repeats is '0'" "$KIN" bench --repeats 0
expect 2 'unknown verb '"'"'a\x0akin: b\xff\x1b'"'" "$KIN" $'a\nkin: b\xff\x1b'
expect 0 "infonce" "$KIN" list loss
expect 0 "infonce" "$KIN" list losses
expect 0 '"name"' "$KIN" list loss --json
expect 0 "loss.temperature" "$KIN" list key
expect 2 "did you mean 'loss'" "$KIN" list lost
expect 0 "van den Oord" "$KIN" describe loss infonce
expect 0 "temperature" "$KIN" describe loss infonce --json
expect 2 "infonce" "$KIN" describe loss infonse
expect 0 "quadratic" "$KIN" list schedule
expect 0 "static" "$KIN" list encoder
expect 0 "wordnet" "$KIN" list importer
printf 'red\tone\nblue\ttwo\n' > labels.tsv
printf '5\tone\ttwo\n' > sts.tsv
printf '\0\0\010\1\0\0\0\2\1\2' > labels.idx
expect 0 "2 classes, items 2 train, 0 validation, 0 test" \
    "$KIN" import labelled labels.tsv --fraction 0 --out labels.h5
expect 0 '"labels": 2' "$KIN" import labelled labels.tsv --fraction 0 --out labels.h5 --json
expect 0 "pairs with scores 1 train, 0 validation, 0 test" "$KIN" import sts sts.tsv --out sts.h5
expect 3 'line 1: score "5"' "$KIN" import sts sts.tsv --top 4 --out sts.h5
expect 0 "1 features an item" "$KIN" import idx labels.idx --labels labels.idx --fraction 0 --out i.h5
expect 2 "file of labels is missing" "$KIN" import idx labels.idx --out i.h5
expect 2 "labelled takes no option --top" "$KIN" import labelled labels.tsv --top 3 --out labels.h5
expect 3 "expected label<TAB>text" "$KIN" import labelled sts.tsv --out labels.h5
expect 0 "drawn by a hash" "$KIN" describe importer labelled
expect 0 "Thakur et al. 2021" "$KIN" describe importer beir
expect 0 "multilayer perceptron" "$KIN" describe encoder mlp
expect 0 "adamw" "$KIN" list optimizer
expect 0 "ivf" "$KIN" list index
expect 0 "Inverted file" "$KIN" describe index ivf
expect 0 "Malkov, Yashunin 2016" "$KIN" describe index hnsw
expect 0 "float|int8" "$KIN" describe index exact
expect 0 "embedding_bag" "$KIN" list op
expect 0 "relative_margin" "$KIN" list policy
expect 0 "NV-Retriever" "$KIN" describe policy relative_margin
expect 0 "overlap" "$KIN" describe policy near_duplicate --json
expect 2 "did you mean L1a" "$KIN" bench L1
expect 0 "L1a" "$KIN" bench
! (ulimit -v 600000; "$KIN" --version) > /dev/null 2>&1 ||      # sanitizers need more than that
    expect 0 "OpenBLAS may hang" sh -c "ulimit -v 600000; exec '$KIN' doctor"
expect 0 "against double" "$KIN" bench L1b --repeats 1 --check --peer "self: exec '$KIN' bench L1b --serve"
expect 0 "kin, self" "$KIN" bench L1b --repeats 1 --peer "self: exec '$KIN' bench L1b --serve"
expect 0 "product A B'" "$KIN" bench L1b --repeats 1 --profile
expect 0 '"against_double"' sh -c "'$KIN' bench L1b --repeats 1 --record record > out.txt && cat record/L1b-t*.json"
expect 0 "here B 64" "$KIN" bench L5 --rows 64 --repeats 1
expect 2 "not for T1a" "$KIN" bench T1a --rows 64
expect 2 "which take the case as it is" "$KIN" bench L5 --rows 64 --check
expect 1 "ended without an answer" "$KIN" bench L1b --repeats 1 --peer "exit 3"
expect 0 '"section"' "$KIN" list key --json
expect 0 " checks, 0 failed" "$KIN" check
expect 0 "gelu" "$KIN" check gelu
expect 0 "1 checks" "$KIN" check --threads=2 gelu
expect 2 "did you mean infonce" "$KIN" check infonse
expect 3 "nofile.ini" "$KIN" train nofile.ini --lr 0.1 --epochs 2
finish
