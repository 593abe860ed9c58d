"""Notebooks: keeping the .py and .ipynb of a pair the same, checking parameters, executing through papermill."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import GenericAlias
from typing import Any, get_args, get_origin

import jupytext
import nbformat
import papermill
from nbformat import NotebookNode
from traitlets.config import Config

from hcl.errors import HclError
from hcl.training import places

# What parameters may be declared as: papermill does not see annotations with "|", so "auto", 0 and [] stand for none.
TYPES = {kind.__name__: kind for kind in (str, int, float, bool)} | {
    f"list[{kind.__name__}]": GenericAlias(list, (kind,)) for kind in (str, int, float)
}


class ParameterError(HclError, ValueError):
    """A parameter the notebook does not have, or a value of another type than it declares."""


def path_of(name: str, folder: Path | None = None) -> Path:
    """Return the .ipynb of a notebook.

    Raises:
        FileNotFoundError: if there is none.
    """
    folder = folder or places.project() / "notebooks"
    path = folder / f"{name}.ipynb"
    if not path.exists():
        raise FileNotFoundError(f"No notebook {path}: expected one of {', '.join(p.stem for p in pairs(folder))}.")
    return path


def pairs(folder: Path | None = None) -> list[Path]:
    """Return the .py of every pair."""
    return sorted((folder or places.project() / "notebooks").glob("*.py"))


def from_source(source: Path) -> NotebookNode:
    """Return the output-free notebook of a py:percent file, the same at every call."""
    notebook = jupytext.read(source)
    notebook.metadata = NotebookNode(
        {
            "kernelspec": notebook.metadata["kernelspec"],
            "language_info": {"name": "python"},
        }
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    return notebook


def drifted(folder: Path | None = None) -> list[str]:
    """Return the names of pairs whose .ipynb is not what the .py gives: edited alone, missing or with outputs."""
    return [
        source.stem
        for source in pairs(folder)
        if not source.with_suffix(".ipynb").exists()
        or source.with_suffix(".ipynb").read_text() != _text(from_source(source))
    ]


def sync(folder: Path | None = None) -> list[str]:
    """Write the .ipynb of every pair that has drifted, without outputs; return their names."""
    names = drifted(folder)
    for name in names:
        source = (folder or places.project() / "notebooks") / f"{name}.py"
        source.with_suffix(".ipynb").write_text(_text(from_source(source)))
    return names


def _text(notebook: NotebookNode) -> str:
    return nbformat.writes(notebook) + "\n"


def check_parameters(path: Path, values: Mapping[str, Any]) -> None:
    """Refuse what papermill would pass on with no more than a warning, or none: unknown names and wrong types.

    Args:
        path: of the .ipynb.
        values: to check against its annotated ``parameters`` cell.

    Raises:
        ParameterError: naming what the notebook takes.
    """
    known = papermill.inspect_notebook(str(path))
    for name, value in values.items():
        if name not in known:
            described = "\n".join(f"  {p['name']}: {p['inferred_type_name']}  {p['help']}" for p in known.values())
            raise ParameterError(f"{path.stem} has no parameter {name!r}. It takes:\n{described}")
        declared = known[name]["inferred_type_name"]
        if not _fits(value, TYPES[declared]):
            raise ParameterError(f"{name}={value!r}: {path.stem} expects {declared}.")


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) is list:
        return isinstance(value, list) and all(_fits(item, get_args(hint)[0]) for item in value)
    if hint is float:
        return type(value) in (int, float)
    return type(value) is hint


def execute(name: str, output: Path, parameters: Mapping[str, Any] | None = None, folder: Path | None = None) -> Path:
    """Execute a notebook into a new file, never over its source.

    Args:
        name: of the notebook.
        output: .ipynb to write; kept, with its traceback, if a cell fails.
        parameters: values for its ``parameters`` cell.
        folder: of the notebooks.

    Returns:
        ``output``.

    Raises:
        ParameterError: before anything is run.
        papermill.PapermillExecutionError: if a cell fails.
    """
    path = path_of(name, folder)
    check_parameters(path, parameters or {})
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hcl-") as sockets:
        # Sockets in a folder of its own: a kernel on TCP warns that others on the machine can listen in.
        private = {"transport": "ipc", "ip": f"{sockets}/kernel"} if os.name == "posix" else {}
        papermill.execute_notebook(
            str(path),
            str(output),
            parameters=dict(parameters or {}),
            progress_bar=False,
            config=Config({"KernelManager": private}),
        )
    return output
