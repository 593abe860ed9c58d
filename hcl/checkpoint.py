"""State of a run in progress, on local disk until the run is done."""

from pathlib import Path
from typing import Any

import torch

from hcl import runs
from hcl.spec import RunSpec


def path_of(spec: RunSpec, root: Path | None = None) -> Path:
    """Return where the state of a run in progress is kept: ``.checkpoints`` under the folder of the records."""
    return (root or runs.default_root()) / ".checkpoints" / f"{spec.run_id}.pt"


def weights_path(spec: RunSpec, root: Path | None = None) -> Path:
    """Return where the final weights of a run are kept that others start from; they are not part of its record."""
    return path_of(spec, root).with_suffix(".weights.pt")


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a state in one move, so that a kill while it is written leaves the one before."""
    with runs.replacing(path) as part, part.open("wb") as file:
        torch.save({**state, "sources": runs.sources_hash()}, file)


def load(path: Path, *, any_code: bool = False) -> dict[str, Any] | None:
    """Return a state, or None where there is none that this version of the library can go on from.

    A state that other code began is not gone on with, unless ``any_code``: the run would be neither's.
    """
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True)
    except FileNotFoundError:
        return None
    except (RuntimeError, EOFError, OSError, ValueError):
        return None  # truncated, or not ours: the run starts again
    return state if state.pop("sources", None) == runs.sources_hash() or any_code else None
