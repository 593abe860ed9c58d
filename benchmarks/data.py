"""Fetching a batch from images that stay on the device: what it costs, and that their number does not matter."""

from collections.abc import Iterator
from functools import partial
from itertools import count

import torch

from benchmarks import made_up
from benchmarks.harness import Case, Row, Setting, captured
from hcl.training.data import normalize
from hcl.training.engine import resident, rows

SHOWN = ("case", "ms", "ms_min", "spread", "repeats", "gb_per_second", "resident_mb")
BATCH = 512


def measure(setting: Setting, images: int, channels_last: bool, graph: bool) -> Row:
    """Return the time of index_select and normalisation of a batch, a different one at every repeat."""
    device = setting.device
    on_device = resident(made_up.dataset(10, images), device, channels_last).train
    order = torch.randperm(images, device=device)[: images // BATCH * BATCH].view(-1, BATCH)
    index, turn = order[0].clone(), count()
    fetch = partial(lambda: normalize(rows(on_device, index)))
    replay = captured(fetch)[0] if graph else fetch

    def step() -> None:
        index.copy_(order[next(turn) % len(order)])
        replay()

    timing = setting.timed(step, at_most=1.0, repeats=200)
    moved = BATCH * on_device[0].numel() * (1 + 1 + 4 + 8 * 2)  # index_select, then float and two passes over it
    return {
        "images": images, "layout": "channels last" if channels_last else "contiguous", **timing.row(),
        "gb_per_second": moved / timing.median / 1e9, "resident_mb": on_device.numel() / 2**20,
    }  # fmt: skip


def cases(setting: Setting) -> Iterator[Case]:
    """Yield numbers of images in both layouts, and captured on a GPU."""
    numbers = (1_000, 2_000) if setting.quick else (10_000, 20_000, 50_000, 100_000)
    for graph in (True, False) if setting.gpu else (False,):
        for channels_last in (True, False):
            for images in numbers:
                name = f"{images} images, {'channels last' if channels_last else 'contiguous'}"
                name += ", captured" if graph else ""
                yield Case(name, partial(measure, setting, images, channels_last, graph), 4)
