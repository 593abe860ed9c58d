"""Run records on their way from one machine to another: one small file out, checked and merged in."""

import gzip
import tarfile
import tempfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hcl.training import checks, files, reading, runs
from hcl.training.runs import RecordError

check = checks.check  # its place of before
MOST = 2 * 2**30  # bytes of an archive unpacked: tens of thousands of records
_PIECE = 2**20  # bytes that are unpacked into memory at a time


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
        hcl.training.runs.RecordError: if the file is no such archive, cut off, or reaches outside its folder, would
            unpack to more than `MOST`, or records in it are incomplete, edited or not finite, with a line for each
            fault.
    """
    added, known, kept = [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        try:
            _unpack(archive, scratch)
        except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
            raise RecordError(f"{archive} is not a whole archive of run records ({error}): copy it again.") from error
        found, bad = checks.examined(runs.record_folders(Path(scratch)))
        if bad:
            raise RecordError("\n".join(fault.replace(f"{scratch}/", f"{archive}: ") for fault in bad))
        if not found:
            raise RecordError(f"{archive} holds no run record: expected <group>/<run>/spec.json and the rest.")
        with runs.adopting(root) as adopt:
            for run in found:
                assert run.path is not None
                present = runs.find(run.spec, root)
                if present is None:
                    adopt(run.path)
                    added.append(run.spec.run_id)
                elif (present / "history.csv").read_bytes() == (run.path / "history.csv").read_bytes():
                    known.append(run.spec.run_id)
                else:
                    kept.append(run.spec.run_id)
    return Imported(tuple(added), tuple(known), tuple(kept))


class _Stream(gzip.GzipFile):
    """What is packed, in pieces: no header of an archive may ask for more memory than that."""

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes.

        Raises:
            RecordError: if more are asked for than a reader of such an archive needs.
        """
        if size is None or not 0 <= size <= _PIECE:
            raise RecordError(f"{self.name} has a header that no archive of run records has.")
        return super().read(size)


def _unpack(archive: Path, folder: str) -> None:
    """Unpack plain files below a folder, as far as they are not too large, which their headers say beforehand."""
    total = 0
    with _Stream(archive) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
        for member in tar:
            if not (member.isreg() or member.isdir()):
                raise RecordError(f"{archive}: {member.name} is a link or a device; expected plain files only.")
            total += member.size
            if member.size > reading.MOST or total > MOST:
                raise RecordError(
                    f"{archive}: {member.name} would unpack to {member.size:,} bytes, {total:,} with what is before "
                    f"it; expected at most {reading.MOST:,} a file and {MOST:,} together."
                )
            tar.extract(member, folder, filter="data")
        # To the end of what is packed, where its checksum stands; a whole archive has no more than its padding there.
        stream.read(_PIECE)
        if stream.read(1):
            raise RecordError(f"{archive} goes on after its end; expected what 'hcl campaign --pack' writes.")
