#!/usr/bin/env bash
# The plain C path compiles for aarch64: the rooms that need a compiler and libc alone. Skipped
# without the cross compiler (package gcc-aarch64-linux-gnu).
set -euo pipefail
command -v aarch64-linux-gnu-gcc > /dev/null || { echo "no aarch64-linux-gnu-gcc"; exit 77; }
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
cmake -S "$1" -B "$build" -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
    -DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc -DBUILD_TESTING=OFF > "$build/log" 2>&1
make -C "$build" -j2 kin_cpu kin64_cpu kin_losses kin_optim >> "$build/log" 2>&1 \
    || { tail -n 30 "$build/log"; exit 1; }
echo "compiled"
