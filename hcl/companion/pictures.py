"""Pictures for the book: a drawing in a wide and a narrow layout, as SVG, and the dark variant made from the light one.

A notebook shows the wide one. The narrow one and a description travel inside its file, where
`hcl.companion.extensions.pictures` finds them, which writes the variants that pages choose from.
"""

import base64
import io
import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hcl.companion import style

# The same everywhere: a font that comes with matplotlib, in the SVG as paths, and names of its parts from a fixed salt.
THEME: dict[Any, Any] = {
    "font.family": "DejaVu Sans", "font.size": 8.5, "mathtext.fontset": "dejavusans",
    "svg.fonttype": "path", "svg.hashsalt": "hcl", "figure.dpi": 110,
    "figure.facecolor": style.GROUND.light, "axes.facecolor": style.GROUND.light,
    "savefig.facecolor": style.GROUND.light, "savefig.edgecolor": style.GROUND.light,
    "figure.edgecolor": style.GROUND.light, "patch.edgecolor": style.GROUND.light,
    "text.color": style.INK.light, "axes.labelcolor": style.INK.light, "axes.titlecolor": style.INK.light,
    "xtick.color": style.MUTED.light, "ytick.color": style.MUTED.light,
    "axes.edgecolor": style.BOUND.light, "axes.linewidth": 0.7, "axes.spines.top": False, "axes.spines.right": False,
    "axes.titlesize": 8.5, "axes.titlelocation": "left", "axes.titlepad": 5.0, "axes.labelsize": 8.5,
    "xtick.labelsize": 8, "ytick.labelsize": 8, "xtick.major.width": 0.7, "ytick.major.width": 0.7,
    "xtick.major.size": 3, "ytick.major.size": 3,
    "axes.grid": True, "axes.grid.axis": "y", "axes.axisbelow": True,
    "grid.color": style.RULE.light, "grid.linewidth": 0.6,
    "lines.linewidth": 1.5, "lines.dash_capstyle": "butt", "legend.frameon": False, "legend.fontsize": 8,
}  # fmt: skip
_LABEL = "hcl-picture"
_COLOUR = re.compile(r"(?<=: )#[0-9a-f]{6}\b")


@dataclass(frozen=True)
class Layout:
    """How much room a picture has.

    Attributes:
        name: ``"wide"`` or ``"narrow"``.
        width: in inches, of which a page shows 96 pixels each.
    """

    name: str
    width: float

    @property
    def narrow(self) -> bool:
        """Whether panels stand below each other."""
        return self.name == "narrow"


WIDE, NARROW = Layout("wide", 8.0), Layout("narrow", 3.55)
Draw = Callable[[Layout], Figure]


@dataclass(frozen=True, eq=False)
class Picture:
    """A drawing in two layouts, which Jupyter and the book show as SVG.

    Attributes:
        wide: figure for a screen.
        narrow: the same for a phone.
        alt: what it shows, in words, for where a page says no other.
    """

    wide: Figure
    narrow: Figure
    alt: str = ""

    @property
    def axes(self) -> list[Axes]:
        """The panels of the wide figure."""
        return self.wide.axes

    @cached_property
    def svg(self) -> str:
        """The wide picture, which carries the narrow one and the description."""
        return carrying(to_svg(self.wide), {"narrow": to_svg(self.narrow), "alt": self.alt})

    def savefig(self, path: str | Path, **options: Any) -> None:
        """Write the wide picture to a file, as matplotlib does."""
        with matplotlib.rc_context(THEME):
            self.wide.savefig(path, **options)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "application/pdf": to_pdf(self.wide), "text/plain": self.alt or "a picture"}


def picture(draw: Draw, alt: str = "") -> Picture:
    """Return what a function draws for each of the two layouts.

    Args:
        draw: returns a figure of the width of its layout.
        alt: see `Picture`.
    """
    with matplotlib.rc_context(THEME):
        return Picture(draw(WIDE), draw(NARROW), alt)


def new_figure(layout: Layout, height: float) -> Figure:
    """Return an empty figure of a layout, unknown to pyplot: there is nothing to close.

    Args:
        layout: which gives the width.
        height: in inches.
    """
    figure = Figure(figsize=(layout.width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def to_svg(figure: Figure) -> str:
    """Return a figure as SVG, the same bytes at every call: no date, coordinates to a hundredth of a point."""
    buffer = io.StringIO()
    with matplotlib.rc_context(THEME):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'\b(?:d|x|y)="[^"]*"', lambda found: re.sub(r"-?\d+\.\d{3,}", _rounded, found[0]), text)
    return re.sub(r"\s*\n\s*", "\n", text)


def to_pdf(figure: Figure) -> str:
    """Return a figure as PDF in base 64, for a book on paper."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(THEME):
        figure.savefig(buffer, format="pdf", metadata={"CreationDate": None, "Creator": None, "Producer": None})
    return base64.b64encode(buffer.getvalue()).decode()


def dark(svg: str) -> str:
    """Return an SVG with each colour of the palette replaced by its dark value."""
    values = style.dark_of()
    return _COLOUR.sub(lambda found: values.get(found[0], found[0]), svg)


def colours(svg: str) -> set[str]:
    """Return the colours that an SVG has, each ``"#rrggbb"``."""
    return set(_COLOUR.findall(svg))


def carrying(svg: str, parts: Mapping[str, str]) -> str:
    """Return an SVG with texts inside it that `parts_of` reads and nothing shows."""
    packed = base64.b64encode(zlib.compress(json.dumps(dict(parts), sort_keys=True).encode(), 9)).decode()
    head, _, _ = svg.rpartition("</svg>")
    return f'{head}<metadata id="{_LABEL}">{packed}</metadata>\n</svg>\n'


def parts_of(svg: str) -> tuple[str, dict[str, str]]:
    """Return an SVG without what `carrying` put into it, and that; nothing for one that is no picture of ours."""
    found = re.search(rf'<metadata id="{_LABEL}">([^<]*)</metadata>\s*', svg)
    if found is None:
        return svg, {}
    return svg.replace(found[0], ""), json.loads(zlib.decompress(base64.b64decode(found[1])))


def pixels(svg: str) -> tuple[int, int]:
    """Return width and height of an SVG in pixels of a page."""
    found = re.search(r'<svg[^>]*\sheight="([\d.]+)pt"[^>]*\swidth="([\d.]+)pt"', svg)
    swapped = re.search(r'<svg[^>]*\swidth="([\d.]+)pt"[^>]*\sheight="([\d.]+)pt"', svg)
    if found is None and swapped is None:
        return 0, 0
    height, width = (found[1], found[2]) if found else (swapped[2], swapped[1]) if swapped else ("0", "0")
    return round(float(width) * 96 / 72), round(float(height) * 96 / 72)


def _rounded(found: "re.Match[str]") -> str:
    return f"{float(found[0]):.2f}".rstrip("0").rstrip(".")
