"""Archives of run records, and the check of a record."""

import tarfile
from dataclasses import replace

import numpy as np
import pytest

from hcl.training import archive, runs, train
from hcl.training.runs import RecordError
from hcl.training.spec import RunSpec

SPEC = RunSpec(
    dataset="digits", supervised=True, num_train=100, num_test=50, encoder="mlp", k=4, negatives="per_anchor",
    epochs=12, eval_every=20, batch_size=50,
)  # fmt: skip


@pytest.fixture(scope="module")
def made():
    return [train.train(spec, data=train.load_data(spec), progress=False) for spec in (SPEC, replace(SPEC, seed=1))]


@pytest.fixture
def packed(made, tmp_path):
    """Two records of another machine, in an archive."""
    there = [runs.save(run, "gpu", tmp_path / "there").path for run in made]
    return archive.pack(there, tmp_path / "out" / "runs.tar.gz")


def test_records_arrive_as_they_left(packed, made, tmp_path):
    here = tmp_path / "here"
    merged = archive.import_archive(packed, here)
    assert merged.added == tuple(sorted(run.spec.run_id for run in made)) and not merged.known and not merged.kept
    for run in made:
        there, arrived = (tmp_path / at / "gpu" / run.spec.run_id for at in ("there", "here"))
        assert {p.name for p in arrived.iterdir()} == set(runs.FILES)
        assert all((there / name).read_bytes() == (arrived / name).read_bytes() for name in runs.FILES)
    assert packed.stat().st_size < 40_000


def test_importing_again_changes_nothing(packed, tmp_path):
    here = tmp_path / "here"
    added = archive.import_archive(packed, here).added
    times = {path: path.stat().st_mtime_ns for path in here.rglob("*")}
    again = archive.import_archive(packed, here)
    assert again.added == again.kept == () and again.known == added
    assert {path: path.stat().st_mtime_ns for path in here.rglob("*")} == times


def test_a_run_that_is_there_is_not_replaced(packed, made, tmp_path):
    here = tmp_path / "here"
    other = replace(made[0], history=made[0].history.assign(train_loss=lambda h: h["train_loss"] + 1))
    mine = runs.save(other, "laptop", here)
    merged = archive.import_archive(packed, here)
    assert merged.kept == (SPEC.run_id,) and len(merged.added) == 1
    assert runs.load(mine.path).history["train_loss"][1] == pytest.approx(
        made[0].history["train_loss"][1] + 1, rel=1e-6
    )


def test_packing_replaces_an_archive_in_one_move(made, tmp_path, monkeypatch):
    there = runs.save(made[0], "gpu", tmp_path / "there").path
    target = archive.pack([there], tmp_path / "runs.tar.gz")
    before = target.read_bytes()
    with pytest.raises(FileNotFoundError):
        archive.pack([there, tmp_path / "missing"], target)
    assert target.read_bytes() == before and [p.name for p in tmp_path.iterdir()].count("runs.tar.gz") == 1
    assert not list(tmp_path.glob(".part-*"))


def test_other_files_are_refused(tmp_path):
    text = tmp_path / "text.tar.gz"
    text.write_text("no archive")
    with pytest.raises(RecordError, match=r"text.tar.gz is not an archive"):
        archive.import_archive(text, tmp_path / "here")
    with pytest.raises(RecordError, match="not an archive"):
        archive.import_archive(tmp_path / "missing.tar.gz", tmp_path / "here")
    empty = tmp_path / "empty.tar.gz"
    with tarfile.open(empty, "w:gz") as tar:
        tar.add(text, "notes.txt")
    with pytest.raises(RecordError, match="holds no run record"):
        archive.import_archive(empty, tmp_path / "here")


def test_an_archive_that_reaches_outside_is_refused(tmp_path):
    bad = tmp_path / "bad.tar.gz"
    (tmp_path / "x").write_text("x")
    with tarfile.open(bad, "w:gz") as tar:
        tar.add(tmp_path / "x", "../../outside")
    with pytest.raises(RecordError):
        archive.import_archive(bad, tmp_path / "here")


def test_one_bad_record_keeps_all_out(made, tmp_path):
    bad = replace(made[1], history=made[1].history.assign(loss=np.nan))
    there = [runs.save(run, "gpu", tmp_path / "there").path for run in (made[0], bad)]
    with pytest.raises(RecordError, match=f"{bad.spec.run_id}.*a metric is missing"):
        archive.import_archive(archive.pack(there, tmp_path / "runs.tar.gz"), tmp_path / "here")
    assert runs.all_records(tmp_path / "here") == []


def test_a_truncated_archive_keeps_all_out(packed, tmp_path):
    packed.write_bytes(packed.read_bytes()[:-2000])
    with pytest.raises(RecordError):
        archive.import_archive(packed, tmp_path / "here")
    assert runs.all_records(tmp_path / "here") == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"history": lambda h: h.drop(index=3)}, "every epoch from 0 to 12"),
        ({"history": lambda h: h.assign(train_loss=h["train_loss"].where(h["epoch"] != 11))}, "train_loss"),
        ({"history": lambda h: h.assign(zero_sum=h["zero_sum"].where(h["epoch"] != 12))}, "metric"),
        ({"history": lambda h: h.assign(rank=np.inf)}, "metric"),
        ({"history": lambda h: h.drop(columns="rank")}, "lacks the column rank"),
        ({"arrays": lambda a: {}}, r"means of shape \(10, 9\)"),
        ({"arrays": lambda a: {"means": a["means"][:9]}}, "means of shape"),
        ({"arrays": lambda a: {"means": a["means"] * np.nan}}, "means not finite"),
        ({"arrays": lambda a: {"means": a["means"] * 1.001}}, "zero_sum is .* class means give"),
        ({"history": lambda h: h.assign(unit_norm=h["unit_norm"] + 1e-3)}, "unit_norm is .* class means give"),
        ({"provenance": lambda p: {k: v for k, v in p.items() if k != "sources"}}, "provenance lacks sources"),
    ],
)
def test_check_finds_what_is_wrong(made, change, message):
    ((name, edit),) = change.items()
    archive.check(made[0])
    with pytest.raises(RecordError, match=f"{SPEC.run_id}: .*{message}"):
        archive.check(replace(made[0], **{name: edit(getattr(made[0], name))}))


def test_a_record_edited_by_hand_is_found(made, tmp_path):
    saved = runs.save(made[0], "gpu", tmp_path)
    archive.check(saved)
    table = saved.path / "history.csv"
    table.write_text(table.read_text().replace("\n1,", "\n1,0", 1))
    with pytest.raises(RecordError, match=r"history.csv changed since the run wrote it"):
        archive.check(runs.load(saved.path))
