"""The paper's claims with their verdicts, for the figures of a page and for the whole book."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from hcl.claims import CLAIMS, Claim
from hcl.paper import Study, study
from hcl.registry import STAND_INS, figure_named
from hcl.runs import Run
from hcl.verdicts import NOT_RUN, STATUSES, Verdict


def assess(claim: Claim, study: Study, runs: Sequence[Run]) -> Verdict:
    """Return the verdict of a study's runs on a claim.

    Without runs, at ``smoke``, and on data that is neither the figure's own nor its stand-in there is none. At a
    profile that cannot test the claim the numbers are shown, unmarked, with the reason.

    Args:
        claim: about a figure.
        study: of that figure, or of one that shares runs with it.
        runs: of the study.
    """
    own = figure_named(claim.figure).dataset
    if not runs or study.profile == "smoke" or study.dataset not in (own, STAND_INS.get(own or "")):
        return NOT_RUN
    verdict = claim.check(runs)
    return verdict if study.profile in claim.scales else verdict.untested(claim.reason)


def verdicts(figures: Sequence[str], study: Study, runs: Sequence[Run]) -> pd.DataFrame:
    """Return the claims about figures with their verdicts, one row a claim.

    Args:
        figures: names.
        study: that the runs are of.
        runs: that test them.

    Returns:
        Columns where, published, measured and verdict; the index, claim, is the statement.
    """
    rows = [_row(claim, assess(claim, study, runs)) for claim in CLAIMS if claim.figure in figures]
    return pd.DataFrame(rows, columns=list(_COLUMNS)).set_index("claim")


def scoreboard(root: Path | None = None, profile: str = "auto") -> pd.DataFrame:
    """Return every claim with the verdict of its figure's best recorded study; nothing is trained.

    Args:
        root: folder of the records; None is `hcl.runs.default_root`.
        profile: of the studies; see `hcl.paper.study`.

    Returns:
        Columns name, figure, claim, where, published, measured, verdict, data, profile, seeds and, these three in one,
        runs; all text. The last four are empty where the study is not complete.
    """
    rows = []
    for figure in dict.fromkeys(claim.figure for claim in CLAIMS):
        best = study(figure, profile, root=root)
        runs = best.records(root) if best.complete(root) else []
        made = dict.fromkeys(("data", "profile", "seeds", "runs"), "")
        if runs:
            made = {"data": best.dataset, "profile": best.profile, "seeds": _seeds(best)}
            made["runs"] = "{data}, {profile}, seed {seeds}".format(**made)
        rows += [
            {"name": claim.name, "figure": figure, **_row(claim, assess(claim, best, runs)), **made}
            for claim in CLAIMS
            if claim.figure == figure
        ]
    return pd.DataFrame(rows)


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
    for figure, claims in board.groupby("figure", sort=False):
        counts = [str((claims["verdict"] == status).sum() or "") for status in STATUSES]
        rows.append([str(figure), *counts, *claims.iloc[0][["data", "profile", "seeds"]]])
    totals = [str((board["verdict"] == status).sum()) for status in STATUSES]
    rows.append(["**all**", *(f"**{total}**" for total in totals), "", "", ""])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


_COLUMNS = ("claim", "where", "published", "measured", "verdict")


def _row(claim: Claim, verdict: Verdict) -> dict[str, str]:
    values = (claim.statement, claim.where, claim.published, verdict.measured, verdict.status)
    return dict(zip(_COLUMNS, values, strict=True))


def _seeds(study: Study) -> str:
    return ", ".join(str(seed) for seed in sorted({spec.seed for spec in study.specs}))
