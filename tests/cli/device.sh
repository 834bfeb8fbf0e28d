#!/usr/bin/env bash
# --device on the pretend device, which runs the GPU's code on the CPU, and what kin doctor says of
# a GPU. A copy of that plug-in under the name of CUDA's stands for a GPU.
array=$(realpath "$2")
. "$(dirname "$0")/lib.sh" "$1"
pretend=$(dirname "$KIN")/libkin_pretend.so
[ -e "$pretend" ] || { echo "skipped: this build has no libkin_pretend.so"; exit 77; }

# ---- a machine without a GPU is no error
mkdir none damaged gpu
echo "not a library" > damaged/libkin_cuda.so
ln -s "$pretend" gpu/libkin_cuda.so
expect 0 "CPU only: this build has no libkin_cuda.so" env KIN_PLUGINS=none "$KIN" doctor
expect 0 '"gpu": false' env KIN_PLUGINS=none "$KIN" doctor --json
expect 0 "CPU only: " env KIN_PLUGINS=damaged "$KIN" doctor
gpu="env KIN_PLUGINS=gpu"
expect 0 "CPU only: no NVIDIA driver is installed" $gpu KIN_PRETEND_DEVICES=-1 "$KIN" doctor
expect 0 "no CUDA-capable device is detected" $gpu KIN_PRETEND_DEVICES=0 "$KIN" doctor
expect 0 "pretend device, 8192 MB, 8192 of them free, compute capability 9.0" $gpu "$KIN" doctor
expect 0 '"gpu_memory_mb": 8192' $gpu "$KIN" doctor --json

# ---- the choices
"$array" wave q.npy "<f4" 24,8 0.3
"$array" wave k.npy "<f4" 24,8 1.1
"$array" wave double.npy "<f8" 24,8 0.3
"$array" make y.npy "<i4" 24 0 0 1 1 2 2 3 3 4 4 5 5 6 6 7 7 8 8 9 9 10 10 11 11
pair="infonce --query q.npy --document k.npy"
expect 2 "expected one of cpu|cuda|pretend" "$KIN" loss $pair --device abacus
expect 2 "expected one of fp32|tf32|bf16|bf16x3" "$KIN" loss $pair --device pretend --precision fp8
expect 2 "a precision is for device cuda" "$KIN" loss $pair --precision bf16
expect 2 "device cuda: this build has no libkin_cuda.so" env KIN_PLUGINS=none "$KIN" loss $pair \
    --device cuda
expect 1 "no NVIDIA driver is installed; use cpu" $gpu KIN_PRETEND_DEVICES=-1 "$KIN" loss $pair \
    --device cuda
expect 0 "value" $gpu "$KIN" loss $pair --device cuda --precision bf16x3
expect 2 "device pretend computes in float" "$KIN" loss infonce --query double.npy --label y.npy \
    --device pretend
expect 2 "device pretend computes in float" "${KIN}64" loss infonce --query double.npy \
    --label y.npy --device pretend

# ---- the same numbers
# numbers FILE...: of value, gradients and hyperparameters.
numbers() { awk '$1 == "value" { print $2 }' out; for f; do "$array" show "$f"; done; }
# close TEXT TOLERANCE: the files cpu.txt and pretend.txt.
close() {
    holds "$1: cpu and pretend differ" "$(paste cpu.txt pretend.txt | awk -v e="$2" '
        { d = $1 - $2; size = $1 < 0 ? -$1 : $1; if (size > most) most = size
          if (d < 0) d = -d; if (d > worst) worst = d }
        END { print (NF == 2 && NR > 1 && worst <= e * most) }')" = 1
}
same() {
    local device
    for device in cpu pretend; do
        rm -rf grad
        expect 0 "value" "$KIN" loss "$@" --grad grad --device $device
        numbers grad/*.npy > $device.txt
    done
    close "$*" 1e-5
}
same $pair --temperature 0.1 --direction both_ways
same circle --query q.npy --label y.npy
same triplet --query q.npy --label y.npy --mining hard
same barlow_twins --query q.npy --document k.npy
expect 0 "value" "$KIN" loss $pair --device cpu && numbers > cpu.txt
expect 0 "value" "$KIN" loss $pair --device pretend --precision bf16 && numbers > pretend.txt
echo 1 | tee -a cpu.txt >> pretend.txt
close "infonce in bf16" 1e-2

# ---- the verbs that embed
pairs > pairs.tsv
"$KIN" import pairs pairs.tsv --out pairs.h5 > out 2> err
cat > run.ini <<'INI'
[run]
dir = run
[data]
store = pairs.h5
[tokenizer]
vocab_size = 600
[encoder]
dim = 16
[batch]
size = 64
[optim]
lr = 0.1
[schedule]
epochs = 4
[eval]
every = 0
INI
expect 0 "" "$KIN" train run.ini --quiet
expect 0 "" $gpu "$KIN" train run.ini --device cuda --precision bf16 --run.dir rounded --quiet
printf 'what about thing3 and part3\nthing9\n\n' > lines
for device in cpu pretend; do
    expect 0 "" "$KIN" embed run lines --out $device.npy --device $device
    "$array" show $device.npy > $device.txt
done
close "kin embed" 1e-5
expect 0 "thing7 " "$KIN" search run thing7 --top 3 --device pretend
expect 0 "mrr@10" "$KIN" eval run --split validation --device pretend
expect 2 "expected one of cpu|cuda|pretend" "$KIN" eval run --device abacus
expect 2 "expected one of cpu|cuda|pretend" "$KIN" embed run lines --out x.npy --device abacus
expect 2 "expected one of cpu|cuda|pretend" "$KIN" search run thing7 --device abacus

# ---- bench
expect 0 "symmetric InfoNCE, B 65536, D 768" "$KIN" bench --roofline
holds "a roofline is of the cases that were named" \
    "$("$KIN" bench G1,G12 --roofline | grep -c '^G')" = 3
expect 0 "gradient" "$KIN" bench G1a --device pretend --scale 0.005 --seconds 0.001
expect 0 '"case": "G1a"' "$KIN" bench G1a --device pretend --scale 0.005 --seconds 0.001 --json
expect 2 "device cuda: this build has no libkin_cuda.so" env KIN_PLUGINS=none "$KIN" bench G1a
expect 2 "expected one of cpu|cuda|pretend" "$KIN" bench G1a --device abacus
expect 2 "--scale is" "$KIN" bench G1a --scale 2
expect 2 "--repeats is for the cases that are timed on the CPU" "$KIN" bench G1a --repeats 2
expect 2 "--device is for cases of a device" "$KIN" bench L1a --device pretend
expect 2 "did you mean G9" "$KIN" bench G99
finish
