#!/usr/bin/env python3
"""Compares kin's ranking measures with trec_eval's own code, query by query and bit by bit.

    python3 -m venv V && V/bin/pip install pytrec_eval-terrier ir_measures
    V/bin/python tests/metrics/compare_trec.py build/test_metrics_test_trec [RUN QRELS]

Without files it makes random runs: many ties, ties that only float has, graded, zero and negative
judgements, unknown documents, queries that only one of the two files knows. It also prints the
literals of test_trec.c. With files it compares those, and needs every value to be equal.

trec_eval has no cut reciprocal rank, so recip_rank below 1/10 counts as 0. ir_measures' RR@10
breaks ties by id ascending and keeps doubles, so it is compared only where a query has no ties.
"""
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

import ir_measures
import pytrec_eval

MEASURES = {"mrr@10": "recip_rank", "recall@1": "recall_1", "recall@10": "recall_10",
            "recall@100": "recall_100", "ndcg@10": "ndcg_cut_10", "map": "map",
            "success@1": "success_1", "success@10": "success_10",
            "recall@20": "recall_20", "ndcg@20": "ndcg_cut_20"}
OUTSIDE = {"mrr@10": ir_measures.RR @ 10, "recall@1": ir_measures.R @ 1,
           "recall@10": ir_measures.R @ 10, "recall@100": ir_measures.R @ 100,
           "ndcg@10": ir_measures.nDCG @ 10, "map": ir_measures.AP,
           "success@1": ir_measures.Success @ 1, "success@10": ir_measures.Success @ 10,
           "recall@20": ir_measures.R @ 20, "ndcg@20": ir_measures.nDCG @ 20}


def mix(z):
    mask = (1 << 64) - 1
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
    return z ^ (z >> 31)


def read(path, key, value, convert):
    table = {}
    for line in pathlib.Path(path).read_text(encoding="utf8").splitlines():
        field = line.split()
        table.setdefault(field[0], {})[field[key]] = convert(field[value])
    return table


def reference(run, qrels):
    """pytrec_eval's values; a query without an answer has 0 (-c), one without a relevant document
    does not count."""
    judged = {q: d for q, d in qrels.items() if max(d.values()) > 0}
    families = {"recip_rank", "map", "recall", "ndcg_cut", "success"}
    found = pytrec_eval.RelevanceEvaluator(judged, families | {"recall.1,10,20,100"}).evaluate(run)
    table = {}
    for q in judged:
        for ours, theirs in MEASURES.items():
            value = found[q][theirs] if q in found else 0.0
            table[q, ours] = 0.0 if ours == "mrr@10" and value < 0.1 else value
    for ours in MEASURES:
        table["all", ours] = sum(table[q, ours] for q in judged) / len(judged)
    return table


def as_float(score):
    return struct.unpack("f", struct.pack("f", score))[0]


def kin(program, run_path, qrels_path):
    out = subprocess.run([program, run_path, qrels_path], check=True, capture_output=True,
                         encoding="utf8").stdout
    return {(f[0], f[1]): float(f[2]) for f in map(str.split, out.splitlines())}


def compare(program, run_path, qrels_path):
    run, qrels = read(run_path, 2, 4, float), read(qrels_path, 2, 3, int)
    ours, theirs = kin(program, run_path, qrels_path), reference(run, qrels)
    assert set(ours) == set(theirs), set(ours) ^ set(theirs)
    for key, value in theirs.items():
        most = 1e-14 if key[0] == "all" else 0           # means may be summed in another order
        assert abs(ours[key] - value) <= most, (key, ours[key], value)
    tied = {q for q, d in run.items() if len(set(map(as_float, d.values()))) < len(d)}
    back = {measure: name for name, measure in OUTSIDE.items()}
    for metric in ir_measures.iter_calc(list(back), qrels, run):
        key = metric.query_id, back[metric.measure]
        if key in theirs and not (key[1] == "mrr@10" and key[0] in tied):
            assert ours[key] == metric.value, (key, ours[key], metric.value)
    return len(theirs), ours


def random_files(rng, run_path, qrels_path):
    documents = [rng.choice("dDé_") + str(i) for i in range(rng.choice([20, 300, 2500]))]
    levels, tail = rng.choice([2, 5, 50, 10**6]), rng.choice([0, 1e-12])
    with open(run_path, "w", encoding="utf8") as run, open(qrels_path, "w", encoding="utf8") as q:
        for query in range(rng.choice([1, 10, 60])):
            judged = rng.sample(documents, rng.randint(1, min(len(documents), 40)))
            grades = rng.choice([[0, 1], [0, 1, 2, 3], [-1, 0, 2, 7], [0]])
            if query == 0:
                grades = [1, 2]
            if query == 0 or rng.random() < 0.9:
                for d in judged + ["unknown"]:
                    q.write(f"q{query} 0 {d} {rng.choice(grades)}\n")
            if rng.random() < 0.9:
                depth = rng.randint(1, min(len(documents), 1000))
                for rank, d in enumerate(rng.sample(documents, depth)):
                    score = rng.randrange(levels) / levels - 0.5 + tail * rng.random()
                    run.write(f"q{query} Q0 {d} {rank} {score:.17g} tag\n")


def literals():
    run = {f"q{q}": {f"d{(q * 37 + i * 11) % 211}": mix(q * 1000 + i) % 7 / 8 for i in range(60)}
           for q in range(40)}
    qrels = {f"q{q}": {f"d{d}": mix(7777 + q * 211 + d) % 40 for d in range(211)
                       if mix(7777 + q * 211 + d) % 40 <= 3} for q in range(40)}
    table = reference(run, qrels)
    print("literals of test_trec.c:", ", ".join(f"{table['all', m]:.17g}" for m in MEASURES))


def main():
    program = sys.argv[1]
    if len(sys.argv) == 4:
        values, ours = compare(program, sys.argv[2], sys.argv[3])
        print(values, "values equal;", {m: f"{ours['all', m]:.6f}" for m in MEASURES})
        return
    literals()
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        run_path, qrels_path = f"{folder}/run", f"{folder}/qrels"
        for seed in range(200):
            random_files(random.Random(seed), run_path, qrels_path)
            total += compare(program, run_path, qrels_path)[0]
    print("200 random runs,", total, "values equal")


if __name__ == "__main__":
    main()
