"""For those who run it again: what is printed before, one command for CIFAR-100, own data, Slurm, commands for zsh."""

import hashlib
import pickle
import re
import shutil
import subprocess
from dataclasses import replace

import nbformat
import numpy as np
import pytest
import torchvision
from helpers import ROOT
from test_cli import invoke

from hcl.companion import notebooks, profiles, registry, template
from hcl.companion import study as studies
from hcl.companion.parameters import ParameterError
from hcl.training import data, runs
from hcl.training.inputs import load_data

pytestmark = pytest.mark.usefixtures("quick_evaluations")
RERUN = (ROOT / "book/rerun.md").read_text(encoding="utf-8")


# What is printed before anything starts


def test_the_plan_of_a_figure_names_every_parameter_and_every_cost_and_starts_nothing(runs_root):
    result = invoke("run", "fig05", "--plan", "-p", "seeds=[0,1]", "-p", "hardness=[0,5]", "--profile", "laptop")
    assert result.exit_code == 0, result.output
    for said in ("profile = laptop", "dataset = cifar10", "hardness = [0,5]", "seeds = [0,1]", "epochs = 60"):
        assert said in result.output
    assert "each is 4 runs" in result.output and "8 runs, 8 to train" in result.output
    for profile in profiles.PROFILES:
        assert f"hcl run fig05 --profile {profile}" in result.output
    assert "Time: not known" in result.output and list(runs_root.iterdir()) == []
    assert "Executing" not in result.output


def test_what_will_be_trained_is_said_before_it_is(capsys):
    study = studies.study("fig05", "smoke", hardness=[0], epochs=1)
    study.runs()
    said = capsys.readouterr().out
    assert said.startswith("0 of 2 runs are recorded, 2 will be trained: not known")
    assert "the same again goes on from there" in said
    studies.study("fig05", "smoke", hardness=[0, 5], epochs=1).runs()
    said = capsys.readouterr().out
    assert said.startswith("2 of 4 runs are recorded, 2 will be trained: about ")
    assert "one after another" in said and "estimated by 2 other runs with this encoder" in said
    studies.study("fig05", "smoke", hardness=[0, 5], epochs=1).runs()
    assert capsys.readouterr().out == "", "nothing to train, nothing to say"


def test_the_page_names_every_parameter_of_the_figures():
    table = set(re.findall(r"^\| `(\w+)` \|", RERUN, re.MULTILINE))
    assert table == set(notebooks.parameters_of(notebooks.path_of("fig05_cifar10")))
    for profile in profiles.PROFILES:
        assert f"`{profile}`" in RERUN


# One command for real CIFAR-100


@pytest.fixture
def cifar100(tmp_path, monkeypatch):
    """Files as torchvision's of CIFAR-100, of noise, in a data folder."""
    folder = tmp_path / "data" / "cifar-100-python"
    folder.mkdir(parents=True)
    kind, sums = torchvision.datasets.CIFAR100, {}
    for name, each in (("train", 8), ("test", 2)):
        labels = list(np.arange(100 * each) % 100)
        images = np.random.default_rng(0).integers(0, 256, (len(labels), 3072), dtype=np.uint8)
        (folder / name).write_bytes(pickle.dumps({"data": images, "fine_labels": labels}))
    (folder / "meta").write_bytes(pickle.dumps({"fine_label_names": [str(c) for c in range(100)]}))
    sums = {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    monkeypatch.setattr(kind, "train_list", [["train", sums["train"]]])
    monkeypatch.setattr(kind, "test_list", [["test", sums["test"]]])
    monkeypatch.setattr(kind, "meta", kind.meta | {"md5": sums["meta"]})
    monkeypatch.setenv("HCL_DATA", str(tmp_path / "data"))
    small = replace(profiles.PROFILES["laptop"], images=profiles.PROFILES["smoke"].images | {"epochs": 1})
    monkeypatch.setitem(profiles.PROFILES, "laptop", small)
    return folder


def test_one_command_puts_cifar100_in_the_place_of_its_stand_in(cifar100, monkeypatch, runs_root):
    """Made-up files, one epoch: the figures on it are run on it, no others, and shown on it from then on."""
    monkeypatch.setitem(registry.STAND_INS, "cifar100", "digits")
    only = {name: registry.FIGURES[name] for name in ("fig03", "table1", "fig05")}
    monkeypatch.setattr(registry, "order", lambda profile: tuple(map(registry.Step, only)))
    study = studies.study("fig03", "laptop", dataset="digits", hardness=[0])
    study.runs()
    assert studies.study("fig03", hardness=[0]).stands_in
    result = invoke("campaign", "--dataset", "cifar100", "--profile", "laptop", "--at-once", "1", "--device", "cpu")
    assert result.exit_code == 0 and "failed 0, left 0." in result.output, result.output
    made = [run.spec for run in runs.all_records(runs_root) if run.spec not in study.specs]
    assert len(made) == 10 and {spec.dataset for spec in made} == {"cifar100"}, "not those of Figure 5"
    for name in ("fig03", "table1"):
        shown = studies.study(name)
        assert (shown.dataset, shown.stands_in, shown.left()) == ("cifar100", False, ())
    assert studies.study("fig05").dataset == "cifar10"


def test_a_data_set_of_no_figure_is_for_all_of_images():
    assert registry.about("digits") == () and "fig05" not in registry.about("tinyimagenet100")
    assert registry.about("cifar100") == registry.about("tinyimagenet100")
    assert {"fig03", "fig04", "table1", "table2"} <= set(registry.about("cifar100"))
    theirs, others = (studies.study(name, "laptop", dataset="cifar100").specs[0].run_id for name in ("fig03", "fig05"))
    result = invoke("campaign", "--dataset", "cifar100", "--profile", "laptop", "--plan")
    assert theirs in result.output and others not in result.output
    assert "cifar100-hucl" in invoke("campaign", "fig05", "--dataset", "cifar100", "--plan").output


# Own data


def test_own_data_in_five_lines_as_the_page_has_them(tmp_path, monkeypatch):
    (example,) = re.findall(r"```python\n(.*?)```", RERUN, re.DOTALL)
    assert len([line for line in example.splitlines() if line.strip()]) == 5
    labels = np.arange(800) % 4
    images = np.zeros((800, 3, 8, 8), np.uint8) + (40 * labels[:, None, None, None]).astype(np.uint8)
    np.savez(tmp_path / "mine.npz", images[:600], labels[:600], images[600:], labels[600:])
    monkeypatch.chdir(tmp_path)
    names = {}
    try:
        exec(example, names)
        assert [run.spec.dataset for run in names["runs"]] == ["mine"] * 4
        assert load_data(names["runs"][0].spec).num_classes == 4
    finally:
        data.unregister_dataset("mine")


# Slurm


def test_the_slurm_script_works_and_stops_before_its_time(tmp_path):
    text = (ROOT / "book/slurm.sbatch").read_text()
    hours, minutes, _ = map(int, re.search(r"--time=(\d+):(\d+):(\d+)", text).groups())
    budget = re.search(r"--budget (\w+)", text)[1]
    from hcl.companion.parameters import seconds_of

    spare = int(re.search(r"--signal=TERM@(\d+)", text)[1])
    assert seconds_of(budget) + spare <= 3600 * hours + 60 * minutes
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/activate").write_text(f'export PATH="{tmp_path}/.venv/bin:$PATH"\n')
    for name, body in (("srun", 'shift; exec "$@"'), ("hcl", 'echo "$PWD: hcl $@"')):
        path = tmp_path / ".venv/bin" / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
    done = subprocess.run(
        ["bash", str(ROOT / "book/slurm.sbatch"), "fig03", "fig04"],
        capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin", "SLURM_SUBMIT_DIR": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout.strip() == f"{tmp_path}: hcl campaign fig03 fig04 --profile gpu --budget {budget}"
    asked = done.stdout.partition("hcl ")[2].split()
    assert invoke(*asked, "--device", "cpu", "--plan").exit_code == 0, "the command takes these options"


# Commands that zsh takes

SHOWN = [
    ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "book").glob("*.md")),
    *sorted((ROOT / "notebooks").glob("*.py")), *sorted((ROOT / "hcl").rglob("*.py")),
]  # fmt: skip
_COMMAND = re.compile(r"(?:-p\s+\w+=|-y\s+|pip install\s+(?:-e\s+)?)[^\s'\"`<{]*[\[*?][^\n`]*|-y\s+\{[^\n`]*")


def unquoted(text):
    """Return the commands of a text with a bracket outside quotes, which zsh takes for a pattern."""
    return [found[0] for found in _COMMAND.finditer(text)]


def test_brackets_of_commands_that_are_shown_are_in_quotes():
    assert unquoted("hcl run fig05 -p seeds=[0,1]") and unquoted("-y {a: [1]}") and unquoted("pip install .[train]")
    assert unquoted("hcl run fig05 -p 'seeds=[0,1]' and pip install '.[train]' and -y '{a: [1]}'") == []
    assert {path.name: found for path in SHOWN if (found := unquoted(path.read_text(encoding="utf-8")))} == {}


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed: its rule is tested by a pattern")
def test_zsh_takes_the_commands():
    for block in re.findall(r"```bash\n(.*?)```", RERUN, re.DOTALL):
        for line in block.splitlines():
            words = subprocess.run(["zsh", "-c", f"print -r -- {line}"], capture_output=True, check=False)
            assert words.returncode == 0, line


# A figure of one's own


def test_a_new_figure_is_a_pair_in_step_with_the_parameters_of_the_others(tmp_path):
    (tmp_path / "notebooks").mkdir()
    entry = template.create("fig14", "Figure 14: a warm-up", tmp_path)
    assert notebooks.drifted(tmp_path / "notebooks") == []
    cells = nbformat.read(tmp_path / "notebooks/fig14.ipynb", as_version=4).cells
    assert cells[0].source.startswith("# Figure 14: a warm-up") and '"fig14",' in cells[2].source
    assert cells[4].metadata.mystnb.figure.name == "fig-fig14" and cells[4].metadata.mystnb.image.alt
    ours = notebooks.parameters_of(tmp_path / "notebooks/fig14.ipynb")
    assert set(ours) == set(notebooks.parameters_of(notebooks.path_of("fig05_cifar10")))
    names = {"Figure": registry.Figure, "_with": registry._with}
    exec(f"figure = {entry.strip().rstrip(',')}", names)
    assert names["figure"].notebook == "fig14" and len(names["figure"].settings((0, 5))) == 4


@pytest.mark.parametrize(
    ("name", "title", "message"),
    [("Fig14", "A", "Name 'Fig14'"), ("a-b", "A", "Name"), ("fig14", " ", "Title"), ("there", "A", "already")],
)
def test_a_new_figure_that_cannot_be_is_refused_in_one_line(name, title, message, tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks/there.py").touch()
    with pytest.raises(ParameterError, match=message) as caught:
        template.create(name, title, tmp_path)
    assert "\n" not in str(caught.value) and [p.name for p in (tmp_path / "notebooks").iterdir()] == ["there.py"]


@pytest.mark.slow
def test_a_new_notebook_runs_at_smoke(tmp_path):
    """Under the name of a figure that there is, since the registry's entry is the reader's."""
    (tmp_path / "notebooks").mkdir()
    template.create("fig05", "As Figure 5", tmp_path)
    values = {"profile": "smoke", "hardness": [0, 5], "epochs": 1}
    output = notebooks.execute("fig05", tmp_path / "out.ipynb", values, tmp_path / "notebooks")
    from hcl.companion import book

    assert book.faults(nbformat.read(output, as_version=4)) == []
