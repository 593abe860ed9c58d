"""Run records: one folder a run under ``runs/``, written once and whole, read by notebooks and tests.

A folder holds ``spec.json``, ``history.csv`` (one row an epoch), ``arrays.npz`` (class means, spectra, similarities; of
runs in two dimensions also the points) and ``provenance.json``, with the hashes of the other three.
"""

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from hcl import geometry
from hcl.errors import HclError
from hcl.training.places import runs_root
from hcl.training.spec import RunSpec

PROVENANCE = "provenance.json"
FILES = ("spec.json", "history.csv", PROVENANCE, "arrays.npz")
LATE = 5  # evaluations that settled values are medians of (D45)

default_root = runs_root  # its name of before


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
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES if name != PROVENANCE}


def find(spec: RunSpec, root: Path | None = None) -> Path | None:
    """Return the folder of a spec's record, in whichever group it lies, or None."""
    root, name = root or runs_root(), spec.run_id
    groups = sorted(group.name for group in os.scandir(root)) if root.is_dir() else []
    return next((root / group / name for group in groups if (root / group / name).is_dir()), None)


def on_the_ball(spec: RunSpec, root: Path | None = None) -> Path | None:
    """Return the folder of the run on the unit ball that a run on the unit sphere would be, to the bit, or None.

    Ball and sphere treat a feature alike unless it lies inside the ball. So the two runs are one where no feature did,
    neither in a step of any epoch nor at an evaluation after epoch 0. Older records do not say whether one did.
    """
    if (spec.normalization, spec.init) != ("unit_sphere", "random") or spec.representation_dim == 2:
        return None  # of runs in two dimensions points are kept that no evaluation has counted
    path = find(replace(spec, normalization="unit_ball"), root)
    if path is None or not (path / "history.csv").exists():
        return None
    counted = pd.read_csv(path / "history.csv", usecols=lambda name: name in ("train_inside", "inside")).iloc[1:]
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
def replacing(path: Path) -> Iterator[Path]:
    """Give a file to write beside ``path`` and put it there in one move; a crash leaves what was there before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".part-", dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _new_record(target: Path) -> Iterator[Path]:
    """Give a folder to fill and make it the record ``target`` in one move, unless there is one by then."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=target.parent))
    try:
        yield part
        part.chmod(0o755)
        part.rename(target)
    except OSError:
        if not target.exists():
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def save(run: Run, group: str, root: Path | None = None) -> Run:
    """Write a record to ``<root>/<group>/<run_id>`` in one move, and return it with its path.

    A record that is already there, of a run that finished meanwhile, is kept.

    Args:
        run: the finished run.
        group: sub-folder, by convention the profile.
        root: None is `hcl.training.places.runs_root`.
    """
    target = (root or runs_root()) / group / run.spec.run_id
    with _new_record(target) as part:
        _write_json(part / "spec.json", run.spec.to_dict())
        run.history.to_csv(part / "history.csv", index=False, float_format="%.7g")
        np.savez_compressed(part / "arrays.npz", **run.arrays)  # type: ignore[arg-type]
        _write_json(part / PROVENANCE, {**run.provenance, "sha256": hashes(part)})
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


def adopt(folder: Path, group: str, root: Path | None = None) -> Path:
    """Copy a complete record folder to ``<root>/<group>`` in one move, and return where it is; see `save`."""
    target = (root or runs_root()) / group / folder.name
    with _new_record(target) as part:
        for name in FILES:
            shutil.copyfile(folder / name, part / name)
    return target


def load(path: Path) -> Run:
    """Read a record.

    Raises:
        RecordError: if a file is missing, the folder is named after another spec, or the last epoch is not there.
    """
    if missing := [name for name in FILES if not (path / name).exists()]:
        raise RecordError(f"{path}: {', '.join(missing)} missing. Delete the folder to run it again.")
    try:
        spec = RunSpec.from_dict(json.loads((path / "spec.json").read_text()))
        history = pd.read_csv(path / "history.csv")
        made = json.loads((path / PROVENANCE).read_text())
        with np.load(path / "arrays.npz") as stored:
            arrays = dict(stored)
    except (ValueError, TypeError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise RecordError(f"{path} cannot be read ({error}). Delete the folder to run it again.") from error
    if spec.run_id != path.name:
        raise RecordError(f"{path}: its spec is that of {spec.run_id}. Records are not edited by hand.")
    if history.empty or "epoch" not in history or history["epoch"].iloc[-1] != spec.epochs:
        raise RecordError(f"{path}: history does not end at epoch {spec.epochs}. Delete the folder to run it again.")
    return Run(spec, history, arrays, made, path)


def all_records(root: Path | None = None) -> list[Run]:
    """Return every record under the root, by path.

    Raises:
        RecordError: if one is incomplete.
    """
    return [load(path.parent) for path in sorted((root or runs_root()).glob("*/[!.]*/spec.json"))]


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")
