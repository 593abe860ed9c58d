"""The figure of the page on training with losses of other works: where each ends, a panel a measure."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from hcl.companion import style
from hcl.companion.drawing import SMALL, panels
from hcl.companion.neighbours_trained import MEASURES, WAITS
from hcl.companion.pictures import Layout, Picture, picture
from hcl.training.runs import Run

# Panels by the measure's name: where Neural-Collapse is, as a share of C - 1 or C, or a number; None for accuracies.
SHOWN: Mapping[str, str] = {
    "effective rank": "Effective rank", "clusters": "Clusters", "equal inner product": "Equal inner product",
    "mean classifier": "Accuracy, mean classifier", "linear probe": "Accuracy, linear probe", "k-NN": "Accuracy, k-NN",
}  # fmt: skip


def ends(by_setting: Mapping[str, Sequence[Run]], num_classes: int) -> Picture:
    """Draw where every setting ends, a sign a seed, and at which settings runs are still to be made.

    Args:
        by_setting: runs by the name of their setting, in order from above.
        num_classes: C, for the lines of Neural-Collapse.
    """
    names = list(by_setting)[::-1]
    at_collapse = {"effective rank": num_classes - 1, "clusters": num_classes, "equal inner product": 0}

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, 2, 3, 0.17 * len(names) + 0.6, top=0.1)
        of = {measure.name: measure.of for measure in MEASURES}
        for place, (axis, name) in enumerate(zip([axis for row in axes for axis in row], SHOWN, strict=True)):
            for at, setting in enumerate(names):
                runs = by_setting[setting]
                for run in runs:
                    _sign(axis, of[name](run), at, run)
                if not runs:
                    axis.text(
                        0.02, at, WAITS, transform=axis.get_yaxis_transform(), va="center", fontsize=SMALL,
                        color=style.MUTED.light,
                    )  # fmt: skip
            if name in at_collapse:
                axis.axvline(at_collapse[name], color=style.BOUND.light, linewidth=0.9, zorder=1.5)
            else:
                axis.xaxis.set_major_formatter(PercentFormatter(1))
            labelled = layout.narrow or place % 3 == 0
            axis.set(yticks=range(len(names)), ylim=(-0.7, len(names) - 0.3), title=SHOWN[name])
            axis.set_yticklabels(names if labelled else [""] * len(names))
            axis.grid(axis="x")
            axis.grid(visible=False, axis="y")
            axis.margins(x=0.12)
            axis.xaxis.set_major_locator(MaxNLocator(4))
        return figure

    return picture(draw, "Where each loss ends: effective rank, clusters, equal inner product and three accuracies.")


def _sign(axis: Axes, value: float, at: int, run: Run) -> None:
    spec = run.spec
    own = spec.objective == "algorithm1" and spec.margin is None
    colour = style.METHODS[spec.method] if own else style.CLASSES[3]
    marker = style.METHOD_MARKERS[spec.method] if own else "X"
    if math.isfinite(value):
        axis.plot(value, at, marker, color=colour.light, markersize=5.5, clip_on=False)
