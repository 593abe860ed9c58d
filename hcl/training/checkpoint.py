"""State of a run in progress, on local disk until the run is done, with its hash at the end of its file."""

import ast
import hashlib
import io
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import torch

from hcl.training import files, places
from hcl.training.spec import RunSpec

# The modules that decide a result: a state is gone on with as long as these are what they were.
DECIDING = (
    "anchors", "augment", "coverage", "descent", "downstream", "draws", "geometry", "hardening", "inputs", "losses",
    "models", "neighbours", "pairs", "psi", "sampling",
    *(f"training.{name}" for name in (
        "catalogue", "combinations", "data", "dataset", "engine", "evaluate", "fold", "hscl", "images", "imbalance",
        "inputs", "objective", "optimizer", "probe", "products", "randomness", "schedule", "spec", "techniques",
        "train",
    )),
)  # fmt: skip


_SEAL = b"\nsha256 "  # before the hash of all before it, which readers of archives pass over


def path_of(spec: RunSpec, root: Path | None = None) -> Path:
    """Return where the state of a run in progress is kept: ``.checkpoints`` under the folder of the records."""
    return (root or places.runs_root()) / ".checkpoints" / f"{spec.run_id}.pt"


def weights_path(spec: RunSpec, root: Path | None = None) -> Path:
    """Return where the final weights of a run are kept that others start from; they are not part of its record."""
    return path_of(spec, root).with_suffix(".weights.pt")


def lock_path(spec: RunSpec, root: Path | None = None) -> Path:
    """Return the file whose lock claims a run."""
    return path_of(spec, root).with_suffix(".lock")


def log_path(spec: RunSpec, root: Path | None = None) -> Path:
    """Return where the traceback of a run is kept that failed for a reason of no user's."""
    return path_of(spec, root).with_suffix(".log")


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a state in one move, so that a kill while it is written leaves the one before."""
    with files.replacing(path) as part:
        with part.open("wb") as file:
            torch.save({**state, "code": deciding_code()}, file)
        with part.open("rb+") as file:
            seal = _SEAL + hashlib.file_digest(file, "sha256").hexdigest().encode()
            file.write(seal)


def sound(path: Path) -> bool:
    """Return whether a state is kept, and whole."""
    try:
        status = path.stat()
    except OSError:
        return False
    return _sound(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=64)
def _sound(path: Path, *version: int) -> bool:
    return not _content(path)[1]


def _content(path: Path) -> tuple[bytes, str]:
    """Return what `torch.save` wrote, and why not in words."""
    try:
        whole = path.read_bytes()
    except FileNotFoundError:
        return b"", "nothing is kept"
    except OSError as error:
        return b"", f"its state cannot be read: {error.strerror}"
    content, mark, stated = whole[: -len(_SEAL) - 64], whole[-len(_SEAL) - 64 : -64], whole[-64:]
    if mark != _SEAL:
        return b"", "its state cannot be read"  # truncated, not ours, or of an earlier version
    if hashlib.sha256(content).hexdigest().encode() != stated:
        return b"", "its state is damaged: it has another hash than when it was written"
    return content, ""


def load(path: Path, *, any_code: bool = False, run_id: str | None = None) -> tuple[dict[str, Any] | None, str]:
    """Return a state, and why there is none that this version of the library can go on from.

    A state that other code began is not gone on with, unless ``any_code``: the run would be neither's. Code is other
    where a module of `DECIDING` is, comments and docstrings left aside.

    Args:
        path: its file.
        any_code: take one of any code.
        run_id: of the run whose state it has to be; None is any.

    Returns:
        The state or None; the reason for None in words, empty where nothing was kept.
    """
    if not path.exists():
        return None, ""
    content, fault = _content(path)
    if fault:
        return None, fault
    try:
        state: dict[str, Any] = torch.load(io.BytesIO(content), weights_only=True)
        of = state.get("run_id")
    except Exception:  # of bytes that are no state, reading may raise anything
        return None, "its state cannot be read"
    if run_id not in (None, of):
        return None, f"the state kept in its place is of {of or 'no run'}"
    state.pop("sources", None)  # of before it was told by module
    began, now = state.pop("code", {}), deciding_code()
    if not (began or any_code):
        return None, "an earlier version of the library began it"
    changed = sorted(name for name in began.keys() | now.keys() if began.get(name) != now.get(name))
    if changed and not any_code:
        return None, f"{', '.join(changed)} changed since it began"
    return state, ""


@cache
def deciding_code() -> dict[str, str]:
    """Return 12 hex digits for each module of `DECIDING`, which comments, docstrings and layout leave alone."""
    return {
        name: code_hash(places.PACKAGE.joinpath(f"{name.replace('.', '/')}.py").read_text(encoding="utf-8"))
        for name in DECIDING
    }


def code_hash(source: str) -> str:
    """Return 12 hex digits of the SHA-256 of what Python makes of a source, without its docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:12]
