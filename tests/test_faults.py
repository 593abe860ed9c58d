"""What a campaign and its records come to where the store, the clock or the training fail them."""

import json
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers import ROOT
from injected import counting, full_disk, read_only, written_by
from test_campaign import run

from hcl.errors import HclError
from hcl.training import archive, campaign, checkpoint, checks, engine, images, runs, worker
from hcl.training.campaign import Job, Settings
from hcl.training.spec import RunSpec

pytestmark = pytest.mark.usefixtures("quick_evaluations")
TINY = RunSpec(
    dataset="digits", supervised=True, num_train=60, num_test=30, encoder="mlp", k=4, negatives="per_anchor",
    epochs=2, batch_size=30, hardness=10.0,
)  # fmt: skip
NEAR = replace(TINY, init="near_nc", hardness=0.0)  # starts from the weights of TINY
JOBS = [Job(TINY, "gpu"), Job(NEAR, "gpu")]


# A full disk at every write


def everything(root):
    """Do all that writes, each part whatever came of those before; return what the parts said that failed."""
    said = []

    def part(does):
        try:
            does()
        except (HclError, OSError) as error:
            said.append(str(error))

    def train():
        outcome, _ = run(JOBS, root / "runs", checkpoint_every=0)
        said.extend(outcome.failed.values())

    part(train)
    records = runs.record_folders(root / "runs")
    part(lambda: records and archive.pack(records, root / "out" / "runs.tar.gz"))
    part(lambda: (root / "out").exists() and archive.import_archive(root / "out" / "runs.tar.gz", root / "elsewhere"))
    part(lambda: checks.seal(root=root / "runs"))
    part(lambda: images.cached("made_up", [root / "pixels"], lambda: {"x": np.arange(1000)}))
    return said


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A store that nothing has been written to; what is unpacked and kept in caches lies there too."""
    root = tmp_path / "store"
    (root / "scratch").mkdir(parents=True)
    (root / "pixels").touch()
    monkeypatch.setattr("tempfile.tempdir", str(root / "scratch"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(root / "cache"))
    return root


def emptied(root):
    for name in ("runs", "out", "elsewhere", "cache"):
        shutil.rmtree(root / name, ignore_errors=True)


def content(root):
    """What must be the same whatever happened on the way: histories and class means, by run."""
    found = {run.spec.run_id: run for run in runs.all_records(root)}
    return {name: (run.history.to_csv(), run.arrays["means"].tobytes()) for name, run in found.items()}


def check_whole(root):
    """Whatever is there is whole: records, states, weights, archives; and nothing half-written lies about."""
    for folder in ("runs", "elsewhere"):
        for record in runs.record_folders(root / folder):
            archive.check(runs.load(record))
    assert all(checkpoint.sound(path) for path in root.glob("runs/.checkpoints/*.pt"))
    for packed in root.glob("out/*.tar.gz"):
        archive.import_archive(packed, root / "scratch" / "looked at")
        shutil.rmtree(root / "scratch" / "looked at")
    assert not list(root.rglob(".part-*"))


@pytest.fixture
def clean(home):
    """What comes of it where nothing fails, and where files were written."""
    with counting(home) as met:
        assert everything(home) == []
    found = content(home / "runs")
    assert len(found) == 2 and content(home / "elsewhere") == found
    emptied(home)
    return found, met


def full_at(home, found, at, *, stays, room):
    with full_disk(home, at, stays=stays, room=room):
        said = everything(home)
    check_whole(home)
    assert all(line and "\n" not in line for line in said)
    assert everything(home) == [] and content(home / "runs") == content(home / "elsewhere") == found
    assert checks.faults(home / "runs") == []
    emptied(home)


@pytest.mark.slow
def test_a_full_disk_at_any_place_that_writes_loses_nothing_finished(home, clean):
    """Once at each place in the library; once there is room again the same commands end as if it had not been."""
    found, met = clean
    firsts = [met.index(each) for each in dict.fromkeys(met)]
    for count, at in enumerate(firsts):
        full_at(home, found, at, stays=bool(count % 2), room=100 * (count % 3))


@pytest.mark.slow
@pytest.mark.parametrize(("stays", "room"), [(True, 0), (False, 0), (False, 100)])
def test_a_full_disk_at_any_write_at_all_loses_nothing_finished(home, clean, stays, room):
    found, met = clean
    for at in range(len(met)):
        full_at(home, found, at, stays=stays, room=room)


def test_every_function_that_writes_is_met(home, clean):
    """Found in the text: a new one has to be part of what `everything` does."""
    _, met = clean
    # Of a run that fails the traceback is kept.
    record = met.index(next(each for each in met if each[-1] == "runs.save"))
    with full_disk(home, record, stays=False), counting(home) as more:
        assert everything(home)
    writing = {
        f"{path.stem}.{name}"
        for path in (ROOT / "hcl" / "training").glob("*.py")
        for name in written_by(path.read_text(encoding="utf-8"))
    }
    # Before any run, where the command ends in a line; for another node, where the run fails in one: `test_cluster`.
    of_a_cluster = {"cluster._token", *(name for name in writing if name.startswith("cluster_store."))}
    assert writing - of_a_cluster == {name for functions in (*met, *more) for name in functions} & writing
    assert {"checkpoint.save", "runs.save", "sums.put", "archive.pack", "worker._why"} <= writing


# A store that is read-only, or slow


def test_a_read_only_store_is_read_and_fails_each_run_in_one_line(tmp_path):
    root = tmp_path / "runs"
    run(JOBS[:1], root)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    other = [Job(replace(TINY, seed=seed), "gpu") for seed in (0, 1, 2)]
    with read_only(root):
        assert [made.spec for made in checks.check_all(root)] == [TINY]
        outcome, _ = run(other, root)
    assert list(outcome.failed) == [job.spec.run_id for job in other[1:]] and not outcome.finished
    assert all("Read-only file system" in line and "\n" not in line for line in outcome.failed.values())
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before
    assert len(run(other, root)[0].finished) == 2


def on_a_clock(monkeypatch, now):
    """Have the worker look at a clock of ours, in seconds."""
    both = {"monotonic": lambda: now[0], "perf_counter": lambda: now[0], "time": lambda: 0.0, "sleep": time.sleep}
    monkeypatch.setattr(worker, "time", SimpleNamespace(**both))
    monkeypatch.setattr(campaign, "time", SimpleNamespace(**both))


def test_a_budget_is_kept_on_a_slow_store(tmp_path, monkeypatch):
    """A checkpoint takes 500 seconds, where three are usual: that much is kept for the last one."""
    now, save = [0.0], checkpoint.save
    on_a_clock(monkeypatch, now)

    def slow(path, state):
        save(path, state)
        now[0] += 500

    monkeypatch.setattr(checkpoint, "save", slow)
    job = Job(replace(TINY, epochs=1000, eval_every=1000), "gpu")

    def report(event):
        now[0] += 100 * (event.kind == "epoch")

    settings = Settings(runs_root=tmp_path, device="cpu", deadline=10_000, at_once=1, checkpoint_every=0)
    outcome = campaign.carry_out([job], settings, report)
    assert outcome.left == [job.spec.run_id] and 8_000 < now[0] <= 10_000
    assert checkpoint.sound(checkpoint.path_of(job.spec, tmp_path))


# The clock


@pytest.mark.parametrize("change", [-3600.0, 3600.0], ids=["back", "forth"])
def test_a_budget_is_kept_while_the_clock_is_set(tmp_path, monkeypatch, change):
    """By an hour, after the third epoch."""
    told, steady, events = [1.8e9], [50.0], []
    both = {"time": lambda: told[0], "monotonic": lambda: steady[0], "perf_counter": time.perf_counter}
    monkeypatch.setattr(worker, "time", SimpleNamespace(**both, sleep=time.sleep))
    monkeypatch.setattr(campaign, "time", SimpleNamespace(**both, sleep=time.sleep))
    job = Job(replace(TINY, epochs=100, eval_every=100), "gpu")

    def report(event):
        events.append(event)
        if event.kind == "epoch":
            told[0] += 60
            steady[0] += 60
            if event.epoch == 3:
                told[0] += change

    campaign.carry_out([job], Settings(runs_root=tmp_path, device="cpu", deadline=steady[0] + 600, at_once=1), report)
    assert (events[-1].kind, events[-1].epoch) == ("stopped", 10)


# Training that breaks down


def breaking_down(monkeypatch, at, where):
    """Have the loss of a step be NaN, the first being 1, or the weights after it."""
    step, count = engine.Engine._step, [0]

    def broken(self):
        count[0] += 1
        whole = self._loss
        if where == "loss" and count[0] == at:
            self._loss = lambda *arguments, **options: whole(*arguments, **options) * float("nan")
        step(self)
        self._loss = whole
        if where == "weights" and count[0] == at:
            with torch.no_grad():
                next(self.model.parameters()).fill_(float("nan"))

    monkeypatch.setattr(engine.Engine, "_step", broken)


LONG = replace(TINY, eval_every=20, num_train=150)  # five steps an epoch; epochs beyond the tenth are not measured


@pytest.mark.parametrize(
    ("where", "at", "said", "kept"),
    [
        ("loss", 13, "the loss of epoch 3 is nan from step 3 of 5 on", 2),
        ("weights", 12, "the loss of epoch 3 is nan from step 3 of 5 on", 2),
        ("weights", 15, "the representations are not finite", 2),
        ("weights", 60, "after the last step of epoch 12 weights are not finite", 11),
        ("loss", 2, "the loss of epoch 1 is nan from step 2 of 5 on", 0),
    ],
)
def test_training_that_breaks_down_stops_says_at_which_step_and_keeps_its_last_state(
    tmp_path, monkeypatch, where, at, said, kept
):
    spec = replace(LONG, epochs=kept + 2)
    with monkeypatch.context() as patch:
        breaking_down(patch, at, where)
        outcome, _ = run([Job(spec, "gpu")], tmp_path, checkpoint_every=0)
    assert said in outcome.failed[spec.run_id]
    path = checkpoint.path_of(spec, tmp_path)
    assert path.exists() == bool(kept) and runs.find(spec, tmp_path) is None
    if kept:
        assert outcome.failed[spec.run_id].endswith(f"Its state of before that is kept in {path}.")
        state, _ = checkpoint.load(path)
        assert state["epoch"] == kept and all(value.isfinite().all() for value in state["engine"]["model"].values())
    _, events = run([Job(spec, "gpu")], tmp_path)
    assert events[0].epoch == kept and events[-1].kind == "finished"


# Kills


@pytest.mark.slow
def test_kills_at_random_moments_lose_nothing_and_change_nothing(tmp_path):
    """Twenty; `python tests/kills.py --kills 200` is the same for ten times as many."""
    command = [sys.executable, str(ROOT / "tests" / "kills.py"), "--kills", "20", "--out", str(tmp_path / "found.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["kills"] == 20 and found["at_a_write"] >= 3 and found["campaigns"] >= 1 and found["with_a_state"] >= 1
