#!/usr/bin/env python3
"""Values and gradients by PyTorch in double: of losses that no published program computes, and on
the points of pytorch-metric-learning's own tests, whose expected values are compared.

    python3 tests/known/torch_values.py > values.json
    python3 tests/known/make.py losses_golden.json values.json

The inputs are those of make.py. Each function is the loss as its formula reads, with a full matrix of
scores and automatic differentiation.
"""
import json

import torch

torch.set_default_dtype(torch.float64)


def inputs():
    i = torch.arange(24.0).reshape(6, 4)
    x = torch.sin(0.3 + 0.7 * i + 0.11 * i * i)
    at = lambda *degrees: torch.stack([torch.cos(a := torch.tensor(degrees).deg2rad()), a.sin()], 1)
    return {"X": x, "Y": x + 0.3 * torch.cos(1.3 * i + 0.05 * i * i),
            "Z": torch.sin(0.9 + 0.45 * i + 0.07 * i * i),
            "A": at(0.0, 20.0, 40.0, 60.0, 80.0) * torch.tensor([2, 0.5]),
            "U": at(0.0, 10.0, 20.0, 50.0, 60.0, 80.0), "V": at(0.0, 50.0, 100.0),
            "R": at(5.0, 40.0, 120.0)}


def unit(x):
    return torch.nn.functional.normalize(x, dim=1)


def targets():
    """Six by six numbers between 0 and 1, those of the matches the largest."""
    i = torch.arange(36.0).reshape(6, 6)
    return 0.4 + 0.4 * torch.sin(1.1 * i + 0.3 * i * i) + 0.2 * torch.eye(6)


def soft_target(x, y, t):
    w = targets()
    return -(w * torch.log_softmax(unit(x) @ unit(y).T / t, 1)).sum(1).div(w.sum(1)).mean()


def distillation(x, y, t, u):
    q = torch.softmax(targets() / u, 1)
    p = torch.log_softmax(unit(x) @ unit(y).T / t, 1)
    return (q * (q.log() - p)).sum(1).mean()


def euclip(x, y, scale):
    square = ((x[:, None] - y[None]) ** 2).sum(2)
    return -torch.log_softmax(-scale * square, 1).diagonal().mean()


def kernel_mixture(x, y, t, gamma, mix):
    d = ((unit(x)[:, None] - unit(y)[None]) ** 2).sum(2).sqrt()
    part = lambda g: -torch.log_softmax(-d**g / t, 1).diagonal().mean()
    return mix * part(gamma) + (1 - mix) * part(2)


def infonce(x, y, t, margin, smoothing):
    s = unit(x) @ unit(y).T
    logits = (s - margin * torch.eye(6)) / t
    return torch.nn.functional.cross_entropy(logits, torch.arange(6), label_smoothing=smoothing)


def uniformity(z, t):
    square = ((z[:, None] - z[None]) ** 2).sum(2)
    return torch.exp(-t * square)[~torch.eye(len(z), dtype=torch.bool)].mean().log()


def align_uniform(x, y, align, uniform, alpha, t):
    near = ((unit(x) - unit(y)) ** 2).sum(1).sqrt().pow(alpha).mean()
    return align * near + uniform * (uniformity(unit(x), t) + uniformity(unit(y), t)) / 2


# ---- points of pytorch-metric-learning's tests: A with labels 0 0 1 1 2, U with 0 0 0 1 1 2

def related(x):
    """Cosines; which pairs are positive, which negative; rows that have both."""
    label = torch.tensor([0, 0, 1, 1, 2] if len(x) == 5 else [0, 0, 0, 1, 1, 2])
    pos = (label[:, None] == label) & ~torch.eye(len(x), dtype=torch.bool)
    neg = label[:, None] != label
    return unit(x) @ unit(x).T, pos, neg, pos.any(1) & neg.any(1)


def lse(x, mask):
    return torch.logsumexp(x.masked_fill(~mask, -torch.inf), 1)


def circle(x, m, gamma, detach=True, pool=False):
    s, pos, neg, valid = related(x)
    held = s.detach() if detach else s
    n, p = gamma * (held + m).relu() * (s - m), -gamma * (1 + m - held).relu() * (s - 1 + m)
    if pool:                                           # all pairs, each once, are one row
        upper = torch.ones_like(pos).triu(1)
        n, p, neg, pos = (z[upper > 0][None] for z in (n, p, neg, pos))
        return torch.nn.functional.softplus(lse(n, neg) + lse(p, pos)).sum()
    return torch.nn.functional.softplus(lse(n[valid], neg[valid]) + lse(p[valid], pos[valid])).mean()


def multi_similarity(x, alpha, beta, base):
    s, pos, neg, _ = related(x)
    count = lambda z, mask: torch.log1p((z.exp() * mask).sum(1))
    return (count(-alpha * (s - base), pos) / alpha + count(beta * (s - base), neg) / beta).mean()


def hinges(x, margin, plus):
    """The means of both hinges, over pairs above 0, of the distance 1 - s."""
    s, pos, neg, _ = related(x)
    p, n = (1 - s - plus)[pos].relu(), (margin - 1 + s)[neg].relu()
    return sum(z[z > 0].mean() for z in (p, n) if (z > 0).any())


def ntxent(x, t):
    s, pos, neg, _ = related(x)
    rest = lse(s / t, neg)[:, None].expand_as(s)[pos]
    return (torch.logaddexp(rest, s[pos] / t) - s[pos] / t).mean()


def supcon(x, t, over_all):
    s, pos, neg, valid = related(x)
    row = lse(s / t, pos | neg) - (s / t * pos).sum(1) / pos.sum(1).clamp(min=1)
    return row[valid].sum() / (len(x) if over_all else valid.sum())


def clip(x, y, scale, ways):
    s = scale * unit(x) @ unit(y).T
    way = lambda z: (torch.logsumexp(z, 1) - z.diagonal()).mean()
    return (way(s) + way(s.T)) / 2 if ways == 2 else way(s)


def simclr(x, y, t):
    z = unit(torch.cat([x, y]))
    s = (z @ z.T / t).masked_fill(torch.eye(len(z), dtype=torch.bool), -torch.inf)
    return (torch.logsumexp(s, 1) - s.roll(len(x), 0).diagonal()).mean()


def siglip(x, y, scale, bias):
    sign = 2 * torch.eye(len(x)) - 1
    return torch.nn.functional.softplus(-sign * (scale * unit(x) @ unit(y).T + bias)).sum() / len(x)


def alignment(x, y, alpha):
    return (unit(x) - unit(y)).norm(dim=1).pow(alpha).mean()


# name: loss, inputs, its numbers, how many of these are learned, the published value
FIXTURES = {
    "pml tests/circle m.25 g256": (circle, "A", [0.25, 256.0], 0, 213.3890857),
    "pml tests/circle m.4 g80": (circle, "A", [0.4, 80.0], 0, 51.11026692),
    "pml tests/circle m.25 g4": (circle, "A", [0.25, 4.0], 0, 4.022874697),
    "pml tests/circle m.25 g256, one row": (
        lambda *a: circle(*a, pool=True), "A", [0.25, 256.0], 0, 221.318693),
    "pml tests/circle m.4 g80, one row": (
        lambda *a: circle(*a, pool=True), "A", [0.4, 80.0], 0, 54.13480212),
    "pml tests/multi similarity .1 40 .5": (
        multi_similarity, "A", [0.1, 40.0, 0.5], 0, 5.810982113),
    "pml tests/multi similarity 2 50 .5": (
        multi_similarity, "A", [2.0, 50.0, 0.5], 0, 0.5846771409),
    "pml tests/contrastive squared .25 1.5, half": (
        lambda x: hinges(x, 0.75, 0.125), "A", [], 0, 1.162362343 / 2),
    "pml tests/contrastive cosine 1.5 .6, less .5": (
        lambda x: hinges(x, 0.4, 0.0), "A", [], 0, 0.7797923821 - 0.5),
    "pml tests/NTXent t.1": (ntxent, "A", [0.1], 0, 0.9798080488),
    "pml tests/NTXent t.1, six": (ntxent, "U", [0.1], 0, 0.2981431006),
    "pml tests/SupCon t.1": (lambda x, t: supcon(x, t, False), "U", [0.1], 0, 0.7200604451),
    "pml tests/SupCon t.1 over all rows": (
        lambda x, t: supcon(x, t, True), "U", [0.1], 0, 0.6000503709),
    "angles/InfoNCE s20": (lambda *a: clip(*a, 1), "VR", [20.0], 0, 0.004663476821),
    "angles/InfoNCE symmetric s20": (lambda *a: clip(*a, 2), "VR", [20.0], 0, 0.004940404664),
    "angles/InfoNCE symmetric s1/.07": (lambda *a: clip(*a, 2), "VR", [1 / 0.07], 0, 0.01957657385),
    "angles/SimCLR t.5": (simclr, "VR", [0.5], 0, 0.8540912772),
    "angles/SimCLR t.1": (simclr, "VR", [0.1], 0, 0.1304020683),
    "angles/SigLIP t10 b-10": (siglip, "VR", [10.0, -10.0], 2, 0.8920067838),
    "angles/align a2": (alignment, "VR", [2.0], 0, 0.05286995207),
    "angles/align a1": (alignment, "VR", [1.0], 0, 0.2029488719),
    "angles/uniform t2": (lambda x, t: uniformity(unit(x), t), "V", [2.0], 0, -1.81541021),
}

CASES = {
    "CWCL t0.1": (soft_target, ["X", "Y"], [0.1], 1),
    "distillation t0.2 u0.5": (distillation, ["X", "Y"], [0.2, 0.5], 0),
    "EuCLIP scale 1": (euclip, ["X", "Y"], [1.0], 1),
    "EuCLIP scale 3": (euclip, ["X", "Y"], [3.0], 1),
    "Kernel-InfoNCE t.5 gamma 1": (kernel_mixture, ["X", "Y"], [0.5, 1.0, 0.5], 0),
    "Kernel-InfoNCE t.2 gamma .5": (kernel_mixture, ["X", "Y"], [0.2, 0.5, 0.7], 0),
    "align + uniform": (align_uniform, ["X", "Y"], [1.0, 1.0, 2.0, 2.0], 0),
    ".98 align + .96 uniform, alpha 1.5, t 3": (align_uniform, ["X", "Y"], [0.98, 0.96, 1.5, 3.0], 0),
    "InfoNCE margin .2 smoothing .1": (infonce, ["X", "Y"], [0.1, 0.2, 0.1], 1),
}


def main():
    results = {}
    for name, (loss, names, hypers, learned, *published) in {**CASES, **FIXTURES}.items():
        tensors = [inputs()[n].requires_grad_() for n in names]
        numbers = [torch.tensor(h, requires_grad=i < learned) for i, h in enumerate(hypers)]
        value = loss(*tensors, *numbers)
        value.backward()
        for number in published:                   # with ten digits, of which the last is rounded
            assert abs(value.item() - number) < 6e-10 * max(1, abs(number) * 10), (name, value.item())
        grad = [t.grad.tolist() for t in tensors] + [n.grad.item() for n in numbers if n.requires_grad]
        results[name] = {"loss": value.item(), "grad": grad}
    print(json.dumps({"results": results, "targets": targets().tolist()}, indent=1))


if __name__ == "__main__":
    main()
