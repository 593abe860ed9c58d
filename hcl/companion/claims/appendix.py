"""Claims of Appendix B and of Section 5 on k: CIFAR-10, Tiny-ImageNet, small batches, hardening, SimCLR sampling."""

from typing import Any

from hcl.companion import statements
from hcl.companion.claims.parts import (
    CASES,
    SEEN,
    Check,
    Claim,
    accuracy,
    best_and_worst_unsupervised,
    can_gain,
    can_reach,
    collapses,
    gains,
    more_dimensions_supervised,
    of,
    plain,
    reaches,
    shrinks,
    stays_off,
)
from hcl.companion.evidence import Evidence
from hcl.companion.limits import LIMITS
from hcl.companion.verdicts import Verdict, judge

_FIG5, _FIG7, _FIG8, _FIG9 = "Sec. B.1, Fig. 5", "Sec. B.1, Fig. 7", "Sec. 5.6 and B.3, Fig. 8", "Sec. B.3, Fig. 9"
_NEARLY = f"the metrics below {LIMITS.nearly_zero:g}"


def _polynomial(figure: str) -> list[Claim]:
    """Return the claims of Section B.4 about a figure."""
    where = f"Sec. B.4, Fig. {figure[3:]}"
    claims = []
    for supervised, case, name in CASES:
        claims += [
            Claim(
                f"{figure}-nc-{case}", figure,
                f"With a suitable ε the {case} case reaches or nearly reaches Neural-Collapse ({_NEARLY}).",
                where, "~ 0 for some ε", can_reach(supervised, nearly=True),
            ),
            Claim(
                f"{figure}-dc-{case}", figure,
                f"Polynomial hardening can mitigate Dimensional-Collapse in the {case} case (effective rank above "
                f"{name}'s).", where, SEEN, can_gain(supervised, "effective_rank"),
            ),
        ]  # fmt: skip
    return claims


def _simclr(figure: str, objective: str) -> list[Claim]:
    """Return the claims of Section B.5 about a figure, whose runs have an objective."""
    where = f"Sec. B.5, Fig. {figure[3:]}"
    runs_of: dict[str, Any] = {"positives": "augmentation", "objective": objective}

    def off(metric: str) -> Check:
        return lambda e: judge(statements.above(of(e, **runs_of), metric, e.limits.near_zero, e.limits))

    def inside(e: Evidence) -> Verdict:
        settings = of(e, **runs_of)
        return judge(
            [
                *statements.above(settings, "inside", 0.5, e.limits),
                *statements.above(settings, "off_sphere", e.limits.off_sphere, e.limits),
            ]
        )

    return [
        *(
            Claim(
                f"{figure}-{metric.replace('_', '-')}", figure,
                f"With SimCLR sampling the {name} metric stays away from zero (above {LIMITS.near_zero:g}) at every "
                "hardness.", where, "≫ 0 in the plot", off(metric),
            )
            for metric, name in zip(
                ("equal_inner_product", "zero_sum", "unit_norm"), ("equal inner-product", "zero-sum", "unit-norm"),
                strict=True,
            )
        ),
        Claim(
            f"{figure}-inside", figure,
            "With SimCLR sampling the representations lie mostly within the unit ball rather than on its surface: more "
            f"than half of them, and a mean squared norm more than {LIMITS.off_sphere:g} below 1.", where,
            "concluded from the unit-norm metric of class means (P14)", inside,
        ),
        *(
            Claim(
                f"{figure}-dc-{case}", figure,
                f"With SimCLR sampling hard negatives can mitigate Dimensional-Collapse in the {case} case "
                f"(effective rank above {name}'s).", where, SEEN, can_gain(supervised, "effective_rank", **runs_of),
            )
            for supervised, case, name in CASES
        ),
    ]  # fmt: skip


def _like_figure_12(e: Evidence) -> Verdict:
    assert e.beside is not None
    others = of(e.beside, positives="augmentation")
    partner = statements.alike(others, objective="simclr")
    settings = of(e, positives="augmentation", objective="algorithm1")
    tolerance = e.limits.alike * (settings[0].spec.num_classes - 1) if settings else 0.0
    return judge(
        [
            *statements.close(settings, partner, "effective_rank", tolerance, e.limits, word="Fig. 12"),
            *statements.close(settings, partner, "equal_inner_product", e.limits.nearly_zero, e.limits, word="Fig. 12"),
        ]
    )


def _for_any_k(metric: str, tolerance: str) -> Check:
    def check(e: Evidence) -> Verdict:
        base = statements.alike(e.select(k=256), k=256)
        return judge(
            part
            for k in (32, 512)
            for part in statements.close(
                e.select(k=k), base, metric, getattr(e.limits, tolerance), e.limits, word=f"at k = {k}; k = 256"
            )
        )

    return check


APPENDIX: tuple[Claim, ...] = (
    *accuracy("fig05", "Sec. 5.2, Fig. 5", ("above SCL in the plot", "above UCL in the plot")),
    Claim(
        "fig05-hscl", "fig05", "Any degree of hardness brings the supervised case to Neural-Collapse.", _FIG5, "~ 0",
        lambda e: judge(collapses(statements.hardened(of(e, True)), e)),
    ),
    Claim(
        "fig05-plain", "fig05", "SCL and UCL do not reach Neural-Collapse.", _FIG5, "> 0",
        lambda e: judge(stays_off(plain(e), e)),
    ),
    *best_and_worst_unsupervised("fig05", _FIG5),
    Claim(
        "fig05-unit-norm", "fig05",
        f"The unit-norm metric goes to zero (below {LIMITS.near_zero:g}) in every setting.", _FIG5, "~ 0",
        lambda e: judge(statements.below(of(e), "unit_norm", e.limits.near_zero, e.limits)),
    ),
    Claim(
        "fig07-hscl", "fig07", f"HSCL comes close to Neural-Collapse at β = 5, 10 and 30 ({_NEARLY}).", _FIG7, "~ 0",
        reaches(True, (5, 10, 30), nearly=True),
    ),
    *best_and_worst_unsupervised("fig07", _FIG7),
    Claim(
        "fig07-plain", "fig07", "Without hard negatives SCL and UCL suffer from Dimensional-Collapse.", _FIG7,
        "a cliff in the plot", lambda e: judge(shrinks(plain(e), e)),
    ),
    *(
        Claim(
            f"fig07-{case}", "fig07",
            f"Hard negatives mitigate Dimensional-Collapse in the {case} case: at every β the effective rank is above "
            f"{name}'s.", _FIG7, SEEN, gains(supervised, "effective_rank"),
        )
        for supervised, case, name in CASES
    ),
    Claim(
        "fig07-higher-hardness", "fig07",
        "The supervised case gains more from high hardness: at β = 30 its effective rank is above the unsupervised "
        "one's.", _FIG7, SEEN, more_dimensions_supervised,
    ),
    Claim(
        "fig08-hscl", "fig08", f"With batch 64 HSCL nearly reaches Neural-Collapse at β = 5, 10 and 30 ({_NEARLY}).",
        _FIG8, "~ 0", reaches(True, (5, 10, 30), nearly=True),
    ),
    Claim(
        "fig08-hucl", "fig08", f"With batch 64 HUCL nearly reaches Neural-Collapse at β = 5 ({_NEARLY}).", _FIG8, "~ 0",
        reaches(False, (5,), nearly=True),
    ),
    Claim(
        "fig09-hscl30", "fig09", f"With batch 32 HSCL reaches Neural-Collapse at β = 30 ({_NEARLY}).",
        f"{_FIG9} (Sec. 5.6 says that none does, P15)", "~ 0", reaches(True, (30,), nearly=True),
    ),
    Claim(
        "fig09-hscl", "fig09", "With batch 32 SCL and HSCL do not reach Neural-Collapse at any other β.",
        _FIG9, "> 0", lambda e: judge(stays_off(of(e, True, (0, 2, 5, 10)), e)),
    ),
    Claim(
        "fig09-hucl", "fig09", "With batch 32 UCL and HUCL do not reach Neural-Collapse at any β.", _FIG9, "> 0",
        lambda e: judge(stays_off(of(e, False), e)),
    ),
    *_polynomial("fig10"),
    *_polynomial("fig11"),
    *_simclr("fig12", "simclr"),
    *_simclr("fig13", "algorithm1"),
    Claim(
        "fig13-like-fig12", "fig13",
        f"Figure 13 is very similar to Figure 12: effective ranks within {LIMITS.alike:.0%} of C - 1, equal "
        f"inner-product metrics within {LIMITS.nearly_zero:g}.", "Sec. B.5, Figs 12 and 13", SEEN, _like_figure_12,
        beside="fig12",
    ),
    Claim(
        "fidelity-k-geometry", "fidelity",
        "From 32 to 512 negatives the equal inner-product metric changes only slightly (by less than "
        f"{LIMITS.slight_geometry:g}).", "Sec. 5", "slight changes, no numbers (D32)",
        _for_any_k("equal_inner_product", "slight_geometry"),
    ),
    Claim(
        "fidelity-k-accuracy", "fidelity",
        f"From 32 to 512 negatives the test accuracy changes only slightly (by less than {LIMITS.slight_accuracy:g}).",
        "Sec. 5", "slight changes, no numbers (D32)", _for_any_k("test_accuracy", "slight_accuracy"),
    ),
)  # fmt: skip
