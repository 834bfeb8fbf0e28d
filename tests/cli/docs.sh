#!/usr/bin/env bash
# The pages that are written from the sources are what the sources say, and the loss that
# docs/how-to-add-a-loss.md adds compiles, has right derivatives and its known values.
. "$(dirname "$0")/lib.sh" "$1"
page=$source/docs/how-to-add-a-loss.md

expect 0 "" "$KIN" describe loss --page
holds "docs/losses.md is not what the losses say: cmake --build BUILD --target docs" \
    -z "$(diff "$source/docs/losses.md" out 2>&1 | head -n 5 | tee difference)"
cat difference
expect 0 "## " "$KIN" describe loss --page
for name in $("$KIN" list loss | cut -d' ' -f1); do
    holds "docs/losses.md has $name" "$(grep -c "^### $name\$" "$source/docs/losses.md")" = 1
    expect 0 "" "$KIN" describe loss $name
    holds "docs/losses.md has what kin describe says of $name" \
        "$(grep -cFx -- "$(head -n 1 out)" "$source/docs/losses.md")" = 1
done
expect 0 "| [adamw](#adamw) |" "$KIN" describe optimizer --page
expect 2 "a name is missing" "$KIN" describe loss
expect 2 "--page" "$KIN" describe loss infonce --page
expect 2 "--page" "$KIN" describe loss --page --json

# block NAME: the code block that begins ```LANGUAGE NAME.
block() { awk -v name="$1" '/^```/ { if (on) exit; on = $2 == name; next } on' "$page"; }

# A tree with this loss alone, built in double.
mkdir tree
(cd "$source" && cp -r core autograd losses optim mining cpu cmake CMakeLists.txt "$work/tree/")
find tree/losses -maxdepth 1 -name '*.c' | while read -r file; do
    ! head -n 1 "$file" | grep -q '^/\* [a-z0-9_]* -- ' || rm "$file"
done
mkdir -p tree/tests/known tree/api
block losses/balanced.c > tree/losses/balanced.c
block tests/known/balanced.txt > tree/tests/known/balanced.txt
sed -i '/^[A-Z_]*LOSS([a-z0-9_]*)$/d' tree/losses/losses.def
line=$(block losses/losses.def)
sed -i "s/^#undef LOSS\$/$line\n&/" tree/losses/losses.def
holds "the page shows a loss, its line and its values" "$(wc -l < tree/losses/balanced.c)" -gt 40
holds "the list has one loss" "$(grep -c '^LOSS(balanced)$' tree/losses/losses.def)" = 1
sed -i '/^# ---- data and all that/,$d; /device_bench/d' tree/CMakeLists.txt
expect 0 "" cmake -S tree -B made -DCMAKE_BUILD_TYPE=Debug -DBUILD_TESTING=OFF \
    -DKIN_CUDA=OFF -DKIN_PRETEND=OFF
nice make -C made -j 2 kin64_cpu > out 2> err
holds "the tree with the loss of the page is built" $? = 0
expect 0 "" ${CC:-cc} -D_GNU_SOURCE -DKIN_DOUBLE -Itree "$source/tests/cli/howto.c" \
    -Lmade -lkin64_cpu -lkin64_losses -lkin64_autograd -lkin64_core -lm -lpthread -ldl -o howto
expect 0 " 0 failed" ./howto
finish
