#!/usr/bin/env python3
"""Checks the statistics of an ablation against numpy, scipy and, when there, statsmodels and ranx.

    python3 tests/experiments/outside.py FOLDER        # of a plan that kin ablate finished

Reads the per-query scores of FOLDER/runs and recomputes what FOLDER/results.json says: means,
deviations and interquartile means to the last digit, intervals and p to the noise of resampling.
Exit code 77: numpy or scipy is missing.
"""
import json
import math
import os
import sys

try:
    import numpy as np
    import scipy.stats
except ImportError:
    sys.exit(77)

folder = sys.argv[1]
results = json.load(open(os.path.join(folder, "results.json")))
measure = results["measure"]
failures = 0


def check(what, ours, theirs, tolerance):
    global failures
    if not abs(ours - theirs) <= tolerance:
        failures += 1
        print(f"{what}: {ours} here, {theirs} outside, allowed difference {tolerance}")


def read(path):
    lines = [line.rstrip("\n").split("\t") for line in open(path)]
    values = np.array([[float(x) for x in line[1:]] for line in lines[1:]])
    return [line[0] for line in lines[1:]], dict(zip(lines[0][1:], values.T))


def run_folders():
    """(row settings, seed) to folder, from the run files."""
    found = {}
    for where, _, files in os.walk(os.path.join(folder, "runs")):
        if "run.ini" not in files or "model" not in os.listdir(where):
            continue
        if not os.path.exists(os.path.join(where, "eval", "test", "model.tsv")):
            continue
        keys, section = {}, ""
        for line in open(os.path.join(where, "run.ini")):
            if line.startswith("["):
                section = line.strip()[1:-1]
            elif " = " in line:
                key, value = line.rstrip("\n").split(" = ", 1)
                keys[f"{section}.{key}"] = value
        found[where] = keys
    return found


def same(a, b):
    try:
        return float(a) == float(b)
    except ValueError:
        return a == b


runs = run_folders()


def scores_of(row, system):
    """seeds x queries for each measure."""
    scores = []
    for by_seed in row["by_seed"]:
        settings = row.get("settings", results["rows"][0]["settings"] if system == "model" else {})
        for where, keys in runs.items():
            if not same(keys["run.seed"], by_seed["seed"]):
                continue
            path = os.path.join(where, "eval", "test", system + ".tsv")
            if all(same(keys.get(k, ""), v) for k, v in settings.items()) and os.path.exists(path):
                scores.append(read(path))
                break
        else:
            raise SystemExit(f"{row['row']}: no run with {settings} and seed {by_seed['seed']}")
    ids = scores[0][0]
    assert all(s[0] == ids for s in scores)
    return {m: np.array([s[1][m] for s in scores]) for m in row["mean"]}


rng = np.random.default_rng(1)
systems = [(r, scores_of(r, "model")) for r in results["rows"]]
systems += [(r, scores_of(r, r["row"].lower())) for r in results["baselines"]]

for row, scores in systems:
    for m, x in scores.items():
        seeds = x.mean(axis=1)
        what = f"{row['row']}, {m}"
        for by_seed, mean in zip(row["by_seed"], seeds):
            check(what + ", a seed", by_seed[m], mean, 1e-8)
        check(what + ", mean", row["mean"][m], seeds.mean(), 1e-8)
        check(what + ", deviation", row["deviation"][m],
              seeds.std(ddof=1) if len(seeds) > 1 else 0, 1e-8)
        check(what + ", interquartile mean", row["interquartile_mean"][m],
              scipy.stats.trim_mean(seeds, 0.25), 1e-8)
        resamples = []
        for _ in range(4000):
            q = rng.integers(0, x.shape[1], x.shape[1])
            s = rng.integers(0, x.shape[0], x.shape[0])
            resamples.append(x[s][:, q].mean())
        low, high = np.percentile(resamples, [2.5, 97.5])
        noise = 0.15 * (high - low) + 0.5 / x.shape[1]         # scores are steps of 1 / queries
        check(what + ", low", row["interval95"][m][0], low, noise)
        check(what + ", high", row["interval95"][m][1], high, noise)
        if len(seeds) == 1 and high > low:
            low, high = scipy.stats.bootstrap((x[0],), np.mean, n_resamples=4000,
                                              method="percentile", rng=1).confidence_interval
            check(what + ", low by scipy", row["interval95"][m][0], low, noise)
            check(what + ", high by scipy", row["interval95"][m][1], high, noise)

by_name = {row["row"]: scores[measure].mean(axis=0) for row, scores in systems}
for pair in results["comparisons"]:
    a, b = by_name[pair["row"]], by_name[pair["against"]]
    what = f"{pair['row']} against {pair['against']}"
    check(what + ", difference", pair["difference"], (a - b).mean(), 1e-8)
    check(what + ", wins", pair["wins"], (a > b).sum(), 0)
    check(what + ", losses", pair["losses"], (a < b).sum(), 0)
    p = scipy.stats.permutation_test((a, b), lambda x, y, axis: np.mean(x - y, axis=axis),
                                     permutation_type="samples", n_resamples=20000,
                                     vectorized=True, rng=1).pvalue
    q = p / 2                                                   # scipy doubles that of one side
    check(what + ", p", pair["p"], p, 10 * math.sqrt(q * (1 - q) / 20000) + 2e-4)

# Holm: R's definition; statsmodels' when there.
p = np.array([pair["p"] for pair in results["comparisons"]])
order, m = np.argsort(p, kind="stable"), len(p)
holm = np.empty(m)
holm[order] = np.minimum(1, np.maximum.accumulate((m - np.arange(m)) * p[order]))
try:
    from statsmodels.stats.multitest import multipletests
    holm = multipletests(p, method="holm")[1] if m else holm
except ImportError:
    pass
differ = {}
for pair, adjusted in zip(results["comparisons"], holm):
    check(f"{pair['row']} against {pair['against']}, Holm", pair["p_holm"], adjusted, 1e-6)
    differ[pair["row"], pair["against"]] = pair["p_holm"] < 0.05
for row, _ in systems:
    for other, _ in systems:
        if (row["row"], other["row"]) in differ:
            shared = bool(set(row["letters"]) & set(other["letters"]))
            check(f"{row['row']} and {other['row']} share a letter", shared,
                  not differ[row["row"], other["row"]], 0)

try:
    import ranx
except Exception:
    ranx = None
if ranx:
    from ranx.statistical_tests import fisher_randomization_test
    for pair in results["comparisons"]:
        a, b = by_name[pair["row"]], by_name[pair["against"]]
        p, _ = fisher_randomization_test(a, b, n_permutations=20000, max_p=0.05, random_seed=1)
        check(f"{pair['row']} against {pair['against']}, ranx", pair["p"], p,
              5 * math.sqrt(max(p, 1e-4) / 20000) + 2e-3)

print(f"{len(systems)} systems, {len(results['comparisons'])} comparisons, {failures} differences",
      "with ranx" if ranx else "without ranx")
sys.exit(1 if failures else 0)
