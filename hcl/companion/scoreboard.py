"""The paper's claims with their verdicts: each judged by the recorded runs that can judge it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from hcl.companion.claims import CLAIMS, Claim
from hcl.companion.evidence import Evidence
from hcl.companion.limits import LIMITS, REASONS, Limits, varied
from hcl.companion.profiles import BEST_FIRST
from hcl.companion.registry import FIGURES, PAPER, STAND_INS, figure_named
from hcl.companion.study import Study, study
from hcl.companion.verdicts import STATUSES, WAITING, Verdict
from hcl.training.catalogue import CATALOGUE
from hcl.training.runs import Run, get
from hcl.training.spec import RunSpec

# Where runs last long enough for the geometry to settle, best first.
LONG = tuple(name for name in BEST_FIRST if name != "laptop")
# The figure whose settings have several seeds, by data set: what seeds do to a run of the others is read off it.
HEADLINES = {"cifar100": "fig03", "tinyimagenet": "fig03", "cifar10": "fig05", "synthetic": "fig02"}

_MADE = ("data", "profile", "seeds", "runs")
_ALL = ("name", "figure", "claim", "where", "published", "measured", "verdict", "reason", *_MADE)


class Judges:
    """The recorded studies that judge claims, each read once; nothing is trained.

    A claim of geometry is judged at the best profile of paper, gpu and workstation at which a run of its figure is
    recorded; one of accuracy at the complete study with most images, and of these the longest.

    Args:
        root: folder of the records; None is `hcl.training.places.runs_root`.
        profile: in place of that choice, unless it is ``"auto"``.
    """

    def __init__(self, root: Path | None = None, profile: str = "auto") -> None:
        self._root, self._profile = root, profile
        self._studies: dict[tuple[str, str, str], Study] = {}
        self._loaded: dict[RunSpec, Run | None] = {}

    @property
    def records(self) -> int:
        """How many records it has read."""
        return sum(run is not None for run in self._loaded.values())

    def evidence(self, claim: Claim) -> tuple[Study | None, Evidence]:
        """Return the study whose runs judge a claim, and these as evidence; None for what is computed."""
        if claim.on == "computed":
            return None, Evidence((), ())
        if self._profile != "auto":
            chosen = self._study(claim.figure, self._profile)
        else:
            chosen = self._most_images(claim.figure) if claim.on == "images" else self._settled(claim.figure)
        return chosen, self.of(chosen, self._records(chosen), claim)

    def of(self, chosen: Study, found: Sequence[Run], claim: Claim) -> Evidence:
        """Return the evidence that runs of a study are for a claim."""
        beside = None
        if claim.beside:
            other = self._settled(claim.beside) if self._profile == "auto" else self._study(claim.beside, self._profile)
            beside = Evidence(other.specs, self._records(other), self.reference(other))
        return Evidence(chosen.specs, tuple(found), self.reference(chosen), beside=beside)

    def reference(self, chosen: Study) -> tuple[Run, ...]:
        """Return the runs of the headline figure on the data of a study, at its profile: what seeds do to a run."""
        figure = HEADLINES.get(chosen.figure.dataset or "")
        if figure is None:
            return ()
        own = chosen.figure.dataset == figure_named(figure).dataset
        return self._records(self._study(figure, chosen.profile, chosen.dataset if own else "auto"))

    def _study(self, figure: str, profile: str, dataset: str = "auto") -> Study:
        key = (figure, profile, dataset)
        if key not in self._studies:
            self._studies[key] = study(figure, profile, dataset=dataset, root=self._root)
        return self._studies[key]

    def _records(self, chosen: Study) -> tuple[Run, ...]:
        for spec in chosen.specs:
            if spec not in self._loaded:
                self._loaded[spec] = get(spec, self._root)
        return tuple(run for spec in chosen.specs if (run := self._loaded[spec]) is not None)

    def _settled(self, figure: str) -> Study:
        studies = [self._study(figure, profile) for profile in LONG]
        return next((found for found in studies if found.recorded(self._root)), studies[-1])

    def _most_images(self, figure: str) -> Study:
        studies = [self._study(figure, profile) for profile in BEST_FIRST]
        done = [found for found in studies if found.complete(self._root)]

        def size(found: Study) -> tuple[int, int]:
            spec = found.specs[0]
            return spec.num_train or CATALOGUE[spec.dataset].num_train or 0, spec.epochs

        return max(done, key=size, default=self._settled(figure))


def assess(claim: Claim, study: Study | None, evidence: Evidence, limits: Limits = LIMITS) -> Verdict:
    """Return the verdict of a study's runs on a claim.

    Without runs it waits for them. At ``smoke``, and on data that is neither the figure's own nor its stand-in, nothing
    is judged: such runs show that everything works.
    """
    if study is None:
        return claim.check(evidence)
    own = figure_named(claim.figure).dataset
    if study.profile == "smoke" or study.dataset not in (own, STAND_INS.get(own or "")):
        return replace(WAITING, status="not judged", reason=f"runs on {study.dataset} only show that everything works")
    return claim.check(evidence.under(limits))


def verdicts(figures: Sequence[str], study: Study, runs: Sequence[Run]) -> pd.DataFrame:
    """Return the claims about figures with the verdicts of a study's runs, one row a claim.

    Args:
        figures: names.
        study: that the runs are of.
        runs: that test them.

    Returns:
        Columns as of `scoreboard`; the index, claim, is the statement.
    """
    judges = Judges()
    about = [claim for claim in CLAIMS if claim.figure in figures and claim.on != "computed"]
    rows = [_row(claim, study, found) for claim in about for found in [judges.of(study, runs, claim)]]
    return pd.DataFrame(rows, columns=list(_ALL)).set_index("claim")


def of_figure(*names: str, root: Path | None = None) -> pd.DataFrame:
    """Return the claims about figures, each with the verdict of the recorded runs that can judge it.

    Args:
        *names: of the figures.
        root: folder of the records; None is `hcl.training.places.runs_root`.

    Returns:
        As `verdicts`.
    """
    return _board([claim for claim in CLAIMS if claim.figure in names], Judges(root)).set_index("claim")


def scoreboard(root: Path | None = None, profile: str = "auto", judges: Judges | None = None) -> pd.DataFrame:
    """Return every claim with its verdict; nothing is trained.

    Args:
        root: folder of the records; None is `hcl.training.places.runs_root`.
        profile: that judges; ``"auto"`` is for each claim the one that can, see `Judges`.
        judges: in place of both, where records that it has read are to be read once.

    Returns:
        Columns name, figure, claim, where, published, measured, verdict, reason, data, profile, seeds and, these three
        in one, runs; all text. The last four are empty where no run is recorded.
    """
    return _board(CLAIMS, judges or Judges(root, profile))


def _board(claims: Sequence[Claim], judges: Judges) -> pd.DataFrame:
    return pd.DataFrame([_row(claim, *judges.evidence(claim)) for claim in claims], columns=list(_ALL))


def sensitivity(root: Path | None = None, judges: Judges | None = None) -> pd.DataFrame:
    """Return which verdicts change where a constant is half or twice what it is, one row a change.

    Args:
        root: folder of the records; None is `hcl.training.places.runs_root`.
        judges: in its place, where records that it has read are to be read once.

    Returns:
        Columns limit, value (what it was changed to), name (of the claim), verdict and becomes.
    """
    judges = judges or Judges(root)
    judged = [(claim, *judges.evidence(claim)) for claim in CLAIMS if claim.on != "computed"]
    usual = {claim.name: assess(claim, chosen, found).status for claim, chosen, found in judged}
    rows = [
        (name, getattr(limits, name), claim.name, usual[claim.name], status)
        for name, _, limits in varied()
        for claim, chosen, found in judged
        if (status := assess(claim, chosen, found, limits).status) != usual[claim.name]
    ]
    return pd.DataFrame(rows, columns=["limit", "value", "name", "verdict", "becomes"])


def of_paper(board: pd.DataFrame) -> pd.DataFrame:
    """Return the claims of the paper; the others are statements of this project.

    Args:
        board: of `scoreboard`.
    """
    return board[[FIGURES[name].part == PAPER for name in board["figure"]]]


def of_others(board: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the claims that are not the paper's by whose they are: other works by name, this project's under ``""``.

    Args:
        board: of `scoreboard`.
    """
    rest = board.drop(of_paper(board).index)
    work = rest["figure"].map(lambda name: FIGURES[name].work)
    return {str(of): rest[work == of] for of in dict.fromkeys(work)}


def counted(table: pd.DataFrame) -> str:
    """Return in words how many claims have which verdict, most frequent first.

    Args:
        table: with a column ``verdict``.
    """
    return ", ".join(f"{n} {status}" for status, n in table["verdict"].value_counts().items())


def summary(board: pd.DataFrame) -> str:
    """Return how many claims of each figure have which verdict, as the Markdown table of the README.

    Args:
        board: of `scoreboard`.
    """
    rows = [[*("figure", *STATUSES, "data", "profile", "seeds")]]
    rows.append(["---"] * len(rows[0]))
    others = {f"of {work or 'this project'}, not of the paper": claims for work, claims in of_others(board).items()}
    for name, claims in {"all": of_paper(board), **others}.items():
        rows += _counts(claims)
        if len(claims):
            totals = [str((claims["verdict"] == status).sum()) for status in STATUSES]
            rows.append([f"**{name}**", *(f"**{total}**" for total in totals), "", "", ""])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _counts(board: pd.DataFrame) -> list[list[str]]:
    rows = []
    for figure, claims in board.groupby("figure", sort=False):
        counts = [str((claims["verdict"] == status).sum() or "") for status in STATUSES]
        made = [", ".join(dict.fromkeys(filter(None, claims[name]))) for name in ("data", "profile")]
        seeds = ", ".join(sorted({seed for text in claims["seeds"] for seed in text.split(", ") if seed}))
        rows.append([str(figure), *counts, *made, seeds])
    return rows


def _row(claim: Claim, chosen: Study | None, found: Evidence) -> dict[str, str]:
    verdict = assess(claim, chosen, found)
    made = dict.fromkeys(_MADE, "")
    if chosen is None:
        made["runs"] = "computed"
    elif found.runs:
        seeds = ", ".join(str(seed) for seed in sorted({run.spec.seed for run in found.runs}))
        made = {"data": chosen.dataset, "profile": chosen.profile, "seeds": seeds}
        made["runs"] = "{data}, {profile}, seed {seeds}".format(**made)
    return {
        "name": claim.name, "figure": claim.figure, "claim": claim.statement, "where": claim.where,
        "published": claim.published, "measured": verdict.measured, "verdict": verdict.status,
        "reason": verdict.reason, **made,
    }  # fmt: skip


def limits_table(changed: pd.DataFrame) -> pd.DataFrame:
    """Return the constants with their reasons and how many verdicts change at half and at twice their values.

    Args:
        changed: of `sensitivity`.

    Returns:
        Columns value, at half, at twice and why; the index is the limit.
    """
    rows = []
    for name, reason in REASONS.items():
        value = getattr(LIMITS, name)
        mine = changed[changed["limit"] == name]
        counts = [(mine["value"] == factor * value).sum() for factor in (0.5, 2.0)]
        rows.append((name.replace("_", " "), f"{value:g}", *map(str, counts), reason))
    return pd.DataFrame(rows, columns=["limit", "value", "at half", "at twice", "why"]).set_index("limit")


def changes_table(changed: pd.DataFrame) -> pd.DataFrame:
    """Return the verdicts that change with a limit, each claim in its own words.

    Args:
        changed: of `sensitivity`.

    Returns:
        Columns claim, verdict and becomes; the index is the limit with the value it was changed to.
    """
    said = {claim.name: f"{figure_named(claim.figure).label}: {claim.statement}" for claim in CLAIMS}
    limits = changed["limit"].str.replace("_", " ") + " = " + changed["value"].map("{:g}".format)
    table = changed.assign(limit=limits, claim=changed["name"].map(said))
    return table.set_index("limit")[["claim", "verdict", "becomes"]]
