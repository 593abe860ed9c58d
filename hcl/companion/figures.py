"""The figures of the book, drawn from run records: one place to take them from."""

import matplotlib
from matplotlib.figure import Figure

from hcl.companion.figures_epochs import METRICS, headline, metric_panels, recorded
from hcl.companion.figures_points import point_panels
from hcl.companion.figures_spectra import FLOAT32_FLOOR, cluster_panel, spectrum_panels
from hcl.companion.figures_theory import above_the_diagonal, loss_by_radius
from hcl.companion.pictures import THEME

__all__ = [
    "FLOAT32_FLOOR", "METRICS", "above_the_diagonal", "cluster_panel", "finish", "headline",
    "loss_by_radius", "metric_panels", "point_panels", "recorded", "set_theme", "spectrum_panels",
]  # fmt: skip


def set_theme() -> None:
    """Give figures that a notebook draws itself the look of the others."""
    matplotlib.rcParams.update(THEME)


def finish(figure: Figure) -> Figure:
    """Return a figure of pyplot laid out and closed, so that a notebook shows it once, as the value of its cell."""
    import matplotlib.pyplot as plt

    figure.tight_layout()
    plt.close(figure)
    return figure
