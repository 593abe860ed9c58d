"""Where things are: the package, the checkout it lies in, the records, the data."""

import os
from pathlib import Path

from hcl.errors import HclError

PACKAGE = Path(__file__).parent.parent


class NoCheckoutError(HclError, RuntimeError):
    """What was asked for needs the project's repository, of which the installed package is only a part."""


def checkout_root() -> Path | None:
    """Return the root of the project where the library is run from a checkout of it; None where it was installed."""
    root = PACKAGE.parent
    return root if (root / "notebooks").is_dir() and (root / "pyproject.toml").is_file() else None


def project() -> Path:
    """Return the root of the checkout, for what only it has: notebooks, book, benchmarks.

    Raises:
        NoCheckoutError: where the library was installed without it.
    """
    if (root := checkout_root()) is None:
        raise NoCheckoutError(
            f"Notebooks, book and benchmarks are in the project's repository, which {PACKAGE} is not part of: clone "
            "it, and run this there."
        )
    return root


def _stated(variable: str) -> Path | None:
    """Return the folder that an environment variable names, ``~`` being the user's; None where it is empty."""
    if not (stated := os.environ.get(variable, "")):
        return None
    try:
        return Path(stated).expanduser()
    except RuntimeError:  # HOME is not set, as in some containers
        raise HclError(f"{variable}={stated}: no such home folder. Give the path in full.") from None


def runs_root() -> Path:
    """Return the folder of the records: the environment variable HCL_RUNS, else ``runs`` of the checkout, or here.

    Raises:
        HclError: if the variable begins with a ``~`` that stands for no folder.
    """
    if (stated := _stated("HCL_RUNS")) is not None:
        return stated
    beside = PACKAGE.parent / "runs"
    return beside if beside.is_dir() else Path("runs")


def data_root() -> Path:
    """Return the folder of the data sets: the environment variable HCL_DATA, else ``data`` where records lie, or here.

    Like `runs_root`, it is that of the checkout where there is one, so that it does not depend on the current folder.
    """
    if (stated := _stated("HCL_DATA")) is not None:
        return stated
    root = checkout_root()
    return Path("data") if root is None else root / "data"
