"""Runs that start from the final weights of another (Table 2, Figure 4, D26)."""

from dataclasses import replace

import pytest
import torch

from hcl.training import campaign, checkpoint, runs, train
from hcl.training.campaign import Event, Job, Settings
from hcl.training.spec import RunSpec

pytestmark = pytest.mark.usefixtures("quick_evaluations")

START = RunSpec(
    dataset="digits", supervised=True, hardness=10, num_train=200, num_test=100, encoder="small_resnet", k=8,
    negatives="per_anchor", epochs=2, batch_size=50,
)  # fmt: skip
NEAR = [
    replace(START, init="near_nc", supervised=s, hardness=h, hardening=f)
    for s, h, f in ((True, 0, "exponential"), (False, 30, "exponential"), (True, 3, "polynomial"))
]


def carry_out(specs, root, **settings):
    events: list[Event] = []
    jobs = [Job(spec, "smoke") for spec in specs]
    return campaign.carry_out(jobs, Settings(runs_root=root, device="cpu", **settings), events.append), events


def test_all_settings_start_from_the_hscl_run_with_beta_10():
    assert {spec.start for spec in NEAR} == {START} and START.start is None
    assert len({spec.run_id for spec in (*NEAR, START)}) == 4


def test_the_start_is_made_first_and_its_weights_are_where_the_others_begin(tmp_path):
    outcome, events = carry_out(NEAR, tmp_path)
    names = [spec.run_id for spec in (START, *NEAR)]
    assert outcome.finished == names and not outcome.left and not outcome.failed
    assert [e.run_id for e in events if e.kind == "started"] == names
    last = runs.load(runs.find(START, tmp_path)).final
    for spec in NEAR:
        first = runs.load(runs.find(spec, tmp_path)).history.iloc[0]
        for name in ("zero_sum", "unit_norm", "equal_inner_product", "test_accuracy", "within_class"):
            assert first[name] == pytest.approx(last[name], rel=1e-5), name


def test_weights_and_statistics_are_taken_over_but_not_the_optimiser():
    data = train.load_data(START)
    before = train.Training(START, data, device=torch.device("cpu"))
    before.launch()
    before.settle()
    after = train.Training(NEAR[0], data, device=torch.device("cpu"), weights=before.weights())
    old, new = before.engine.state(), after.engine.state()
    assert all(new["model"][name].equal(value) for name, value in old["model"].items())
    assert not any(value.any() for state in new["optimizer"] for value in state.values())
    assert any(value.any() for state in old["optimizer"] for value in state.values())


def test_a_recorded_start_whose_weights_are_gone_is_trained_again_and_its_record_stays(tmp_path):
    carry_out([START], tmp_path)
    record = runs.find(START, tmp_path) / "provenance.json"
    before = record.read_bytes()
    assert not checkpoint.weights_path(START, tmp_path).exists()
    outcome, _ = carry_out(NEAR[:1], tmp_path)
    assert outcome.finished == [START.run_id, NEAR[0].run_id] and record.read_bytes() == before
    outcome, _ = carry_out(NEAR, tmp_path)  # the weights are there now
    assert outcome.finished == [spec.run_id for spec in NEAR[1:]]


def test_a_start_that_is_listed_is_made_once_and_keeps_its_weights(tmp_path):
    outcome, _ = carry_out([NEAR[0], START, NEAR[1]], tmp_path)
    assert outcome.finished == [START.run_id, NEAR[0].run_id, NEAR[1].run_id]
    assert checkpoint.weights_path(START, tmp_path).exists()


@pytest.mark.slow
def test_processes_wait_for_the_start_of_another(tmp_path):
    outcome, _ = carry_out(NEAR, tmp_path, at_once=2)
    assert outcome.finished[0] == START.run_id and len(outcome.finished) == 4 and not outcome.left


def test_where_the_start_fails_so_does_what_starts_from_it(tmp_path):
    wild = [replace(spec, lr=1e30) for spec in NEAR[:1]]
    outcome, _ = carry_out(wild, tmp_path)
    assert list(outcome.failed) == [wild[0].start.run_id, wild[0].run_id] and not outcome.left
    assert f"starts from the final weights of {wild[0].start.run_id}" in outcome.failed[wild[0].run_id]


def test_training_without_the_weights_is_refused():
    with pytest.raises(ValueError, match="init='near_nc', but no weights"):
        train.train(NEAR[0], data=train.load_data(START), device="cpu", progress=False)
    with pytest.raises(ValueError, match="init='random', but weights"):
        train.train(START, data=train.load_data(START), device="cpu", progress=False, weights={"model": {}})
