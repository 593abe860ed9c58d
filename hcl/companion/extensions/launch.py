"""Buttons that open a page's notebook on Colab and Binder, where ``_config.yml`` has the project's address."""

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from hcl.companion import launch

_PAGES = "book/pages/"
_AFTER_THE_THEME = 510  # which makes the list of buttons


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("html-page-context", add_buttons, priority=_AFTER_THE_THEME)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def add_buttons(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: object) -> None:
    """Add the buttons to the header of a page whose notebook can be opened elsewhere."""
    root = Path(app.srcdir)
    where, name = launch.repository(root), page.removeprefix(_PAGES)
    if where is None or not page.startswith(_PAGES) or name not in launch.names(root):
        return
    buttons = [
        {
            "type": "link", "url": url, "text": service, "tooltip": f"Run at smoke on {service}", "icon": "fas fa-play",
            "label": f"launch-{service.lower()}-button",
        }
        for service, url in where.links(name).items()
    ]  # fmt: skip
    group = {
        "type": "group", "tooltip": "Run this notebook", "icon": "fas fa-rocket", "buttons": buttons,
        "label": "launch-buttons",
    }  # fmt: skip
    context.setdefault("header_buttons", []).insert(0, group)
