"""Figures of the page on many machines, of schedules that `hcl.companion.schedule` has simulated."""

from collections.abc import Collection, Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from hcl.companion import style
from hcl.companion.cluster_plan import HOUR
from hcl.companion.drawing import End, end_labels, lay_out, note, panels
from hcl.companion.pictures import Layout, Picture, picture
from hcl.companion.schedule import Schedule

Curves = Mapping[str, tuple[pd.DataFrame, ...]]  # of `cluster_plan.curve`: one, or fast, central and slow


def scaling(curves: Curves, unit: str, ticks: Collection[int], alt: str) -> Picture:
    """Draw hours and busy share by the number of machines, and the hours if all were busy all the time (dashed).

    Args:
        curves: by what a line is called.
        unit: label of the axis.
        ticks: on it.
        alt: what is seen, in words.
    """

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, 1, 2, 2.7)
        hours, busy = axes[0]
        ends: dict[Axes, list[End]] = {hours: [], busy: []}
        for at, (name, frames) in enumerate(curves.items()):
            colour, sign = style.CLASSES[at].light, style.CLASS_MARKERS[at]
            middle = frames[len(frames) // 2]
            if len(frames) > 1:
                hours.fill_between(
                    middle.index, frames[0]["hours"], frames[-1]["hours"], color=colour, alpha=0.12, linewidth=0
                )
            hours.plot(middle.index, middle["work"], color=colour, linewidth=0.9, linestyle=(0, (4, 2)))
            for axis, column in ((hours, "hours"), (busy, "busy")):
                axis.plot(middle.index, middle[column], color=colour)
                axis.plot(list(ticks), middle.loc[list(ticks), column], sign, color=colour, markersize=4)
                ends[axis].append(End(float(middle[column].iloc[-1]), name, colour))
        for axis in (hours, busy):
            axis.set_xscale("log", base=2)
            axis.set_xticks(list(ticks), [f"{tick:,}" for tick in ticks])
            axis.minorticks_off()
            axis.set_xlim(min(middle.index), max(middle.index))
            axis.set_xlabel(unit)
        hours.set_yscale("log")
        hours.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        hours.set_title("Hours until the last run ends")
        busy.set_ylim(0, 1.05)
        busy.yaxis.set_major_formatter(PercentFormatter(1.0))
        busy.set_title("Share of the time held in which runs were made")
        lay_out([hours, busy], list(curves))
        for axis, its in ends.items():
            end_labels(axis, its)
        return figure

    return picture(draw, alt)


def places(schedules: Mapping[str, Schedule], marked: Collection[str], said: str, alt: str) -> Picture:
    """Draw which place makes a run when, a bar for each run and a panel for each schedule.

    Args:
        schedules: by the title of the panel.
        marked: names of runs that are drawn in a colour of their own.
        said: what these are.
        alt: what is seen, in words.
    """

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, 1, len(schedules), 2.9)
        latest = max(schedule.seconds for schedule in schedules.values()) / HOUR
        for axis, (title, schedule) in zip(axes[0], schedules.items(), strict=True):
            for own, colour in ((False, style.CLASSES[0].light), (True, style.CLASSES[1].light)):
                chosen = [piece for piece in schedule.pieces if (piece.name in marked) == own]
                axis.barh(
                    [piece.place for piece in chosen], [(piece.end - piece.start) / HOUR for piece in chosen],
                    left=[piece.start / HOUR for piece in chosen], height=0.82 if own else 0.6, color=colour,
                    edgecolor=style.GROUND.light, linewidth=0.5,
                )  # fmt: skip
            axis.set(xlim=(0, latest * 1.02), ylim=(schedule.machines.places - 0.4, -0.6), xlabel="hours")
            axis.set_yticks([])
            axis.set_ylabel(f"{schedule.machines.gpus} GPUs")
            axis.grid(axis="y", visible=False)
            axis.grid(axis="x")
            axis.axvline(schedule.seconds / HOUR, color=style.BOUND.light, linewidth=0.9)
            axis.set_title(f"{title}: {schedule.seconds / HOUR:.2f} h")
            note(axis, f"thick: {said}", 0.99, 0.97, ha="right", va="top")
        return figure

    return picture(draw, alt)
