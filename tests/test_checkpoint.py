"""States of runs in progress: whole, or begun again and said why."""

import os
import random
from dataclasses import replace

import pytest
import torch
from test_campaign import SPEC, jobs, kinds, run, same_record, stop_after

from hcl.training import archive, checkpoint, runs, train
from hcl.training.campaign import Job

pytestmark = pytest.mark.usefixtures("quick_evaluations")

WHY = "its state is damaged: it has another hash than when it was written"


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 0x40
    path.write_bytes(bytes(content))


def test_a_state_comes_back_to_the_bit(tmp_path):
    path = tmp_path / "a.pt"
    values = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    checkpoint.save(path, {"x": values, "epoch": 3})
    state, why_not = checkpoint.load(path)
    assert why_not == "" and state["x"].equal(values) and state["epoch"] == 3
    assert checkpoint.sound(path) and not checkpoint.sound(tmp_path / "b.pt")


def test_a_flipped_byte_anywhere_is_found(tmp_path):
    path = tmp_path / "a.pt"
    checkpoint.save(path, {"x": torch.ones(500)})
    whole = path.read_bytes()
    places = random.Random(0).sample(range(len(whole)), 200)
    for place in places:
        flip(path, place)
        state, why_not = checkpoint.load(path)
        assert state is None and why_not in (WHY, "its state cannot be read"), place
        path.write_bytes(whole)
    assert checkpoint.load(path)[1] == ""


def test_weights_only_are_read(tmp_path):
    """A file from elsewhere must not run code, whatever its hash."""
    path = tmp_path / "a.pt"

    class Harm:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "harm"),))

    checkpoint.save(path, {"x": Harm()})
    assert checkpoint.load(path) == (None, "its state cannot be read") and not (tmp_path / "harm").exists()


@pytest.mark.parametrize("content", [b"", b"PK", b"\x80\x04N.", os.urandom(500)], ids=["empty", "zip", "pickle", "any"])
def test_what_is_no_state_is_begun_again(tmp_path, content):
    path = checkpoint.path_of(SPEC, tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    outcome, events = run(jobs(), tmp_path)
    assert outcome.finished == [SPEC.run_id] and events[0].message == "its state cannot be read"


def test_a_damaged_state_begins_again_and_says_why(tmp_path):
    outcome, _ = stop_after(2, tmp_path)
    spec = replace(SPEC, epochs=6)
    path = checkpoint.path_of(spec, tmp_path)
    flip(path, len(path.read_bytes()) // 2)
    outcome, events = run(jobs(epochs=6), tmp_path)
    assert (events[0].kind, events[0].epoch, events[0].message) == ("started", 0, WHY)
    assert outcome.finished == [spec.run_id]
    straight = tmp_path / "straight"
    run(jobs(epochs=6), straight)
    assert same_record(tmp_path, straight)


def test_the_state_of_another_run_is_not_gone_on_with(tmp_path):
    stop_after(2, tmp_path)
    other = replace(SPEC, epochs=6, seed=1)
    checkpoint.path_of(replace(SPEC, epochs=6), tmp_path).rename(checkpoint.path_of(other, tmp_path))
    outcome, events = run([Job(other, "smoke")], tmp_path)
    assert events[0].epoch == 0 and f"is of {replace(SPEC, epochs=6).run_id}" in events[0].message
    assert outcome.finished == [other.run_id]


def test_damaged_weights_are_made_again(tmp_path):
    """The runs that start from them wait for that; the record of the start stays."""
    start = replace(SPEC, hardness=10.0, epochs=1)
    near = Job(replace(start, init="near_nc", hardness=0.0), "smoke")
    run([near], tmp_path)
    path = checkpoint.weights_path(start, tmp_path)
    flip(path, len(path.read_bytes()) // 2)
    record = (runs.find(start, tmp_path) / "provenance.json").read_bytes()
    again = Job(replace(near.spec, seed=0, hardness=2.0), "smoke")
    outcome, events = run([again], tmp_path)
    assert outcome.finished == [start.run_id, again.spec.run_id] and not outcome.failed
    assert events[0].message == "the weights kept of it are damaged"
    assert (runs.find(start, tmp_path) / "provenance.json").read_bytes() == record and checkpoint.sound(path)


# What goes wrong with a run fails that run


@pytest.fixture
def breaking(monkeypatch):
    """Have a function raise for the runs of one seed."""

    def install(module, name, error, seed=1):
        whole = getattr(module, name)

        def broken(*arguments, **options):
            about = next((a for a in arguments if hasattr(a, "spec") or hasattr(a, "seed")), None)
            spec = getattr(about, "spec", about)
            if spec is not None and spec.seed == seed:
                raise error
            return whole(*arguments, **options)

        monkeypatch.setattr(module, name, broken)

    return install


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ((runs, "save"), OSError(28, "No space left on device")),
        ((train.Training, "settle"), RuntimeError("CUDA error: an illegal memory access was encountered\nSee more.")),
        ((train.Training, "launch"), torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")),
        ((train.Training, "result"), KeyError("spectra")),
        ((train.Training, "state"), OSError(5, "Input/output error")),
        ((train, "load_data"), MemoryError("12 GiB")),
        ((train, "Training"), RuntimeError("Error(s) in loading state_dict")),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else type(value).__name__,
)
def test_an_error_of_one_run_fails_that_run_and_its_traceback_is_kept(tmp_path, breaking, where, error):
    breaking(*where, error)
    these = jobs({"seed": 0}, {"seed": 1}, {"seed": 2}, epochs=2)
    bad = these[1].spec
    outcome, events = run(these, tmp_path, checkpoint_every=0)
    assert outcome.finished == [these[0].spec.run_id, these[2].spec.run_id] and outcome.left == []
    (message,) = outcome.failed.values()
    log = checkpoint.log_path(bad, tmp_path)
    assert message.startswith(f"{type(error).__name__}: ") and message.endswith(f". Its traceback is in {log}.")
    assert "\n" not in message and str(error).splitlines()[0].rstrip(".") in message
    assert "Traceback" in log.read_text() and type(error).__name__ in log.read_text()
    assert kinds(events, bad.run_id)[-1] == "failed"


def test_where_even_the_traceback_cannot_be_written_the_others_go_on(tmp_path, breaking, monkeypatch):
    breaking(runs, "save", OSError(28, "No space left on device"))
    whole = checkpoint.log_path
    monkeypatch.setattr(
        checkpoint, "log_path", lambda *args: whole(*args) / "x" if "s1" in args[0].run_id else whole(*args)
    )
    these = jobs({"seed": 1}, {"seed": 0})
    whole(these[0].spec, tmp_path).parent.mkdir()
    whole(these[0].spec, tmp_path).touch()
    outcome, _ = run(these, tmp_path)
    assert outcome.finished == [these[1].spec.run_id]
    assert outcome.failed == {these[0].spec.run_id: "OSError: [Errno 28] No space left on device"}


def test_a_run_that_failed_goes_on_from_its_state_and_its_traceback_goes(tmp_path, monkeypatch):
    """As after a disk was full: what was trained is kept, and the lock is free."""
    (job,) = jobs(epochs=2)
    with monkeypatch.context() as patch:
        patch.setattr(runs, "save", lambda *a: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        run([job], tmp_path, checkpoint_every=0)
    assert checkpoint.log_path(job.spec, tmp_path).exists()
    outcome, events = run([job], tmp_path)
    assert events[0].epoch == 1 and outcome.finished == [job.spec.run_id]
    archive.check(runs.load(runs.find(job.spec, tmp_path)))
    assert not list((tmp_path / ".checkpoints").iterdir())


def test_a_folder_that_cannot_be_written_fails_each_run_in_one_line(tmp_path):
    (tmp_path / ".checkpoints").touch()
    outcome, _ = run(jobs({"seed": 0}, {"seed": 1}), tmp_path)
    assert len(outcome.failed) == 2 and not outcome.left
    assert all(".checkpoints" in message and "\n" not in message for message in outcome.failed.values())


def test_an_interrupt_leaves_no_lock_behind(tmp_path, monkeypatch):
    """In a notebook the process goes on: the next cell must not wait for itself."""
    (job,) = jobs()

    def interrupt(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(train.Training, "settle", interrupt)
        with pytest.raises(KeyboardInterrupt) as kept:  # its frames hold what they held
            run([job], tmp_path)
    assert run([job], tmp_path)[0].finished == [job.spec.run_id] and kept
