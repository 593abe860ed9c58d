"""Training with losses of other works: a step is that of loops, runs end, older runs are what they were."""

from copy import deepcopy
from dataclasses import replace

import pandas as pd
import pytest
import torch
from helpers import CPU, assert_compiled_as_plain
from torch.nn import functional as F

from hcl.companion import labels
from hcl.training import combinations, objective, train
from hcl.training import engine as engines
from hcl.training.engine import Engine
from hcl.training.evaluate import limit_losses
from hcl.training.spec import RunSpec
from hcl.training.techniques import Techniques

BASE = RunSpec(
    dataset="digits", supervised=False, num_train=60, num_test=40, encoder="mlp", k=1, negatives="per_anchor",
    epochs=2, batch_size=30,
)  # fmt: skip
SPECS = {
    "supcon": replace(BASE, objective="supcon", temperature=0.5),
    "sincere": replace(BASE, objective="sincere", supervised=True, temperature=0.5),
    "debiased": replace(BASE, objective="debiased", collisions=0.1),
    "hard": replace(BASE, objective="debiased", collisions=0.1, hardness=5.0, detach_weights=False),
    "hard, detached": replace(BASE, objective="debiased", collisions=0.1, hardness=5.0, temperature=0.5),
    "spectral": replace(BASE, objective="spectral"),
    "triplet": replace(BASE, margin=0.5, supervised=True, k=None),  # in expectation, so that a loop can follow
}  # fmt: skip
WHOLE = [pytest.param(spec, id=name) for name, spec in SPECS.items()]


def of_pair(spec, s, i, p, own, others, apart):
    """A positive's term of each loss, over scalars; ``apart`` has no gradient where the weights have none."""
    if spec.objective == "supcon":
        return torch.log(sum(torch.exp(s[i, a]) for a in [*own, *others])) - s[i, p]
    if spec.objective == "sincere":
        return torch.log(1 + sum(torch.exp(s[i, a] - s[i, p]) for a in others))
    if spec.objective == "spectral":
        return -2 * s[i, p]
    if spec.margin is not None:
        return sum(torch.clamp(s[i, a] - s[i, p] + spec.margin, min=0) for a in others) / len(others)

    def mean(these):
        eta = [torch.exp(spec.hardness * apart[i, a]) for a in these]
        return sum(e * torch.exp(s[i, a]) for e, a in zip(eta, these, strict=True)) / sum(eta)

    drawn = [*own, *others]
    g = (mean(drawn) - spec.collisions * mean(own)) / (1 - spec.collisions)
    g = torch.clamp(g, min=float(torch.exp(torch.tensor(-1 / spec.temperature))))
    return torch.log(1 + len(drawn) * g * torch.exp(-s[i, p]))


def by_loops(z, of, spec):
    """The loss of a batch from its paper, in float64: the mean over anchors of the mean over their positives."""
    s = z @ z.T / spec.temperature
    apart = s.detach() if spec.detach_weights else s
    n, total = len(z), 0.0
    for i in range(n):
        itself = spec.margin is not None  # Algorithm 1 has the anchor among its positives (D5)
        own = [j for j in range(n) if of[j] == of[i] and (itself or j != i)]
        others = [j for j in range(n) if of[j] != of[i]]
        for p in own:
            total = total + of_pair(spec, s, i, p, own, others, apart) / len(own) / n
    if spec.objective == "spectral":
        total = total + sum(s[i, j] ** 2 for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    return total


@pytest.mark.parametrize("spec", WHOLE)
def test_the_loss_of_a_step_and_its_gradient_are_those_of_the_loops(spec, monkeypatch):
    """Through the encoder: the gradients of the weights are those that the engine's step leaves."""
    spec, seen = replace(spec, batch_size=None), []
    inner_views, inner_loss = engines.views, engines.batch_loss

    def shown(*arguments, **options):
        seen.append(inner_views(*arguments, **options))
        return seen[-1]

    def loss(z, of, spec, **options):
        seen.extend([of, inner_loss(z, of, spec, **options)])
        return seen[-1]

    monkeypatch.setattr(engines, "views", shown)
    monkeypatch.setattr(engines, "batch_loss", loss)
    engine = Engine(spec, train.load_data(spec), device=CPU, techniques=Techniques())
    engine.begin(spec)
    model = deepcopy(engine.model).double().train()
    engine.launch(1)
    x, of, value = seen
    expected = by_loops(model(x.double()), of.tolist(), spec)
    expected.backward()
    assert float(value.detach()) == pytest.approx(float(expected.detach()), abs=1e-5)
    ours, by_hand = (torch.cat([p.grad.flatten().double() for p in m.parameters()]) for m in (engine.model, model))
    assert float((ours - by_hand).norm()) < 1e-3 * float(by_hand.norm()) > 0


@pytest.mark.parametrize("spec", [pytest.param(replace(of, k=1), id=name) for name, of in SPECS.items()])
def test_a_run_trains_ends_and_measures_what_all_runs_measure(spec, quick_evaluations):
    longer = replace(spec, epochs=3, num_train=300, batch_size=100)
    run, plain = (
        train.train(of, data=train.load_data(of), device=str(CPU), progress=False)
        for of in (longer, replace(BASE, supervised=True, k=4))
    )
    assert set(run.history.columns) == set(plain.history.columns)
    assert run.history["train_loss"].iloc[-1] < run.history["train_loss"].dropna().iloc[0]
    assert run.final["test_accuracy"] > 0.2 and 0 < run.final["linear_probe_backbone"] <= 1


def test_a_run_gone_on_with_is_the_uninterrupted_one(quick_evaluations):
    spec = replace(SPECS["hard"], epochs=3)
    data = train.load_data(spec)

    def go_on(training, until):
        while training.epoch < until:
            training.launch()
            training.settle()
        return training

    straight = go_on(train.Training(spec, data, device=CPU), 3)
    kept = go_on(train.Training(spec, data, device=CPU), 1).state()
    resumed = go_on(train.Training(spec, data, device=CPU, state=kept), 3)
    pd.testing.assert_frame_equal(resumed.result().history, straight.result().history, check_exact=True)


@pytest.mark.parametrize("spec", WHOLE)
def test_a_step_compiles_to_one_graph_for_all_hardnesses(spec):
    z = F.normalize(torch.randn(12, 4, generator=torch.Generator().manual_seed(0)), dim=1)
    of = torch.arange(12) % 3

    def loss(z, hardness):
        return objective.batch_loss(z, of, spec, hardness=hardness)

    assert_compiled_as_plain(loss, z)


@pytest.mark.parametrize("spec", WHOLE)
def test_losses_in_the_limit_are_those_of_every_run(spec):
    """So that runs with different losses can be compared by one of them."""
    ours, plain = limit_losses(spec), limit_losses(replace(BASE, temperature=spec.temperature))
    z = F.normalize(torch.randn(12, 4, generator=torch.Generator().manual_seed(1)), dim=1)
    for name, of in plain.items():
        one, other = (objective.batch_loss(z, torch.arange(12) % 3, x) for x in (ours[name], of))
        assert float(one) == float(other), name


def test_identities_of_runs_are_pinned_and_older_ones_are_what_they_were():
    pins = {
        "supcon": "digits-supcon-s0-2b159ee7", "sincere": "digits-sincere-s0-84b69b46",
        "debiased": "digits-debiased-s0-0034760e", "hard": "digits-debiased-5-s0-6131346c",
        "hard, detached": "digits-debiased-5-s0-49c00cf8",
        "spectral": "digits-spectral-s0-a05a87a3", "triplet": "digits-scl-s0-45239606",
    }  # fmt: skip
    assert {name: spec.run_id for name, spec in SPECS.items()} == pins
    assert RunSpec(dataset="cifar10", supervised=True, margin=None, collisions=0).run_id == "cifar10-scl-s0-50cbe83b"


def test_a_step_of_older_specs_has_the_loss_that_it_had():
    """Written down before other losses were there."""
    z = F.normalize(torch.randn(24, 4, generator=torch.Generator().manual_seed(2)), dim=1)
    of, views = torch.arange(24) % 4, {"positives": "augmentation", "objective": "simclr"}
    pins = {}
    for name, changes in {
        "SCL": {"supervised": True, "k": 8}, "HUCL": {"hardness": 5, "k": 8}, "exact": {"hardness": 5, "k": None},
        "sum": {"k": 4, "alpha": 1.0}, "two views": views,
    }.items():  # fmt: skip
        spec = replace(BASE, **changes)
        half = of[:12] if spec.positives == "augmentation" else of
        pins[name] = float(objective.batch_loss(z, half, spec, generator=torch.Generator().manual_seed(3)))
    assert pins == pytest.approx(
        {
            "SCL": 0.7525153756141663, "HUCL": 1.1176971197128296, "exact": 1.1219948530197144,
            "sum": 1.6735291481018066, "two views": 3.215599298477173,
        }, abs=1e-6,
    )  # fmt: skip


def test_what_runs_are_called_tells_them_apart():
    names = [labels.label(spec) for spec in SPECS.values()]
    assert len(set(names)) == len(names) and names[0] == "SupCon, t = 0.5" and names[3] == "debiased, τ = 0.1, β = 5"
    assert set(combinations.OF_OTHERS) == {spec.objective for spec in SPECS.values()} - {"algorithm1"}
    assert labels.bound(SPECS["triplet"]) == 0 < labels.bound(replace(BASE, margin=2.0))
    assert all(labels.bound(spec) != labels.bound(spec) for spec in SPECS.values() if spec.margin is None)
    assert "in max(v + 0.5, 0)" in labels.training(SPECS["triplet"])
    assert all("all negatives of the batch" in labels.training(s) for s in SPECS.values() if s.margin is None)
