"""The built book as one PDF: its pages one after another in one document, which Chromium prints.

Links between pages stay links, code of notebooks is left out, and what can be unfolded is unfolded. What would be
printed again and again is not: of the cards that say where something comes from, a page's that say the same are
unfolded once, and of claims the numbers stand on the pages of their figures, not on the scoreboard too.
"""

import tempfile
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from hcl.companion import built, chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# What is of no use on paper, beside what book/_static/print.css hides where a reader prints a page.
_NOT_PRINTED = (
    "script:not([src*='mathjax'])", "a.headerlink", "button", "form", "input", "noscript", "iframe",
    "div.cell_input", "details.code-fold", "details.hide.above-input", ".prev-next-area", "#pst-skip-link",
    ".hcl-card-files",
)  # fmt: skip
_FOOTER = (
    '<div style="width: 100%; font: 7pt sans-serif; text-align: center; color: #555">'
    '<span class="pageNumber"></span> / <span class="totalPages"></span></div>'
)


def write(browser: "Browser", site: Path, output: Path) -> Path:
    """Print a built book.

    Args:
        browser: that `hcl.companion.chromium.launched` has started.
        site: folder of the built book.
        output: .pdf to write; its folder is made if it is not there.

    Returns:
        ``output``.
    """
    with tempfile.TemporaryDirectory(prefix="hcl-") as folder:
        document = Path(folder) / "book.html"
        document.write_text(joined(site.resolve()), encoding="utf-8")
        page = browser.new_page()
        page.set_default_timeout(600_000)
        page.emulate_media(media="print", color_scheme="light")
        page.goto(document.as_uri())
        chromium.settled(page)
        output.parent.mkdir(parents=True, exist_ok=True)
        page.pdf(
            path=output, format="A4", scale=0.75, print_background=True, outline=True, tagged=True,
            display_header_footer=True, header_template="<span></span>", footer_template=_FOOTER,
            margin={"top": "15mm", "bottom": "15mm", "left": "15mm", "right": "15mm"},
        )  # fmt: skip
        page.close()
    return output


def joined(site: Path, names: list[str] | None = None) -> str:
    """Return one HTML document of the texts of pages, with absolute addresses for what they load.

    Args:
        site: folder of the built book.
        names: of its pages in their order; None is all but Sphinx's own.
    """
    from bs4 import BeautifulSoup  # with Sphinx's theme

    names = [name for name in built.pages(site) if name not in built.OTHERS] if names is None else names
    heads: dict[str, str] = {}  # style sheets and mathematics, each once, in the order of the first page with it
    bodies, title = [], ""
    for name in names:
        at = site / f"{name}.html"
        soup = BeautifulSoup(at.read_text(encoding="utf-8"), "html.parser")
        title = title or soup.title.get_text() if soup.title else title
        for tag in soup.select("link[rel=stylesheet], script[src*=mathjax], head script:not([src])"):
            if tag.name == "script" and not tag.get("src") and "window.MathJax" not in tag.get_text():
                continue
            _absolute(tag, at)
            heads.setdefault(str(tag), str(tag))
        article = soup.select_one("article.bd-article") or soup.new_tag("article")
        for tag in article.select(", ".join(_NOT_PRINTED)):
            tag.decompose()
        _unfold(article, claims=not name.endswith("/scoreboard"))
        for tag in article.find_all(True):
            _rewrite(tag, name, at, site, names)
        bodies.append(f'<section class="hcl-page" id="{_key(name)}">{article}</section>')
    return (
        '<!DOCTYPE html><html lang="en" data-theme="light" data-mode="light"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title>{''.join(heads.values())}</head>"
        f'<body class="hcl-printed"><main id="main-content">{"".join(bodies)}</main></body></html>'
    )


def _key(name: str) -> str:
    return name.replace("/", "-")


def _unfold(article: Any, claims: bool) -> None:
    """Open what is folded, of cards that say the same the first, and numbers of claims where they are asked for."""
    said: set[str] = set()
    for tag in article.select("details"):
        if "hcl-card" in tag.get("class", []):
            body = "".join(str(part) for part in tag.find_all(recursive=False) if part.name != "summary")
            if body in said:
                tag.attrs.pop("open", None)
                continue
            said.add(body)
        elif "hcl-details" in tag.get("class", []) and not claims:
            tag.attrs.pop("open", None)
            continue
        tag["open"] = ""


def _absolute(tag: Any, at: Path) -> None:
    for attribute in ("href", "src"):
        if value := tag.get(attribute):
            path, query = str(value).partition("?")[::2]
            if "://" not in path and not path.startswith(("#", "data:", "mailto:")):
                tag[attribute] = (at.parent / unquote(path)).resolve().as_uri() + (f"?{query}" if query else "")


def _rewrite(tag: Any, name: str, at: Path, site: Path, names: list[str]) -> None:
    """Make names of places unique, links to pages links within the document, and addresses absolute."""
    key = _key(name)
    for attribute, value in list(tag.attrs.items()):
        if attribute == "id":
            tag["id"] = f"{key}--{value}"
        elif isinstance(value, str) and "url(#" in value:
            tag[attribute] = value.replace("url(#", f"url(#{key}--")
        elif attribute in ("href", "xlink:href") and str(value).startswith("#"):
            tag[attribute] = f"#{key}--{value[1:]}" if len(value) > 1 else f"#{key}"
    if tag.name == "img":
        tag.attrs.pop("loading", None)
    if tag.name != "a" or not tag.get("href") or str(tag["href"]).startswith("#"):
        return _absolute(tag, at)
    path, _, place = str(tag["href"]).partition("#")
    if "://" in path or path.startswith("mailto:"):
        return None
    target = (at.parent / unquote(path)).resolve().with_suffix("")
    to = target.relative_to(site).as_posix() if target.is_relative_to(site) else ""
    if to in names:
        tag["href"] = f"#{_key(to)}--{place}" if place else f"#{_key(to)}"
    else:
        del tag["href"]  # a file of the book, which the PDF does not bring
    return None
