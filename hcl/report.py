"""Runs as tables: histories for plotting, summaries beside the theory, and where the numbers come from."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from hcl.bounds import scl_lower_bound, ucl_lower_bound
from hcl.paper import Study
from hcl.registry import row_of
from hcl.runs import Run
from hcl.spec import RunSpec

_COUNTS = ("rank", "effective rank", "best epoch")
SETTINGS = ("supervised (SCL, HSCL)", "unsupervised (UCL, HUCL)")


def hardness_label(spec: RunSpec) -> str:
    """Return ``"β = 5"``, or ``"ε = 5"`` and ``"τ = .5"`` for the other families; ``"β = 0"`` without hardening."""
    letter = {"exponential": "β", "polynomial": "ε", "threshold": "τ"}[spec.hardening]
    return f"{letter} = {spec.hardness:g}"


def label(spec: RunSpec) -> str:
    """Return ``"HSCL, β = 5"``; plain ``"SCL"`` and ``"UCL"`` without hardening."""
    return f"{spec.method}, {hardness_label(spec)}" if spec.hardness else spec.method


def bound(spec: RunSpec) -> float:
    """Return the least value of the run's loss without hardening: Theorem 2 or 3; NaN for eq. (42), which has none."""
    if spec.objective == "simclr":
        return math.nan
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


def settled_frame(runs: Sequence[Run], columns: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return settled values (D45), one row a method: means over seeds, and their standard deviations.

    The column ``best_epoch`` is the epoch of the least own loss.

    Where the runs are of several rows of Figures 4 and 6 the index has a level for these. ``bound`` comes first; the
    standard deviation of a single seed is NaN.
    """
    several = len({row_of(run.spec) for run in runs}) > 1
    index = ["row", "method"] if several else ["method"]
    frame = pd.DataFrame(
        {"row": row_of(run.spec), "method": label(run.spec), "bound": bound(run.spec), **_values(run, columns)}
        for run in runs
    )
    grouped = frame[[*index, "bound", *columns]].groupby(index, sort=False)
    return grouped.mean(), grouped.std()


def near_nc_frame(runs: Sequence[Run], columns: Sequence[str]) -> pd.DataFrame:
    """Return settled means as in Table 2: the near-NC model, then what was trained on from it, one row a method."""
    start = [run for run in runs if run.spec.start is None]
    later = [run for run in runs if run.spec.start is not None]
    frames = [settled_frame(part, columns)[0] for part in (start, later)]
    frames[0].index = pd.Index(["near-NC model"], name="method")
    return pd.concat(frames).drop(columns="bound")


def positives_frame(num_classes: int, batch_sizes: Sequence[int]) -> pd.DataFrame:
    """Return how many items of its class other than itself an anchor finds in a batch, and how often none (D5).

    Args:
        num_classes: C, equally likely.
        batch_sizes: B.
    """
    share = 1 / num_classes
    rows = [
        {"batch size": b, "others": (b - 1) * share, "anchors with none": (1 - share) ** (b - 1)} for b in batch_sizes
    ]
    return pd.DataFrame(rows).set_index("batch size")


def _values(run: Run, columns: Sequence[str]) -> dict[str, float]:
    settled = run.settled
    return {name: float(run.best_epoch if name == "best_epoch" else settled[name]) for name in columns}


def show_settled(runs: Sequence[Run], columns: Sequence[str], digits: int = 3) -> "pd.io.formats.style.Styler":
    """Return the table of `settled_frame` for a notebook: mean ± standard deviation where there are several seeds."""
    means, spreads = settled_frame(runs, columns)
    several = len({run.spec.seed for run in runs}) > 1
    shown = means.copy().astype(object)
    for name in columns if several else ():
        places = _places(name, digits)
        shown[name] = [
            _number(mean, places) + (f" ± {_spread(spread, mean, places)}" if pd.notna(spread) else "")
            for mean, spread in zip(means[name], spreads[name], strict=True)
        ]
    return show_table(shown, digits)


def beside(table: pd.DataFrame, published: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Return a table with, after each column that the paper has numbers for, a column of these.

    Args:
        table: one row a method.
        published: by column, then by method, as in `hcl.published`.
    """
    columns = {}
    for name in table.columns:
        columns[name] = table[name]
        if name in published:
            columns[f"{name}, paper"] = pd.Series(published[name], dtype=float).reindex(table.index)
    return pd.DataFrame(columns)


def stand_in_note(study: Study) -> str:
    """Return HTML, for the top of a page, that says which data set stands in for the paper's; empty where none does."""
    if not study.stands_in:
        return ""
    own, name = study.figure.dataset, study.figure.name
    return (
        f'<div class="admonition warning"><p class="admonition-title">Not {own}: {study.dataset}</p>'
        f"<p>The paper trains on {own}, whose files were not at hand. These runs are on {study.dataset}: the first 100 "
        "classes of Tiny-ImageNet, 500 training images each, at 32 by 32 pixels: the same shape, harder images. "
        "What is said of the paper's claims here is said of this data. Where the files of "
        f"{own} are, or can be downloaded, the real thing is one command away:</p>"
        f"<p><code>hcl run {name} --profile {study.profile} -p dataset={own}</code></p></div>\n\n"
    )


def provenance_note(study: Study, runs: Sequence[Run]) -> str:
    """Return Markdown that says which profile, data, device, code and time made the runs."""

    def each(key: str) -> str:
        return ", ".join(sorted({str(run.provenance[key]) for run in runs}))

    commits = ", ".join(sorted({str(run.provenance["commit"])[:10] for run in runs}))
    scales = Counter(scale(run.spec) for run in runs).most_common()
    others = f"; and {sum(n for _, n in scales[2:])} runs that differ in a setting" if len(scales) > 2 else ""
    seeds = ", ".join(str(seed) for seed in sorted({run.spec.seed for run in runs}))
    minutes = sum(run.provenance["wall_seconds"] for run in runs) / 60
    return (
        f"**Profile `{study.profile}`**: {'; '.join(name for name, _ in scales[:2])}{others}.\n\n"
        f"{len(runs)} runs, seed {seeds}, {minutes:.0f} minutes in all on {each('device')}, with torch {each('torch')} "
        f"and the library at commit {commits}. Records: `runs/{study.profile}`; times and fingerprints of the data "
        f"({each('data_source')}) are in each run's `provenance.json`."
    )


def scale(spec: RunSpec) -> str:
    """Return in words what a run trains, on what, with which encoder and for how long."""
    encoder = {
        "resnet50": f"ResNet-50 with the {spec.stem} stem",
        "small_resnet": f"a small ResNet (three residual blocks, {spec.stem} stem)",
        "mlp": "a multi-layer perceptron",
    }[spec.encoder]
    size = f"{spec.num_train:,} training images" if spec.num_train else "the whole training split"
    batch = f"batch {spec.batch_size}" if spec.batch_size else "one batch of all"
    per = {"per_pair": "anchor-positive pair", "per_anchor": "anchor"}[spec.negatives]
    negatives = f"k = {spec.k} negatives drawn for each {per}" if spec.k else "the expectation over negatives"
    return (
        f"{spec.dataset}, {size}, {encoder}, {spec.epochs} epochs, {batch}, Adam at {spec.lr:g}, {spec.precision}, "
        + ("all negatives of the batch" if spec.objective == "simclr" else negatives)
    )


def show_table(table: pd.DataFrame, digits: int = 3) -> "pd.io.formats.style.Styler":
    """Return a table for a notebook, numbers to a number of decimals (counts to one), tiny ones in powers of ten."""
    words = table.rename(columns=lambda name: str(name).replace("_", " "))  # headers that can wrap
    styles: list[Any] = [{"selector": "th, td", "props": [("padding", ".25em .5em .25em 0")]}]
    styles += [
        {"selector": f"th.row_heading.level{level}", "props": [("white-space", "nowrap")]}
        for level, name in enumerate(table.index.names)
        if name == "method"
    ]
    return words.style.set_table_styles(styles).format({name: _writer(name, digits) for name in words.columns})


def _writer(column: str, digits: int) -> Callable[[object], str]:
    places = _places(column, digits)
    return lambda value: _number(value, places) if isinstance(value, int | float) else str(value)


def _places(column: str, digits: int) -> int:
    """Return the decimals of a column: counts, whose medians and means are broken, have one at most."""
    return min(digits, 1) if column.replace("_", " ").split(",")[0] in _COUNTS else digits


def _spread(spread: float, mean: float, digits: int) -> str:
    """Return a standard deviation to the decimals of its mean, in powers of ten where that is."""
    return f"{spread:.1e}" if _tiny(mean, digits) else f"{spread:.{digits}f}"


def _number(value: float, digits: int) -> str:
    if math.isnan(value):
        return "–"
    if float(value).is_integer() and abs(value) >= 1:
        return f"{value:.0f}"
    return f"{value:.1e}" if _tiny(value, digits) else f"{value:.{digits}f}"


def _tiny(value: float, digits: int) -> bool:
    return 0 < abs(value) < 10**-digits
