import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext.cli
import nbformat
import pytest
from helpers import ROOT

from hcl.companion import book, notebooks, parameters, registry
from hcl.companion import study as studies

SMOKE = {
    "theory": {"num_classes": 4, "per_class": 4, "trials": 3, "representations": 20, "starts": 3}, "performance": {},
    "slips": {}, "minimisers": {"num_classes": 3, "dim": 2, "restarts": 2}, "hscl": {"populations": 10},
    "negatives": {"trials": 3}, "neighbours": {"restarts": 2},
    "negatives_unbalanced": {}, "cluster": {"gpus": [8, 64]}, "mechanism": {"seed": 1},
}  # fmt: skip  # others take a profile
WHOLE = (
    "fig02_synthetic",
    "fig05_cifar10",
    "fidelity",
    "scoreboard",
    "negatives_images",
    "hscl_epochs",
)  # without fewer values of hardness
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


@pytest.mark.slow  # minutes together; `hcl run` of one is in test_cli.py
@pytest.mark.parametrize("name", [path.stem for path in notebooks.pairs()])
def test_every_notebook_runs_at_smoke_without_data(name, tmp_path, smoke_runs, monkeypatch):
    """Without data, and without records but those that the notebooks before it made, from another folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HCL_DATA", str(tmp_path / "nothing"))
    monkeypatch.setenv("HCL_RUNS", str(smoke_runs))
    output = notebooks.execute(name, tmp_path / "out.ipynb", _smoke(name))
    executed = nbformat.read(output, as_version=4)
    assert book.faults(executed) == []
    shown = [o.get("data", {}) for c in executed.cells for o in c.get("outputs", [])]
    pictures = [
        data for data in shown if {"image/png", "image/svg+xml"} & set(data) or "<svg" in data.get("text/html", "")
    ]
    assert pictures or name == "slips"
    streams = [o.text for c in executed.cells for o in c.get("outputs", []) if o.get("name") == "stderr"]
    assert streams == [], "warnings would show on the page"
    described = [c for c in executed.cells if c.get("outputs") and "mystnb" in c.metadata]
    for cell in described:
        assert len(cell.outputs) == 1, "a figure is shown once"
        assert cell.metadata["mystnb"]["image"]["alt"] and cell.metadata["mystnb"]["figure"]["caption"]


@pytest.mark.slow
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


def test_what_cells_compute_has_no_roles_which_only_cells_of_text_resolve():
    roles = re.compile(r"\{(?:doc|ref|eq|term|numref|prf:ref|py:\w+|cite\S*)\}`")
    for path in sorted((ROOT / "notebooks").glob("*.py")):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert [line for line in lines if not line.startswith("#") and roles.search(line)] == [], path.name


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
        ({"epoch": 3}, r"no parameter 'epoch' \(did you mean 'epochs'\?\): it takes profile: str, .*epochs: int"),
        ({"epochs": "abc"}, "epochs='abc'.*expects int"),
        ({"epochs": True}, "expects int"),
        ({"seeds": 1}, r"expects list\[int\]"),
        ({"hardness": ["a"]}, r"expects list\[float\]"),
    ],
)
def test_parameters_that_papermill_would_let_pass_are_refused(values, message):
    with pytest.raises(notebooks.ParameterError, match=f"(?s){message}") as caught:
        notebooks.check_parameters(notebooks.path_of("fig05_cifar10"), values)
    assert "\n" not in str(caught.value)


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


def test_parameters_are_read_as_papermill_reads_them():
    import papermill

    for path in notebooks.pairs():
        cells = nbformat.read(path.with_suffix(".ipynb"), as_version=4).cells
        ours = parameters.declared(next(c.source for c in cells if "parameters" in c.metadata.get("tags", [])))
        theirs = papermill.inspect_notebook(str(path.with_suffix(".ipynb")))
        assert {n: (p.kind, p.help) for n, p in ours.items()} == {
            n: (p["inferred_type_name"], p["help"]) for n, p in theirs.items()
        }


def test_every_notebook_looks_at_its_parameters_before_it_does_anything():
    for path in notebooks.pairs():
        cells = [c for c in notebooks.from_source(path).cells if c.cell_type == "code"]
        assert "parameters" in cells[0].metadata["tags"]
        body = [line for line in ast.parse(cells[1].source).body if not isinstance(line, ast.Import | ast.ImportFrom)]
        assert ast.unparse(body[0]) == "parameters.check()", path
        assert all("import" not in cell.source for cell in cells[:1])


@pytest.mark.parametrize("cell", ["epochs = 1", "epochs: dict = {}", "epochs: int | None = 1"])
def test_a_parameter_without_a_type_that_can_be_checked_is_refused_in_one_line(cell, tmp_path):
    (tmp_path / "a.py").write_text(f'{HEADER}\n# %% tags=["parameters"]\n{cell}\n')
    notebooks.sync(tmp_path)
    with pytest.raises(notebooks.ParameterError, match=r"a declares epochs as .*must say one of str, int") as caught:
        notebooks.check_parameters(tmp_path / "a.ipynb", {"epochs": 2})
    assert "\n" not in str(caught.value)


def test_a_notebook_without_parameters_takes_none(tmp_path):
    (tmp_path / "a.py").write_text(f"{HEADER}\n# %%\n1\n")
    notebooks.sync(tmp_path)
    notebooks.check_parameters(tmp_path / "a.ipynb", {})
    with pytest.raises(notebooks.ParameterError, match="a has no parameter 'x': it takes none at all"):
        notebooks.check_parameters(tmp_path / "a.ipynb", {"x": 1})


def test_a_source_without_a_header_is_named(tmp_path):
    (tmp_path / "bare.py").write_text("print(1)\n")
    (tmp_path / "bare.ipynb").write_text("{}")
    for command in (notebooks.drifted, notebooks.sync):
        with pytest.raises(notebooks.NotebookError, match=r"bare.py has no kernelspec in its header: begin") as caught:
            command(tmp_path)
        assert "\n" not in str(caught.value)
    (tmp_path / "bare.ipynb").unlink()
    (tmp_path / "bare.py").rename(tmp_path / "._bare.py")  # what a Mac leaves beside a file
    assert notebooks.drifted(tmp_path) == []


def test_pairs_agree_with_either_kind_of_line_end(tmp_path):
    write(tmp_path, "a", '# %%\n"""two\nlines"""\nprint("β")')
    notebooks.sync(tmp_path)
    whole = (tmp_path / "a.ipynb").read_bytes()
    assert b"\r" not in whole
    for path in (tmp_path / "a.py", tmp_path / "a.ipynb"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert notebooks.drifted(tmp_path) == []
    (tmp_path / "a.ipynb").unlink()
    notebooks.sync(tmp_path)
    assert (tmp_path / "a.ipynb").read_bytes() == whole


@pytest.mark.parametrize("output", ["{}/a.ipynb", "{}/other.ipynb", "{}/../{name}/a.ipynb", "{}/out.txt", "{}"])
def test_an_output_over_the_notebooks_is_refused_and_they_stay_as_they_are(output, tmp_path):
    write(tmp_path, "a", "# %%\n1")
    notebooks.sync(tmp_path)
    before = (tmp_path / "a.ipynb").read_bytes()
    with pytest.raises(notebooks.ParameterError, match=r"Output .*expected"):
        notebooks.execute("a", Path(output.format(tmp_path, name=tmp_path.name)), folder=tmp_path)
    assert (tmp_path / "a.ipynb").read_bytes() == before and not (tmp_path / "other.ipynb").exists()


# Plain papermill


DECLARING = """epochs: int = 1  # of training, at least 1
seeds: list[int] = []  # at least 0 and below 2^32
rate: float = 0.5  # of it"""


@pytest.mark.parametrize(
    ("injected", "message"),
    [
        (
            "epoch = 5",
            r"The notebook has no parameter 'epoch' \(did you mean 'epochs'\?\): it takes epochs: int, seeds",
        ),
        ('epochs = "five"', "epochs='five': The notebook expects int"),
        ("epochs = True", "epochs=True: The notebook expects int"),
        ("epochs = 0", "epochs=0: The notebook expects of training, at least 1"),
        ('seeds = "[0, 1]"', r"expects list\[int\]; papermill takes lists by -y"),
        ("seeds = [0, -1]", r"seeds=\[0, -1\]: The notebook expects at least 0"),
        (f"seeds = [{2**32}]", "expects at least 0 and below 2"),
        ('rate = float("nan")', "rate=nan: The notebook expects float"),
        ("epochs = 2\nx = 1\ny = 2", "no parameter 'x'"),
    ],
)
def test_what_papermill_injects_is_checked(injected, message):
    cell, values = f"# Parameters\n{injected}\n", {}
    exec(f"{DECLARING}\n{cell}", values)
    with pytest.raises(notebooks.ParameterError, match=message):
        parameters.check_cells(["", DECLARING, cell, "parameters.check()"], values)


def test_what_a_reader_does_in_jupyterlab_is_let_be():
    """Names of the reader's own, cells run again, a parameter edited: none of it is papermill's."""
    values = {}
    exec(f"{DECLARING}\nepochs = 3\nmine = 4\nrate = 1", values)
    for cells in (
        ["", DECLARING, "# Parameters\nepochs = 3\n", "mine = 4"],
        ["", "mine = 4", DECLARING, DECLARING, "parameters.check()", "other = 1", "parameters.check()"],
        ["", "mine = 4", "parameters.check()"],
        ["", "%matplotlib inline", "x = (", DECLARING],
        [""],
    ):
        parameters.check_cells(cells, values)
    parameters.check()  # outside a notebook


@pytest.mark.slow
def test_plain_papermill_fails_in_the_first_cell_with_one_line(tmp_path, runs_root, monkeypatch):
    monkeypatch.setenv("HCL_DATA", str(tmp_path / "nothing"))
    output = tmp_path / "out.ipynb"
    command = [sys.executable, "-m", "papermill", "notebooks/fig05_cifar10.ipynb", str(output), "--no-progress-bar"]
    for wrong, message in (
        (["-p", "profile", "smoke", "-p", "epoch", "5"], "ParameterError: The notebook has no parameter 'epoch'"),
        (["-p", "profile", "smoke", "-p", "dataset", "mnist"], "ParameterError: dataset='mnist': expected one of"),
    ):
        done = subprocess.run([*command, *wrong], cwd=ROOT, check=False, capture_output=True, text=True)
        assert done.returncode != 0 and message in done.stderr
        cells = [cell for cell in nbformat.read(output, as_version=4).cells if cell.cell_type == "code"]
        failed = [number for number, cell in enumerate(cells) if any(o.output_type == "error" for o in cell.outputs)]
        assert failed == [2], "after the parameters and what papermill adds"
        (error,) = cells[2].outputs
        assert len(error.traceback) == 1 and "\n" not in error.traceback[0]
    assert list(runs_root.iterdir()) == []
