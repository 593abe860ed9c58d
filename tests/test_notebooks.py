import os
import shutil
import subprocess
import sys

import jupytext.cli
import nbformat
import pytest
from conftest import ROOT

from hcl.companion import book, notebooks, registry
from hcl.companion import study as studies

SMOKE = {
    "theory": {"num_classes": 4, "per_class": 4, "trials": 3, "representations": 20, "starts": 3}, "performance": {},
}  # fmt: skip  # others take a profile
WHOLE = ("fig02_synthetic", "fig05_cifar10", "fidelity", "scoreboard")  # without fewer values of hardness
HEADER = """# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---
"""


def _smoke(name):
    fewer = {} if name in WHOLE else {"hardness": [0, 5]}
    return SMOKE.get(name, {"profile": "smoke", **fewer})


@pytest.fixture(scope="module")
def smoke_runs(tmp_path_factory):
    """Records at smoke, empty at first: figures share runs, and each is trained once."""
    return tmp_path_factory.mktemp("smoke") / "runs"


QUICK = ("fig03_cifar100", "fig05_cifar10", "table1_losses", "performance")  # the others take minutes together
SMOKED = [pytest.param(path.stem, marks=() if path.stem in QUICK else pytest.mark.slow) for path in notebooks.pairs()]


@pytest.mark.parametrize("name", SMOKED)
def test_every_notebook_runs_at_smoke_without_data(name, tmp_path, smoke_runs, monkeypatch):
    """Without data, and without records but those that the notebooks before it made, from another folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HCL_DATA", str(tmp_path / "nothing"))
    monkeypatch.setenv("HCL_RUNS", str(smoke_runs))
    output = notebooks.execute(name, tmp_path / "out.ipynb", _smoke(name))
    executed = nbformat.read(output, as_version=4)
    assert book.faults(executed) == []
    pictures = [o for c in executed.cells for o in c.get("outputs", []) if "image/png" in o.get("data", {})]
    assert pictures
    streams = [o.text for c in executed.cells for o in c.get("outputs", []) if o.get("name") == "stderr"]
    assert streams == [], "warnings would show on the page"
    described = [c for c in executed.cells if c.get("outputs") and "mystnb" in c.metadata]
    for cell in described:
        assert len(cell.outputs) == 1, "a figure is shown once"
        assert cell.metadata["mystnb"]["image"]["alt"] and cell.metadata["mystnb"]["figure"]["caption"]


def test_papermill_command_runs_a_figure_from_a_checkout_without_data(tmp_path, runs_root, monkeypatch):
    monkeypatch.setenv("HCL_DATA", str(tmp_path / "nothing"))
    command = [sys.executable, "-m", "papermill", "notebooks/fig05_cifar10.ipynb", str(tmp_path / "out.ipynb")]
    subprocess.run(
        [*command, "-p", "profile", "smoke", "-y", "{hardness: [0, 5], epochs: 1}"],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    assert len(list((runs_root / "smoke").iterdir())) == 4


def test_every_page_of_the_registry_has_a_pair_and_every_pair_is_in_the_table_of_contents():
    toc = (ROOT / "_toc.yml").read_text()
    every = {figure.notebook for figure in registry.FIGURES.values()} | set(book.EXTRA)
    assert {path.stem for path in notebooks.pairs()} == every
    assert all(f"book/pages/{name}\n" in toc for name in book.page_names())


def test_committed_pairs_are_in_step_and_without_outputs():
    assert notebooks.drifted() == [], "run `make sync`"
    for name in book.page_names():
        cells = nbformat.read(notebooks.path_of(name), as_version=4).cells
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


def test_saving_in_jupyterlab_changes_no_source(tmp_path):
    """jupytext's sync of an .ipynb newer than its .py, which is what saving does, gives the same .py."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns(".*"))
    for path in sorted((tmp_path / "notebooks").glob("*.ipynb")):
        before = path.with_suffix(".py").read_text()
        newer = path.with_suffix(".py").stat().st_mtime + 10
        os.utime(path, (newer, newer))
        jupytext.cli.jupytext(["--sync", "--quiet", str(path)])
        assert path.with_suffix(".py").read_text() == before


def write(folder, name, body):
    (folder / f"{name}.py").write_text(
        f'{HEADER}\n# %% tags=["parameters"]\nepochs: int = 1  # of training\n\n{body}\n'
    )


def test_sync_brings_an_edited_pair_back_in_step_and_is_stable(tmp_path):
    write(tmp_path, "a", "# %%\n1 + 1")
    assert notebooks.sync(tmp_path) == ["a"]
    assert notebooks.sync(tmp_path) == []
    write(tmp_path, "a", "# %%\n1 + 2")
    assert notebooks.drifted(tmp_path) == ["a"]
    notebooks.sync(tmp_path)
    notebook = nbformat.read(tmp_path / "a.ipynb", as_version=4)
    notebook.cells[-1].source = "edited alone"
    nbformat.write(notebook, tmp_path / "a.ipynb")
    assert notebooks.drifted(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epoch": 3}, "no parameter 'epoch'.*epochs: int"),
        ({"epochs": "abc"}, "epochs='abc'.*expects int"),
        ({"epochs": True}, "expects int"),
        ({"seeds": 1}, r"expects list\[int\]"),
        ({"hardness": ["a"]}, r"expects list\[float\]"),
    ],
)
def test_parameters_that_papermill_would_let_pass_are_refused(values, message):
    with pytest.raises(notebooks.ParameterError, match=f"(?s){message}"):
        notebooks.check_parameters(notebooks.path_of("fig05_cifar10"), values)


def test_every_declared_parameter_is_described_and_of_a_known_type():
    import papermill

    for name in book.page_names():
        for parameter in papermill.inspect_notebook(str(notebooks.path_of(name))).values():
            assert parameter["help"], parameter
            assert parameter["inferred_type_name"] in notebooks.TYPES, parameter


def test_figure_parameters_are_arguments_of_study():
    import inspect

    import papermill

    known = set(inspect.signature(studies.study).parameters)
    for figure in registry.FIGURES.values():
        if figure.dataset is not None:
            assert set(papermill.inspect_notebook(str(notebooks.path_of(figure.notebook)))) <= known
