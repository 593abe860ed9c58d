"""What several files of tests share."""

import os
from pathlib import Path

import oracle
import torch

from hcl.training.data import Dataset

ROOT = Path(__file__).parent.parent
CPU = torch.device("cpu")


def on_path(folder):
    """PYTHONPATH of a process that is to import from a folder, and to keep to loopback (`no_network`)."""
    return os.pathsep.join([str(folder), os.environ["PYTHONPATH"]])


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def evaluate_quickly(patch):
    """Have the losses of an evaluation averaged over four batches in place of ten."""
    from hcl.training import evaluate

    patch.setattr(evaluate, "LOSS_BATCHES", 4)


def noise_images(classes=3, each=6, *, tests=4, size=4, seed=0):
    """A data set of uint8 noise whose training and test splits differ in everything: images, sizes, order of labels.

    The classes of the training split are uneven: the first has two items more.
    """
    generator = seeded(seed)
    labels = torch.cat([torch.zeros(2, dtype=torch.int64), torch.arange(classes).repeat(each)])
    test_labels = torch.arange(classes).flip(0).repeat_interleave(tests)
    train, test = (
        torch.randint(256, (len(of), 3, size, size), dtype=torch.uint8, generator=generator)
        for of in (labels, test_labels)
    )
    return Dataset("made up", train, labels, test, test_labels, "made up")


def assert_compiled_as_plain(loss, z):
    """A loss of (z, hardness) compiles to one graph for all hardnesses, with the plain value and gradient."""
    torch.compiler.reset()
    compiled = torch.compile(loss, fullgraph=True, dynamic=False, backend="aot_eager")
    for hardness, stance in ((2.0, "default"), (0.0, "fail_on_recompile")):
        with torch.compiler.set_stance(stance):
            ours = oracle.value_and_gradient(lambda z, h=hardness: compiled(z, torch.tensor(h)), z)
        torch.testing.assert_close(ours, oracle.value_and_gradient(lambda z, h=hardness: loss(z, h), z))
