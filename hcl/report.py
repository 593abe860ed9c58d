"""Runs as tables: histories for plotting, summaries beside the theory, and where the numbers come from."""

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from hcl import geometry
from hcl.bounds import scl_lower_bound, ucl_lower_bound
from hcl.paper import BY_ROW, PROFILES, Study
from hcl.registry import row_of
from hcl.runs import PROVENANCE, Run, default_root
from hcl.spec import RunSpec

_COUNTS = ("rank", "effective rank", "clusters", "best epoch")  # what these begin with is written to one decimal
_PLACE = (("equal_inner_product", 3, "{}"), ("clusters", 1, "{} clusters"), ("effective_rank", 1, "effective rank {}"))
FLOORS = (-4.6, -6.9, -10.0, -15.0)  # natural logarithms: 1 %, .1 %, .005 % of the largest value, and rounding's
COURSE = ("loss", "equal_inner_product", "effective_rank", "clusters")
SETTINGS = ("supervised (SCL, HSCL)", "unsupervised (UCL, HUCL)")


def hardness_label(spec: RunSpec) -> str:
    """Return ``"β = 5"``, or ``"ε = 5"`` and ``"τ = .5"`` for the other families; ``"β = 0"`` without hardening."""
    letter = {"exponential": "β", "polynomial": "ε", "threshold": "τ"}[spec.hardening]
    return f"{letter} = {spec.hardness:g}"


def label(spec: RunSpec) -> str:
    """Return ``"HSCL, β = 5"``; plain ``"SCL"`` and ``"UCL"`` without hardening."""
    return f"{spec.method}, {hardness_label(spec)}" if spec.hardness else spec.method


def bound(spec: RunSpec) -> float:
    """Return the least value of the run's loss without hardening: Theorem 2 or 3; NaN for eq. (42), another loss."""
    if spec.objective == "simclr":
        return math.nan
    return (scl_lower_bound if spec.supervised else ucl_lower_bound)(spec.num_classes, spec.k)


def history_frame(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the evaluated epochs of all runs in one long table, with columns that say which run a row is of."""
    return pd.concat(
        [
            run.evaluated.assign(
                setting=SETTINGS[0 if run.spec.supervised else 1],
                hardness=hardness_label(run.spec),
                method=label(run.spec),
                positives=run.spec.positives,
                seed=run.spec.seed,
            )
            for run in runs
        ],
        ignore_index=True,
    )


def settled_frame(
    runs: Sequence[Run], columns: Sequence[str], titles: Mapping[str, str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return settled values (D45), one row a method: means over seeds, and their standard deviations.

    Where the runs are of several rows of Figures 4 and 6 the index has a level for these. ``bound`` comes first; the
    standard deviation of a single seed is NaN.

    Args:
        runs: of a study or several.
        columns: of the history; ``best_epoch`` is the epoch of the least own loss. What older records lack is NaN.
        titles: what to call the rows.
    """
    several = len({row_of(run.spec) for run in runs}) > 1
    names = titles or {}
    index = ["row", "method"] if several else ["method"]
    frame = pd.DataFrame(
        {
            "row": names.get(row_of(run.spec), row_of(run.spec)),
            "method": label(run.spec),
            "bound": bound(run.spec),
            **_values(run, columns),
        }
        for run in runs
    )
    grouped = frame[[*index, "bound", *columns]].groupby(index, sort=False)
    return grouped.mean(), grouped.std()


def closest(runs: Sequence[Run]) -> pd.DataFrame:
    """Return how far settings end from Neural-Collapse, and which are closest, by the equal inner-product metric.

    Settings no further from the best than seeds are apart, or than is written, are as close: by their own standard
    deviation or, of one seed, that of the setting of the nearest hardness with several.

    Args:
        runs: of one method, plain and hardened.

    Returns:
        A row a setting, nearest first: its settled means, ``closest``, whether it is among them, and ``words``.
    """
    of_label: dict[str, list[Run]] = {}
    for run in runs:
        of_label.setdefault(label(run.spec), []).append(run)
    frames = {name: pd.DataFrame([run.settled for run in of]) for name, of in of_label.items()}
    hardness = {name: of[0].spec.hardness for name, of in of_label.items()}
    seeded = {name: float(frame["equal_inner_product"].std()) for name, frame in frames.items() if len(frame) > 1}

    def spread(name: str) -> float:
        nearest = min(seeded, key=lambda other: abs(hardness[other] - hardness[name]), default=None)
        return 0.0 if nearest is None else seeded[nearest]

    table = pd.DataFrame({name: frame.mean() for name, frame in frames.items()}).T.sort_values("equal_inner_product")
    far = table["equal_inner_product"]
    best = str(far.index[0])
    words, close = [], []
    for name in map(str, table.index):
        row = table.loc[name]
        of = [form.format(_number(float(str(row[key])), digits)) for key, digits, form in _PLACE if key in row]
        words.append(f"{name} ({', '.join(of)})".replace(" 1 clusters", " 1 cluster"))
        written_alike = _number(far[name], 3) == _number(far[best], 3)
        close.append(written_alike or bool(far[name] - far[best] < max(spread(name), spread(best))))
    return table.assign(closest=close, words=words)


def course_frame(runs: Sequence[Run], columns: Sequence[str] = COURSE) -> pd.DataFrame:
    """Return values at the best epoch, that of the least own loss, beside the settled ones (D45): means over seeds.

    Args:
        runs: of one row.
        columns: of the history; NaN where a record has none of them by epoch.

    Returns:
        A row a method, with ``best_epoch`` and two columns each, ``"loss, best epoch"`` and ``"loss, settled"``.
    """
    rows = []
    for run in runs:
        best = run.evaluated.iloc[run.evaluated["loss"].argmin()]
        values: dict[str, Any] = {"method": label(run.spec), "best_epoch": float(run.best_epoch)}
        for name in columns:
            values[f"{name}, best epoch"] = float(best.get(name, math.nan))
            values[f"{name}, settled"] = float(run.settled.get(name, math.nan))
        rows.append(values)
    return pd.DataFrame(rows).groupby("method", sort=False).mean()


def floor_sensitivity(runs: Sequence[Run], titles: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return how the rank of the class means depends on the floor, beside an untrained encoder and pure noise.

    A rank counts the values of the spectrum above a floor, and noise has a high one: effective rank and clusters do not
    depend on a floor (D40, D46). All are of the class means after the last epoch, as plots of spectra show them.

    Args:
        runs: of a study or several.
        titles: what to call the rows of Figures 4 and 6.

    Returns:
        A row a method, means over seeds; below them what they started from, and at the end class means that are C
        random directions, standard Gaussian (seed 0). NaN where a record does not tell: older ones have no spectrum of
        epoch 0, but its rank above -10.
    """
    of_row: dict[str, list[Run]] = {}
    for run in runs:
        of_row.setdefault(row_of(run.spec), []).append(run)
    rows: list[dict[str, Any]] = []
    for row, its in of_row.items():
        title = (titles or {}).get(row, row)
        for run in its:
            means = torch.from_numpy(run.arrays["means"]).double()
            rows.append({"row": title, "method": label(run.spec), **_collapse(means)})
        start = next((run for run in its if run.evaluated["epoch"].iloc[0] == 0), None)
        if start is not None:
            what = "near-NC model" if start.spec.start else "untrained encoder"
            rows.append({"row": title, "method": what, **_at_epoch_0(start)})
    spec = runs[0].spec
    noise = torch.randn(spec.num_classes, spec.representation_dim, generator=torch.Generator().manual_seed(0))
    noise = torch.nn.functional.normalize(noise.double())
    rows.append({"row": "–", "method": "random directions", **_collapse(noise)})
    frame = pd.DataFrame(rows)
    index = ["row", "method"] if len(of_row) > 1 else ["method"]
    return frame.drop(columns=[] if len(of_row) > 1 else "row").groupby(index, sort=False).mean()


def _floor_name(floor: float) -> str:
    return f"rank above {floor:g}".replace("-", "−")


def _collapse(means: Tensor) -> dict[str, float]:
    spectrum = geometry.covariance_spectrum(means)
    ranks = {_floor_name(floor): float((spectrum > floor).sum()) for floor in FLOORS}
    rank = float(geometry.effective_rank(means))
    return {**ranks, "effective rank": rank, "clusters": float(geometry.cluster_count(means))}


def _at_epoch_0(run: Run) -> dict[str, float]:
    first = run.evaluated.iloc[0]
    spectra = run.arrays.get("spectra")
    if spectra is None:
        ranks = {_floor_name(floor): math.nan for floor in FLOORS} | {_floor_name(-10.0): first.get("rank", math.nan)}
    else:
        ranks = {_floor_name(floor): float((spectra[0] > floor).sum()) for floor in FLOORS}
    of = {"effective rank": first.get("effective_rank", math.nan), "clusters": first.get("clusters", math.nan)}
    return {name: float(value) for name, value in {**ranks, **of}.items()}


def near_nc_frame(runs: Sequence[Run], columns: Sequence[str]) -> pd.DataFrame:
    """Return settled means as in Table 2: the near-NC model, then what was trained on from it, one row a method."""
    start = [run for run in runs if run.spec.start is None]
    later = [run for run in runs if run.spec.start is not None]
    frames = [settled_frame(part, columns)[0] for part in (start, later) if part]
    if start:
        frames[0].index = pd.Index(["near-NC model"], name="method")
    return pd.concat(frames).drop(columns="bound")


def positives_frame(num_classes: int, batch_sizes: Sequence[int]) -> pd.DataFrame:
    """Return how many items of its class other than itself an anchor finds in a batch, and how often none (D5).

    Args:
        num_classes: C, equally likely.
        batch_sizes: B.
    """
    share = 1 / num_classes
    rows = [
        {"batch size": b, "others": (b - 1) * share, "anchors with none": (1 - share) ** (b - 1)} for b in batch_sizes
    ]
    return pd.DataFrame(rows).set_index("batch size")


def _values(run: Run, columns: Sequence[str]) -> dict[str, float]:
    settled = run.settled
    return {name: float(run.best_epoch if name == "best_epoch" else settled.get(name, math.nan)) for name in columns}


def show_settled(
    runs: Sequence[Run], columns: Sequence[str], digits: int = 3, titles: Mapping[str, str] | None = None
) -> "pd.io.formats.style.Styler":
    """Return the table of `settled_frame` for a notebook: mean ± standard deviation where there are several seeds."""
    means, spreads = settled_frame(runs, columns, titles)
    several = len({run.spec.seed for run in runs}) > 1
    shown = means.copy().astype(object)
    for name in columns if several else ():
        places = _places(name, digits)
        shown[name] = [
            _number(mean, places) + (f" ± {_spread(spread, mean, places)}" if pd.notna(spread) else "")
            for mean, spread in zip(means[name], spreads[name], strict=True)
        ]
    return show_table(shown, digits)


def beside(table: pd.DataFrame, published: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Return a table with, after each column that the paper has numbers for, a column of these.

    Args:
        table: one row a method.
        published: by column, then by method, as in `hcl.published`.
    """
    columns = {}
    for name in table.columns:
        columns[name] = table[name]
        if name in published:
            columns[f"{name}, paper"] = pd.Series(published[name], dtype=float).reindex(table.index)
    return pd.DataFrame(columns)


def stand_in_note(study: Study) -> str:
    """Return HTML, for the top of a page, that says which data set stands in for the paper's; empty where none does."""
    if not study.stands_in:
        return ""
    own, name = study.figure.dataset, study.figure.name
    spec = study.specs[0]
    each = f"{spec.num_train // spec.num_classes} training images" if spec.num_train else "500 training images"
    return (
        f'<div class="admonition warning"><p class="admonition-title">Not {own}: {study.dataset}</p>'
        f"<p>The paper trains on {own}, whose files were not at hand. These runs are on {study.dataset}: the first 100 "
        f"classes of Tiny-ImageNet at 32 by 32 pixels, {each} each: the same shape, harder images. "
        f"What is said of the paper's claims here is said of this data. Where the files of {own} are, or can be "
        "downloaded, the first command makes these runs on them, and the second those of the paper:</p>"
        f"<p><code>hcl run {name} --profile {study.profile} -p dataset={own}</code></p>"
        f"<p><code>hcl run {name} --profile paper -p dataset={own}</code></p></div>\n\n"
    )


def note(studies: Sequence[Study], runs: Sequence[Run], begun: Sequence[Study] = ()) -> str:
    """Return what stands at the top of a page, as Markdown: data that stand in, what made the runs, what is left.

    Args:
        studies: that the page shows, rows of a figure that were run at different profiles being studies of their own.
        runs: of them.
        begun: studies at better profiles of which less than half is made.
    """
    groups: dict[tuple[str, str], list[Study]] = {}
    for study in studies:
        groups.setdefault((study.profile, study.dataset), []).append(study)
    text = "".join(stand_in_note(study) for study in {study.dataset: study for study in studies}.values())
    paragraphs = []
    for of in groups.values():
        specs = {spec for study in of for spec in study.specs}
        rows = "; ".join(row_of(study.specs[0]) for study in of) if len(groups) > 1 else ""
        paragraphs.append(provenance_note(of[0], [run for run in runs if run.spec in specs], rows))
    paragraphs += [left_note(study) for study in studies if study.partial]
    paragraphs += [begun_note(study) for study in begun]
    return text + "\n\n".join([*paragraphs, cost_note(studies[0].dataset)])


def begun_note(study: Study) -> str:
    """Return Markdown that says which runs there are of a study at a better profile than the one that is shown."""
    made = [label(spec) for spec in study.recorded()]
    row = f", {row_of(study.specs[0])}" if study.figure.name in BY_ROW else ""
    return (
        f"**Begun** at `{study.profile}`{row}: {len(made)} of {len(study.specs)} runs ({'; '.join(made)}), to be shown "
        "here once half are made. Claims on geometry are judged by these, and wait for the others."
    )


def left_note(study: Study) -> str:
    """Return Markdown that names the runs of a partial study that are still to be made."""
    several = len({row_of(spec) for spec in study.specs}) > 1

    def name(spec: RunSpec) -> str:
        row = f" ({row_of(spec)})" if several else ""
        return label(spec) + row + (f", seed {spec.seed}" if spec.seed else "")

    left = [name(spec) for spec in study.left()]
    row = f", {row_of(study.specs[0])}" if study.figure.name in BY_ROW else ""
    return (
        f"**Still to be made** at `{study.profile}`{row}, {len(left)} of {len(study.specs)} runs: {'; '.join(left)}. "
        "Their curves and rows are missing here."
    )


def provenance_note(study: Study, runs: Sequence[Run], rows: str = "") -> str:
    """Return Markdown that says which profile, data, device, code and time made the runs.

    Args:
        study: that the runs are of.
        runs: the records.
        rows: names of the rows of a figure that it is about, where it is not about all of them.
    """
    about = f"Row{'s' * (';' in rows)} {rows}: profile" if rows else "Profile"
    if not runs:
        return f"**{about} `{study.profile}`**: no run yet."

    def each(key: str, of: Sequence[Run] = runs) -> str:
        return ", ".join(sorted({str(run.provenance[key]) for run in of}))

    trained = [run for run in runs if not run.same_as] or runs
    commits = ", ".join(sorted({str(run.provenance["commit"])[:10] for run in trained}))
    scales = Counter(scale(run.spec) for run in runs).most_common()
    others = f"; and {sum(n for _, n in scales[2:])} runs that differ in a setting" if len(scales) > 2 else ""
    seeds = ", ".join(str(seed) for seed in sorted({run.spec.seed for run in runs}))
    minutes = sum(run.provenance["wall_seconds"] for run in trained) / 60
    folders = " and ".join(sorted({f"`runs/{run.path.parent.name}`" for run in runs if run.path is not None}))
    twice = len(runs) - len(trained)
    once = f", {twice} of them on the sphere shown by the run on the ball that they are to the bit" if twice else ""
    return (
        f"**{about} `{study.profile}`**: {'; '.join(name for name, _ in scales[:2])}{others}.\n\n"
        f"{len(runs)} runs{once}, seed {seeds}, {minutes:.0f} minutes in all on {each('device')}, with torch "
        f"{each('torch')} and the library at commit {commits}. Records: {folders}; times and fingerprints of the data "
        f"({each('data_source')}) are in each run's `provenance.json`."
    )


def costs(root: Path | None = None) -> dict[str, dict[str, str]]:
    """Return what a run takes, in words, by profile and kind of data, from the records; ``"–"`` where there are none.

    Args:
        root: folder of the records; None is `hcl.runs.default_root`.

    Returns:
        By profile: ``"images"`` and ``"synthetic"``, as ``"25 min a run (10 records, 1 thread each of 2 cores)"``.
    """
    return {
        profile: {kind: _cost(profile, kind, root or default_root()) for kind in ("images", "synthetic")}
        for profile in PROFILES
    }


def _cost(profile: str, kind: str, root: Path) -> str:
    made = [
        json.loads(path.read_text())
        for path in sorted((root / profile).glob(f"[!.]*/{PROVENANCE}"))
        if path.parent.name.startswith("synthetic-") == (kind == "synthetic")
    ]
    if not made:
        return "–"
    on = Counter((str(one["device"]), one.get("threads")) for one in made).most_common(1)[0][0]
    device, threads = on
    where = device
    if device.startswith("CPU") and threads:
        where = f"{threads} thread{'s' if threads > 1 else ''} each of {device.rsplit(', ', 1)[-1]}"
    taken = duration(median(one["wall_seconds"] for one in made))
    return f"{taken} a run ({len(made)} record{'s' * (len(made) > 1)}, {where})"


def duration(seconds: float) -> str:
    """Return a duration for people: ``"12 s"``, ``"25 min"``, ``"2.5 h"``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def cost_note(dataset: str, root: Path | None = None) -> str:
    """Return Markdown that says what a run takes at each profile, on images or on the synthetic data."""
    kind = "synthetic" if dataset == "synthetic" else "images"
    each = [f"`{profile}` {of[kind]}" for profile, of in costs(root).items() if profile != "smoke"]
    about = "the synthetic data" if kind == "synthetic" else "images"
    return f"What it costs on {about}, by the median of all records: {'; '.join(each)}."


def scale(spec: RunSpec) -> str:
    """Return in words what a run trains, on what, with which encoder and for how long."""
    encoder = {
        "resnet50": f"ResNet-50 with the {spec.stem} stem",
        "small_resnet": f"a small ResNet (three residual blocks, {spec.stem} stem)",
        "mlp": "a multi-layer perceptron",
    }[spec.encoder]
    size = f"{spec.num_train:,} training images" if spec.num_train else "the whole training split"
    batch = f"batch {spec.batch_size}" if spec.batch_size else "one batch of all"
    per = {"per_pair": "anchor-positive pair", "per_anchor": "anchor"}[spec.negatives]
    negatives = f"k = {spec.k} negatives drawn for each {per}" if spec.k else "the expectation over negatives"
    return (
        f"{spec.dataset}, {size}, {encoder}, {spec.epochs} epochs, {batch}, Adam at {spec.lr:g}, {spec.precision}, "
        + ("all negatives of the batch" if spec.objective == "simclr" else negatives)
    )


def show_table(table: pd.DataFrame, digits: int = 3) -> "pd.io.formats.style.Styler":
    """Return a table for a notebook, numbers to a number of decimals (counts to one), tiny ones in powers of ten."""
    words = table.rename(columns=lambda name: str(name).replace("_", " "))  # headers that can wrap
    styles: list[Any] = [{"selector": "th, td", "props": [("padding", ".25em .5em .25em 0")]}]
    styles += [
        {"selector": f"th.row_heading.level{level}", "props": [("white-space", "nowrap")]}
        for level, name in enumerate(table.index.names)
        if name == "method"
    ]
    return words.style.set_table_styles(styles).format({name: _writer(name, digits) for name in words.columns})


def _writer(column: str, digits: int) -> Callable[[object], str]:
    places = _places(column, digits)
    return lambda value: _number(value, places) if isinstance(value, int | float) else str(value)


def _places(column: str, digits: int) -> int:
    """Return the decimals of a column: counts, whose medians and means are broken, have one at most."""
    return min(digits, 1) if column.replace("_", " ").startswith(_COUNTS) else digits


def _spread(spread: float, mean: float, digits: int) -> str:
    """Return a standard deviation to the decimals of its mean, in powers of ten where that is."""
    return f"{spread:.1e}" if _tiny(mean, digits) else f"{spread:.{digits}f}"


def _number(value: float, digits: int) -> str:
    if math.isnan(value):
        return "–"
    if float(value).is_integer() and abs(value) >= 1:
        return f"{value:.0f}"
    return f"{value:.1e}" if _tiny(value, digits) else f"{value:.{digits}f}"


def _tiny(value: float, digits: int) -> bool:
    return 0 < abs(value) < 10**-digits
