"""Archives of run records, and the check of a record."""

import gzip
import io
import os
import tarfile
import zipfile
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
    with pytest.raises(RecordError, match=r"text.tar.gz is not a whole archive"):
        archive.import_archive(text, tmp_path / "here")
    with pytest.raises(RecordError, match="not a whole archive"):
        archive.import_archive(tmp_path / "missing.tar.gz", tmp_path / "here")
    empty = tmp_path / "empty.tar.gz"
    with tarfile.open(empty, "w:gz") as tar:
        tar.add(text, "notes.txt")
    with pytest.raises(RecordError, match="holds no run record"):
        archive.import_archive(empty, tmp_path / "here")


# Archives that somebody else has made


def packed_by_hand(path, *members, content=b"x"):
    """Write an archive of members as they are given, `tarfile.TarInfo` or names, all of the same content."""
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            one = tarfile.TarInfo(member) if isinstance(member, str) else member
            one.size = len(content) if one.isreg() else 0
            tar.addfile(one, io.BytesIO(content) if one.isreg() else None)
    return path


def special(name, kind, to=""):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, to
    return member


def everything(folder):
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    return [name for name in found if name != "recorded"]  # which is every test's


@pytest.mark.parametrize("name", ["../outside", "gpu/../../outside", "gpu/run/../../../../outside"])
def test_an_archive_that_reaches_outside_is_refused_and_writes_nothing(tmp_path, monkeypatch, name):
    """Not even below the folder that it is unpacked into, as one that is refused by its other faults would have."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    bad = packed_by_hand(tmp_path / "bad.tar.gz", name)
    with pytest.raises(RecordError, match="outside the destination"):
        archive.import_archive(bad, tmp_path / "here")
    assert everything(tmp_path) == ["bad.tar.gz", "scratch"]


@pytest.mark.parametrize(
    "member",
    [
        special("gpu/run/spec.json", tarfile.SYMTYPE, "/etc/passwd"),
        special("gpu/run/spec.json", tarfile.SYMTYPE, "history.csv"),
        special("gpu/run", tarfile.SYMTYPE, "other"),
        special("gpu/run/spec.json", tarfile.LNKTYPE, "gpu/run/history.csv"),
        special("gpu/run/spec.json", tarfile.FIFOTYPE),
        special("gpu/run/spec.json", tarfile.CHRTYPE),
    ],
    ids=["link outside", "link inside", "link to a folder", "hard link", "pipe", "device"],
)
def test_links_pipes_and_devices_are_refused(tmp_path, member):
    bad = packed_by_hand(tmp_path / "bad.tar.gz", "gpu/run/history.csv", member)
    with pytest.raises(RecordError, match=f"{member.name} is a link or a device"):
        archive.import_archive(bad, tmp_path / "here")
    assert everything(tmp_path) == ["bad.tar.gz"]


def unpacked(monkeypatch):
    """Count the bytes that are unpacked from now on."""
    count, read = [0], gzip.GzipFile.read

    def counted(self, size=-1):
        content = read(self, size)
        count[0] += len(content)
        return content

    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    return count


def bomb(path, member, size):
    """Write an archive whose first header says that so many bytes follow, of which a part does: 64 MiB of nothing."""
    member.size = size
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(member.tobuf(tarfile.GNU_FORMAT) + bytes(64 * 2**20))
    return path


@pytest.mark.parametrize(
    ("kind", "size", "message"),
    [
        (tarfile.REGTYPE, 10**12, "would unpack to 1,000,000,000,000 bytes"),
        (tarfile.REGTYPE, 2 * 10**7, "would unpack to 20,000,000 bytes"),
        (tarfile.GNUTYPE_LONGNAME, 10**12, "a header that no archive of run records has"),
        (tarfile.XHDTYPE, 10**12, "a header that no archive of run records has"),
    ],
    ids=["file", "smaller file", "long name", "header"],
)
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch, kind, size, message):
    bad, count = bomb(tmp_path / "bad.tar.gz", special("gpu/run/arrays.npz", kind), size), unpacked(monkeypatch)
    assert bad.stat().st_size < 2**20
    with pytest.raises(RecordError, match=message):
        archive.import_archive(bad, tmp_path / "here")
    assert count[0] < 2**20


def test_a_bomb_behind_a_whole_archive_is_not_unpacked(packed, tmp_path, monkeypatch):
    with gzip.open(packed, "ab", compresslevel=1) as file:
        file.write(bytes(64 * 2**20))
    count = unpacked(monkeypatch)
    with pytest.raises(RecordError, match="goes on after its end"):
        archive.import_archive(packed, tmp_path / "here")
    assert count[0] < 4 * 2**20 and not (tmp_path / "here").exists()


def test_a_bomb_of_many_small_files_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST", 10_000)
    names = [f"gpu/run{number}/spec.json" for number in range(11)]
    with pytest.raises(RecordError, match=r"run10/spec.json would unpack to 1,000 bytes, 11,000 with what is before"):
        archive.import_archive(packed_by_hand(tmp_path / "bad.tar.gz", *names, content=bytes(1000)), tmp_path / "here")


def test_a_bomb_among_the_arrays_of_a_record_is_not_unpacked(made, tmp_path, monkeypatch):
    """An .npz is a .zip: 32 MiB of nothing are 32 kB of a file."""
    record = runs.save(made[0], "gpu", tmp_path / "there").path
    with zipfile.ZipFile(record / "arrays.npz", "w", zipfile.ZIP_DEFLATED) as inside:
        inside.writestr("means.npy", bytes(32 * 2**20))
    assert (record / "arrays.npz").stat().st_size < 2**16
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *arguments: pytest.fail("was unpacked"))
    with pytest.raises(RecordError, match=r"arrays.npz cannot be read .it would unpack to 33,554,432 bytes"):
        archive.import_archive(archive.pack([record], tmp_path / "bad.tar.gz"), tmp_path / "here")
    assert not (tmp_path / "here").exists()


def test_arrays_that_would_run_code_are_not_read(made, tmp_path):
    class Harm:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "harm"),))

    record = runs.save(made[0], "gpu", tmp_path / "there").path
    np.savez(record / "arrays.npz", means=np.array([Harm()], dtype=object))
    with pytest.raises(RecordError, match=r"arrays.npz cannot be read .*allow_pickle=False"):
        archive.import_archive(archive.pack([record], tmp_path / "bad.tar.gz"), tmp_path / "here")
    assert not (tmp_path / "harm").exists()


def test_one_bad_record_keeps_all_out(made, tmp_path):
    bad = replace(made[1], history=made[1].history.assign(loss=np.nan))
    there = [runs.save(run, "gpu", tmp_path / "there").path for run in (made[0], bad)]
    with pytest.raises(RecordError, match=f"{bad.spec.run_id}.*a metric is missing"):
        archive.import_archive(archive.pack(there, tmp_path / "runs.tar.gz"), tmp_path / "here")
    assert runs.all_records(tmp_path / "here") == []


def test_an_upload_that_broke_off_keeps_all_out(packed, tmp_path):
    """Wherever it did: at 60 places, the first and the last byte among them."""
    whole = packed.read_bytes()
    for length in [*range(0, len(whole), len(whole) // 58), len(whole) - 1]:
        packed.write_bytes(whole[:length])
        with pytest.raises(RecordError, match=r"copy it again|holds no run record"):
            archive.import_archive(packed, tmp_path / "here")
        assert not (tmp_path / "here").exists(), length


def test_an_upload_with_a_fault_in_the_middle_keeps_all_out(packed, tmp_path):
    whole = packed.read_bytes()
    for count, place in enumerate(range(60, len(whole) - 100, len(whole) // 20)):
        bad = bytes([whole[place] ^ 0x40]) if count % 2 else b"\xff" * 100  # a bit, or what cannot be unpacked
        packed.write_bytes(whole[:place] + bad + whole[place + len(bad) :])
        with pytest.raises(RecordError):
            archive.import_archive(packed, tmp_path / "here")
        assert not (tmp_path / "here").exists(), place


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
