"""Faults of a store, injected where the library writes: every write is met, so that a new one is too."""

import errno
import os
import resource
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

from helpers import ROOT

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CHANGING = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "os.truncate", "os.link", "os.symlink")
_NEW = ("open", "os.mkdir")  # what needs room
_PACKAGE = f"{ROOT / 'hcl'}{os.sep}"
_active = None  # what is done at a write of this process, or nothing
_installed = False


def _hook(event, arguments):
    if _active is None or not (event == "open" or event in _CHANGING):
        return
    path = arguments[0]
    if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & _WRITING):
        return
    if isinstance(path, str | os.PathLike):
        _active(event, os.fspath(path))


def place():
    """Return the functions of the library that are at work, the outermost first: ("worker._start", "locks.claim")."""
    frame, found = sys._getframe(1), []
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(_PACKAGE):
            found.append(f"{Path(code.co_filename).stem}.{code.co_name}")
        frame = frame.f_back
    return tuple(reversed(found))


@contextmanager
def at_writes(root, act):
    """Have ``act(event, path)`` called before everything that is written, made, renamed or removed below a folder.

    Events are "open", for a file that is opened to be written, and those of Python's audit: "os.mkdir", "os.rename" ...
    """
    global _active, _installed
    if not _installed:
        sys.addaudithook(_hook)  # for good: none is ever taken out
        _installed = True
    inside = f"{root}{os.sep}"
    before = _active

    def both(event, path):
        if before is not None:
            before(event, path)
        if path.startswith(inside):
            act(event, path)

    _active = both
    try:
        yield
    finally:
        _active = before


@contextmanager
def counting(root):
    """Give a list of what is written: for each file that is opened for it, and each folder, the functions at work."""
    met = []
    with at_writes(root, lambda event, path: met.append(place()) if event in _NEW else None):
        yield met


@contextmanager
def full_disk(root, at, *, stays, room=0):
    """Have the disk full from the ``at``-th file or folder on that `counting` counts, or at that one alone.

    Of a file it is the system that refuses, in the middle of a write: none grows beyond ``room`` bytes.
    """
    number, (soft, hard) = [0], resource.getrlimit(resource.RLIMIT_FSIZE)

    def act(event, path):
        if event in _NEW:
            full = number[0] >= at if stays else number[0] == at
            resource.setrlimit(resource.RLIMIT_FSIZE, (room if full else soft, hard))
            number[0] += 1
            if full and event == "os.mkdir":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    try:
        with at_writes(root, act):
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def read_only(root):
    """Have everything below a folder refuse to be changed."""

    def act(event, path):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

    with at_writes(root, act):
        yield


def written_by(source):
    """Return the number of calls in a module's text that write, by function."""
    import ast

    names = (
        "replacing", "new_folder", "write_json", "write_text", "write_bytes", "mkdir", "savez", "savez_compressed",
        "to_csv", "save", "copyfile", "extract", "touch", "mkstemp", "mkdtemp",
    )  # fmt: skip
    found = Counter()
    for function in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)):
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            name = ast.unparse(call.func)
            if name.rpartition(".")[2] in names and name not in ("checkpoint.save", "runs.save"):
                found[function.name] += 1
    return found
