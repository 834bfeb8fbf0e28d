#!/usr/bin/env bash
# cmake --install, pkg-config and the example program, as a user of the library would go about it.
. "$(dirname "$0")/lib.sh" "$1"
build=$2

cmake --install "$build" --prefix "$work/usr" > out 2>&1 || { note "cmake --install"; finish; }
pairs > pairs.tsv
expect 0 "" "$work/usr/bin/kin" import pairs pairs.tsv --out pairs.h5
printf '[run]\ndir = run\n[data]\nstore = pairs.h5\n[tokenizer]\nvocab_size = 600\n[encoder]\ndim = 8\n[batch]\nsize = 64\n[schedule]\nepochs = 1\n[eval]\nevery = 0\n' > run.ini
expect 0 "" "$work/usr/bin/kin" train run.ini --quiet
lib=$(dirname "$(find usr -name 'libkin.so' | head -n 1)")
export PKG_CONFIG_PATH=$work/$lib/pkgconfig
expect 0 "" ${CC:-cc} -Wall -Wextra -Werror "$source/docs/example/embed.c" \
    $(pkg-config --cflags --libs kin) -o embed
expect 0 "" ./embed run/model "what about thing1"
cp out example.out
holds "eight numbers" "$(wc -w < example.out)" = 8
./embed nowhere "a cat" > out 2> err
holds "a missing model is a data error" $? = 3

# Plug-ins: CUDA's where it was built, never the tests' own; and lib/kin is where kin looks.
[ ! -e "$build/libkin_cuda.so" ] ||
    holds "libkin_cuda.so is installed" -e usr/lib/kin/libkin_cuda.so
holds "libkin_pretend.so is not" -z "$(find usr -name 'libkin_pretend*')"
if [ -e "$build/libkin_pretend.so" ]; then
    tiny="bench G1a --device pretend --scale 0.005 --seconds 0.001"
    expect 2 "has no libkin_pretend.so" usr/bin/kin $tiny
    mkdir -p usr/lib/kin && cp "$build/libkin_pretend.so" usr/lib/kin/
    expect 0 "gradient" usr/bin/kin $tiny
fi
finish
