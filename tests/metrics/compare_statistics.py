#!/usr/bin/env python3
"""Prints the literals of test_statistics.c, from numpy and scipy.

    python3 -m venv V && V/bin/pip install numpy scipy
    V/bin/python tests/metrics/compare_statistics.py

The same draws: Philox4x32-10 is written out below, quantiles are numpy's. Beside them stand
scipy's own bootstrap and permutation test, with scipy's own random numbers: those agree with
ours to the noise of resampling.
"""
import numpy as np
import scipy.stats

N, RESAMPLES, FLIPS, SEED = 137, 2000, 20000, 5
BOOTSTRAP, FLIP = 5, 8                                   # streams of core/rng.h


def mix(z):
    mask = (1 << 64) - 1
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
    return z ^ (z >> 31)


def unit(i):
    return (mix(i * 2 + 1) >> 11) * 2.0**-53


def philox(index, stream, sample, what=0):
    """Four words for each index (an array)."""
    a, b, c, d = (np.asarray(x, np.uint64) + 0 * index.astype(np.uint64)
                  for x in (index, what, stream, sample))
    low, k0, k1 = np.uint64(0xFFFFFFFF), SEED, 0
    for _ in range(10):
        p, q = a * np.uint64(0xD2511F53), c * np.uint64(0xCD9E8D57)
        a, b, c, d = ((q >> np.uint64(32)) ^ b ^ np.uint64(k0), q & low,
                      (p >> np.uint64(32)) ^ d ^ np.uint64(k1), p & low)
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([a, b, c, d], 1).ravel()


def bootstrap(x):
    index = np.arange((N + 3) // 4)
    draws = [(philox(index, BOOTSTRAP, s)[:N] * np.uint64(N)) >> np.uint64(32)
             for s in range(RESAMPLES)]
    return np.percentile([x[d.astype(int)].mean() for d in draws], [2.5, 97.5])


def over_seeds(x):
    """x: seeds x queries."""
    index, one, means = np.arange((N + 3) // 4), np.arange((len(x) + 3) // 4), []
    for s in range(RESAMPLES):
        queries = philox(index, BOOTSTRAP, s)[:N] * np.uint64(N) >> np.uint64(32)
        seeds = philox(one, BOOTSTRAP, s, 1)[:len(x)] * np.uint64(len(x)) >> np.uint64(32)
        means.append(x[seeds.astype(int)][:, queries.astype(int)].mean())
    return np.percentile(means, [2.5, 97.5])


def paired(a, b):
    d = (a - b)[a != b]
    index, reached = np.arange((len(d) + 127) // 128), 0
    for s in range(FLIPS):
        words = philox(index, FLIP, s)
        bits = (words[:, None] >> np.arange(32, dtype=np.uint64) & np.uint64(1)).ravel()[:len(d)]
        reached += abs((np.where(bits == 1, -1, 1) * d).sum()) >= abs(d.sum()) - 1e-12
    return (1 + reached) / (1 + FLIPS)


a = np.array([int(unit(i) * 11) / 10 for i in range(N)])
b = np.array([int(unit(500 + i) * 10) / 10 for i in range(N)])
c = np.array([unit(1000 + i) for i in range(N)])
print("intervals ", [list(map(float, bootstrap(x))) for x in (a, b, c)])
print("scipy     ", [tuple(map(float, scipy.stats.bootstrap(
    (x,), np.mean, n_resamples=100000, method="percentile", rng=1).confidence_interval))
    for x in (a, b, c)])
print("over seeds", list(map(float, over_seeds(np.stack([a, b, c])))))
print("difference", float((a - b).mean()), "wins", int((a > b).sum()), "losses", int((a < b).sum()))
print("p         ", paired(a, b))
print("scipy     ", float(scipy.stats.permutation_test(
    (a, b), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=100000,
    rng=1).pvalue), "t-test", float(scipy.stats.ttest_rel(a, b).pvalue))
