"""Writing files and folders in one move, so that a crash or a kill leaves what was there before.

What is being written lies beside its place under a name that begins with ``.part-``, locked by the process that writes
it. A kill gives the lock up and leaves the part, which `left_over` finds and `sweep` removes.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import inf
from pathlib import Path

_QUIET = 3600.0  # seconds without a change before a part may be left over, should its lock be none on other machines
_ABANDONED = 24 * _QUIET  # and where there are no locks at all


@contextmanager
def replacing(path: Path, *, mode: int | None = None) -> Iterator[Path]:
    """Give a file to write beside ``path`` and put it there in one move; a crash leaves what was there before.

    Args:
        path: the file; its folder is made where it is not there.
        mode: its permissions; None is what `tempfile.mkstemp` gives, the owner's alone.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".part-", dir=path.parent)
    part = Path(name)
    try:
        with _locked(handle):
            yield part
            if mode is not None:
                part.chmod(mode)
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give a folder to fill and make it ``target`` in one move.

    Raises:
        FileExistsError: if there is a ``target`` by then, which is left as it is.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=target.parent))
    try:
        with _locked(os.open(part, os.O_RDONLY) if sys.platform != "win32" else None):
            yield part
            part.chmod(0o755)
            try:
                part.rename(target)
            except OSError as error:
                if target.exists():
                    raise FileExistsError(f"{target} is there already.") from error
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def left_over(root: Path) -> list[Path]:
    """Return the parts that killed processes have left in a folder and in those that it holds, by path.

    A part is left over where no process holds its lock and nothing in it has changed for an hour; for a day, where the
    file system has no locks. So none is whose process lives, even where it stands still or the clock was set.

    Args:
        root: a folder, such as that of the records.
    """
    return [part for part in sorted([*root.glob(".part-*"), *root.glob("*/.part-*")]) if _is_left_over(part)]


def sweep(root: Path) -> list[Path]:
    """Remove what is `left_over`, as far as it can be removed, and return it."""
    parts = left_over(root)
    for part in parts:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            with suppress(OSError):
                part.unlink()
    return [part for part in parts if not part.exists()]


def size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    return sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())


def write_json(path: Path, value: object) -> None:
    """Write a value as JSON, the same bytes on every system."""
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8", newline="\n")


@contextmanager
def _locked(handle: int | None) -> Iterator[None]:
    """Hold a lock on an open file or folder as long as it is open, where there are such locks, and close it."""
    if sys.platform == "win32":  # where what is open cannot be moved
        if handle is not None:
            os.close(handle)
        yield
        return
    assert handle is not None
    import fcntl

    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _is_left_over(part: Path) -> bool:
    try:
        quiet = time.time() - max(path.lstat().st_mtime for path in [part, *part.rglob("*")])
        # In this order: no lock is tried that whoever begins to write may want.
        return quiet > _QUIET and quiet > {True: _QUIET, None: _ABANDONED, False: inf}[_free(part)]
    except OSError:  # gone meanwhile, or another user's
        return False


def _free(part: Path) -> bool | None:
    """Return whether no process holds the lock of a part; None where that cannot be told."""
    if sys.platform == "win32":
        return None
    import fcntl

    handle = os.open(part, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    finally:
        os.close(handle)
    return True
