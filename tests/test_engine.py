"""The fast training step against the plain one, on a CPU; benchmarks/run.py makes the same comparisons on a GPU."""

import functools
import inspect
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch._dynamo.testing import CompileCounter
from torch.utils._python_dispatch import TorchDispatchMode

from hcl import augment, draws
from hcl.training import engine as engines
from hcl.training import objective, train
from hcl.training.data import Dataset
from hcl.training.engine import Engine, Techniques
from hcl.training.optimizer import set_lr
from hcl.training.spec import RunSpec

CPU = torch.device("cpu")
SMALL = RunSpec(
    dataset="digits", supervised=True, num_train=200, num_test=100, encoder="mlp", k=8, negatives="per_anchor",
    hardness=5, epochs=2, batch_size=50,
)  # fmt: skip
CONVOLUTIONAL = replace(SMALL, encoder="small_resnet")
PLAIN = Techniques()
pytestmark = pytest.mark.usefixtures("quick_evaluations")


def run(spec, techniques=None):
    return train.train(spec, data=train.load_data(spec), device="cpu", techniques=techniques, progress=False)


@pytest.fixture
def traced(monkeypatch):
    """torch.compile that traces as ever, one graph and no break where asked for, but runs the graph as it is."""
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    torch._dynamo.reset()


@pytest.mark.parametrize("spec", [SMALL, CONVOLUTIONAL], ids=lambda s: s.encoder)
@pytest.mark.parametrize("name", ["channels_last", "fused_adam", "fold"])
def test_a_technique_changes_nothing_but_rounding(spec, name):
    """Nothing is drawn and steps are small, so the histories agree as far as float32 does.

    Adam turns the rounding of a gradient near zero into a whole step, and an image on the edge may change sides.
    """
    spec = replace(spec, k=None, lr=1e-4)
    plain, fast = run(spec, PLAIN), run(spec, Techniques(**{name: True}))
    assert fast.provenance["techniques"] == name and plain.provenance["techniques"] == "plain"
    shares = [column for column in plain.history if column.endswith("accuracy")]
    pd.testing.assert_frame_equal(fast.history[shares], plain.history[shares], rtol=0, atol=0.021, check_exact=False)
    others = [history.drop(columns=shares) for history in (fast.history, plain.history)]
    pd.testing.assert_frame_equal(*others, rtol=2e-3, atol=2e-4, check_exact=False)


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize(
    "changes",
    [
        {"k": None}, {"k": None, "supervised": False, "hardening": "polynomial", "reduction": "pair"},
        {"k": None, "encoder": "small_resnet"}, {"positives": "augmentation", "objective": "simclr"},
    ],
    ids=str,
)  # fmt: skip
def test_the_compiled_step_is_the_plain_step(changes, monkeypatch):
    """Without draws of negatives both see the same numbers; augmentation draws the same in both.

    Of the larger encoder the gradients are traced too, which takes most of the time; those of the losses are in the
    tests of these.
    """
    spec = replace(SMALL, **changes)
    if spec.encoder == "small_resnet":
        monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="aot_eager"))
    plain, fast = run(spec, PLAIN), run(spec, Techniques(compile=True))
    assert fast.provenance["techniques"] == "compile"
    pd.testing.assert_frame_equal(fast.history, plain.history, rtol=2e-3, atol=2e-4, check_exact=False)


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("changes", [{}, {"negatives": "per_pair"}, {"positives": "augmentation"}], ids=str)
def test_the_compiled_step_draws_from_the_same_distribution(changes):
    """Its shapes do not depend on the batch, so it draws other numbers: the same loss up to sampling."""
    spec = replace(SMALL, k=64, **changes)
    plain, fast = run(spec, PLAIN), run(spec, Techniques(compile=True))
    np.testing.assert_allclose(fast.history["train_loss"][1:], plain.history["train_loss"][1:], atol=0.02)


def test_one_compiled_step_serves_every_hardness_and_seed(monkeypatch):
    counter = CompileCounter()
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=counter))
    torch._dynamo.reset()
    made = Engine(SMALL, train.load_data(SMALL), device=CPU, techniques=Techniques(compile=True))
    compiled = counter.frame_count
    assert compiled >= 2
    losses = set()
    for hardness, seed in ((0, 0), (5, 0), (5, 3), (30, 0)):
        made.begin(replace(SMALL, hardness=hardness, seed=seed))
        made.launch(1)
        losses.add(round(made.finish(), 6))
    assert counter.frame_count == compiled and len(losses) == 4


@pytest.mark.usefixtures("traced")
def test_the_hardness_on_the_device_is_the_one_of_the_spec():
    """beta = 0 in the compiled step is no hardening at all."""
    soft, hard = (replace(SMALL, k=None, hardness=h) for h in (0, 30))
    assert run(soft, Techniques(compile=True)).final["train_loss"] == pytest.approx(
        run(soft, PLAIN).final["train_loss"], rel=1e-4
    )
    assert run(hard, PLAIN).final["train_loss"] > run(soft, PLAIN).final["train_loss"] + 0.05


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("changes", [{"hardness_end": 30, "decay": "step"}, {"hardness_end": 0, "eps": 1e-3}], ids=str)
def test_a_schedule_is_the_same_in_the_compiled_step(changes):
    spec = replace(SMALL, k=None, epochs=4, **changes)
    plain, fast = run(spec, PLAIN), run(spec, Techniques(compile=True, fused_adam=True))
    pd.testing.assert_frame_equal(fast.history, plain.history, rtol=2e-3, atol=2e-4, check_exact=False)
    constant = run(replace(spec, hardness_end=None), PLAIN)
    assert constant.history["train_loss"][1] == plain.history["train_loss"][1]
    assert constant.history["train_loss"][4] != plain.history["train_loss"][4]


def test_a_schedule_that_does_not_change_anything_changes_nothing():
    """The epochs of a run are those of one with a constant hardness, as long as it has that of the schedule."""
    ends = replace(SMALL, epochs=2, hardness=2, hardness_end=4)
    data = train.load_data(ends)
    made = Engine(ends, data, device=CPU)
    made.begin(ends)
    made.launch(1)
    made.finish()
    state = made.state()
    made.launch(2)
    after = made.finish()
    other = Engine(replace(ends, hardness=4, hardness_end=None), data, device=CPU)
    other.begin(replace(ends, hardness=4, hardness_end=None))
    other.restore(state)
    other.launch(2)
    assert other.finish() == after


def test_a_learning_rate_in_a_tensor_is_set_in_its_place():
    """As a captured step needs it; the steps are those of a number."""
    results = []
    for lr in (0.5, torch.tensor(0.5)):
        weight = torch.nn.Parameter(torch.ones(3))
        optimizer = torch.optim.Adam([weight], lr=lr, foreach=False)
        place = optimizer.param_groups[0]["lr"]
        for rate in (0.5, 0.25):
            set_lr(optimizer, rate)
            weight.grad = torch.tensor([1.0, -2.0, 0.5])
            optimizer.step()
        results.append(weight.detach().clone())
        assert not isinstance(lr, torch.Tensor) or optimizer.param_groups[0]["lr"] is place
    assert torch.allclose(*results)


class NoReads(TorchDispatchMode):
    """Refuses what makes the host wait for a device, or copies to it."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        assert function is not torch.ops.aten._local_scalar_dense.default, "a value was read"
        assert function is not torch.ops.aten.nonzero.default, "a shape depends on values"
        return function(*args, **(kwargs or {}))


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize(
    "changes", [{}, {"negatives": "per_pair"}, {"k": None}, {"positives": "augmentation"}], ids=str
)
def test_nothing_is_read_from_the_device_within_an_epoch(changes, monkeypatch):
    """The code that an accelerator takes, as it is before it is compiled, which the mode would not let run."""
    monkeypatch.setattr(draws, "eager_on_cpu", lambda s: False)
    spec = replace(SMALL, **changes)
    made = Engine(spec, train.load_data(spec), device=CPU, techniques=Techniques(compile=True, fused_adam=True))
    made.begin(spec)
    made._encode, made._loss, made._apply = objective.encode, objective.batch_loss, augment.apply
    made._position.zero_()
    with NoReads():
        for _ in range(made.steps):
            made._advance()
    with pytest.raises(AssertionError, match="read"), NoReads():
        made.finish()


def test_runs_of_one_engine_are_those_of_engines_of_their_own():
    """Nothing is left over from the run before: weights, statistics, optimiser, draws."""
    data = train.load_data(CONVOLUTIONAL)
    specs = [replace(CONVOLUTIONAL, hardness=h, seed=s) for h, s in ((5, 0), (0, 1), (5, 0))]
    shared = Engine(specs[0], data, device=CPU)
    together = []
    for spec in specs:
        assert shared.fits(spec, data, CPU, None)
        training = train.Training(spec, data, engine=shared)
        while not training.done:
            training.launch()
            training.settle()
        together.append(training.result())
    for spec, made in zip(specs, together, strict=True):
        pd.testing.assert_frame_equal(made.history, run(spec).history, check_exact=True)
    assert not together[0].history.equals(together[1].history)


@pytest.mark.parametrize(
    "changes", [{"batch_size": 40}, {"supervised": False}, {"k": 9}, {"lr": 0.1}, {"hardening": "polynomial"}], ids=str
)
def test_an_engine_does_not_fit_what_it_was_not_made_for(changes):
    data = train.load_data(SMALL)
    made = Engine(SMALL, data, device=CPU)
    assert not made.fits(replace(SMALL, **changes), data, CPU, None)
    assert not made.fits(SMALL, data, CPU, PLAIN)
    assert not made.fits(SMALL, data.subset(100, 50), CPU, None)


@pytest.mark.parametrize("stopped_at", [1, 3])
@pytest.mark.parametrize(
    "spec",
    [
        replace(SMALL, epochs=4), replace(CONVOLUTIONAL, epochs=4, negatives="per_pair"),
        replace(SMALL, epochs=4, hardness=0, hardness_end=30, decay="cosine", eps=1e-4),
    ],
    ids=str,
)  # fmt: skip
def test_a_run_gone_on_with_is_bitwise_the_uninterrupted_one(spec, stopped_at):
    """Stopped in the middle of an epoch, whose steps are lost and made again from the state before."""
    data = train.load_data(spec)

    def go_on(training, until):
        while training.epoch < until:
            training.launch()
            training.settle()

    straight = train.Training(spec, data, device=CPU)
    go_on(straight, 4)
    first = train.Training(spec, data, device=CPU)
    go_on(first, stopped_at)
    kept = first.state()
    first.engine._order.copy_(torch.arange(200).view(4, 50))
    first.engine._position.zero_()
    first.engine._advance()  # a step of the next epoch, lost
    second = train.Training(spec, data, device=CPU, state=kept)
    assert second.epoch == stopped_at
    go_on(second, 4)
    assert not first.engine.state()["model"]["head.0.weight"].equal(kept["engine"]["model"]["head.0.weight"])
    weights, expected = second.engine.state(), straight.engine.state()
    assert all(weights["model"][name].equal(value) for name, value in expected["model"].items())
    for mine, theirs in zip(weights["optimizer"], expected["optimizer"], strict=True):
        assert all(mine[name].equal(theirs[name]) for name in theirs) and float(mine["step"]) == 16
    pd.testing.assert_frame_equal(second.result().history, straight.result().history, check_exact=True)
    assert np.array_equal(second.result().arrays["means"], straight.result().arrays["means"])
    assert second.result().provenance["resumed_after_epochs"] == [stopped_at]
    ended = train.Training(spec, data, device=CPU, state=second.state())  # all of it trained, nothing measured since
    assert np.array_equal(ended.result().arrays["means"], straight.result().arrays["means"])
    assert straight.result().provenance["resumed_after_epochs"] == []


def test_a_state_of_other_data_is_not_gone_on_with():
    spec = replace(SMALL, epochs=1)
    data = train.load_data(spec)
    state = train.Training(spec, data, device=CPU).state() | {"epoch": 1, "data": "another"}
    assert train.Training(spec, data, device=CPU, state=state).epoch == 0


def test_what_fails_on_a_machine_is_left_out_with_a_warning(monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("no compiler here")

    monkeypatch.setattr(torch, "compile", broken)
    with pytest.warns(RuntimeWarning, match="without compile.*no compiler here"):
        fast = run(SMALL, Techniques(compile=True, fused_adam=True))
    assert fast.provenance["techniques"] == "fused_adam"
    pd.testing.assert_frame_equal(fast.history, run(SMALL, Techniques(fused_adam=True)).history, check_exact=True)


def test_a_graph_needs_a_gpu():
    with pytest.raises(ValueError, match=r"needs a GPU.*Techniques.graph"):
        Engine(SMALL, train.load_data(SMALL), device=CPU, techniques=Techniques(graph=True))


def test_settings_of_the_process_are_put_back():
    before = torch.backends.cudnn.benchmark, torch.are_deterministic_algorithms_enabled()
    made = Engine(SMALL, train.load_data(SMALL), device=CPU, techniques=Techniques(deterministic=True))
    with made.work():
        assert torch.are_deterministic_algorithms_enabled() and not torch.backends.cudnn.benchmark
    assert (torch.backends.cudnn.benchmark, torch.are_deterministic_algorithms_enabled()) == before


def test_best_techniques_of_a_device():
    assert str(Techniques.best(CPU)) == "channels_last fused_adam fold"
    best = Techniques.best(torch.device("cuda"), deterministic=True)
    assert str(best) == "channels_last fused_adam fold compile graph deterministic"


def test_options_of_an_engine_are_given_by_name_alone():
    parameters = inspect.signature(Engine).parameters.values()
    assert [one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD] == ["spec", "data"]


# Shapes of the draws


def balanced(classes, each):
    labels = torch.arange(classes).repeat_interleave(each)
    images = torch.zeros(len(labels), 1, 1, 1, dtype=torch.uint8)
    return Dataset("made up", images, labels, images, labels, "made up")


@pytest.mark.parametrize(
    ("classes", "each", "low", "high"), [(10, 5000, 96, 112), (100, 500, 22, 28), (200, 500, 14, 20)]
)
def test_sets_of_draws_are_enough_and_not_many_more(classes, each, low, high):
    """Against the bounds that performance.md derives for CIFAR-10, CIFAR-100 and Tiny-ImageNet at batch 512."""
    spec = RunSpec(dataset="cifar10", supervised=True)
    size, sets, k = objective.draw_shape(spec, balanced(classes, each))
    assert (size, k) == (512, 256) and low <= sets <= high


def test_sets_of_draws_of_other_settings():
    data = balanced(10, 20)
    assert objective.draw_shape(replace(SMALL, batch_size=None, negatives="per_pair"), data) == (200, 20, 8)
    assert objective.draw_shape(SMALL, data) == (50, 1, 8)
    assert objective.draw_shape(replace(SMALL, negatives="per_pair", positives="augmentation"), data) == (50, 1, 8)
    assert objective.draw_shape(replace(SMALL, k=None), data) is None
    assert objective.draw_shape(replace(SMALL, positives="augmentation", objective="simclr"), data) is None


def test_batches_whose_pairs_share_draws_are_counted(monkeypatch):
    """Nothing is cut off (tests/test_losses.py); the record says how often it came to that."""
    spec = replace(SMALL, negatives="per_pair", epochs=3)
    labels = train.load_data(spec).train_labels
    largest = 0
    for epoch in (1, 2, 3):
        order = torch.randperm(200, generator=engines.generator_for(0, epoch, "order")).view(4, 50)
        counts = [int(labels[batch].bincount().max()) for batch in order]
        largest += sum(count > 8 for count in counts)
    assert 0 < largest < 12
    monkeypatch.setattr(engines, "draw_shape", lambda spec, data: (50, 8, 8))
    assert run(spec).provenance["shared_draw_batches"] == largest
    monkeypatch.undo()
    assert run(spec).provenance["shared_draw_batches"] == 0
