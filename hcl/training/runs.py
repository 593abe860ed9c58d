"""Run records: one folder a run under ``runs/``, written once and whole, read by notebooks and tests.

A folder holds ``spec.json``, ``history.csv`` (one row an epoch), ``arrays.npz`` (class means, spectra, similarities; of
runs in two dimensions also the points) and ``provenance.json``, with the hashes of the other three. The hashes of all
four are in the list of all records (`hcl.training.sums`).
"""

import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from hcl import geometry
from hcl.errors import HclError
from hcl.training import files, reading, sums
from hcl.training.places import runs_root
from hcl.training.spec import RunSpec

PROVENANCE, FILES = sums.PROVENANCE, sums.FILES
LATE = 5  # evaluations that settled values are medians of (D45)

default_root, replacing = runs_root, files.replacing  # their names of before


class RecordError(HclError, RuntimeError):
    """A run record on disk is incomplete or does not agree with itself."""


@dataclass(frozen=True, eq=False)
class Run:
    """A finished training run.

    Attributes:
        spec: what was run.
        history: one row an epoch from 0, with the columns of `hcl.training.evaluate.evaluate`, ``train_loss`` and
            ``train_inside``, the share of the features of an epoch's steps that lay inside the unit ball; empty where
            an epoch was not evaluated. Older records have fewer columns.
        arrays: ``means`` (C, d) of the training split at the end, and for d = 2 ``initial``, ``final`` and
            ``labels`` of the training points. Newer records also have, for each evaluated epoch, ``spectra`` (., d)
            of the class means and ``similarities`` (., 2, bins), and for d = 2 the ``points`` (., n, 2) after the
            ``point_epochs``.
        provenance: versions, device, times, data fingerprint; of a run that another stands in for (see `get`) also
            ``same_as``, the name of that one.
        path: its folder; None while it is not saved.
    """

    spec: RunSpec
    history: pd.DataFrame
    arrays: Mapping[str, np.ndarray]
    provenance: Mapping[str, Any]
    path: Path | None = None

    @cached_property
    def evaluated(self) -> pd.DataFrame:
        """The rows of the epochs that were evaluated."""
        return self.history.dropna(subset=["zero_sum"])

    @property
    def final(self) -> pd.Series:
        """The row of the last epoch."""
        return self.history.iloc[-1]

    @cached_property
    def settled(self) -> pd.Series:
        """Medians over the last five evaluations, of the second half of the training: no isolated spike (D45).

        Where an older record has no number of clusters and no least distance of class means, those are of the class
        means at the end.
        """
        middle = self.evaluated["epoch"] > self.spec.epochs / 2
        values = self.evaluated[middle].tail(LATE).median()
        if "clusters" not in values and "means" in self.arrays:
            means = torch.from_numpy(self.arrays["means"]).double()
            values["clusters"] = geometry.cluster_count(means)
            values["least_distance"] = float(geometry.least_distance(means))
        return values

    @property
    def same_as(self) -> str:
        """Name of the run that stands in for this one, the same to the bit; empty where this has its own record."""
        return str(self.provenance.get("same_as", ""))

    @property
    def best_epoch(self) -> int:
        """The evaluated epoch with the least own loss (D45)."""
        return int(self.evaluated["epoch"].iloc[self.evaluated["loss"].argmin()])


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a record but ``provenance.json``, which holds them."""
    return {name: sums.digest(folder / name) for name in FILES if name != PROVENANCE}


def find(spec: RunSpec, root: Path | None = None) -> Path | None:
    """Return the folder of a spec's record, in whichever group it lies, or None."""
    root, name = root or runs_root(), spec.run_id
    groups = sorted(group.name for group in os.scandir(root)) if root.is_dir() else []
    return next((root / group / name for group in groups if (root / group / name).is_dir()), None)


def on_the_ball(spec: RunSpec, root: Path | None = None) -> Path | None:
    """Return the folder of the run on the unit ball that a run on the unit sphere would be, to the bit, or None.

    Ball and sphere treat a feature alike unless it lies inside the ball. So the two runs are one where no feature did,
    neither in a step of any epoch nor at an evaluation after epoch 0. Older records do not say whether one did, and one
    that cannot be read stands in for nothing.
    """
    if (spec.normalization, spec.init) != ("unit_sphere", "random") or spec.representation_dim == 2:
        return None  # of runs in two dimensions points are kept that no evaluation has counted
    path = find(replace(spec, normalization="unit_ball"), root)
    if path is None or not (path / "history.csv").exists():
        return None
    try:
        counted = pd.read_csv(path / "history.csv", usecols=lambda name: name in ("train_inside", "inside")).iloc[1:]
        counted = counted.astype(float)
    except (ValueError, OSError):
        return None
    if len(counted.columns) < 2 or counted["train_inside"].isna().any():
        return None
    return path if not counted.gt(0).any(axis=None) else None


def made(spec: RunSpec, root: Path | None = None) -> Path | None:
    """Return the folder of a spec's record, or of the run on the ball that it would be (`on_the_ball`), or None."""
    return find(spec, root) or on_the_ball(spec, root)


def get(spec: RunSpec, root: Path | None = None) -> Run | None:
    """Return the run of a spec from its record, or from that of the run on the ball that it is, or None.

    The latter has its own spec, and ``same_as`` in its provenance. Its epoch 0 is left out where features that are not
    trained yet lay inside the ball in eval mode: there the two differ.
    """
    if (path := find(spec, root)) is not None:
        return load(path)
    if (path := on_the_ball(spec, root)) is None:
        return None
    ball = load(path)
    history, arrays = ball.history.copy(), dict(ball.arrays)
    if history["inside"].iloc[0] > 0:
        history.loc[0, history.columns.drop("epoch")] = np.nan
        arrays |= {name: arrays[name][1:] for name in ("spectra", "similarities") if name in arrays}
    return Run(spec, history, arrays, {**ball.provenance, "same_as": ball.spec.run_id}, path)


@contextmanager
def _new_record(target: Path) -> Iterator[Path]:
    """Give a folder to fill, make it a record in one move, and list it; where the list cannot be written, say so.

    Raises:
        FileExistsError: if there is that record by then, which is kept.
    """
    with files.new_folder(target) as part:
        yield part
    with _told_if_unlisted(str(target)):
        sums.put([target])


@contextmanager
def _told_if_unlisted(what: str) -> Iterator[None]:
    """Warn where a list cannot be written, which costs no record."""
    try:
        yield
    except (OSError, sums.ListError) as error:
        warnings.warn(f"{what} is in no list of hashes ({error}). 'hcl runs seal' adds it.", stacklevel=6)


def save(run: Run, group: str, root: Path | None = None) -> Run:
    """Write a record to ``<root>/<group>/<run_id>`` in one move, and return it with its path.

    A record that is already there, of a run that finished meanwhile, is kept.

    Args:
        run: the finished run.
        group: sub-folder, by convention the profile.
        root: None is `hcl.training.places.runs_root`.
    """
    target = (root or runs_root()) / group / run.spec.run_id
    with suppress(FileExistsError), _new_record(target) as part:
        files.write_json(part / "spec.json", run.spec.to_dict())
        run.history.to_csv(part / "history.csv", index=False, float_format="%.7g", lineterminator="\n")
        np.savez_compressed(part / "arrays.npz", **run.arrays)  # type: ignore[arg-type]
        files.write_json(part / PROVENANCE, {**run.provenance, "sha256": hashes(part)})
    return load(target)


def compared(made: Run, recorded: Run) -> str:
    """Return in words how a run agrees with a record of the same spec that was there before; empty if it is its own.

    The largest difference is over all epochs, of the columns that both have.
    """
    if all(recorded.provenance.get(name) == value for name, value in made.provenance.items()):
        return ""
    columns = [name for name in made.history if name in recorded.history]
    apart = (made.history[columns] - recorded.history[columns]).abs() / (1e-6 + recorded.history[columns].abs())
    worst = apart.max().drop("epoch")
    if worst.max() <= 1e-6:  # records are written to seven digits
        return "the same as its record, which is kept"
    return f"differs from its record, which is kept: by up to {worst.max():.1%} ({worst.idxmax()})"


@contextmanager
def adopting(root: Path | None = None) -> Iterator[Callable[[Path], Path]]:
    """Give a function that copies a complete record folder ``<group>/<run_id>`` in one move; see `save`.

    It returns where the record is. All that were copied are put into the list at the end, with one write however many
    they are, also where copying breaks off.

    Args:
        root: None is `hcl.training.places.runs_root`.
    """
    copied: list[Path] = []

    def adopt(folder: Path) -> Path:
        target = (root or runs_root()) / folder.parent.name / folder.name
        with suppress(FileExistsError):
            with files.new_folder(target) as part:
                for name in FILES:
                    shutil.copyfile(folder / name, part / name)
            copied.append(target)
        return target

    try:
        yield adopt
    finally:
        with _told_if_unlisted(f"What was added to {root or runs_root()}"):
            sums.put(copied)


def load(path: Path) -> Run:
    """Read a record.

    Raises:
        RecordError: for each of its `faults` a line.
    """
    run, found = read(path)
    if run is None or found:
        raise RecordError("\n".join(found))
    return run


def read(path: Path) -> tuple[Run | None, list[str]]:
    """Return a record, None where it cannot be read, and what keeps it from being used, a line each.

    Besides the faults of its files (`hcl.training.reading.parts`) that is another spec than its folder is named after,
    and a history without its last epoch.
    """
    parts, found = reading.parts(path)
    spec, history = parts.get("spec.json"), parts.get("history.csv")
    if spec is not None and spec.run_id != path.name:
        found.append(f"{path}: its spec is that of {spec.run_id}. Records are not edited by hand.")
    if spec is not None and history is not None and (history.empty or history["epoch"].iloc[-1] != spec.epochs):
        found.append(f"{path}: history does not end at epoch {spec.epochs}. Delete the folder to run it again.")
    if spec is None or history is None or len(parts) < len(FILES):
        return None, found
    return Run(spec, history, parts["arrays.npz"], parts[PROVENANCE], path), found


def record_folders(root: Path | None = None) -> list[Path]:
    """Return the folder of every record under the root, by path; those that are being written are left out."""
    return [path for path in sorted((root or runs_root()).glob("[!.]*/[!.]*")) if path.is_dir()]


def all_records(root: Path | None = None) -> list[Run]:
    """Return every record under the root, by path.

    Raises:
        RecordError: if one is incomplete.
    """
    return [load(path) for path in record_folders(root)]
