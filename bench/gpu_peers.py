#!/usr/bin/env python3
"""The cases of bench/device.h in PyTorch and Triton, on the same GPU, shapes and numbers.

    gpu_peers.py [--cases G1a,G2] [--variants eager,compile] [--seconds 1] [--limit 180]
                 [--device cuda] [--scale 1] [--json FILE] [--list]

One JSON line for each case and variant: median ms of a repetition, peak memory beyond what was
there before it, loss of the first repetition, and (G1, G2, G6) the relative error of the gradient
against fp32. A variant that does not fit says so. Without --variants the default ones of each case
run (--list marks them); names are exact or "all". No variant begins after --limit seconds.

Products are bf16 under autocast where nothing else is said, as a training run would have them.
  eager         PyTorch as it is written in most training loops
  openclip      two products of scores, one for each direction
  lse           log-sum-exp and the diagonal in place of cross_entropy
  compile       torch.compile; autotune: mode="max-autotune-no-cudagraphs"
  chunked       by hand in two passes over row chunks, no B x B; chunked-compile: its element-wise
                part compiled
  triton-tf32   Inf-CL's scheme: tiles, online log-sum-exp, scores formed again for each gradient,
                each direction by itself; triton-bf16: the same from bf16
  fp32, tf32    eager without autocast
  pml           the formulas of pytorch-metric-learning 2.9, index lists included; hand: masks
  topk          rows in chunks, product and torch.topk; blocked: documents in chunks too, merged
  graph         the whole step in a CUDA graph; graph-compile: its loss compiled before; -tf32: no
                autocast; reduce: torch.compile with mode="reduce-overhead", Adam outside
  sparse, dense EmbeddingBag with SparseAdam, or dense gradients with fused Adam; fused, foreach
"""
import argparse
import gc
import json
import math
import statistics
import sys
import time

import torch
import torch.nn.functional as F
import gpu_inputs
import gpu_labels
import gpu_steps
from gpu_inputs import pairs, uniform
from gpu_pairs import FORMS, SCALE, oneway, symmetric

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
parser.add_argument("--cases", default="")
parser.add_argument("--variants", default="")
parser.add_argument("--seconds", type=float, default=1)
parser.add_argument("--limit", type=float, default=180)
parser.add_argument("--device", default="cuda")
parser.add_argument("--scale", type=float, default=1)
parser.add_argument("--json")
parser.add_argument("--list", action="store_true")
args = parser.parse_args()
DEVICE = args.device
GPU = DEVICE == "cuda"
gpu_inputs.DEVICE = DEVICE


def scaled(n):
    return n if args.scale == 1 else max(64, int(n * args.scale) // 16 * 16)


# ---- time and memory -----------------------------------------------------------------------------

def wait():
    if GPU:
        torch.cuda.synchronize()


def timed(rep, n):
    wait()
    began = time.perf_counter()
    for _ in range(n):
        rep()
    wait()
    return (time.perf_counter() - began) / n


def measure(rep, once):
    """Median seconds of a repetition, samples, and the loss of the first. once: a first one that is
    long counts."""
    began = time.perf_counter()
    loss = float(rep())
    one = time.perf_counter() - began
    if once and one > 4 * args.seconds:
        return one, 1, loss
    one = timed(rep, 1)
    if one < args.seconds / 4:
        one = timed(rep, 2)
    n = max(1, math.ceil(0.03 / one)) if one < 0.03 else 1
    samples, began = [], time.perf_counter()
    while len(samples) < 3 or time.perf_counter() - began < args.seconds:
        samples.append(timed(rep, n))
        if samples[0] > args.seconds or len(samples) == 51:
            break
    return statistics.median(samples), len(samples), loss


def clear():
    gc.collect()
    if GPU:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def autocast():
    return torch.autocast(DEVICE, dtype=torch.bfloat16)


# ---- pair losses: G1 to G7 -----------------------------------------------------------------------

def infcl(q, k, kind, dtype):
    from gpu_triton import contrast
    a, b = F.normalize(q, dim=1), F.normalize(k, dim=1)
    if kind == "oneway":
        return contrast(a, b, SCALE, dtype)
    return (contrast(a, b, SCALE, dtype) + contrast(b, a, SCALE, dtype)) / 2


def chunked(q, k, kind, compiled):
    from gpu_chunked import contrast
    return contrast(F.normalize(q, dim=1), F.normalize(k, dim=1), SCALE, kind, compiled)


def loss_step(fn, q, k):
    """Forward, backward; gradients are given back, as a training loop gives them."""
    def rep():
        q.grad = k.grad = None
        loss = fn(q, k)
        loss.backward()
        return loss.detach()
    return rep


def under_autocast(fn):
    def call(q, k):
        with autocast():
            return fn(q, k)
    return call


def pair_loss(kind, variant):
    """A function of q and k."""
    forms = FORMS[kind]
    name, _, how = variant.partition("-")
    if name == "triton":
        return lambda q, k: infcl(q, k, kind, torch.bfloat16 if how == "bf16" else torch.float32)
    if name == "chunked":
        return lambda q, k: chunked(q, k, kind, how == "compile")
    if name in ("fp32", "tf32"):
        return forms["eager"]
    if name == "compile":
        form = forms[how or ("lse" if kind == "sigmoid" else "eager")]
        return under_autocast(torch.compile(form, dynamic=False))
    if name == "autotune":
        form = forms["lse" if kind == "sigmoid" else "eager"]
        return under_autocast(torch.compile(form, dynamic=False,
                                            mode="max-autotune-no-cudagraphs"))
    return under_autocast(forms[variant])


def gradient_error(kind, q, k, is_fp32):
    if is_fp32 or q.shape[0] > 16384 or kind == "sigmoid" or q.grad is None:
        return None
    found = q.grad
    precise(False)
    loss_step(FORMS[kind]["eager"], q, k)()
    return ((found - q.grad).norm() / q.grad.norm()).item()


def pair_case(kind, rows, dim):
    def make(variant):
        q, k = pairs(scaled(rows), dim)
        q.requires_grad_()
        k.requires_grad_()
        precise(variant not in ("fp32", "triton-bf16"))
        rep = loss_step(pair_loss(kind, variant), q, k)
        return rep, lambda: gradient_error(kind, q, k, variant == "fp32")
    return make


def precise(tf32):
    """Whether fp32 products may be TF32."""
    torch.backends.cuda.matmul.allow_tf32 = tf32


# ---- losses by label: G8 -------------------------------------------------------------------------

def label_case(name, rows, dim=128):
    def make(variant):
        n = scaled(rows)
        x = uniform(1, n, dim).requires_grad_()
        label = torch.arange(n, device=DEVICE) % ((n + 15) // 16)
        precise(True)
        fn = getattr(gpu_labels, f"{name}_{variant.partition('-')[0]}")
        if variant == "hand-compile":
            fn = torch.compile(fn, dynamic=False)
        return loss_step(lambda q, k: fn(q, label), x, x), None
    return make


# ---- search: G9 ----------------------------------------------------------------------------------

def search_case(rows, dim, best):
    def make(variant):
        x = uniform(1, scaled(rows), dim)
        half, n = x.bfloat16(), x.shape[0]
        at_once, documents = (4096, n) if variant == "topk" else (16384, 65536)
        values = torch.empty(n, best, device=DEVICE)
        index = torch.empty(n, best, dtype=torch.long, device=DEVICE)

        def part(i):
            q = half[i:i + at_once]
            found = None
            for j in range(0, n, documents):
                s = q @ half[j:j + documents].T
                v, w = torch.topk(s, min(best, s.shape[1]), dim=1)
                w = w + j
                if found:
                    v, w = torch.cat([found[0], v], 1), torch.cat([found[1], w], 1)
                    v, at = torch.topk(v, best, dim=1)
                    w = w.gather(1, at)
                found = v, w
            values[i:i + at_once], index[i:i + at_once] = found

        def rep():
            for i in range(0, n, at_once):
                part(i)
            return values[:1000].mean()

        part(0)
        return estimated(rep, timed(lambda: part(0), 2) * math.ceil(n / at_once))
    return make


class Estimate(Exception):
    """A case that would take too long: its time is told from a part of it."""


def estimated(rep, seconds):
    if seconds > 12 * args.seconds:
        raise Estimate(seconds)
    return rep, None


# ---- steps: G10, G11, G12 ------------------------------------------------------------------------

def mlp_case(widths, rows):
    def make(variant):
        precise(True)
        return gpu_steps.mlp(variant, widths, *pairs(scaled(rows), widths[0]), symmetric), None
    return make


def static_case(vocabulary, dim, rows, length=24, batches=6):
    def make(variant):
        v, n = scaled(vocabulary), scaled(rows)
        data = [[gpu_inputs.zipf_bags(16 * t + 8 * side, v, n, length) for side in range(2)]
                for t in range(batches)]
        return gpu_steps.static(variant, v, dim, data, oneway), None
    return make


def adam_case(count):
    return lambda variant: (gpu_steps.adam(variant, scaled(count), DEVICE), None)


# ---- the list ------------------------------------------------------------------------------------

PAIR = ["eager", "lse", "compile", "compile-lse", "autotune", "chunked", "chunked-compile",
        "triton-tf32", "triton-bf16", "tf32"]
BOTH = PAIR + ["openclip", "compile-openclip"]
# case: (make, variants, those that run unless others are asked for)
CASES = {
    "G1a": (pair_case("oneway", 16384, 256), PAIR, ["eager", "compile", "chunked", "triton-bf16"]),
    "G1b": (pair_case("oneway", 16384, 768), PAIR, ["eager", "compile", "triton-bf16"]),
    "G2": (pair_case("symmetric", 16384, 256), BOTH, ["openclip", "eager", "compile",
                                                      "triton-tf32", "triton-bf16"]),
    "G3": (pair_case("symmetric", 65536, 768), BOTH, ["eager", "chunked", "triton-tf32",
                                                      "triton-bf16"]),
    "G4": (pair_case("symmetric", 65536, 256), BOTH, ["openclip", "chunked", "triton-tf32",
                                                      "triton-bf16"]),
    "G6": (pair_case("oneway", 16384, 256), ["fp32", "tf32", "triton-tf32"], ["fp32", "tf32"]),
    "G7": (pair_case("sigmoid", 65536, 256), ["eager", "lse", "compile", "autotune", "chunked",
                                              "chunked-compile"], ["eager", "lse", "chunked"]),
    "G8a": (label_case("triplet", 4096), ["pml", "hand"], ["pml", "hand"]),
    "G8b": (label_case("triplet", 16384), ["pml", "hand"], ["hand"]),
    "G8c": (label_case("circle", 4096), ["pml", "hand", "hand-compile"], ["pml", "hand"]),
    "G8d": (label_case("circle", 16384), ["pml", "hand", "hand-compile"], ["pml", "hand"]),
    "G8e": (label_case("ntxent", 4096), ["pml", "hand", "hand-compile"], ["pml", "hand"]),
    "G8f": (label_case("ntxent", 16384), ["pml", "hand", "hand-compile"], ["hand"]),
    "G9": (search_case(1000000, 256, 30), ["topk", "blocked"], ["topk", "blocked"]),
    "G10": (mlp_case((784, 512, 128), 1024),
            ["eager", "compile", "reduce", "graph", "graph-tf32", "graph-compile",
             "graph-compile-tf32"], ["eager", "graph", "graph-tf32", "graph-compile"]),
    "G11": (static_case(105879, 1024, 8192), ["sparse", "dense", "compile"], ["sparse", "dense"]),
    "G12": (adam_case(1_000_000_000), ["fused", "foreach"], ["fused", "foreach"]),
    "G5": (pair_case("symmetric", 1048576, 256), BOTH, ["eager", "chunked"]),
}


def wanted(name):
    listed = [c for c in args.cases.split(",") if c]
    return not listed or any(name.startswith(c) and not name[len(c):len(c) + 1].isdigit()
                             for c in listed)


def run(make, variant):
    row = {}
    torch.manual_seed(0)
    clear()
    rep, error = make(variant)
    base = torch.cuda.memory_allocated() if GPU else 0
    if GPU:
        torch.cuda.reset_peak_memory_stats()
    seconds, samples, loss = measure(rep, once="compile" not in variant)
    row.update(ms=round(seconds * 1e3, 4), samples=samples, loss=loss)
    if GPU:
        row["extra_mb"] = round((torch.cuda.max_memory_allocated() - base) / 2 ** 20, 1)
    off = error() if error else None
    if off is not None:
        row["gradient_error"] = float(f"{off:.3g}")
    return row


def tried(make, variant):
    try:
        return run(make, variant)
    except torch.OutOfMemoryError as e:
        return dict(error="out of memory: " + str(e).split(". ")[1] if ". " in str(e) else str(e))
    except Estimate as e:
        return dict(ms=round(e.args[0] * 1e3, 1), estimated=True)
    except Exception as e:
        return dict(error=f"{type(e).__name__}: {e}".splitlines()[0][:300])


def main():
    began = time.perf_counter()
    if args.list:
        for name, (_, variants, default) in CASES.items():
            print(name, " ".join(v + "*" * (v in default) for v in variants))
        return
    out = open(args.json, "a") if args.json else None
    device = torch.cuda.get_device_name() if GPU else "cpu"
    for name, (make, variants, default) in CASES.items():
        if not wanted(name):
            continue
        chosen = [v for v in args.variants.split(",") if v] or default
        for variant in variants if chosen == ["all"] else [v for v in variants if v in chosen]:
            if time.perf_counter() - began > args.limit:
                row = dict(error="not begun: --limit was reached")
            else:
                row = tried(make, variant)
            clear()
            line = json.dumps(dict(case=name, variant=variant, device=device,
                                   torch=torch.__version__, **row))
            print(line, flush=True)
            if out:
                out.write(line + "\n")
                out.flush()
    print(f"{time.perf_counter() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
