"""The recipe of run.ini in PyTorch, to time an epoch beside kin's.

    python peer.py FOLDER [--threads N] [--steps N] [--plain]

FOLDER holds train.txt. Prints seconds an epoch, from so many steps after ten that warm up, and
what of a step the processors worked on it, which says more on a busy machine. What a
careful program can do on a CPU is done: a product of the batch with the whole table and a pick of
the drawn scores decides without gradient which negatives exceed the margin, the few that do go
through autograd, and Adam is fused. --plain leaves the drawn rows to autograd as they are, which is
how the recipe's own code does it.
"""
import argparse
import time

import torch
from torch.nn.functional import dropout, normalize

BATCH, DRAWN, MARGIN, WEIGHT, DIM = 256, 800, 0.9, 150.0, 64


def read(folder):
    pairs = []
    with open(f"{folder}/train.txt") as lines:
        for line in lines:
            user, *items = map(int, line.split())
            pairs += [(user, item) for item in items]
    return torch.tensor(pairs)


def plain(users, items, u, own, drawn):
    x = dropout(normalize(users[u]), 0.1)
    y = normalize(items[torch.cat([own[:, None], drawn], 1)])
    s = torch.einsum("bd,bnd->bn", x, y)
    return (torch.relu(1 - s[:, 0]) + WEIGHT * torch.relu(s[:, 1:] - MARGIN).mean(1)).mean()


def careful(users, items, u, own, drawn):
    x = dropout(normalize(users[u]), 0.1)
    with torch.no_grad():
        above = torch.gather(x @ normalize(items).T, 1, drawn) > MARGIN
    row, place = above.nonzero(as_tuple=True)
    y = normalize(items[torch.cat([own, drawn[row, place]])])
    match = (x * y[:BATCH]).sum(1)
    extra = (x[row] * y[BATCH:]).sum(1)
    return torch.relu(1 - match).mean() + WEIGHT / DRAWN / BATCH * torch.relu(extra - MARGIN).sum()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("folder")
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--steps", type=int, default=100)
    options.add_argument("--plain", action="store_true")
    o = options.parse_args()
    torch.set_num_threads(o.threads)
    torch.manual_seed(1)
    pairs = read(o.folder)
    counts = pairs.max(0).values + 1
    tables = [torch.nn.Parameter(1e-4 * torch.randn(int(n), DIM)) for n in counts]
    adam = torch.optim.Adam(tables, lr=1e-4, weight_decay=1e-8, fused=True)
    loss_of = plain if o.plain else careful
    order = torch.randperm(len(pairs))
    for step in range(o.steps + 10):
        if step == 10:
            began, used = time.perf_counter(), time.process_time()
        u, own = pairs[order[step * BATCH:(step + 1) * BATCH]].T
        drawn = torch.randint(int(counts[1]), (BATCH, DRAWN))
        loss = loss_of(*tables, u, own, drawn)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(tables, 10)
        adam.step()
        adam.zero_grad(set_to_none=True)
    seconds = (time.perf_counter() - began) / o.steps
    used = (time.process_time() - used) / o.steps
    print(f"{seconds * 1e3:.1f} ms a step ({used * 1e3:.1f} of processors), "
          f"{seconds * (len(pairs) // BATCH):.1f} s an epoch, {o.threads} threads, "
          f"loss {loss.item():.4f}")


if __name__ == "__main__":
    main()
