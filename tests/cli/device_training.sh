#!/usr/bin/env bash
# A training on a part of WordNet, on the CPU and on the pretend device: the same curve, and an
# evaluation within its interval.
. "$(dirname "$0")/lib.sh" "$1"
skip() { echo "skipped: $*"; exit 77; }
[ -e "$(dirname "$KIN")/libkin_pretend.so" ] || skip "this build has no libkin_pretend.so"
[ -e /usr/share/wordnet/data.noun ] || skip "no WordNet (package wordnet-base)"

# A line of data.noun: ... word ... | gloss; "an example". Examples of three words or more.
awk -F ' [|] ' '/[|].*"/ {
    split($1, words, " ")
    split($2, gloss, /; "/)
    n = split($2, quoted, "\"")
    for (i = 2; i <= n; i += 2)
        if (split(quoted[i], x, " ") > 2) print quoted[i] "\t" words[5] ": " gloss[1]
}' /usr/share/wordnet/data.noun | head -n 4000 > nouns.tsv
expect 0 "3070 documents" "$KIN" import pairs nouns.tsv --out nouns.h5
cat > run.ini <<'INI'
[data]
store = nouns.h5
[tokenizer]
vocab_size = 8000
[encoder]
name = static
dim = 32
weights = fixed
[loss]
symmetric = true
temperature = 0.08
[batch]
size = 128
[optim]
lr = 0.3
beta1 = 0
[schedule]
steps = 40
[log]
every = 1
[eval]
every = 0
INI

# curve DEVICE, measure DEVICE: what its run has recorded.
curve() { sed -n 's/.*"train\/loss":\([^,]*\),.*/\1/p' "runs/$1/metrics.jsonl"; }
measure() {
    awk '/"mrr@10": [0-9]/ { print $2 + 0 }
         want { print $1 + 0; if (!--want) exit }
         /"mrr@10": \[/ { want = 2 }' "runs/$1/eval/validation/results.json"
}
for device in cpu pretend; do
    expect 0 "" "$KIN" train run.ini --run.dir runs/$device --device $device --quiet
    expect 0 "mrr@10" "$KIN" eval runs/$device --split validation --device $device
    curve $device > $device.curve
    measure $device > $device.measure
done
holds "40 losses, within 1e-3 of each other" "$(paste cpu.curve pretend.curve | awk '
    { d = ($1 - $2) / $1; if (d < 0) d = -d; if (!(d <= 1e-3)) off++ }
    END { print (NR == 40 && !off) }')" = 1
holds "it learns" "$(awk 'NR == 1 { first = $1 } END { print ($1 < first / 2) }' pretend.curve)" = 1
holds "mrr@10 within the interval of the other device" "$(paste cpu.measure pretend.measure | awk '
    { cpu[NR] = $1; other[NR] = $2 }
    END { print (NR == 3 && cpu[1] > 0.1 && other[1] >= cpu[2] && other[1] <= cpu[3]) }')" = 1
finish
