"""Reading the files of a record, each fault found and named: damaged, edited, of another shape than it should be."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hcl.training import sums
from hcl.training.spec import RunSpec

MOST = 16 * 2**20  # bytes of a file of a record, unpacked: a hundred times the largest so far


def parts(record: Path) -> tuple[dict[str, Any], list[str]]:
    """Return what a record's files hold, by name, without those that cannot be read, and their faults, a line each.

    A file is missing or damaged, or it has another hash than is listed or than the run wrote down; spec or provenance
    is no object; a history lacks the column ``epoch`` or ``zero_sum``, or has text in a number.

    Args:
        record: its folder.
    """
    if missing := [name for name in sums.FILES if not (record / name).is_file()]:
        return {}, [f"{record}: {', '.join(missing)} missing. Delete the folder to run it again."]
    found: dict[str, Any] = {}
    faults: list[str] = []
    for name, read in _READERS.items():
        try:
            found[name] = read(record / name)
        except Exception as error:  # of a damaged file a reader may raise anything
            reason = " ".join(str(error).split()) or type(error).__name__
            faults.append(f"{record}: {name} cannot be read ({reason}). Delete the folder to run it again.")
    try:
        changed = _changed(record, found.get(sums.PROVENANCE, {}).get("sha256"))
    except OSError:
        changed = []  # which its reader has said
    return found, faults + [f"{record}: {name} changed since the run wrote it." for name in changed]


def _changed(record: Path, wrote: Any) -> list[str]:
    """Return the names of the files that have another hash than is listed, or than the run wrote."""
    listed = sums.stated(record)
    wrote = wrote if isinstance(wrote, dict) else {}
    now = {name: sums.digest(record / name) for name in sums.FILES}
    return [name for name, is_now in now.items() if not listed.get(name, is_now) == wrote.get(name, is_now) == is_now]


def _object(path: Path) -> dict[str, Any]:
    value = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict):
        raise ValueError(f"it is no object but {str(value)[:40]!r}")
    return value


def _history(path: Path) -> pd.DataFrame:
    history = pd.read_csv(path)
    if missing := [name for name in ("epoch", "zero_sum") if name not in history]:
        raise ValueError(f"it lacks the column {' and '.join(missing)}")
    for name, kind in history.dtypes.items():
        if kind.kind not in "iuf" and len(history):
            numbers = pd.to_numeric(history[name], errors="coerce")
            bad = history[name][numbers.isna() & history[name].notna()]
            raise ValueError(f"{name} holds {str(next(iter(bad), history[name].iloc[0]))!r}, which is no number")
    return history


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as stored:
        if (size := sum(member.file_size for member in stored.zip.infolist())) > MOST:
            raise ValueError(f"it would unpack to {size:,} bytes; expected at most {MOST:,}")
        return dict(stored)


_READERS: dict[str, Callable[[Path], Any]] = {
    "spec.json": lambda path: RunSpec.from_dict(_object(path)),
    "history.csv": _history,
    sums.PROVENANCE: _object,
    "arrays.npz": _arrays,
}
