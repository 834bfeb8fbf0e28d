#!/usr/bin/env bash
# docs/tour.md: its blocks run one after the other and print what the page says (numbers may be 5 % or
# 0.05 away: another processor trains to other last digits), and its pictures are there.
. "$(dirname "$0")/lib.sh" "$1"
page=$source/docs/tour.md
mkdir bin
ln -s "$KIN" bin/kin
export PATH="$work/bin:$PATH"
awk '/^```sh$/ { file = "block" ++n ".sh"; on = 1; next }
     /^```text$/ { file = "block" n ".said"; on = 1; next }
     /^```$/ { on = 0; next }
     on { print > file }' "$page"

# alike GOT SAID: the same words, and numbers that are near.
alike() {
    awk 'FNR == NR { said[++n] = $0; next }
         { words = split($0, got, " "); split(said[FNR], want, " ")
           if (words != split(said[FNR], want, " ")) bad++
           for (i = 1; i <= words; i++) {
               number = got[i] ~ /^-?[0-9.]+,?$/ && want[i] ~ /^-?[0-9.]+,?$/
               d = got[i] - want[i]; if (d < 0) d = -d
               w = want[i] + 0; if (w < 0) w = -w
               if (number ? d > 0.05 + 0.05 * w : got[i] != want[i]) bad++
           } }
         END { exit bad || FNR != n }' "$2" "$1"
}

count=0
while [ -e block$((count + 1)).sh ]; do
    count=$((count + 1))
    . ./block$count.sh > out 2> err
    holds "block $count of the tour ran" $? = 0
    cp out block$count.got
    alike block$count.got block$count.said
    code=$?
    holds "block $count says what the page says: $(head -n 3 block$count.got)" $code = 0
done
holds "the tour has its blocks" $count = 7
for run in before after; do
    holds "the page has its picture $run" -s "$source/docs/tour-$run.svg"
    if command -v gnuplot > which.out; then holds "which a block draws" -s $run.svg; fi
done
finish
