"""Notebooks: keeping the .py and .ipynb of a pair the same, checking parameters, executing through papermill."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import papermill
import torch
from nbformat import NotebookNode
from traitlets.config import Config

from hcl.companion.parameters import TYPES, Declared, ParameterError, check_values, declared
from hcl.companion.unseen import UNSEEN
from hcl.errors import HclError
from hcl.training import places
from hcl.training.provenance import provenance

__all__ = [
    "TYPES", "NotebookError", "ParameterError", "check_output", "check_parameters", "drifted", "execute", "from_source",
    "pairs", "parameters_of", "path_of", "sync",
]  # fmt: skip


class NotebookError(HclError, RuntimeError):
    """A notebook is not there, or not what one of this project is."""


def path_of(name: str, folder: Path | None = None) -> Path:
    """Return the .ipynb of a notebook.

    Raises:
        NotebookError: if there is none.
    """
    folder = folder or places.project() / "notebooks"
    path = folder / f"{name}.ipynb"
    if not path.exists():
        raise NotebookError(f"No notebook {path}: expected one of {', '.join(p.stem for p in pairs(folder))}.")
    return path


def pairs(folder: Path | None = None) -> list[Path]:
    """Return the .py of every pair; hidden files, as systems leave them, are none."""
    return sorted((folder or places.project() / "notebooks").glob("[!.]*.py"))


def from_source(source: Path) -> NotebookNode:
    """Return the output-free notebook of a py:percent file, the same at every call and with either kind of line end.

    Raises:
        NotebookError: if the file has no header that says which kernel runs it.
    """
    notebook = jupytext.reads(source.read_text(encoding="utf-8-sig"), fmt="py:percent")
    if (kernel := notebook.metadata.get("kernelspec")) is None:
        raise NotebookError(f"{source} has no kernelspec in its header: begin it with the header of another notebook.")
    notebook.metadata = NotebookNode({"kernelspec": kernel, "language_info": {"name": "python"}})
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
        or source.with_suffix(".ipynb").read_text(encoding="utf-8") != _text(from_source(source))
    ]


def sync(folder: Path | None = None) -> list[str]:
    """Write the .ipynb of every pair that has drifted, without outputs; return their names."""
    names = drifted(folder)
    for name in names:
        source = (folder or places.project() / "notebooks") / f"{name}.py"
        source.with_suffix(".ipynb").write_text(_text(from_source(source)), encoding="utf-8", newline="\n")
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
    check_values(values, parameters_of(path), path.stem)


def parameters_of(path: Path) -> dict[str, Declared]:
    """Return what the ``parameters`` cell of an .ipynb declares; nothing where there is none."""
    cells = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4).cells
    sources = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    return declared(sources[0]) if sources else {}


def check_output(source: Path, output: Path) -> None:
    """Refuse to write an executed notebook where it cannot be, or over a notebook that is kept without outputs.

    Args:
        source: .ipynb that is to be executed.
        output: to write.

    Raises:
        ParameterError: saying why.
    """
    if output.suffix != ".ipynb" or output.is_dir():
        raise ParameterError(f"Output {output}: expected the name of an .ipynb to write.")
    if output.resolve().parent == source.resolve().parent:
        raise ParameterError(f"Output {output} lies among the notebooks themselves: expected a path elsewhere.")


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
        NotebookError: if there is no such notebook.
        ParameterError: before anything is run.
        papermill.PapermillExecutionError: if a cell fails.
    """
    path = path_of(name, folder)
    check_parameters(path, parameters or {})
    check_output(path, output)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hcl-") as sockets:
        # Sockets in a folder of its own: a kernel on TCP warns that others on the machine can listen in.
        private = {"transport": "ipc", "ip": f"{sockets}/kernel"} if os.name == "posix" else {}
        try:
            papermill.execute_notebook(
                str(path),
                str(output),
                parameters=dict(parameters or {}),
                progress_bar=False,
                config=Config({"KernelManager": private}),
            )
        finally:
            if output.exists():
                _tell(output, path.name)
    return output


def _tell(output: Path, source: str) -> None:
    """Write into an executed notebook's metadata what made it, and which runs it shows; no path of this machine."""
    notebook = nbformat.read(output, as_version=4)
    made_by = notebook.metadata.setdefault("papermill", NotebookNode())
    made_by["input_path"], made_by["output_path"] = f"notebooks/{source}", output.name
    made = provenance(torch.device("cpu"))
    told: dict[str, Any] = {"executed": {name: value for name, value in made.items() if name != "threads"}}
    for cell in notebook.cells:
        for shown in list(cell.get("outputs", [])):
            facts = shown.get("metadata", {}).get("text/markdown", {}).pop("hcl", None)
            if facts is None:
                continue
            drawn = any(output is not shown and "data" in output for output in cell.outputs)
            about = cell.metadata.setdefault("hcl", {}) if drawn else told  # what the cell shows, or the page
            about |= facts
            if drawn and shown.data["text/markdown"] == UNSEEN:
                cell.outputs.remove(shown)
    notebook.metadata["hcl"] = told
    output.write_text(_text(notebook), encoding="utf-8", newline="\n")
