"""The numbers of bench/inputs.c, made on the GPU."""
import torch

DEVICE = "cuda"                                # gpu_peers.py may choose another


def signed(x):
    return x - (1 << 64) if x >> 63 else x


def shifted(z, n):                             # int64 as if it were unsigned
    return (z >> n) & ((1 << (64 - n)) - 1)


def uniform_part(seed, first, n):
    i = torch.arange(first, first + n, dtype=torch.int64, device=DEVICE)
    z = i + signed(seed << 40) + (i + 1) * signed(0x9E3779B97F4A7C15)
    z = (z ^ shifted(z, 30)) * signed(0xBF58476D1CE4E5B9)
    z = (z ^ shifted(z, 27)) * signed(0x94D049BB133111EB)
    z = z ^ shifted(z, 31)
    return (shifted(z, 40).double() * 2.0 ** -24 - 0.5).float()


def uniform(seed, rows, cols):
    x = torch.empty(rows * cols, device=DEVICE)
    for a in range(0, rows * cols, 1 << 24):
        n = min(1 << 24, rows * cols - a)
        x[a:a + n] = uniform_part(seed, a, n)
    return x.view(rows, cols)


def pairs(rows, cols):
    q = uniform(1, rows, cols)
    k = uniform(2, rows, cols).mul_(0.7).add_(0.7 * q)
    return q, k


def zipf_bags(seed, vocabulary, rows, length):
    u = uniform(seed, rows, 1).double().flatten() + 0.5
    n = 1 + torch.floor((2 * length - 1) * u).long()
    u = uniform(seed + 1, int(n.sum()), 1).double().flatten() + 0.5
    ids = torch.floor(torch.pow(float(vocabulary), u)).long() - 1
    start = torch.cat([torch.zeros(1, dtype=torch.long, device=DEVICE), n.cumsum(0)[:-1]])
    return ids.clamp(0, vocabulary - 1), start
