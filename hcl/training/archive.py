"""Run records on their way from one machine to another: one small file out, checked and merged in."""

import tarfile
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hcl.training import checks, files, runs
from hcl.training.runs import RecordError

check = checks.check  # its place of before


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
    with files.replacing(archive, mode=0o644) as part, tarfile.open(part, "w:gz") as tar:
        for record in sorted(records):
            for name in runs.FILES:
                tar.add(record / name, f"{record.parent.name}/{record.name}/{name}")
    return archive


def import_archive(archive: Path, root: Path | None = None) -> Imported:
    """Check every record of an archive of `pack` and merge them into the records; all or none.

    A run that is already there is never replaced: what has been published stays.

    Args:
        archive: the file.
        root: folder of the records; None is `hcl.training.places.runs_root`.

    Raises:
        hcl.training.runs.RecordError: if the file is no such archive, or records in it are incomplete, edited or not
            finite, with a line for each fault.
    """
    added, known, kept = [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(scratch, filter="data")
        except (tarfile.TarError, EOFError, OSError) as error:
            raise RecordError(f"{archive} is not an archive of run records ({error}).") from error
        found, bad = checks.examined(runs.record_folders(Path(scratch)))
        if bad:
            raise RecordError("\n".join(fault.replace(f"{scratch}/", f"{archive}: ") for fault in bad))
        if not found:
            raise RecordError(f"{archive} holds no run record: expected <group>/<run>/spec.json and the rest.")
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
