"""Small drawings as SVG within HTML: their text and lines take the page's colours, light or dark."""

from collections.abc import Iterable, Sequence
from html import escape

# Variables of book/_static/palette.css, with what is drawn where that is not loaded.
INK = "var(--hcl-ink, #222832)"
MUTED = "var(--hcl-muted, #48566b)"
RULE = "var(--hcl-rule, #c8ced6)"
GROUND = "var(--hcl-ground, #ffffff)"
CLASSES = ("var(--hcl-class-0, #096ead)", "var(--hcl-class-1, #b74c08)", "var(--hcl-class-2, #047554)")
BETAS = (
    "var(--hcl-beta-0, #a15d0a)", "var(--hcl-beta-1, #b81834)", "var(--hcl-beta-2, #920579)",
    "var(--hcl-beta-3, #400692)", "var(--hcl-beta-4, #070a57)",
)  # fmt: skip


def element(name: str, content: str = "", /, **attributes: object) -> str:
    """Return an element; underscores in names of attributes are hyphens, and one at the end is left out."""
    given = "".join(f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"' for key, value in attributes.items())
    return f"<{name}{given}>{content}</{name}>" if content else f"<{name}{given}/>"


def _value(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else escape(str(value), quote=True)


def text(
    x: float, y: float, words: str, *, size: float = 13, anchor: str = "start", fill: str = INK, **more: object
) -> str:
    """Return words at a place: their base line and, by ``anchor``, their start, middle or end."""
    return element("text", escape(words), x=x, y=y, font_size=size, text_anchor=anchor, fill=fill, **more)


def line(a: Sequence[float], b: Sequence[float], stroke: str = INK, width: float = 1.2, **more: object) -> str:
    """Return a line between two points."""
    return element("line", x1=a[0], y1=a[1], x2=b[0], y2=b[1], stroke=stroke, stroke_width=width, **more)


def path(points: Iterable[Sequence[float]], *, closed: bool = False, **more: object) -> str:
    """Return straight lines through points."""
    d = "M" + "L".join(f"{x:.4g} {y:.4g}" for x, y in points) + ("Z" if closed else "")
    return element("path", d=d, **({"fill": "none"} | more))


def panel(width: int, height: int, description: str, content: str) -> str:
    """Return a drawing of at most its own width, described for those who do not see it."""
    return element(
        "svg", content, xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width} {height}", role="img",
        style=f"flex:1 1 {0.8 * width:.0f}px;max-width:{width}px;height:auto;font-family:inherit",
        aria_label=description,
    )  # fmt: skip


def figure(panels: Iterable[str], caption: str, name: str) -> str:
    """Return panels beside each other, or below where that is too wide, with a caption in HTML."""
    row = element("div", "".join(panels), class_="hcl-panels", style="display:flex;flex-wrap:wrap")
    return element("figure", row + element("figcaption", caption), class_="hcl-idea", id=name)
