"""Locks between processes, and writing in one move."""

import errno
import os
import subprocess
import sys

import pytest
from helpers import ROOT

from hcl.training import files, locks

FAULTS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)


@pytest.fixture(params=[None, *FAULTS], ids=["with locks", *(errno.errorcode[fault] for fault in FAULTS)])
def fault(request, monkeypatch):
    """A file system with locks, and ones without."""
    if request.param is not None:
        fcntl = pytest.importorskip("fcntl")

        def flock(handle, operation):
            raise OSError(request.param, os.strerror(request.param))

        monkeypatch.setattr(fcntl, "flock", flock)
    return request.param


def elsewhere(path, fault):
    """Another process that holds a lock, on the same file system."""
    code = (
        "import fcntl, sys, time\n"
        f"def flock(handle, operation): raise OSError({fault}, 'no locks here')\n"
        f"if {fault}: fcntl.flock = flock\n"
        "from hcl.training import locks\n"
        f"lock = locks.claim(__import__('pathlib').Path({str(path)!r}))\n"
        "print(lock is not None, flush=True)\n"
        "time.sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "True\n"
    return process


@pytest.mark.filterwarnings("ignore:flock not supported")
def test_a_lock_is_held_once_and_is_free_when_it_is_given_up(tmp_path, fault):
    path = tmp_path / "sub" / "a.lock"
    assert not locks.held(path) and not path.parent.exists()
    lock = locks.claim(path)
    assert lock is not None and locks.held(path) and locks.claim(path) is None
    locks.give_up(lock)
    assert not locks.held(path)
    lock = locks.claim(path)
    assert lock is not None
    locks.remove(lock)
    assert not locks.held(path) and list(path.parent.iterdir()) == []
    with locks.holding(path):
        assert locks.held(path)
        with pytest.raises(TimeoutError, match="is held by another process"), locks.holding(path, patience=0):
            pass
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "soft"),
    [
        (NotImplementedError("no locks here"), True),  # as filelock says it before its version 4
        (OSError(errno.ENOLCK, "no locks here"), True),
        (OSError(errno.EIO, "a fault of the disk"), False),
    ],
    ids=["not implemented", "no locks", "a fault"],
)
def test_another_kind_of_lock_is_for_places_without_locks_only(tmp_path, monkeypatch, error, soft):
    class Refusing(locks.FileLock):
        def _acquire(self):
            raise error

    monkeypatch.setattr(locks, "FileLock", Refusing)
    if soft:
        lock = locks.claim(tmp_path / "a.lock")
        assert lock is not None and locks.claim(tmp_path / "a.lock") is None
        locks.remove(lock)
    else:
        with pytest.raises(OSError, match="a fault of the disk"):
            locks.claim(tmp_path / "a.lock")
    assert not list(tmp_path.glob("*.soft"))


@pytest.mark.filterwarnings("ignore:flock not supported")
def test_a_killed_process_gives_its_lock_up_at_once(tmp_path, fault):
    path = tmp_path / "a.lock"
    process = elsewhere(path, fault)
    assert locks.held(path) and locks.claim(path) is None
    process.kill()
    process.wait()
    assert not locks.held(path)
    assert locks.claim(path) is not None


def test_a_lock_that_cannot_be_written_is_an_error_and_not_somebody_elses(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        locks.claim(tmp_path / "file" / "a.lock")


def test_nothing_of_the_library_needs_fcntl():
    """Records are read and the book is built on Windows too."""
    code = (
        "import sys\n"
        "sys.modules['resource'] = None\n"
        "import hcl.training.campaign, hcl.training.archive\n"
        "print(*(n for n, m in sys.modules.items() if n.startswith('hcl') and 'fcntl' in vars(m)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
    sources = {path: path.read_text() for path in (ROOT / "hcl").rglob("*.py")}
    found = {path for path, text in sources.items() if "import fcntl" in text or "import resource\n" in text[:2000]}
    assert {path.name for path in found} == {"files.py"}, "which test_files sees do without it"


# Writing


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "sub" / "a.txt"
    with files.replacing(path, mode=0o644) as part:
        part.write_text("one")
    assert path.read_text() == "one" and path.stat().st_mode & 0o777 == 0o644
    with pytest.raises(NotADirectoryError), files.replacing(path) as part:
        part.rename(part / "x")  # a full disk, say
    assert path.read_text() == "one" and [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_a_folder_is_made_whole_or_not_at_all_and_one_that_is_there_is_kept(tmp_path):
    target = tmp_path / "sub" / "a"
    with pytest.raises(FileNotFoundError), files.new_folder(target) as part:
        (part / "x").rename(part / "y" / "z")
    assert list(target.parent.iterdir()) == []
    with files.new_folder(target) as part:
        (part / "x").write_text("first")
    with pytest.raises(FileExistsError), files.new_folder(target) as part:
        (part / "x").write_text("second")
    assert (target / "x").read_text() == "first" and list(target.parent.iterdir()) == [target]


def test_json_has_the_same_bytes_on_every_system(tmp_path):
    files.write_json(tmp_path / "a.json", {"β": [1.5, None]})
    assert (tmp_path / "a.json").read_bytes() == b'{\n "\\u03b2": [\n  1.5,\n  null\n ]\n}\n'
