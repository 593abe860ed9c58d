"""State of a run in progress, on local disk until the run is done."""

import ast
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import torch

from hcl.training import places, runs
from hcl.training.spec import RunSpec

# The modules that decide a result: a state is gone on with as long as these are what they were.
DECIDING = (
    "augment", "draws", "geometry", "hardening", "losses", "models", "psi",
    *(f"training.{name}" for name in (
        "catalogue", "data", "engine", "evaluate", "fold", "images", "objective", "probe", "products", "randomness",
        "spec", "techniques", "train",
    )),
)  # fmt: skip


def path_of(spec: RunSpec, root: Path | None = None) -> Path:
    """Return where the state of a run in progress is kept: ``.checkpoints`` under the folder of the records."""
    return (root or places.runs_root()) / ".checkpoints" / f"{spec.run_id}.pt"


def weights_path(spec: RunSpec, root: Path | None = None) -> Path:
    """Return where the final weights of a run are kept that others start from; they are not part of its record."""
    return path_of(spec, root).with_suffix(".weights.pt")


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a state in one move, so that a kill while it is written leaves the one before."""
    with runs.replacing(path) as part, part.open("wb") as file:
        torch.save({**state, "code": deciding_code()}, file)


def load(path: Path, *, any_code: bool = False) -> tuple[dict[str, Any] | None, str]:
    """Return a state, and why there is none that this version of the library can go on from.

    A state that other code began is not gone on with, unless ``any_code``: the run would be neither's. Code is other
    where a module of `DECIDING` is, comments and docstrings left aside.

    Returns:
        The state or None; the reason for None in words, empty where nothing was kept.
    """
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True)
    except FileNotFoundError:
        return None, ""
    except (RuntimeError, EOFError, OSError, ValueError):
        return None, "its state cannot be read"  # truncated, or not ours
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
    return {name: code_hash(places.PACKAGE.joinpath(f"{name.replace('.', '/')}.py").read_text()) for name in DECIDING}


def code_hash(source: str) -> str:
    """Return 12 hex digits of the SHA-256 of what Python makes of a source, without its docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:12]
