#!/usr/bin/env python3
"""Compares `kin loss` with pytorch-metric-learning and with formulas under PyTorch's automatic
differentiation, in double: random inputs, labels with singletons, settings off their defaults.

    python3 tests/known/compare_peers.py build/kin [LOSS ...]

Run by hand, where PyTorch and pytorch-metric-learning are installed: it prints, for each loss, the
largest relative difference of values and gradients, and fails above 1e-9.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
import torch.nn.functional as F
from pytorch_metric_learning import distances, losses as pml, miners
from pytorch_metric_learning.utils import loss_and_miner_utils as lmu

torch.set_default_dtype(torch.float64)
BOUND = 1e-9


class Batch:
    """B rows X, B rows Y and 3 B/2 rows Z of D numbers, labels with singletons, proxies W."""

    def __init__(self, b, d, seed):
        g = torch.Generator().manual_seed(seed)
        self.b = b
        normal = lambda *shape: torch.randn(*shape, generator=g).requires_grad_()
        self.X, self.Y, self.Z = normal(b, d), normal(b, d), normal(3 * b // 2, d)
        self.W = normal(5, d)
        self.label = torch.randint(0, max(2, b // 3), (b,), generator=g)
        self.label[0] = self.label[1] = 0
        self.label[b // 2] = 999
        self.own = torch.randint(0, 5, (b,), generator=g)              # of the proxies
        self.target = torch.rand(b, b, generator=g)
        self.grade = torch.randint(0, 5, (b,), generator=g).double() / 4
        self.kind = (torch.arange(b) % 3 == 0).long()
        self.pairs = torch.stack([torch.arange(b), torch.arange(b), self.kind], 1)
        self.triplets = torch.stack(lmu.get_all_triplets_indices(self.label), 1)


def unit(x):
    return F.normalize(x, dim=1)


def cos(x, y):
    return unit(x) @ unit(y).T


def square(x, y):
    return ((x[:, None] - y[None]) ** 2).sum(2)


def others(s):
    return s[~torch.eye(len(s), dtype=torch.bool)].reshape(len(s), -1)


def softmax(logits):
    return (torch.logsumexp(logits, 1) - logits.diagonal()).mean()


def views(x, y):
    """Scores of both views stacked: of every row its match and the others."""
    s, b = cos(torch.cat([x, y]), torch.cat([x, y])), len(x)
    match = torch.cat([s[:b, b:].diagonal(), s[b:, :b].diagonal()])
    mask = torch.eye(2 * b, dtype=torch.bool)
    mask = mask | mask.roll(b, 0)
    return match, s[~mask].reshape(2 * b, -1)


def debiased(x, y, t, prior, beta):
    match, rest = views(x, y)
    n, e, p = rest.shape[1], torch.exp(rest / t), torch.exp(match / t)
    total = n * (e ** (1 + beta)).sum(1) / (e**beta).sum(1)
    g = ((total - prior * n * p) / (1 - prior)).clamp(min=n * np.exp(-1 / t))
    return -torch.log(p / (p + g)).mean()


def uniformity(z, t):
    return torch.logsumexp(others(-t * square(unit(z), unit(z))).flatten(), 0) - np.log(
        len(z) * (len(z) - 1))


def ordered(s, grade, scale):
    lower = grade[:, None] < grade[None]
    differences = (scale * (s[:, None] - s[None]))[lower]
    return torch.logsumexp(torch.cat([torch.zeros(1), differences]), 0)


def angle(x, y):
    (a, b), (c, d) = x.chunk(2, 1), y.chunk(2, 1)
    return ((a * c + b * d).sum(1) + (b * c - a * d).sum(1)).abs()


def contrastive(b, margin, plus):
    i, j = torch.triu_indices(b.b, b.b, 1)
    d, same = square(unit(b.X), unit(b.X))[i, j].sqrt(), b.label[i] == b.label[j]
    return (torch.where(same, F.relu(d - plus), F.relu(margin - d)) ** 2 / 2).mean()


def online(b, margin):
    d, pos = 1 - F.cosine_similarity(b.X, b.Y), b.kind == 1
    p, n = d[pos], d[~pos]
    near, far = n.min() if len(n) > 1 else p.mean(), p.max() if len(p) > 1 else n.mean()
    p, n = p[p > near], n[n < far]
    return (p**2).sum() + (F.relu(margin - n) ** 2).sum()


def standard(x):
    return (x - x.mean(0)) / (x.var(0, unbiased=False) + 1e-5).sqrt()


def barlow(x, y, weight):
    c = standard(x).T @ standard(y) / len(x)
    return ((1 - c.diagonal()) ** 2).sum() + weight * (others(c) ** 2).sum()


def whiten(x, eps):
    x = x - x.mean(0)
    c = (1 - eps) * x.T @ x / (len(x) - 1) + eps * torch.eye(x.shape[1])
    return torch.linalg.solve_triangular(torch.linalg.cholesky(c), x.T, upper=False).T


def spectral(x, y, mu):
    cut = lambda z: z * (mu**0.5 / z.norm(dim=1, keepdim=True)).clamp(max=1)
    s = cut(x) @ cut(y).T
    return (-2 * s.diagonal().mean() + (others(s) ** 2).mean()) / mu


def margin_mse(apart):
    return ((apart.diagonal()[:, None] - others(apart)) ** 2).mean()


def decoupled(x, y, t, sigma):
    match = cos(x, y).diagonal()
    rest = torch.cat([others(cos(x, x)), others(cos(x, y))], 1)
    weight = 2 - len(x) * torch.softmax(match / sigma, 0)
    return (torch.logsumexp(rest / t, 1) - weight * match / t).mean()


def proxies(loss, **settings):
    def value(b):
        module = loss(num_classes=5, embedding_size=b.X.shape[1], **settings)
        name, w = ("W", b.W.T) if hasattr(module, "W") else ("proxies", b.W)
        del module._parameters[name]
        setattr(module, name, w)
        return module(b.X, b.own)
    return value


def mined(loss, miner):
    return lambda b: loss(b.X, b.label, miner(b.X.detach(), b.label))


def triplet(**settings):
    return lambda b: pml.TripletMarginLoss(0.3, **settings)(b.X, b.label)


SQUARED = {"distance": distances.LpDistance(power=2)}
RAW = {"distance": distances.DotProductSimilarity(normalize_embeddings=False)}
COSINE = {"distance": distances.CosineSimilarity()}

# loss, arrays that it is given, settings; the same in PyTorch
CASES = [
    ("ntxent label temperature=0.3", lambda b: pml.NTXentLoss(0.3)(b.X, b.label)),
    ("supcon label temperature=0.2", lambda b: pml.SupConLoss(0.2)(b.X, b.label)),
    ("circle label margin=0.3 gamma=37", lambda b: pml.CircleLoss(0.3, 37)(b.X, b.label)),
    ("multi_similarity label alpha=3 beta=20 base=0.2",
     lambda b: pml.MultiSimilarityLoss(3, 20, 0.2)(b.X, b.label)),
    ("multi_similarity label mining=true epsilon=0.2",
     mined(pml.MultiSimilarityLoss(), miners.MultiSimilarityMiner(0.2))),
    ("lifted label margin=1.3 positive_margin=0.1",
     lambda b: pml.LiftedStructureLoss(1.3, 0.1)(b.X, b.label)),
    ("contrastive label margin=1.2 positive_margin=0.3 power=1 apart=true",
     lambda b: pml.ContrastiveLoss(0.3, 1.2)(b.X, b.label)),
    ("contrastive label margin=1.2 positive_margin=0.3", lambda b: contrastive(b, 1.2, 0.3)),
    ("triplet label margin=0.3", triplet()),
    ("triplet label margin=0.3 soft=true", triplet(smooth_loss=True)),
    ("triplet label margin=0.3 distance=squared", triplet(**SQUARED)),
    ("triplet label margin=0.3 distance=cosine", triplet(**COSINE)),
    ("triplet triplets swap=true margin=0.3 mining=given", triplet(swap=True)),
    ("triplet label margin=0.3 window=hard",
     mined(pml.TripletMarginLoss(0.3), miners.TripletMarginMiner(0.3, "hard"))),
    ("triplet label margin=0.3 window=semihard",
     mined(pml.TripletMarginLoss(0.3), miners.TripletMarginMiner(0.3, "semihard"))),
    ("triplet label margin=0.3 mining=hard",
     mined(pml.TripletMarginLoss(0.3), miners.BatchHardMiner())),
    ("n_pair Y", lambda b: pml.NPairsLoss(**RAW)(torch.cat([b.X, b.Y]),
                                                 torch.arange(b.b).repeat(2))),
    ("snr label margin=1.7 positive_margin=0.2", lambda b: pml.SignalToNoiseRatioContrastiveLoss(
        pos_margin=0.2, neg_margin=1.7)(b.X, b.label)),
    ("proxy_anchor own W alpha=11 margin=0.2", proxies(pml.ProxyAnchorLoss, margin=0.2, alpha=11)),
    ("proxy_nca own W scale=3", proxies(pml.ProxyNCALoss, softmax_scale=3)),
    ("aam_softmax own W scale=20 margin=0.4",
     proxies(pml.ArcFaceLoss, margin=np.degrees(0.4), scale=20)),
    ("am_softmax own W scale=20 margin=0.4", proxies(pml.CosFaceLoss, margin=0.4, scale=20)),
    ("infonce own W temperature=0.1", proxies(pml.NormalizedSoftmaxLoss, temperature=0.1)),
    ("vicreg Y invariance=7 variance=9 covariance=2",
     lambda b: pml.VICRegLoss(7, 9, 2)(b.X, ref_emb=b.Y)),
    ("infonce Y margin=0.2 smoothing=0.1",
     lambda b: F.cross_entropy((cos(b.X, b.Y) - 0.2 * torch.eye(b.b)) / 0.05, torch.arange(b.b),
                               label_smoothing=0.1)),
    ("infonce Y direction=both_ways temperature=0.3",
     lambda b: (softmax(cos(b.X, b.Y) / 0.3) + softmax(cos(b.Y, b.X) / 0.3)) / 2),
    ("infonce Y Z similarity=euclidean",
     lambda b: softmax((1 - square(b.X, torch.cat([b.Y, b.Z])) / 2) / 0.05)),
    ("sigmoid Y scale=7 bias=-3", lambda b: F.softplus(
        (1 - 2 * torch.eye(b.b)) * (7 * cos(b.X, b.Y) - 3)).sum() / b.b),
    ("cosine_contrastive Y margin=0.2 negative_weight=30",
     lambda b: (1 - cos(b.X, b.Y).diagonal() + 30 * F.relu(others(cos(b.X, b.Y)) - 0.2).mean(1)
                ).mean()),
    ("decoupled Y temperature=0.2", lambda b: (
        torch.logsumexp(others(cos(b.X, b.Y)) / 0.2, 1) - cos(b.X, b.Y).diagonal() / 0.2).mean()),
    ("decoupled_weighted Y temperature=0.2 sigma=0.4", lambda b: decoupled(b.X, b.Y, 0.2, 0.4)),
    ("debiased Y direction=views temperature=0.4 class_prior=0.2",
     lambda b: debiased(b.X, b.Y, 0.4, 0.2, 0)),
    ("hard_negative Y direction=views temperature=0.4 class_prior=0.2 beta=1.5",
     lambda b: debiased(b.X, b.Y, 0.4, 0.2, 1.5)),
    ("hardness Y temperature=0.1 alpha=5", lambda b: softmax(
        cos(b.X, b.Y) / 0.1 + 5 * cos(b.X, b.Y).detach() * (1 - torch.eye(b.b)))),
    ("euclip Y scale=0.7", lambda b: softmax(-0.7 * square(b.X, b.Y))),
    ("kernel_mixture Y temperature=0.3 gamma=0.7 mix=0.3",
     lambda b: sum(w * softmax(-square(unit(b.X), unit(b.Y)) ** (g / 2) / 0.3)
                   for w, g in ((0.3, 0.7), (0.7, 2)))),
    ("alignment Y alpha=1.5", lambda b: (unit(b.X) - unit(b.Y)).norm(dim=1).pow(1.5).mean()),
    ("uniformity Y t=3", lambda b: (uniformity(b.X, 3) + uniformity(b.Y, 3)) / 2),
    ("soft_target Y target temperature=0.2", lambda b: -(
        b.target * torch.log_softmax(cos(b.X, b.Y) / 0.2, 1)).sum(1).div(b.target.sum(1)).mean()),
    ("distillation Y target temperature=0.2 teacher_temperature=0.4",
     lambda b: F.kl_div(torch.log_softmax(cos(b.X, b.Y) / 0.2, 1),
                        torch.softmax(b.target / 0.4, 1), reduction="batchmean")),
    ("margin_mse Y target scale=0.8", lambda b: margin_mse(0.8 * (b.X @ b.Y.T) - b.target)),
    ("cosent Y grade scale=7", lambda b: ordered(F.cosine_similarity(b.X, b.Y), b.grade, 7)),
    ("angle Y grade scale=7", lambda b: ordered(angle(unit(b.X), unit(b.Y)), b.grade, 7)),
    ("online_contrastive Y pairs margin=0.9", lambda b: online(b, 0.9)),
    ("barlow_twins Y lambda=0.02", lambda b: barlow(b.X, b.Y, 0.02)),
    ("w_mse Y eps=0.3", lambda b: 2 - 2 * F.cosine_similarity(
        whiten(b.X, 0.3), whiten(b.Y, 0.3)).mean()),
    ("simsiam Y direction=both_ways", lambda b: -(F.cosine_similarity(
        b.X, b.Y.detach()) + F.cosine_similarity(b.Y, b.X.detach())).mean() / 2),
    ("byol Y hold=false", lambda b: (2 - 2 * F.cosine_similarity(b.X, b.Y)).mean()),
    ("spectral Y mu=3", lambda b: spectral(b.X, b.Y, 3)),
]
OPTIONS = {"label": "label", "own": "label", "Y": "document", "Z": "negative", "W": "proxy",
           "target": "target", "grade": "target", "pairs": "positive", "triplets": "triplet"}


def apart(a, b):
    return np.abs(a - b).max() / max(np.abs(b).max(), 1e-12)


def run(kin, folder, b, setting, formula):
    """The largest difference of the value and of all gradients."""
    words = setting.split()
    want = formula(b)
    slopes = torch.autograd.grad(want, [getattr(b, x) for x in "XYZW"], allow_unused=True)
    call = [kin, "loss", words[0], "--query", "X", "--json", "--grad", "gradients"]
    for word in words[1:]:
        key, _, value = word.partition("=")
        call += ["--" + key, value] if value else ["--" + OPTIONS[key], key]
    for key, array in vars(b).items():
        if isinstance(array, torch.Tensor):
            np.save(os.path.join(folder, key + ".npy"), array.detach().numpy())
    call = [word + ".npy" if hasattr(b, word) and word != "b" else word for word in call]
    answer = json.loads(subprocess.run(call, check=True, capture_output=True, text=True,
                                       cwd=folder).stdout)
    off = apart(np.array(answer["value"]), want.item())
    for key, slope in zip("XYZW", slopes):
        if key + ".npy" in call:
            got = np.load(os.path.join(folder, "gradients", key + ".npy"))
            off = max(off, apart(got, np.zeros(1) if slope is None else slope.numpy()))
    return off


def main():
    kin, chosen, bad = os.path.abspath(sys.argv[1]), sys.argv[2:], 0
    for setting, formula in CASES:
        if chosen and setting.split()[0] not in chosen:
            continue
        with tempfile.TemporaryDirectory() as folder:
            off = max(run(kin, folder, Batch(b, 8, seed), setting, formula)
                      for b, seed in ((7, 1), (33, 2), (12, 3)))
        bad += not off <= BOUND
        print(f"{off:8.1e}{'' if off <= BOUND else '  OFF'}  {setting}")
    sys.exit(bad > 0)


main()
