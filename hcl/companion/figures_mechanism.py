"""Figures of the pages on the mechanism: merged states that are left, and what runs have recorded of it."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hcl.companion import style
from hcl.companion.drawing import End, end_labels, lay_out, look_at, panels
from hcl.companion.pictures import Layout, Picture, picture


def escape(table: Any, names: dict[tuple[int, int], str]) -> Picture:
    """Draw the number of steps in which merged states are left by hardness: counted as signs, predicted as lines.

    Args:
        table: of `hcl.companion.mechanism.escape_table`.
        names: what states are called, by (C, K); others are not drawn.
    """

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, 1, 1, 2.9)
        axis, ends = axes[0][0], []
        betas = sorted(set(table.index.get_level_values("β")))
        for at, (state, name) in enumerate(names.items()):
            rows, colour = table.xs(state, level=("C", "points")), style.CLASSES[at].light
            axis.plot(range(len(betas)), rows["predicted steps"], "-", color=colour)
            axis.plot(range(len(betas)), rows["counted steps"], style.CLASS_MARKERS[at], color=colour, markersize=5)
            ends.append(End(float(rows["predicted steps"].iloc[-1]), name, colour))
        axis.set_yscale("log")
        axis.set_xticks(range(len(betas)), [f"{beta:g}" for beta in betas])
        axis.set(xlabel="hardness β (0: SCL)")
        axis.set_title("Steps until merged classes are apart")
        lay_out([axis], [end.text for end in ends])
        end_labels(axis, ends)
        return figure

    return picture(draw, "Steps to leave merged states against hardness: they fall, most of all for many small groups.")


def _by_hardness(axis: Axes, lines: dict[float, Any]) -> list[End]:
    ends = []
    for beta, line in lines.items():
        look = look_at(style.level(beta))
        axis.plot(line.index, line, **look.line)
        ends.append(End(float(line.iloc[-1]), f"β = {beta:g}", look.colour))
    return ends


def rates(by_points: Any, by_variance: Any) -> Picture:
    """Draw the rate at which collapsed directions open: by the number of points, and by the spread within classes.

    Args:
        by_points: of `hcl.companion.mechanism.rank_table`.
        by_variance: of `hcl.companion.mechanism.spread_table`.
    """

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, 1, 2, 2.8)
        left, right = axes[0]
        ends = [_by_hardness(left, {float(beta): line for beta, line in by_points.items()})]
        left.set_xscale("log")
        left.set_yscale("log")
        left.set_xticks([2, 5, 10, 20, 50], ["2", "5", "10", "20", "50"])
        left.minorticks_off()
        left.set(xlabel="points that 100 classes are at")
        left.set_title("Rate, classes without a spread")
        lines = {float(beta): rows["rate"].droplevel("β") for beta, rows in by_variance.groupby(level="β")}
        ends.append(_by_hardness(right, lines))
        right.set(xlabel="variance within a class", ylim=(0, None))
        right.set_title("Rate, 100 classes in pairs")
        lay_out(axes[0], [end.text for of in ends for end in of])
        for axis, its in zip(axes[0], ends, strict=True):
            end_labels(axis, its)
        return figure

    return picture(
        draw,
        "Left: without hardness the rate falls with the number of points, with hardness it does not. Right: with a "
        "spread the rate falls, the more the harder the negatives.",
    )
