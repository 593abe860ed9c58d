"""What `benchmarks/run.py` has measured, as tables and figures, beside what was predicted and what was aimed at."""

from collections.abc import Hashable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from hcl.companion.numbers import DASH, brief
from hcl.training import places

if TYPE_CHECKING:  # not on a machine that only measures
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hcl.companion.pictures import Layout, Picture

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


def grown(frame: pd.DataFrame) -> str:
    """Return in words how much longer commands take with the most records than with the fewest, of suite ``growth``."""
    said = []
    for what, rows in frame.groupby(frame["case"].str.rpartition(", ")[0], sort=False):
        ordered = rows.sort_values("records")
        few, many = ordered.iloc[0], ordered.iloc[-1]
        if many["records"] > few["records"]:
            said.append(
                f"with {many['records'] / few['records']:.0f} times as many, {what} takes "
                f"{many['seconds'] / few['seconds']:.1f} times as long"
            )
    return "; ".join(said)


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


def bars(frame: pd.DataFrame, panels: list[str], y: str, x: str, name: str, *, log: bool = False) -> "Picture":
    """Draw column ``x``, called ``name``, as horizontal bars (points if ``log``) named by ``y``, in ``panels``."""
    from hcl.companion import drawing, style
    from hcl.companion.pictures import new_figure, picture

    groups = list(frame.groupby(panels, sort=False))
    colour = style.SUPERVISION["supervised"].light

    def draw(layout: "Layout") -> "Figure":
        columns = 1 if layout.narrow else min(2, len(groups))
        rows = -(-len(groups) // columns)
        tallest = [max(len(g) for _, g in groups[at * columns : (at + 1) * columns]) for at in range(rows)]
        heights = [0.55 + 0.22 * most for most in tallest]
        figure = new_figure(layout, sum(heights) + 0.1 * rows)
        axes = figure.subplots(rows, columns, squeeze=False, height_ratios=heights)
        for axis, (key, group) in zip(axes.flat, groups, strict=False):
            places = list(range(len(group)))
            if log:  # a length means nothing on a logarithmic axis
                axis.plot(group[x], places, "o", color=colour, markersize=6)
            else:
                axis.barh(places, group[x], height=0.7, color=colour)
            for row, value in enumerate(group[x]):
                axis.annotate(
                    written(value), (value, row), (6, 0), textcoords="offset points", va="center",
                    fontsize=drawing.SMALL, path_effects=drawing.halo(), annotation_clip=False,
                )  # fmt: skip
            axis.set(xscale="log" if log else "linear", xlabel=name)
            axis.set_yticks(places, list(group[y]))
            axis.set_ylim(len(group) - 0.4, -0.6)
            axis.set_title(", ".join(map(str, key)), fontweight="bold")
            axis.tick_params(axis="y", length=0)
            axis.grid(axis="y", visible=False)
            axis.grid(axis="x")
            axis.margins(x=0.25)
            if not log:
                axis.locator_params(axis="x", nbins=4)
        for axis in axes.flat[len(groups) :]:
            axis.axis("off")
        return figure

    return picture(draw, f"Measured {name} by {y}.")


def scaling(loss: pd.DataFrame) -> "Picture":
    """Draw the time of the loss against batch size, number of classes and negatives a pair, a row a device."""
    from hcl.companion import drawing, style
    from hcl.companion.pictures import picture

    usual = {"batch": 512, "classes": 100, "k": 256}
    words = {"batch": "images in a batch", "classes": "classes", "k": "negatives a pair (k)"}
    at_usual = {name: loss[name] == value for name, value in usual.items()}
    forms = list(loss.loc[~at_usual["batch"], "form"].unique())
    kinds = list(loss["kind"].unique())

    def panel(axis: "Axes", kind: str, varied: str) -> list["drawing.End"]:
        chosen = (loss["kind"] == kind) & loss["form"].isin(forms)
        for other in usual.keys() - {varied}:
            chosen &= at_usual[other]
        ends = []
        for at, form in enumerate(forms):
            its = loss[chosen & (loss["form"] == form)].groupby(varied)["ms"].mean()
            axis.plot(its.index, its, marker=style.CLASS_MARKERS[at], markersize=4, color=style.CLASSES[at].light)
            if len(its):
                ends.append(drawing.End(float(its.iloc[-1]), form, style.CLASSES[at].light))
        axis.set(xscale="log", yscale="log", xlabel=words[varied])
        ticks = sorted(loss.loc[chosen, varied].unique())
        axis.set_xticks(ticks, [str(tick) for tick in ticks])
        axis.minorticks_off()
        axis.set_title("Milliseconds")
        return ends

    def draw(layout: "Layout") -> "Figure":
        figure, axes = drawing.panels(layout, len(kinds), 3, 2.0)
        ends = {}
        for row, kind in zip(axes, kinds, strict=True):
            for axis, varied in zip(row, usual, strict=True):
                ends[axis] = panel(axis, kind, varied)
                if layout.narrow or axis is row[0]:
                    drawing.heading(axis, kind.upper(), style.INK.light)
            limits = [axis.get_ylim() for axis in row]
            for axis in row:
                axis.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
        drawing.lay_out(list(ends), forms)
        for axis, its in ends.items():
            drawing.end_labels(axis, its)
        return figure

    return picture(draw, "Milliseconds of the loss by batch size, number of classes and number of negatives a pair.")
