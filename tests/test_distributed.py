"""Two gloo processes with a part of the batch each against one with the whole batch."""

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from hcl import distributed
from hcl.hardening import Exponential
from hcl.modules import ContrastiveLoss
from hcl.sampling import Drawn, Exact

WORLD = 2
CUTS = {"even": 6, "uneven": 5, "lone": 1}  # items of the first process, of 12
LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 0, 2, 2, 0])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def batch(seed=0):
    return torch.randn(12, 4, generator=generator(seed), dtype=torch.float64)


def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()


def modules():
    """Return the losses that are compared, by name; draws come from equal generators everywhere."""
    hard = {"hardening": Exponential(3.0), "gather": True}
    return {
        "exact": ContrastiveLoss(supervised=True, sampling=Exact(), **hard),
        "differentiated": ContrastiveLoss(supervised=True, sampling=Exact(detach=False), temperature=0.5, **hard),
        "pairs": ContrastiveLoss(supervised=False, sampling=Exact(), reduction="pair", **hard),
        "drawn": ContrastiveLoss(supervised=True, sampling=Drawn(4, generator=generator(2)), **hard),
        "sphere": ContrastiveLoss(supervised=True, sampling=Exact(), normalization="unit_sphere", **hard),
        "positives": ContrastiveLoss(supervised=True, sampling=Exact(), **hard),
        "unlabelled": ContrastiveLoss(supervised=False, sampling=Exact(), exclude_self=True, **hard),
    }


def result(model, name, loss, rows):
    """Return value and parameter gradients of the loss of a part of the batch."""
    model.zero_grad()
    features, labels, positives = model(batch()[rows]), LABELS[rows], None
    if name in ("positives", "unlabelled"):
        positives = model(batch(1)[rows])
    value = loss(features, None if name == "unlabelled" else labels.tolist(), positives)
    value.backward()
    return value.detach(), [p.grad.clone() for p in model.parameters()]


def refusal(z, *others):
    try:
        distributed.gather(z, *others)
    except ValueError as error:
        return str(error)
    return None


def work(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=WORLD)
    found = {}
    for cut, first in CUTS.items():
        rows = slice(0, first) if rank == 0 else slice(first, None)
        model = DistributedDataParallel(network())
        found[cut] = {name: result(model, name, loss, rows) for name, loss in modules().items()}
    rows = slice(0, 5) if rank == 0 else slice(5, None)
    z = batch()[rows].requires_grad_()
    every, labels, halves = distributed.gather(z, LABELS[rows].numpy(), batch(1)[rows].half())
    (every * batch(2)).sum().backward()
    found["gathered"] = every.detach(), labels, halves, z.grad
    found["refused"] = refusal(torch.zeros(2, 3 + rank)), refusal(torch.zeros(2, 3, dtype=torch.float64).to(
        torch.float64 if rank else torch.float32
    ))  # fmt: skip
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def by_rank(tmp_path_factory):
    """What each of two processes found; they are started once."""
    folder = tmp_path_factory.mktemp("processes")
    mp.spawn(work, (str(folder),), nprocs=WORLD)
    return [torch.load(folder / f"{rank}.pt") for rank in range(WORLD)]


@pytest.mark.parametrize("name", modules())
@pytest.mark.parametrize("cut", CUTS)
def test_parts_of_a_batch_give_the_value_and_gradient_of_the_whole(by_rank, cut, name):
    """After the average of DistributedDataParallel, also where the parts differ in size."""
    whole = result(network(), name, modules()[name], slice(None))
    for found in by_rank:
        torch.testing.assert_close(found[cut][name], whole)


def test_items_come_in_the_order_of_ranks_with_the_sum_of_the_gradients(by_rank):
    for rank, found in enumerate(by_rank):
        every, labels, halves, gradient = found["gathered"]
        assert every.equal(batch()) and labels.equal(LABELS) and halves.equal(batch(1).half())
        own = slice(0, 5) if rank == 0 else slice(5, None)
        torch.testing.assert_close(gradient, 2 * batch(2)[own])


def test_processes_with_unlike_items_are_refused_in_one_line(by_rank):
    for found in by_rank:
        widths, precisions = found["refused"]
        assert widths == "Processes differ in numbers an item: [3, 4] by rank; pass the same everywhere."
        assert precisions == "Processes differ in bytes a number: [4, 8] by rank; pass the same everywhere."


def test_where_no_processes_were_set_up_items_come_back_as_they_are():
    z = batch().requires_grad_()
    same, labels = distributed.gather(z, LABELS.tolist())
    assert same is z and labels.equal(LABELS)
    with pytest.raises(ValueError, match=r"Each tensor must have the 12 items of z, got \[12, 5\]"):
        distributed.gather(z, LABELS[:5])
