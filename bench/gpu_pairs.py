"""Losses of pairs in PyTorch, as they are written where they are used: rows of q against rows of k,
row i of both being a pair."""
import torch
import torch.nn.functional as F

SCALE = 20.0                                   # 1 / temperature


def scores(q, k):
    return F.normalize(q, dim=1) @ F.normalize(k, dim=1).T * SCALE


def oneway(q, k):
    return F.cross_entropy(scores(q, k), torch.arange(q.shape[0], device=q.device))


def oneway_lse(q, k):
    s = scores(q, k).float()                   # the slopes of both terms must meet in float
    return (torch.logsumexp(s, 1) - s.diagonal()).mean()


def symmetric(q, k):
    s, label = scores(q, k), torch.arange(q.shape[0], device=q.device)
    return (F.cross_entropy(s, label) + F.cross_entropy(s.T, label)) / 2


def symmetric_lse(q, k):
    s = scores(q, k).float()
    both = torch.logsumexp(s, 1) + torch.logsumexp(s, 0)
    return (both / 2 - s.diagonal()).mean()


def openclip(q, k):
    a, b = F.normalize(q, dim=1), F.normalize(k, dim=1)
    label = torch.arange(q.shape[0], device=q.device)
    return (F.cross_entropy(SCALE * a @ b.T, label) + F.cross_entropy(SCALE * b @ a.T, label)) / 2


def sigmoid(q, k):
    s = scores(q, k) - SCALE / 2
    y = 2 * torch.eye(q.shape[0], device=q.device) - 1
    return -F.logsigmoid(y * s).sum() / q.shape[0]


def sigmoid_softplus(q, k):                    # no label matrix
    s = (scores(q, k) - SCALE / 2).float()
    return (F.softplus(s).sum() - s.diagonal().sum()) / q.shape[0]


FORMS = {"oneway": {"eager": oneway, "lse": oneway_lse},
         "symmetric": {"eager": symmetric, "lse": symmetric_lse, "openclip": openclip},
         "sigmoid": {"eager": sigmoid, "lse": sigmoid_softplus}}
