"""What a run of each profile takes, from the records."""

import json
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

from hcl.companion.profiles import PROFILES
from hcl.training.places import runs_root


def costs(root: Path | None = None) -> dict[str, dict[str, str]]:
    """Return what a run takes, in words, by profile and kind of data, from the records; ``"–"`` where there are none.

    A record that does not say what it took is passed over: ``hcl runs check`` names it.

    Args:
        root: folder of the records; None is `hcl.training.places.runs_root`.

    Returns:
        By profile: ``"images"`` and ``"synthetic"``, as ``"25 min a run (10 records, 1 thread each of 2 cores)"``.
    """
    return {
        profile: {kind: _cost(profile, kind, root or runs_root()) for kind in ("images", "synthetic")}
        for profile in PROFILES
    }


def _cost(profile: str, kind: str, root: Path) -> str:
    made = [
        one
        for path in sorted((root / profile).glob("[!.]*/provenance.json"))
        if path.parent.name.startswith("synthetic-") == (kind == "synthetic") and (one := _provenance(path))
    ]
    if not made:
        return "–"
    on = Counter((one["device"], one["threads"]) for one in made).most_common(1)[0][0]
    device, threads = on
    where = device
    if device.startswith("CPU") and threads:
        where = f"{threads} thread{'s' if threads > 1 else ''} each of {device.rsplit(', ', 1)[-1]}"
    taken = duration(median(one["wall_seconds"] for one in made))
    return f"{taken} a run ({len(made)} record{'s' * (len(made) > 1)}, {where})"


def _provenance(path: Path) -> dict[str, Any]:
    """Return what a record says of its making; nothing where that cannot be read, which 'hcl runs check' tells."""
    try:
        one = json.loads(path.read_text(encoding="utf-8"))
        return {"device": str(one["device"]), "threads": one.get("threads"), "wall_seconds": float(one["wall_seconds"])}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def duration(seconds: float) -> str:
    """Return a duration for people: ``"12 s"``, ``"25 min"``, ``"2.5 h"``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def cost_note(dataset: str, root: Path | None = None) -> str:
    """Return Markdown that says what a run takes at each profile, on images or on the synthetic data."""
    kind = "synthetic" if dataset == "synthetic" else "images"
    each = [f"`{profile}` {of[kind]}" for profile, of in costs(root).items() if profile != "smoke"]
    about = "the synthetic data" if kind == "synthetic" else "images"
    return f"What it costs on {about}, by the median of all records: {'; '.join(each)}."
