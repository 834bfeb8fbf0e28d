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
from pytorch_metric_learning import distances, losses as pml, miners, reducers
from pytorch_metric_learning.utils import loss_and_miner_utils as lmu

torch.set_default_dtype(torch.float64)
BOUND = 1e-9


class Batch:
    """B rows X, B rows Y and 3 B/2 rows Z of D numbers, labels with singletons, proxies W, four
    negatives V of each row's own, scores S, and parameters that are learned."""

    def __init__(self, b, d, seed):
        g = torch.Generator().manual_seed(seed)
        self.b = b
        normal = lambda *shape: torch.randn(*shape, generator=g).requires_grad_()
        self.X, self.Y, self.Z = normal(b, d), normal(b, d), normal(3 * b // 2, d)
        self.W, self.V, self.S = normal(5, d), normal(b, 4, d), normal(b, b + 3)
        self.learned = {name: torch.tensor(x, requires_grad=True)
                        for name, x in (("scale", 1.7), ("bias", -2.0), ("temperature", 1.2))}
        self.label = torch.randint(0, max(2, b // 3), (b,), generator=g)
        self.label[0] = self.label[1] = 0
        self.label[b // 2] = 999
        self.own = torch.randint(0, 5, (b,), generator=g)              # of the proxies
        self.target = torch.rand(b, b, generator=g)
        self.grade = torch.randint(0, 5, (b,), generator=g).double() / 4
        self.kind = (torch.arange(b) % 3 == 0).long()
        self.pairs = torch.stack([torch.arange(b), torch.arange(b), self.kind], 1)
        self.label2 = self.label.roll(b // 3)
        self.labels3 = torch.cat([self.label, self.label[:3]])
        self.graded = torch.stack([torch.arange(b).repeat(2),
                                   torch.randint(0, b, (2 * b,), generator=g)], 1)
        self.grades = torch.randint(0, 4, (2 * b,), generator=g).double()
        self.triplets = torch.stack(lmu.get_all_triplets_indices(self.label), 1)


def unit(x):
    return F.normalize(x, dim=1)


def softplus(x):
    """PyTorch's own is x above 20."""
    return torch.logaddexp(x, torch.zeros(()))


def cos(x, y):
    return unit(x) @ unit(y).T


def square(x, y):
    return ((x[:, None] - y[None]) ** 2).sum(2)


def others(s):
    return s[~torch.eye(len(s), dtype=torch.bool)].reshape(len(s), -1)


def related(b, s=None):
    """Scores of X against X, or those that are given; which pairs are positive, which negative."""
    s = cos(b.X, b.X) if s is None else s
    same = b.label[:, None] == (b.label if s.shape[1] == b.b else b.labels3)
    self = torch.eye(*s.shape, dtype=torch.bool) & (s.shape[1] == b.b)
    return s, same & ~self, ~same


def lse(x, mask):
    return torch.logsumexp(x.masked_fill(~mask, -torch.inf), 1)


def rows(value, pos, neg):
    """The mean over rows that have both."""
    valid = pos.any(1) & neg.any(1)
    return torch.where(valid, value, 0).sum() / valid.sum()


def several(s, pos, neg, t, inside=False, scale=1):
    """InfoNCE with several positives, their mean outside or inside of the logarithm."""
    match = lse(s / t, pos) - pos.sum(1).log() if inside else (s / t * pos).sum(1) / pos.sum(1)
    return scale * rows(lse(s / t, pos | neg) - match, pos, neg)


def circle(s, pos, neg, m, gamma, mean):
    held = s.detach()
    n, p = gamma * F.relu(held + m) * (s - m), -gamma * F.relu(1 + m - held) * (s - 1 + m)
    valid = pos.any(1) & neg.any(1)
    value = softplus(lse(n[valid], neg[valid]) + lse(p[valid], pos[valid]))
    return mean(value, len(s))


def semihard(d, pos, neg, hinge):
    """For each pair the nearest farther negative, or else the farthest."""
    total, pairs = 0, 0
    for a, p in torch.nonzero(pos & neg.any(1, keepdim=True)).tolist():
        n = d[a][neg[a]]
        farther = n[n > d[a, p]]
        total = total + hinge(d[a, p] - (farther.min() if len(farther) else n.max()))
        pairs += 1
    return total / pairs


def deviance(s, pos, neg, alpha, beta, cost):
    p, n = softplus(-alpha * (s - beta)), softplus(alpha * cost * (s - beta))
    return rows((p * pos).sum(1) / pos.sum(1) + (n * neg).sum(1) / neg.sum(1), pos, neg)


def graded(b, scale):
    i, j = b.graded.T
    return ordered(F.cosine_similarity(b.X[i], b.Y[j]), b.grades, scale)


def own_negatives(b):
    """Cosines of each row with its document and its own negatives."""
    v = F.normalize(b.V, dim=2)
    return torch.cat([cos(b.X, b.Y).diagonal()[:, None], (unit(b.X)[:, None] * v).sum(2)], 1)


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
    x, y = (F.pad(z, (0, z.shape[1] % 2)) for z in (x, y))
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


def reduced(loss, reducer):
    return lambda b: loss(reducer=reducer())(b.X, b.label)


def against(loss):
    """Queries against documents by label."""
    return lambda b: loss(b.X, b.label, ref_emb=b.Y, ref_labels=b.label.clone())


def lengths(x):
    return square(unit(x), unit(x)).clamp(min=1e-300).sqrt()


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
    ("sigmoid Y scale=7 bias=-3", lambda b: softplus(
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

    # further reduces
    ("ntxent label temperature=0.3 reduce=sum",
     reduced(lambda **r: pml.NTXentLoss(0.3, **r), reducers.SumReducer)),
    ("supcon label temperature=0.2 reduce=mean_rows",
     reduced(lambda **r: pml.SupConLoss(0.2, **r), reducers.MeanReducer)),
    ("circle label margin=0.3 gamma=37 reduce=mean_rows",
     reduced(lambda **r: pml.CircleLoss(0.3, 37, **r), reducers.MeanReducer)),
    ("circle label margin=0.3 gamma=37 reduce=sum",
     reduced(lambda **r: pml.CircleLoss(0.3, 37, **r), reducers.SumReducer)),
    ("circle label margin=0.25 gamma=8 reduce=mean_valid",
     lambda b: circle(*related(b), 0.25, 8, lambda v, n: v.mean())),
    ("triplet label margin=0.3 reduce=mean_valid",
     reduced(lambda **r: pml.TripletMarginLoss(0.3, **r), reducers.MeanReducer)),
    ("triplet label margin=0.3 reduce=sum",
     reduced(lambda **r: pml.TripletMarginLoss(0.3, **r), reducers.SumReducer)),
    ("multi_similarity label reduce=sum",
     reduced(pml.MultiSimilarityLoss, reducers.SumReducer)),
    # queries against documents by label
    ("ntxent Y label temperature=0.3", against(pml.NTXentLoss(0.3))),
    ("supcon Y label temperature=0.2", against(pml.SupConLoss(0.2))),
    ("circle Y label margin=0.3 gamma=37", against(pml.CircleLoss(0.3, 37))),
    ("multi_similarity Y label alpha=3", against(pml.MultiSimilarityLoss(3, 50, 0.5))),
    ("contrastive Y label margin=1.2 positive_margin=0.3 power=1 apart=true",
     against(pml.ContrastiveLoss(0.3, 1.2))),
    ("triplet Y label margin=0.3", against(pml.TripletMarginLoss(0.3))),
    ("snr Y label margin=1.7", against(pml.SignalToNoiseRatioContrastiveLoss(neg_margin=1.7))),
    ("infonce Y label label2 temperature=0.3", lambda b: several(
        cos(b.X, b.Y), same := b.label[:, None] == b.label2, ~same, 0.3)),
    # further settings
    ("supcon label temperature=0.2 base_temperature=0.3",
     lambda b: several(*related(b), 0.2, scale=0.2 / 0.3)),
    ("supcon label temperature=0.2 inside=true", lambda b: several(*related(b), 0.2, True)),
    ("infonce label temperature=0.5", lambda b: several(*related(b), 0.5)),
    ("infonce label similarity=dot temperature=3",
     lambda b: several(*related(b, b.X @ b.X.T), 3)),
    ("contrastive label margin=0.8 positive_margin=0.1 distance=cosine power=1 apart=true",
     lambda b: pml.ContrastiveLoss(0.9, 0.2, **COSINE)(b.X, b.label)),
    ("triplet label mining=semihard distance=squared margin=0.4 reduce=mean_valid",
     lambda b: semihard(square(unit(b.X), unit(b.X)), *related(b)[1:],
                        lambda x: F.relu(x + 0.4))),
    ("triplet label mining=semihard soft=true margin=0.4",
     lambda b: semihard(lengths(b.X), *related(b)[1:], lambda x: softplus(x + 0.4))),
    ("triplet label mining=hard soft=true margin=0",
     mined(pml.TripletMarginLoss(0, smooth_loss=True), miners.BatchHardMiner())),
    ("triplet label margin=0.3 window=semihard distance=squared",
     mined(pml.TripletMarginLoss(0.3, **SQUARED),
           miners.TripletMarginMiner(0.3, "semihard", **SQUARED))),
    ("triplet triplets margin=0.3 mining=given distance=cosine soft=true",
     triplet(smooth_loss=True, **COSINE)),
    ("binomial_deviance label alpha=3 beta=0.2 cost=5",
     lambda b: deviance(*related(b), 3, 0.2, 5)),
    ("n_pair Y similarity=cosine", lambda b: pml.NPairsLoss()(
        torch.cat([b.X, b.Y]), torch.arange(b.b).repeat(2))),
    ("aam_softmax own W scale=64 margin=1.4",
     proxies(pml.ArcFaceLoss, margin=np.degrees(1.4), scale=64)),
    ("proxy_nca own W scale=3 others=true", lambda b: (
        3 * square(unit(b.X), unit(b.W))[torch.arange(b.b), b.own] + lse(
            -3 * square(unit(b.X), unit(b.W)), b.own[:, None] != torch.arange(5))).mean()),
    ("infonce Y direction=views temperature=0.3", lambda b: pml.NTXentLoss(0.3)(
        torch.cat([b.X, b.Y]), torch.arange(b.b).repeat(2))),
    ("infonce Y V temperature=0.2", lambda b: F.cross_entropy(
        own_negatives(b) / 0.2, torch.zeros(b.b, dtype=torch.long))),
    ("infonce Y Z direction=both_ways temperature=0.3",
     lambda b: (softmax(cos(b.X, torch.cat([b.Y, b.Z])) / 0.3) + softmax(cos(b.Y, b.X) / 0.3)) / 2),
    ("cosine_contrastive Y V margin=0.1 negative_weight=0", lambda b: (
        1 - own_negatives(b)[:, 0] + F.relu(own_negatives(b)[:, 1:] - 0.1).sum(1)).mean()),
    ("hardness Y Z temperature=0.2 alpha=3 weigh=hard", lambda b: softmax(
        (s := cos(b.X, torch.cat([b.Y, b.Z]))) / 0.2 + 3 * s.detach() * torch.cat(
            [0 * s[:, :b.b], torch.eye(b.b), torch.eye(b.b)], 1)[:, :s.shape[1]])),
    ("hardness Y Z temperature=0.2 alpha=3 weigh=all", lambda b: softmax(
        (s := cos(b.X, torch.cat([b.Y, b.Z]))) / 0.2 + 3 * s.detach() * (
            1 - torch.eye(*s.shape)))),
    ("decoupled Y direction=both_ways temperature=0.2", lambda b: sum(
        torch.logsumexp(others(s) / 0.2, 1) - s.diagonal() / 0.2
        for s in (cos(b.X, b.Y), cos(b.Y, b.X))).mean() / 2),
    ("sigmoid Y label scale=7 bias=-3", lambda b: softplus(
        (1 - 2.0 * (b.label[:, None] == b.label)) * (7 * cos(b.X, b.Y) - 3)).sum() / b.b),
    ("soft_target Y target direction=both_ways temperature=0.2", lambda b: -sum(
        (w * torch.log_softmax(s / 0.2, 1)).sum(1).div(w.sum(1)).mean()
        for s, w in ((cos(b.X, b.Y), b.target), (cos(b.Y, b.X), b.target.T))) / 2),
    ("alignment Y alpha=1", lambda b: (unit(b.X) - unit(b.Y)).norm(dim=1).mean()),
    ("uniformity label t=0.5", lambda b: uniformity(b.X, 0.5)),
    ("align_uniform Y align=0.3 uniform=0.8 alpha=1 t=4", lambda b: (
        0.3 * (unit(b.X) - unit(b.Y)).norm(dim=1).mean() +
        0.8 * (uniformity(b.X, 4) + uniformity(b.Y, 4)) / 2)),
    ("cosent Y graded grades scale=3", lambda b: graded(b, 3)),
    ("spectral Y mu=0.5", lambda b: spectral(b.X, b.Y, 0.5)),
    ("simsiam Y hold=false",
     lambda b: -F.cosine_similarity(b.X, b.Y).mean()),
    ("byol Y direction=both_ways", lambda b: (
        2 - F.cosine_similarity(b.X, b.Y.detach())
        - F.cosine_similarity(b.X.detach(), b.Y)).mean()),
    ("vicreg Y", lambda b: pml.VICRegLoss()(b.X, ref_emb=b.Y)),
    # learned
    ("infonce Y direction=both_ways learn=temperature temperature=0.30119421191220214",
     lambda b: sum(softmax(s * b.learned["temperature"].exp())
                   for s in (cos(b.X, b.Y), cos(b.Y, b.X))) / 2),
    ("sigmoid Y scale=5.4739473917272 bias=-2 learn=scale,bias", lambda b: softplus(
        (1 - 2 * torch.eye(b.b)) * (b.learned["scale"].exp() * cos(b.X, b.Y)
                                    + b.learned["bias"])).sum() / b.b),
    ("euclip Y scale=5.4739473917272 learn=scale",
     lambda b: softmax(-b.learned["scale"].exp() * square(b.X, b.Y))),
    ("soft_target Y target learn=temperature temperature=0.30119421191220214", lambda b: -(
        b.target * torch.log_softmax(cos(b.X, b.Y) * b.learned["temperature"].exp(), 1)
    ).sum(1).div(b.target.sum(1)).mean()),
    # scores in place of embeddings
    ("infonce S temperature=0.7", lambda b: softmax(b.S / 0.7)),
    ("circle S label labels3 margin=0.3 gamma=2 reduce=mean_rows",
     lambda b: circle(*related(b, b.S), 0.3, 2, lambda v, n: v.sum() / n)),
    ("infonce S label labels3 temperature=0.7", lambda b: several(*related(b, b.S), 0.7)),
]
OPTIONS = {"label": "label", "own": "label", "Y": "document", "Z": "negative", "W": "proxy",
           "target": "target", "grade": "target", "pairs": "positive", "triplets": "triplet",
           "V": "negative", "S": "score", "label2": "label", "labels3": "label",
           "graded": "positive", "grades": "target"}
GIVEN = "XYZWVS"


def apart(a, b):
    return np.abs(a - b).max() / max(np.abs(b).max(), 1e-12)


def run(kin, folder, b, setting, formula):
    """The largest difference of the value and of all gradients."""
    words = setting.split()
    want = formula(b)
    slopes = torch.autograd.grad(want, [getattr(b, x) for x in GIVEN] + list(b.learned.values()),
                                 allow_unused=True)
    call = [kin, "loss", words[0], "--json", "--grad", "gradients"]
    call += [] if "S" in words else ["--query", "X"]
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
    for key, slope in zip(GIVEN, slopes):
        if key + ".npy" in call:
            got = np.load(os.path.join(folder, "gradients", key + ".npy"))
            off = max(off, apart(got, np.zeros(1) if slope is None else slope.numpy()))
    for key, slope in zip(b.learned, slopes[len(GIVEN):]):
        if key in answer["learned"]:
            off = max(off, apart(np.array(answer["learned"][key]["gradient"]), slope.item()))
    return off


def main():
    kin, chosen, bad = os.path.abspath(sys.argv[1]), sys.argv[2:], 0
    for setting, formula in CASES:
        if chosen and not any(c in (setting, setting.split()[0]) for c in chosen):
            continue
        with tempfile.TemporaryDirectory() as folder:
            off = max(run(kin, folder, Batch(b, d, seed), setting, formula)
                      for b, d, seed in ((7, 8, 1), (33, 8, 2), (12, 7, 3)))
        bad += not off <= BOUND
        print(f"{off:8.1e}{'' if off <= BOUND else '  OFF'}  {setting}")
    sys.exit(bad > 0)


main()
