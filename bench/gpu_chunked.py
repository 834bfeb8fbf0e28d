"""Contrastive losses by hand in PyTorch, without B x B: two passes over chunks of rows, the second
forms the scores again and takes the gradients along. Products are bf16 with float sums; what lies
between them is element-wise and may be compiled."""
import torch

SCORES = 1 << 28                               # formed at a time


def row_pass(s, total, first):
    """Row sums and the diagonal. exp is safe: scores of unit vectors are bounded. Column sums are
    added to total."""
    s = s.float()
    e = s.exp()
    total += e.sum(0)
    return e.sum(1), s.diagonal(first).sum()


def oneway_slopes(s, row, first):
    g = s.float().exp_().mul_(1 / row[:, None])
    g.diagonal(first).sub_(1)
    return g.bfloat16()


def symmetric_slopes(s, row, column, first):
    g = s.float().exp_().mul_(0.5 / row[:, None] + 0.5 / column[None])
    g.diagonal(first).sub_(1)
    return g.bfloat16()


def sigmoid_slopes(s, bias, first):
    """Slopes, and the sum of softplus over all minus the diagonal."""
    s = s.float() + bias
    value = torch.nn.functional.softplus(s).sum() - s.diagonal(first).sum()
    g = torch.sigmoid(s)
    g.diagonal(first).sub_(1)
    return g.bfloat16(), value


compiled_functions = {}


def prepared(fn, compiled):
    if not compiled:
        return fn
    if fn not in compiled_functions:
        compiled_functions[fn] = torch.compile(fn, dynamic=True)
    return compiled_functions[fn]


class Contrast(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q, k, scale, kind, compiled):
        n, step = q.shape[0], max(1, min(q.shape[0], SCORES // k.shape[0]))
        a, b = (q * scale).bfloat16(), k.bfloat16()
        half_q = q.bfloat16()
        parts = [(i, min(n, i + step)) for i in range(0, n, step)]
        row = torch.empty(n, device=q.device)
        column = torch.zeros(k.shape[0], device=q.device)
        dq, dk = torch.empty_like(q), torch.zeros_like(k)
        value = torch.zeros((), device=q.device)
        if kind != "sigmoid":
            look = prepared(row_pass, compiled)
            for i, j in parts:
                row[i:j], own = look(a[i:j] @ b.T, column, i)
                value -= own / n
            logs = row.log().sum()
            value += (logs + column.log().sum()) / (2 * n) if kind == "symmetric" else logs / n
        for i, j in parts:
            s = a[i:j] @ b.T
            if kind == "oneway":
                g = prepared(oneway_slopes, compiled)(s, row[i:j], i)
            elif kind == "symmetric":
                g = prepared(symmetric_slopes, compiled)(s, row[i:j], column, i)
            else:
                g, v = prepared(sigmoid_slopes, compiled)(s, -scale / 2, i)
                value += v / n
            dq[i:j] = g @ b
            dk += g.T @ half_q[i:j]
        ctx.save_for_backward(dq.mul_(scale / n), dk.mul_(scale / n))
        return value

    @staticmethod
    def backward(ctx, upstream):
        dq, dk = ctx.saved_tensors
        return dq * upstream, dk * upstream, None, None, None


def contrast(q, k, scale, kind, compiled):
    return Contrast.apply(q, k, scale, kind, compiled)
