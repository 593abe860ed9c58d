"""Figures of the page on theory, of numbers that it has computed."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hcl.companion import style
from hcl.companion.drawing import End, end_labels, heading, lay_out, look_at, note, panels
from hcl.companion.pictures import Layout, Picture, picture


def above_the_diagonal(frame: pd.DataFrame) -> Picture:
    """Draw hardened against plain losses, a panel for each supervision, a sign a hardening function (Theorem 1).

    Args:
        frame: with columns ``plain``, ``hardened``, ``hardening`` and ``supervision``, a row a representation.
    """
    kinds, names = list(frame["supervision"].unique()), list(frame["hardening"].unique())
    losses = frame[["plain", "hardened"]].to_numpy(float)
    low, high = float(losses.min()), float(losses.max())
    edge = 0.04 * (high - low)

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, 1, len(kinds), 2.7)
        for axis, supervision in zip(axes[0], kinds, strict=True):
            its = frame[frame["supervision"] == supervision]
            for at, name in enumerate(names):
                part = its[its["hardening"] == name]
                axis.plot(
                    part["plain"], part["hardened"], style.CLASS_MARKERS[at], linestyle="none", markersize=3.6,
                    color=style.CLASSES[at].light, alpha=0.7, markeredgewidth=0, label=name,
                )  # fmt: skip
            limits = (low - edge, high + edge)
            axis.fill_between(limits, limits, limits[0], color=style.RULE.light, alpha=0.45, linewidth=0, zorder=0)
            axis.plot(limits, limits, color=style.BOUND.light, linewidth=0.9)
            axis.set(xlim=limits, ylim=limits, xlabel="loss without hardening")
            axis.set_title("Loss with hardening")
            heading(axis, str(supervision)[0].upper() + str(supervision)[1:], style.INK.light)
            axis.legend(
                loc="lower right", bbox_to_anchor=(1, 0.02), handletextpad=0.2, labelspacing=0.3, markerscale=1.4
            )
            note(axis, "nothing may lie here", 0.97, 0.46, ha="right")
            axis.xaxis.set_major_locator(MaxNLocator(4))
            axis.yaxis.set_major_locator(MaxNLocator(4))
        return figure

    return picture(draw, "Hardened against plain loss of random representations; no point lies below the diagonal.")


def loss_by_radius(
    radii: Sequence[float], curves: Mapping[float, Sequence[float]], least: Mapping[float, tuple[float, float]]
) -> Picture:
    """Draw the HUCL loss of an ETF by its radius, a line for each hardness, and the least of each.

    Args:
        radii: between 0 and 1.
        curves: losses at the radii, by beta.
        least: radius and loss of the least of each curve, by beta.
    """
    places = style.levels(curves)

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, 1, 1, 2.6)
        axis, ends = axes[0][0], []
        for beta, curve in curves.items():
            its = look_at(places[beta])
            axis.plot(radii, curve, **its.line)
            axis.plot(*least[beta], "o", color=its.colour, markersize=5.5, clip_on=False, zorder=4)
            ends.append(End(float(np.asarray(curve)[-1]), f"β = {beta:g}", its.colour))
        axis.set(xlabel="radius of the ETF: 1 is Neural-Collapse", xlim=(radii[0], radii[-1]))
        axis.set_title("HUCL loss; a dot is the least of its curve")
        lay_out([axis], [end.text for end in ends])
        end_labels(axis, ends)
        return figure

    return picture(draw, "HUCL loss by the radius of an ETF, a curve for each hardness, the least of each marked.")
