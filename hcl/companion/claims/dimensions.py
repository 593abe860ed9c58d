"""What this project asks of runs in other than C - 1 dimensions; the rules were fixed before these runs were made."""

from statistics import fmean

from hcl.companion import dimensions, statements
from hcl.companion.claims.parts import Claim, collapses
from hcl.companion.compare import compare
from hcl.companion.entries_dimensions import FEWER, MORE
from hcl.companion.evidence import Evidence
from hcl.companion.labels import label
from hcl.companion.limits import LIMITS
from hcl.companion.verdicts import Part, Verdict, both, holds, judge


def _cross_polytope(e: Evidence) -> Verdict:
    parts = []
    for setting in statements.hardened(e.select(dim=FEWER)):
        name = "cosines of class means, mean distance from those of a cross-polytope"
        if not setting.runs:
            parts.append(Part(name, f"{label(setting.spec)}: –", "waiting", f"still to be made: {label(setting.spec)}"))
            continue
        off = fmean(dimensions.off_cross_polytope(run.arrays["means"]) for run in setting.runs)
        at = holds(name, f"{label(setting.spec)}: {off:.3f}", off < e.limits.nearly_zero)
        fitted, why = compare([(-1, setting)], "spread", -e.limits.within_class, e.limits)
        parts.append(both(at, Part("", "", "unsettled" if fitted == "fails" else fitted, why)))
    return judge(parts)


def _collapse(e: Evidence) -> Verdict:
    return judge(collapses(statements.hardened(e.select(dim=MORE, supervised=True)), e))


def _as_without(e: Evidence) -> Verdict:
    partner = statements.alike(e.settings, dim=None)
    more = e.select(dim=MORE)
    dimensions_needed = more[0].spec.num_classes - 1 if more else 1
    return judge(
        statements.close(
            more, partner, "effective_rank", e.limits.alike * dimensions_needed, e.limits, word="d = C − 1"
        )
    )  # fmt: skip


DIMENSIONS: tuple[Claim, ...] = (
    Claim(
        "dimensions-few", "dimensions",
        "In C/2 dimensions, where the least loss found is at a cross-polytope, HSCL and HUCL at β = 5 end there "
        f"(cosines within {LIMITS.nearly_zero:g} of its).", "Sec. 4 asks for d >= C - 1", "not asked", _cross_polytope,
    ),
    Claim(
        "dimensions-many", "dimensions", "In 2C dimensions HSCL at β = 5 ends at Neural-Collapse.",
        "Theorem 2, of the optimum only", "not asked", _collapse,
    ),
    Claim(
        "dimensions-alike", "dimensions",
        "More dimensions than an ETF needs change nothing: at 2C the effective rank of SCL, HSCL, UCL and HUCL is "
        f"within {LIMITS.alike:.0%} of C - 1 of that in C - 1 dimensions.", "Sec. 5 has d = C - 1 only", "not asked",
        _as_without,
    ),
)  # fmt: skip
