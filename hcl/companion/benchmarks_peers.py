"""The loss beside those of other packages, as `benchmarks/run.py peers` has measured it: figures and what is seen."""

from typing import TYPE_CHECKING

import pandas as pd

from hcl.companion.benchmarks_report import written
from hcl.companion.numbers import brief

if TYPE_CHECKING:  # not on a machine that only measures
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hcl.companion.drawing import End
    from hcl.companion.pictures import Layout, Picture

_USUAL = {"classes": 64, "k": 256}  # where the batch varies
_EXPECTATION = " in expectation"


def checks(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that say whether forms of the same value agree."""
    return frame[frame["passed"].notna()]


def costs(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of time and memory, also those of forms that were refused the memory."""
    return frame[frame["loss"].notna()]


def by_batch(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `costs` in which the batch alone varies."""
    rows = costs(frame)
    usual = [rows[name].isna() | (rows[name] == value) for name, value in _USUAL.items()]
    return rows[usual[0] & usual[1]]


def varied(frame: pd.DataFrame, batch: int = 512) -> pd.DataFrame:
    """Return time and memory at one batch for each number of classes and of negatives, for a table."""
    rows = costs(frame)
    rows = rows[(rows["batch"] == batch) & rows["classes"].notna()].assign(place=lambda its: its.index)
    rows["place"] = rows.groupby(["loss", "by"])["place"].transform("min")
    rows = rows.sort_values(["place", "classes", "k"])
    names = ["loss", "by", "classes", "k"]
    return rows[[*names, "ms", "memory_mb"]].map(written).set_index(names)


def growth(frame: pd.DataFrame, quantity: str, name: str) -> "Picture":
    """Draw a quantity, called ``name``, against the batch: a panel a loss, a line for each that computes it.

    Algorithm 1 and its expectation have one panel.
    """
    from hcl.companion import drawing, style
    from hcl.companion.pictures import picture

    rows = by_batch(frame).dropna(subset=[quantity])
    rows = rows.assign(loss=rows["loss"].str.removesuffix(_EXPECTATION))
    losses = list(rows["loss"].unique())
    texts = list(rows["by"].unique())

    def panel(axis: "Axes", loss: str) -> list["End"]:
        ends = []
        for by, its in rows[rows["loss"] == loss].groupby("by", sort=False):
            at = texts.index(by) % len(style.CLASSES)
            colour, its = style.CLASSES[at].light, its.sort_values("batch")
            axis.plot(its["batch"], its[quantity], marker=style.CLASS_MARKERS[at], markersize=4, color=colour)
            ends.append(drawing.End(float(its[quantity].iloc[-1]), str(by), colour))
        axis.set(xscale="log", yscale="log", xlabel="points in a batch", title=name)
        ticks = sorted(rows["batch"].unique())
        axis.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
        axis.minorticks_off()
        axis.set_xlim(ticks[0] / 1.3, ticks[-1] * 1.3)
        drawing.heading(axis, loss, style.INK.light)
        return ends

    def draw(layout: "Layout") -> "Figure":
        figure, axes = drawing.panels(layout, -(-len(losses) // 2), 2, 2.3)
        flat = [axis for row in axes for axis in row]
        ends = {axis: panel(axis, loss) for axis, loss in zip(flat, losses, strict=False)}
        for axis in flat[len(losses) :]:
            axis.axis("off")
        low, high = (f(axis.get_ylim()[at] for axis in ends) for at, f in enumerate((min, max)))
        for axis in ends:
            axis.set_ylim(low, high)
        drawing.lay_out(list(ends), texts)
        for axis, its in ends.items():
            drawing.end_labels(axis, its)
        return figure

    return picture(draw, f"{name} of a loss and its gradient by the number of points in a batch, for four losses.")


def beside(frame: pd.DataFrame) -> pd.DataFrame:
    """Return for each form what it takes at the largest batch that it was measured at, over what another form takes.

    The other form is the library's first of the same value; of one that takes rows at a time, the same form without.
    Columns are ``batch``, ``ms``, ``memory_mb``, ``compared_with``, ``times_time``, ``times_memory``, and ``refused``,
    the least batch for which it asked for more memory than it was given, where there is one.
    """
    rows = by_batch(frame)
    made = []
    for loss, its in rows.groupby("loss", sort=False):
        for by, own in its.groupby("by", sort=False):
            other = (
                str(by).removesuffix(" rows").rpartition(", ")[0] if str(by).endswith(" rows") else its["by"].iloc[0]
            )
            both = own.dropna(subset=["ms"]).merge(its[its["by"] == other].dropna(subset=["ms"]), on="batch")
            refused = own.loc[own["refused"].notna(), "batch"] if "refused" in own else own["batch"].head(0)
            if len(both):
                last = both.sort_values("batch").to_dict("records")[-1]
                made.append(
                    {
                        "loss": loss, "by": by, "batch": last["batch"], "ms": last["ms_x"],
                        "memory_mb": last["memory_mb_x"], "compared_with": other,
                        "times_time": last["ms_x"] / last["ms_y"],
                        "times_memory": last["memory_mb_x"] / last["memory_mb_y"], "refused": refused.min(),
                    }
                )  # fmt: skip
    return pd.DataFrame(made)


def seen(frame: pd.DataFrame) -> str:
    """Return in sentences how the library's forms stand beside those of others, and what rows at a time bring."""
    table = beside(frame)
    others = table[~table["by"].str.startswith("hcl")]
    rows = table[table["by"].str.endswith(" rows")]
    said = (
        f"{(others['times_time'] > 1).sum()} of {len(others)} forms of others take more time than the library's at the "
        f"largest batch that both can do, {(others['times_memory'] > 1).sum()} take more memory."
    )
    if refused := others["refused"].notna().sum():
        said += f" At larger batches {refused} asked for more memory than they were given."
    if len(rows):
        at, times, memory = rows["batch"].max(), rows["times_time"], 1 / rows["times_memory"]
        said += (
            f" Taken some rows at a time, at B = {at:,.0f}, the library's need {brief(memory.min())} to "
            f"{brief(memory.max())} times less memory, for {brief(times.min())} to {brief(times.max())} times the time."
        )
    return said
