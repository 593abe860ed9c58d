"""The list of the hashes of all records, so that none can be edited unseen.

``SHA256SUMS`` lies beside the groups and is committed with them: a line for each file of each record, as the command
``sha256sum`` writes and checks it. A group that git ignores has a list of its own, as ``SHA256SUMS.smoke``.
"""

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from hcl.errors import HclError
from hcl.training import files, locks

NAME = "SHA256SUMS"
OWN = ("smoke",)  # groups that git ignores
PROVENANCE = "provenance.json"
FILES = ("spec.json", "history.csv", PROVENANCE, "arrays.npz")  # of a record
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


class ListError(HclError, RuntimeError):
    """The list of hashes is damaged, as by a merge."""


def list_of(record: Path) -> Path:
    """Return the list that a record ``<root>/<group>/<run_id>`` belongs to."""
    group = record.parent
    return group.parent / (f"{NAME}.{group.name}" if group.name in OWN else NAME)


def lists(root: Path) -> list[Path]:
    """Return the lists that there are under the folder of the records."""
    return [path for name in (NAME, *(f"{NAME}.{group}" for group in OWN)) if (path := root / name).is_file()]


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hex digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def stated(record: Path) -> dict[str, str]:
    """Return the hashes that a record's files should have, by name; empty where it is not listed."""
    hashes, _ = read(list_of(record))
    key = f"{record.parent.name}/{record.name}"
    return {name: hashes[f"{key}/{name}"] for name in FILES if f"{key}/{name}" in hashes}


def read(path: Path) -> tuple[MappingProxyType[str, str], tuple[str, ...]]:
    """Return what a list says, hashes by path, and its faults, a line each; nothing where there is no list."""
    try:
        status = path.stat()
    except OSError:
        return MappingProxyType({}), ()
    return _read(path, status.st_mtime_ns, status.st_size, status.st_ino)


@lru_cache(maxsize=8)
def _read(path: Path, *version: int) -> tuple[MappingProxyType[str, str], tuple[str, ...]]:
    hashes: dict[str, str] = {}
    faults: list[str] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return MappingProxyType({}), (f"{path}: cannot be read ({error}).",)
    for number, line in enumerate(lines, 1):
        if (found := _LINE.fullmatch(line)) is None:
            faults.append(f"{path}: line {number} is no hash and path, as 'sha256sum' writes them: {line[:60]!r}.")
        elif hashes.setdefault(found[2], found[1]) != found[1]:
            faults.append(f"{path}: line {number} has another hash of {found[2]} than a line before.")
    return MappingProxyType(hashes), tuple(faults)


def put(records: Iterable[Path]) -> None:
    """Write the hashes that records have now into their lists; of a record that is gone the lines are taken out.

    Args:
        records: folders ``<root>/<group>/<run_id>``.

    Raises:
        ListError: if a list has a line that is none, which is not to be lost unseen.
        OSError: if a list cannot be written.
    """
    by_list: dict[Path, list[Path]] = {}
    for record in records:
        by_list.setdefault(list_of(record), []).append(record)
    for path, of_list in by_list.items():
        with locks.holding(path.with_name(f".{path.name}.lock")):
            hashes, faults = read(path)
            if faults:
                raise ListError("\n".join(faults))
            prefixes = {f"{record.parent.name}/{record.name}" for record in of_list}
            kept = {name: value for name, value in hashes.items() if name.rpartition("/")[0] not in prefixes}
            for record in of_list:
                there = [record / name for name in FILES if (record / name).is_file()]
                kept |= {f"{record.parent.name}/{record.name}/{file.name}": digest(file) for file in there}
            with files.replacing(path, mode=0o644) as part:
                lines = (f"{value}  {name}\n" for name, value in sorted(kept.items()))
                part.write_text("".join(lines), encoding="utf-8", newline="\n")


def faults(root: Path, records: Iterable[Path]) -> list[str]:
    """Return what the lists say that is not so, a line each: bad lines, records that are gone or in no list.

    Whether files have the hashes that are listed is found where a record is read (`hcl.training.runs.load`).

    Args:
        root: folder of the records.
        records: those that there are.
    """
    there = {f"{record.parent.name}/{record.name}": record for record in records}
    found = [fault for path in lists(root) for fault in read(path)[1]]
    for path in lists(root):
        for key in sorted({name.rpartition("/")[0] for name in read(path)[0]} - there.keys()):
            name = key.rpartition("/")[2]
            found += [
                f"{root / key}: gone, but {path.name} lists it. Put it back ('git checkout'), or run 'hcl runs seal "
                f"{name}' if it is to go."
            ]
    unlisted = []
    for key, record in there.items():
        if not (names := stated(record)):
            unlisted.append(key)
        elif missing := [name for name in FILES if name not in names]:
            found.append(f"{record}: {', '.join(missing)} not in {list_of(record).name}.")
    if unlisted:
        some = ", ".join(unlisted[:3]) + (", ..." if len(unlisted) > 3 else "")
        found.append(f"{root}: {len(unlisted)} records in no list of hashes ({some}). 'hcl runs seal' adds them.")
    return found
