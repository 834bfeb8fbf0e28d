#!/usr/bin/env python3
"""Writes tests/known/<loss>.txt: values and gradients of losses by independent implementations.

    python3 tests/known/make.py losses_golden.json values.json

The first is a collection of what published programs compute, the second comes from torch_values.py.
Each input holds, per case, a value and the gradients with respect to the raw inputs (see its
"about"). Inputs are given there by formulas, which losses/known.c repeats. A file is
a list of cases:

    case NAME                   where the value comes from
    rows X                      matrices stacked: X, Y, Z (6 x 4), W, P (3 x 4); A (5 x 2), U (6 x 2)
                                and V, R (3 x 2), angles in the plane
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
    dims 4 2                    the sum of the losses of so many leading coordinates
    target T...                 of each score, row by row
    value V
    gradient X G...             d value / d X, row by row
    parameter NAME G            d value / d the trained parameter of NAME
"""
import json
import os
import sys
from math import pi

PAIRS, PAIRS2 = "0 0 1 1 2 2", "0 0 1 1 2 3"
# every triplet of the batch, with the distance between its positive and its negative
SWAPPED = [f"cell {t} {c}" for t, (a, p, n) in enumerate(
    (a, p, n) for a in range(6) for p in [a ^ 1] for n in range(6) if n // 2 != a // 2)
    for c in (f"{a} {p} 1", f"{a} {n} -1", f"{p} {n} -1")]
# all pairs of the batch, each once
ONE_ROW = ["rows X", "columns same"] + [
    f"cell 0 {i} {j} {1 if i // 2 == j // 2 else -1}" for j in range(6) for i in range(j)]
VIEWS = ["rows XY", "columns same", "own 6 7 8 9 10 11 0 1 2 3 4 5"]
VIEWS_ONE_WAY = ["rows XY", "columns same", "own 6 7 8 9 10 11 -1 -1 -1 -1 -1 -1"]
SCORED = ["rows X", "columns Y"] + [f"cell {i} {i} {i} 1" for i in range(6)] + [
    "target 0.9 0.1 0.5 0.5 0.7 0.2"]
RAW = ["similarity euclidean"]
# of the stacked rows XYZ: row i of X with its rows of Y (positive) and Z (negative)
TRIPLETS = [f"cell {i} {i} {6 * k + i} {1 if k == 1 else -1}" for i in range(6) for k in (1, 2)]


# the points of pytorch-metric-learning's tests
FIVE, SIX = "0 0 1 1 2", "0 0 0 1 1 2"
FIVE_ONE_ROW = ["rows A", "columns same"] + [
    f"cell 0 {i} {j} {1 if j - i == 1 and j % 2 else -1}" for j in range(5) for i in range(j)]


def by_label(labels, rows="X"):
    return [f"rows {rows}", "columns same", f"label {labels}"]


def five(*settings):
    return by_label(FIVE, "A") + [f"hyper {s}" for s in settings]


def six(*settings):
    return by_label(SIX, "U") + [f"hyper {s}" for s in settings]


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
        ("InfoNCE margin .2 smoothing .1",
         ["rows X", "columns Y", "hyper temperature 0.1", "hyper margin 0.2", "hyper smoothing 0.1",
          "learn temperature"], "XY", {"temperature": -0.1}),
        ("ST/MNRL GTE-joint s5", ["rows X", "columns Y", "direction joint", "hyper temperature 0.2"],
         "XY", {}),
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
        ("ST/Matryoshka[4,2] of MNRL s20",
         ["rows X", "columns Y", "hyper temperature 0.05", "dims 4 2"], "XY", {}),
        ("angles/InfoNCE s20", ["rows V", "columns R", "hyper temperature 0.05"], "VR", {}),
        ("angles/InfoNCE symmetric s20",
         ["rows V", "columns R", "direction both_ways", "hyper temperature 0.05"], "VR", {}),
        ("angles/InfoNCE symmetric s1/.07",
         ["rows V", "columns R", "direction both_ways", "hyper temperature 0.07"], "VR", {}),
        ("angles/SimCLR t.5", ["rows V", "columns R", "direction views", "hyper temperature 0.5"],
         "VR", {}),
        ("angles/SimCLR t.1", ["rows V", "columns R", "direction views", "hyper temperature 0.1"],
         "VR", {}),
        ("pml tests/NTXent t.1", five("temperature 0.1"), "A", {}),
    ],
    "sigmoid": [
        ("open_clip/SigLip t10 b-10 (grads x,y,t,b)",
         ["rows X", "columns Y", "hyper scale 10", "hyper bias -10", "learn scale", "learn bias"], "XY",
         {"scale": 10, "bias": 1}),
        ("open_clip/SigLip negative_only", ["rows X", "columns Y", "own -1 -1 -1 -1 -1 -1"], "XY", {}),
        ("angles/SigLIP t10 b-10", ["rows V", "columns R", "learn scale", "learn bias"], "VR",
         {"scale": 10, "bias": 1}),
    ],
    "circle": [
        ("pml/Circle m.4 g80", by_label(PAIRS) + ["hyper margin 0.4", "hyper gamma 80"], "X", {}),
        ("pml/Circle m.25 g256", by_label(PAIRS) + ["hyper margin 0.25", "hyper gamma 256"], "X", {}),
        ("pml/Circle m.25 g4", by_label(PAIRS) + ["hyper margin 0.25", "hyper gamma 4"], "X", {}),
        ("pml/Circle m.4 g80 lab2", by_label(PAIRS2) + ["hyper margin 0.4", "hyper gamma 80"], "X", {}),
        ("TinyZeaMays/Circle m.25 g256", ONE_ROW + ["hyper margin 0.25", "hyper gamma 256"], "X", {}),
        ("TinyZeaMays/Circle m.4 g80", ONE_ROW, "X", {}),
        ("pml tests/circle m.25 g256", five("margin 0.25", "gamma 256"), "A", {}),
        ("pml tests/circle m.4 g80", five(), "A", {}),
        ("pml tests/circle m.25 g4", five("margin 0.25", "gamma 4"), "A", {}),
        ("pml tests/circle m.25 g256, one row",
         FIVE_ONE_ROW + ["hyper margin 0.25", "hyper gamma 256"], "A", {}),
        ("pml tests/circle m.4 g80, one row", FIVE_ONE_ROW, "A", {}),
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
        ("pml/Triplet .2 swap", ["rows X", "columns same", "hyper mining 3"] + SWAPPED, "X", {}),
        ("ST/Triplet euclid m5",
         ["rows XYZ", "columns same", "hyper mining 3", "hyper margin 5"] + RAW + TRIPLETS, "XYZ", {}),
    ],
    "cosine_contrastive": [
        ("CCL m.4 w150", ["rows P", "scores", "own 0 0 0"], "P", {}),
        ("CCL m0 w None(sum)",
         ["rows P", "scores", "own 0 0 0", "hyper margin 0", "hyper negative_weight 0"], "P", {}),
    ],
    "decoupled": [
        ("DCL t.1", VIEWS_ONE_WAY + ["hyper temperature 0.1"], "XY", {}),
        ("DCL t.5", VIEWS_ONE_WAY + ["hyper temperature 0.5"], "XY", {}),
    ],
    "debiased": [("Debiased tau.5 tp.1", VIEWS, "XY", {})],
    "hard_negative": [("HCL tau.5 tp.1 beta1", VIEWS, "XY", {})],
    "hardness": [
        ("ST/MNRL hardness in_batch a9 s5", ["rows X", "columns Y", "hyper temperature 0.2"], "XY", {}),
        ("ST/MNRL hardness hard_neg a5 s5",
         ["rows X", "columns YZ", "extra 6", "hyper temperature 0.2", "hyper alpha 5", "hyper weigh 1"],
         "XYZ", {}),
    ],
    "n_pair": [
        ("pml/NPairs", ["rows X", "columns same", "similarity cosine"]
         + [f"cell {r} {2 * r} {2 * c + 1} {1 if r == c else -1}" for r in range(3) for c in range(3)],
         "X", {}),
    ],
    "supcon": [
        ("pml/SupCon t0.1", by_label(PAIRS), "X", {}),
        ("pml/SupCon t0.5 lab2", by_label(PAIRS2) + ["hyper temperature 0.5"], "X", {}),
        ("SupContrast SimCLR t.5 base.07", by_label("0 1 2 3 4 5 0 1 2 3 4 5", "XY")
         + ["hyper temperature 0.5", "hyper base_temperature 0.07"], "XY", {}),
        ("SupContrast SimCLR t.5 base.5", by_label("0 1 2 3 4 5 0 1 2 3 4 5", "XY")
         + ["hyper temperature 0.5", "hyper base_temperature 0.5"], "XY", {}),
        ("SupContrast sup t.1 base.1", by_label(PAIRS + " " + PAIRS, "XY")
         + ["hyper base_temperature 0.1"], "XY", {}),
        ("pml tests/SupCon t.1", six("temperature 0.1"), "U", {}),
        ("pml tests/SupCon t.1 over all rows", six("temperature 0.1") + ["reduce mean_rows"], "U", {}),
    ],
    "ntxent": [
        ("pml/NTXent t0.07", by_label(PAIRS), "X", {}),
        ("pml tests/NTXent t.1", five("temperature 0.1"), "A", {}),
        ("pml tests/NTXent t.1, six", six("temperature 0.1"), "U", {}),
        ("pml/NTXent t0.5", by_label(PAIRS) + ["hyper temperature 0.5"], "X", {}),
        ("pml/NTXent t0.5 lab2", by_label(PAIRS2) + ["hyper temperature 0.5"], "X", {}),
    ],
    "multi_similarity": [
        ("pml tests/multi similarity .1 40 .5", five("alpha 0.1", "beta 40"), "A", {}),
        ("pml tests/multi similarity 2 50 .5", five(), "A", {}),
        ("pml/MultiSim 2 50 .5", by_label(PAIRS), "X", {}),
        ("pml/MultiSim lab2", by_label(PAIRS2), "X", {}),
        ("pml/MultiSim+miner", by_label(PAIRS) + ["hyper mining 1"], "X", {}),
    ],
    "contrastive": [
        ("pml/Contrastive 0 1 L2", by_label(PAIRS) + ["hyper margin 1", "hyper power 0", "hyper apart 1"], "X", {}),
        ("pml/Contrastive cos 1 .5",
         by_label(PAIRS) + ["hyper distance 1", "hyper power 0", "hyper apart 1"], "X", {}),
        ("ST/Contrastive cos m.5",
         ["rows X", "columns Z", "hyper distance 1"]
         + [f"cell {i} {i} {i} {-1 if i % 2 else 1}" for i in range(6)], "XZ", {}),
        ("pml tests/contrastive squared .25 1.5, half",
         five("margin 0.75", "positive_margin 0.125", "distance 1", "power 0", "apart 1"), "A", {}),
        ("pml tests/contrastive cosine 1.5 .6, less .5",
         five("margin 0.4", "distance 1", "power 0", "apart 1"), "A", {}),
    ],
    "online_contrastive": [
        ("ST/OnlineContrastive cos m.5",
         ["rows X", "columns Z"] + [f"cell {i} {i} {i} {-1 if i % 2 else 1}" for i in range(6)],
         "XZ", {}),
    ],
    "snr": [("pml/SNR", by_label(PAIRS), "X", {})],
    "alignment": [
        ("align a2", ["rows X", "columns Y"], "XY", {}),
        ("align a1", ["rows X", "columns Y", "hyper alpha 1"], "XY", {}),
        ("BYOL pair 2-2cos", ["rows X", "columns Y"], "XY", {}),
        ("angles/align a2", ["rows V", "columns R"], "VR", {}),
        ("angles/align a1", ["rows V", "columns R", "hyper alpha 1"], "VR", {}),
    ],
    "uniformity": [
        ("angles/uniform t2", ["rows V", "columns same"], "V", {}),
        ("uniform t2", ["rows X", "columns same"], "X", {}),
        ("uniform t8", ["rows X", "columns same", "hyper t 8"], "X", {}),
    ],
    "am_softmax": [("pml/CosFace", ["rows X", "columns W", f"own {PAIRS}"], "XW", {})],
    "aam_softmax": [
        ("pml/ArcFace", ["rows X", "columns W", f"own {PAIRS}", f"hyper margin {28.6 * pi / 180!r}"],
         "XW", {}),
    ],
    "proxy_nca": [("pml/ProxyNCA", ["rows X", "columns W", f"own {PAIRS}"], "XW", {})],
    "proxy_anchor": [("pml/ProxyAnchor", ["rows X", "columns W", f"own {PAIRS}"], "XW", {})],
    "margin_mse": [
        ("ST/MarginMSE dot", ["rows X", "columns YZ"]
         + [f"cell {i} {i} {6 * k + i} {-1 if k else 1}" for i in range(6) for k in range(2)]
         + ["target " + " ".join(f"{m} 0" for m in (0.3, -0.2, 1, 0.5, 0, 2))], "XYZ", {}),
    ],
    "soft_target": [
        ("CWCL t0.1", ["rows X", "columns Y", "targets", "hyper temperature 0.1", "learn temperature"],
         "XY", {"temperature": -0.1}),
    ],
    "distillation": [
        ("distillation t0.2 u0.5", ["rows X", "columns Y", "targets", "hyper temperature 0.2",
                                    "hyper teacher_temperature 0.5"], "XY", {}),
    ],
    "euclip": [
        ("EuCLIP scale 1", ["rows X", "columns Y", "learn scale"], "XY", {"scale": 1}),
        ("EuCLIP scale 3", ["rows X", "columns Y", "hyper scale 3", "learn scale"], "XY", {"scale": 3}),
    ],
    "kernel_mixture": [
        ("Kernel-InfoNCE t.5 gamma 1", ["rows X", "columns Y"], "XY", {}),
        ("Kernel-InfoNCE t.2 gamma .5", ["rows X", "columns Y", "hyper temperature 0.2",
                                         "hyper gamma 0.5", "hyper mix 0.7"], "XY", {}),
    ],
    "cosent": [
        ("CoSENT tau20", SCORED, "XY", {}),
        ("ST/CoSENT s20", SCORED, "XY", {}),
    ],
    "align_uniform": [
        ("align + uniform", ["rows X", "columns Y"], "XY", {}),
        (".98 align + .96 uniform, alpha 1.5, t 3",
         ["rows X", "columns Y", "hyper align 0.98", "hyper uniform 0.96", "hyper alpha 1.5", "hyper t 3"],
         "XY", {}),
    ],
    "angle": [
        ("AnglE tau1 sum", SCORED + ["hyper scale 1"], "XY", {}),
        ("AnglE tau20 sum", SCORED, "XY", {}),
    ],
    "lifted": [("pml/Lifted", by_label(PAIRS), "X", {})],
    "decoupled_weighted": [
        ("DCLW s.5 t.1 (weights not detached)", ["rows X", "columns Y"], "XY", {}),
    ],
    "barlow_twins": [("BarlowTwins lam.0051", ["rows X", "columns Y"], "XY", {})],
    "vicreg": [("pml/VICReg", ["rows X", "columns Y"], "XY", {})],
    "w_mse": [("W-MSE eps0 (B=6,d=4 one sub-batch)", ["rows X", "columns Y", "hyper eps 0"], "XY", {})],
    "simsiam": [("BYOL pair 2-2cos, as -cos", ["rows X", "columns Y", "hyper hold 0"], "XY", {}),
                ("BYOL pair 2-2cos, as -cos", ["rows X", "columns Y"], "X", {})],
    "byol": [("BYOL pair 2-2cos", ["rows X", "columns Y", "hyper hold 0"], "XY", {}),
             ("BYOL pair 2-2cos", ["rows X", "columns Y"], "X", {}),
             ("align a2", ["rows X", "columns Y", "hyper hold 0"], "XY", {})],
    "spectral": [("spectral mu1", ["rows X", "columns Y"], "XY", {}),
                 ("spectral mu10", ["rows X", "columns Y", "hyper mu 10"], "XY", {})],
}

# what follows from a value and its gradients: name -> (key in the input, factor, added number)
DERIVED = {"BYOL pair 2-2cos, as -cos": ("BYOL pair 2-2cos", 0.5, -1)}


def derive(result, factor, more):
    return {"loss": factor * result["loss"] + more,
            "grad": [[[factor * x for x in row] for row in matrix] for matrix in result["grad"]]}


def write_case(out, result, key, setting, inputs, parameters):
    """parameters: name -> d hyperparameter / d parameter, which the input's derivative lacks."""
    print(f"\ncase {key}", *setting, f"value {result['loss']!r}", sep="\n", file=out)
    for name, gradient in zip(inputs, result["grad"]):
        numbers = " ".join(repr(number) for row in gradient for number in row)
        print(f"gradient {name} {numbers}", file=out)
    for (name, chain), gradient in zip(parameters.items(), result["grad"][len(inputs):]):
        print(f"parameter {name} {gradient * chain!r}", file=out)


def main():
    results, targets = {}, []
    for name in sys.argv[1:]:
        with open(name, encoding="utf-8") as file:
            values = json.load(file)
        results.update(values["results"])
        targets = values.get("targets", targets)
    for name, (key, factor, more) in DERIVED.items():
        results[name] = derive(results[key], factor, more)
    for loss, cases in CASES.items():
        with open(os.path.join(os.path.dirname(__file__), loss + ".txt"), "w", encoding="utf-8") as out:
            print(f"# {loss}: written by make.py, which says what the lines mean.", file=out)
            for key, setting, inputs, parameters in cases:
                if "targets" in setting:
                    setting = [s for s in setting if s != "targets"] + [
                        "target " + " ".join(map(repr, row)) for row in targets]
                write_case(out, results[key], key, setting, inputs, parameters)


if __name__ == "__main__":
    main()
