"""How commands grow with the number of records: made-up ones, the committed ones again under other seeds."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from itertools import count, islice
from pathlib import Path

from typer.testing import CliRunner

from benchmarks import peak
from benchmarks.harness import Case, Row, Setting
from hcl.companion import cli, explorer, status
from hcl.training import checks, places, runs, sums
from hcl.training.files import write_json
from hcl.training.spec import RunSpec

_WRITTEN = ("spec.json", sums.PROVENANCE)  # which have to be others
SHOWN = ("case", "records", "seconds", "ms_a_record")


def fill(root: Path, number: int) -> None:
    """Fill a folder with so many sound records: those of the checkout, then the same under seeds of nobody's.

    Args:
        root: an empty folder.
        number: of records.
    """
    own = runs.record_folders(places.project() / "runs")
    lines = []
    for folder, turn in islice(((folder, turn) for turn in count() for folder in own), number):
        hashes = sums.stated(folder)
        spec, made = (json.loads((folder / name).read_text(encoding="utf-8")) for name in _WRITTEN)
        spec["seed"] += 1000 * turn
        name = f"{folder.parent.name}/{RunSpec.from_dict(spec).run_id}"
        record = root / name
        record.mkdir(parents=True)
        for file in ("history.csv", "arrays.npz"):
            _same(folder / file, record / file)
        write_json(record / "spec.json", spec)
        if "sha256" in made:
            made["sha256"]["spec.json"] = sums.digest(record / "spec.json")
        write_json(record / sums.PROVENANCE, made)
        hashes |= {file: sums.digest(record / file) for file in _WRITTEN}
        lines += [f"{hashes[file]}  {name}/{file}\n" for file in sums.FILES]
    (root / sums.NAME).write_text("".join(sorted(lines)), encoding="utf-8", newline="\n")


def _same(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # on another file system
        shutil.copyfile(source, target)


def _command(*words: str) -> None:
    done = CliRunner().invoke(cli.app, [*words, "--json"], catch_exceptions=False)
    if done.exit_code != 0:
        raise RuntimeError(f"hcl {' '.join(words)}: {done.output[-300:]}")


def _book(root: Path) -> None:
    """Do what a build of the book does with all records: the notebooks themselves read those that they show."""
    checks.check_all(root)
    with tempfile.TemporaryDirectory() as folder:
        explorer.write(Path(folder), root)
    status.page([], root)


WORK: dict[str, Callable[[Path], None]] = {
    "hcl status": lambda root: _command("status"),
    "hcl verify": lambda root: _command("verify"),
    "the records' part of hcl book": _book,
}


@lru_cache(maxsize=1)
def _filled(number: int) -> tempfile.TemporaryDirectory[str]:
    """Return a folder with so many records, kept until one with another number is asked for."""
    folder = tempfile.TemporaryDirectory()
    fill(Path(folder.name), number)
    return folder


def measure(name: str, number: int) -> Row:
    """Return the processor time of a command with so many records, which no other work on the machine changes.

    It is that of a process of its own: what a command before has kept in memory is not there.
    """
    root = Path(_filled(number).name)

    def work() -> Row:
        os.environ["HCL_RUNS"] = str(root)
        started = time.process_time()
        WORK[name](root)
        return {"seconds": time.process_time() - started}

    seconds = peak.in_a_process(work)["seconds"]
    return {"records": number, "seconds": seconds, "ms_a_record": 1e3 * seconds / number, "repeats": 1}


def cases(setting: Setting) -> Iterator[Case]:
    """Yield each command with 250, 1,000 and 10,000 records; on a GPU nothing, since none takes part."""
    for number in (3,) if setting.quick else (250, 1_000, 10_000):
        for name in WORK if not setting.gpu else ():
            yield Case(f"{name}, {number} records", partial(measure, name, number), number / 20)
