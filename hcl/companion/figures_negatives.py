"""Figures of the pages on more negatives, of tables that these have computed."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hcl.companion import style
from hcl.companion.drawing import End, end_labels, lay_out, panels, reference, waiting
from hcl.companion.pictures import Layout, Picture, picture
from hcl.downstream import etf_downstream_loss

_TICKS = (1, 4, 16, 64, 256, 512)
Lines = Mapping[str, pd.Series]  # of numbers by k, by what the line is called


def _by_count(axis: Axes, lines: Lines, *, first: int = 0, signs: bool = True) -> list[End]:
    """Draw lines by k and return their labels."""
    ends = []
    for at, (text, line) in enumerate(lines.items(), first):
        colour, sign = style.CLASSES[at].light, style.CLASS_MARKERS[at] if signs else ""
        axis.plot(line.index, line, f"{sign}-", color=colour, markersize=4, clip_on=False)
        ends.append(End(float(line.iloc[-1]), text, colour))
    counts = [int(k) for line in lines.values() for k in line.index]
    axis.set_xscale("log")
    axis.set(xlim=(min(counts), max(counts)), xlabel="negatives k")
    ticks = [tick for tick in _TICKS if min(counts) <= tick <= max(counts) and tick != 256]
    axis.set_xticks(ticks, [str(tick) for tick in ticks])
    axis.minorticks_off()
    return ends


def by_count(parts: Mapping[str, Lines], alt: str, *, levels: Mapping[str, tuple[float, str]] | None = None) -> Picture:
    """Draw lines by the number of negatives, a panel for each part.

    Args:
        parts: by the title of the panel, lines by what they are called.
        alt: what is seen, in words.
        levels: a line of reference for a panel, by its title: where, and what it is.
    """

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, 1, len(parts), 2.6)
        ends = []
        for axis, (title, lines) in zip(axes[0], parts.items(), strict=True):
            ends.append(_by_count(axis, lines))
            axis.set_title(title)
            low, high = axis.get_ylim()
            axis.set_ylim(low, high)
        lay_out(axes[0], [end.text for of in ends for end in of])
        for axis, title, its in zip(axes[0], parts, ends, strict=True):
            if levels and title in levels:
                reference(axis, *levels[title])
            end_labels(axis, its)
        return figure

    return picture(draw, alt)


def bounds(table: pd.DataFrame, num_classes: int) -> Picture:
    """Draw both losses of the minimiser by k, and the two bounds of the downstream one.

    Args:
        table: of `hcl.companion.negatives_tables.bounds_table`.
        num_classes: C.
    """

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, 1, 2, 2.7)
        left, right = axes[0]
        losses = {"contrastive": table["contrastive loss"], "downstream": table["downstream loss"]}
        ends = [_by_count(left, losses)]
        left.fill_between(
            table.index, table["from"], table["to"], color=style.CLASSES[1].light, alpha=0.12, linewidth=0
        )
        left.set_title("Both losses, and the interval (shaded)")
        lines = {"α (loss − τ)": table["α (loss − τ)"], "downstream": table["downstream loss"]}
        finite = {name: line[np.isfinite(line) & (line < 1e6)] for name, line in lines.items()}
        ends.append(_by_count(right, finite))
        right.set_yscale("log")
        right.set_xlim(left.get_xlim())
        right.set_title("The bound that grows, and what it bounds")
        lay_out(axes[0], [end.text for of in ends for end in of])
        reference(left, etf_downstream_loss(num_classes), "of an ETF")
        end_labels(left, ends[0])
        end_labels(right, ends[1])
        return figure

    return picture(
        draw, "Contrastive loss growing with k, downstream loss flat; the bound alpha grows beyond all measure."
    )


def changes(table: pd.DataFrame) -> Picture:
    """Draw how the downstream loss differs from that at the smallest k, a line for each distribution of the classes.

    Args:
        table: of `hcl.companion.negatives_tables.random_table`.
    """

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, 1, 1, 2.5)
        axis = axes[0][0]
        for _, rows in table.groupby(level="number"):
            of = rows.droplevel(["number", "rho"])["downstream loss"]
            _by_count(axis, {"": of - of.iloc[0]}, signs=False)
        axis.set_title("Downstream loss less that at k = 1")
        lay_out([axis])
        reference(axis, 0.0, "as at k = 1", above=True)
        return figure

    return picture(draw, "Downstream losses of random class distributions, which fall or stay level as k grows.")


def cosines(parts: Mapping[str, np.ndarray], said: str = "class") -> Picture:
    """Draw the cosine similarities of class means: for each class, from the first, those with all others.

    Args:
        parts: by the title of the panel, (C, C) cosines; none is said in a line.
        said: label of the axis.
    """
    if not parts:
        return waiting("Cosine similarities of each class mean with all others.")

    def draw(layout: Layout) -> Figure:
        columns = min(len(parts), 3)
        figure, axes = panels(layout, -(-len(parts) // columns), columns, 2.2)
        flat = [axis for row in axes for axis in row]
        for axis, (title, gram) in zip(flat, parts.items(), strict=False):
            count = len(gram)
            for c in range(count):
                others = np.delete(gram[c], c)
                axis.plot([c + 1] * len(others), others, "o", color=style.CLASSES[0].light, markersize=2.6)
            axis.set(xlim=(0.4, count + 0.6), ylim=(-1.04, 1.04), xlabel=said, xticks=[1, count])
            axis.set_title(title)
        for axis in flat[len(parts) :]:
            axis.set(xticks=[], yticks=[])
        lay_out(flat)
        for axis, gram in zip(flat, parts.values(), strict=False):
            reference(axis, -1 / (len(gram) - 1), "ETF")
        return figure

    return picture(draw, "Cosine similarities of each class mean with all others, and the value of an ETF.")
