"""What a user asks wrongly is refused before data are read or a kernel starts: one line on stderr, exit status 2."""

import ast
import json
import os
import subprocess
import sys

import pytest
import torch
from helpers import ROOT, on_path
from typer.testing import CliRunner

from hcl.companion import cli
from hcl.training import data
from hcl.training.devices import device_named

runner = CliRunner()


@pytest.fixture(autouse=True)
def _nothing_starts(monkeypatch):
    """Neither data nor kernels: a command that gets so far fails otherwise."""
    from hcl.companion import notebooks

    def refuse(*args, **kwargs):
        raise AssertionError("something was begun")

    monkeypatch.setattr(data, "load", refuse)
    monkeypatch.setattr(notebooks, "execute", refuse)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def refused(*arguments):
    """Return the one line that a command says, having ended with exit status 2."""
    result = runner.invoke(cli.app, list(arguments), env={"COLUMNS": "200"})
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output and result.stdout.count("\n") == 0, result.output
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1, result.stderr
    return result.stderr


SMOKE = ("train", "digits", "--profile", "smoke")
CAMPAIGN = ["campaign", "fig05", "--profile", "smoke"]  # which ends soon, were a wrong option accepted


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*SMOKE, "-p", "epoch=3"], "Unknown field epoch (did you mean 'epochs'?)"),
        ([*SMOKE, "-p", "epochs=abc"], "epochs='abc': expected a whole number"),
        ([*SMOKE, "-p", "epochs=0"], "epochs=0: expected at least 1"),
        ([*SMOKE, "-p", "epochs=10000000"], "epochs=10000000: expected at most 1,000,000"),
        ([*SMOKE, "-p", "epochs"], "-p epochs: expected name=value"),
        ([*SMOKE, "-p", "=3"], "-p =3: expected name=value"),
        ([*SMOKE, "-p", "k=3", "-p", "k=4"], "-p k=4: k is given twice"),
        ([*SMOKE, "--seed", "1", "-p", "seed=2"], "seed is given twice: as 1, and by -p as 2"),
        ([*SMOKE, "-p", "dataset=cifar10"], "dataset is given twice"),
        ([*SMOKE, "--seed", str(2**63)], "seed=9223372036854775808: expected at most 4,294,967,295"),
        ([*SMOKE, "--seed", "-1"], "seed=-1: expected at least 0"),
        ([*SMOKE, "--hardness", "1e300"], "hardness=1e+300: expected at most 1,000,000,000"),
        ([*SMOKE, "--hardness", "nan"], "hardness=nan: expected a finite number >= 0"),
        ([*SMOKE, "--hardness", "hard"], "--hardness"),
        ([*SMOKE, "-p", "lr=Infinity"], "lr=inf: expected a finite number > 0"),
        ([*SMOKE, "-p", "weight_decay=1e999"], "weight_decay=inf: expected a finite number >= 0"),
        ([*SMOKE, "-p", "num_train=15"], "num_train=15: expected a multiple of the 10 classes"),
        ([*SMOKE, "-p", "num_train=2000"], "num_train=2000: digits has 1,297 training images"),
        ([*SMOKE, "-p", "num_test=7"], "num_test=7: expected a multiple of the 10 classes"),
        ([*SMOKE, "-p", "batch_size=1000"], "batch_size=1000: there are 600 training images"),
        ([*SMOKE, "-p", "init=near_nc"], "'hcl run table2' makes both"),
        ([*SMOKE, "-p", "objective=simclr"], 'objective="simclr" takes two views'),
        ([*SMOKE, "--device", "tpu"], "Unknown device 'tpu': expected cpu, cuda"),
        ([*SMOKE, "--device", "meta"], "Unknown device 'meta'"),
        ([*SMOKE, "--device", "cuda:7"], "Device cuda:7: PyTorch finds no GPU here"),
        ([*SMOKE, "--sed", "1"], "see hcl train --help"),
        (["train", "digit"], "dataset='digit' (did you mean 'digits'?)"),
        (["train", "digits", "--profile", "lapto"], "Unknown profile 'lapto' (did you mean 'laptop'?)"),
        (["train"], "argument 'dataset'"),
        (["tran", "digits"], "tran"),
        (["run", "fig99"], "Unknown figure 'fig99'"),
        (["run", "fig05", "--profile", "smok"], "Unknown profile 'smok' (did you mean 'smoke'?)"),
        (["run", "fig05", "-p", "epoch=3"], "no parameter 'epoch' (did you mean 'epochs'?): it takes profile: str,"),
        (["run", "fig05", "-p", "seeds=3"], "seeds=3: fig05_cifar10 expects list[int]"),
        (["run", "fig05", "-p", "hardness=[-1]"], "hardness=-1.0: expected a finite number >= 0"),
        (["run", "fig05", "-p", "dataset=mnist"], "dataset='mnist': expected one of synthetic, digits"),
        (["run", "fig05", "-p", "dataset=synthetic"], "fig05 is about cifar10: dataset='synthetic' is of another kind"),
        (["run", "fig05", "--profile", "laptop", "-p", "dataset=digits"], "digits has 1,297 training images"),
        (["run", "fig05", "--profile", "smoke", "-p", "profile=laptop"], "profile is given twice"),
        (["run", "fig05", "--profile", "smoke", "--device", "tpu"], "Unknown device 'tpu'"),
        (["run", "fig12", "-p", "dataset=synthetic"], "is of another kind"),
        (["run", "fig05", "--output", "notebooks/fig05_cifar10.ipynb"], "lies among the notebooks themselves"),
        (["run", "fig05", "--output", "out.txt"], "expected the name of an .ipynb"),
        (["run", "theory", "--profile", "smoke"], "--profile: theory trains nothing"),
        (["run", "theory", "-p", "num_classes=1"], "num_classes=1: theory expects C of the random features"),
        (["run", "theory", "-p", "starts=0"], "starts=0: theory expects"),
        (["run", "theory", "-p", f"seed={2**63}"], "below 2^32"),
        ([*CAMPAIGN[:2], "--budget", "1s", "--profile", "auto"], "Unknown profile 'auto': expected one of smoke, l"),
        (["campaign", "theory"], "theory trains nothing: leave it out"),
        ([*CAMPAIGN, "theory"], "theory trains nothing: leave it out"),
        (["campaign", "fig99"], "Unknown figure 'fig99'"),
        ([*CAMPAIGN, "--at-once", "-2"], "--at-once -2: expected at least 1"),
        ([*CAMPAIGN, "--at-once", "0"], "--at-once 0: expected at least 1"),
        ([*CAMPAIGN, "--checkpoint-every", "-1"], "--checkpoint-every -1: expected at least 0"),
        ([*CAMPAIGN, "--checkpoint-every", "nan"], "--checkpoint-every nan: expected at least 0"),
        ([*CAMPAIGN, "--budget", "0"], "--budget 0: expected more than 0"),
        ([*CAMPAIGN, "--budget", "soon"], "'soon' is no duration"),
        ([*CAMPAIGN, "--epochs", "-3"], "epochs=-3: expected at least 1"),
        ([*CAMPAIGN, "--seeds", "0,x"], "--seeds 0,x: expected whole numbers"),
        ([*CAMPAIGN, "--seeds", "-1"], "--seeds -1: expected whole numbers"),
        ([*CAMPAIGN, "--seeds", "0,0"], "--seeds 0,0: a number is given twice"),
        ([*CAMPAIGN, "--seeds", ""], "--seeds : expected whole numbers"),
        ([*CAMPAIGN, "--seeds", str(2**40)], "expected at most 4,294,967,295"),
        (["campaign", "fig02", "--dataset", "cifar10"], "fig02 is about synthetic: dataset='cifar10'"),
        (["campaign", "fig05", "--dataset", "cifar"], "dataset='cifar' (did you mean 'cifar10'?)"),
        (["campaign", "fig05", "--device", "tpu"], "Unknown device 'tpu'"),
        (["campaign", "fig05", "--pack", "."], "--pack . is a folder"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_a_mistake_is_refused_in_one_line(arguments, message, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert message.lower() in refused(*arguments).lower()  # versions of typer differ in their capitals


def test_a_campaign_of_all_figures_takes_a_data_set_for_those_of_images():
    result = runner.invoke(cli.app, ["campaign", "--profile", "smoke", "--dataset", "digits", "--plan"])
    assert result.exit_code == 0, result.output
    assert "synthetic-scl" in result.output and "digits-scl" in result.output


@pytest.mark.parametrize(("name", "count"), [("cuda", 0), ("cuda:2", 2), ("cuda:-1", 2), ("cpu:x", 2), ("", 2)])
def test_a_device_that_is_not_there_is_refused(name, count, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    with pytest.raises(ValueError, match=r"(?i)device") as caught:
        device_named(name)
    assert "\n" not in str(caught.value) and "expected" in str(caught.value)


def test_devices_that_are_there(monkeypatch):
    assert device_named(None) == device_named("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    assert device_named("cuda:0") == torch.device("cuda", 0)
    assert device_named(None) == device_named("cuda") == torch.device("cuda", 1)


# What is printed is what was given, whatever rich and the locale make of it


@pytest.mark.parametrize("word", ["[red]", "[/x]", "[bold]a[/bold]", ":smile:"])
def test_brackets_in_what_a_user_wrote_are_printed_as_they_are(word, tmp_path, monkeypatch):
    assert f"-p {word}: expected name=value" in refused(*SMOKE, "-p", word)
    assert word in refused("run", word)
    folder = tmp_path / word.replace("/", "")
    folder.mkdir()
    monkeypatch.setenv("HCL_RUNS", str(folder))
    result = runner.invoke(cli.app, ["status"], env={"COLUMNS": "200"})
    assert f"Records: {folder}" in result.output
    assert str(folder) in refused("runs", "check")


def test_brackets_in_what_went_wrong_are_printed_as_they_are(capsys):
    from rich.console import Console
    from test_paper import made_up

    from hcl.companion import study as studies
    from hcl.companion.progress import Display
    from hcl.training.campaign import Event, Job

    spec = made_up(studies.study("fig05", "smoke").specs[0]).spec
    for terminal in (False, True):
        with Display([Job(spec, "smoke")], Console(force_terminal=terminal, width=300, color_system=None)) as display:
            display(Event("started", spec.run_id, message="see [/x]"))
            display(Event("failed", spec.run_id, message="[red] is no folder of [/x]"))
        printed = capsys.readouterr().out
        assert "begins again: see [/x]" in printed and "[red] is no folder of [/x]" in printed


# To be mended with the records: English letters only so far.
ASCII = {
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "LC_ALL": "C",
    "PYTHONIOENCODING": "ascii",
    "PYTHONPATH": on_path(ROOT),
}


def test_commands_work_where_the_locale_has_no_letters_but_english_ones(runs_root):
    """In one process, as most of the time goes to imports."""
    made = runs_root / "laptop" / "cifar10-scl-s0-00000000"
    made.mkdir(parents=True)
    (made / "provenance.json").write_text(json.dumps({"device": "β", "wall_seconds": 9.0}, ensure_ascii=False), "utf-8")
    (runs_root / "laptop" / "cifar10-scl-s1-00000000").mkdir()
    (runs_root / "laptop" / "cifar10-scl-s1-00000000" / "provenance.json").write_text('["no object"]')
    code = (
        "import sys\nfrom hcl.__main__ import app\n"
        "for arguments in (['list'], ['--help'], ['status'], ['sync'], ['run', 'fig99\\u03b2']):\n"
        "    sys.argv[1:] = arguments\n"
        "    try:\n        app()\n"
        "    except SystemExit as end:\n        print('\\nended:', end.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | ASCII, capture_output=True, text=True, check=False
    )
    codes = [line.removeprefix("ended: ") for line in done.stdout.splitlines() if line.startswith("ended: ")]
    assert codes == ["0", "0", "0", "0", "2"], done.stderr
    assert done.returncode == 0 and "Traceback" not in done.stderr


def test_help_and_list_import_neither_torch_nor_pandas():
    for arguments in (["--help"], ["list"], ["train", "--help"], ["run", "fig99"]):
        code = f"import sys; sys.argv[1:] = {arguments!r}\nfrom hcl.__main__ import app\n"
        code += "try:\n    app()\nexcept SystemExit:\n    print('modules:', *sys.modules)"
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        modules = set(done.stdout.partition("modules:")[2].split())
        assert "hcl.companion.cli" in modules
        assert not {"torch", "pandas", "numpy", "matplotlib", "papermill", "IPython"} & modules


def test_without_jupyter_the_commands_that_need_it_say_so():
    code = "import sys; sys.modules['papermill'] = None\nfrom hcl.companion.cli import app\napp(['run', 'theory'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert "papermill is not installed: pip install 'hcl[companion]'" in done.stderr


def test_text_is_read_and_written_in_utf8_whatever_the_locale():
    """Where no encoding is said, Python takes the locale's."""
    silent = []
    for path in sorted((ROOT / "hcl").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                named = {keyword.arg for keyword in call.keywords}
                if call.func.attr in ("read_text", "write_text") and "encoding" not in named:
                    silent.append(f"{path.relative_to(ROOT).as_posix()}:{call.lineno}")
    assert silent == []
