"""Writing files and folders in one move, so that a crash or a kill leaves what was there before."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path, *, mode: int | None = None) -> Iterator[Path]:
    """Give a file to write beside ``path`` and put it there in one move; a crash leaves what was there before.

    Args:
        path: the file; its folder is made where it is not there.
        mode: its permissions; None is what `tempfile.mkstemp` gives, the owner's alone.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".part-", dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
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


def write_json(path: Path, value: object) -> None:
    """Write a value as JSON, the same bytes on every system."""
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8", newline="\n")
