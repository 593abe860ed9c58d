"""The substitution ``{{ code_link }}`` of the front page: a link to the code where ``_config.yml`` has its address."""

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

from hcl.companion.front import code_link
from hcl.companion.launch import repository


def define(app: Sphinx, config: Config) -> None:
    """Add the substitution to those of MyST's configuration; one of this name that is there already stays."""
    known = dict(getattr(config, "myst_substitutions", None) or {})
    # Jupyter Book fills an address of its own in where there is none, hence the file itself.
    config.myst_substitutions = {"code_link": code_link(repository(Path(app.confdir or app.srcdir))), **known}


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("config-inited", define, priority=100)  # before MyST reads its configuration
    return {"parallel_read_safe": True, "parallel_write_safe": True}
