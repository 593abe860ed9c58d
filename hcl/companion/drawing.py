"""What all figures are drawn with: panels that stack on a phone, labels at the ends of lines, lines of reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hcl.companion import style
from hcl.companion.labels import hardness_label
from hcl.companion.pictures import Layout, Picture, new_figure, picture
from hcl.training.runs import Run

WAITING = "its runs are still to be made"

_GAP = 10.0  # points between the middles of two labels
_SHIFT = 11.0  # points between the end of a line and its label
SMALL = 7.5


class End(NamedTuple):
    """A label at the right end of a line.

    Attributes:
        y: where the line ends, in data.
        text: of the label.
        colour: of the line.
    """

    y: float
    text: str
    colour: str


@dataclass(frozen=True)
class Look:
    """How the lines of a hardness are drawn.

    Attributes:
        colour: on light ground.
        dashes: lengths on and off, in line widths; empty for a whole line.
        marker: of matplotlib.
    """

    colour: str
    dashes: tuple[float, ...]
    marker: str

    @property
    def line(self) -> dict[str, Any]:
        """Options of ``Axes.plot``."""
        return {"color": self.colour, "linestyle": (0, self.dashes) if self.dashes else "-"}


def look_at(level: float) -> Look:
    """Return the look at a place of the ramp (`hcl.companion.style.level`)."""
    return Look(style.ramp(level).light, style.dashes(level), style.marker(level))


def looks(runs: Sequence[Run]) -> dict[str, Look]:
    """Return the look of each hardness that runs have, by its label, in rising order."""
    hard = [run.spec for run in runs if run.spec.hardness]
    family = hard[0].hardening if hard else "exponential"
    places = style.levels((run.spec.hardness for run in runs), family)
    ordered = sorted(runs, key=lambda run: run.spec.hardness)
    return {hardness_label(run.spec): look_at(places[run.spec.hardness]) for run in ordered}


def panels(layout: Layout, rows: int, columns: int, height: float, top: float = 0.3) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure with panels in rows and columns, all below each other where it is narrow.

    Args:
        layout: of the figure.
        rows: of panels.
        columns: of panels.
        height: of a panel, in inches.
        top: what is added for headings, in inches.

    Returns:
        The figure, and the panels by row.
    """
    shape = (rows * columns, 1) if layout.narrow else (rows, columns)
    figure = new_figure(layout, top + height * shape[0])
    axes = figure.subplots(*shape, squeeze=False).reshape(rows, columns)
    return figure, [list(row) for row in axes]


def heading(axis: Axes, text: str, colour: str) -> None:
    """Write what a column of panels is about above the title of its first panel."""
    axis.annotate(
        text, (0, 1), (0, 21 if axis.get_title(loc="left") else 5), xycoords="axes fraction",
        textcoords="offset points", color=colour, fontweight="bold", fontsize=9,
    )  # fmt: skip


def note(axis: Axes, text: str, x: float, y: float, **options: Any) -> None:
    """Write a short remark into a panel, at a fraction of its width and height, legible above lines."""
    axis.text(
        x, y, text, transform=axis.transAxes, color=style.MUTED.light, fontsize=SMALL, path_effects=halo(), **options
    )


def waiting(what: str) -> Picture:
    """Draw that there is nothing to draw yet, in a line, in place of empty panels.

    Args:
        what: would be drawn, in words.
    """

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, 1, 1, 0.5)
        axes[0][0].set_axis_off()
        note(axes[0][0], WAITING, 0.5, 0.5, ha="center")
        return figure

    return picture(draw, f"{what} Its runs are still to be made.")


def halo() -> list[patheffects.AbstractPathEffect]:
    """Return what keeps text legible above lines: a rim in the colour of the ground."""
    return [patheffects.withStroke(linewidth=2.5, foreground=style.GROUND.light)]


def end_labels(axis: Axes, ends: Sequence[End]) -> None:
    """Write labels to the right of a panel, at the ends of its lines and clear of each other.

    Limits of the panel and everything else of the figure must be there.

    Args:
        axis: the panel.
        ends: of its lines; those not finite are left out.
    """
    height = axis.get_window_extent().height * 72 / axis.figure.dpi
    placed = [(min(max(_part(axis, end.y), 0), 1) * height, end) for end in ends if np.isfinite(end.y)]
    placed.sort(key=lambda item: round(item[0] / 2))  # what ends together stays in the order given
    wished = spread([at for at, _ in placed], _GAP, 0.0, height)
    for (first, end), then in zip(placed, wished, strict=True):
        axis.annotate(
            end.text, (1, first / height), (_SHIFT, then - first), xycoords="axes fraction",
            textcoords="offset points", color=end.colour, fontsize=8, va="center", ha="left", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": end.colour, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 1.5,
                        "relpos": (0, 0.5)},
        )  # fmt: skip


def lay_out(axes: Sequence[Axes], texts: Sequence[str] = ()) -> None:
    """Lay a figure out once and for all, with the room that labels at the ends of lines will take.

    Args:
        axes: panels that will have labels, at least one.
        texts: of the labels.
    """
    figure = axes[0].get_figure(root=True)
    engine = figure.get_layout_engine() if figure else None
    if figure is None or engine is None:
        return
    longest = max(texts, key=len, default="")
    kept = [
        axis.annotate(longest, (1, 0.5), (_SHIFT, 0), xycoords="axes fraction", textcoords="offset points", fontsize=8)
        for axis in axes
    ]
    engine.execute(figure)
    figure.set_layout_engine("none")
    for text in kept:
        text.remove()


def spread(at: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return places, in order, at least a gap apart and as near to the wished ones as can be.

    Args:
        at: wished places, rising.
        gap: between neighbours; less where there is no room for it.
        low: least place.
        high: largest place, unless there are too many.
    """
    if len(at) > 1:
        gap = min(gap, (high - low) / (len(at) - 1))
    groups: list[tuple[float, int]] = []  # mean of wished first places, and how many go together
    for index, wished in enumerate(at):
        mean, count = wished - index * gap, 1
        while groups and groups[-1][0] > mean:
            before, many = groups.pop()
            mean, count = (before * many + mean * count) / (many + count), many + count
        groups.append((mean, count))
    first = [mean for mean, count in groups for _ in range(count)]
    last = high - gap * (len(at) - 1)
    return [min(max(place, low), last) + index * gap for index, place in enumerate(first)]


def reference(axis: Axes, y: float, text: str, *, above: bool = False) -> None:
    """Draw a line that values are to be read against, and write below or above it, where no data are, what it is.

    Args:
        axis: a panel whose limits are set.
        y: of the line.
        text: on it.
        above: whether the values lie below the line.
    """
    axis.axhline(y, color=style.BOUND.light, linewidth=0.9, zorder=1.5)
    axis.annotate(
        text, (0, y), (4, 2.5 if above else -3), xycoords=axis.get_yaxis_transform(), textcoords="offset points",
        color=style.MUTED.light, fontsize=SMALL, va="bottom" if above else "top", path_effects=halo(),
    )  # fmt: skip


def published_marks(axis: Axes, values: Mapping[str, float], colours: Mapping[str, str]) -> None:
    """Draw what the paper reports as open diamonds at the right edge of a panel.

    Args:
        axis: the panel.
        values: of the paper, by what they are of.
        colours: of the same.
    """
    for name, value in values.items():
        if name in colours:
            axis.plot(
                1.0, value, "D", transform=axis.get_yaxis_transform(), markersize=5, markeredgewidth=1.1,
                markerfacecolor="none", markeredgecolor=colours[name], clip_on=False, zorder=5,
            )  # fmt: skip


def _part(axis: Axes, y: float) -> float:
    """Return where a value stands in the height of a panel, whatever its scale: 0 at the bottom, 1 at the top."""
    return float(axis.transAxes.inverted().transform(axis.transData.transform((axis.get_xlim()[0], y)))[1])
