"""Losses by label in PyTorch. *_pml: the formulas of pytorch-metric-learning 2.9, index lists
included; *_hand: the same values by masks, or in groups where that would not fit."""
import torch
import torch.nn.functional as F


def relation(label):
    same = label[:, None] == label[None]
    return same & ~torch.eye(len(label), dtype=torch.bool, device=label.device), ~same


def all_triplets(label):
    pos, neg = relation(label)
    n = len(label)
    if n ** 3 < 2 ** 31 - 1:
        return torch.where(pos.byte().unsqueeze(2) * neg.byte().unsqueeze(1))
    lists = [], [], []
    for i in range(n):
        p = pos[i].nonzero().squeeze(1)
        m = neg[i].nonzero().squeeze(1)
        lists[0].append(torch.full((len(p) * len(m),), i, dtype=torch.long, device=label.device))
        lists[1].append(p.repeat_interleave(len(m)))
        lists[2].append(m.repeat(len(p)))
    return tuple(torch.cat(x) for x in lists)


def triplet_pml(x, label):
    z = F.normalize(x, dim=1)
    d = torch.cdist(z, z)
    a, p, n = all_triplets(label)
    h = F.relu(d[a, p] - d[a, n] + 0.2)
    return h.sum() / (h > 0).sum()


def triplet_hand(x, label):
    """Anchors in groups, broadcast over positives and negatives: nothing of B^3 is kept."""
    from torch.utils.checkpoint import checkpoint
    z = F.normalize(x, dim=1)
    pos, neg = relation(label)
    s = (2 - 2 * z @ z.T).clamp_min(1e-12).sqrt()
    most = int(pos.sum(1).max())
    which = pos.to(torch.int8).topk(most, dim=1).indices
    real = pos.gather(1, which)
    group = max(1, (1 << 28) // (most * len(label)))

    def part(d, which, real, neg):
        h = F.relu(d.gather(1, which)[:, :, None] - d[:, None, :] + 0.2)
        h = h * (real[:, :, None] & neg[:, None, :])
        return h.sum(), (h > 0).sum()

    total, above = 0, 0
    for i in range(0, len(label), group):
        at = slice(i, i + group)
        t, c = checkpoint(part, s[at], which[at], real[at], neg[at], use_reentrant=False)
        total, above = total + t, above + c
    return total / above


def lse(s, mask):
    return torch.logsumexp(s.masked_fill(~mask, float("-inf")), 1)


def circle_of(s, pos, neg, m=0.4, gamma=80):
    c = s.detach()
    p = -gamma * (1 + m - c).clamp_min(0) * (s - (1 - m))
    n = gamma * (c + m).clamp_min(0) * (s - m)
    return F.softplus(lse(p, pos) + lse(n, neg)).mean()


def circle_hand(x, label):
    z = F.normalize(x, dim=1)
    return circle_of(z @ z.T, *relation(label))


def circle_pml(x, label):
    z = F.normalize(x, dim=1)
    s = z @ z.T
    pos, neg = relation(label)
    masks = []
    for where in (torch.where(pos), torch.where(neg)):
        mask = torch.zeros_like(s, dtype=torch.bool)
        mask[where] = True
        masks.append(mask)
    return circle_of(s, *masks)


def ntxent_hand(x, label, t=0.05):
    z = F.normalize(x, dim=1)
    s = z @ z.T / t
    pos, neg = relation(label)
    return (torch.logaddexp(s, lse(s, neg)[:, None]) - s)[pos].mean()


def ntxent_pml(x, label, t=0.05):
    z = F.normalize(x, dim=1)
    s = z @ z.T
    pos, neg = relation(label)
    (a1, p), (a2, n) = torch.where(pos), torch.where(neg)
    pp, nn = s[a1, p].unsqueeze(1) / t, s[a2, n] / t
    own = (a2.unsqueeze(0) == a1.unsqueeze(1)).to(s.dtype)
    nn = nn * own
    nn[own == 0] = torch.finfo(s.dtype).min
    most = torch.max(pp, nn.max(dim=1, keepdim=True)[0]).detach()
    up = torch.exp(pp - most).squeeze(1)
    return -torch.log(up / (torch.exp(nn - most).sum(1) + up) + 1e-20).mean()
