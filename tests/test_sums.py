"""Records that cannot be edited unseen: the list of their hashes, and every fault in a line."""

import json
import shutil
import subprocess
import threading
from dataclasses import replace

import numpy as np
import pytest
from helpers import ROOT
from injected import counting
from test_archive import SPEC
from typer.testing import CliRunner

from hcl.companion import book, cli, costs, profiles, study
from hcl.training import archive, checks, places, runs, sums, train
from hcl.training.runs import RecordError


@pytest.fixture(scope="module")
def made():
    spec = replace(SPEC, epochs=2)
    return [train.train(s, data=train.load_data(s), progress=False) for s in (spec, replace(spec, seed=1))]


@pytest.fixture
def saved(made, runs_root):
    """Two records, listed."""
    return [runs.save(run, "laptop").path for run in made]


def edit(path, function):
    path.write_text(function(path.read_text()))


def edit_json(path, **changes):
    edit(path, lambda text: json.dumps(json.loads(text) | changes, indent=1) + "\n")


def test_a_saved_record_is_listed_as_sha256sum_writes_it(saved, runs_root):
    found = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=runs_root, capture_output=True, text=True, check=True)
    assert found.stdout.count(": OK") == 8 and found.stderr == ""
    lines = (runs_root / "SHA256SUMS").read_text().splitlines()
    paths = [line[66:] for line in lines]
    assert paths == sorted(paths) and (runs_root / "SHA256SUMS").stat().st_mode & 0o777 == 0o644
    assert checks.faults() == [] and len(checks.check_all()) == 2


def test_smoke_records_which_git_ignores_have_a_list_that_it_ignores(made, runs_root):
    path = runs.save(made[0], "smoke").path
    assert not (runs_root / "SHA256SUMS").exists() and set(sums.stated(path)) == set(runs.FILES)
    ignored = ["runs/smoke/x/spec.json", "runs/SHA256SUMS.smoke", "runs/.SHA256SUMS.lock", "runs/.checkpoints/x.log"]
    told = subprocess.run(["git", "check-ignore", *ignored], cwd=ROOT, capture_output=True, text=True)
    assert told.stdout.split() == ignored or told.returncode == 128  # not a repository


EDITS = {
    "an accuracy": ("history.csv", lambda p: edit(p, lambda t: t.replace("\n2,", "\n2,0", 1)), "changed since"),
    "a device": ("provenance.json", lambda p: edit_json(p, device="A better GPU"), "changed since the run wrote it"),
    "a fingerprint": ("provenance.json", lambda p: edit_json(p, data_fingerprint="0" * 16), "changed since"),
    "the hashes within": ("provenance.json", lambda p: edit_json(p, sha256={}), "changed since"),
    "layout of the spec": ("spec.json", lambda p: edit(p, lambda t: t.replace("\n", "")), "changed since"),
    "a missing file": ("arrays.npz", lambda p: p.unlink(), "missing"),
    "a missing column": ("history.csv", lambda p: edit(p, lambda t: t.replace("zero_sum", "zero")), "lacks the column"),
    "text in a number": ("history.csv", lambda p: edit(p, lambda t: t.replace("\n2,", "\n2,high", 1)), "is no number"),
    "a list as provenance": ("provenance.json", lambda p: p.write_text("[1]\n"), "is no object"),
    "a number as spec": ("spec.json", lambda p: p.write_text("3\n"), "is no object"),
    "text as spec": ("spec.json", lambda p: p.write_text('"cifar10"\n'), "is no object"),
    "no JSON": ("provenance.json", lambda p: p.write_text("{"), "cannot be read"),
    "an empty table": ("history.csv", lambda p: p.write_text(""), "cannot be read"),
    "no UTF-8": ("history.csv", lambda p: p.write_bytes(b"\xff\xfe\xfa"), "cannot be read"),
    "a damaged archive": ("arrays.npz", lambda p: p.write_bytes(p.read_bytes()[:200] + b"x" * 50), "cannot be read"),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_is_found_in_lines_that_name_file_and_fault(saved, what):
    """Whoever reads the record refuses it, too."""
    name, change, message = EDITS[what]
    change(saved[0] / name)
    found = checks.faults()
    assert found and all(line.startswith(f"{saved[0]}: ") and "\n" not in line for line in found)
    assert any(name in line and message in line for line in found)
    with pytest.raises(RecordError, match=saved[0].name):
        runs.load(saved[0])


@pytest.mark.parametrize("what", EDITS)
def test_no_command_ends_in_a_traceback_for_a_bad_record_that_is_in_no_list(made, runs_root, what):
    name, change, _ = EDITS[what]
    spec = replace(made[0].spec, normalization="unit_ball")
    path = runs.save(made[0], "smoke").path
    (runs_root / "SHA256SUMS.smoke").unlink()
    change(path / name)
    assert runs.made(replace(spec, normalization="unit_sphere")) in (None, path)
    assert set(costs.costs()) == set(profiles.PROFILES)
    result = CliRunner().invoke(cli.app, ["runs", "check"])
    assert isinstance(result.exception, SystemExit) and result.exit_code == 1 and path.name in result.output


@pytest.mark.parametrize("what", ["a list as provenance", "text in a number", "a missing column"])
def test_commands_refuse_a_bad_record_of_a_figure_in_a_line(made, runs_root, what):
    name, change, _ = EDITS[what]
    spec = study.study("fig05", "smoke", hardness=[0], epochs=2).specs[0]
    means = {"means": np.zeros((spec.num_classes, spec.representation_dim), dtype="float32")}
    path = runs.save(replace(made[0], spec=spec, arrays=means), "smoke").path
    (runs_root / "SHA256SUMS.smoke").unlink()
    change(path / name)
    with pytest.raises(RecordError, match=f"{path}: {name}"):
        study.study("fig05", "smoke", hardness=[0], epochs=2).records()
    run = ["run", "fig05", "--profile", "smoke", "-p", "hardness=[0]", "-p", "epochs=2", "--device", "cpu"]
    for command in (["list"], run):
        result = CliRunner().invoke(cli.app, command, env={"COLUMNS": "1000"})
        assert result.exception is None or isinstance(result.exception, SystemExit), command
        assert command == ["list"] or (result.exit_code == 1 and path.name in result.output)


def test_every_fault_of_every_record_is_listed(saved, runs_root):
    edit_json(saved[0] / "provenance.json", device="A better GPU", wall_seconds="long")
    edit(saved[0] / "history.csv", lambda text: text.replace("\n2,", "\n2,0", 1))
    (saved[1] / "spec.json").unlink()
    result = CliRunner().invoke(cli.app, ["runs", "check"], env={"COLUMNS": "1000"})
    assert result.exit_code == 1
    lines = [line for line in result.output.splitlines() if str(runs_root) in line]
    said = [
        "history.csv changed", "provenance.json changed", "train_loss", "wall_seconds is 'long'", "spec.json missing",
    ]  # fmt: skip
    assert all(sum(word in line for line in lines) >= 1 for word in said[:2] + said[3:]), lines
    with pytest.raises(RecordError, match=r"device|provenance.json changed"):
        book_of(runs_root)


def book_of(root):
    """Build the book of a project with these records, up to their check."""
    (root.parent / "notebooks").mkdir(exist_ok=True)
    shutil.copytree(root, root.parent / "runs", dirs_exist_ok=True)
    return book.build(root.parent, ["none"])


def test_a_record_that_is_gone_or_not_listed_is_told_with_the_command_that_helps(saved, runs_root):
    shutil.rmtree(saved[0])
    (line,) = checks.faults()
    assert line.startswith(f"{saved[0]}: gone") and f"'hcl runs seal {saved[0].name}'" in line
    assert checks.seal([saved[0].name]) == [f"laptop/{saved[0].name}"] and checks.faults() == []
    (runs_root / "SHA256SUMS").unlink()
    (line,) = checks.faults()
    assert "1 records in no list" in line and "'hcl runs seal' adds them" in line
    invoked = CliRunner().invoke(cli.app, ["runs", "seal"])
    assert invoked.exit_code == 0 and checks.faults() == []
    with pytest.raises(RecordError, match="no record and no line of a list is named x"):
        checks.seal(["x"])


def test_a_file_of_a_record_that_is_not_listed_is_told(saved, runs_root):
    """Its line taken out of the list, and the file edited: the record's other files are as the list says."""
    name = f"{saved[0].parent.name}/{saved[0].name}/arrays.npz"
    edit(runs_root / "SHA256SUMS", lambda text: "".join(x for x in text.splitlines(True) if name not in x))
    assert checks.faults() == [f"{saved[0]}: arrays.npz not in SHA256SUMS."]


def test_a_whole_group_that_is_gone_is_found(saved, runs_root):
    shutil.rmtree(runs_root / "laptop")
    assert [line.partition(":")[0] for line in checks.faults()] == sorted(map(str, saved))


def test_an_edited_record_is_not_sealed(saved, runs_root):
    edit(saved[0] / "history.csv", lambda text: text.replace("\n2,", "\n2,0", 1))
    before = (runs_root / "SHA256SUMS").read_bytes()
    with pytest.raises(RecordError, match=r"history.csv changed"):
        checks.seal([saved[0].name])
    assert checks.seal() == [] and (runs_root / "SHA256SUMS").read_bytes() == before
    (runs_root / "SHA256SUMS").unlink()
    with pytest.raises(RecordError, match=r"history.csv changed"):  # by the hashes that the run wrote
        checks.seal()


def test_a_run_that_is_made_again_takes_the_place_of_its_lines(made, saved):
    shutil.rmtree(saved[0])
    runs.save(replace(made[0], provenance={**made[0].provenance, "date": "later"}), "laptop")
    assert checks.faults() == []


def test_an_import_lists_what_it_adds(saved, tmp_path):
    here = tmp_path / "here"
    archive.import_archive(archive.pack(saved, tmp_path / "a.tar.gz"), here)
    assert checks.faults(here) == []
    assert (here / "SHA256SUMS").read_bytes() == (saved[0].parent.parent / "SHA256SUMS").read_bytes()


def test_an_import_writes_the_list_once_however_many_records_it_adds(saved, made, tmp_path):
    """Written for each of n records anew, a list of n records makes an import take n x n."""
    more = [runs.save(replace(made[0], spec=replace(made[0].spec, seed=s)), "laptop").path for s in range(2, 8)]
    times = []
    for at, records in enumerate((saved, saved + more)):
        packed, here = archive.pack(records, tmp_path / "a.tar.gz"), tmp_path / f"here-{at}"
        with counting(here) as written:
            assert len(archive.import_archive(packed, here).added) == len(records)
        times.append(sum("sums.put" in place and "files.replacing" in place for place in written))
        assert checks.faults(here) == []
    assert times == [1, 1]


def test_an_import_that_breaks_off_lists_what_it_has_added(saved, tmp_path, monkeypatch):
    here, find, asked = tmp_path / "here", runs.find, []

    def full(spec, root=None):
        asked.append(spec)
        if len(asked) == 2:
            raise OSError("No space left on device")
        return find(spec, root)

    packed = archive.pack(saved, tmp_path / "a.tar.gz")
    monkeypatch.setattr(runs, "find", full)
    with pytest.raises(OSError, match="No space"):
        archive.import_archive(packed, here)
    assert len(runs.record_folders(here)) == 1 and checks.faults(here) == []


def test_an_import_names_every_fault_and_the_archive(saved, tmp_path):
    for path in saved:
        edit_json(path / "provenance.json", sha256={"history.csv": "0"})
    with pytest.raises(RecordError) as caught:
        archive.import_archive(archive.pack(saved, tmp_path / "a.tar.gz"), tmp_path / "here")
    lines = str(caught.value).splitlines()
    assert lines == [
        f"{tmp_path / 'a.tar.gz'}: laptop/{path.name}: history.csv changed since the run wrote it."
        for path in sorted(saved)
    ]


def test_a_list_that_a_merge_has_damaged_is_told_by_line_and_not_written(made, saved, runs_root):
    listed = runs_root / "SHA256SUMS"
    edit(listed, lambda text: "<<<<<<< HEAD\n" + text)
    (line,) = checks.faults()
    assert line.startswith(f"{listed}: line 1 is no hash and path")
    before = listed.read_bytes()
    spec = replace(made[0].spec, seed=2)
    other = replace(made[0], spec=spec)
    with pytest.warns(UserWarning, match="is in no list of hashes .*line 1"):
        path = runs.save(other, "laptop").path
    assert path.is_dir() and listed.read_bytes() == before
    edit(listed, lambda text: text.replace("<<<<<<< HEAD\n", "") + f"{'0' * 64}  {text.splitlines()[1][66:]}\n")
    assert any("has another hash of" in line for line in checks.faults())


def test_where_the_list_cannot_be_written_a_record_is_saved_all_the_same(made, runs_root):
    (runs_root / "SHA256SUMS").mkdir()
    with pytest.warns(UserWarning, match="is in no list of hashes"):
        path = runs.save(made[0], "laptop").path
    assert runs.load(path).spec == made[0].spec


def test_records_saved_at_once_are_all_listed(made, runs_root):
    others = [replace(made[0], spec=replace(made[0].spec, seed=seed)) for seed in range(2, 10)]
    threads = [threading.Thread(target=runs.save, args=(run, "laptop")) for run in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len((runs_root / "SHA256SUMS").read_text().splitlines()) == 4 * len(others)
    assert not [fault for fault in checks.faults() if "list" in fault]
    assert sorted(path.name for path in runs_root.iterdir()) == ["SHA256SUMS", "laptop"]


@pytest.mark.parametrize("column", ["rank", "test_accuracy", "unit_norm"])
def test_a_record_without_a_column_of_all_is_found(made, column):
    bad = replace(made[0], history=made[0].history.drop(columns=column))
    assert checks.faults_of(bad) == [f"{bad.spec.run_id}: history.csv lacks the column {column}."]


def test_arrays_of_text_are_found(made):
    bad = replace(made[0], arrays={**made[0].arrays, "spectra": np.array(["a"])})
    assert checks.faults_of(bad) == [f"{bad.spec.run_id}: arrays.npz: spectra not finite."]


def test_every_committed_record_is_listed_and_sound():
    """And no other: 'hcl runs seal' writes the list."""
    root = places.PACKAGE.parent / "runs"
    assert checks.faults(root) == []
    assert len(sums.read(root / sums.NAME)[0]) == 4 * len(runs.record_folders(root)) >= 4 * 320
