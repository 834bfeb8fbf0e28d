#!/usr/bin/env python3
"""Writes tests/known/<loss>.txt: values and gradients of losses by independent implementations.

    python3 tests/known/make.py losses_golden.json

The input holds, per case, a value and the gradients with respect to the raw inputs (see its
"about"). Inputs are given there by formulas, which losses/known.c repeats. A file is
a list of cases:

    case NAME                   where the value comes from
    rows X                      matrices stacked: X, Y, Z (6 x 4), W, P (3 x 4)
    columns YZ                  or: same, the rows themselves, each ignoring itself
    scores                      the rows are scores, and there are no columns
    hyper NAME VALUE
    learn NAME                  NAME is a trained parameter
    direction both_ways         or: views, joint
    similarity dot              or: cosine, euclidean, snr
    reduce mean_rows            or: mean_valid, mean_nonzero, sum, per_pair
    own 0 0 1 1 2 2             column that is row i's positive
    label 0 0 1 1 2 2           positives by label (columns same)
    row_key ..., col_key ...    equal keys are duplicates: ignored unless positive
    extra 6                     columns from here on came beside the batch
    cell R I J KIND             cells one by one: in row R, row I and column J, KIND 1, -1 or 0
    target T...                 of each score, row by row
    value V
    gradient X G...             d value / d X, row by row
    parameter NAME G            d value / d the trained parameter of NAME
"""
import json
import os
import sys

PAIRS, PAIRS2 = "0 0 1 1 2 2", "0 0 1 1 2 3"
RAW = ["similarity euclidean"]
# of the stacked rows XYZ: row i of X with its rows of Y (positive) and Z (negative)
TRIPLETS = [f"cell {i} {i} {6 * k + i} {1 if k == 1 else -1}" for i in range(6) for k in (1, 2)]


def by_label(labels, rows="X"):
    return [f"rows {rows}", "columns same", f"label {labels}"]


# loss -> (key in the input, lines of the setting, inputs in order of the gradients, parameters)
CASES = {
    "infonce": [
        ("ST/MNRL s20", ["rows X", "columns Y", "hyper temperature 0.05"], "XY", {}),
        ("ST/MNRL s20 + 1 hard neg", ["rows X", "columns YZ", "hyper temperature 0.05"], "XYZ", {}),
        ("ST/MNRL s5 + hard neg", ["rows X", "columns YZ", "hyper temperature 0.2"], "XYZ", {}),
        ("ST/MNRL symmetric s20", ["rows X", "columns Y", "direction both_ways", "hyper temperature 0.05"], "XY", {}),
        ("open_clip/ClipLoss s=1/.07", ["rows X", "columns Y", "direction both_ways", "hyper temperature 0.07"], "XY", {}),
        ("open_clip/ClipLoss s=20 (grad wrt scale last)",
         ["rows X", "columns Y", "direction both_ways", "hyper temperature 0.05", "learn temperature"], "XY",
         {"temperature": 20}),
        ("pml/NTXent t0.07", by_label(PAIRS) + ["hyper temperature 0.07"], "X", {}),
        ("pml/NTXent t0.5", by_label(PAIRS) + ["hyper temperature 0.5"], "X", {}),
        ("pml/NTXent t0.5 lab2", by_label(PAIRS2) + ["hyper temperature 0.5"], "X", {}),
        ("pml/SupCon t0.1", by_label(PAIRS) + ["hyper temperature 0.1"], "X", {}),
        ("pml/SupCon t0.5 lab2", by_label(PAIRS2) + ["hyper temperature 0.5"], "X", {}),
        ("pml/NCA", by_label(PAIRS) + ["hyper temperature 0.5"], "X", {}),
        ("pml/NormSoftmax", ["rows X", "columns W", f"own {PAIRS}", "hyper temperature 0.05"], "XW", {}),
        ("SupContrast SimCLR t.5 base.5",
         by_label("0 1 2 3 4 5 0 1 2 3 4 5", "XY") + ["hyper temperature 0.5"], "XY", {}),
        ("SupContrast sup t.1 base.1",
         by_label(PAIRS + " " + PAIRS, "XY") + ["hyper temperature 0.1"], "XY", {}),
    ],
    "sigmoid": [
        ("open_clip/SigLip t10 b-10 (grads x,y,t,b)",
         ["rows X", "columns Y", "hyper scale 10", "hyper bias -10", "learn scale", "learn bias"], "XY",
         {"scale": 10, "bias": 1}),
    ],
    "circle": [
        ("pml/Circle m.4 g80", by_label(PAIRS) + ["hyper margin 0.4", "hyper gamma 80"], "X", {}),
        ("pml/Circle m.25 g256", by_label(PAIRS) + ["hyper margin 0.25", "hyper gamma 256"], "X", {}),
        ("pml/Circle m.25 g4", by_label(PAIRS) + ["hyper margin 0.25", "hyper gamma 4"], "X", {}),
        ("pml/Circle m.4 g80 lab2", by_label(PAIRS2) + ["hyper margin 0.4", "hyper gamma 80"], "X", {}),
    ],
    "triplet": [
        ("pml/Triplet .05 all avgnz", by_label(PAIRS) + ["hyper margin 0.05"], "X", {}),
        ("pml/Triplet .2 mean", by_label(PAIRS) + ["reduce mean_valid"], "X", {}),
        ("pml/Triplet .2 smooth", by_label(PAIRS) + ["hyper soft 1"], "X", {}),
        ("pml/Triplet sq .2", by_label(PAIRS) + ["hyper distance 1"], "X", {}),
        ("pml/Triplet .2 miner all", by_label(PAIRS), "X", {}),
        ("pml/Triplet .2 miner hard", by_label(PAIRS) + ["hyper window 1"], "X", {}),
        ("pml/Triplet .2 miner semihard", by_label(PAIRS) + ["hyper window 2"], "X", {}),
        ("pml/Triplet .2 BatchHard", by_label(PAIRS) + ["hyper mining 1"], "X", {}),
        ("ST/BatchHard euclid m5", by_label(PAIRS) + RAW + ["hyper mining 1", "hyper margin 5"], "X", {}),
        ("ST/BatchHard euclid m0.5", by_label(PAIRS) + RAW + ["hyper mining 1", "hyper margin 0.5"], "X", {}),
        ("ST/BatchHard cosine m.2", by_label(PAIRS) + ["hyper mining 1", "hyper distance 2"], "X", {}),
        ("ST/BatchAll euclid m5", by_label(PAIRS) + RAW + ["hyper margin 5"], "X", {}),
        ("ST/BatchAll euclid m0.5", by_label(PAIRS) + RAW + ["hyper margin 0.5"], "X", {}),
        ("ST/BatchAll cosine m.2", by_label(PAIRS) + ["hyper distance 2"], "X", {}),
        ("ST/BatchSemiHard euclid m5",
         by_label(PAIRS) + RAW + ["hyper mining 2", "hyper margin 5", "reduce mean_valid"], "X", {}),
        ("ST/BatchSemiHard euclid m0.5",
         by_label(PAIRS) + RAW + ["hyper mining 2", "hyper margin 0.5", "reduce mean_valid"], "X", {}),
        ("ST/BatchSemiHard cosine m.2",
         by_label(PAIRS) + ["hyper mining 2", "hyper distance 2", "reduce mean_valid"], "X", {}),
        ("ST/BatchHardSoftMargin euclid",
         by_label(PAIRS) + RAW + ["hyper mining 1", "hyper soft 1", "hyper margin 0"], "X", {}),
        ("ST/Triplet euclid m5",
         ["rows XYZ", "columns same", "hyper mining 3", "hyper margin 5"] + RAW + TRIPLETS, "XYZ", {}),
    ],
}


def write_case(out, result, key, setting, inputs, parameters):
    """parameters: name -> d hyperparameter / d parameter, which the input's derivative lacks."""
    print(f"\ncase {key}", *setting, f"value {result['loss']!r}", sep="\n", file=out)
    for name, gradient in zip(inputs, result["grad"]):
        numbers = " ".join(repr(number) for row in gradient for number in row)
        print(f"gradient {name} {numbers}", file=out)
    for (name, chain), gradient in zip(parameters.items(), result["grad"][len(inputs):]):
        print(f"parameter {name} {gradient * chain!r}", file=out)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        results = json.load(file)["results"]
    for loss, cases in CASES.items():
        with open(os.path.join(os.path.dirname(__file__), loss + ".txt"), "w", encoding="utf-8") as out:
            print(f"# {loss}: written by make.py, which says what the lines mean.", file=out)
            for key, setting, inputs, parameters in cases:
                write_case(out, results[key], key, setting, inputs, parameters)


if __name__ == "__main__":
    main()
