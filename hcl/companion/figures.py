"""The figures of the book, drawn from run records: one place to take them from."""

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from hcl.companion import style
from hcl.companion.drawing import lay_out, panels
from hcl.companion.figures_epochs import METRICS, headline, metric_panels, recorded
from hcl.companion.figures_points import point_panels
from hcl.companion.figures_spectra import FLOAT32_FLOOR, cluster_panel, spectrum_panels
from hcl.companion.figures_theory import above_the_diagonal, loss_by_radius
from hcl.companion.pictures import THEME, Layout, Picture, picture
from hcl.companion.verdicts import STATUSES

__all__ = [
    "FLOAT32_FLOOR", "METRICS", "VERDICT_AREA", "VERDICT_TEXT", "above_the_diagonal", "cluster_panel", "finish",
    "headline", "loss_by_radius", "metric_panels", "point_panels", "recorded", "set_theme", "spectrum_panels",
    "verdict_bars",
]  # fmt: skip

VERDICT_TEXT = {name: sign.colour.light for name, sign in style.VERDICTS.items()}
VERDICT_AREA = VERDICT_TEXT


def set_theme() -> None:
    """Give figures that a notebook draws itself the look of the others."""
    matplotlib.rcParams.update(THEME)


def finish(figure: Figure) -> Figure:
    """Return a figure of pyplot laid out and closed, so that a notebook shows it once, as the value of its cell."""
    import matplotlib.pyplot as plt

    figure.tight_layout()
    plt.close(figure)
    return figure


def verdict_bars(board: pd.DataFrame) -> Picture:
    """Draw how many claims of each figure have which verdict.

    Args:
        board: of `hcl.companion.scoreboard.scoreboard`.
    """
    counts = board.groupby(["figure", "verdict"], sort=False).size().unstack(fill_value=0)
    counts = counts.reindex(columns=STATUSES, fill_value=0).iloc[::-1]

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, 1, 1, 0.9 + 0.26 * len(counts))
        axis, left = axes[0][0], counts.iloc[:, 0] * 0
        for verdict in STATUSES:
            sign, its = style.VERDICTS[verdict], counts[verdict]
            axis.barh(
                counts.index, its, left=left, color=sign.colour.light, height=0.75, label=f"{sign.icon} {verdict}"
            )
            for row, (start, number) in enumerate(zip(left, its, strict=True)):
                if number:
                    axis.text(
                        start + number / 2, row, sign.icon, color=style.GROUND.light, ha="center", va="center", size=8
                    )
            left = left + its
        axis.set_xlabel("claims")
        axis.grid(axis="y", visible=False)
        axis.grid(axis="x")
        axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2 if layout.narrow else 6, columnspacing=1)
        lay_out([axis])
        return figure

    return picture(draw, "How many claims of each figure have which verdict.")
