"""Figures of the page on minimisers, of tables that it has computed."""

from collections.abc import Mapping, Sequence
from math import log
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from hcl import hucl
from hcl.companion import style
from hcl.companion.drawing import End, end_labels, lay_out, note, panels, reference
from hcl.companion.pictures import Layout, Picture, picture


def least_hucl(table: pd.DataFrame) -> Picture:
    """Draw the least HUCL loss and the radius of the shape that has it by the hardness, a line for each C.

    Args:
        table: of `hcl.companion.minimisers_tables.hucl_table`: dots; the lines are those of `hcl.hucl`.
    """
    counts = list(dict.fromkeys(table.index.get_level_values("C")))
    found = [float(beta) for beta in table.index.get_level_values("β")]
    betas = np.geomspace(min(found), max(found), 121).tolist()

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, 1, 2, 2.8)
        ends: list[list[End]] = [[], []]
        for at, c in enumerate(counts):
            colour, rows = style.CLASSES[at].light, table.loc[c]
            for place, (axis, of, column) in enumerate(
                zip(axes[0], (hucl.hucl_lower_bound, hucl.best_radius), ("lowest found", "radius"), strict=True)
            ):
                line = [of(int(c), beta) for beta in betas]
                axis.plot(betas, line, color=colour)
                axis.plot(
                    rows.index, rows[column], style.CLASS_MARKERS[at], color=colour, markersize=4.2, clip_on=False,
                    zorder=4,
                )  # fmt: skip
                ends[place].append(End(line[-1], f"C = {c}", colour))
        for axis, title in zip(axes[0], ("Least HUCL loss", "Radius of the ETF that has it"), strict=True):
            _logarithmic(axis, betas, "hardness β", (0.5, 1, 2, 5, 10, 30))
            axis.set_title(title)
        axes[0][1].set_ylim(0, 1.04)
        lay_out(axes[0], [end.text for of in ends for end in of])
        reference(axes[0][0], log(2), "log 2: all classes at one point")
        for axis, its in zip(axes[0], ends, strict=True):
            end_labels(axis, its)
        return figure

    return picture(draw, "Least HUCL loss and the radius of the ETF that has it, by hardness and number of classes.")


def in_the_plane(shapes: Mapping[str, Tensor]) -> Picture:
    """Draw three classes in the plane, a panel each: the frequent one upwards.

    Args:
        shapes: (3, 2) class means by the title of the panel.
    """

    def draw(layout: Layout) -> Figure:
        columns = len(shapes)
        figure, axes = panels(layout, 1, columns, 2.1 if layout.narrow else 1.95)
        around = np.linspace(0, 2 * np.pi, 181)
        for axis, (title, means) in zip(axes[0], shapes.items(), strict=True):
            axis.plot(np.cos(around), np.sin(around), color=style.BOUND.light, linewidth=0.8)
            for at, (x, y) in enumerate(_upwards(means)):
                colour = style.CLASSES[at].light
                axis.plot([0, x], [0, y], color=colour, linewidth=1.2)
                axis.plot(
                    x, y, style.CLASS_MARKERS[at], color=colour, markersize=(8, 6, 9)[at], clip_on=False,
                    zorder=4, markerfacecolor="none" if at == 2 else colour, markeredgewidth=1.4,
                )  # fmt: skip
            axis.set(xlim=(-1.15, 1.15), ylim=(-1.15, 1.15), aspect="equal", xticks=[], yticks=[])
            axis.grid(visible=False)
            for side in axis.spines.values():
                side.set_visible(False)
            axis.set_title(title)
        return figure

    return picture(draw, "Three classes on the unit circle, one ever more frequent: the two rare ones move together.")


def rare_classes(table: pd.DataFrame) -> Picture:
    """Draw the inner product of the two rare classes by how much more frequent the third is, a line for each loss.

    Args:
        table: of `hcl.companion.minimisers_tables.weights_table`.
    """
    losses = list(dict.fromkeys(table.index.get_level_values("loss")))

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, 1, 1, 2.5)
        axis, ends = axes[0][0], []
        for loss in losses:
            method = loss.partition(",")[0]
            its, colour = table.loc[loss]["rare with rare"], style.METHODS[method].light
            axis.plot(its.index, its, style.METHOD_MARKERS[method] + "-", color=colour, markersize=4.5, clip_on=False)
            ends.append(End(float(its.iloc[-1]), loss, colour))
        ratios = [float(ratio) for ratio in table.index.get_level_values("ratio")]
        _logarithmic(axis, ratios, "weight of the frequent class, of a rare one 1", (1, 2, 3, 5, 10, 20, 30))
        axis.set_title("Inner product of the two rare classes")
        axis.set_ylim(-0.6, 1.04)
        lay_out([axis], [end.text for end in ends])
        end_labels(axis, ends)
        return figure

    return picture(draw, "Inner product of two rare classes by the weight of the third, for SCL, UCL and HUCL.")


def own_positives(table: pd.DataFrame, edges: Sequence[tuple[float, str]]) -> Picture:
    """Draw how far the items of a class lie apart by the share of positives that are their anchors, and the loss.

    Args:
        table: of `hcl.companion.minimisers_tables.positives_table`.
        edges: shares to mark, with what is written there.
    """
    rows: Any = table.loc["UCL"]
    cases = [key for key, of in rows.groupby(["items", "d"]) if len(of) > 5]

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, 1, 2, 2.6)
        ends: list[list[End]] = [[], []]
        for at, (items, d) in enumerate(cases):
            its, colour = rows.xs((items, d)), style.CLASSES[at].light
            for place, (axis, column) in enumerate(zip(axes[0], ("within class", "above the bound"), strict=True)):
                signs = style.CLASS_MARKERS[at] + "-"
                axis.plot(its.index, its[column], signs, color=colour, markersize=4, clip_on=False)
                ends[place].append(End(float(its[column].iloc[-1]), f"d = {d}", colour))
        titles = ("Distance of an item from its class mean", "Least UCL loss less the bound of Theorem 3")
        for axis, title in zip(axes[0], titles, strict=True):
            axis.set(xlim=(0, 1), xlabel="share of positives that are their anchors")
            axis.set_title(title)
            for share, _ in edges:
                axis.axvline(share, color=style.BOUND.light, linewidth=0.9, zorder=1.5)
        lay_out(axes[0], [end.text for of in ends for end in of])
        for axis, its_ends in zip(axes[0], ends, strict=True):
            end_labels(axis, its_ends)
        for share, text in edges:
            note(axes[0][0], text, share - 0.01, 0.96, ha="right", va="top")
        return figure

    return picture(draw, "Spread within classes and loss by the share of positives that are their anchors.")


def _upwards(means: Tensor) -> list[tuple[float, float]]:
    """Return points of the plane turned so that the first points upwards and the second lies on the left."""
    first = complex(*means[0].tolist())
    turned = [complex(*one.tolist()) * 1j * abs(first) / first for one in means]
    side = -1 if turned[1].real > turned[2].real else 1
    return [(side * one.real, one.imag) for one in turned]


def _logarithmic(axis: Axes, values: Sequence[float], label: str, ticks: Sequence[float]) -> None:
    axis.set_xscale("log")
    axis.set(xlim=(min(values), max(values)), xlabel=label)
    axis.set_xticks(list(ticks), [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
