"""The SCL, HSCL, UCL and HUCL losses against Algorithm 1 in loops (oracle.py), the theorems, and degenerate input."""

import itertools
from math import exp, inf, log, log1p

import numpy as np
import oracle
import pytest
import torch
from helpers import assert_compiled_as_plain

from hcl import draws, losses
from hcl.bounds import scl_lower_bound, ucl_lower_bound
from hcl.geometry import simplex_etf
from hcl.hardening import Exponential, Polynomial, Threshold, Uniform, make
from hcl.losses import InfoNCE, Triplet, contrastive_loss
from hcl.models import unit_ball
from hcl.sampling import Drawn, Exact

HARDENINGS = {
    "none": (Uniform(), oracle.uniform),
    "exponential": (Exponential(3.0), oracle.exponential(3.0)),
    "polynomial": (Polynomial(2.5), oracle.polynomial(2.5)),
    "threshold": (Threshold(1.0), oracle.threshold(1.0)),
}
LABELS = torch.tensor([0, 1, 0, 2, 0, 1])
METHODS = [(True, False), (False, False), (False, True)]  # supervised, exclude_self

each_method = pytest.mark.parametrize(("supervised", "exclude_self"), METHODS)
each_hardening = pytest.mark.parametrize("name", HARDENINGS)
each_reduction = pytest.mark.parametrize("reduction", ["anchor", "pair"])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def features(n=6, d=3, seed=0, dtype=torch.float64):
    return unit_ball(torch.randn(n, d, generator=generator(seed), dtype=dtype))


def assert_same(function, expected, z):
    """Values and gradients agree."""
    torch.testing.assert_close(oracle.value_and_gradient(function, z), oracle.value_and_gradient(expected, z))


def assert_clean(function, z):
    """Value and gradient are finite; return them."""
    value, gradient = oracle.value_and_gradient(function, z)
    assert value.shape == () and value.isfinite() and gradient.isfinite().all()
    return value, gradient


class Recorder:
    """A psi that remembers its arguments."""

    def __call__(self, v):
        self.v = v.detach()
        return v.exp().mean(-1)


# Value and gradient, exactly


@pytest.mark.parametrize("detach", [True, False])
@each_reduction
@each_hardening
@each_method
def test_exact_expectation_equals_algorithm_1(supervised, exclude_self, name, reduction, detach):
    """k=None; detached weights are frozen in the gradient, others are differentiated through (D6)."""
    hardening, eta = HARDENINGS[name]
    common = {"supervised": supervised, "reduction": reduction, "exclude_self": exclude_self, "k": None}
    assert_same(
        lambda z: contrastive_loss(z, LABELS, hardening=hardening, detach_weights=detach, **common),
        lambda z: oracle.contrastive_loss(z, LABELS, eta=eta, detach=detach, **common),
        features(),
    )


def test_detached_and_differentiated_weights_share_the_value_and_not_the_gradient():
    common = {"supervised": True, "hardening": Exponential(3), "k": None}
    (detached, a), (whole, b) = (
        oracle.value_and_gradient(lambda z, d=d: contrastive_loss(z, LABELS, detach_weights=d, **common), features())
        for d in (True, False)
    )
    assert detached == whole and (a - b).abs().max() > 0.01


@pytest.mark.parametrize("psi", [None, Triplet(0.7)])
@pytest.mark.parametrize("supervised", [True, False])
def test_given_positives_replace_the_pairs_of_a_class(supervised, psi):
    common = {"supervised": supervised, "z_pos": features(seed=5), "k": None}
    theirs = None if psi is None else oracle.Triplet(0.7)
    assert_same(
        lambda z: contrastive_loss(z, LABELS, hardening=Exponential(4), psi=psi, **common),
        lambda z: oracle.contrastive_loss(z, LABELS, eta=oracle.exponential(4), psi=theirs, **common),
        features(),
    )


def test_unsupervised_loss_with_given_positives_needs_no_labels():
    common = {"supervised": False, "z_pos": features(seed=5), "k": None}
    assert contrastive_loss(features(), None, **common) == contrastive_loss(features(), LABELS, **common)


def test_the_gradient_reaches_given_positives():
    assert_same(
        lambda p: contrastive_loss(features(), LABELS, supervised=True, z_pos=p, k=None),
        lambda p: oracle.contrastive_loss(features(), LABELS, supervised=True, z_pos=p, k=None),
        features(seed=5),
    )


def rank(j):
    """Return the number of items of j's class before j: it names the draws of pair (i, j), whichever the anchor."""
    return sum(int(LABELS[a] == LABELS[j]) for a in range(j))


def by_inversion(uniforms, shared=False):
    """Return a draw of line 20 that takes, for each uniform number, the item in whose part of [0, 1) it lies."""

    def draw(i, j, p):
        drawn = []
        for u in uniforms[i, 0 if shared else rank(j) % uniforms.shape[1]].tolist():
            ends = itertools.accumulate(p.values())
            drawn.append(next(m for m, end in zip(p, ends, strict=True) if u < end))
        return drawn

    return draw


@pytest.mark.parametrize(("negatives", "sets"), [("per_pair", 3), ("per_pair", 2), ("per_anchor", 1)])
@pytest.mark.parametrize(("psi", "k"), [(None, 1), (None, 4), (Triplet(1.5), 1)])
@each_reduction
@each_method
def test_given_uniform_numbers_equal_algorithm_1(supervised, exclude_self, reduction, psi, k, negatives, sets):
    """Lines 20 to 29 with the draws held fixed: each pair uses its own, or each anchor its own (D2)."""
    uniforms = torch.rand(6, sets, k, dtype=torch.float64, generator=generator())
    common = {"supervised": supervised, "reduction": reduction, "k": k, "exclude_self": exclude_self}
    theirs = None if psi is None else oracle.Triplet(1.5)
    draw = by_inversion(uniforms, shared=negatives == "per_anchor")
    assert_same(
        lambda z: contrastive_loss(
            z, LABELS, hardening=Exponential(2), psi=psi, negatives=negatives, max_positives=sets, uniforms=uniforms,
            **common,
        ),
        lambda z: oracle.contrastive_loss(z, LABELS, eta=oracle.exponential(2), psi=theirs, draw=draw, **common),
        features(),
    )  # fmt: skip


@each_hardening
@pytest.mark.parametrize("supervised", [True, False])
def test_given_uniform_numbers_with_given_positives_equal_algorithm_1(supervised, name):
    hardening, eta = HARDENINGS[name]
    uniforms = torch.rand(6, 1, 4, dtype=torch.float64, generator=generator())
    common = {"supervised": supervised, "z_pos": features(seed=5), "k": 4}
    assert_same(
        lambda z: contrastive_loss(z, LABELS, hardening=hardening, uniforms=uniforms, **common),
        lambda z: oracle.contrastive_loss(z, LABELS, eta=eta, draw=by_inversion(uniforms, shared=True), **common),
        features(),
    )


@pytest.mark.parametrize("block", [1, 2**19])
@each_reduction
@each_method
def test_draws_that_each_anchor_makes_for_itself_equal_algorithm_1(
    monkeypatch, supervised, exclude_self, reduction, block
):
    """The path of a CPU: whatever is drawn, the loss and its gradient are of it, and no more is drawn than needed."""
    z, k = features(), 3
    seen = {}

    def from_tables(p, count, source):
        index = torch.multinomial(p, count, replacement=True, generator=seeded)
        # Representations differ, so the first probabilities tell the anchor.
        seen.update({tuple(row.tolist()): drawn.view(-1, k) for row, drawn in zip(p, index, strict=True)})
        return index

    monkeypatch.setattr(draws, "from_tables", from_tables)
    monkeypatch.setattr(draws, "_BLOCK", block)
    common = {"supervised": supervised, "reduction": reduction, "k": k, "exclude_self": exclude_self}

    def draw(i, j, p):
        row = torch.tensor([float(p.get(m, 0)) for m in range(6)], dtype=torch.float64)
        (drawn,) = (drawn for key, drawn in seen.items() if torch.allclose(row, torch.tensor(key).double()))
        return drawn[rank(j)].tolist()

    seeded = generator()
    ours = oracle.value_and_gradient(lambda z: contrastive_loss(z, LABELS, hardening=Exponential(2), **common), z)
    theirs = oracle.value_and_gradient(
        lambda z: oracle.contrastive_loss(z, LABELS, eta=oracle.exponential(2), draw=draw, **common), z
    )
    torch.testing.assert_close(ours, theirs)
    assert sorted(len(drawn) for drawn in seen.values()) == [1, 2, 2, 3, 3, 3]


# Draws


def mean_over_draws(function, z, count):
    """Return mean and standard error of value and gradient, flat, over seeded calls function(z, generator)."""
    samples = []
    for seed in range(count):
        value, gradient = oracle.value_and_gradient(lambda z, s=seed: function(z, generator(s)), z)
        samples.append(torch.cat([value[None], gradient.flatten()]))
    samples = torch.stack(samples)
    return samples.mean(0), samples.std(0) / count**0.5


@pytest.mark.parametrize(
    ("supervised", "name", "k", "reduction", "options"),
    [
        (True, "exponential", 2, "anchor", {}),
        (True, "exponential", 2, "anchor", {"negatives": "per_anchor"}),
        (True, "polynomial", 2, "pair", {}),
        (False, "exponential", 2, "pair", {}),
        (False, "none", 2, "anchor", {"negatives": "per_anchor"}),
        (False, "polynomial", 1, "anchor", {"max_positives": 1}),
        (True, "exponential", 2, "anchor", {"max_positives": 2}),
        (True, "exponential", 2, "pair", {"max_positives": 3}),
        (False, "exponential", 1, "anchor", {"psi": Triplet(0.8)}),
    ],
)
def test_finite_k_is_unbiased(supervised, name, k, reduction, options):
    """Mean over draws of value and gradient = the enumeration of all k-tuples, to 5 standard errors.

    So per_pair, per_anchor (D2) and shared draws (`max_positives` below the largest class) have one expectation.
    """
    hardening, eta = HARDENINGS[name]
    z, labels = features(5), LABELS[:5]
    common = {"supervised": supervised, "k": k, "reduction": reduction}
    mean, error = mean_over_draws(
        lambda z, g: contrastive_loss(z, labels, hardening=hardening, generator=g, **options, **common), z, 500
    )
    psi = oracle.Triplet(0.8) if "psi" in options else None
    value, gradient = oracle.value_and_gradient(
        lambda z: oracle.contrastive_loss(z, labels, eta=eta, psi=psi, **common), z
    )
    expected = torch.cat([value[None], gradient.flatten()])
    assert error[0] > 0
    assert ((mean - expected).abs() <= 5 * error + 1e-12).all()


def test_the_oracles_own_draws_agree_with_its_enumeration():
    z, common = features(4), {"supervised": False, "eta": oracle.exponential(2), "k": 2}
    values = torch.stack([
        oracle.contrastive_loss(z, LABELS[:4], draw=oracle.sampler(seed, 2), **common) for seed in range(400)
    ])  # fmt: skip
    expected = oracle.contrastive_loss(z, LABELS[:4], **common)
    assert abs(values.mean() - expected) <= 5 * values.std() / 20


def drawn_similarities(**options):
    """Return (n, n, k): similarities drawn for pair (i, j), of four items of one class (each pair is positive)."""
    z, psi = features(4), Recorder()
    contrastive_loss(
        z, torch.zeros(4, dtype=torch.int64), supervised=False, k=40, psi=psi, generator=generator(), **options
    )
    return psi.v + (z @ z.T)[..., None]


def shared_draws(drawn, i):
    """Return (n, n): whether pairs (i, j) and (i, j') have the same draws."""
    return torch.isclose(drawn[i, :, None], drawn[i, None]).all(-1)


def test_per_pair_draws_afresh_for_each_pair():
    drawn = drawn_similarities()
    for i in range(4):
        assert shared_draws(drawn, i).equal(torch.eye(4, dtype=torch.bool))


def test_per_anchor_shares_the_draws_of_an_anchor():
    drawn = drawn_similarities(negatives="per_anchor")
    assert all(shared_draws(drawn, i).all() for i in range(4))


def test_more_positives_than_max_positives_share_draws_in_turn():
    drawn = drawn_similarities(max_positives=2)
    even = torch.arange(4) % 2
    for i in range(4):
        assert shared_draws(drawn, i).equal(even[:, None] == even)


def test_variance_of_per_anchor_is_that_of_per_pair_times_the_number_of_positives():
    """Independent across pairs: the mean of n draws of an anchor has 1/n of the variance of one."""

    class Linear:
        def __call__(self, v):
            return v.mean(-1)

    z, labels = features(5), torch.zeros(5, dtype=torch.int64)
    per_pair, per_anchor = (
        torch.stack([
            contrastive_loss(z, labels, supervised=False, k=1, negatives=n, psi=Linear(), generator=generator(seed))
            for seed in range(1000)
        ])
        for n in ("per_pair", "per_anchor")
    )  # fmt: skip
    assert float(per_anchor.var() / per_pair.var()) == pytest.approx(5, rel=0.3)


@pytest.mark.parametrize("negatives", ["per_pair", "per_anchor"])
def test_a_generator_decides_the_draws_and_the_global_one_is_left_alone(negatives):
    def loss(seed):
        return contrastive_loss(
            features(), LABELS, supervised=True, k=3, negatives=negatives, generator=generator(seed)
        )

    before = torch.get_rng_state()
    assert loss(1) == loss(1) and loss(1) != loss(2)
    assert torch.get_rng_state().equal(before)


def test_without_a_generator_the_global_one_is_used():
    with torch.random.fork_rng(devices=[]):
        values = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            values.append(contrastive_loss(features(), LABELS, supervised=True, k=3))
    assert values[0] == values[1] != values[2]


def test_exact_expectation_takes_no_random_numbers():
    before, source = torch.get_rng_state(), generator()
    state = source.get_state()
    contrastive_loss(features(), LABELS, supervised=True, k=None, generator=source)
    assert torch.get_rng_state().equal(before) and source.get_state().equal(state)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("sets", "options"),
    [
        (3, {"max_positives": 3}),
        (2, {"max_positives": 2}),
        (3, {"psi": Triplet(1.0)}),
        (1, {"negatives": "per_anchor"}),
        (1, {"z_pos": features(seed=5)}),
    ],
    ids=["own", "shared", "psi", "per_anchor", "z_pos"],
)
def test_a_generator_draws_the_uniform_numbers_that_could_be_given(sets, options, dtype):
    k = 1 if "psi" in options else 5
    uniforms = torch.rand(6, sets, k, dtype=dtype, generator=generator(4))
    common = {"supervised": True, "hardening": Exponential(2), "k": k, **options}
    given = contrastive_loss(features(dtype=dtype), LABELS, uniforms=uniforms, **{"max_positives": sets, **common})
    assert contrastive_loss(features(dtype=dtype), LABELS, generator=generator(4), **common) == given


def test_evaluation_keeps_no_draws():
    """Without a gradient to come."""
    z = features(dtype=torch.float32).requires_grad_()
    common = {"supervised": True, "hardening": Exponential(2), "k": 5}
    with torch.no_grad():
        value = contrastive_loss(z, LABELS, generator=generator(), **common)
    assert not value.requires_grad and value == contrastive_loss(z, LABELS, generator=generator(), **common)


# Compilation


@pytest.mark.parametrize(
    ("supervised", "family", "k", "sets", "options"),
    [
        (True, "exponential", 3, 3, {}),
        (True, "threshold", 3, 2, {"reduction": "pair"}),
        (False, "polynomial", 3, 3, {"exclude_self": True}),
        (True, "polynomial", 3, 1, {"negatives": "per_anchor", "reduction": "pair"}),
        (False, "exponential", 3, 1, {"negatives": "per_anchor", "exclude_self": True}),
        (False, "threshold", 3, 1, {"z_pos": features(seed=5, dtype=torch.float32)}),
        (True, "exponential", 3, 1, {"z_pos": features(seed=5, dtype=torch.float32), "reduction": "pair"}),
        (True, "exponential", None, None, {}),
        (False, "polynomial", None, None, {"reduction": "pair", "exclude_self": True, "detach_weights": False}),
        (False, "threshold", None, None, {"z_pos": features(seed=5, dtype=torch.float32)}),
        (True, "exponential", 1, 3, {"psi": Triplet(1.0)}),
    ],
)
def test_it_compiles_to_one_graph_for_every_hardness(supervised, family, k, sets, options):
    """Value and gradient of the compiled loss are those of the plain one, with one compilation for all hardnesses."""
    z = features(dtype=torch.float32)
    uniforms = None if k is None else torch.rand(6, sets, k, generator=generator(1))
    common = {"supervised": supervised, "k": k, "max_positives": sets, **options}

    def loss(z, hardness):
        return contrastive_loss(z, LABELS, hardening=make(family, hardness), uniforms=uniforms, **common)

    assert_compiled_as_plain(loss, z)


# Temperature (D11)


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("detach", [True, False])
@pytest.mark.parametrize("temperature", [0.5, 3.0])
@each_hardening
@each_method
def test_a_temperature_divides_every_inner_product(supervised, exclude_self, name, temperature, detach, given):
    """That of psi and that of eta, for positives of the class and for given ones."""
    hardening, eta = HARDENINGS[name]
    common = {"supervised": supervised, "exclude_self": exclude_self, "temperature": temperature}
    common |= {"z_pos": features(seed=5)} if given else {}
    assert_same(
        lambda z: contrastive_loss(z, LABELS, hardening=hardening, sampling=Exact(detach), **common),
        lambda z: oracle.contrastive_loss(z, LABELS, eta=eta, detach=detach, **common),
        features(),
    )


@pytest.mark.parametrize("psi", [None, Triplet(1.5)])
@pytest.mark.parametrize("per", ["pair", "anchor"])
def test_a_temperature_of_drawn_negatives_equals_algorithm_1(per, psi):
    uniforms = torch.rand(6, 3 if per == "pair" else 1, 1, dtype=torch.float64, generator=generator())
    common = {"supervised": True, "temperature": 0.5}
    theirs = None if psi is None else oracle.Triplet(1.5)
    draw = by_inversion(uniforms, shared=per == "anchor")
    assert_same(
        lambda z: contrastive_loss(
            z, LABELS, hardening=Exponential(2), psi=psi, sampling=Drawn.from_uniforms(uniforms, per), **common
        ),
        lambda z: oracle.contrastive_loss(z, LABELS, eta=oracle.exponential(2), psi=theirs, k=1, draw=draw, **common),
        features(),
    )


@pytest.mark.parametrize("k", [5, None])
def test_a_temperature_is_a_scale_of_the_representations(k):
    """Of 1 / sqrt(temperature): the draws are the same as well, those that an anchor makes for itself."""
    common = {"supervised": True, "hardening": Exponential(3), "k": k}
    cold = contrastive_loss(features(), LABELS, temperature=0.25, generator=generator(), **common)
    torch.testing.assert_close(cold, contrastive_loss(2 * features(), LABELS, generator=generator(), **common))


def test_beta_1_at_temperature_one_half_is_beta_2_at_temperature_1():
    """D11: it weighs the negatives alike. The losses differ, psi being at another temperature."""
    z, weighed = features(), {}

    class Weights:
        def __call__(self, v):
            raise AssertionError("nothing is drawn")

        def expectation(self, v, log_p):
            weighed[len(weighed)] = log_p.exp()
            return log_p.exp().sum(-1)

    for beta, temperature in ((1, 0.5), (2, 1.0)):
        contrastive_loss(
            z, LABELS, supervised=False, hardening=Exponential(beta), temperature=temperature, psi=Weights(),
            sampling=Exact(),
        )  # fmt: skip
    torch.testing.assert_close(weighed[0], weighed[1])


@pytest.mark.parametrize("k", [5, None])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_temperature_1_changes_no_bit(dtype, k):
    common = {"supervised": True, "hardening": Exponential(3), "k": k}
    plain, one, whole = (
        oracle.value_and_gradient(
            lambda z, o=o: contrastive_loss(z, LABELS, generator=generator(), **common, **o), features(dtype=dtype)
        )
        for o in ({}, {"temperature": 1.0}, {"temperature": 1})
    )
    for other in (one, whole):
        assert plain[0].equal(other[0]) and plain[1].equal(other[1])


# Labels


@pytest.mark.parametrize(
    "labels",
    [
        LABELS.tolist(), tuple(LABELS.tolist()), LABELS.numpy(), LABELS.numpy().astype("uint8"), list(LABELS),
        *(LABELS.to(dtype) for dtype in (torch.uint8, torch.int8, torch.int16, torch.int32)),
    ],
    ids=lambda labels: f"{type(labels).__name__} {getattr(labels, 'dtype', '')}",
)  # fmt: skip
@pytest.mark.parametrize("supervised", [True, False])
def test_labels_may_be_any_whole_numbers(labels, supervised):
    common = {"supervised": supervised, "k": 3}
    expected = contrastive_loss(features(), LABELS, generator=generator(), **common)
    assert contrastive_loss(features(), labels, generator=generator(), **common) == expected


def test_labels_of_two_classes_may_be_booleans():
    common = {"supervised": True, "k": None}
    expected = contrastive_loss(features(), (LABELS > 0).long(), **common)
    for labels in (LABELS > 0, (LABELS > 0).tolist(), (LABELS > 0).numpy()):
        assert contrastive_loss(features(), labels, **common) == expected


def test_an_array_that_is_read_only_gives_labels():
    labels = LABELS.numpy().copy()
    labels.setflags(write=False)
    contrastive_loss(features(), labels, supervised=True, k=None)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS.double(), r"labels must be whole numbers, got torch.float64: pass labels.long\(\)"),
        (LABELS.numpy() / 1, "labels must be whole numbers, got float64"),
        ([0.5, 1, 2, 0, 1, 2], "labels must be whole numbers, got float64"),
        (list("aabbcc"), "labels must be whole numbers, got <U1"),
        ([[0], [1, 2], [3]], "labels must be a tensor, a list or an array of whole numbers"),
        (LABELS[:, None], r"labels must be \(6,\), one for an item, got shape \(6, 1\)"),
        ([0, 1], r"labels must be \(6,\), one for an item, got shape \(2,\)"),
        (LABELS.to("meta"), r"labels are on meta, their items on cpu: pass labels.to\('cpu'\)"),
    ],
)
def test_other_labels_are_refused_in_one_line(labels, message):
    with pytest.raises(ValueError, match=message) as refused:
        contrastive_loss(features(), labels, supervised=True)
    assert "\n" not in str(refused.value)


# Invariances


@each_method
def test_a_rotation_of_the_representations_changes_nothing(supervised, exclude_self):
    rotation = torch.linalg.qr(torch.randn(3, 3, generator=generator(7), dtype=torch.float64)).Q
    common = {"supervised": supervised, "exclude_self": exclude_self, "hardening": Exponential(3), "k": None}
    torch.testing.assert_close(
        contrastive_loss(features() @ rotation, LABELS, **common), contrastive_loss(features(), LABELS, **common)
    )


@each_reduction
@each_method
def test_the_order_of_the_batch_changes_nothing(supervised, exclude_self, reduction):
    common = {
        "supervised": supervised, "exclude_self": exclude_self, "hardening": Exponential(3), "k": None,
        "reduction": reduction,
    }  # fmt: skip
    order = torch.randperm(len(LABELS), generator=generator(8))
    torch.testing.assert_close(
        contrastive_loss(features()[order], LABELS[order], **common), contrastive_loss(features(), LABELS, **common)
    )


def test_names_of_classes_change_nothing():
    common = {"supervised": True, "k": None}
    renamed = torch.tensor([70, -3, 5])[LABELS]
    assert contrastive_loss(features(), renamed, **common) == contrastive_loss(features(), LABELS, **common)


def test_the_reductions_agree_for_balanced_classes_and_differ_otherwise():
    """D1: a class weighs by the square of its items under "pair"."""
    for labels, equal in ((torch.tensor([0, 0, 1, 1, 2, 2]), True), (LABELS, False)):
        anchor, pair = (
            contrastive_loss(features(), labels, supervised=True, k=None, reduction=r) for r in ("anchor", "pair")
        )
        assert torch.isclose(anchor, pair) == equal


@pytest.mark.parametrize("zero", [None, Uniform(), Exponential(0), Polynomial(0), Threshold(0)])
def test_no_hardening_is_the_plain_loss(zero):
    common = {"supervised": False, "k": 5}
    plain = contrastive_loss(features(), LABELS, generator=generator(), **common)
    same = contrastive_loss(features(), LABELS, hardening=zero, generator=generator(), **common)
    torch.testing.assert_close(same, plain)


def test_a_psi_of_ones_own_is_applied_to_similarity_differences():
    """Line 21: v = z_i . z_m - z_i . z_j."""

    class Squared:
        def __call__(self, v):
            return (v**2).mean(-1)

        def expectation(self, v, log_p):
            return (log_p.exp() * v**2).sum(-1)

    z = features()
    s = (z @ z.T).tolist()
    rows = []
    for i in range(6):
        same = [j for j in range(6) if LABELS[j] == LABELS[i]]
        others = [m for m in range(6) if m not in same]
        rows.append(np.mean([(s[i][m] - s[i][j]) ** 2 for j in same for m in others]))
    expected = np.mean(rows)
    assert float(contrastive_loss(z, LABELS, supervised=True, k=None, psi=Squared())) == pytest.approx(expected)
    many = contrastive_loss(z, LABELS, supervised=True, k=20_000, psi=Squared(), generator=generator())
    assert float(many) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("k", [7, None])
def test_the_shortcut_for_infonce_equals_its_definition(k):
    class Spelled:
        def __call__(self, v):
            return InfoNCE()(v)

        def expectation(self, v, log_p):
            return InfoNCE().expectation(v, log_p)

    # Without max_positives, InfoNCE has draws of its own on a CPU.
    common = {"supervised": True, "hardening": Exponential(2), "k": k, "max_positives": 3}
    assert_same(
        lambda z: contrastive_loss(z, LABELS, generator=generator(), **common),
        lambda z: contrastive_loss(z, LABELS, generator=generator(), psi=Spelled(), **common),
        features(),
    )


# Theorems


@pytest.mark.parametrize("psi", [None, Triplet(1.0)])
@pytest.mark.parametrize(
    "hardening",
    [*map(Exponential, (0.5, 2, 5, 10, 30)), *map(Polynomial, (1, 3, 20)), *map(Threshold, (0.7, 1, 1.5))],
    ids=str,
)
@each_method
def test_theorem_1_hardening_never_lowers_the_loss(supervised, exclude_self, hardening, psi):
    common = {"supervised": supervised, "exclude_self": exclude_self, "k": None, "psi": psi}
    labels = torch.arange(24) % 4
    for seed in range(5):
        z = features(24, 3, seed)
        hard = contrastive_loss(z, labels, hardening=hardening, **common)
        assert hard >= contrastive_loss(z, labels, **common) - 1e-12


def neural_collapse(num_classes, each=2):
    labels = torch.arange(num_classes).repeat(each)
    return simplex_etf(num_classes, num_classes - 1)[labels], labels


@pytest.mark.parametrize("k", [1, 7, 256, None])
@each_hardening
@pytest.mark.parametrize("num_classes", [3, 10])
def test_at_neural_collapse_hscl_and_scl_equal_the_bound(num_classes, name, k):
    """Theorem 2 (vi): for every hardening function and every draw."""
    hardening = HARDENINGS[name][0]  # the threshold of 1 is above every negative: gamma = 0, uniform (D12)
    z, labels = neural_collapse(num_classes)
    common = {"supervised": True, "k": k, "generator": generator()}
    hard = float(contrastive_loss(z, labels, hardening=hardening, **common))
    assert hard == pytest.approx(float(contrastive_loss(z, labels, **common)), abs=1e-12)
    assert hard == pytest.approx(scl_lower_bound(num_classes, k), abs=1e-12)


@pytest.mark.parametrize("num_classes", [3, 10])
def test_at_neural_collapse_the_triplet_loss_equals_its_bound(num_classes):
    z, labels = neural_collapse(num_classes)
    for k in (1, None):
        for supervised, bound in ((True, scl_lower_bound), (False, ucl_lower_bound)):
            if not supervised and k == 1:
                continue  # a draw of one class or the other: only its mean is the bound
            loss = contrastive_loss(z, labels, supervised=supervised, k=k, psi=Triplet(3.0), generator=generator())
            assert float(loss) == pytest.approx(bound(num_classes, k, Triplet(3.0)), abs=1e-12)


@pytest.mark.parametrize("num_classes", [3, 10])
def test_at_neural_collapse_ucl_equals_its_bound_and_hucl_exceeds_it(num_classes):
    """Theorem 3: with balanced classes the batch collides with probability 1/C; P11."""
    z, labels = neural_collapse(num_classes)
    plain = float(contrastive_loss(z, labels, supervised=False, k=None))
    assert plain == pytest.approx(ucl_lower_bound(num_classes, None), abs=1e-12)
    previous = plain
    for beta in (2, 5, 10, 30):
        hard = float(contrastive_loss(z, labels, supervised=False, hardening=Exponential(beta), k=None))
        assert hard > previous
        previous = hard
    assert previous == pytest.approx(log(2), abs=1e-6)  # only negatives of the anchor's class are left


def test_at_neural_collapse_the_enumerated_ucl_loss_equals_the_bound_for_finite_k():
    z, labels = neural_collapse(3, each=1)
    for k in (1, 2, 3):
        loss = oracle.contrastive_loss(z, labels, supervised=False, k=k)
        assert float(loss) == pytest.approx(ucl_lower_bound(3, k), abs=1e-12)


@pytest.mark.parametrize(("beta", "probability"), [(2, 0.0835), (5, 0.6534), (10, 0.9966)])
def test_hucl_at_neural_collapse_draws_its_own_class(beta, probability):
    """D4, C=100 and B=512: a batch holds 1 + 511/100 items of the anchor's class, 611 of 51,200 in whole numbers."""
    s = torch.full((1, 51_200), -1 / 99, dtype=torch.float64)
    s[:, :611] = 1
    log_p = losses._log_probabilities(s, torch.ones_like(s, dtype=torch.bool), Exponential(beta))
    assert round(float(log_p.exp()[:, :611].sum()), 4) == probability


def batch_mean(z, labels, batches):
    return float(torch.stack([contrastive_loss(z[b], labels[b], supervised=True, k=None) for b in batches]).mean())


def test_fixed_batches_can_beat_the_bound():
    """P3: C=4, batches {1, 2} and {3, 4}; f sends 1, 3 to e and 2, 4 to -e."""
    z, labels = torch.tensor([[1.0], [-1], [1], [-1]], dtype=torch.float64), torch.arange(4)
    loss = batch_mean(z, labels, [torch.tensor([0, 1]), torch.tensor([2, 3])])
    assert round(loss, 5) == 0.12693 and round(scl_lower_bound(4), 5) == 0.23396


@pytest.mark.parametrize(("each", "size"), [(1, 2), (1, 3), (2, 4)])
def test_the_mean_over_random_batches_obeys_the_bound(each, size):
    """P3: (28) and (29) hold for the average over all batches; the fixed-batch counterexample is one of the f."""
    labels = torch.arange(4).repeat_interleave(each)
    batches = [torch.tensor(b) for b in itertools.combinations(range(4 * each), size)]
    counterexample = torch.tensor([[1.0, 0, 0], [-1, 0, 0]], dtype=torch.float64)[labels % 2]
    etf = simplex_etf(4, 3)[labels]
    for z in (counterexample, *(torch.nn.functional.normalize(features(4 * each, 3, seed)) for seed in range(3))):
        assert batch_mean(z, labels, batches) > scl_lower_bound(4) + 1e-3
    assert batch_mean(etf, labels, batches) == pytest.approx(scl_lower_bound(4), abs=1e-12)


# Degenerate input


@pytest.mark.parametrize("k", [3, None])
@each_reduction
@each_hardening
def test_a_supervised_batch_of_one_class_gives_zero_with_zero_gradient(name, reduction, k):
    """D16: no anchor has a negative."""
    labels = torch.full((4,), 2)
    value, gradient = assert_clean(
        lambda z: contrastive_loss(
            z, labels, supervised=True, hardening=HARDENINGS[name][0], reduction=reduction, k=k, generator=generator()
        ),
        features(4, dtype=torch.float32),
    )
    assert value == 0 and gradient.eq(0).all()


@pytest.mark.parametrize("k", [3, None])
def test_a_batch_of_one(k):
    """Its only negative is itself: log 2 unsupervised; nothing supervised or with the anchor excluded."""
    for options, expected in (
        ({"supervised": True}, 0.0),
        ({"supervised": False}, log(2)),
        ({"supervised": False, "exclude_self": True}, 0.0),
    ):
        value, _ = assert_clean(
            lambda z, o=options: contrastive_loss(z, LABELS[:1], k=k, generator=generator(), **o),
            features(1),
        )
        assert float(value) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("detach", [True, False])
@pytest.mark.parametrize("hardening", [Polynomial(3), Threshold(100.0), Polynomial(0.5)], ids=str)
def test_all_weights_zero_fall_back_to_uniform(hardening, detach):
    """D12: antipodal classes have t = -1; no t reaches a threshold of 100."""
    z = torch.tensor([[1.0, 0], [1, 0], [-1, 0]])
    value, _ = assert_clean(
        lambda z: contrastive_loss(
            z, torch.tensor([0, 0, 1]), supervised=True, hardening=hardening, k=None, detach_weights=detach
        ),
        z,
    )
    assert float(value) == pytest.approx(log1p(exp(-2)), rel=1e-6)
    _, gradient = assert_clean(
        lambda z: contrastive_loss(
            z, torch.tensor([0, 0, 1]), supervised=True, hardening=hardening, k=5, generator=generator()
        ),
        z,
    )
    assert gradient.abs().max() > 0


@pytest.mark.parametrize("detach", [True, False])
@pytest.mark.parametrize(
    ("hardening", "eta"),
    [(Polynomial(2), oracle.polynomial(2)), (Threshold(1.2), oracle.threshold(1.2))],
    ids=["polynomial", "threshold"],
)
def test_rows_of_zero_weights_leave_the_other_rows_alone(hardening, eta, detach):
    z = torch.tensor([[2.0, 0], [-1, 0.5], [-2, 0.1], [0.3, 1]], dtype=torch.float64)
    labels = torch.tensor([0, 1, 1, 1])
    assert (z[0] @ z[1:].T < 0.7).all()
    assert_same(
        lambda z: contrastive_loss(z, labels, supervised=True, hardening=hardening, k=None, detach_weights=detach),
        lambda z: oracle.contrastive_loss(z, labels, supervised=True, eta=eta, detach=detach),
        z,
    )


@pytest.mark.parametrize("psi", [None, Triplet(1.0)])
@pytest.mark.parametrize("k", [1, None])
@each_hardening
@each_method
def test_zero_representations_are_harmless(supervised, exclude_self, name, k, psi):
    value, _ = assert_clean(
        lambda z: contrastive_loss(
            unit_ball(z), LABELS, supervised=supervised, exclude_self=exclude_self, hardening=HARDENINGS[name][0], k=k,
            psi=psi, generator=generator(),
        ),
        torch.zeros(6, 3),
    )  # fmt: skip
    assert float(value) == pytest.approx(log(2) if psi is None else 1, rel=1e-6)


@pytest.mark.parametrize("scale", [1e2, 1e4, 1e8])
@pytest.mark.parametrize("k", [4, None])
@each_hardening
@each_method
def test_large_unnormalised_features_do_not_overflow(supervised, exclude_self, name, k, scale):
    """D9: no exp without its logarithm."""
    value, _ = assert_clean(
        lambda z: contrastive_loss(
            z, LABELS, supervised=supervised, exclude_self=exclude_self, hardening=HARDENINGS[name][0], k=k,
            generator=generator(),
        ),
        scale * features(dtype=torch.float32),
    )  # fmt: skip
    assert value > 0


@pytest.mark.parametrize("k", [3, None])
def test_large_features_give_the_largest_difference(k):
    """psi_k(v) -> max v for hard weights: the value itself is right, not just finite."""
    z = 1e4 * features(dtype=torch.float32)
    s = (z.double() @ z.double().T).tolist()
    expected = 0.0
    for i in range(6):
        positives = [j for j in range(6) if LABELS[j] == LABELS[i]]
        hardest = max(s[i][m] for m in range(6) if LABELS[m] != LABELS[i])
        expected += sum(max(hardest - s[i][j], 0) for j in positives) / len(positives) / 6
    loss = contrastive_loss(z, LABELS, supervised=True, hardening=Exponential(30), k=k)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("k", [256, 10_000])
def test_many_more_negatives_than_items(k):
    """Draws are with replacement."""
    z, common = features(), {"supervised": False, "hardening": Exponential(2)}
    value, _ = assert_clean(lambda z: contrastive_loss(z, LABELS, k=k, generator=generator(), **common), z)
    assert float(value) == pytest.approx(float(contrastive_loss(z, LABELS, k=None, **common)), rel=0.05)


@pytest.mark.parametrize("k", [5, None])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype, k):
    z = features(dtype=torch.float32).to(dtype)
    common = {"supervised": True, "hardening": Exponential(5), "k": k}
    value, gradient = assert_clean(lambda z: contrastive_loss(z, LABELS, generator=generator(), **common), z)
    assert value.dtype == torch.float32 and gradient.dtype == dtype
    assert value == contrastive_loss(z.float(), LABELS, generator=generator(), **common)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_single_and_double_precision_are_kept(dtype):
    for k in (5, None):
        assert contrastive_loss(features(dtype=dtype), LABELS, supervised=True, k=k).dtype == dtype


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"z": torch.zeros(6)}, r"z must be \(n, d\).*\(6,\)"),
        ({"z": torch.zeros(0, 3), "labels": LABELS[:0]}, "n >= 1"),
        ({"labels": LABELS[:3]}, r"labels must be \(6,\)"),
        ({"labels": None}, "labels may be None only"),
        ({"labels": None, "z_pos": features()}, "labels may be None only"),
        ({"z_pos": features(5)}, r"z_pos must have the shape of z, \(6, 3\), got \(5, 3\)"),
        ({"k": 0}, "k must be a whole number >= 1"),
        ({"k": -4}, "k must be a whole number >= 1"),
        ({"reduction": "mean"}, "Unknown reduction 'mean': expected one of anchor, pair"),
        ({"negatives": "all"}, "Unknown negatives 'all': expected one of per_pair, per_anchor"),
        ({"detach_weights": False}, "needs k=None"),
        ({"psi": Triplet(1.0), "k": 2}, "pass k=1"),
        ({"max_positives": 0}, "max_positives"),
        ({"uniforms": torch.zeros(6, 3, 256)}, "uniforms needs k and.* max_positives"),
        ({"uniforms": torch.zeros(6, 1, 256), "k": None}, "uniforms needs k"),
        ({"uniforms": torch.zeros(6, 3, 5), "k": 5, "max_positives": 2}, r"must be \(6, 2, 5\), got \(6, 3, 5\)"),
        ({"uniforms": torch.zeros(6, 3, 5), "k": 5, "negatives": "per_anchor"}, r"must be \(6, 1, 5\)"),
        ({"temperature": 0.0}, "temperature must be a finite number > 0, got 0.0"),
        ({"temperature": -1.0}, "temperature must be a finite number > 0"),
        ({"temperature": inf}, "temperature must be a finite number > 0"),
    ],
)
def test_bad_arguments_are_refused(changes, message):
    arguments = {"z": features(), "labels": LABELS, "supervised": True, **changes}
    with pytest.raises(ValueError, match=message):
        contrastive_loss(arguments.pop("z"), arguments.pop("labels"), **arguments)


@pytest.mark.parametrize("bad", [float("nan"), inf])
@pytest.mark.parametrize("k", [5, None])
@each_hardening
@each_method
def test_nan_in_gives_nan_out(supervised, exclude_self, name, k, bad):
    """So that training can report that it diverged; a draw must not fail on it, nor kill a GPU's context."""
    z = features()
    z[1] = bad
    loss = contrastive_loss(
        z, LABELS, supervised=supervised, exclude_self=exclude_self, hardening=HARDENINGS[name][0], k=k
    )
    assert not loss.isfinite()


@pytest.mark.parametrize("positives", [None, "given"])
@pytest.mark.parametrize("sampling", [Drawn(5), Drawn(5, "anchor"), Drawn(5, max_positives=2), Exact(), Exact(False)])
@pytest.mark.parametrize("psi", [None, Recorder()])
def test_a_single_nan_gives_nan(sampling, psi, positives):
    """Even where an anchor has no negative, and its loss would be 0 (D16)."""
    if isinstance(sampling, Exact) and psi is not None:
        psi = Triplet(1.0)
    z = features()
    z[2, 1] = float("nan")
    given = {"z_pos": features(seed=5)} if positives else {}
    for labels in (LABELS, torch.zeros_like(LABELS)):
        for supervised in (True, False):
            loss = contrastive_loss(z, labels, supervised=supervised, sampling=sampling, psi=psi, **given)
            assert loss.isnan()
    if positives:
        assert contrastive_loss(given["z_pos"], LABELS, supervised=True, sampling=sampling, psi=psi, z_pos=z).isnan()


def test_an_infinite_entry_may_have_a_finite_loss_in_one_dimension_with_given_positives():
    z, z_pos = torch.tensor([[inf], [-0.5]]), torch.tensor([[1.0], [-0.5]])
    common = {"supervised": True, "sampling": Drawn(3)}
    assert contrastive_loss(z, [0, 1], z_pos=z_pos, **common) == 0
    assert contrastive_loss(z, [0, 1], **common).isnan()


def test_autocast_around_the_loss_does_not_lower_its_precision():
    generator = torch.Generator().manual_seed(0)
    z = torch.nn.functional.normalize(torch.randn(16, 8, generator=generator))
    labels = torch.arange(4).repeat(4)
    outside = contrastive_loss(z, labels, supervised=True, k=None)
    with torch.autocast("cpu", torch.bfloat16):
        assert contrastive_loss(z, labels, supervised=True, k=None) == outside
