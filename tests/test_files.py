"""What a killed process leaves of a write is found and removed; what a living one is writing never is."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import ROOT
from injected import read_only
from typer.testing import CliRunner

from hcl.companion import cli
from hcl.training import campaign, files
from hcl.training.campaign import Settings

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL, and no such lock")
HOUR = 3600
WRITES = {"file": "files.replacing(root / 'laptop' / 'a.txt')", "folder": "files.new_folder(root / 'laptop' / 'a')"}


def writing(root, what):
    """Another process in the middle of a write, and the part that it writes."""
    code = (
        "import pathlib, time\n"
        "from hcl.training import files\n"
        f"root = pathlib.Path({str(root)!r})\n"
        f"with {WRITES[what]} as part:\n"
        "    (part / 'x' if part.is_dir() else part).write_text('half')\n"
        "    print(part, flush=True)\n"
        "    time.sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    return process, root / "laptop" / Path(process.stdout.readline().strip()).name


def killed(process):
    process.kill()
    assert process.wait() == -signal.SIGKILL


def age(part, seconds):
    for path in [*part.rglob("*"), part]:
        os.utime(path, (time.time() - seconds,) * 2)


@pytest.mark.parametrize("what", WRITES)
def test_the_part_of_a_killed_process_is_found_and_removed_and_that_of_a_living_one_is_not(what, runs_root):
    process, part = writing(runs_root, what)
    try:
        assert part.exists()
        age(part, 1000 * HOUR)
        assert files.left_over(runs_root) == [] == files.sweep(runs_root)
    finally:
        killed(process)
    assert files.left_over(runs_root) == [part]
    age(part, HOUR / 2)
    assert files.left_over(runs_root) == [], "another machine may write it, that has locks of its own"
    age(part, 2 * HOUR)
    assert files.sweep(runs_root) == [part] and list((runs_root / "laptop").iterdir()) == []


@pytest.mark.parametrize("fault", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def test_without_locks_a_part_is_left_over_after_a_day(fault, runs_root, monkeypatch):
    import fcntl

    def flock(handle, operation):
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(fcntl, "flock", flock)
    with files.replacing(runs_root / "a.txt") as part:
        part.write_text("half")
        age(part, 23 * HOUR)
        assert files.left_over(runs_root) == []
        age(part, 25 * HOUR)
        assert files.left_over(runs_root) == [part]
        age(part, 0)
    assert (runs_root / "a.txt").read_text() == "half"


def test_where_there_is_no_fcntl_files_are_written_all_the_same_and_parts_go_by_their_age(runs_root, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setattr(sys, "platform", "win32")
    with files.replacing(runs_root / "a.txt") as part:
        part.write_text("whole")
    with files.new_folder(runs_root / "b") as folder:
        (folder / "c.txt").write_text("whole")
    assert sorted(path.name for path in runs_root.rglob("*")) == ["a.txt", "b", "c.txt"]
    part = runs_root / ".part-a"
    part.write_text("half")
    age(part, 23 * HOUR)
    assert files.left_over(runs_root) == []
    age(part, 25 * HOUR)
    assert files.left_over(runs_root) == [part]


def test_a_part_in_which_anything_is_new_is_not_left_over(runs_root):
    part = runs_root / "laptop" / ".part-a"
    part.mkdir(parents=True)
    (part / "history.csv").write_text("epoch")
    age(part, 2 * HOUR)
    assert files.left_over(runs_root) == [part]
    (part / "history.csv").write_text("epoch,")
    assert files.left_over(runs_root) == []
    age(part, -2 * HOUR)  # by a clock that was set
    assert files.left_over(runs_root) == []


def left(root):
    parts = [root / ".part-list", root / ".checkpoints" / ".part-state", root / "laptop" / ".part-record" / "x"]
    for part in parts:
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_text("half")
    parts[2] = parts[2].parent
    for part in parts:
        age(part, 2 * HOUR)
    (root / "laptop" / "whole").mkdir()
    age(root / "laptop" / "whole", 1000 * HOUR)
    return sorted(parts)


def test_the_next_campaign_removes_what_is_left_and_nothing_else(runs_root):
    parts = left(runs_root)
    assert files.left_over(runs_root) == parts
    campaign.carry_out([], Settings(device="cpu"), lambda event: None)
    assert not any(part.exists() for part in parts)
    assert sorted(path.relative_to(runs_root).as_posix() for path in runs_root.rglob("*")) == [
        ".checkpoints", "laptop", "laptop/whole",
    ]  # fmt: skip


def test_a_store_that_cannot_be_written_keeps_its_parts_and_stops_nothing(runs_root):
    parts = [part for part in left(runs_root) if part.is_file()]
    shutil.rmtree(runs_root / "laptop")  # of what a folder holds the injected fault does not hear
    with read_only(runs_root):
        assert files.sweep(runs_root) == []
        assert not campaign.carry_out([], Settings(device="cpu"), lambda event: None).failed
    assert files.left_over(runs_root) == parts


def test_the_check_of_records_tells_what_is_left(runs_root, monkeypatch):
    monkeypatch.setattr("hcl.companion.commands_records._checked", lambda: 1)
    check = ["runs", "check"]
    assert "parts" not in CliRunner().invoke(cli.app, check).output
    left(runs_root)
    told = " ".join(CliRunner().invoke(cli.app, check).output.split())
    assert "3 parts of 0.0 MiB are left of writes that were cut short" in told and "'hcl campaign' removes" in told
