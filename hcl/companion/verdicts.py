"""From settings to verdicts: the parts of a claim, each of which holds, fails or is open, and what they come to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

Status = Literal["reproduced", "partly", "not reproduced", "undecided", "not judged", "waiting"]
STATUSES: tuple[Status, ...] = get_args(Status)
# Of a part: what is open is undecided where another seed might turn it, unsettled where more epochs might.
State = Literal["holds", "fails", "undecided", "unsettled", "waiting", "shown"]

NC_METRICS = ("zero_sum", "unit_norm", "equal_inner_product")
MARKS: dict[State, str] = {"fails": " ✗", "undecided": " (?)", "unsettled": " (…)"}


@dataclass(frozen=True)
class Part:
    """A number that a claim rests on.

    Attributes:
        metric: what it is called.
        text: the setting and the number.
        state: whether it agrees with the claim, or why it cannot be told; ``"shown"`` is not judged.
        reason: why it cannot be told, with the number, and what would tell.
    """

    metric: str
    text: str
    state: State
    reason: str = ""


@dataclass(frozen=True)
class Verdict:
    """What came of a claim.

    Attributes:
        status: reproduced if every part holds, partly if some do and some fail, not reproduced if all fail; where parts
            are open and these could turn it: waiting, not judged or undecided.
        measured: the numbers it rests on, those that speak against the claim marked.
        reason: why it is none of the first three.
    """

    status: Status
    measured: str
    reason: str = ""


WAITING = Verdict("waiting", "–", "its runs are still to be made")


def holds(name: str, text: str, so: bool) -> Part:
    """Return the part that a number is, which holds or fails."""
    return Part(name, text, "holds" if so else "fails")


def judge(parts: Iterable[Part], *, enough: Literal["all", "any"] = "all", partial: bool = True) -> Verdict:
    """Return the verdict of a claim's parts; without any to judge it waits for its runs.

    Args:
        parts: of the claim.
        enough: whether all parts must hold, or any one does.
        partial: whether the claim can hold in part; if not, a single part that fails refutes it.
    """
    parts = list(parts)
    states = [part.state for part in parts if part.state != "shown"]
    holds, fails = states.count("holds"), states.count("fails")
    status: Status
    if not states:
        return WAITING
    if enough == "any" and holds:
        status = "reproduced"
        parts = [part if part.state == "holds" else replace(part, state="shown") for part in parts]
    elif fails == len(states) or (fails and not partial):
        status = "not reproduced"
    elif holds == len(states):
        status = "reproduced"
    elif enough == "all" and holds and fails:
        status = "partly"
    else:
        status = "waiting" if "waiting" in states else "not judged" if "unsettled" in states else "undecided"
    open_status = status in ("undecided", "not judged", "waiting")
    reasons = dict.fromkeys(part.reason for part in parts if part.reason and part.state in _OPEN[status])
    return Verdict(status, _written(parts), "; ".join(reasons) if open_status else "")


_OPEN: dict[Status, tuple[State, ...]] = {
    "reproduced": (), "partly": (), "not reproduced": (), "undecided": ("undecided",),
    "not judged": ("unsettled",), "waiting": ("waiting",),
}  # fmt: skip


def _written(parts: Sequence[Part]) -> str:
    groups: dict[str, list[str]] = {}
    for part in parts:
        groups.setdefault(part.metric, []).append(part.text + MARKS.get(part.state, ""))
    return ". ".join(f"{name} – {'; '.join(texts)}" for name, texts in groups.items())


STRONGEST: Sequence[State] = ("waiting", "fails", "unsettled", "undecided", "holds")  # of states that must all hold


def both(first: Part, second: Part) -> Part:
    """Return the first part as one that holds only where the second does too."""
    decisive = min((first, second), key=lambda part: STRONGEST.index(part.state))
    return replace(first, state=decisive.state, reason=decisive.reason)


def off(at: Part) -> Part:
    """Return the part of the contrary statement: what holds fails, what fails holds, what is open stays so."""
    contrary: dict[State, State] = {"holds": "fails", "fails": "holds"}
    return replace(at, state=contrary.get(at.state, at.state))
