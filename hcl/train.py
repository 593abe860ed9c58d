"""Training: Algorithm 1 with Adam, from a spec to a run record."""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

from hcl import data as datasets
from hcl import runs
from hcl.data import Dataset
from hcl.evaluate import DivergedError, add_noise, as_input, evaluate
from hcl.hardening import make
from hcl.losses import contrastive_loss
from hcl.models import build
from hcl.runs import Run
from hcl.spec import RunSpec

_STREAMS = {"weights": 0, "order": 1, "draws": 2, "evaluation": 3}


class MissingRunError(RuntimeError):
    """A run has no record where training is not allowed, as in a build of the book."""


def generator_for(seed: int, epoch: int, stream: str, device: torch.device | str = "cpu") -> torch.Generator:
    """Return the source of randomness of one epoch, so that no state has to be carried from epoch to epoch.

    Args:
        seed: of the run.
        epoch: from 0.
        stream: ``"weights"``, ``"order"``, ``"draws"`` or ``"evaluation"``.
        device: of the generator.
    """
    return torch.Generator(device).manual_seed(_mix(seed, epoch, stream))


def _mix(seed: int, epoch: int, stream: str) -> int:
    return (seed * 1_000_003 + epoch) * len(_STREAMS) + _STREAMS[stream]


def pick_device(name: str | None = None) -> torch.device:
    """Return the named device, or the GPU where there is one, else the CPU."""
    return torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))


def load_data(spec: RunSpec, root: Path | None = None) -> Dataset:
    """Return the images a spec trains and tests on; those asked for last are kept in memory.

    Raises:
        hcl.data.DataError: if they are missing or incomplete.
    """
    seed = spec.seed if spec.dataset == "synthetic" else 0
    return _load(spec.dataset, (root or datasets.default_root()).absolute(), seed, spec.num_train, spec.num_test)


@lru_cache(maxsize=1)
def _load(name: str, root: Path, seed: int, num_train: int | None, num_test: int | None) -> Dataset:
    return datasets.load(name, root, seed=seed).subset(num_train, num_test)


def obtain(
    spec: RunSpec,
    *,
    group: str = "custom",
    runs_root: Path | None = None,
    data: Dataset | None = None,
    data_root: Path | None = None,
    device: str | None = None,
    progress: bool = True,
) -> Run:
    """Return the run of a spec: its record where there is one, else train it and save the record.

    Args:
        spec: what to run.
        group: sub-folder of the records to save to.
        runs_root: folder of the records; None is `hcl.runs.default_root`.
        data: result of `load_data`, when it is at hand; not looked at if the record exists.
        data_root: folder of the data sets; None is `hcl.data.default_root`.
        device: None picks a GPU where there is one.
        progress: show a bar, on terminals only.

    Raises:
        MissingRunError: if there is no record and the environment variable HCL_TRAIN is 0.
    """
    if (path := runs.find(spec, runs_root)) is not None:
        return runs.load(path)
    if os.environ.get("HCL_TRAIN") == "0":
        raise MissingRunError(
            f"No record of {spec.run_id} under {runs_root or runs.default_root()}, and HCL_TRAIN=0 forbids training "
            "it here. Train it with 'hcl run', or show a profile that has been run."
        )
    run = train(spec, data=data or load_data(spec, data_root), device=device, progress=progress)
    return runs.save(run, group, runs_root)


def train(spec: RunSpec, *, data: Dataset, device: str | None = None, progress: bool = True) -> Run:
    """Train an encoder and measure it along the way.

    Args:
        spec: what to run.
        data: its images, from `load_data`.
        device: None picks a GPU where there is one.
        progress: show a bar, on terminals only.

    Returns:
        The run, not saved.

    Raises:
        DivergedError: if the loss of an epoch is not finite.
        ValueError: if a batch is larger than the training split.
    """
    if spec.batch_size is not None and spec.batch_size > len(data.train):
        raise ValueError(f"batch_size={spec.batch_size}, but there are {len(data.train)} training images: lower it.")
    started = time.perf_counter()
    where = pick_device(device)
    record = runs.provenance(where)
    resident = replace(
        data,
        train=data.train.to(where),
        train_labels=data.train_labels.to(where),
        test=data.test.to(where),
        test_labels=data.test_labels.to(where),
    )
    model = build(
        spec.encoder,
        spec.representation_dim,
        image_shape=data.image_shape,
        stem=spec.stem,  # type: ignore[arg-type]
        normalization=spec.normalization,
        seed=_mix(spec.seed, 0, "weights"),
    ).to(device=where, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(model.parameters(), lr=spec.lr, weight_decay=spec.weight_decay)

    def measure(epoch: int) -> Any:
        return evaluate(model, resident, spec, generator=generator_for(spec.seed, epoch, "evaluation", where))

    first = last = measure(0)
    history: list[dict[str, float]] = [{"epoch": 0, **first.metrics}]
    training_time, seen = 0.0, 0
    bar = tqdm(range(1, spec.epochs + 1), desc=spec.run_id, unit="epoch", disable=None if progress else True)
    for epoch in bar:
        epoch_started = time.perf_counter()
        loss, images = train_epoch(model, optimizer, resident, spec, epoch)
        training_time += time.perf_counter() - epoch_started
        seen += images
        if not torch.tensor(loss).isfinite():
            raise DivergedError(f"{spec.run_id}: the loss of epoch {epoch} is {loss}. Try a lower lr or fp32.")
        row: dict[str, float] = {"epoch": epoch, "train_loss": loss}
        if spec.evaluated(epoch):
            last = measure(epoch)
            row |= last.metrics
        history.append(row)
        bar.set_postfix(loss=f"{loss:.4f}", refresh=False)

    arrays = {"means": last.means}
    if spec.representation_dim == 2:
        arrays |= {"initial": first.z, "final": last.z}
    record |= {
        "data_fingerprint": data.fingerprint,
        "data_source": data.source,
        "wall_seconds": round(time.perf_counter() - started, 2),
        "images_per_second": round(seen / training_time, 1),
    }
    columns = ["epoch", "train_loss", *first.metrics]
    stored = {name: array.float().cpu().numpy() for name, array in arrays.items()}
    if spec.representation_dim == 2:
        stored["labels"] = data.train_labels.numpy().astype("int16")
    return Run(spec, pd.DataFrame(history, columns=columns), stored, record)


def train_epoch(
    model: nn.Module, optimizer: torch.optim.Optimizer, data: Dataset, spec: RunSpec, epoch: int
) -> tuple[float, int]:
    """Train for one epoch; return the mean train-mode loss of its batches and the number of images seen."""
    device = data.train.device
    draws = generator_for(spec.seed, epoch, "draws", device)
    model.train()
    losses, images = [], 0
    for batch in batches(len(data.train), spec, epoch, device):
        loss = batch_loss(model, data.train[batch], data.train_labels[batch], spec, draws)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
        images += len(batch)
    return float(torch.stack(losses).mean()), images


def batches(count: int, spec: RunSpec, epoch: int, device: torch.device) -> Iterator[Tensor]:
    """Yield the indices of each batch of an epoch; an incomplete last one is dropped (D19)."""
    order = torch.randperm(count, generator=generator_for(spec.seed, epoch, "order")).to(device)
    size = spec.batch_size or count
    yield from order[: count - count % size].split(size)


def batch_loss(model: nn.Module, images: Tensor, labels: Tensor, spec: RunSpec, generator: torch.Generator) -> Tensor:
    """Return the loss of a batch as the spec defines it, with the encoder as it stands."""
    noisy = spec.positives == "noise"
    x = images
    if noisy:
        x = torch.cat([add_noise(images, spec.noise, generator=generator) for _ in range(2)])
    with torch.autocast(x.device.type, torch.bfloat16, enabled=spec.precision == "bf16"):
        z = model(as_input(x))
    z, z_pos = z.chunk(2) if noisy else (z, None)
    return contrastive_loss(
        z,
        labels,
        supervised=spec.supervised,
        hardening=make(spec.hardening, spec.hardness),
        k=spec.k,
        reduction=spec.reduction,  # type: ignore[arg-type]
        negatives=spec.negatives,  # type: ignore[arg-type]
        z_pos=z_pos,
        exclude_self=spec.exclude_self,
        generator=generator,
    )
