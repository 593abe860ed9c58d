"""Sphinx: each picture of `hcl.companion.pictures` as four files, wide and narrow, light and dark, to choose from.

Pages get a ``<picture>`` for each theme, whose narrow source is for phones; a hidden one is not loaded. Other builders
than HTML keep the image that they can take. Pictures can be pasted on other pages with ``{glue}``.
"""

import hashlib
import posixpath
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.core.render import get_mime_priority
from myst_nb.ext.glue.crossref import read_glue_cache
from myst_nb.ext.glue.utils import PendingGlueReference
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.writers.html5 import HTML5Translator

from hcl.companion.pictures import dark, parts_of, pixels

PHONE = "(max-width: 600px)"


class picture(nodes.General, nodes.Element):  # type: ignore[misc]
    """An image with variants: ``files`` by layout and theme, ``sizes`` by layout, ``alt``."""


class GluedPictures(SphinxPostTransform):
    """Pictures glued on another page, which myst-nb can paste as bitmaps only."""

    default_priority = 3  # before myst-nb looks for them
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Replace references to pictures by these."""
        if "image/svg+xml" not in get_mime_priority(self.app.builder.name, self.config["nb_mime_priority_overrides"]):
            return
        for node in list(self.document.findall(PendingGlueReference)):
            folder = getattr(self.env, "mystnb_config").output_folder  # noqa: B009 (myst-nb puts it there)
            output = read_glue_cache(folder, node.refdoc).get(node.key, {})
            svg = output.get("data", {}).get("image/svg+xml")
            if svg and node.gtype != "text" and (new := _variants(self.app, svg)) is not None:
                node.replace_self([new])


class Pictures(SphinxPostTransform):
    """Pictures of the page itself."""

    default_priority = 6  # after myst-nb has chosen the kind of each output
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Replace images that are pictures of ours."""
        for node in list(self.document.findall(nodes.image)):
            path = Path(self.env.srcdir, node["uri"])
            if path.suffix == ".svg" and path.is_file():
                new = _variants(self.app, path.read_text(encoding="utf-8"), node.get("alt", ""))
                if new is not None:
                    new["ids"], new["classes"] = node["ids"], node["classes"]
                    node.replace_self([new])


def _variants(app: Sphinx, svg: str, alt: str = "") -> picture | None:
    """Write the four files of a picture and return its node, None for an SVG that is none of ours."""
    wide, parts = parts_of(svg)
    if "narrow" not in parts:
        return None
    name = hashlib.sha256(svg.encode()).hexdigest()[:16]
    folder = Path(app.builder.outdir, app.builder.imagedir)
    folder.mkdir(parents=True, exist_ok=True)
    files, sizes = {}, {}
    for layout, text in (("wide", wide), ("narrow", parts["narrow"])):
        sizes[layout] = pixels(text)
        for theme, its in (("light", text), ("dark", dark(text))):
            files[f"{layout}-{theme}"] = f"{name}-{layout}-{theme}.svg"
            (folder / files[f"{layout}-{theme}"]).write_text(its, encoding="utf-8", newline="\n")
    return picture(files=files, sizes=sizes, alt=alt or parts.get("alt", ""))


def visit_picture(translator: HTML5Translator, node: picture) -> None:
    """Write a ``<picture>`` for each theme.

    The image has the class of the theme, not the picture: the style sheet of pydata-sphinx-theme hides a caption that
    follows one of the other theme.
    """
    for theme in ("light", "dark"):
        wide, narrow = (
            posixpath.join(translator.builder.imgpath, node["files"][f"{layout}-{theme}"])
            for layout in ("wide", "narrow")
        )
        (width, height), (small, tall) = node["sizes"]["wide"], node["sizes"]["narrow"]
        classes = " ".join([f"only-{theme}", *node["classes"]])
        translator.body.append(
            '<picture class="hcl-picture">'
            f'<source media="{PHONE}" srcset="{escape(narrow)}" width="{small}" height="{tall}">'
            f'<img class="{classes}" src="{escape(wide)}" alt="{escape(node["alt"])}" width="{width}" '
            f'height="{height}" loading="lazy" decoding="async"></picture>\n'
        )


def depart_picture(translator: HTML5Translator, node: picture) -> None:
    """Nothing is left open."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the node and the transforms."""
    app.add_node(picture, html=(visit_picture, depart_picture))
    app.add_post_transform(GluedPictures)
    app.add_post_transform(Pictures)
    app.add_css_file("pictures.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
