"""Checks of run records: what reading one does not find, and all of them against the list of hashes."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from hcl import geometry
from hcl.training import runs, sums
from hcl.training.evaluate import AT_THE_END
from hcl.training.places import runs_root
from hcl.training.runs import RecordError, Run

# Columns that every record has from the first on.
COLUMNS = (
    "train_loss", "test_accuracy", "train_accuracy", "ncc_accuracy", "zero_sum", "unit_norm", "equal_inner_product",
    "equal_inner_product_cosine", "within_class", "rank", "effective_rank", "loss", "plain_loss",
)  # fmt: skip
_PROVENANCE = ("date", "device", "torch", "sources", "data_fingerprint")
_NUMBERS = ("wall_seconds", "train_seconds", "evaluation_seconds", "images_per_second")  # of a provenance


def check_all(root: Path | None = None) -> list[Run]:
    """Return every record, each checked.

    Args:
        root: folder of the records; None is `hcl.training.places.runs_root`.

    Raises:
        RecordError: for each of `faults` a line.
    """
    found, bad = _checked(root or runs_root())
    if bad:
        raise RecordError("\n".join(bad))
    return found


def faults(root: Path | None = None) -> list[str]:
    """Return what is wrong with the records and with the list of their hashes, a line for each fault of each record."""
    return _checked(root or runs_root())[1]


def _checked(root: Path) -> tuple[list[Run], list[str]]:
    folders = runs.record_folders(root)
    found, bad = examined(folders)
    return found, bad + sums.faults(root, folders)


def examined(folders: Iterable[Path]) -> tuple[list[Run], list[str]]:
    """Return the records of folders, as far as they can be read, and what is wrong with them, a line for each fault."""
    found: list[Run] = []
    bad: list[str] = []
    for folder in folders:
        run, wrong = runs.read(folder)
        bad += wrong
        if run is not None:
            found.append(run)
            bad += faults_of(run)
    return found, bad


def check(run: Run) -> None:
    """Check what `load` does not: that a run measured all it should, all of it finite and in agreement.

    Raises:
        RecordError: for each of `faults_of` a line.
    """
    if bad := faults_of(run):
        raise RecordError("\n".join(bad))


def faults_of(run: Run) -> list[str]:
    """Return what is wrong with what a run measured, a line for each fault, which names the record.

    Every epoch and every metric has to be there and finite, and the last metrics have to be those of the class means
    that are recorded.
    """
    found = [*_of_history(run), *_of_arrays(run), *_of_provenance(run)]
    return [f"{run.path or run.spec.run_id}: {fault}" for fault in found or _of_agreement(run)]


def seal(names: Iterable[str] = (), root: Path | None = None) -> list[str]:
    """Write records into the list of hashes, and return their names ``<group>/<run_id>``.

    Args:
        names: of the runs; those that are listed and gone are taken out of the list. None is all that are in no list.
        root: folder of the records; None is `hcl.training.places.runs_root`.

    Raises:
        RecordError: for a name that is neither there nor listed, and for a record that is not sound.
    """
    root = root or runs_root()
    folders = runs.record_folders(root)
    if names := set(names):
        gone = {root / key.rpartition("/")[0] for path in sums.lists(root) for key in sums.read(path)[0]}
        chosen = [path for path in sorted({*folders, *gone}) if path.name in names]
        if unknown := names - {path.name for path in chosen}:
            raise RecordError(f"{root}: no record and no line of a list is named {', '.join(sorted(unknown))}.")
    else:
        chosen = [path for path in folders if not sums.stated(path)]
    _, bad = examined(path for path in chosen if path.is_dir())
    if bad:
        raise RecordError("\n".join(bad))
    sums.put(chosen)
    return [f"{path.parent.name}/{path.name}" for path in chosen]


def _of_history(run: Run) -> list[str]:
    history, epochs = run.history, run.spec.epochs
    if missing := [name for name in COLUMNS if name not in history]:
        return [f"history.csv lacks the column {', '.join(missing)}."]
    if history["epoch"].tolist() != list(range(epochs + 1)):
        return [f"history does not hold every epoch from 0 to {epochs}."]
    trained = [name for name in ("train_loss", "train_inside") if name in history]  # of every epoch
    at_the_end = [name for name in AT_THE_END if name in history]
    found = [
        f"history.csv: a {name} is missing or not finite."
        for name in trained
        if not np.isfinite(history[name][1:]).all()
    ]
    if bad := [name for name in at_the_end if not np.isfinite(run.final[name])]:
        found.append(f"history.csv: {', '.join(bad)} of the last epoch are missing or not finite.")
    measured = [epoch for epoch in range(epochs + 1) if run.spec.evaluated(epoch)]
    metrics = history.drop(columns=["epoch", *trained, *at_the_end]).iloc[measured]
    if bad := [str(name) for name in metrics if not np.isfinite(metrics[name]).all()]:
        found.append(
            f"history.csv: a metric is missing or not finite at an epoch that is evaluated ({', '.join(bad)})."
        )
    return found


def _of_arrays(run: Run) -> list[str]:
    shape = (run.spec.num_classes, run.spec.representation_dim)
    if "means" not in run.arrays or run.arrays["means"].shape != shape:
        return [f"arrays.npz: means of shape {shape} are missing."]
    numbers = {name: array.dtype.kind in "fiu" for name, array in run.arrays.items()}
    bad = [name for name, array in run.arrays.items() if not (numbers[name] and np.isfinite(array).all())]
    return [f"arrays.npz: {', '.join(bad)} not finite."] if bad else []


def _of_provenance(run: Run) -> list[str]:
    found = []
    if missing := [name for name in _PROVENANCE if name not in run.provenance]:
        found.append(f"provenance lacks {', '.join(sorted(missing))}.")
    for name in _NUMBERS:
        value = run.provenance.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
            found.append(f"provenance.json: {name} is {value!r}, which is no number.")
    return found


def _of_agreement(run: Run) -> list[str]:
    means, found = torch.from_numpy(run.arrays["means"]).double(), []
    for name in ("zero_sum", "unit_norm", "equal_inner_product"):
        recomputed = float(getattr(geometry, name)(means))
        if not abs(recomputed - run.final[name]) <= 1e-5 * (1 + recomputed):
            found.append(f"{name} is {run.final[name]}, but its class means give {recomputed:.7g}.")
    return found
