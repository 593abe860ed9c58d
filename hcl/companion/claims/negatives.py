"""Claims of Awasthi, Dikkala and Kamath (2022) on the number of negatives, and our own on rare classes.

What needs no run is in `hcl.companion.claims.negatives_parts`.
"""

from collections.abc import Sequence
from typing import Any

from hcl.companion import indistinguishable
from hcl.companion import negatives_tables as tables
from hcl.companion.claims import negatives_parts as has
from hcl.companion.claims.parts import Check, Claim
from hcl.companion.compare import compare
from hcl.companion.evidence import Evidence, Setting
from hcl.companion.limits import Limits
from hcl.companion.negatives_images import called, cosine_similarities
from hcl.companion.verdicts import Part, Verdict, both, holds, judge
from hcl.training.imbalance import shares


def _of_classes(e: Evidence, balanced: bool) -> list[Setting]:
    ratios = {setting.spec.imbalance for setting in e.settings}
    wanted = tuple(ratio for ratio in ratios if (ratio == 1) == balanced)
    return sorted(e.select(imbalance=wanted), key=lambda setting: setting.spec.k or 0) if wanted else []


def with_k(settings: Sequence[Setting], measure: str, limits: Limits, slack: float, *, rises: bool) -> list[Part]:
    """Return whether a measure gets no worse from the fewest negatives to more.

    Args:
        settings: by rising k.
        measure: column of the histories.
        limits: constants.
        slack: as much worse is none.
        rises: whether more is worse.
    """
    if len(settings) < 2:
        return []
    first, parts, sign = settings[0], [], -1 if rises else 1
    for setting in settings[1:]:
        state, why = compare([(sign, setting), (-sign, first)], measure, -slack, limits)
        numbers = [f"{s.mean(measure):.3f}" if s.runs else "–" for s in (setting, first)]
        text = f"{called(setting.spec)}: {numbers[0]} (k = {first.spec.k}: {numbers[1]})"
        parts.append(Part(measure.replace("_", " "), text, state, why))
    return parts


def _no_worse(measure: str, balanced: bool, *, rises: bool) -> Check:
    def check(e: Evidence) -> Verdict:
        slack = e.limits.slight_accuracy
        return judge(with_k(_of_classes(e, balanced), measure, e.limits, slack, rises=rises))

    return check


def _equiangular(e: Evidence) -> Verdict:
    parts = []
    for setting in _of_classes(e, True):
        state, why = compare([(-1, setting)], "equal_inner_product_cosine", -e.limits.nearly_zero, e.limits)
        fitted, not_fitted = compare([(-1, setting)], "spread", -e.limits.within_class, e.limits)
        value = f"{setting.mean('equal_inner_product_cosine'):.3f}" if setting.runs else "–"
        at = Part("cosines of class means, mean distance from −1/(C−1)", f"{called(setting.spec)}: {value}", state, why)
        parts.append(both(at, Part("", "", "unsettled" if fitted == "fails" else fitted, not_fitted)))
    return judge(parts)


def _rarer_nearer(e: Evidence) -> Verdict:
    parts = []
    for setting in _of_classes(e, False):
        name = "rank correlation of cosine and weight of pairs"
        if not setting.runs:
            parts.append(
                Part(name, f"{called(setting.spec)}: –", "waiting", f"still to be made: {called(setting.spec)}")
            )
            continue
        found = []
        for run in setting.runs:
            weights = shares(run.spec.num_classes, run.spec.imbalance)
            similarities = cosine_similarities(run.arrays["means"])
            found.append(tables.follows(tables.as_tensor(similarities), weights))
        text = f"{called(setting.spec)}: {min(found):.2f} to {max(found):.2f}"
        parts.append(holds(name, text, max(found) < -0.3))
    return judge(parts)


def _claim(figure: str, name: str, statement: str, where: str, published: str, check: Check, **more: Any) -> Claim:
    return Claim(f"{figure}-{name}", figure, statement, where, published, check, **{"on": "computed", **more})


_LEMMA, _BALANCED, _UNEQUAL = "Lemma 1", "balanced class distribution", "unbalanced class distributions"
_EARLIER, _SHOWN = "earlier bounds", "experiments, CIFAR-10 and CIFAR-100"

NEGATIVES: tuple[Claim, ...] = (
    _claim(
        "negatives", "lemma",
        "Merging a class at one of its items lowers the loss on average, whatever k: the optimal representation is "
        "latent-indistinguishable (logistic loss).", _LEMMA, "proved",
        has.computed(indistinguishable.lemma_table, has.lemma),
    ),
    _claim(
        "negatives", "lemma-convex", "The same by the same construction for every strictly convex loss.", _LEMMA,
        "stated", has.computed(has.lemma_of_all, has.lemma),
    ),
    _claim(
        "negatives", "etf", "Balanced classes: for any k the optimal representation is the simplex ETF (d >= C - 1).",
        _BALANCED, "proved", has.computed(tables.balanced_table, has.stationary, has.etf),
    ),
    _claim(
        "negatives", "constant", "Balanced classes: the downstream loss of the optimal representation does not grow "
        "with k.", _BALANCED, "proved", has.computed(tables.balanced_table, has.stationary, has.never_rises),
    ),
    _claim(
        "negatives", "trade-off", "As k grows first the coverage of all classes increases, then the collisions.",
        _EARLIER, "said of earlier work", has.trade_off,
    ),
    _claim(
        "negatives", "alpha", "The factor α(k, ρ) of the earlier bound first falls with k, then grows exponentially, "
        "with η = 1 + 1/(C - 1).", _EARLIER, "η^k / k", has.alpha,
    ),
    _claim(
        "negatives", "bounded", "The downstream loss is at most α(k, ρ) (contrastive loss − τ(k)).", _EARLIER,
        "proved by Saunshi et al. and Ash et al.", has.bounded,
    ),
    _claim(
        "negatives", "interval", "The downstream loss lies within an interval around the contrastive loss whose width "
        "falls with k to a constant.", _EARLIER, "proved by Bao et al. and Nozawa and Sato", has.within,
    ),
    _claim(
        "negatives_unbalanced", "points", "Unbalanced classes: the optimal representation is latent-indistinguishable.",
        _UNEQUAL, "proved", has.computed(tables.frequent_table, has.stationary, has.points),
    ),
    _claim(
        "negatives_unbalanced", "separations",
        "Unbalanced classes: the separations of the optimal representation are determined by the class distribution "
        "(rarer classes are nearer to each other).", _UNEQUAL, "stated",
        has.computed(tables.tail_table, has.stationary, has.separations),
    ),
    *(
        _claim(
            "negatives_unbalanced", f"conjecture-{name}",
            f"Conjecture: the downstream loss of the optimal representation does not grow with k, {of}.",
            f"{_UNEQUAL}; open directions", "conjectured", has.computed(compute, has.stationary, has.never_rises),
        )
        for name, of, compute in (
            ("frequent", "one of three classes more frequent", tables.frequent_table),
            ("tail", "ten classes with weights that fall by equal factors", tables.tail_table),
            ("random", "class distributions at random", tables.random_table),
        )
    ),
    _claim(
        "negatives_images", "etf",
        "Balanced classes of real images: cosine similarities of class means are those of an ETF for every k.", _SHOWN,
        "plots of cosine similarities", _equiangular, on="settled",
    ),
    *(
        _claim(
            "negatives_images", f"{measure}-{'balanced' if balanced else 'unbalanced'}",
            f"{'Balanced' if balanced else 'Unbalanced'} classes of real images: {text} with more negatives.",
            "main conclusion", "more negatives need not be harmful", _no_worse(column, balanced, rises=rises),
            on="settled",
        )
        for balanced in (True, False)
        for measure, column, rises, text in (
            ("loss", "downstream_loss", True, "the downstream loss does not grow"),
            ("accuracy", "ncc_accuracy", False, "the downstream accuracy does not fall"),
        )
    ),
    _claim(
        "negatives_images", "unbalanced",
        "Unbalanced classes of real images: separations follow the class distribution (rarer classes are nearer).",
        _SHOWN, "stated", _rarer_nearer, on="settled",
    ),
)  # fmt: skip

OURS: tuple[Claim, ...] = (
    _claim(
        "negatives_merging", "merge",
        "Too few negatives merge rare classes, more part them: the number it takes grows with the imbalance.",
        _UNEQUAL, "not asked", has.computed(tables.frequent_table, has.stationary, has.merging),
    ),
    _claim(
        "negatives_merging", "nearer", "With every further negative rare classes are farther apart, or no nearer.",
        _UNEQUAL, "not asked", has.computed(tables.frequent_table, has.stationary, has.nearer),
    ),
    _claim(
        "negatives_merging", "accuracy", "It is few negatives that cost downstream accuracy, where they merge classes.",
        _UNEQUAL, "not asked", has.parting_counts,
    ),
    _claim(
        "negatives_merging", "few", "In fewer than C - 1 dimensions too the downstream loss of the minimiser does not "
        "grow with k (balanced).", _BALANCED, "d >= C - 1 only",
        has.computed(tables.few_table, has.stationary, has.never_rises),
    ),
)  # fmt: skip
