"""Runs as tables: histories for plotting, summaries beside the theory, and where the numbers come from."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from hcl import geometry
from hcl.companion.labels import bound, hardness_label, label
from hcl.companion.numbers import decimals, plus_minus
from hcl.companion.registry import row_of
from hcl.companion.tables import Table, render
from hcl.training.runs import Run

FLOORS = (-4.6, -6.9, -10.0, -15.0)  # natural logarithms: 1 %, .1 %, .005 % of the largest value, and rounding's
COURSE = ("loss", "equal_inner_product", "effective_rank", "clusters")
SUPERVISION = ("supervised (SCL, HSCL)", "unsupervised (UCL, HUCL)")
SETTINGS = SUPERVISION  # its name of before


def history_frame(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the evaluated epochs of all runs in one long table, with columns that say which run a row is of."""
    return pd.concat(
        [
            run.evaluated.assign(
                supervision=SUPERVISION[0 if run.spec.supervised else 1],
                hardness=hardness_label(run.spec),
                method=label(run.spec),
                positives=run.spec.positives,
                seed=run.spec.seed,
            )
            for run in runs
        ],
        ignore_index=True,
    )


def settled_frame(
    runs: Sequence[Run], columns: Sequence[str], titles: Mapping[str, str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return settled values (D45), one row a method: means over seeds, and their standard deviations.

    Where the runs are of several rows of Figures 4 and 6 the index has a level for these. ``bound`` comes first; the
    standard deviation of a single seed is NaN.

    Args:
        runs: of a study or several.
        columns: of the history; ``best_epoch`` is the epoch of the least own loss. What older records lack is NaN.
        titles: what to call the rows.
    """
    several = len({row_of(run.spec) for run in runs}) > 1
    names = titles or {}
    index = ["row", "method"] if several else ["method"]
    frame = pd.DataFrame(
        {
            "row": names.get(row_of(run.spec), row_of(run.spec)),
            "method": label(run.spec),
            "bound": bound(run.spec),
            **_values(run, columns),
        }
        for run in runs
    )
    grouped = frame[[*index, "bound", *columns]].groupby(index, sort=False)
    return grouped.mean(), grouped.std()


def course_frame(runs: Sequence[Run], columns: Sequence[str] = COURSE) -> pd.DataFrame:
    """Return values at the best epoch, that of the least own loss, beside the settled ones (D45): means over seeds.

    Args:
        runs: of one row.
        columns: of the history; NaN where a record has none of them by epoch.

    Returns:
        A row a method, with ``best_epoch`` and two columns each, ``"loss, best epoch"`` and ``"loss, settled"``.
    """
    rows = []
    for run in runs:
        best = run.evaluated.iloc[run.evaluated["loss"].argmin()]
        values: dict[str, Any] = {"method": label(run.spec), "best_epoch": float(run.best_epoch)}
        for name in columns:
            values[f"{name}, best epoch"] = float(best.get(name, math.nan))
            values[f"{name}, settled"] = float(run.settled.get(name, math.nan))
        rows.append(values)
    return pd.DataFrame(rows).groupby("method", sort=False).mean()


def floor_sensitivity(runs: Sequence[Run], titles: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return how the rank of the class means depends on the floor, beside an untrained encoder and pure noise.

    A rank counts the values of the spectrum above a floor, and noise has a high one: effective rank and clusters do not
    depend on a floor (D40, D46). All are of the class means after the last epoch, as plots of spectra show them.

    Args:
        runs: of a study or several.
        titles: what to call the rows of Figures 4 and 6.

    Returns:
        A row a method, means over seeds; below them what they started from, and at the end class means that are C
        random directions, standard Gaussian (seed 0). NaN where a record does not tell: older ones have no spectrum of
        epoch 0, but its rank above -10.
    """
    of_row: dict[str, list[Run]] = {}
    for run in runs:
        of_row.setdefault(row_of(run.spec), []).append(run)
    rows: list[dict[str, Any]] = []
    for row, its in of_row.items():
        title = (titles or {}).get(row, row)
        for run in its:
            means = torch.from_numpy(run.arrays["means"]).double()
            rows.append({"row": title, "method": label(run.spec), **_collapse(means)})
        start = next((run for run in its if run.evaluated["epoch"].iloc[0] == 0), None)
        if start is not None:
            what = "near-NC model" if start.spec.start else "untrained encoder"
            rows.append({"row": title, "method": what, **_at_epoch_0(start)})
    spec = runs[0].spec
    noise = torch.randn(spec.num_classes, spec.representation_dim, generator=torch.Generator().manual_seed(0))
    noise = torch.nn.functional.normalize(noise.double())
    rows.append({"row": "–", "method": "random directions", **_collapse(noise)})
    frame = pd.DataFrame(rows)
    index = ["row", "method"] if len(of_row) > 1 else ["method"]
    return frame.drop(columns=[] if len(of_row) > 1 else "row").groupby(index, sort=False).mean()


def _floor_name(floor: float) -> str:
    return f"rank above {floor:g}".replace("-", "−")


def _collapse(means: Tensor) -> dict[str, float]:
    spectrum = geometry.covariance_spectrum(means)
    ranks = {_floor_name(floor): float((spectrum > floor).sum()) for floor in FLOORS}
    rank = float(geometry.effective_rank(means))
    return {**ranks, "effective rank": rank, "clusters": float(geometry.cluster_count(means))}


def _at_epoch_0(run: Run) -> dict[str, float]:
    first = run.evaluated.iloc[0]
    spectra = run.arrays.get("spectra")
    if spectra is None:
        ranks = {_floor_name(floor): math.nan for floor in FLOORS} | {_floor_name(-10.0): first.get("rank", math.nan)}
    else:
        ranks = {_floor_name(floor): float((spectra[0] > floor).sum()) for floor in FLOORS}
    of = {"effective rank": first.get("effective_rank", math.nan), "clusters": first.get("clusters", math.nan)}
    return {name: float(value) for name, value in {**ranks, **of}.items()}


def near_nc_frame(runs: Sequence[Run], columns: Sequence[str]) -> pd.DataFrame:
    """Return settled means as in Table 2: the near-NC model, then what was trained on from it, one row a method."""
    start = [run for run in runs if run.spec.start is None]
    later = [run for run in runs if run.spec.start is not None]
    frames = [settled_frame(part, columns)[0] for part in (start, later) if part]
    if start:
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
    return {name: float(run.best_epoch if name == "best_epoch" else settled.get(name, math.nan)) for name in columns}


def show_settled(
    runs: Sequence[Run],
    columns: Sequence[str],
    digits: int = 3,
    titles: Mapping[str, str] | None = None,
    caption: str = "",
    bound: bool = True,
) -> Table:
    """Return the table of `settled_frame` for a notebook: mean ± standard deviation where there are several seeds.

    Args:
        runs: to show.
        columns: of the history, or ``"best_epoch"``.
        digits: decimals.
        titles: of the rows of Figures 4 and 6, see `settled_frame`.
        caption: above the table.
        bound: whether the least loss has a column.
    """
    means, spreads = settled_frame(runs, columns, titles)
    several = len({run.spec.seed for run in runs}) > 1
    shown = (means if bound else means.drop(columns="bound")).astype(object)
    for name in columns if several else ():
        places = decimals(name, digits)
        shown[name] = [
            plus_minus(mean, spread, places) for mean, spread in zip(means[name], spreads[name], strict=True)
        ]
    return show_table(shown, digits, caption)


def beside(table: pd.DataFrame, published: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Return a table with, after each column that the paper has numbers for, a column of these.

    Args:
        table: one row a method.
        published: by column, then by method, as in `hcl.companion.published`.
    """
    columns = {}
    for name in table.columns:
        columns[name] = table[name]
        if name in published:
            columns[f"{name}, paper"] = pd.Series(published[name], dtype=float).reindex(table.index)
    return pd.DataFrame(columns)


def show_table(table: pd.DataFrame, digits: int = 3, caption: str = "") -> Table:
    """Return a table for a notebook, numbers to a number of decimals (counts to one), tiny ones in powers of ten.

    See `hcl.companion.tables.render`.
    """
    return render(table, digits, caption)
