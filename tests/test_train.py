"""Training and evaluation, end to end on data that need no files."""

from dataclasses import replace
from math import log

import numpy as np
import pandas as pd
import pytest
import torch

from hcl.bounds import scl_lower_bound, ucl_lower_bound
from hcl.geometry import covariance_spectrum, simplex_etf
from hcl.losses import contrastive_loss
from hcl.models import build
from hcl.training import data, engine, evaluate, objective, randomness, runs, train
from hcl.training.data import Dataset
from hcl.training.spec import RunSpec

SMALL = RunSpec(
    dataset="digits", supervised=True, num_train=200, num_test=100, encoder="mlp", k=8, negatives="per_anchor",
    hardness=5, epochs=2, batch_size=100,
)  # fmt: skip
METRICS = [
    "test_accuracy", "train_accuracy", "ncc_accuracy", "zero_sum", "unit_norm", "equal_inner_product",
    "equal_inner_product_cosine", "within_class", "rank", "effective_rank", "loss", "plain_loss",
    "scl", "hscl_2", "hscl_5", "hscl_10", "hscl_30", "ucl", "hucl_2", "hucl_5", "hucl_10", "hucl_30",
    "nc1", "clusters", "least_distance", "norm", "squared_norm", "inside",
]  # fmt: skip


def run(spec=SMALL, **changes):
    spec = replace(spec, **changes)
    return train.train(spec, data=train.load_data(spec), device="cpu", progress=False)


@pytest.fixture(scope="module")
def smoke():
    """The smoke profile: an MLP on digits."""
    return run(num_train=600, num_test=200, k=32, epochs=4, batch_size=200)


@pytest.fixture
def diverging(monkeypatch):
    """The encoder gives NaN from the given call in training mode on."""

    def install(call):
        build = engine.build

        def broken(*arguments, **options):
            model, calls = build(*arguments, **options), []

            def hook(module, inputs, output):
                calls.append(module.training)
                return output * float("nan") if sum(calls) >= call else output

            model.register_forward_hook(hook)
            return model

        monkeypatch.setattr(engine, "build", broken)

    return install


# Whole runs


def test_training_lowers_the_loss_and_raises_the_accuracy(smoke):
    first, last = smoke.history.iloc[0], smoke.history.iloc[-1]
    assert last["loss"] < first["loss"] - 0.15 and last["train_loss"] < smoke.history["train_loss"][1]
    assert last["test_accuracy"] > 0.8 and last["ncc_accuracy"] > 0.8  # chance is .1
    assert last["test_accuracy"] > first["test_accuracy"] + 0.3


def test_history_has_a_row_for_each_epoch_from_the_initial_state(smoke):
    of_training, at_the_end = ["train_loss", "train_inside"], list(evaluate.AT_THE_END)
    assert smoke.history.columns.tolist() == ["epoch", *of_training, *METRICS, *at_the_end]
    assert smoke.history["epoch"].tolist() == [0, 1, 2, 3, 4]
    assert smoke.history[of_training].isna().sum().tolist() == [1, 1] and smoke.history[METRICS].notna().all(axis=None)
    assert smoke.history[at_the_end].notna().sum().eq(1).all()
    accuracies = [name for name in at_the_end if not name.startswith("downstream")]
    assert len(accuracies) == 4 and smoke.final[accuracies].between(0.8, 1).all()
    assert 0 < smoke.final["downstream_loss"] < log(10), "better than saying nothing"


def test_losses_obey_the_theorems_during_training(smoke):
    """Theorem 1 on the same representations (up to draws), Theorem 2 (up to the imbalance of batches)."""
    assert (smoke.history["loss"] > smoke.history["plain_loss"]).all()
    assert (smoke.history["plain_loss"] > scl_lower_bound(10, 32)).all()


def test_a_run_holds_means_and_provenance(smoke):
    assert smoke.path is None and set(smoke.arrays) == {"means", "spectra", "similarities"}
    assert smoke.arrays["means"].shape == (10, 9) and smoke.arrays["means"].dtype == np.float32
    assert np.linalg.norm(smoke.arrays["means"].mean(0)) == pytest.approx(smoke.final["zero_sum"], abs=1e-5)
    assert smoke.provenance["data_fingerprint"] == train.load_data(smoke.spec).fingerprint
    assert {"data_source", "wall_seconds", "images_per_second", "commit", "torch"} <= set(smoke.provenance)
    assert 100 < smoke.provenance["peak_memory_mib"] < 20_000


def test_spectra_and_similarities_are_kept_of_every_evaluation(smoke):
    spectra, similarities = smoke.arrays["spectra"], smoke.arrays["similarities"]
    assert spectra.shape == (5, 9) and similarities.shape == (5, 2, 100) and similarities.dtype == np.int32
    at_the_end = covariance_spectrum(torch.from_numpy(smoke.arrays["means"]))
    np.testing.assert_allclose(spectra[-1], at_the_end, rtol=1e-3)
    assert similarities.sum((1, 2)).tolist() == [600 * 599] * 5
    within, between = (row @ np.arange(100) / row.sum() for row in similarities[-1])
    assert within > between + 20  # tenths of a unit of inner product


@pytest.mark.parametrize(
    "changes", [{}, {"dataset": "synthetic", "positives": "noise", "num_train": None, "num_test": None}], ids=str
)
def test_the_losses_of_all_methods_are_those_of_the_same_features(changes):
    """Theorem 1 without noise of draws: hardening raises the loss, and the harder the more of the exponential ones."""
    made = run(k=None, hardness=5, batch_size=None, **changes)  # a batch is all there is
    history = made.history
    for plain in ("scl", "ucl"):
        losses = history[[plain, *(f"h{plain}_{beta}" for beta in (2, 5, 10, 30))]].to_numpy()
        assert (np.diff(losses) > 0).all(), plain
    np.testing.assert_allclose(history["hscl_5"], history["loss"], rtol=1e-5)
    np.testing.assert_allclose(history["scl"], history["plain_loss"], rtol=1e-5)


@pytest.fixture
def last_layer(monkeypatch):
    """Encoders whose last layer has weights of another size."""

    def scaled(scale):
        build = engine.build

        def other(*arguments, **options):
            model = build(*arguments, **options)
            with torch.no_grad():
                for parameter in model.head[-1].parameters():
                    parameter.mul_(scale)
            return model

        monkeypatch.setattr(engine, "build", other)

    return scaled


@pytest.mark.parametrize(("normalization", "scale", "share"), [("unit_ball", 1e-4, 1), ("unit_sphere", 1e-4, 0)])
def test_features_inside_the_ball_are_counted_over_all_steps(last_layer, normalization, scale, share):
    """A last layer of tiny weights leaves every feature inside; on the sphere none ever is."""
    last_layer(scale)
    made = run(normalization=normalization, lr=1e-9)
    assert made.history["train_inside"].tolist()[1:] == [share] * 2
    assert made.history["inside"].tolist() == [share] * 3
    assert (made.history["norm"] < 0.01).all() if share else made.history["norm"].round(5).eq(1).all()


@pytest.mark.parametrize(("scale", "same"), [(100, True), (1, False)])
def test_a_run_on_the_ball_without_features_inside_is_the_run_on_the_sphere(last_layer, tmp_path, scale, same):
    """To the bit, in what is measured and in the class means; the record then stands in for that run, and says so."""
    last_layer(scale)
    ball, sphere = (run(normalization=name, epochs=4) for name in ("unit_ball", "unit_sphere"))
    assert (ball.history["train_inside"].iloc[1:].sum() == 0) == same
    runs.save(ball, "smoke", tmp_path)
    found = runs.get(sphere.spec, tmp_path)
    assert runs.find(sphere.spec, tmp_path) is None and (found is not None) == same
    if found is not None:
        pd.testing.assert_frame_equal(ball.history, sphere.history, check_exact=True)
        assert np.array_equal(ball.arrays["means"], sphere.arrays["means"])
        assert np.array_equal(found.arrays["spectra"], sphere.arrays["spectra"])
        assert (found.spec, found.same_as) == (sphere.spec, ball.spec.run_id)
    else:
        assert not ball.history["loss"].equals(sphere.history["loss"])


def test_equal_specs_give_bitwise_equal_runs_and_other_seeds_others():
    a, b, c = run(), run(), run(seed=1)
    pd.testing.assert_frame_equal(a.history, b.history, check_exact=True)
    assert np.array_equal(a.arrays["means"], b.arrays["means"])
    assert not np.array_equal(a.arrays["means"], c.arrays["means"])
    assert a.final["train_loss"] != c.final["train_loss"] and a.history["loss"][0] != c.history["loss"][0]


def test_the_global_generator_neither_matters_nor_moves():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        before = torch.get_rng_state()
        a = run(epochs=1)
        assert torch.get_rng_state().equal(before)
        torch.manual_seed(6)
        b = run(epochs=1)
    pd.testing.assert_frame_equal(a.history, b.history, check_exact=True)


def test_how_often_is_evaluated_does_not_change_the_training():
    often, seldom = run(epochs=12), run(epochs=12, eval_every=20)
    assert often.history["train_loss"].equals(seldom.history["train_loss"])
    assert seldom.evaluated["epoch"].tolist() == [*range(11), 12] and len(seldom.history) == 13
    assert np.isnan(seldom.history["loss"][11])
    assert often.final.equals(seldom.final)


def test_the_start_of_a_longer_run_is_the_shorter_run():
    """Randomness is keyed on (seed, epoch)."""
    longer, shorter = run(epochs=3), run()
    at_the_end = list(evaluate.AT_THE_END)
    histories = [made.history[:3].drop(columns=at_the_end) for made in (longer, shorter)]
    pd.testing.assert_frame_equal(*histories, check_exact=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"k": None}, {"supervised": False, "exclude_self": True}, {"precision": "bf16"}, {"hardening": "polynomial"},
        {"reduction": "pair", "negatives": "per_pair"}, {"encoder": "small_resnet"}, {"normalization": "none"},
    ],
    ids=str,
)  # fmt: skip
def test_every_kind_of_run_goes_through(changes):
    assert np.isfinite(run(epochs=1, **changes).final.astype(float)).all()


def test_points_are_kept_often_at_the_start_and_at_the_end():
    assert train.frames(400)[:4] == [0, 1, 2, 4] and train.frames(400)[-1] == 400 and len(train.frames(400)) == 40
    assert train.frames(1) == [0, 1]


def test_synthetic_runs_keep_their_initial_and_final_points():
    """Fig. 2: full batch, d=2, second noisy copies as positives (D19, D30)."""
    made = run(
        RunSpec(dataset="synthetic", supervised=False, encoder="mlp", batch_size=None, epochs=1, k=8, positives="noise")
    )
    assert set(made.arrays) == {
        "means", "spectra", "similarities", "initial", "final", "labels", "points", "point_epochs",
    }  # fmt: skip
    assert made.arrays["point_epochs"].tolist() == [0, 1]
    for points, name in zip(made.arrays["points"], ("initial", "final"), strict=True):
        np.testing.assert_allclose(points, made.arrays[name], atol=1e-3)
    assert made.arrays["initial"].shape == made.arrays["final"].shape == (300, 2)
    assert made.arrays["labels"].tolist() == [0] * 100 + [1] * 100 + [2] * 100
    assert not np.array_equal(made.arrays["initial"], made.arrays["final"])
    by_class = [made.arrays["final"][made.arrays["labels"] == c].mean(0) for c in range(3)]
    np.testing.assert_allclose(by_class, made.arrays["means"], atol=1e-5)


# Records


@pytest.fixture
def may_train(monkeypatch):
    monkeypatch.delenv("HCL_TRAIN", raising=False)


@pytest.mark.usefixtures("may_train")
def test_obtain_trains_once_and_reads_the_record_afterwards(tmp_path, monkeypatch):
    options = {"group": "smoke", "runs_root": tmp_path, "device": "cpu", "progress": False}
    first = train.obtain(SMALL, **options)
    assert first.path == tmp_path / "smoke" / SMALL.run_id
    monkeypatch.setattr(train, "train", lambda *a, **k: pytest.fail("trained again"))
    monkeypatch.setattr(train, "load_data", lambda *a, **k: pytest.fail("read the data"))
    again = train.obtain(SMALL, **(options | {"group": "other"}))
    pd.testing.assert_frame_equal(again.history, first.history)
    assert again.path == first.path and again.spec == SMALL


@pytest.mark.usefixtures("may_train")
def test_obtain_trains_on_the_device_that_is_asked_for(tmp_path, monkeypatch):
    asked = []

    def note(spec, **options):
        asked.append(options["device"])
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "train", note)
    for device in ("cpu", None):
        with pytest.raises(KeyboardInterrupt):
            train.obtain(SMALL, runs_root=tmp_path, device=device)
    assert asked == ["cpu", None]


@pytest.mark.usefixtures("may_train")
def test_obtain_uses_data_at_hand(tmp_path, monkeypatch):
    at_hand = train.load_data(SMALL)
    monkeypatch.setattr(train, "load_data", lambda *a, **k: pytest.fail("read the data"))
    made = train.obtain(replace(SMALL, epochs=1), data=at_hand, runs_root=tmp_path, device="cpu", progress=False)
    assert made.provenance["data_fingerprint"] == at_hand.fingerprint and made.path.parent.name == "custom"


@pytest.mark.usefixtures("may_train")
@pytest.mark.parametrize(
    ("changes", "given", "message"),
    [
        ({"dataset": "cifar10"}, lambda d: d, "data set 'digits' given, expected 'cifar10'"),
        ({"dataset": "cifar10"}, lambda d: replace(d, name="cifar10"), "training images 1297 given, expected 200"),
        ({}, lambda d: d.subset(100, 100), "training images 100 given, expected 200"),
        ({}, lambda d: d.subset(200, 50), "test images 50 given, expected 100"),
        ({"num_test": None}, lambda d: d.subset(200, 100), "test images 100 given, expected 500"),
        ({"num_train": None}, lambda d: d.subset(200, 100), "training images 200 given, expected 1297"),
        ({}, lambda d: replace(d.subset(200, 100), train_labels=torch.arange(200) % 9), "classes 9 given, expected 10"),
        (
            {},
            lambda d: replace(d.subset(200, 100), train_labels=(torch.arange(200) % 11).clamp(max=9)),
            "more images of some classes than of others given",
        ),
        (
            {"dataset": "synthetic", "num_train": None, "num_test": None},
            lambda d: data.synthetic(1),
            "generated from seed 1 given, expected those generated from seed 0",
        ),
    ],
)
def test_other_data_than_the_spec_names_are_refused_and_nothing_is_recorded(tmp_path, changes, given, message):
    """Digits would be recorded as CIFAR-10 otherwise."""
    spec = replace(SMALL, **changes)
    with pytest.raises(ValueError, match=message) as caught:
        train.obtain(spec, data=given(data.digits()), runs_root=tmp_path / "runs", device="cpu", progress=False)
    assert "\n" not in str(caught.value) and str(caught.value).startswith(spec.run_id)
    assert not (tmp_path / "runs").exists()


def test_where_training_is_forbidden_only_records_are_read(tmp_path, monkeypatch):
    monkeypatch.setenv("HCL_TRAIN", "0")
    with pytest.raises(train.MissingRunError, match=f"No record of {SMALL.run_id}.*HCL_TRAIN=0"):
        train.obtain(SMALL, runs_root=tmp_path)
    saved = runs.save(run(epochs=1), "smoke", tmp_path)
    assert train.obtain(saved.spec, runs_root=tmp_path).path == saved.path


def test_load_data_takes_the_subset_and_the_seed_of_the_spec():
    assert train.load_data(SMALL).fingerprint == data.digits().subset(200, 100).fingerprint
    spec = RunSpec(dataset="synthetic", supervised=True, seed=4)
    assert train.load_data(spec).fingerprint == data.synthetic(4).fingerprint


# Batches and randomness


@pytest.fixture
def batches(monkeypatch):
    """The indices of the images of each batch, as they are taken."""
    seen = []
    rows = engine.rows
    monkeypatch.setattr(engine, "rows", lambda images, index: seen.append(index) or rows(images, index))

    def of_epoch(epoch, **changes):
        spec = replace(SMALL, num_train=100, **changes)
        made = engine.Engine(spec, train.load_data(spec), device=torch.device("cpu"))
        made.begin(spec)
        seen.clear()
        made.launch(epoch)
        return list(seen)

    return of_epoch


@pytest.mark.parametrize(("size", "sizes"), [(30, [30] * 3), (50, [50, 50]), (100, [100]), (None, [100])])
def test_batches_cover_distinct_indices_and_drop_an_incomplete_last_one(batches, size, sizes):
    """D19."""
    found = batches(1, batch_size=size)
    assert [len(b) for b in found] == sizes
    indices = torch.cat(found)
    assert len(indices.unique()) == len(indices)
    assert set(indices.tolist()) <= set(range(100))


def test_batches_differ_from_epoch_to_epoch_and_are_repeatable(batches):
    first, again, second = (torch.cat(batches(e)) for e in (1, 1, 2))
    assert first.equal(again) and not first.equal(second)


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(ValueError, match="batch_size=512, but there are 200 training images: lower it"):
        run(batch_size=512)


def test_generators_are_repeatable_and_all_different():
    def first(*key):
        return torch.rand(4, generator=randomness.generator_for(*key)).tolist()

    streams = ("weights", "order", "draws", "evaluation")
    keys = [(seed, epoch, name) for seed in (0, 1, 7) for epoch in (0, 1, 399) for name in streams]
    assert [first(*key) for key in keys] == [first(*key) for key in keys]
    assert len({tuple(first(*key)) for key in keys}) == len(keys)


# Positives


def seen_by_the_loss(monkeypatch, spec, images, labels, seed=0):
    """Return arguments of the loss of one batch, with the flattened images as representations."""
    seen = {}

    def record(z, labels, **options):
        seen.update(options, z=z, labels=labels)
        return contrastive_loss(z, labels, **options)

    monkeypatch.setattr(objective, "contrastive_loss", record)
    generator = torch.Generator().manual_seed(seed)
    z = objective.views(images, spec, generator=generator).flatten(1)
    seen["loss"] = objective.batch_loss(z, labels, spec, generator=generator)
    return seen


IMAGES = torch.randn(4, 3, 2, 2, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 0, 1, 1])


def test_label_positives_are_the_class_and_images_are_not_augmented(monkeypatch):
    """D5, D17."""
    seen = seen_by_the_loss(monkeypatch, SMALL, IMAGES, LABELS)
    assert seen["z_pos"] is None and seen["z"].equal(IMAGES.flatten(1)) and seen["labels"].equal(LABELS)


def test_noise_positives_are_two_independent_noisy_copies(monkeypatch):
    """D30: standard deviation .1, both views noisy, positives only (i, i')."""
    images = torch.randn(50, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    seen = seen_by_the_loss(monkeypatch, replace(SMALL, positives="noise"), images, torch.arange(50) % 2)
    a, b = (seen[name] - images.flatten(1) for name in ("z", "z_pos"))
    assert float(a.std()) == pytest.approx(0.1, rel=0.02) and float(b.std()) == pytest.approx(0.1, rel=0.02)
    assert abs(float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])) < 0.03


def test_the_spec_reaches_the_loss(monkeypatch):
    spec = replace(
        SMALL, supervised=False, k=3, reduction="pair", negatives="per_pair", exclude_self=True, hardening="polynomial"
    )
    seen = seen_by_the_loss(monkeypatch, spec, IMAGES, LABELS)
    names = ("supervised", "k", "reduction", "negatives", "exclude_self")
    assert [seen[name] for name in names] == [False, 3, "pair", "per_pair", True]
    assert str(seen["hardening"]) == "Polynomial(epsilon=5.0)" and seen["generator"] is not None


# Divergence


@pytest.mark.parametrize("k", [8, None])
@pytest.mark.parametrize("call", [1, 2, 4], ids=["first batch", "last batch", "second epoch"])
def test_a_loss_that_is_not_finite_stops_the_run(diverging, call, k):
    diverging(call)
    with pytest.raises(train.DivergedError, match=r"digits-hscl-5-s0-\w+: the loss of epoch [12] is nan"):
        run(k=k)


@pytest.mark.parametrize("k", [8, None])
def test_weights_that_overflow_stop_the_run(k):
    """The only batch of the epoch has a finite loss; the step after it breaks the weights."""
    with pytest.raises(train.DivergedError, match=r"^digits-hscl-5-s0-"):
        run(k=k, lr=1e30, batch_size=200)


# Evaluation


class Vertices(torch.nn.Module):
    """Maps an image of class c, all of whose values are c, to vertex c of a simplex."""

    def forward(self, x):
        return simplex_etf(3, 2).float()[x[:, 0, 0, 0].long()]


def collapsed(each=40):
    labels = torch.arange(3).repeat_interleave(each)
    images = labels.float()[:, None, None, None].expand(-1, 3, 2, 2)
    return Dataset("synthetic", images, labels, images, labels, "made up")


def test_evaluation_of_neural_collapse():
    spec = RunSpec(dataset="synthetic", supervised=True, hardness=10, k=16, batch_size=None)
    found = evaluate.evaluate(Vertices(), collapsed(), spec, generator=torch.Generator().manual_seed(0))
    assert list(found.metrics) == METRICS and all(type(value) is float for value in found.metrics.values())
    metrics = dict(found.metrics)
    for name in ("test_accuracy", "train_accuracy", "ncc_accuracy"):
        assert metrics[name] == 1
    for name in ("zero_sum", "unit_norm", "equal_inner_product", "equal_inner_product_cosine", "within_class"):
        assert metrics[name] < 1e-6
    assert metrics["rank"] == 2 and metrics["effective_rank"] == pytest.approx(2)
    for name in ("loss", "plain_loss"):  # Theorem 2 (vi)
        assert metrics[name] == pytest.approx(scl_lower_bound(3), abs=1e-6)
    torch.testing.assert_close(found.means, simplex_etf(3, 2), atol=1e-6, rtol=0)
    assert found.z.shape == (120, 2)


def test_evaluation_of_neural_collapse_without_supervision():
    """UCL is at its bound and HUCL above it."""
    spec = RunSpec(dataset="synthetic", supervised=False, hardness=10, k=None, batch_size=None)
    metrics = evaluate.evaluate(Vertices(), collapsed(), spec, generator=torch.Generator()).metrics
    assert metrics["plain_loss"] == pytest.approx(ucl_lower_bound(3, None), abs=1e-6)
    assert metrics["loss"] > metrics["plain_loss"] + 0.2


def test_the_mean_classifier_takes_the_largest_inner_product():
    """D38: un-normalised means, so it differs from the nearest mean."""

    class Shifted(Vertices):
        def forward(self, x):
            return torch.tensor([[1.0, 0], [2.0, 0], [4.0, 0]])[x[:, 0, 0, 0].long()]

    spec = RunSpec(dataset="synthetic", supervised=True, k=4)
    metrics = evaluate.evaluate(Shifted(), collapsed(), spec, generator=torch.Generator()).metrics
    assert metrics["ncc_accuracy"] == 1 and metrics["test_accuracy"] == pytest.approx(1 / 3)


def test_evaluation_uses_eval_mode_and_leaves_the_model_in_train_mode():
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.BatchNorm1d(12))
    seen = []
    model[1].register_forward_hook(lambda module, inputs, output: seen.append(module.training))
    state = {key: value.clone() for key, value in model.state_dict().items()}
    z = evaluate.represent(model, IMAGES, SMALL)
    assert seen == [False] and model.training and model[1].training and not z.requires_grad
    assert all(value.equal(state[key]) for key, value in model.state_dict().items())
    evaluate.represent(model.eval(), IMAGES, SMALL)
    assert not model.training


def test_representations_do_not_depend_on_the_batch_size():
    model = torch.nn.Flatten()
    torch.testing.assert_close(evaluate.represent(model, IMAGES, SMALL, 3), evaluate.represent(model, IMAGES, SMALL))


def test_evaluation_is_repeatable():
    model = build("mlp", 9, image_shape=(3, 8, 8), stem="cifar", normalization="unit_ball", seed=0)
    digits = train.load_data(SMALL)
    a, b, c = (
        evaluate.evaluate(model, digits, SMALL, generator=randomness.generator_for(0, e, "evaluation")).metrics
        for e in (1, 1, 2)
    )
    assert a == b and a["loss"] != c["loss"] and a["test_accuracy"] == c["test_accuracy"]


def test_records_of_runs_survive_saving(smoke, tmp_path):
    back = runs.save(smoke, "smoke", tmp_path)
    pd.testing.assert_frame_equal(back.history, smoke.history, rtol=1e-6, check_dtype=False)
    assert np.array_equal(back.arrays["means"], smoke.arrays["means"])
