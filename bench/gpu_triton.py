"""One-way InfoNCE over unit vectors in Triton, after the idea of Inf-CL (Cheng et al. 2024,
arXiv:2410.17243): tiles of scores, an online log-sum-exp, no B x B. Each gradient forms the scores
again in a kernel of its own: 2 + 4 + 4 B^2 D operations for each direction. Operands are float
(products in TF32) or bf16; sums are float.

The dimension is cut into pieces of PIECE columns. With several pieces a gradient's tile does not
fit the registers and is added to in memory, as published; with one piece it stays."""
import torch
import triton
import triton.language as tl


@triton.jit
def score_tile(q, k, row, column, rows, columns, DIM: tl.constexpr, PIECE: tl.constexpr,
               M: tl.constexpr, N: tl.constexpr):
    """scores[M][N] of rows row[] of q against rows column[] of k."""
    at = tl.arange(0, PIECE)
    s = tl.zeros([M, N], tl.float32)
    for piece in range(0, DIM, PIECE):
        a = tl.load(q + row[:, None] * DIM + piece + at[None], mask=row[:, None] < rows, other=0.0)
        b = tl.load(k + column[:, None] * DIM + piece + at[None],
                    mask=column[:, None] < columns, other=0.0)
        s = tl.dot(a, tl.trans(b), s, input_precision="tf32")
    return s


@triton.jit
def forward_kernel(q, k, lse, rows, columns, scale, DIM: tl.constexpr, PIECE: tl.constexpr,
                   M: tl.constexpr, N: tl.constexpr):
    row = (tl.program_id(0) * M + tl.arange(0, M)).to(tl.int64)
    top = tl.full([M], -1e30, tl.float32)
    total = tl.zeros([M], tl.float32)
    for first in range(0, columns, N):
        column = (first + tl.arange(0, N)).to(tl.int64)
        s = score_tile(q, k, row, column, rows, columns, DIM, PIECE, M, N) * scale
        s = tl.where(column[None] < columns, s, -1e30)
        higher = tl.maximum(top, tl.max(s, 1))
        total = total * tl.exp(top - higher) + tl.sum(tl.exp(s - higher[:, None]), 1)
        top = higher
    tl.store(lse + row, top + tl.log(total), mask=row < rows)


@triton.jit
def add_product(g, of, to, own, other, owns, others, PIECES: tl.constexpr, DIM: tl.constexpr,
                PIECE: tl.constexpr):
    """to[own] += g of[other], piece by piece, in memory."""
    at = tl.arange(0, PIECE)
    for p in range(0, PIECES):
        where = to + own[:, None] * DIM + p * PIECE + at[None]
        x = tl.load(of + other[:, None] * DIM + p * PIECE + at[None],
                    mask=other[:, None] < others, other=0.0)
        y = tl.load(where, mask=own[:, None] < owns, other=0.0)
        y = tl.dot(g.to(x.dtype), x, y, input_precision="tf32")
        tl.store(where, y, mask=own[:, None] < owns)


@triton.jit
def rows_kernel(q, k, lse, dq, rows, columns, scale, factor, DIM: tl.constexpr,
                PIECE: tl.constexpr, M: tl.constexpr, N: tl.constexpr):
    """dq = factor (softmax - identity) k; dq holds zeros."""
    row = (tl.program_id(0) * M + tl.arange(0, M)).to(tl.int64)
    r = tl.load(lse + row, mask=row < rows, other=0.0)
    at = tl.arange(0, PIECE)
    sum_ = tl.zeros([M, PIECE], tl.float32)
    for first in range(0, columns, N):
        column = (first + tl.arange(0, N)).to(tl.int64)
        s = score_tile(q, k, row, column, rows, columns, DIM, PIECE, M, N) * scale
        g = tl.exp(s - r[:, None]) - tl.where(row[:, None] == column[None], 1.0, 0.0)
        g = tl.where(column[None] < columns, g, 0.0) * factor
        if PIECE == DIM:
            x = tl.load(k + column[:, None] * DIM + at[None], mask=column[:, None] < columns,
                        other=0.0)
            sum_ = tl.dot(g.to(x.dtype), x, sum_, input_precision="tf32")
        else:
            add_product(g, k, dq, row, column, rows, columns, DIM // PIECE, DIM, PIECE)
    if PIECE == DIM:
        tl.store(dq + row[:, None] * DIM + at[None], sum_, mask=row[:, None] < rows)


@triton.jit
def columns_kernel(q, k, lse, dk, rows, columns, scale, factor, DIM: tl.constexpr,
                   PIECE: tl.constexpr, M: tl.constexpr, N: tl.constexpr):
    """dk = factor (softmax - identity)' q; dk holds zeros."""
    column = (tl.program_id(0) * M + tl.arange(0, M)).to(tl.int64)
    at = tl.arange(0, PIECE)
    sum_ = tl.zeros([M, PIECE], tl.float32)
    for first in range(0, rows, N):
        row = (first + tl.arange(0, N)).to(tl.int64)
        r = tl.load(lse + row, mask=row < rows, other=0.0)
        s = score_tile(k, q, column, row, columns, rows, DIM, PIECE, M, N) * scale
        g = tl.exp(s - r[None]) - tl.where(column[:, None] == row[None], 1.0, 0.0)
        g = tl.where(row[None] < rows, g, 0.0) * factor
        if PIECE == DIM:
            x = tl.load(q + row[:, None] * DIM + at[None], mask=row[:, None] < rows, other=0.0)
            sum_ = tl.dot(g.to(x.dtype), x, sum_, input_precision="tf32")
        else:
            add_product(g, q, dk, column, row, columns, rows, DIM // PIECE, DIM, PIECE)
    if PIECE == DIM:
        tl.store(dk + column[:, None] * DIM + at[None], sum_, mask=column[:, None] < columns)


def settings(dim, dtype):
    """Tiles that fit the shared memory of a Hopper GPU."""
    if dtype == torch.bfloat16 and dim <= 256:
        return dict(PIECE=dim, M=128, N=64, num_warps=8, num_stages=2)
    return dict(PIECE=64, M=128, N=64, num_warps=8, num_stages=2)


class Contrast(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q, k, scale, dtype):
        a, b = q.to(dtype), k.to(dtype)
        n, dim = q.shape
        how = settings(dim, dtype)
        lse = torch.empty(n, device=q.device)
        forward_kernel[(triton.cdiv(n, how["M"]),)](a, b, lse, n, k.shape[0], scale, DIM=dim, **how)
        ctx.save_for_backward(a, b, lse)
        ctx.scale = scale
        return (lse - scale * (q * k[:n]).sum(1)).mean()

    @staticmethod
    def backward(ctx, upstream):
        a, b, lse = ctx.saved_tensors
        (n, dim), m = a.shape, b.shape[0]
        how = settings(dim, a.dtype)
        dq = torch.zeros(n, dim, device=a.device)
        dk = torch.zeros(m, dim, device=a.device)
        rest = n, m, ctx.scale, ctx.scale / n
        rows_kernel[(triton.cdiv(n, how["M"]),)](a, b, lse, dq, *rest, DIM=dim, **how)
        columns_kernel[(triton.cdiv(m, how["M"]),)](a, b, lse, dk, *rest, DIM=dim, **how)
        return dq.mul_(upstream), dk.mul_(upstream), None, None


def contrast(q, k, scale, dtype):
    return Contrast.apply(q, k, scale, dtype)
