"""Evaluation and the training step against themselves done by hand: loops, NumPy and an optimiser of one's own."""

import inspect
import math
from dataclasses import replace

import numpy as np
import oracle
import pytest
import torch
from helpers import CPU, noise_images, seeded

from hcl.models import build
from hcl.training import evaluate, hscl, objective, train
from hcl.training.data import IMAGE_MEAN, IMAGE_STD
from hcl.training.engine import Engine, Techniques
from hcl.training.spec import RunSpec

DATA = noise_images()  # 20 training images, 8 of class 0; 12 test images
SPEC = RunSpec(
    dataset="synthetic", supervised=True, encoder="mlp", k=None, hardness=5, hardening="polynomial", epochs=3,
    batch_size=8, normalization="none", dim=3, weight_decay=0.01, lr=2e-3, seed=4,
)  # fmt: skip


def model_of(spec=SPEC, seed=0):
    """An encoder whose batch normalisation has statistics of its own, left in train mode."""
    model = build("mlp", 3, image_shape=(3, 4, 4), stem="cifar", normalization=spec.normalization, seed=seed)
    with torch.no_grad():
        for parameter in model.head[-1].parameters():
            parameter.mul_(3.3)
        model.head[1].running_mean.normal_(generator=seeded(1))
        model.head[1].running_var.uniform_(0.5, 2, generator=seeded(2))
    return model.train()


def normalized(images):
    mean, std = (np.array(v)[:, None, None] for v in (IMAGE_MEAN, IMAGE_STD))
    return torch.from_numpy((images.numpy() / 255 - mean) / std).float()


def features(model, images):
    model.eval()
    with torch.no_grad():
        z = model(normalized(images))
    model.train()
    return z.double().numpy()


@pytest.fixture(scope="module")
def found():
    """An evaluation, its model, and the representations of both splits."""
    model = model_of()
    evaluation = evaluate.evaluate(model, DATA, SPEC, generator=seeded(9), last=True)
    return evaluation, model, features(model, DATA.train), features(model, DATA.test)


# Evaluation


def test_representations_are_those_of_the_images_normalised_once_in_eval_mode(found):
    evaluation, model, z, _ = found
    np.testing.assert_allclose(evaluation.z, z, rtol=1e-4, atol=1e-5)
    assert model.training and evaluation.z.dtype == evaluation.means.dtype == torch.float64


def test_metrics_by_hand(found):
    evaluation, _, z, z_test = found
    labels, test_labels = DATA.train_labels.numpy(), DATA.test_labels.numpy()
    means = np.stack([z[labels == c].mean(0) for c in range(3)])
    np.testing.assert_allclose(evaluation.means, means, rtol=1e-3, atol=1e-4)
    norms = np.linalg.norm(means, axis=1)
    scatter = np.mean([np.sum((z[i] - means[labels[i]]) ** 2) for i in range(20)])
    between = np.mean([np.sum((m - means.mean(0)) ** 2) for m in means])
    off = [(a, b) for a in range(3) for b in range(3) if a != b]
    expected = {
        "test_accuracy": np.mean([np.argmax(means @ v) == y for v, y in zip(z_test, test_labels, strict=True)]),
        "train_accuracy": np.mean([np.argmax(means @ v) == y for v, y in zip(z, labels, strict=True)]),
        "ncc_accuracy": np.mean(
            [np.argmin(np.linalg.norm(means - v, axis=1)) == y for v, y in zip(z_test, test_labels, strict=True)]
        ),
        "zero_sum": np.linalg.norm(means.mean(0)),
        "unit_norm": np.mean(np.abs(norms - 1)),
        "equal_inner_product": np.mean([abs(means[a] @ means[b] + 0.5) for a, b in off]),
        "equal_inner_product_cosine": np.mean([abs(means[a] @ means[b] / norms[a] / norms[b] + 0.5) for a, b in off]),
        "within_class": np.mean([np.linalg.norm(z[i] - means[labels[i]]) for i in range(20)]),
        "nc1": scatter / between,
        "clusters": 1,
        "least_distance": min(np.linalg.norm(means[a] - means[b]) for a, b in off),
        "norm": np.linalg.norm(z, axis=1).mean(),
        "squared_norm": (np.linalg.norm(z, axis=1) ** 2).mean(),
        "inside": np.mean(np.linalg.norm(z, axis=1) < 1),
    }
    sigma = np.linalg.svd(np.cov(means.T), compute_uv=False)
    share = sigma[sigma > sigma[0] * 1e-9] / sigma.sum()
    expected |= {
        "rank": np.sum(sigma > sigma[0] * math.exp(-10)),
        "effective_rank": np.exp(-np.sum(share * np.log(share))),
    }
    assert {name: evaluation.metrics[name] for name in expected} == pytest.approx(expected, rel=1e-3)
    np.testing.assert_allclose(evaluation.spectrum[:2], np.log(sigma[:2] / sigma[0]), atol=1e-3)
    assert 0 < expected["inside"] < 1 and len({expected[f"{name}_accuracy"] for name in ("test", "train")}) == 2


def test_similarities_are_of_the_training_split(found):
    evaluation, _, z, _ = found
    similarities = evaluation.similarities
    labels = DATA.train_labels.numpy()
    same = labels[:, None] == labels
    values = np.clip(z @ z.T, -1, 1)
    for row, pairs in zip(similarities, (same & ~np.eye(20, dtype=bool), ~same), strict=True):
        np.testing.assert_array_equal(row, np.histogram(values[pairs], 100, (-1, 1))[0])


@pytest.mark.parametrize(("each", "counted"), [(665, 1997), (667, 1002), (1333, 1334)])
def test_of_more_than_two_thousand_items_every_second_or_third_is_compared(each, counted):
    """Of 1997, 2003 and 4001 items, those of class 0 two more."""
    many = noise_images(each=each)
    found = evaluate.evaluate(model_of(), many, SPEC, generator=seeded(9)).similarities
    assert int(found.sum()) == counted * (counted - 1)


def test_a_feature_is_inside_the_ball_by_more_than_rounding():
    norm = torch.tensor([0.5, evaluate.INSIDE - 1e-7, evaluate.INSIDE, 1.0, 1.5], dtype=torch.float64)
    metrics = evaluate._norms(norm[:, None])
    assert float(metrics["inside"]) == 2 / 5 and float(metrics["norm"]) == pytest.approx(float(norm.mean()))


def test_probes_train_on_one_split_and_are_tested_on_the_other(found, monkeypatch):
    evaluation, model, z, z_test = found
    asked = []
    for name in ("linear_probe", "knn_accuracy"):
        monkeypatch.setattr(evaluate.probe, name, lambda *a: asked.append(a) or len(asked) / 8)
    again = evaluate.evaluate(model, DATA, SPEC, generator=seeded(9), last=True)
    backbone = [features(model.backbone, images) for images in (DATA.train, DATA.test)]
    for arguments, (train_z, test_z) in zip(asked, [(z, z_test), backbone] * 2, strict=True):
        for given, expected in zip(arguments, (train_z, DATA.train_labels, test_z, DATA.test_labels), strict=True):
            np.testing.assert_allclose(given, expected, rtol=1e-3, atol=1e-4)
    of_probes = ("linear_probe", "linear_probe_backbone", "knn", "knn_backbone")
    assert [again.metrics[name] for name in of_probes] == [1 / 8, 2 / 8, 3 / 8, 4 / 8]
    without = evaluate.evaluate(model, DATA, SPEC, generator=seeded(9))
    assert set(evaluation.metrics) - set(without.metrics) == set(evaluate.AT_THE_END)


ETAS = {0.0: oracle.uniform} | {beta: oracle.exponential(beta) for beta in (2.0, 5.0, 10.0, 30.0)}
LIMITS = {
    name + (f"_{beta:g}" if beta else ""): (name.endswith("scl"), beta)
    for beta in ETAS for name in (("hscl", "hucl") if beta else ("scl", "ucl"))
}  # fmt: skip


@pytest.mark.parametrize("size", [8, None])
@pytest.mark.parametrize("supervised", [True, False])
def test_losses_by_hand(size, supervised, monkeypatch):
    """Ten batches of the run's size, of the training split, in eval mode; the whole of it once."""
    spec, model = replace(SPEC, batch_size=size, supervised=supervised), model_of()
    metrics = evaluate.evaluate(model, DATA, spec, generator=seeded(3)).metrics
    z, generator = torch.from_numpy(features(model, DATA.train)), seeded(3)
    batches = [torch.randperm(20, generator=generator)[:size] for _ in range(10 if size else 1)]  # all are of all

    def mean(of, supervised, eta):
        return float(np.mean([
            oracle.contrastive_loss(z[b], DATA.train_labels[b], supervised=supervised, eta=eta) for b in of
        ]))  # fmt: skip

    expected = {
        "loss": mean(batches, supervised, oracle.polynomial(5)),
        "plain_loss": mean(batches, supervised, oracle.uniform),
    }
    exact = batches[:3]
    if size:  # the loops are slow: of ten batches only what tells ten from fewer
        assert {name: metrics[name] for name in expected} == pytest.approx(expected, rel=1e-4)
        monkeypatch.setattr(evaluate, "LOSS_BATCHES", 3)
        metrics, expected = evaluate.evaluate(model, DATA, spec, generator=seeded(3)).metrics, {}
    expected |= {name: mean(exact, of, ETAS[beta]) for name, (of, beta) in LIMITS.items()}
    assert {name: metrics[name] for name in expected} == pytest.approx(expected, rel=1e-4)
    assert set(LIMITS) == set(evaluate.limit_losses(spec))


@pytest.mark.parametrize("size", [8, 6])
@pytest.mark.parametrize("objective_of", ["algorithm1", "simclr"])
def test_losses_of_two_views_are_of_views_of_the_same_images(size, objective_of, monkeypatch):
    """Whether views of all are made once, or of each batch where that is less."""
    monkeypatch.setattr(evaluate, "LOSS_BATCHES", 3)
    data = replace(DATA, train=normalized(DATA.train), test=normalized(DATA.test))
    spec = replace(SPEC, positives="noise", objective=objective_of, batch_size=size)
    seen, inner = [], evaluate.batch_loss

    def record(z, labels, *arguments, **options):
        seen.append((z, labels))
        return inner(z, labels, *arguments, **options)

    monkeypatch.setattr(evaluate, "batch_loss", record)
    model = model_of()
    evaluate.evaluate(model, data, replace(spec, noise=0.0), generator=seeded(5))
    generator = seeded(5)
    z = torch.from_numpy(features(model, DATA.train)).float()
    batches = [torch.randperm(20, generator=generator)[:size] for _ in range(3)]
    for (views, labels), batch in zip(seen[:3], batches, strict=True):
        torch.testing.assert_close(views, z[batch].repeat(2, 1), rtol=1e-3, atol=1e-4)
        assert labels.equal(DATA.train_labels[batch])


OF_H_SCL = {
    "tau_0.5": oracle.threshold(math.exp(-0.5)), "tau_0.1": oracle.threshold(math.exp(-0.1)),
    "beta_1": oracle.exponential(1), "beta_2": oracle.exponential(2),
}  # fmt: skip


@pytest.mark.parametrize("size", [8, None])
def test_runs_of_h_scl_measure_its_assumption_and_its_losses_by_hand(size, monkeypatch):
    """Of each view without itself and its other view, on the features that the other losses are of."""
    monkeypatch.setattr(evaluate, "LOSS_BATCHES", 2)
    spec = replace(
        SPEC, objective="simclr", positives="noise", temperature=0.5, normalization="unit_sphere",
        supervised=False, hardening="exponential", hardness=1, batch_size=size,
    )  # fmt: skip
    seen, inner = [], evaluate.batch_loss

    def record(z, labels, *arguments, **options):
        seen.append((z, labels))
        return inner(z, labels, *arguments, **options)

    def spread(model, inputs, spec):  # those of an encoder that was not trained lie in one place
        return torch.nn.functional.normalize(torch.randn(len(inputs), 3, generator=seeded(len(inputs))), dim=1)

    monkeypatch.setattr(evaluate, "batch_loss", record)
    monkeypatch.setattr(evaluate, "represent", spread)
    metrics = evaluate.evaluate(model_of(spec), DATA, spec, generator=seeded(5)).metrics
    shown = [(*z.double().chunk(2), labels) for z, labels in seen[: 2 if size else 1]]  # all are of all: once
    expected, shares = {}, []
    for case, eta in OF_H_SCL.items():
        means = torch.stack([oracle.hard_means(*of, eta, 0.5) for of in shown])
        ucl, _, _, hscl, hcol, w = means.unbind(-1)
        expected[f"assumption_{case}"] = float(((w == 0) | (hscl <= hcol)).double().mean())
        expected[f"above_ucl_{case}"] = float((hscl >= ucl).double().mean())
        for name, classes in (("hscl", True), ("hucl", False)):
            losses = [oracle.simclr_loss(z, p, y if classes else None, eta=eta, temperature=0.5) for z, p, y in shown]
            expected[f"{name}_{case}"] = float(sum(losses) / len(losses))
        shares += [expected[f"assumption_{case}"], expected[f"above_ucl_{case}"]]
    assert {name: metrics[name] for name in expected} == pytest.approx(expected, rel=1e-4)
    assert len(set(shares)) > 3, shares
    for name in ("hscl", "hucl"):
        assert metrics[f"{name}_2"] == pytest.approx(metrics[f"{name}_beta_2"], rel=1e-5)
    assert metrics["loss"] == pytest.approx(metrics["hucl_beta_1"], rel=1e-5), "what is trained is one of them"


@pytest.mark.parametrize("changes", [{"temperature": 1.0}, {"objective": "algorithm1"}], ids=str)
def test_other_runs_measure_nothing_of_h_scl(changes):
    spec = replace(SPEC, objective="simclr", positives="noise", temperature=0.5)
    ours, others = (
        set(evaluate.evaluate(model_of(), DATA, of, generator=seeded(5)).metrics)
        for of in (spec, replace(spec, **changes))
    )
    assert ours - others == {f"{name}_{case}" for name in hscl.MEASURES for case in hscl.CASES} and others < ours


def test_the_images_of_a_whole_split_are_represented_in_batches_that_keep_the_order():
    model = model_of()
    whole = evaluate.represent(model, DATA.train, SPEC)
    for size in (1, 3, 7, 20, 21):
        torch.testing.assert_close(evaluate.represent(model, DATA.train, SPEC, size), whole, rtol=1e-4, atol=1e-5)
    assert model.training and evaluate.represent(model.eval(), DATA.test, SPEC).shape == (12, 3) and not model.training


def test_representations_that_are_not_finite_are_refused():
    model = model_of()
    with torch.no_grad():
        model.head[-1].bias[0] = torch.inf
    with pytest.raises(evaluate.DivergedError, match=r"synthetic-hscl-5-s4-.*not finite"):
        evaluate.evaluate(model, DATA, SPEC, generator=seeded())


def test_what_norm_counts_as_inside_the_ball():
    z = torch.tensor([[1.0, 0], [1 - 1e-7, 0], [1 - 3e-6, 0], [0, 0.5], [0, 2]], dtype=torch.float64)
    found = evaluate._norms(z)
    assert float(found["inside"]) == 2 / 5
    assert float(found["norm"]) == pytest.approx(1.1, abs=1e-6)
    assert float(found["squared_norm"]) == pytest.approx(7.25 / 5, abs=1e-5)


# Training


def by_hand(spec, data, epochs):
    """Algorithm 1 with Adam as its paper has it: weights after each epoch, mean losses, share inside the ball."""
    model = build(
        "mlp", 3, image_shape=(3, 4, 4), stem="cifar", normalization=spec.normalization, seed=spec.seed * 4_000_012
    )
    x, labels, size = normalized(data.train), data.train_labels, spec.batch_size or len(data.train)
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in model.parameters()]
    step, losses, inside = 0, [], []
    for epoch in range(1, epochs + 1):
        order = torch.randperm(len(x), generator=seeded((spec.seed * 1_000_003 + epoch) * 4 + 1))
        of_epoch, within = [], []
        for first in range(0, len(x) - size + 1, size):
            batch = order[first : first + size]
            z = model(x[batch])
            loss = oracle.contrastive_loss(
                z, labels[batch], supervised=spec.supervised, eta=oracle.polynomial(spec.hardness)
            )
            model.zero_grad()
            loss.backward()
            step += 1
            with torch.no_grad():
                for p, (m, v) in zip(model.parameters(), moments, strict=True):
                    g = p.grad + spec.weight_decay * p
                    m.mul_(0.9).add_(0.1 * g)
                    v.mul_(0.999).add_(0.001 * g**2)
                    p -= spec.lr * m / (1 - 0.9**step) / ((v / (1 - 0.999**step)).sqrt() + 1e-8)
            of_epoch.append(float(loss.detach()))
            within.append(float((z.norm(dim=1) < 1).float().mean()))
        losses.append(np.mean(of_epoch))
        inside.append(np.mean(within))
    return model, losses, inside


@pytest.mark.parametrize("techniques", [Techniques(), Techniques(True, True, True)], ids=str)
@pytest.mark.parametrize("changes", [{}, {"supervised": False, "batch_size": None}], ids=str)
def test_an_epoch_is_the_one_made_by_hand(techniques, changes):
    spec = replace(SPEC, **changes)
    model, losses, inside = by_hand(spec, DATA, 3)
    engine = Engine(spec, DATA, device=CPU, techniques=techniques)
    engine.begin(spec)
    for epoch, loss, share in zip((1, 2, 3), losses, inside, strict=True):
        engine.launch(epoch)
        assert engine.finish() == pytest.approx(loss, rel=2e-3)
        assert engine.inside() == pytest.approx(share, abs=1e-6)
    assert losses[0] != pytest.approx(losses[2], rel=2e-3), "a step does something"
    for ours, expected in zip(engine.model.parameters(), model.parameters(), strict=True):
        difference = (ours - expected).detach()
        assert float(difference.norm() / expected.detach().norm()) < 0.02, "Adam makes whole steps of what is rounding"


def test_a_second_run_of_an_engine_is_by_hand_too():
    other = replace(SPEC, seed=6, hardness=1)
    engine = Engine(SPEC, DATA, device=CPU, techniques=Techniques())
    for spec in (SPEC, other):
        engine.begin(spec)
        engine.launch(1)
        assert engine.finish() == pytest.approx(by_hand(spec, DATA, 1)[1][0], rel=2e-3)
    assert engine.fits(other, DATA, CPU, Techniques())
    assert not engine.fits(replace(other, weight_decay=0.0), DATA, CPU, Techniques())


def test_an_epoch_is_of_train_mode_however_the_encoder_was_left():
    engines = [Engine(SPEC, DATA, device=CPU, techniques=Techniques()) for _ in range(2)]
    for engine, training in zip(engines, (True, False), strict=True):
        engine.begin(SPEC)
        engine.model.train(training)
        engine.launch(1)
        assert engine.model.training
    statistics = [dict(engine.model.named_buffers())["head.1.running_mean"] for engine in engines]
    assert statistics[0].equal(statistics[1]) and statistics[0].any() and engines[0].finish() == engines[1].finish()


def test_training_measures_each_epoch_after_its_steps_and_trains_on_from_there():
    training = train.Training(SPEC, DATA, device=CPU, techniques=Techniques())
    models = [by_hand(SPEC, DATA, epochs)[0] for epochs in (1, 2)]
    for model in models:
        training.launch()
        training.settle()
        row = training.result().history.iloc[-1]
        again = evaluate.evaluate(model, DATA, SPEC, generator=seeded((4 * 1_000_003 + training.epoch) * 4 + 3)).metrics
        for name in ("loss", "scl", "hucl_10", "norm", "within_class", "zero_sum"):
            assert row[name] == pytest.approx(again[name], rel=0.02, abs=2e-3), name
    assert (training.epoch, training.done) == (2, False)
    history = training.result().history
    assert history["epoch"].tolist() == [0, 1, 2] and history["train_loss"].isna().tolist() == [True, False, False]


# Batches


def test_the_loss_of_a_batch_takes_the_first_half_as_anchors():
    spec = replace(SPEC, positives="noise", supervised=False)
    z = torch.randn(8, 3, generator=seeded(), dtype=torch.float64)
    labels = torch.tensor([0, 1, 2, 0])
    ours = objective.batch_loss(z, labels, spec)
    by_loops = oracle.contrastive_loss(z[:4], labels, supervised=False, eta=oracle.polynomial(5), z_pos=z[4:])
    torch.testing.assert_close(ours, by_loops)
    supervised, not_supervised = (
        objective.batch_loss(z, labels, replace(spec, objective="simclr", supervised=of)) for of in (True, False)
    )
    expected = [oracle.simclr_loss(z[:4], z[4:], of, eta=oracle.polynomial(5)) for of in (labels, None)]
    torch.testing.assert_close([supervised, not_supervised], expected)


def test_the_temperature_of_a_spec_divides_whatever_its_objective():
    spec = replace(SPEC, positives="noise", temperature=0.5)
    z, labels = torch.randn(8, 3, generator=seeded(), dtype=torch.float64), torch.tensor([0, 1, 2, 0])
    options = {"eta": oracle.polynomial(5), "temperature": 0.5}
    expected = [
        oracle.contrastive_loss(z[:4], labels, supervised=True, z_pos=z[4:], **options),
        oracle.simclr_loss(z[:4], z[4:], labels, **options),
    ]
    ours = [objective.batch_loss(z, labels, replace(spec, objective=name)) for name in ("algorithm1", "simclr")]
    torch.testing.assert_close(ours, expected)


def test_a_hardness_or_uniform_numbers_given_take_the_place_of_the_specs():
    z = torch.randn(6, 3, generator=seeded(), dtype=torch.float64)
    labels = torch.arange(6) % 2
    given = objective.batch_loss(z, labels, SPEC, hardness=torch.tensor(1.5, dtype=torch.float64))
    torch.testing.assert_close(given, oracle.contrastive_loss(z, labels, supervised=True, eta=oracle.polynomial(1.5)))
    spec = replace(SPEC, k=2, negatives="per_pair")
    uniforms = torch.rand(6, 3, 2, generator=seeded(1), dtype=torch.float64)
    drawn = [objective.batch_loss(z, labels, spec, uniforms=u) for u in (uniforms, uniforms, uniforms.flip(0))]
    assert drawn[0].equal(drawn[1]) and not drawn[0].equal(drawn[2])


def test_augmented_views_are_drawn_for_every_image_twice_and_normalised_once():
    seen = []

    def apply(images, augmentation):
        seen.append((images, augmentation))
        return images.float() / 255

    spec = replace(SPEC, positives="augmentation", dataset="digits", dim=3)
    shown = objective.views(DATA.train, spec, generator=seeded(), apply=apply)
    torch.testing.assert_close(shown, normalized(DATA.train).repeat(2, 1, 1, 1), rtol=1e-5, atol=1e-5)
    ((images, augmentation),) = seen
    assert images.dtype == torch.uint8 and images.equal(DATA.train.repeat(2, 1, 1, 1))
    assert augmentation.box.shape == (40, 4) and not augmentation.factors[:20].equal(augmentation.factors[20:])


def test_options_of_an_evaluation_are_given_by_name_alone():
    by_place = {
        evaluate.represent: ["model", "inputs", "spec", "batch_size"],
        evaluate.evaluate: ["model", "data", "spec"],
    }
    for called, expected in by_place.items():
        parameters = inspect.signature(called).parameters.values()
        assert [one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD] == expected


def test_noise_is_added_to_normalised_images_whatever_they_are_kept_as():
    """Of standard deviation .1 in units of the normalised images; whole numbers from 0 to 255 have no room for it."""
    spec = replace(SPEC, positives="noise", noise=0.1)
    images = torch.randint(0, 256, (6, 3, 8, 8), dtype=torch.uint8, generator=seeded(1))
    kept = objective.normalize(images)
    shown = objective.views(images, spec, generator=seeded())
    assert shown.equal(objective.views(kept, spec, generator=seeded()))
    for view in shown.split(6):
        assert view.dtype == torch.float32 and abs((view - kept).std() - 0.1) < 0.01


def test_shapes_of_draws_hold_the_mean_and_eight_deviations_of_the_largest_class():
    """8 of 20 images are of class 0: in a batch of 8 are 3.2 of them, with a deviation of 1.10."""
    spec = replace(SPEC, k=5)
    assert objective.draw_shape(spec, DATA) == (8, 8, 5), "no more than there are in the class, or in the batch"
    assert objective.draw_shape(replace(spec, batch_size=4), DATA) == (4, 4, 5)
    assert objective.draw_shape(replace(spec, batch_size=None), DATA) == (20, 8, 5)
    assert objective.draw_shape(replace(spec, negatives="per_anchor"), DATA) == (8, 1, 5)
    labels = torch.tensor([0] * 300 + [*range(1, 8)] * 100)
    large = replace(DATA, train=torch.zeros(1000, 3, 1, 1), train_labels=labels)
    deviation = math.sqrt(100 * 0.3 * 0.7 * 900 / 999)
    assert objective.draw_shape(replace(spec, batch_size=100), large) == (100, math.ceil(30 + 8 * deviation), 5)
    halves = replace(DATA, train=torch.zeros(100, 3, 1, 1), train_labels=torch.tensor([0, 1] * 50))
    # 25 + 8 sqrt(25 / 2 x 50 / 99) = 45.1, of draws without replacement; by 50 / 100 it were 45.0.
    assert objective.draw_shape(replace(spec, batch_size=50), halves) == (50, 46, 5)
    one = replace(DATA, train=torch.zeros(1, 3, 1, 1), train_labels=torch.tensor([0]))
    assert objective.draw_shape(replace(spec, batch_size=None), one) == (1, 1, 5), "a data set of one image"
