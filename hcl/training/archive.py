"""Run records on their way from one machine to another: one small file out, checked and merged in."""

import tarfile
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from hcl import geometry
from hcl.training import runs
from hcl.training.evaluate import AT_THE_END
from hcl.training.runs import RecordError, Run


@dataclass(frozen=True)
class Imported:
    """What came of an import, as names of runs.

    Attributes:
        added: that were not there.
        known: that were there, with the same history.
        kept: that were there with another history, which was left as it is.
    """

    added: tuple[str, ...]
    known: tuple[str, ...]
    kept: tuple[str, ...]


def pack(records: Iterable[Path], archive: Path) -> Path:
    """Write record folders to one ``.tar.gz``, in one move, and return its path.

    Args:
        records: folders ``<group>/<run_id>``.
        archive: file to write; one that is there is replaced.
    """
    with runs.replacing(archive) as part:
        with tarfile.open(part, "w:gz") as tar:
            for record in sorted(records):
                for name in runs.FILES:
                    tar.add(record / name, f"{record.parent.name}/{record.name}/{name}")
        part.chmod(0o644)
    return archive


def import_archive(archive: Path, root: Path | None = None) -> Imported:
    """Check every record of an archive of `pack` and merge them into the records; all or none.

    A run that is already there is never replaced: what has been published stays.

    Args:
        archive: the file.
        root: folder of the records; None is `hcl.training.places.runs_root`.

    Raises:
        hcl.training.runs.RecordError: if the file is no such archive, or a record in it is incomplete or not finite.
    """
    added, known, kept = [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(scratch, filter="data")
        except (tarfile.TarError, EOFError, OSError) as error:
            raise RecordError(f"{archive} is not an archive of run records ({error}).") from error
        found = runs.all_records(Path(scratch))
        if not found:
            raise RecordError(f"{archive} holds no run record: expected <group>/<run>/spec.json and the rest.")
        for run in found:
            check(run)
        for run in found:
            present = runs.find(run.spec, root)
            if present is None:
                assert run.path is not None
                runs.adopt(run.path, run.path.parent.name, root)
                added.append(run.spec.run_id)
            elif (present / "history.csv").read_bytes() == (run.path / "history.csv").read_bytes():  # type: ignore[operator]
                known.append(run.spec.run_id)
            else:
                kept.append(run.spec.run_id)
    return Imported(tuple(added), tuple(known), tuple(kept))


def check(run: Run) -> None:
    """Check what `load` does not: that a run measured all it should, all of it finite and in agreement.

    The files must have the hashes that the run wrote down, where it did (records of before have none), and the last
    metrics must be those of the class means that are recorded.

    Raises:
        RecordError: naming the record and what is wrong with it.
    """
    where = run.path or run.spec.run_id
    if run.history["epoch"].tolist() != list(range(run.spec.epochs + 1)):
        raise RecordError(f"{where}: history does not hold every epoch from 0 to {run.spec.epochs}.")
    trained = [name for name in ("train_loss", "train_inside") if name in run.history]  # of every epoch
    at_the_end = [name for name in AT_THE_END if name in run.history]
    for name in trained:
        if not np.isfinite(run.history[name][1:]).all():
            raise RecordError(f"{where}: a {name} is missing or not finite.")
    if not np.isfinite(run.final[at_the_end].astype(float)).all():
        raise RecordError(f"{where}: {', '.join(at_the_end)} of the last epoch are missing or not finite.")
    measured = [epoch for epoch in range(run.spec.epochs + 1) if run.spec.evaluated(epoch)]
    metrics = run.history.drop(columns=["epoch", *trained, *at_the_end])
    if metrics.empty or not np.isfinite(metrics.iloc[measured]).all(axis=None):
        raise RecordError(f"{where}: a metric is missing or not finite at an epoch that is evaluated.")
    shape = (run.spec.num_classes, run.spec.representation_dim)
    if "means" not in run.arrays or run.arrays["means"].shape != shape:
        raise RecordError(f"{where}: means of shape {shape} are missing.")
    if bad := [name for name, array in run.arrays.items() if not np.isfinite(array).all()]:
        raise RecordError(f"{where}: {', '.join(bad)} not finite.")
    _check_agreement(run, where)
    if missing := {"date", "device", "torch", "sources", "data_fingerprint"} - set(run.provenance):
        raise RecordError(f"{where}: provenance lacks {', '.join(sorted(missing))}.")


def _check_agreement(run: Run, where: object) -> None:
    if run.path is not None and (stated := run.provenance.get("sha256")):
        found = runs.hashes(run.path)
        if changed := [name for name in found if found[name] != stated.get(name)]:
            raise RecordError(f"{where}: {', '.join(changed)} changed since the run wrote it.")
    means = torch.from_numpy(run.arrays["means"]).double()
    for name in ("zero_sum", "unit_norm", "equal_inner_product"):
        recomputed = float(getattr(geometry, name)(means))
        if abs(recomputed - run.final[name]) > 1e-5 * (1 + recomputed):
            raise RecordError(f"{where}: {name} is {run.final[name]}, but its class means give {recomputed:.7g}.")
