"""Campaigns: each run once, stopped and gone on with at any point."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from filelock import FileLock
from helpers import ROOT, evaluate_quickly

from hcl.companion import study as studies
from hcl.training import archive, campaign, checkpoint, crew, locks, places, runs, train, worker
from hcl.training.campaign import Event, Job, Settings
from hcl.training.data import DataError
from hcl.training.spec import RunSpec
from hcl.training.techniques import Techniques

SPEC = RunSpec(
    dataset="digits", supervised=True, num_train=200, num_test=100, encoder="mlp", k=8, negatives="per_anchor",
    epochs=3, batch_size=50,
)  # fmt: skip
pytestmark = pytest.mark.usefixtures("quick_evaluations")


def jobs(*changes, **common):
    return [Job(replace(SPEC, **common, **change), "smoke") for change in changes or ({},)]


def run(these, root, **settings):
    events: list[Event] = []
    outcome = campaign.carry_out(these, Settings(runs_root=root, device="cpu", **settings), events.append)
    return outcome, events


def kinds(events, run_id):
    return [event.kind for event in events if event.run_id == run_id]


def test_missing_runs_are_made_in_order_each_once(tmp_path):
    these = jobs({"seed": 2}, {"seed": 0}, {"seed": 2}, {"seed": 1})
    done = train.obtain(these[1].spec, group="laptop", runs_root=tmp_path, device="cpu", progress=False)
    outcome, events = run(these, tmp_path)
    assert outcome.finished == [these[0].spec.run_id, these[3].spec.run_id]
    assert not outcome.left and not outcome.failed and not outcome.interrupted
    assert kinds(events, these[0].spec.run_id) == ["started", "epoch", "epoch", "epoch", "finished"]
    assert kinds(events, done.spec.run_id) == []
    assert len(runs.all_records(tmp_path)) == 3
    assert run(these, tmp_path) == (campaign.Outcome(), [])


def test_a_run_of_a_campaign_is_the_run_trained_alone(tmp_path):
    alone = train.train(SPEC, data=train.load_data(SPEC), device="cpu", progress=False)
    these = jobs({"seed": 1}, {}, {"hardness": 5})  # the second uses the engine of the first
    run(these, tmp_path)
    made = runs.load(runs.find(SPEC, tmp_path))
    pd.testing.assert_frame_equal(made.history, alone.history, rtol=1e-6, check_dtype=False)
    assert (made.arrays["means"] == alone.arrays["means"]).all()


@pytest.mark.slow
def test_processes_share_the_list(tmp_path):
    these = jobs(*({"seed": seed} for seed in range(4)), epochs=2)
    outcome, events = run(these, tmp_path, at_once=2)
    assert sorted(outcome.finished) == sorted(job.spec.run_id for job in these) and not outcome.left
    assert all(kinds(events, job.spec.run_id).count("finished") == 1 for job in these)
    assert {made.provenance["threads"] for made in runs.all_records(tmp_path)} == {1}
    assert not list((tmp_path / ".checkpoints").iterdir())


def test_a_run_that_another_process_has_claimed_is_left_to_it(tmp_path):
    these = jobs({"seed": 0}, {"seed": 1})
    lock = checkpoint.path_of(these[0].spec, tmp_path).with_suffix(".lock")
    lock.parent.mkdir(parents=True)
    with FileLock(lock):
        outcome, events = run(these, tmp_path)
        assert outcome.finished == [these[1].spec.run_id] and outcome.left == [these[0].spec.run_id]
        assert kinds(events, these[0].spec.run_id) == []
    assert run(these, tmp_path)[0].finished == [these[0].spec.run_id]


def test_what_fails_does_not_stop_the_rest(tmp_path, monkeypatch):
    these = jobs({"dataset": "cifar100"}, {"dataset": "cifar100", "seed": 1}, {"lr": 1e30}, {"batch_size": 500}, {})
    load, asked = train.load_data, []

    def no_files(spec, root=None):
        asked.append(spec.dataset)
        if spec.dataset == "cifar100":
            raise DataError("cifar100 not found")
        return load(spec, root)

    monkeypatch.setattr(train, "load_data", no_files)
    outcome, _ = run(these, tmp_path)
    assert outcome.finished == [SPEC.run_id] and outcome.left == []
    assert list(outcome.failed) == [job.spec.run_id for job in these[:4]]
    messages = list(outcome.failed.values())
    assert messages[:2] == ["cifar100 not found"] * 2 and asked.count("cifar100") == 1
    assert "lower lr" in messages[2] and "batch_size=500" in messages[3]


@pytest.mark.slow
def test_the_death_of_a_process_fails_its_run_and_the_others_go_on(tmp_path, monkeypatch):
    """As the system kills one where memory runs out; its state is kept, and the same command goes on."""
    these = jobs({"epochs": 50_000, "eval_every": 50_000}, {"seed": 1}, {"seed": 2})
    victim, hands, hired = these[0].spec, [], crew._hired
    monkeypatch.setattr(crew, "_hired", lambda *arguments: hands.append(hired(*arguments)) or hands[-1])

    def report(event):
        if event.run_id == victim.run_id and event.kind == "epoch" and event.epoch == 2:
            (hand,) = [hand for hand in hands if victim.run_id in hand.runs]
            os.kill(hand.process.pid, signal.SIGKILL)

    settings = Settings(runs_root=tmp_path, device="cpu", at_once=2, checkpoint_every=0)
    outcome = campaign.carry_out(these, settings, report)
    assert sorted(outcome.finished) == sorted(job.spec.run_id for job in these[1:]) and outcome.left == []
    assert list(outcome.failed) == [victim.run_id] and "ended by SIGKILL" in outcome.failed[victim.run_id]
    assert len(hands) == 3 and not locks.held(checkpoint.lock_path(victim, tmp_path))


@pytest.mark.slow
def test_processes_that_cannot_begin_say_so(tmp_path, monkeypatch):
    monkeypatch.setattr(crew, "_work", len)  # which takes no such arguments
    with pytest.raises(crew.ProcessError, match="ended with exit status 1; what it says is above"):
        run(jobs({"seed": 0}, {"seed": 1}), tmp_path, at_once=2)


# Two processes that want the same runs


def test_runs_of_another_process_are_waited_for_and_taken_over_where_it_gives_them_up(tmp_path):
    """Two notebooks on the same study, executed together: the second waits, then reads what the first has made."""
    shown = studies.study("fig05", "smoke", hardness=[0], epochs=2)
    made, given_up = shown.specs
    claims = [locks.claim(checkpoint.lock_path(spec, tmp_path)) for spec in shown.specs]

    def other():
        train.obtain(made, group="other", runs_root=tmp_path, device="cpu", progress=False)
        for claim in claims:
            locks.give_up(claim)

    thread = threading.Timer(0.7, other)
    thread.start()
    (found,) = studies.obtain([shown], Settings(runs_root=tmp_path, device="cpu"))
    thread.join()
    assert [run.spec for run in found] == [made, given_up]
    assert [run.path.parent.name for run in found] == ["other", "smoke"]


def test_waiting_ends_with_the_time(tmp_path):
    these = jobs()
    lock = locks.claim(checkpoint.lock_path(SPEC, tmp_path))
    train.load_data(SPEC)
    outcome, events = run(these, tmp_path, wait=True, deadline=time.monotonic() + 10)
    assert outcome.left == [SPEC.run_id] and [event.kind for event in events] == ["waiting"]
    locks.give_up(lock)


@pytest.mark.slow
def test_two_processes_obtain_the_same_study_at_once(tmp_path):
    """Each returns every run; of a third that is killed meanwhile the runs are taken over."""
    code = (
        "from hcl.companion import study\n"
        "from hcl.training.campaign import Settings\n"
        "found = study.study('fig05', 'smoke', hardness=[0, 5], epochs=8).runs(Settings(device='cpu', at_once=1))\n"
        "print('runs:', *(run.spec.run_id for run in found))"
    )
    start = lambda: subprocess.Popen(  # noqa: E731
        [sys.executable, "-c", code], cwd=ROOT, env=environment(tmp_path), stdout=subprocess.PIPE, text=True
    )
    first = start()
    end = time.time() + 120
    while not list(tmp_path.glob(".checkpoints/*.lock")) and time.time() < end:
        time.sleep(0.05)
    others = [start(), start()]
    time.sleep(3)
    first.kill()
    first.wait()
    outputs = [process.communicate(timeout=300)[0] for process in others]
    assert [process.returncode for process in others] == [0, 0], outputs
    expected = " ".join(spec.run_id for spec in studies.study("fig05", "smoke", hardness=[0, 5], epochs=8).specs)
    assert all(f"runs: {expected}" in output for output in outputs)
    assert len(runs.all_records(tmp_path)) == 4


# Stopping and going on


def stop_after(epochs, root, **settings):
    """Carry SPEC out until it has trained that many epochs, then stop as on a signal."""
    seen = []

    def report(event):
        seen.append(event)
        if event.kind == "epoch" and event.epoch == epochs:
            os.kill(os.getpid(), signal.SIGTERM)

    outcome = campaign.carry_out(jobs(epochs=6), Settings(runs_root=root, device="cpu", **settings), report)
    return outcome, seen


def same_record(one, other):
    """Whether two records hold the same bytes of history and the same means."""
    a, b = (next(root.glob("*/*/history.csv")).parent for root in (one, other))
    means = [runs.load(path).arrays["means"].tobytes() for path in (a, b)]
    return (a / "history.csv").read_bytes() == (b / "history.csv").read_bytes() and means[0] == means[1]


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """The record of six epochs without interruption."""
    root = tmp_path_factory.mktemp("straight")
    with pytest.MonkeyPatch.context() as patch:
        evaluate_quickly(patch)
        run(jobs(epochs=6), root)
    return root


def test_a_signal_stops_after_the_epoch_and_the_next_campaign_goes_on(tmp_path, straight):
    outcome, seen = stop_after(2, tmp_path)
    name = replace(SPEC, epochs=6).run_id
    assert outcome.interrupted and outcome.left == [name] and kinds(seen, name)[-1] == "stopped"
    assert runs.all_records(tmp_path) == [] and [e.epoch for e in seen if e.kind == "epoch"] == [1, 2]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    outcome, events = run(jobs(epochs=6), tmp_path)
    assert [e.epoch for e in events if e.kind == "epoch"] == [3, 4, 5, 6]
    assert outcome.finished == [name] and same_record(tmp_path, straight)
    assert runs.all_records(tmp_path)[0].provenance["resumed_after_epochs"] == [2]
    assert not list((tmp_path / ".checkpoints").iterdir())


def test_a_budget_stops_in_time_with_a_checkpoint(tmp_path, monkeypatch):
    """On a clock by which an epoch takes 1,000 seconds, and 450 are kept for a checkpoint."""
    now, events = [0.0], []
    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: now[0], perf_counter=time.perf_counter))
    monkeypatch.setattr(worker, "_CLOSING", 450.0)
    these = jobs({"seed": 0}, {"seed": 1}, epochs=100_000, eval_every=100_000)

    def report(event):
        events.append(event)
        now[0] += 1000 * (event.kind == "epoch")

    settings = Settings(runs_root=tmp_path, device="cpu", deadline=12_400, at_once=1)
    outcome = campaign.carry_out(these, settings, report)
    assert events[-1].kind == "stopped" and events[-1].epoch == 12 and now == [12_000]
    assert outcome.left == [job.spec.run_id for job in these] and not outcome.interrupted
    state, _ = checkpoint.load(checkpoint.path_of(these[0].spec, tmp_path))
    assert state["epoch"] == events[-1].epoch


def test_no_run_is_begun_after_the_deadline(tmp_path):
    outcome, events = run(jobs(), tmp_path, deadline=time.monotonic() + 1)
    assert events == [] and outcome.left == [SPEC.run_id]


def test_a_broken_checkpoint_or_one_of_other_code_is_not_gone_on_with(tmp_path, monkeypatch):
    path = checkpoint.path_of(SPEC, tmp_path)
    assert checkpoint.load(path) == (None, "")
    checkpoint.save(path, {"epoch": 2})
    assert checkpoint.load(path) == ({"epoch": 2}, "")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert checkpoint.load(path) == (None, "its state cannot be read")
    path.write_bytes(whole)
    other = {**checkpoint.deciding_code(), "losses": "other", "engine": "other"}
    monkeypatch.setattr(checkpoint, "deciding_code", lambda: other)
    assert checkpoint.load(path) == (None, "engine, losses changed since it began")
    assert checkpoint.load(path, any_code=True) == ({"epoch": 2}, "")


def test_only_code_that_decides_a_result_makes_a_run_begin_again(tmp_path, monkeypatch):
    """Pages, claims, comments and docstrings may change while a run is in progress; the trained code may not."""
    package = tmp_path / "hcl"
    shutil.copytree(places.PACKAGE, package)
    monkeypatch.setattr(places, "PACKAGE", package)
    code = checkpoint.deciding_code.__wrapped__

    def edited(names, text):
        files = [package / f"{name.replace('.', '/')}.py" for name in names]
        before = [file.read_text() for file in files]
        for file, content in zip(files, before, strict=True):
            file.write_text(text(content))
        try:
            return code()
        finally:
            for file, content in zip(files, before, strict=True):
                file.write_text(content)

    began = code()
    assert set(began) == set(checkpoint.DECIDING)
    others = ("companion.claims.main", "companion.pages", "companion.registry", "training.campaign", "training.worker")
    assert edited(others, lambda text: text + "\nX = 1\n") == began
    assert edited(["losses"], lambda text: text.replace('"""', '"""Another word. ', 1) + "\n# a comment\n") == began
    # Those with a 0, then those with a 1 in a digit of their number: of any two, one is once edited without the other.
    for digit in range(len(checkpoint.DECIDING).bit_length()):
        for value in (0, 1):
            some = [name for number, name in enumerate(checkpoint.DECIDING) if number >> digit & 1 == value]
            changed = edited(some, lambda text: text + "\nX = 1\n")
            assert [key for key in began if changed[key] != began[key]] == some


def test_every_module_that_training_imports_decides_or_is_known_not_to():
    """A new module that a result depends on must be listed."""
    code = (
        "import sys, hcl.training.train\n"
        "print(*(n[4:] for n, m in sys.modules.items() if n.startswith('hcl.') and not hasattr(m, '__path__')))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    records = {f"training.{name}" for name in ("files", "locks", "places", "provenance", "reading", "runs", "sums")}
    others = {"_moved", "choices", "errors", "training.devices", *records}
    assert set(output.split()) == {*checkpoint.DECIDING, *others}, "records are written, not decided, by these"


@pytest.mark.parametrize("fault", ["code", "data", "techniques"])
def test_a_run_that_cannot_go_on_begins_again_and_says_why(tmp_path, monkeypatch, fault):
    these = jobs({"epochs": 4})
    spec = these[0].spec
    training = train.Training(spec, train.load_data(spec), device=torch.device("cpu"))
    training.launch()
    training.settle()
    state = training.state()
    if fault == "data":
        state["data"] = "other"
    path = checkpoint.path_of(spec, tmp_path)
    checkpoint.save(path, state)
    if fault == "code":
        monkeypatch.setattr(checkpoint, "deciding_code", lambda: {"losses": "other"})
    techniques = Techniques(fold=True) if fault == "techniques" else None
    outcome, events = run(these, tmp_path, techniques=techniques)
    said = {"code": "changed since it began", "data": "its data has changed", "techniques": "fused_adam"}[fault]
    assert events[0].kind == "started" and events[0].epoch == 0 and said in events[0].message
    assert outcome.finished == [spec.run_id]
    assert runs.load(runs.find(spec, tmp_path)).provenance["resumed_after_epochs"] == []


def test_a_run_goes_on_with_the_techniques_that_it_began_with(tmp_path):
    """Those of the machine may be others by now; they never change within a run."""
    these = jobs({"epochs": 4})
    spec = these[0].spec
    training = train.Training(spec, train.load_data(spec), device=torch.device("cpu"), techniques=Techniques(fold=True))
    training.launch()
    training.settle()
    checkpoint.save(checkpoint.path_of(spec, tmp_path), training.state())
    _, events = run(these, tmp_path)
    assert events[0].epoch == 1 and events[0].message == ""
    made = runs.load(runs.find(spec, tmp_path)).provenance
    assert (made["techniques"], made["resumed_after_epochs"]) == ("fold", [1])


def test_a_run_made_again_for_its_weights_is_compared_with_its_record(tmp_path):
    """Its record stays, and the campaign says how the two agree (D26)."""
    (job,) = jobs({"hardness": 10})
    run([job], tmp_path)
    start = replace(job, keep_weights=True)
    said = [event.message for event in run([replace(start, spec=job.spec)], tmp_path)[1] if event.kind == "finished"]
    assert said == []  # it has a record, and no other run asks for its weights
    later = [Job(replace(job.spec, init="near_nc", hardness=0), "smoke")]
    finished = {e.run_id: e.message for e in run(later, tmp_path)[1] if e.kind == "finished"}
    assert finished[job.spec.run_id] == "the same as its record, which is kept"
    assert finished[later[0].spec.run_id] == ""
    record = runs.load(runs.find(job.spec, tmp_path))
    other = replace(record, history=record.history * 1.01, provenance={**record.provenance, "date": "later"})
    assert runs.compared(other, record).startswith("differs from its record, which is kept: by up to 1.0% (")


def test_a_crash_while_a_checkpoint_is_written_leaves_the_one_before(tmp_path, monkeypatch):
    path = checkpoint.path_of(SPEC, tmp_path)
    checkpoint.save(path, {"epoch": 1})

    def crash(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr(checkpoint.torch, "save", crash)
    with pytest.raises(OSError, match="disk full"):
        checkpoint.save(path, {"epoch": 2})
    assert checkpoint.load(path)[0] == {"epoch": 1} and [p.name for p in path.parent.iterdir()] == [path.name]


def command(*arguments):
    return [sys.executable, "-m", "hcl", "campaign", "fig05", "--profile", "smoke", "--device", "cpu", *arguments]


def environment(root):
    return {**os.environ, "HCL_RUNS": str(root), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}


@pytest.mark.slow
def test_a_kill_in_the_middle_of_an_epoch_loses_nothing_finished_and_repeats_nothing(tmp_path):
    """SIGKILL, at no chosen moment; the runs that come of it are those of an uninterrupted campaign."""
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    options = ("--epochs", "12", "--at-once", "1")
    killed.mkdir()
    process = subprocess.Popen(
        command(*options, "--checkpoint-every", "0"), cwd=ROOT, env=environment(killed), stdout=subprocess.PIPE
    )
    finished, begun, end = set(), set(), time.time() + 90
    while not (finished and begun) and time.time() < end:
        process.send_signal(signal.SIGCONT)
        time.sleep(0.02)
        process.send_signal(signal.SIGSTOP)
        finished = {path.name for path in killed.glob("smoke/digits*")}
        begun = {path.stem for path in killed.glob(".checkpoints/*.pt")} - finished
    process.kill()
    process.wait()
    assert 0 < len(finished) < 4 and len(begun) == 1
    before = {name: (killed / "smoke" / name / "provenance.json").read_bytes() for name in finished}
    these = list(studies.study("fig05", "smoke", epochs=12).jobs())[:4]
    outcome, _ = run(these, killed, at_once=1)
    assert set(outcome.finished) == {job.spec.run_id for job in these} - finished and not outcome.left
    for name, record in before.items():
        assert (killed / "smoke" / name / "provenance.json").read_bytes() == record
    (resumed,) = json.loads((killed / "smoke" / begun.pop() / "provenance.json").read_text())["resumed_after_epochs"]
    assert 0 < resumed < 12
    # The same runs in one go are those of the archive, to the last bit of the history.
    run(these, whole, at_once=1)
    pack = archive.pack(list(killed.glob("smoke/digits*")), tmp_path / "runs.tar.gz")
    assert set(archive.import_archive(pack, whole).known) == {job.spec.run_id for job in these}


@pytest.mark.slow
def test_sigterm_ends_the_command_cleanly(tmp_path):
    process = subprocess.Popen(
        command("--epochs", "100000", "--at-once", "2", "--checkpoint-every", "0"), cwd=ROOT,
        env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    end = time.time() + 120
    while time.time() < end and len(list(tmp_path.glob(".checkpoints/*.pt"))) < 2:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, output + errors
    assert output.count("to be gone on with") == 2 and "left 10: the same command goes on" in output
    assert len(list(tmp_path.glob(".checkpoints/*.pt"))) == 2


@pytest.mark.slow
def test_a_campaign_runs_from_a_bare_checkout_with_few_packages(tmp_path):
    """No Jupyter, no plotting: torch, torchvision, numpy, pandas, scikit-learn, typer, rich and tqdm are enough."""
    blocked = ("papermill", "jupytext", "nbformat", "matplotlib", "seaborn", "IPython", "yaml", "safetensors")
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({blocked!r}))\n"
        "from hcl.companion.cli import app\n"
        "app(['campaign', 'fig02', '--profile', 'smoke', '--epochs', '1', '--device', 'cpu', '--at-once', '1'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True
    )
    assert "Finished 16, failed 0, left 0" in done.stdout, done.stdout + done.stderr
