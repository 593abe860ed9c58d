"""Locks between processes, which end with the process that holds them, however it ends.

Where a file system has no locks, as some that are shared over a network, a file that names its process takes their
place: a process of the same machine that is gone gives its lock up as well; one of another machine cannot be told from
one that works, and its file is to be deleted by hand.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

_NO_LOCKS = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK}
_PATIENCE = 0.1  # seconds: another process may be trying whether a lock is free


def claim(path: Path, *, patience: float = _PATIENCE) -> BaseFileLock | None:
    """Return a lock, to be given up by `give_up`, or None where it is held.

    Args:
        path: the file that stands for it; its folder is made where it is not there.
        patience: seconds to wait for it.

    Raises:
        OSError: if the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _acquired(FileLock(path, thread_local=False), patience)
    except NotImplementedError:
        pass
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    # Under another name: the file that the attempt has left would pass for a lock.
    return _acquired(SoftFileLock(_soft(path), thread_local=False), patience)


def give_up(lock: BaseFileLock) -> None:
    """Give up a lock that is held."""
    lock.release(force=True)


def remove(lock: BaseFileLock) -> None:
    """Give up a lock that nobody will ask for again, and delete its file."""
    path = Path(lock.lock_file)
    # While it is held: whoever opened it meanwhile finds it deleted, and asks for a new one.
    with suppress(OSError):
        path.unlink(missing_ok=True)
    if path.suffix == ".soft":
        path.with_suffix("").unlink(missing_ok=True)
    give_up(lock)


def held(path: Path) -> bool:
    """Return whether a lock is held, by this process or another."""
    if not (path.exists() or _soft(path).exists()):
        return False
    if (lock := claim(path, patience=0)) is None:
        return True
    give_up(lock)
    return False


@contextmanager
def holding(path: Path, *, patience: float = 60.0) -> Iterator[None]:
    """Hold a lock for a moment, and delete its file.

    Raises:
        TimeoutError: if others hold it all the time.
        OSError: if the file cannot be written.
    """
    if (lock := claim(path, patience=patience)) is None:
        raise TimeoutError(f"{path} is held by another process. Where none is at work, delete it.")
    try:
        yield
    finally:
        remove(lock)


def _acquired(lock: BaseFileLock, patience: float) -> BaseFileLock | None:
    try:
        lock.acquire(timeout=patience, poll_interval=0.02)
    except Timeout:
        return None
    return lock


def _soft(path: Path) -> Path:
    return path.with_name(f"{path.name}.soft")
