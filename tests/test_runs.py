"""Run records."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hcl.training import files, places, provenance, runs
from hcl.training.runs import RecordError, Run
from hcl.training.spec import RunSpec


def a_run(seed=0, epochs=3):
    spec = RunSpec(dataset="digits", supervised=True, encoder="mlp", epochs=epochs, hardness=5, seed=seed)
    history = pd.DataFrame(
        {"epoch": range(epochs + 1), "train_loss": [np.nan, *np.linspace(0.6, 1 / 3, epochs)], "zero_sum": 1e-9}
    )
    history.loc[2, "zero_sum"] = np.nan
    means = np.random.default_rng(seed).normal(size=(10, 9)).astype(np.float32)
    return Run(spec, history, {"means": means}, {"date": "2025-01-01", "threads": 1, "commit": None})


def test_a_record_survives_saving_and_loading(tmp_path):
    run = a_run()
    saved = runs.save(run, "smoke", tmp_path)
    assert saved.path == tmp_path / "smoke" / run.spec.run_id
    for back in (saved, runs.load(saved.path)):
        assert back.spec == run.spec
        assert dict(back.provenance) == {**run.provenance, "sha256": runs.hashes(saved.path)}
        pd.testing.assert_frame_equal(back.history, run.history, rtol=1e-6, check_dtype=False)
        assert set(back.arrays) == {"means"} and np.array_equal(back.arrays["means"], run.arrays["means"])
        assert back.arrays["means"].dtype == np.float32


def test_a_record_has_its_four_files_and_nothing_else_is_left(tmp_path):
    saved = runs.save(a_run(), "smoke", tmp_path)
    assert {p.name for p in saved.path.iterdir()} == {"spec.json", "history.csv", "provenance.json", "arrays.npz"}
    assert [p.name for p in (tmp_path / "smoke").iterdir()] == [saved.path.name]
    assert saved.path.stat().st_mode & 0o777 == 0o755  # others may read it


def test_evaluated_rows_and_final_row():
    run = a_run()
    assert run.evaluated["epoch"].tolist() == [0, 1, 3] and run.final["epoch"] == 3


@pytest.mark.parametrize("error", [OSError, MemoryError, KeyboardInterrupt])
@pytest.mark.parametrize("where", ["savez_compressed", "write_json"])
def test_a_crash_while_writing_leaves_nothing(tmp_path, monkeypatch, where, error):
    def crash(*arguments, **options):
        raise error("crash")

    monkeypatch.setattr(np if where == "savez_compressed" else files, where, crash)
    with pytest.raises(error):
        runs.save(a_run(), "smoke", tmp_path)
    assert list((tmp_path / "smoke").iterdir()) == []
    monkeypatch.undo()
    assert runs.save(a_run(), "smoke", tmp_path).path.exists()


def test_a_record_that_is_already_there_is_kept(tmp_path):
    first = runs.save(a_run(), "smoke", tmp_path)
    later = a_run()
    later.history["train_loss"] = 9.0
    again = runs.save(later, "smoke", tmp_path)
    pd.testing.assert_frame_equal(again.history, first.history)
    assert [p.name for p in (tmp_path / "smoke").iterdir()] == [first.path.name]


def test_find_looks_in_every_group(tmp_path):
    run = a_run()
    assert runs.find(run.spec, tmp_path) is None and runs.find(run.spec, tmp_path / "missing") is None
    saved = runs.save(run, "laptop", tmp_path)
    runs.save(a_run(seed=1), "smoke", tmp_path)
    assert runs.find(run.spec, tmp_path) == saved.path
    assert runs.find(a_run(seed=2).spec, tmp_path) is None


def test_all_records_by_path(tmp_path):
    saved = [runs.save(a_run(seed), group, tmp_path) for group in ("b", "a") for seed in (1, 0)]
    assert [run.path for run in runs.all_records(tmp_path)] == sorted(run.path for run in saved)
    assert runs.all_records(tmp_path / "missing") == []


def test_all_records_ignores_one_that_is_being_written(tmp_path):
    """Another process is saving, or was killed while it did."""
    saved = runs.save(a_run(), "smoke", tmp_path)
    part = tmp_path / "smoke" / ".part-x1y2"
    part.mkdir()
    shutil.copy(saved.path / "spec.json", part)
    assert [run.path for run in runs.all_records(tmp_path)] == [saved.path]


def edit(path, function):
    path.write_text(function(path.read_text()))


def edit_spec(path, **changes):
    edit(path / "spec.json", lambda text: json.dumps(json.loads(text) | changes))


@pytest.mark.parametrize("name", runs.FILES)
def test_a_missing_file_is_named(tmp_path, name):
    path = runs.save(a_run(), "smoke", tmp_path).path
    (path / name).unlink()
    with pytest.raises(RecordError, match=f"{name} missing. Delete the folder to run it again"):
        runs.load(path)


@pytest.mark.parametrize("name", runs.FILES)
@pytest.mark.parametrize("share", [0, 0.5])
def test_a_cut_off_file_is_a_record_error(tmp_path, name, share):
    path = runs.save(a_run(), "smoke", tmp_path).path
    content = (path / name).read_bytes()
    (path / name).write_bytes(content[: int(share * len(content))])
    with pytest.raises(RecordError, match=str(path)):
        runs.load(path)


@pytest.mark.parametrize(
    "change", [{"hardness": 6.0}, {"epochs": 2}, {"colour": "red"}, {"k": 0}, {"dataset": "mnist"}], ids=str
)
def test_a_spec_edited_by_hand_is_a_record_error(tmp_path, change):
    path = runs.save(a_run(), "smoke", tmp_path).path
    edit_spec(path, **change)
    with pytest.raises(RecordError, match=str(path)):
        runs.load(path)


def test_a_renamed_folder_is_a_record_error(tmp_path):
    path = runs.save(a_run(), "smoke", tmp_path).path
    with pytest.raises(RecordError, match="its spec is that of digits-hscl-5-s0-"):
        runs.load(path.rename(path.with_name("best")))


@pytest.mark.parametrize("keep", [1, 4])
def test_a_history_without_its_last_epoch_is_a_record_error(tmp_path, keep):
    path = runs.save(a_run(), "smoke", tmp_path).path
    edit(path / "history.csv", lambda text: "".join(text.splitlines(keepends=True)[:keep]))
    with pytest.raises(RecordError, match="history does not end at epoch 3"):
        runs.load(path)


def test_the_folder_of_records_is_hcl_runs_or_beside_the_package(tmp_path, monkeypatch):
    monkeypatch.setenv("HCL_RUNS", str(tmp_path / "records"))
    assert places.runs_root() == tmp_path / "records"
    saved = runs.save(a_run(), "smoke")
    assert saved.path.parent == tmp_path / "records" / "smoke" and runs.find(a_run().spec) == saved.path
    monkeypatch.delenv("HCL_RUNS")
    monkeypatch.setattr(places, "PACKAGE", tmp_path / "installed" / "hcl")
    assert places.runs_root() == Path("runs")
    (tmp_path / "installed" / "runs").mkdir(parents=True)
    assert places.runs_root() == tmp_path / "installed" / "runs"


def test_provenance_says_what_a_run_was_made_with():
    made = provenance.provenance(torch.device("cpu"))
    assert set(made) == {"date", "commit", "sources", "python", "torch", "device", "threads"}
    assert made["torch"] == torch.__version__ and made["threads"] == torch.get_num_threads()
    assert made["device"].startswith("CPU ") and made["sources"] == provenance.sources_hash()
    assert json.loads(json.dumps(made)) == made


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package outside any repository."""
    folder = tmp_path / "outer" / "hcl"
    folder.mkdir(parents=True)
    (folder / "a.py").write_text("x = 1\n")
    monkeypatch.setattr(places, "PACKAGE", folder)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    return folder


def git(folder, *arguments):
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_without_git_the_hash_of_the_sources_is_the_version(package):
    made = provenance.provenance(torch.device("cpu"))
    assert made["commit"] is None and len(made["sources"]) == 12


def test_without_a_git_command_the_commit_is_none(package, monkeypatch):
    monkeypatch.setenv("PATH", os.devnull)
    assert provenance.provenance(torch.device("cpu"))["commit"] is None


def test_the_hash_changes_with_a_source_its_name_or_a_new_one_and_nothing_else(package):
    hashes = [provenance.sources_hash()]
    (package / "notes.txt").write_text("not a source")
    assert provenance.sources_hash() == hashes[0]
    (package / "a.py").write_text("x = 2\n")
    hashes.append(provenance.sources_hash())
    (package / "a.py").rename(package / "b.py")
    hashes.append(provenance.sources_hash())
    (package / "c.py").write_text("")
    hashes.append(provenance.sources_hash())
    assert len(set(hashes)) == 4


def test_the_commit_is_marked_where_the_sources_differ_from_it(package):
    git(package.parent, "init", "-q")
    git(package.parent, "add", ".")
    git(package.parent, "commit", "-qm", "first")
    head = git(package.parent, "rev-parse", "HEAD")
    assert provenance.provenance(torch.device("cpu"))["commit"] == head
    (package.parent / "elsewhere.txt").write_text("not a source")
    assert provenance.provenance(torch.device("cpu"))["commit"] == head
    (package / "a.py").write_text("x = 2\n")
    assert provenance.provenance(torch.device("cpu"))["commit"] == f"{head}-modified"


def test_the_commit_of_another_project_is_not_ours(package):
    """Installed into the (ignored) environment of a repository that does not hold the library."""
    (package.parent / ".gitignore").write_text("hcl\n")
    git(package.parent, "init", "-q")
    git(package.parent, "add", ".")
    git(package.parent, "commit", "-qm", "another project")
    assert provenance.provenance(torch.device("cpu"))["commit"] is None


def test_what_older_records_lack_follows_from_their_means():
    """Clusters and least distance do (D46); nothing else is made up."""
    spec = RunSpec(dataset="synthetic", supervised=True, epochs=2)
    history = pd.DataFrame([{"epoch": e, "zero_sum": 0.0} for e in range(3)])
    means = np.array([[1.0, 0.0], [1.0, 0.1], [-1.0, 0.0]])
    settled = runs.Run(spec, history, {"means": means}, {}).settled
    assert settled["clusters"] == 2 and settled["least_distance"] == pytest.approx(0.1)
    assert set(settled.index) == {"epoch", "zero_sum", "clusters", "least_distance"}
    measured = runs.Run(spec, history.assign(clusters=3.0, least_distance=1.0), {"means": means}, {}).settled
    assert (measured["clusters"], measured["least_distance"]) == (3, 1)


@pytest.mark.parametrize(
    ("epochs", "late"), [(60, [40, 45, 50, 55, 60]), (30, [20, 25, 30]), (4, [3, 4]), (3, [2, 3]), (1, [1])]
)
def test_settled_is_the_median_of_the_last_five_evaluations(epochs, late):
    """A spike at one epoch leaves it alone (D45); of a short run no more than the second half is late."""
    spec = RunSpec(dataset="digits", supervised=True, epochs=epochs, eval_every=5)
    rows = [
        {"epoch": e, "zero_sum": (float(e) if spec.evaluated(e) else None), "loss": 9.0 if e == late[0] else 1.0}
        for e in range(epochs + 1)
    ]
    run = runs.Run(spec, pd.DataFrame(rows), {}, {})
    assert run.settled["zero_sum"] == np.median(late)
    assert run.settled["loss"] == (1.0 if len(late) > 2 else 5.0 if len(late) == 2 else 9.0)
    lowest = runs.Run(spec, pd.DataFrame([{**row, "loss": -1.0} if row["epoch"] == 1 else row for row in rows]), {}, {})
    assert lowest.best_epoch == 1
