"""What `benchmarks/run.py` has measured, as tables and figures, beside what was predicted and what was aimed at."""

from collections.abc import Hashable, Mapping
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from hcl.companion.numbers import DASH, brief
from hcl.training import places

if TYPE_CHECKING:  # not on a machine that only measures
    from matplotlib.figure import Figure

Row = Mapping[Hashable, Any]
_CLOSE = 0.1  # a single predicted number counts as met within this fraction


def load(folder: Path | None = None) -> dict[str, pd.DataFrame]:
    """Return the rows of every suite, those of all devices together; ``kind`` is the device in the file's name.

    Args:
        folder: of the CSV files; None is the project's.
    """
    folder = folder or places.project() / "benchmarks" / "results"
    parts: dict[str, list[pd.DataFrame]] = {}
    for path in sorted(folder.glob("*_*.csv")):
        suite, _, kind = path.stem.rpartition("_")
        parts.setdefault(suite, []).append(with_gain(pd.read_csv(path)).assign(kind=kind))
    return {suite: pd.concat(frames, ignore_index=True) for suite, frames in parts.items()}


def with_gain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a device, ``gain`` filled in where they name the case that they are to be compared with."""
    if "compared_with" not in frame:
        return frame
    rate = frame.get("rate_without_loss", frame["images_per_second"]).astype(float)
    return frame.assign(gain=rate / frame["compared_with"].map(dict(zip(frame["case"], rate, strict=True))))


def compare(results: dict[str, pd.DataFrame], folder: Path | None = None, kind: str | None = None) -> pd.DataFrame:
    """Return every prediction and target, or those for a ``kind`` of device, with what was measured, NaN if nothing.

    They lie in a folder; a ``*`` in a case stands for the best of several.
    """
    key = ["device", "suite", "case", "quantity"]
    folder = folder or places.project() / "benchmarks"
    predictions, targets = (pd.read_csv(folder / f"{name}.csv") for name in ("predictions", "targets"))
    expected = predictions.merge(targets, on=key, how="outer").set_index(key)
    expected = expected.loc[pd.concat([predictions, targets])[key].drop_duplicates().apply(tuple, axis=1)].reset_index()
    if kind is not None:
        expected = expected[expected["device"].str.lower() == kind]
    rows = []
    for row in expected.to_dict("records"):
        value = _measured(results, row)
        rows.append(
            {
                **{name: row[name] for name in key},
                "predicted": _predicted(row),
                "target": "" if pd.isna(row["target"]) else f"{row['relation']} {row['target']:,g}",
                "measured": value,
                "verdict": "" if pd.isna(value) else _verdict(row, value),
                "source": "" if pd.isna(row["source"]) else row["source"],
            }
        )
    return pd.DataFrame(rows, columns=[*key, "predicted", "target", "measured", "verdict", "source"])


def shown(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Return the columns that hold something, written out, by device and case."""
    return frame.set_index(["kind", "case"]).reindex(columns=columns).dropna(axis=1, how="all").map(written)


def written(value: object) -> str:
    """Return a value for a table."""
    if value is None or value != value:
        return DASH
    return brief(value) if isinstance(value, float | int) and not isinstance(value, bool) else str(value)


def _measured(results: dict[str, pd.DataFrame], row: Row) -> float:
    frame = results.get(str(row["suite"]))
    if frame is None or row["quantity"] not in frame:
        return float("nan")
    matching = frame["case"].map(lambda case: fnmatchcase(case, str(row["case"])))
    values = frame.loc[matching & (frame["kind"] == str(row["device"]).lower()), str(row["quantity"])].astype(float)
    return float(values.min() if row["relation"] == "<" else values.max())


def _predicted(row: Row) -> str:
    value, low, high = row["predicted"], row["low"], row["high"]
    limits = f"{low:,g}–{high:,g}" if low == low and high == high else f"≤ {high:,g}" if high == high else ""
    return f"{value:,g} ({limits})" if value == value and limits else f"{value:,g}" if value == value else limits


def _verdict(row: Row, value: float) -> str:
    said: list[str] = []
    if not pd.isna(row["target"]):
        met = value >= row["target"] if row["relation"] == ">=" else value < row["target"]
        said.append("target met" if met else "target missed")
    if _predicted(row):
        near, low, high = row["predicted"], row["low"], row["high"]
        low = near * (1 - _CLOSE) if pd.isna([low, high]).all() else low
        high = near * (1 + _CLOSE) if pd.isna(high) else high
        said.append(f"{'below' if value < low else 'above' if value > high else 'as'} predicted")
    return ", ".join(said)


def bars(frame: pd.DataFrame, panels: list[str], y: str, x: str, name: str, *, log: bool = False) -> "Figure":
    """Draw column ``x``, called ``name``, as horizontal bars (points if ``log``) named by ``y``, in ``panels``."""
    import matplotlib.pyplot as plt
    import seaborn as sns

    from hcl.companion.figures import finish

    groups = list(frame.groupby(panels, sort=False))
    rows = (len(groups) + 1) // 2
    most = max(len(group) for _, group in groups)
    figure, axes = plt.subplots(rows, 2, figsize=(10, (0.32 * most + 1.1) * rows), squeeze=False)
    for axis, (key, group) in zip(axes.flat, groups, strict=False):
        draw = sns.stripplot if log else sns.barplot  # a length means nothing on a logarithmic axis
        draw(group, x=x, y=y, ax=axis, color=sns.color_palette()[0], **({"size": 9, "jitter": False} if log else {}))
        for row, value in enumerate(group[x]):
            axis.annotate(written(value), (value, row), (8, 0), textcoords="offset points", va="center")
        axis.set(title=", ".join(map(str, key)), xlabel=name, ylabel="", xscale="log" if log else "linear")
        axis.margins(x=0.2)
    for axis in axes.flat[len(groups) :]:
        axis.axis("off")
    return finish(figure)


def scaling(loss: pd.DataFrame) -> "Figure":
    """Draw the time of the loss against batch size, number of classes and negatives a pair, a row a device."""
    import matplotlib.pyplot as plt
    import seaborn as sns

    from hcl.companion.figures import finish

    usual = {"batch": 512, "classes": 100, "k": 256}
    at_usual = {name: loss[name] == value for name, value in usual.items()}
    forms = list(loss.loc[~at_usual["batch"], "form"].unique())
    kinds = list(loss["kind"].unique())
    figure, axes = plt.subplots(len(kinds), 3, figsize=(10, 3.4 * len(kinds)), sharey="row", squeeze=False)
    for (kind, varied), axis in zip(product(kinds, usual), axes.flat, strict=True):
        chosen = (loss["kind"] == kind) & loss["form"].isin(forms)
        for name in usual.keys() - {varied}:
            chosen &= at_usual[name]
        sns.lineplot(loss[chosen], x=varied, y="ms", hue="form", hue_order=forms, marker="o", ax=axis, legend=False)
        axis.set(xscale="log", yscale="log", xlabel=varied, ylabel=f"{kind}: milliseconds")
        ticks = sorted(loss.loc[chosen, varied].unique())
        axis.set_xticks(ticks, [str(tick) for tick in ticks])
        axis.minorticks_off()
    axes[0, 0].legend(axes[0, 0].lines[: len(forms)], forms, fontsize="small")
    return finish(figure)
