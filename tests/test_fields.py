"""Every field of a run's specification: what it must change where the specification reaches the training.

A row names a field, an observable, and what this must be for each of some values of the field. A field without a row
fails.
"""

from collections.abc import Callable
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from helpers import CPU, seeded
from torch import nn

from hcl.models import build
from hcl.training import engine as engines
from hcl.training import evaluate, objective, train
from hcl.training.data import IMAGE_MEAN, IMAGE_STD
from hcl.training.engine import Engine
from hcl.training.evaluate import AT_THE_END
from hcl.training.spec import RunSpec

# Two batches an epoch, and ten images that are dropped.
BASE = RunSpec(
    dataset="digits", supervised=True, num_train=40, num_test=20, encoder="mlp", k=3, hardness=5, epochs=2,
    batch_size=15, seed=2,
)  # fmt: skip
LOSS_BATCHES = 2  # of an evaluation: a fifth, to be quick
EXACT = {"k": None}
SYNTHETIC = {"dataset": "synthetic", "num_train": 30, "num_test": 30}  # floats, for noise
NOISY = SYNTHETIC | {"positives": "noise", "dim": 9}
TWO_VIEWS = {"positives": "augmentation"}
SIMCLR = TWO_VIEWS | {"objective": "simclr"}


class Watched:
    """A run, and what was seen of it on the way: arguments of losses, batches, generators, dtypes."""

    def __init__(self, spec, weights=None):
        self.spec, self.data = spec, train.load_data(spec)
        self.losses, self.batches, self.draw_seeds, self.evaluations, self.built, self.dtypes = [], [], [], [], [], []
        self.phase = "training"
        with self._watching():
            self.engine = Engine(spec, self.data, device=CPU)
            self.model = self.engine.model
            for model in (self.model, self.engine.frozen()):
                model.head[-1].register_forward_hook(lambda m, x, y: self.dtypes.append((self.phase, y.dtype)))
            self.training = train.Training(spec, self.data, engine=self.engine, weights=weights)
        self.started_from = {name: value.clone() for name, value in self.model.state_dict().items()}

    @contextmanager
    def _watching(self):
        inner_rows, inner_evaluate, inner_build, inner_views = engines.rows, train.evaluate, build, engines.views

        def rows(images, index):
            self.batches.append(index.clone())
            return inner_rows(images, index)

        def views(images, spec, *, generator, **options):
            self.draw_seeds.append(generator.initial_seed())
            return inner_views(images, spec, generator=generator, **options)

        def measure(model, data, spec, *, generator, last=False, hardness=None):
            self.phase = "evaluation"
            self.evaluations.append(SimpleNamespace(seed=generator.initial_seed(), last=last, first=len(self.losses)))
            try:
                return inner_evaluate(model, data, spec, generator=generator, last=last, hardness=hardness)
            finally:
                self.phase = "training"

        def make(*arguments, **options):
            self.built.append((*arguments, options))
            return inner_build(*arguments, **options)

        with pytest.MonkeyPatch.context() as patch:
            for name in ("contrastive_loss", "simclr_loss", "supcon_loss", "debiased_loss"):
                patch.setattr(objective, name, self._recording(name, getattr(objective, name)))
            patch.setattr(engines, "rows", rows)
            patch.setattr(engines, "views", views)
            patch.setattr(train, "evaluate", measure)
            patch.setattr(evaluate, "LOSS_BATCHES", LOSS_BATCHES)
            patch.setattr(evaluate, "HARDNESS", (2.0,))
            patch.setattr(engines, "build", make)
            yield

    def _recording(self, name, inner):
        def record(z, *arguments, **options):
            self.losses.append(
                SimpleNamespace(name=name, phase=self.phase, z=z.detach(), arguments=arguments, **options)
            )
            return inner(z, *arguments, **options)

        return record

    def go(self, epochs=None):
        with self._watching():
            for _ in range(self.spec.epochs if epochs is None else epochs):
                self.training.launch()
                self.training.settle()
        return self

    def of(self, phase):
        return [loss for loss in self.losses if loss.phase == phase]

    def measured(self, part):
        """Losses of the first evaluation: those of its ``loss``, its ``plain_loss``, or in the limit."""
        start = self.evaluations[0].first
        first, plain = start + LOSS_BATCHES, start + 2 * LOSS_BATCHES
        return {
            "loss": self.losses[start:first], "plain": self.losses[first:plain],
            "limit": [x for x in self.losses[plain : self.evaluations[1].first] if x.phase == "evaluation"],
        }[part]  # fmt: skip


@lru_cache
def seen(spec):
    """A run of which one epoch has been trained: it serves several rows."""
    return Watched(spec).go(1)


@dataclass(frozen=True)
class Row:
    """What an observable must be, by the value of a field, the rest of the specification being `BASE` and changes."""

    field: str
    observe: Callable[[Watched], Any]
    expected: dict[Any, Any]
    base: dict[str, Any] = field(default_factory=dict)


def only(values):
    values = list(values)
    assert values and all(value == values[0] for value in values), values
    return values[0]


def argument(name, of="training", shown=lambda value: value):
    """The observable that an argument of every loss is, in training or in a part of an evaluation."""

    def observe(watched):
        losses = watched.of("training") if of == "training" else watched.measured(of)
        return only(shown(getattr(loss, name)) for loss in losses)

    return observe


def everywhere(name, shown=lambda value: value):
    """An argument of the losses of training and of the measured loss, with and without hardening."""
    return lambda w: tuple(argument(name, of, shown)(w) for of in ("training", "loss", "plain"))


def same(*values, times=3):
    return {value: (value,) * times for value in values}


def adam(name):
    """What Adam does with all parameters, each once."""

    def observe(watched):
        optimizer = watched.engine._optimizer
        (group,) = optimizer.param_groups
        assert type(optimizer) is torch.optim.Adam
        assert {id(p) for p in group["params"]} == {id(p) for p in watched.model.parameters()}
        assert group["betas"] == (0.9, 0.999) and not group["amsgrad"]
        return group[name]

    return observe


def rates(watched):
    """Learning rates of all epochs, in thousandths."""
    watched, found = Watched(watched.spec), []
    for _ in range(watched.spec.epochs):
        watched.go(1)
        found.append(round(1000 * watched.engine._optimizer.param_groups[0]["lr"], 4))
    return found


def hardnesses(watched):
    """Hardness of the training of all epochs, and of the evaluations before the first and after each."""
    watched = Watched(watched.spec)
    watched.go()
    trained = [float(getattr(loss.hardening, "beta", 0.0)) for loss in watched.of("training")]
    measured = [watched.losses[e.first].hardening for e in watched.evaluations]
    return trained, [float(getattr(of, "beta", 0.0)) for of in measured], float(watched.engine._hardness)


def counts(split):
    return lambda w: getattr(w.data, f"{split}_labels").bincount().tolist()


def used(split):
    """Images that the encoder is shown of a split, by their numbers in the whole data set."""
    return lambda w: len(getattr(w.engine.data, split)) == sum(counts(split)(w))


def first_layer(watched):
    convolutions = [m for m in watched.model.modules() if isinstance(m, nn.Conv2d)]
    pools = sum(isinstance(m, nn.MaxPool2d) for m in watched.model.modules())
    return (convolutions[0].kernel_size[0], convolutions[0].stride[0], pools) if convolutions else None


def normalization(watched):
    """By which of the three formulas the representations are made of the head's outputs, some of these below 1."""
    model = deepcopy(watched.model).eval()
    with torch.no_grad():
        x = torch.randn(40, *watched.data.image_shape, generator=seeded())
        middle = model.head(model.backbone(x)).norm(dim=1).median()
        for parameter in model.head[-1].parameters():
            parameter.div_(middle)
        raw, z = model.head(model.backbone(x)), model(x)
    norm = raw.norm(dim=1, keepdim=True)
    assert (norm < 1).any() and (norm > 1).any()
    formulas = {"unit_ball": raw / norm.clamp_min(1), "unit_sphere": raw / norm, "none": raw / 3}  # d = 9
    return only(name for name, expected in formulas.items() if torch.allclose(z, expected, atol=1e-6))


def two_views(watched):
    """How often an image is shown, whether both views of a black one are the same, and what both are."""
    black = torch.zeros(6, 3, 8, 8, dtype=torch.uint8)
    if watched.spec.positives == "noise":
        black = objective.normalize(black)
    shown = objective.views(black, watched.spec, generator=seeded(3))
    views = shown.split(6)
    exact = torch.tensor([-m / s for m, s in zip(IMAGE_MEAN, IMAGE_STD, strict=True)])[:, None, None]
    return len(views), all(v.equal(views[0]) for v in views), torch.allclose(shown, exact.expand_as(shown), atol=1e-6)


def noise(watched):
    images = torch.randn(20, 3, 16, 16, generator=seeded())
    a, b = objective.views(images, watched.spec, generator=seeded(1)).split(20)
    assert watched.spec.noise == 0 or not a.equal(b)
    return round(float((a - images).std()), 2), round(float((b - images).std()), 2), round(float((a - b).std()), 2)


def pairs(watched):
    """Items and positives of a loss, in training and in an evaluation."""
    found = []
    for losses in (watched.of("training"), watched.measured("loss")):
        z_pos = [loss.z_pos for loss in losses]
        found.append(
            only((tuple(x.z.shape), p if p is None else tuple(p.shape)) for x, p in zip(losses, z_pos, strict=True))
        )
    return tuple(found)


def objectives(watched):
    """Losses of training and of evaluations, where the limit losses of another work's run are those of Algorithm 1."""
    training, evaluation = ({loss.name for loss in watched.of(phase)} for phase in ("training", "evaluation"))
    return only(training), only(evaluation) if len(evaluation) == 1 else evaluation


def sizes(watched):
    """Batches of an epoch, and of an evaluation's losses; batches hold no image twice."""
    indices = torch.cat(watched.batches)
    assert len(indices.unique()) == len(indices) and 0 <= int(indices.min()) <= int(indices.max()) < 40
    return [len(b) for b in watched.batches], only(len(loss.z) for loss in watched.measured("loss"))


def epochs(watched):
    """Rows of the history, steps, epochs whose evaluation is the last."""
    watched = Watched(watched.spec).go()
    history = watched.training.result().history
    at_the_end = history[list(AT_THE_END)].notna().all(axis=1)
    assert watched.training.done
    return history["epoch"].tolist(), len(watched.batches), history["epoch"][at_the_end].tolist()


def evaluated(watched):
    history = Watched(watched.spec).go().training.result().history
    return history["epoch"][history["loss"].notna()].tolist()


def precisions(watched):
    """Dtypes that the encoder computes in, and those that the losses are given."""
    encoder = tuple(only(d for phase, d in watched.dtypes if phase == of) for of in ("training", "evaluation"))
    return *encoder, only(loss.z.dtype for loss in watched.losses)


def seeds(watched):
    """Weights, the draws of two epochs, evaluations of the first states: every stream has a seed of its own."""
    watched = Watched(watched.spec).go(2)
    draws, evaluations = watched.draw_seeds, [e.seed for e in watched.evaluations]
    assert draws[0] == draws[1] and draws[2] == draws[3], "of one epoch"
    return watched.built[-1][-1]["seed"], draws[::2], evaluations


def streams(seed):
    """Written down, since recorded runs could not be made again if these changed."""
    of = [(seed * 1_000_003 + epoch) * 4 for epoch in range(3)]
    return of[0], [of[1] + 2, of[2] + 2], [n + 3 for n in of]


def orders(watched):
    """Whether the batches of two epochs are those that the seed and the epoch say."""
    watched = Watched(watched.spec).go(2)
    expected = [
        torch.randperm(40, generator=seeded((watched.spec.seed * 1_000_003 + epoch) * 4 + 1))[:30] for epoch in (1, 2)
    ]
    return torch.cat(watched.batches).equal(torch.cat(expected))


def images(watched):
    """Whether the synthetic data are those of the seed."""
    generator = seeded(watched.spec.seed)
    means = torch.rand(3, 1, 3072, generator=generator) * 2 - 1
    points = means + torch.randn(3, 100, 3072, generator=generator)
    return watched.data.train.flatten().equal(points.flatten())


def gradient(watched):
    """Whether the weights of hard negatives pass a gradient on."""
    z = torch.randn(6, 3, generator=seeded(), dtype=torch.float64, requires_grad=True)
    loss = objective.batch_loss(z, torch.arange(6) % 2, watched.spec)
    s = z @ z.T
    other = torch.arange(6)[:, None] % 2 != torch.arange(6) % 2
    tilt = (5 * (s.detach() if watched.spec.detach_weights else s)).masked_fill(~other, -torch.inf).log_softmax(1)
    level = (tilt + s).logsumexp(1, keepdim=True)
    by_hand = ((level - s).exp().log1p() * ~other / 3).sum(1).mean()
    ours, expected = (torch.autograd.grad(of, z)[0] for of in (loss, by_hand))
    return torch.allclose(ours, expected)


FAMILIES = {
    "exponential": "Exponential(beta=5.0)", "polynomial": "Polynomial(epsilon=5.0)", "threshold": "Threshold(tau=5.0)",
}  # fmt: skip
HARDNESSES = {5.0: "Exponential(beta=5.0)", 30.0: "Exponential(beta=30.0)", 0.0: "Uniform()"}
MARGINS = {None: "None", 0.5: "Triplet(margin=0.5)"}
DEBIASED = {"objective": "debiased", "supervised": False}
ALPHAS = {None: "None", 1.0: "LogSumExp(alpha=1.0)", 7.0: "LogSumExp(alpha=7.0)"}
BF16, FP32 = torch.bfloat16, torch.float32
MLP_SHAPES = {None: 9, 5: 5, 12: 12}

ROWS = [
    Row("dataset", lambda w: (w.data.image_shape, w.data.num_classes),
        {"digits": ((3, 8, 8), 10), "synthetic": ((3, 32, 32), 3)}, {"num_train": 30, "num_test": 30}),
    Row("supervised", everywhere("supervised"), same(True, False)),
    Row("supervised", argument("arguments", shown=lambda a: a[1] is not None), {True: True, False: False},
        SIMCLR),
    Row("num_train", counts("train"), {40: [4] * 10, 20: [2] * 10}),
    Row("num_train", used("train"), {None: True}, EXACT | {"batch_size": 600}),
    Row("imbalance", counts("train"), {1.0: [4] * 10, 9.0: [9, 7, 6, 5, 4, 3, 2, 2, 1, 1]}),
    Row("num_test", counts("test"), {20: [2] * 10, 30: [3] * 10}),
    Row("num_test", used("test"), {20: True, None: True}),
    Row("encoder", lambda w: (type(w.model.backbone[0]).__name__, len(w.model.backbone)),
        {"mlp": ("Flatten", 5), "small_resnet": ("Sequential", 6)}),
    Row("stem", first_layer, {"cifar": (3, 2, 0), "torchvision": (7, 2, 1), "patch": (4, 4, 0)},
        {"encoder": "small_resnet"}),
    Row("normalization", normalization, {name: name for name in ("unit_ball", "unit_sphere", "none")}),
    Row("dim", lambda w: w.model.head[-1].out_features, MLP_SHAPES),
    Row("dim", argument("z", shown=lambda z: z.shape[1]), MLP_SHAPES),
    Row("dim", argument("z", "loss", shown=lambda z: z.shape[1]), MLP_SHAPES),
    Row("hardening", argument("hardening", shown=str), FAMILIES),
    Row("hardening", argument("hardening", "loss", shown=str), FAMILIES),
    Row("hardening", argument("hardening", shown=str), FAMILIES, SIMCLR),
    Row("hardness", argument("hardening", shown=str), HARDNESSES),
    Row("hardness", argument("hardening", "loss", shown=str), HARDNESSES),
    Row("hardness", argument("hardening", "plain", shown=str), dict.fromkeys(HARDNESSES, "Uniform()")),
    Row("hardness", argument("hardening", shown=str), HARDNESSES, SIMCLR),
    Row("hardness", lambda w: float(w.engine._hardness), {0.0: 0.0, 5.0: 5.0, 30.0: 30.0}),
    Row("k", everywhere("k"), same(3, 7, None)),
    Row("k", argument("k", "limit"), {3: None, None: None}),
    Row("alpha", argument("psi", shown=str), ALPHAS),
    Row("alpha", argument("psi", "loss", shown=str), ALPHAS),
    Row("alpha", argument("psi", "limit", shown=str), dict.fromkeys(ALPHAS, "None")),
    Row("margin", argument("psi", shown=str), MARGINS, {"k": 1}),
    Row("margin", argument("psi", "loss", shown=str), MARGINS, {"k": 1}),
    Row("margin", argument("psi", "limit", shown=str), dict.fromkeys(MARGINS, "None"), {"k": 1}),
    Row("collisions", everywhere("collisions"), same(0.0, 0.3), DEBIASED),
    Row("reduction", everywhere("reduction"), same("anchor", "pair")),
    Row("negatives", argument("negatives"), {"per_pair": "per_pair", "per_anchor": "per_anchor"}),
    Row("negatives", argument("negatives", "loss"), {"per_pair": "per_anchor", "per_anchor": "per_anchor"}),
    Row("exclude_self", everywhere("exclude_self"), same(True, False), {"supervised": False}),
    Row("positives", pairs, {"label": (((15, 9), None),) * 2, "augmentation": (((15, 9), (15, 9)),) * 2}),
    Row("positives", pairs, {"noise": (((15, 9), (15, 9)),) * 2}, NOISY),
    Row("positives", two_views, {"label": (1, True, True), "augmentation": (2, True, True)}),
    Row("positives", two_views, {"noise": (2, False, False)}, NOISY),
    Row("objective", objectives, {"algorithm1": ("contrastive_loss",) * 2, "simclr": ("simclr_loss",) * 2}, TWO_VIEWS),
    Row("objective", objectives, {"supcon": ("supcon_loss", {"supcon_loss", "contrastive_loss"})},
        {"supervised": False, "hardness": 0.0}),
    Row("noise", noise, {0.1: (0.1, 0.1, 0.14), 0.5: (0.5, 0.5, 0.71), 0.0: (0.0, 0.0, 0.0)}, NOISY),
    Row("epochs", epochs, {1: ([0, 1], 2, [1]), 3: ([0, 1, 2, 3], 6, [3])}),
    Row("batch_size", sizes,
        {15: ([15, 15], 15), 20: ([20, 20], 20), 21: ([21], 21), 40: ([40], 40), None: ([40], 40)}),
    Row("lr", adam("lr"), {1e-3: 1e-3, 0.25: 0.25}),
    Row("weight_decay", adam("weight_decay"), {0.0: 0.0, 1e-2: 1e-2}),
    Row("precision", precisions, {"fp32": (FP32, FP32, FP32), "bf16": (BF16, BF16, FP32)}),
    Row("eval_every", evaluated, {4: [*range(11), 12, 13], 20: [*range(11), 13]},
        {"epochs": 13, "k": None}),
    Row("seed", seeds, {seed: streams(seed) for seed in (0, 1, 5)}),
    Row("seed", orders, {0: True, 7: True}),
    Row("seed", images, {0: True, 1: True}, {"dataset": "synthetic", "num_train": None, "num_test": None}),
    Row("temperature", everywhere("temperature"), same(1.0, 0.5)),
    Row("temperature", everywhere("temperature"), same(1.0, 0.5), SIMCLR),
    Row("temperature", everywhere("temperature"), same(1.0, 0.5), DEBIASED),
    Row("eps", adam("eps"), {1e-8: 1e-8, 1e-4: 1e-4}),
    Row("decay", rates, {"none": [1.0] * 4, "cosine": [1.0, 0.8536, 0.5, 0.1464], "step": [1.0, 1.0, 0.1, 0.01]},
        {"epochs": 4}),
    Row("hardness_end", hardnesses,
        {None: ([5.0] * 6, [5.0] * 4, 5.0), 9.0: ([5.0, 5.0, 7.0, 7.0, 9.0, 9.0], [5.0, 5.0, 7.0, 9.0], 9.0)},
        {"epochs": 3}),
    Row("hardness_end", hardnesses,
        {0.0: ([5.0, 5.0, 2.5, 2.5, 0.0, 0.0], [5.0, 5.0, 2.5, 0.0], 0.0)}, {"epochs": 3, **SIMCLR}),
    Row("detach_weights", everywhere("detach_weights"), same(True, False), EXACT),
    Row("detach_weights", everywhere("detach_weights"), same(True, False), DEBIASED),
    Row("detach_weights", gradient, {True: True, False: True}, EXACT),
]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "value"),
    [(row, value) for row in ROWS for value in row.expected],
    ids=[f"{row.field}={value}" for row in ROWS for value in row.expected],
)
def test_a_field_reaches_the_training(row, value):
    spec = replace(BASE, **row.base | {row.field: value})
    assert row.observe(seen(spec)) == row.expected[value]


def test_the_start_of_a_run_is_what_init_says():
    """Weights from the seed, or those given; a new optimiser, a new clock of epochs (D26)."""
    before = seen(BASE)
    from_seed = build("mlp", 9, image_shape=(3, 8, 8), stem="cifar", normalization="unit_ball", seed=8_000_024)
    assert all(before.started_from[name].equal(value) for name, value in from_seed.state_dict().items())
    weights = before.training.weights()
    after = Watched(replace(BASE, init="near_nc"), weights=weights)
    assert all(after.started_from[name].equal(value) for name, value in weights["model"].items())
    assert not after.started_from["head.0.weight"].equal(before.started_from["head.0.weight"])
    optimizer = after.engine.state()["optimizer"]
    assert all(not value.any() for of_parameter in optimizer for value in of_parameter.values())
    with pytest.raises(ValueError, match="init='near_nc', but no weights to start from"):
        Watched(replace(BASE, init="near_nc"))
    with pytest.raises(ValueError, match="init='random', but weights to start from"):
        Watched(BASE, weights=weights)


def test_every_field_has_a_row():
    tested = {row.field for row in ROWS} | {"init"}
    assert tested == {f.name for f in fields(RunSpec)}


def test_an_encoder_is_built_with_all_that_the_spec_says_of_it(monkeypatch):
    """ResNet-50 too, which is too large to be built here."""
    built = []
    monkeypatch.setattr(engines, "build", lambda *a, **o: built.append((a, o)) or build("mlp", 7, **o))
    spec = replace(BASE, encoder="resnet50", dim=7, stem="torchvision", normalization="none", seed=1)
    Engine(spec, train.load_data(spec), device=CPU)
    options = {"image_shape": (3, 8, 8), "stem": "torchvision", "normalization": "none", "seed": 1_000_003 * 4}
    assert built == [(("resnet50", 7), options)]


def test_the_observables_that_tables_cannot_show_are_of_evaluations_too():
    """Every evaluation of a run, the first and the last, measures the run's own loss with the spec's arguments."""
    watched = Watched(replace(BASE, supervised=False, reduction="pair", exclude_self=True)).go(2)
    assert [e.last for e in watched.evaluations] == [False, False, True]
    for evaluation in watched.evaluations:
        own = watched.losses[evaluation.first : evaluation.first + LOSS_BATCHES]
        assert {(x.supervised, x.reduction, x.exclude_self, str(x.hardening)) for x in own} == {
            (False, "pair", True, "Exponential(beta=5.0)")
        }
    assert (evaluate.HARDNESS, evaluate.LOSS_BATCHES) == ((2, 5, 10, 30), 10)
