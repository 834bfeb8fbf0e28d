#!/usr/bin/env python3
"""Values and gradients of losses that no published program computes, by PyTorch in double.

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
    return {"X": x, "Y": x + 0.3 * torch.cos(1.3 * i + 0.05 * i * i),
            "Z": torch.sin(0.9 + 0.45 * i + 0.07 * i * i)}


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
    for name, (loss, names, hypers, learned) in CASES.items():
        tensors = [inputs()[n].requires_grad_() for n in names]
        numbers = [torch.tensor(h, requires_grad=i < learned) for i, h in enumerate(hypers)]
        value = loss(*tensors, *numbers)
        value.backward()
        grad = [t.grad.tolist() for t in tensors] + [n.grad.item() for n in numbers if n.requires_grad]
        results[name] = {"loss": value.item(), "grad": grad}
    print(json.dumps({"results": results, "targets": targets().tolist()}, indent=1))


if __name__ == "__main__":
    main()
