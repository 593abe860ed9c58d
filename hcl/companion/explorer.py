"""The recorded runs as small JavaScript files, which pages load when a reader asks for a chart, from a disk as well.

A browser fetches no JSON from a disk, but runs a script from there: each file sets a property of ``window.HCL_RUNS``.
"""

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from hcl import geometry
from hcl.companion import style
from hcl.companion.figures import FLOAT32_FLOOR, METRICS
from hcl.companion.labels import hardness_label, label, training
from hcl.companion.profiles import BEST_FIRST, PROFILES
from hcl.companion.registry import FIGURES, ROWS, STAND_INS, row_of
from hcl.companion.study import at
from hcl.training import runs as records
from hcl.training.runs import Run
from hcl.training.spec import RunSpec

FOLDER, INDEX = "hcl-runs", "index"
SPECTRUM, FIRST = "spectrum", "fig03"  # the figure that the explorer opens with
DIGITS = 4  # of values, which charts cannot show more of
# What else records hold by epoch, beside `hcl.companion.figures.METRICS`.
_OTHERS = {
    "train_accuracy": "training accuracy",
    "ncc_accuracy": "test accuracy, nearest class mean",
    "equal_inner_product_cosine": "equal inner product of cosines",
    "nc1": "within-class over between-class variation (NC1)",
    "least_distance": "least distance of two class means",
    "norm": "mean norm of representations",
    "squared_norm": "mean squared norm of representations",
    "inside": "share of representations inside the ball",
    "train_inside": "share inside the ball, in training",
    "scl": "loss, as SCL",
    "ucl": "loss, as UCL",
    **{
        f"h{name}_{beta}": f"loss, as H{name.upper()} with β = {beta}"
        for name in ("scl", "ucl")
        for beta in (2, 5, 10, 30)
    },
}
_TRAITS = (
    "num_train", "num_test", "imbalance", "encoder", "stem", "normalization", "dim", "k", "alpha", "margin",
    "collisions", "temperature", "reduction", "negatives", "exclude_self", "positives", "objective", "noise", "epochs",
    "batch_size", "lr", "weight_decay", "precision", "init", "detach_weights",
)  # fmt: skip

_POSITIVES = {"label": "positives by label", "noise": "noisy copies", "augmentation": "augmented views"}
_WORDS: Mapping[str, Callable[[Any], str]] = {
    "num_train": lambda value: f"{value:,} images" if value else "all images",
    "num_test": lambda value: f"{value:,} test images" if value else "all test images",
    "imbalance": lambda value: f"classes {value:g} to 1" if value > 1 else "as many of each class",
    "alpha": lambda value: "log(1 + mean)" if value is None else f"log({value:g} + sum)",
    "epochs": lambda value: f"{value:,} epochs",
    "batch_size": lambda value: f"batch {value}" if value else "one batch of all",
    "k": lambda value: f"k = {value}" if value else "exact expectation",
    "stem": lambda value: f"{value} stem",
    "reduction": lambda value: f"mean over {value}s",
    "negatives": lambda value: f"negatives {value.replace('_', ' ')}",
    "positives": lambda value: _POSITIVES[value],
    "objective": lambda value: {"algorithm1": "Algorithm 1", "simclr": "SimCLR loss"}.get(value, f"{value} loss"),
    "margin": lambda value: f"margin {value:g}" if value else "no margin",
    "exclude_self": lambda value: f"{'without' if value else 'with'} the anchor itself",
    "detach_weights": lambda value: f"{'no ' if value else ''}gradient through the weights",
    "lr": lambda value: f"learning rate {value:g}",
    "weight_decay": lambda value: f"weight decay {value:g}",
}  # in words, where a field's own name and value are none


def metric_names() -> dict[str, str]:
    """Return what is called what on charts: plain words, without mathematics, by column of the history."""
    own = {name: re.sub(r"\s*\$[^$]*\$", "", words) for name, words in METRICS.items()}
    return {SPECTRUM: "spectrum of the class means, ln(σᵢ / σ₁)", **own, **_OTHERS}


def rounded(value: float, digits: int = DIGITS) -> float | int | None:
    """Return a number to a few significant digits, whole ones as such; None, JSON's null, where it is not finite."""
    if not math.isfinite(value):
        return None
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() else short


def piece_of(run: Run) -> str:
    """Return the name of the file that a record is in, ``"workstation-cifar10"``; empty for a run without a record."""
    return f"{run.path.parent.name}-{run.spec.dataset}" if run.path is not None else ""


def trait(spec: RunSpec, name: str) -> str:
    """Return in words what a run has for a field of its spec."""
    value = getattr(spec, name)
    if name in ("normalization", "init"):
        return row_of(spec)
    if name in _WORDS:
        return _WORDS[name](value)
    return f"{name.replace('_', ' ')} {value}"


def variants(specs: Sequence[RunSpec]) -> list[str]:
    """Return in what each run differs from most of them, beside method, hardness and seed; empty for the usual ones."""
    usual = {name: Counter(getattr(spec, name) for spec in specs).most_common(1)[0][0] for name in _TRAITS}
    return [
        ", ".join(dict.fromkeys(trait(spec, name) for name in _TRAITS if getattr(spec, name) != usual[name]))
        for spec in specs
    ]


def membership() -> dict[tuple[str, RunSpec], list[str]]:
    """Return the figures that a run belongs to, by profile and spec with seed 0."""
    found: dict[tuple[str, RunSpec], list[str]] = {}
    for profile, its in PROFILES.items():
        for figure in FIGURES.values():
            own = figure.dataset
            for dataset in filter(None, dict.fromkeys([own, STAND_INS.get(own or ""), own and its.dataset])):
                if (dataset == "synthetic") == (own == "synthetic"):
                    for spec in at(figure, profile, dataset).specs:
                        found.setdefault((profile, spec), []).append(figure.name)
    return found


def entry(run: Run, variant: str, figures: Sequence[str]) -> dict[str, Any]:
    """Return what charts need of a record: what it is called, values by evaluated epoch, settled ones, the spectrum.

    Args:
        run: a record.
        variant: in what it differs from the usual runs of its file.
        figures: that it belongs to.
    """
    shown, spec, known = run.evaluated, run.spec, metric_names()
    by_epoch = [name for name in known if name in shown and shown[name].count() > 1]
    made: dict[str, Any] = {
        "id": spec.run_id,
        "name": label(spec),
        "supervised": spec.supervised,
        "hardness": hardness_label(spec),
        "order": spec.hardness,
        "level": style.level(spec.hardness, spec.hardening),
        "seed": spec.seed,
        "row": row_of(spec),
        "variant": variant,
        "figures": list(figures),
        "classes": spec.num_classes,
        "epoch": [int(epoch) for epoch in shown["epoch"]],
        "values": {name: [rounded(value) for value in shown[name]] for name in by_epoch},
        "settled": {name: rounded(value) for name, value in run.settled.items() if name in known},
    }
    if "means" in run.arrays:
        spectrum = geometry.covariance_spectrum(torch.from_numpy(run.arrays["means"]))
        made[SPECTRUM] = [rounded(round(float(value), 3)) for value in spectrum]
    return made


def pieces(runs: Iterable[Run]) -> dict[str, dict[str, Any]]:
    """Return the records by the file that they are in, each record once: best profile first, then by name.

    Args:
        runs: all records.
    """
    of: dict[str, list[Run]] = {}
    for run in runs:
        of.setdefault(piece_of(run), []).append(run)
    belongs = membership()
    found: dict[str, dict[str, Any]] = {}
    for key, its in sorted(of.items(), key=lambda item: (_rank(item[1][0]), -len(item[1]), item[0])):
        its = sorted(its, key=lambda run: (not run.spec.supervised, run.spec.hardness, run.spec.seed, run.spec.run_id))
        profile, names = key.removesuffix(f"-{its[0].spec.dataset}"), variants([run.spec for run in its])
        usual = next((run for run, name in zip(its, names, strict=True) if not name), its[0])
        found[key] = {
            "dataset": its[0].spec.dataset,
            "profile": profile,
            "usual": training(usual.spec),
            "runs": [
                entry(run, name, belongs.get((profile, replace(run.spec, seed=0)), ()))
                for run, name in zip(its, names, strict=True)
            ],
        }
    return found


def index(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the controls of the explorer need before any piece is there."""
    stands_for = {stand_in: own for own, stand_in in STAND_INS.items()}
    opened = (any(FIRST in run["figures"] for run in piece["runs"]) for piece in found.values())
    return {
        "start": next((place for place, has in enumerate(opened) if has), 0),
        "pieces": [
            {
                "key": key,
                "dataset": piece["dataset"],
                "profile": piece["profile"],
                "runs": len(piece["runs"]),
                "usual": piece["usual"],
                "stands_for": stands_for.get(piece["dataset"], ""),
            }
            for key, piece in found.items()
        ],
        "figures": {figure.name: f"{figure.label}: {figure.title}" for figure in FIGURES.values() if figure.dataset},
        "metrics": metric_names(),
        "rows": list(ROWS),
        "floor": round(FLOAT32_FLOOR, 2),
    }


def script(name: str, value: Any) -> str:
    """Return JavaScript that sets ``window.HCL_RUNS[name]``.

    Raises:
        ValueError: for a number that is not finite, which JSON does not have.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f"(window.HCL_RUNS ??= {{}})[{json.dumps(name)}]={text};\n"


def write(folder: Path, root: Path | None = None) -> list[Path]:
    """Write the files of all records, unless they are there and of the same records and code.

    Args:
        folder: to write to; what is in it and is of no record any more is deleted.
        root: of the records; None is `hcl.training.places.runs_root`.

    Returns:
        Their paths, that of the index first.

    Raises:
        hcl.training.runs.RecordError: for a record that cannot be used.
    """
    stamp = f"// {_stamp(records.record_folders(root))}\n"
    first = folder / f"{INDEX}.js"
    if first.exists() and first.read_text(encoding="utf-8").startswith(stamp):
        return [first, *sorted(set(folder.glob("*.js")) - {first})]
    found = pieces(records.all_records(root))
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.js"):
        path.unlink()
    written = []
    for name, value in found.items():
        written.append(folder / f"{name}.js")
        written[-1].write_text(script(name, value), encoding="utf-8", newline="\n")
    first.write_text(stamp + script(INDEX, index(found)), encoding="utf-8", newline="\n")  # last: it says all are there
    return [first, *written]


def _rank(run: Run) -> int:
    group = run.path.parent.name if run.path is not None else ""
    return BEST_FIRST.index(group) if group in BEST_FIRST else len(BEST_FIRST)


def _stamp(folders: Sequence[Path]) -> str:
    """Return a hash of which records there are and of this module; what a record says does not change."""
    names = [f"{path.parent.name}/{path.name}" for path in folders]
    return hashlib.sha256("\n".join([*names, Path(__file__).read_text(encoding="utf-8")]).encode()).hexdigest()[:16]
