"""Training steps in PyTorch: functions that make one step of a variant of gpu_peers.py."""
import torch


def graph_of(step):
    """The step, recorded once: its tensors stay where they are."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = step()

    def rep():
        graph.replay()
        return loss
    return rep


def step_of(opt, forward):
    def step():
        opt.zero_grad(set_to_none=True)
        loss = forward()
        loss.backward()
        opt.step()
        return loss.detach()
    return step


def mlp(variant, widths, x, y, loss_fn):
    device = x.device.type
    tower = lambda: torch.nn.Sequential(torch.nn.Linear(widths[0], widths[1]), torch.nn.ReLU(),
                                        torch.nn.Linear(widths[1], widths[2]))
    towers = torch.nn.ModuleList([tower(), tower()]).to(device)
    graph, cast = variant.startswith("graph"), not variant.endswith("tf32")
    opt = torch.optim.Adam(towers.parameters(), lr=1e-3, fused=True,
                           capturable=graph)

    def forward(x, y):
        with torch.autocast(device, dtype=torch.bfloat16, enabled=cast):
            return loss_fn(towers[0](x), towers[1](y))

    if variant in ("compile", "graph-compile", "graph-compile-tf32"):
        forward = torch.compile(forward, dynamic=False)
    if variant == "reduce":
        forward = torch.compile(forward, dynamic=False, mode="reduce-overhead")
    step = step_of(opt, lambda: forward(x, y))
    return graph_of(step) if graph else step


def static(variant, vocabulary, dim, batches, loss_fn):
    """batches: lists of two bags (ids, starts)."""
    device = batches[0][0][0].device.type
    sparse = variant == "sparse"
    bag = torch.nn.EmbeddingBag(vocabulary, dim, mode="mean", sparse=sparse).to(device)
    opt = (torch.optim.SparseAdam(bag.parameters(), lr=1e-3) if sparse else
           torch.optim.Adam(bag.parameters(), lr=1e-3, fused=True))
    if variant == "compile":
        loss_fn = torch.compile(loss_fn, dynamic=False)
    turn = [0]

    def forward():
        a, b = batches[turn[0] % len(batches)]
        turn[0] += 1
        with torch.autocast(device, dtype=torch.bfloat16):
            return loss_fn(bag(*a), bag(*b))
    return step_of(opt, forward)


def adam(variant, count, device):
    p = torch.zeros(count, device=device, requires_grad=True)
    p.grad = torch.full_like(p, 0.01)
    opt = torch.optim.Adam([p], lr=1e-3, **{variant: True})

    def step():
        opt.step()
        return p.detach()[0]
    return step
