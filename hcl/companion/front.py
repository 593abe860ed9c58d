"""What the book's front page computes: what held, the paper beside these runs, the main result, links to the code."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from hcl.companion.closest import closest
from hcl.companion.launch import Repository
from hcl.companion.numbers import number
from hcl.companion.registry import figure_named
from hcl.companion.study import study
from hcl.training.catalogue import NUM_TRAIN
from hcl.training.runs import Run
from hcl.training.spec import RunSpec

# The claims that a reader should know of first, most important first, in words that follow "that".
FIRST: Mapping[str, str] = {
    "fig03-plain": "without hard negatives, training on 100 classes stays away from Neural-Collapse",
    "fig04-plain": "without them, the classes fall into few dimensions",
    "fig04-supervised": "with labels, hard negatives of every hardness spread them over more dimensions",
    "fig03-hscl": "with labels, hardness 5, 10 and 30 all reach Neural-Collapse",
    "fig03-best-unsupervised": "without labels, one hardness is best, β = 5",
    "fig04-unsupervised": "without labels, every hardness spreads the classes over more dimensions",
    "theory-batches": "Neural-Collapse is also the least loss in fixed batches (there is a counterexample)",
    "table1-beta2": "at β = 2 the loss ends above that without hard negatives",
    "fig03-gain-supervised": "with labels, hard negatives gain more than 40 points of accuracy",
    "fig03-gain-unsupervised": "without labels, hard negatives gain more than 40 points of accuracy",
    "fig03-hucl30": "without labels, too much hardness (β = 30) leads away from Neural-Collapse",
    "theory-theorem-2": "with labels, Neural-Collapse has the least loss, hard negatives or not",
    "theory-theorem-1": "hard negatives never lower a loss",
    "table2-supervised": "with labels, training that starts near Neural-Collapse stays there",
    "theory-remark-2": "a bound on the mean norm is enough for the theory",
    "theory-decay": "polynomial hardening decays more slowly than exponential",
    "fig04-row3-nc-supervised": "the unit sphere does as well as the unit ball",
    "fig04-row4-nc": "without normalisation nothing reaches Neural-Collapse",
}
NAMED = 3  # of them in a sentence
_PARTS = (  # the name of a colour, a heading, what opens each claim, and the verdicts
    ("reproduced", "What held", "", ("reproduced",)),
    ("not-reproduced", "What did not", "that ", ("not reproduced", "partly")),
    ("undecided", "What could not be told", "whether ", ("undecided", "not judged")),
)
_ENCODERS = {"small_resnet": "a small ResNet, 3 blocks", "resnet50": "ResNet-50", "mlp": "a multi-layer perceptron"}
_STEMS = {"patch": "4×4 patches", "cifar": "CIFAR stem", "torchvision": "ImageNet stem"}
_PAPER = {"seeds": "one run a setting", "hardware": "an NVIDIA A100"}  # D24, D25


def sentences(board: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return what held, what did not and what could not be told, a sentence each, in counts and the first claims.

    Args:
        board: of `hcl.companion.scoreboard.scoreboard`.

    Returns:
        For each the name of its colour, its heading with the counts, and the claims in words.
    """
    judged = board[board["verdict"] != "waiting"]
    waiting = len(board) - len(judged)
    said = []
    for colour, heading, opening, statuses in _PARTS:
        mine = judged[judged["verdict"].isin(statuses)]
        named = [f"{opening}{FIRST[name]}" for name in FIRST if name in set(mine["name"])][:NAMED]
        count = f"{len(mine)} of {len(judged)} claims"
        if partly := int((mine["verdict"] == "partly").sum()):
            count += f", {partly} of them in part"
        if colour == "undecided" and waiting:
            count += f"; {waiting} more wait for their runs"
        if len(mine) > len(named):
            named.append(f"and {len(mine) - len(named)} more")
        said.append((colour, f"{heading} ({count}):", "; ".join(named) + "." if named else "nothing."))
    return said


def outcome(board: pd.DataFrame) -> str:
    """Return `sentences` as HTML, a list of three."""
    items = [
        f'<li class="hcl-{colour}"><strong>{heading}</strong> {escape(rest)}</li>'
        for colour, heading, rest in sentences(board)
    ]
    return f'<ul class="hcl-outcome">{"".join(items)}</ul>'


def beside(runs: Sequence[Run]) -> pd.DataFrame:
    """Return how the main experiment was run in the paper and here, one row each for encoder, images and so on.

    The paper's column is the spec of the profile ``paper``, and what its Section 5 says of hardware.

    Args:
        runs: of Figure 3, at least one, of one profile.

    Returns:
        Columns paper and here, text.
    """
    paper = study("fig03", "paper", dataset=figure_named("fig03").dataset or "auto").specs[0]
    trained = [run for run in runs if not run.same_as] or list(runs)
    seeds = sorted({run.spec.seed for run in runs})
    minutes = sum(run.provenance["wall_seconds"] for run in trained) / len(trained) / 60
    devices = ", ".join(sorted({str(run.provenance["device"]) for run in trained}))
    took = f"{number(minutes, '.0f')} minutes" if minutes >= 1 else "less than a minute"
    here = _of(runs[0].spec) | {"seeds": _seeds(seeds), "hardware": f"{devices.removeprefix('CPU ')}; {took} a run"}
    columns = {"paper": _of(paper) | _PAPER, "here": here}
    return pd.DataFrame(columns).rename_axis(index=None)


def _seeds(seeds: Sequence[int]) -> str:
    return f"{len(seeds)} ({'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))})"


def _of(spec: RunSpec) -> dict[str, str]:
    encoder = _ENCODERS[spec.encoder] + (f", {_STEMS[spec.stem]}" if spec.encoder != "mlp" else "")
    names = {"cifar100": "CIFAR-100", "cifar10": "CIFAR-10"}
    return {
        "encoder": encoder,
        "images": f"{spec.num_train or NUM_TRAIN[spec.dataset]:,} of {names.get(spec.dataset, spec.dataset)}",
        "epochs": f"{spec.epochs:,}",
        "batch": f"{spec.batch_size}" if spec.batch_size else "all",
    }


def beside_table(runs: Sequence[Run]) -> str:
    """Return `beside` as an HTML table."""
    rows = [
        f'<tr><th scope="row">{name}</th><td>{escape(row["paper"])}</td><td>{escape(row["here"])}</td></tr>'
        for name, row in beside(runs).iterrows()
    ]
    head = '<tr><td></td><th scope="col">paper</th><th scope="col">here</th></tr>'
    return f'<table class="hcl-beside"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>'


def result(runs: Sequence[Run], reference: Sequence[Run] = ()) -> str:
    """Return in a sentence where the supervised runs end, without hard negatives and at the best hardness.

    Args:
        runs: of Figure 3.
        reference: see `hcl.companion.closest.closest`.
    """
    supervised = [run for run in runs if run.spec.supervised]
    if not supervised:
        return "No supervised run is recorded yet."
    table = closest(supervised, reference)
    classes = supervised[0].spec.num_classes
    said = []
    plain, hard = table[table.index == "SCL"], table[table.index != "SCL"]
    if len(plain):
        said.append(f"without hard negatives (SCL) {_place(plain.iloc[0], classes)}")
    if len(hard):
        said.append(f"with them ({hard.index[0]}) {_place(hard.iloc[0], classes)}")
    return f"{classes} classes, trained with labels: {'; '.join(said)}."


def _place(row: "pd.Series[Any]", classes: int) -> str:
    clusters, rank = (float(row.get(name, float("nan"))) for name in ("clusters", "effective_rank"))
    apart = "all stay apart" if clusters >= classes else f"they merge into {number(clusters, '.0f')} clusters"
    return f"{apart} and fill {number(rank, '.0f')} of {classes - 1} dimensions"


def data_note(runs: Sequence[Run]) -> str:
    """Return in words what data the main experiment was run on, and what that is enough for.

    Args:
        runs: of Figure 3, at least one.
    """
    spec = runs[0].spec
    each = (spec.num_train or NUM_TRAIN[spec.dataset]) // spec.num_classes
    own = figure_named("fig03").dataset
    said = "These runs are on CIFAR-100, the paper's data."
    if spec.dataset != own:
        said = f"CIFAR-100 was not to be had for these runs: {spec.dataset} stands in for it."
    if each < NUM_TRAIN[own or spec.dataset] // spec.num_classes:
        said += f" {each} images a class are enough to judge geometry, and too few to judge the paper's accuracies."
    return said


def code_link(where: Repository | None) -> str:
    """Return Markdown that links the code, to stand after another link; empty where its address is not fixed.

    Args:
        where: of `hcl.companion.launch.repository`.
    """
    return f" · [The code]({where.url})" if where else ""
