"""What runs take in time and memory: measured where there are records of them, else estimated, and called so."""

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import mean, median

from hcl.companion.costs import duration
from hcl.training import places, runs
from hcl.training.spec import RunSpec

_LEAST = 3.0  # seconds: what starting and evaluating takes, however little is trained


@dataclass(frozen=True)
class Estimate:
    """What a run takes.

    Attributes:
        seconds: a run, the mean; None where nothing is known.
        memory_mib: the most memory held by the process (on a GPU: by PyTorch) in MiB; None where no record says it.
        source: ``"measured"``, ``"estimated"`` or ``"not known"``.
        basis: what it rests on, for people.
    """

    seconds: float | None
    memory_mib: int | None
    source: str
    basis: str

    def words(self, count: int = 1) -> str:
        """Return the time and memory of a number of runs, one after another, for people."""
        if self.seconds is None:
            return f"time {self.source}: {self.basis}"
        each = f", {count} runs of {duration(self.seconds)}" if count > 1 else ""
        held = f", {memory(self.memory_mib)}" if self.memory_mib else ""
        return f"{self.source}: {duration(self.seconds * count)}{each}{held}"


@dataclass(frozen=True)
class Made:
    """What a record says of its making.

    Attributes:
        name: of the run.
        profile: it is kept under.
        kin: encoder and stem, in which runs are alike in what an image costs.
        batch: size of a batch, which matters too.
        images: shown to the encoder.
        seconds: it took.
        memory: most held, in MiB; None where it is not said.
        where: device and threads, for people.
    """

    name: str
    profile: str
    kin: tuple[str, str]
    batch: int | None
    images: int
    seconds: float
    memory: int | None
    where: str


def memory(mib: int) -> str:
    """Return an amount of memory for people: ``"640 MiB"``, ``"1.9 GiB"``."""
    return f"{mib} MiB" if mib < 1000 else f"{mib / 1024:.1f} GiB"


def estimate(specs: Sequence[RunSpec], root: Path | None = None, benchmarks: Path | None = None) -> Estimate:
    """Return what one of the runs takes: by their own records, by those of their encoder, by the benchmarks.

    Args:
        specs: of the runs, at least one.
        root: folder of the records; None is `hcl.training.places.runs_root`.
        benchmarks: folder with ``predictions.csv`` and ``results``; None is the checkout's, where there is one.
    """
    every = all_made(root)
    names = {spec.run_id for spec in specs}
    if own := [made for made in every if made.name in names]:
        seconds, held = mean(made.seconds for made in own), [made.memory for made in own if made.memory]
        basis = f"{len(own)} of {len(specs)} runs recorded on {_where(own)}"
        return Estimate(seconds, max(held, default=None), "measured", basis)
    work = mean(_images(spec) for spec in specs)
    kin = [made for made in every if made.kin == _kin(specs[0])]
    if kin := [made for made in kin if made.batch == specs[0].batch_size] or kin:
        seconds = max(_LEAST, work * median(made.seconds / made.images for made in kin))
        held = [made.memory for made in kin if made.memory]
        basis = f"by {len(kin)} other runs with this encoder, on {_where(kin)}, by the number of images shown"
        return Estimate(seconds, max(held, default=None), "estimated", basis)
    return _by_benchmark(specs[0], work, benchmarks)


def together(specs: Sequence[RunSpec], root: Path | None = None) -> str:
    """Return in words what runs take together, one after another, those of a kind estimated as one.

    Args:
        specs: of the runs, at least one.
        root: see `estimate`.
    """
    kinds: dict[tuple[object, ...], list[RunSpec]] = {}
    for spec in specs:
        kinds.setdefault((_kin(spec), spec.batch_size, _images(spec)), []).append(spec)
    found = [(estimate(of, root), len(of)) for of in kinds.values()]
    known = [(one.seconds * count, one) for one, count in found if one.seconds is not None]
    if not known:
        return "not known: there are no records of this kind yet"
    held = max((one.memory_mib for _, one in known if one.memory_mib), default=None)
    rest = sum(count for one, count in found if one.seconds is None)
    return (
        f"about {duration(sum(seconds for seconds, _ in known))} one after another"
        + (f", {memory(held)}" if held else "")
        + f" (estimated {max(known, key=lambda one: one[0])[1].basis}"
        + (f"; {rest} runs not counted, of which nothing is known)" if rest else ")")
    )


def _by_benchmark(spec: RunSpec, work: float, folder: Path | None) -> Estimate:
    """Return what the benchmarks of a training step say: measured on a GPU, or predicted before that."""
    root = places.checkout_root()
    folder = folder or (root / "benchmarks" if root else None)
    case = f"{spec.stem} stem, C=100, B={spec.batch_size}, + graph"
    found: dict[str, float] = {}
    device = "H100"
    if spec.encoder == "resnet50" and folder is not None and folder.is_dir():
        for path in (*sorted((folder / "results").glob("step_*.csv")), folder / "predictions.csv"):
            for row in _rows(path):
                gpu = row.get("device", "")
                if row["case"] == case and not gpu.startswith("CPU"):
                    named = {row["quantity"]: row["predicted"]} if "quantity" in row else row
                    for name in ("images_per_second", "memory_gb"):
                        if named.get(name) and name not in found:
                            found[name] = float(named[name])
                            device = gpu if name == "images_per_second" else device
    if "images_per_second" not in found:
        return Estimate(None, None, "not known", "there are no records of this kind yet")
    rate = found["images_per_second"]
    slower = "; this profile's fp32 takes longer" if spec.precision == "fp32" else ""
    held = round(found["memory_gb"] * 1000) if "memory_gb" in found else None
    return Estimate(
        work / rate, held, "estimated", f"by the benchmarks of a training step on {device}, bf16{slower}"
    )  # fmt: skip


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _kin(spec: RunSpec) -> tuple[str, str]:
    """Return what makes runs alike in what an image costs."""
    return spec.encoder, "" if spec.encoder == "mlp" else spec.stem


def _images(spec: RunSpec) -> int:
    return spec.epochs * spec.images_an_epoch


def _where(made: Sequence[Made]) -> str:
    return Counter(one.where for one in made).most_common(1)[0][0]


def all_made(root: Path | None = None) -> tuple[Made, ...]:
    """Return what every record says of its making; those that cannot be read are passed over.

    Args:
        root: folder of the records; None is `hcl.training.places.runs_root`.
    """
    return _read(tuple(map(str, runs.record_folders(root))))


@lru_cache(maxsize=4)
def _read(folders: tuple[str, ...]) -> tuple[Made, ...]:
    found = []
    for folder in map(Path, folders):
        try:
            made = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
            spec = RunSpec.from_dict(json.loads((folder / "spec.json").read_text(encoding="utf-8")))
            device, threads = str(made["device"]), made.get("threads")
            each = f", {threads} thread{'s' * (threads > 1)} a run" if device.startswith("CPU") and threads else ""
            held = made.get("peak_memory_mib")
            seconds, profile = float(made["wall_seconds"]), folder.parent.name
            found.append(
                Made(
                    folder.name, profile, _kin(spec), spec.batch_size, _images(spec), seconds, held, device + each
                )
            )  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return tuple(found)
