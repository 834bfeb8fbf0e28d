#!/usr/bin/env bash
# Everything to be measured on a machine with a GPU, in one go.
#
#     bench/gpu.sh OUT [PART...]
#
#     OUT     a folder for what was found
#     PART    build, facts, parity, bench, peers (default: all)
#
# The machine needs a C compiler, CMake, nvcc, and python3 with PyTorch and Triton for the peers.
# Each part has a time limit in seconds and the others run when it fails:
#     BUILD_SECONDS 240   PARITY_SECONDS 60   BENCH_SECONDS 40 (each group)   PEER_SECONDS 180
# BUILD     the build folder (build-gpu); JOBS how many compilers at once
# DEVICE    cuda, or pretend to try the script without a GPU; with SCALE, for example 0.01
# PYTHON    python3; PEERS: further arguments of gpu_peers.py
# REFERENCE a file that kin64_parity wrote beforehand; without it that program runs here
# shellcheck disable=SC2317                # parts are called by name
set -uo pipefail
[ $# -ge 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
cd "$(dirname "$0")/.." || exit
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
build=${BUILD:-build-gpu} device=${DEVICE:-cuda} scale=${SCALE:-1} failed=0

# limited SECONDS NAME COMMAND...: its output goes to OUT/NAME.txt and here.
limited() {
    local seconds=$1 name=$2 began=$SECONDS code
    shift 2
    timeout --kill-after=5 "$seconds" "$@" > "$out/$name.txt" 2>&1
    code=$?
    tail -n 40 "$out/$name.txt"
    echo "== $name: $((SECONDS - began)) s, status $code"
    [ "$code" = 0 ] || failed=1
    return "$code"
}

facts() {
    nvidia-smi
    nvidia-smi -q -d CLOCK,POWER
    nvcc --version
    cc --version
    nproc
} 2>&1

part_facts() {
    facts > "$out/facts.txt"
    nvidia-smi --query-gpu=name,driver_version,clocks.max.sm,clocks.max.mem,power.limit \
               --format=csv 2>&1 | tee "$out/gpu.csv"
}

part_build() {
    local targets=(kin_device_bench)
    limited "${BUILD_SECONDS:-240}" configure cmake -B "$build" -DCMAKE_BUILD_TYPE=Release || return
    cmake --build "$build" --target help > "$out/targets.txt" 2>&1
    for target in "kin_$device" kin_parity; do
        grep -qE "(^|[^a-z0-9_])$target(:|\$)" "$out/targets.txt" && targets+=("$target")
    done
    [ -n "${REFERENCE:-}" ] || ! grep -qE 'kin64_parity(:|$)' "$out/targets.txt" ||
        targets+=(kin64_parity)
    limited "${BUILD_SECONDS:-240}" build cmake --build "$build" -j "${JOBS:-$(nproc)}" \
            --target "${targets[@]}"
}

part_parity() {
    local reference=${REFERENCE:-$out/parity.bin}
    [ -e "$reference" ] || limited "${PARITY_SECONDS:-60}" parity-write "$build/kin64_parity" \
                                   --write "$reference" || return
    limited "${PARITY_SECONDS:-60}" parity "$build/kin_parity" --device "$device" \
            --compare "$reference"
}

# In groups: a case that takes the device down takes no other group with it.
part_bench() {
    local group
    for group in G1,G2,G6 G10,G11,G12 G3,G4,G7 G9 G8 G5; do
        limited "${BENCH_SECONDS:-40}" "bench-$group" "$build/kin_device_bench" \
                --device "$device" --scale "$scale" --case "$group" --seconds "${SECONDS_EACH:-1}" \
                --json "$out/bench.json"
    done
}

part_peers() {
    # shellcheck disable=SC2086
    limited $((${PEER_SECONDS:-180} + 30)) peers "${PYTHON:-python3}" bench/gpu_peers.py \
            --limit "${PEER_SECONDS:-180}" --seconds 0.5 --json "$out/peers.json" ${PEERS:-}
}

[ $# -gt 0 ] || set -- facts build parity bench peers
for part in "$@"; do
    case $part in
        build | facts | parity | bench | peers) "part_$part" || failed=1 ;;
        *) echo "unknown part $part" >&2; exit 2 ;;
    esac
done
exit "$failed"
