import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from helpers import ROOT, on_path
from test_paper import made_up
from typer.testing import CliRunner

from hcl.companion import cli, profiles, registry
from hcl.companion import study as studies
from hcl.training import runs

pytestmark = pytest.mark.usefixtures("quick_evaluations")
runner = CliRunner()


def invoke(*arguments):
    return runner.invoke(cli.app, list(arguments), env={"COLUMNS": "200"})


def test_list_names_every_figure_and_profile():
    output = invoke("list").output
    assert all(name in output for name in [*registry.FIGURES, *profiles.PROFILES])


def test_list_says_what_a_run_costs():
    assert "min a" not in invoke("list").output
    made = made_up(studies.study("fig05", "gpu").specs[0])
    made = replace(made, provenance={"device": "A GPU", "wall_seconds": 1500.0})
    runs.save(made, "gpu")
    assert "25 min a run" in invoke("list").output


def test_status_counts_the_records():
    assert invoke("train", "digits", "--hardness", "5", "--profile", "smoke").exit_code == 0
    rows = {row["figure"]: row for row in json.loads(invoke("status", "--json").output)}
    smoke, laptop = (rows["fig05"]["runs"][profile] for profile in ("smoke", "laptop"))
    assert (smoke["recorded"], smoke["of"], smoke["seeds"], smoke["dataset"]) == (1, 10, [0], "digits")
    assert len(smoke["devices"]) == 1 and smoke["devices"][0].startswith("CPU")
    assert (laptop["recorded"], laptop["of"], laptop["seeds"], laptop["devices"]) == (0, 10, [], [])
    assert rows["theory"]["runs"] == {}
    assert "fig05" in invoke("status").output


def test_verify_prints_every_verdict_and_fails_on_a_bad_record(runs_root):
    invoke("train", "digits", "--profile", "smoke", "-p", "epochs=1")
    result = invoke("verify", "--json")
    assert result.exit_code == 0, result.output
    printed = json.loads(result.output)
    assert printed["records"] == 1 and len(printed["claims"]) >= 40
    trained = [claim for claim in printed["claims"] if registry.figure_named(claim["figure"]).dataset is not None]
    assert len(trained) >= 40 and {claim["verdict"] for claim in trained} == {"waiting"}
    assert "1 records, all sound" in invoke("verify").output
    (run,) = runs.all_records(runs_root)
    history = run.path / "history.csv"
    history.write_text(history.read_text().replace("\n1,", "\n1,-", 1))
    for command in (["verify", "--json"], ["verify"]):
        result = invoke(*command)
        assert result.exit_code == 1 and "history.csv changed" in result.output


def test_train_takes_any_field_of_the_spec_and_reports_where_the_record_is(runs_root):
    result = invoke("train", "digits", "--unsupervised", "--profile", "smoke", "-p", "epochs=2", "-p", "k=null")
    assert result.exit_code == 0, result.output
    (run,) = runs.all_records(runs_root)
    assert (run.spec.supervised, run.spec.epochs, run.spec.k) == (False, 2, None)
    assert str(run.path) in result.output
    assert "CPU" in result.output
    assert "Took" in result.output


def test_data_that_are_not_there_give_one_line_and_exit_status_1(monkeypatch):
    """What a user asks wrongly, with exit status 2, is in test_strict."""
    import torchvision

    def refuse(*args, **kwargs):
        raise OSError("no network in tests")

    monkeypatch.setattr(torchvision.datasets.CIFAR100, "download", refuse)
    result = invoke("train", "cifar100", "--data", "nowhere")
    assert result.exit_code == 1 and "cifar-100-python" in result.stderr
    assert result.stderr.count("\n") == 1 and "Traceback" not in result.output


def test_a_notebook_that_fails_gives_one_line_that_says_where_it_is(tmp_path, monkeypatch):
    import papermill

    from hcl.companion import notebooks

    def failing(*args, **kwargs):
        raise papermill.PapermillExecutionError(3, 3, "1 / 0", "ZeroDivisionError", "division by zero", [])

    monkeypatch.setattr(notebooks, "execute", failing)
    result = invoke("run", "theory", "--output", str(tmp_path / "out.ipynb"))
    assert result.exit_code == 1
    assert f"cell 3: ZeroDivisionError: division by zero; see {tmp_path / 'out.ipynb'}" in result.stderr


def test_run_trains_what_is_missing_and_executes_the_notebook(runs_root, tmp_path):
    target = tmp_path / "out.ipynb"
    result = invoke(
        "run", "fig05", "--profile", "smoke", "-p", "hardness=[0,5]", "-p", "epochs=1", "--output", str(target)
    )
    assert result.exit_code == 0, result.output
    assert "4 runs, 4 to train" in result.output
    assert target.exists()
    assert len(runs.all_records(runs_root)) == 4


@pytest.mark.slow
def test_the_training_side_runs_from_a_bare_checkout_without_jupyter(tmp_path):
    """A GPU machine has torch, pandas, typer, rich and tqdm, and neither Jupyter nor plotting."""
    program = (
        "import sys\n"
        "for name in ('papermill', 'jupytext', 'nbformat', 'IPython', 'matplotlib', 'seaborn'):\n"
        "    sys.modules[name] = None\n"
        "from hcl.companion.cli import app\n"
        "app(['train', 'digits', '--profile', 'smoke', '-p', 'epochs=1'])\n"
    )
    environment = os.environ | {"HCL_RUNS": str(tmp_path), "PYTHONPATH": on_path(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(runs.all_records(tmp_path)) == 1


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("9m", 540), ("1h30m", 5400), ("45", 45), ("1.5m", 90), ("1m30s", 90)]
)
def test_durations(text, seconds):
    assert cli.seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "9 minutes", "m", "-5s"])
def test_other_durations_are_refused(text):
    with pytest.raises(ValueError, match="expected one such as 90s, 9m or 1h30m"):
        cli.seconds_of(text) if text != "m" else cli.seconds_of("mm")


def test_the_plan_of_a_campaign_names_the_missing_runs_in_order_seed_by_seed(runs_root):
    made = invoke("train", "digits", "--profile", "smoke", "--hardness", "5")
    assert made.exit_code == 0, made.output
    result = invoke("campaign", "fig05", "fig03", "--profile", "smoke", "--seeds", "0,1", "--plan")
    lines = [line.strip() for line in result.output.splitlines() if line.startswith("  digits")]
    expected = [spec.run_id for seed in (0, 1) for spec in studies.study("fig05", "smoke", seeds=[seed]).specs]
    expected.remove(runs.all_records(runs_root)[0].spec.run_id)
    assert lines == expected and "19 of 40 runs to train" in result.output
    assert len(runs.all_records(runs_root)) == 1


def test_a_campaign_of_all_figures_leaves_out_those_that_train_nothing():
    result = invoke("campaign", "--profile", "smoke", "--plan")
    assert result.exit_code == 0
    for name in registry.CAMPAIGN:
        assert studies.study(name, "smoke").specs[0].run_id in result.output
    assert set(registry.CAMPAIGN) == {figure.name for figure in registry.FIGURES.values() if figure.dataset is not None}


def test_records_travel_by_archive_and_are_checked(tmp_path, monkeypatch):
    pack = tmp_path / "runs.tar.gz"
    options = ["--profile", "smoke", "--epochs", "1", "--device", "cpu", "--at-once", "1", "--pack", str(pack)]
    result = invoke("campaign", "fig05", *options)
    assert result.exit_code == 0 and "Finished 10, failed 0, left 0." in result.output, result.output
    assert "10 records" in invoke("runs", "check").output
    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setenv("HCL_RUNS", str(elsewhere))
    assert "Added 10, already there 0" in invoke("runs", "import", str(pack)).output
    assert "Added 0, already there 10" in invoke("runs", "import", str(pack)).output
    history = next(elsewhere.glob("smoke/*/history.csv"))
    history.write_text(history.read_text().replace("0.", "nan.", 1).replace("nan.", "inf, "))
    broken = invoke("runs", "check")
    assert broken.exit_code == 1 and history.parent.name in broken.output + broken.stderr


def test_the_plan_of_a_campaign_reads_no_data():
    result = invoke("campaign", "fig05", "--profile", "gpu", "--device", "cpu", "--data", "nowhere", "--plan")
    assert result.exit_code == 0 and "10 of 10 runs to train" in result.output
    assert "cpu" in result.output.lower()
