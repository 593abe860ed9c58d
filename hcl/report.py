"""Runs as tables: histories for plotting, summaries beside the theory, and where the numbers come from."""

from collections.abc import Sequence

import pandas as pd

from hcl.bounds import scl_lower_bound, ucl_lower_bound
from hcl.paper import Study
from hcl.runs import Run
from hcl.spec import RunSpec

SETTINGS = ("supervised (SCL, HSCL)", "unsupervised (UCL, HUCL)")


def hardness_label(spec: RunSpec) -> str:
    """Return ``"β = 5"``, or ``"ε = 5"`` and ``"τ = .5"`` for the other families; ``"β = 0"`` without hardening."""
    letter = {"exponential": "β", "polynomial": "ε", "threshold": "τ"}[spec.hardening]
    return f"{letter} = {spec.hardness:g}"


def label(spec: RunSpec) -> str:
    """Return ``"HSCL, β = 5"``; plain ``"SCL"`` and ``"UCL"`` without hardening."""
    return f"{spec.method}, {hardness_label(spec)}" if spec.hardness else spec.method


def bound(spec: RunSpec) -> float:
    """Return the least value of the run's loss without hardening: Theorem 2 or 3."""
    return (scl_lower_bound if spec.supervised else ucl_lower_bound)(spec.num_classes, spec.k)


def history_frame(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the evaluated epochs of all runs in one long table, with columns that say which run a row is of."""
    return pd.concat(
        [
            run.evaluated.assign(
                setting=SETTINGS[0 if run.spec.supervised else 1],
                hardness=hardness_label(run.spec),
                method=label(run.spec),
                positives=run.spec.positives,
                seed=run.spec.seed,
            )
            for run in runs
        ],
        ignore_index=True,
    )


def final_frame(runs: Sequence[Run], columns: Sequence[str]) -> pd.DataFrame:
    """Return last-epoch values, one row a method, mean over seeds (and standard deviation where there are several)."""
    rows = [{"method": label(run.spec), "bound": bound(run.spec), **run.final[list(columns)]} for run in runs]
    grouped = pd.DataFrame(rows).groupby("method", sort=False)
    table = grouped.mean()
    if (grouped.size() > 1).any():
        table = table.join(grouped[list(columns)].std(), rsuffix=" ±")
    return table[["bound", *[c for c in table.columns if c != "bound"]]]


def provenance_note(study: Study, runs: Sequence[Run]) -> str:
    """Return Markdown that says which profile, data, device, code and time made the runs."""

    def each(key: str) -> str:
        return ", ".join(sorted({str(run.provenance[key]) for run in runs}))

    commits = ", ".join(sorted({str(run.provenance["commit"])[:10] for run in runs}))
    scales = "; ".join(sorted({_scale(run.spec) for run in runs}))
    seeds = ", ".join(str(seed) for seed in sorted({run.spec.seed for run in runs}))
    minutes = sum(run.provenance["wall_seconds"] for run in runs) / 60
    return (
        f"**Profile `{study.profile}`**: {scales}.\n\n"
        f"{len(runs)} runs, seed {seeds}, {minutes:.0f} minutes in all on {each('device')}, with torch {each('torch')} "
        f"and the library at commit {commits}. Records: `runs/{study.profile}`; times and fingerprints of the data "
        f"({each('data_source')}) are in each run's `provenance.json`."
    )


def _scale(spec: RunSpec) -> str:
    encoder = {
        "resnet50": f"ResNet-50 with the {spec.stem} stem",
        "small_resnet": "a small ResNet (three residual blocks)",
        "mlp": "a multi-layer perceptron",
    }[spec.encoder]
    size = f"{spec.num_train:,} training images" if spec.num_train else "the whole training split"
    batch = f"batch {spec.batch_size}" if spec.batch_size else "one batch of all"
    draws = {"per_pair": "anchor-positive pair", "per_anchor": "anchor"}[spec.negatives]
    return (
        f"{spec.dataset}, {size}, {encoder}, {spec.epochs} epochs, {batch}, Adam at {spec.lr:g}, {spec.precision}, "
        f"k = {spec.k} negatives drawn for each {draws}"
    )


def show_table(table: pd.DataFrame, digits: int = 3) -> "pd.io.formats.style.Styler":
    """Return a table for a notebook, numbers to a number of decimals, tiny ones in powers of ten."""

    def write(value: object) -> str:
        if not isinstance(value, int | float):
            return str(value)
        if float(value).is_integer() and abs(value) >= 1:
            return f"{value:.0f}"
        return f"{value:.{digits}f}" if abs(value) >= 10**-digits or value == 0 else f"{value:.1e}"

    words = table.rename(columns=lambda name: str(name).replace("_", " "))  # headers that can wrap
    return words.style.format(write)
