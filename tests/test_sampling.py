"""How a loss is called: options by name, negatives as `Drawn` and `Exact` or as the keywords of before say it."""

import dataclasses
import inspect
import itertools
from functools import partial

import oracle
import pytest
import torch

from hcl import hardening, losses, modules, psi
from hcl.hardening import Exponential
from hcl.losses import contrastive_loss
from hcl.models import unit_ball
from hcl.psi import HardestTriplet
from hcl.sampling import Drawn, Exact

LABELS = torch.tensor([0, 1, 0, 2, 0, 1])
K, SETS = 3, 2
OLD = [
    {"k": k, "negatives": negatives, "max_positives": max_positives, "given": given}
    for k, negatives, max_positives, given in itertools.product(
        (K, None), ("per_pair", "per_anchor"), (None, SETS), (False, True)
    )
    if not (given and (k is None or (max_positives is None and negatives == "per_pair")))
]


def generator(seed=3):
    return torch.Generator().manual_seed(seed)


def features(seed=0):
    return unit_ball(torch.randn(6, 3, generator=generator(seed), dtype=torch.float64))


def said(k, negatives, max_positives, given, detach, z_pos):
    """Return the same in keywords and as a sampling."""
    sets = 1 if negatives == "per_anchor" or z_pos is not None else max_positives
    uniforms = torch.rand(6, sets, K, dtype=torch.float64, generator=generator(7)) if given else None
    keywords = {
        "k": k, "negatives": negatives, "max_positives": max_positives, "detach_weights": detach,
        "uniforms": uniforms, "generator": generator(),
    }  # fmt: skip
    if k is None:
        return keywords, Exact(detach)
    per = negatives.removeprefix("per_")
    return keywords, Drawn(k, per, generator=generator(), max_positives=max_positives, uniforms=uniforms)


@pytest.mark.parametrize("psi", [None, HardestTriplet(0.7)], ids=["infonce", "triplet"])
@pytest.mark.parametrize("z_pos", [None, features(5)], ids=["class", "given"])
@pytest.mark.parametrize("old", OLD, ids=str)
def test_both_ways_say_the_same_to_the_bit(old, z_pos, psi):
    """For every combination that the keywords allow."""
    for supervised, reduction, exclude_self in itertools.product((True, False), ("anchor", "pair"), (True, False)):
        for detach in (True, False) if old["k"] is None else (True,):
            keywords, sampling = said(**old, detach=detach, z_pos=z_pos)
            common = {
                "supervised": supervised, "reduction": reduction, "exclude_self": exclude_self, "z_pos": z_pos,
                "psi": psi, "hardening": Exponential(3.0),
            }  # fmt: skip
            (a, da), (b, db) = (
                oracle.value_and_gradient(partial(contrastive_loss, labels=LABELS, **common, **how), features())
                for how in (keywords, {"sampling": sampling})
            )
            assert a.equal(b) and da.equal(db)
            assert keywords["generator"].get_state().equal(getattr(sampling, "generator", generator()).get_state())


def test_the_default_is_256_draws_a_pair():
    with torch.random.fork_rng(devices=[]):
        values = []
        for how in ({}, {"sampling": None}, {"sampling": Drawn()}, {"k": 256}, {"sampling": Drawn(256, "pair")}):
            torch.manual_seed(0)
            values.append(contrastive_loss(features(), LABELS, supervised=True, **how))
    assert len(set(values)) == 5 and len({float(value) for value in values}) == 1


def test_uniform_numbers_say_how_many():
    """In a given order they are what the generator would draw."""
    uniforms = torch.rand(6, SETS, K, dtype=torch.float64, generator=generator())
    sampling = Drawn.from_uniforms(uniforms)
    assert (sampling.k, sampling.per, sampling.max_positives) == (K, "pair", SETS)
    drawn = contrastive_loss(
        features(), LABELS, supervised=True, sampling=Drawn(K, generator=generator(), max_positives=SETS)
    )
    assert contrastive_loss(features(), LABELS, supervised=True, sampling=sampling) == drawn
    once = Drawn.from_uniforms(uniforms[:, :1], "anchor")
    assert contrastive_loss(features(), LABELS, supervised=True, sampling=once).isfinite()
    with pytest.raises(ValueError, match=r"uniforms must be \(n, sets, k\), got shape \(6, 3\)"):
        Drawn.from_uniforms(uniforms[:, 0])
    with pytest.raises(ValueError, match=r"uniforms must be \(6, 1, 3\), got \(6, 2, 3\)"):
        contrastive_loss(features(), LABELS, supervised=True, sampling=Drawn.from_uniforms(uniforms, "anchor"))


@pytest.mark.parametrize("sampling", ["given", Exact(), Exact(detach=False)])
def test_it_compiles_to_one_graph(sampling):
    """Made outside of the compiled function or inside it."""
    uniforms = torch.rand(6, 3, K, dtype=torch.float64, generator=generator())
    torch.compiler.reset()

    def loss(z, u):
        chosen = Drawn.from_uniforms(u) if sampling == "given" else sampling
        return contrastive_loss(z, LABELS, supervised=True, sampling=chosen, temperature=0.5)

    compiled = torch.compile(loss, fullgraph=True, dynamic=False, backend="aot_eager")
    torch.testing.assert_close(
        oracle.value_and_gradient(lambda z: compiled(z, uniforms), features()),
        oracle.value_and_gradient(lambda z: loss(z, uniforms), features()),
    )


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"sampling": Drawn(5), "k": 5}, ValueError, "sampling and k both say.*pass sampling alone"),
        ({"sampling": Drawn(), "k": 256}, ValueError, "sampling and k both say"),
        ({"sampling": Exact(), "detach_weights": True}, ValueError, "sampling and detach_weights both say"),
        ({"sampling": Exact(), "generator": None, "k": None}, ValueError, "sampling and generator, k both say"),
        ({"sampling": Drawn}, ValueError, r"sampling must be Drawn\(...\) or Exact\(...\), got <class"),
        ({"sampling": "exact"}, ValueError, r"sampling must be Drawn\(...\) or Exact\(...\), got 'exact'"),
        ({"negative": "per_pair"}, TypeError, "unexpected keyword argument 'negative' .did you mean 'negatives'"),
        ({"samplin": Drawn()}, TypeError, "unexpected keyword argument 'samplin' .did you mean 'sampling'"),
    ],
)
def test_saying_it_twice_or_wrongly_is_refused_in_one_line(options, kind, message):
    with pytest.raises(kind, match=message) as refused:
        contrastive_loss(features(), LABELS, supervised=True, **options)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Drawn(0), "k must be a whole number >= 1, got 0"),
        (lambda: Drawn(None), "k must be a whole number >= 1, got None"),
        (lambda: Drawn(2.5), "k must be a whole number >= 1, got 2.5"),
        (lambda: Drawn(per="per_pair"), "Unknown per 'per_pair'.*expected one of pair, anchor"),
        (lambda: Drawn(max_positives=0), "max_positives must be >= 1, or None, got 0"),
    ],
)
def test_bad_draws_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# How a loss is called and configured


def test_options_are_given_by_name_alone():
    by_place = {
        losses.contrastive_loss: ["z", "labels"],
        losses.simclr_loss: ["z", "z_pos", "labels"],
        modules.ContrastiveLoss: [],
    }
    for called, expected in by_place.items():
        parameters = inspect.signature(called).parameters.values()
        assert [one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD] == expected


@pytest.mark.parametrize("made", [
    hardening.Uniform(), hardening.Exponential(5), hardening.Polynomial(3), hardening.Threshold(0.5), psi.InfoNCE(),
    psi.LogSumExp(1.0), psi.MeanExp(), psi.HardestTriplet(1.0), psi.Triplet(1.0), Drawn(), Exact(),
], ids=repr)  # fmt: skip
def test_what_configures_a_loss_cannot_be_changed(made):
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.beta = 1.0
