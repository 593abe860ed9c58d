"""Training in other than C - 1 dimensions: its runs, and claims that hold, fail and wait."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hcl.companion import dimensions, registry
from hcl.companion import study as studies
from hcl.companion.claims.dimensions import DIMENSIONS
from hcl.companion.evidence import Evidence
from hcl.companion.verdicts import NC_METRICS
from hcl.geometry import simplex_etf
from hcl.training import runs

STUDY = studies.at(registry.FIGURES["dimensions"], "workstation", "cifar10")
BY_NAME = {claim.name.removeprefix("dimensions-"): claim for claim in DIMENSIONS}
CROSS = np.concatenate([np.eye(5), -np.eye(5)])


def made(spec, means=CROSS, distance=0.0, rank=9.0):
    columns = dict.fromkeys(NC_METRICS, distance) | {
        "effective_rank": rank, "clusters": 10, "least_distance": 1.4, "within_class": 0.05, "norm": 1.0,
        "squared_norm": 1.0,
    }  # fmt: skip
    history = pd.DataFrame({"epoch": range(0, 3000, 100), "train_loss": 0.3, **columns})
    return runs.Run(spec, history, {"means": means}, {"device": "made up"})


def evidence(of, **changes):
    found = tuple(
        replace(run, spec=replace(spec, seed=seed))
        for spec in STUDY.specs
        for seed, run in ((seed, made(spec, **of(spec))) for seed in (0, 1))
    )
    return Evidence(tuple(run.spec for run in found), found)


def test_runs_in_c_minus_1_dimensions_are_those_of_figure_5_and_the_others_come_last():
    fig05 = studies.at(registry.FIGURES["fig05"], "workstation", "cifar10").specs
    shared = [spec for spec in STUDY.specs if spec in fig05]
    assert len(STUDY.specs) == 12 and len(shared) == 4 and {spec.dim for spec in shared} == {None}
    assert {dimensions.words(spec) for spec in STUDY.specs} == {"d = C − 1", "d = C/2", "d = 2C"}
    assert registry.order("workstation")[-1].figure == "dimensions"
    assert len({dimensions.named(spec) for spec in STUDY.specs}) == 12
    assert {spec.dim for spec in studies.study("dimensions", "smoke").specs} == {None, 5, 20}


def test_a_cross_polytope_is_told_from_other_shapes():
    turned = CROSS @ np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0]
    assert dimensions.off_cross_polytope(3 * turned[::-1]) == pytest.approx(0, abs=1e-12)
    etf = simplex_etf(10, 9).double().numpy()
    assert dimensions.off_cross_polytope(etf) == pytest.approx((8 / 9 + 8 / 9) / 9)


CASES = {
    "few": (lambda spec: {}, lambda spec: {"means": simplex_etf(10, 9).double().numpy()}),
    "many": (lambda spec: {}, lambda spec: {"distance": 0.5}),
    "alike": (lambda spec: {}, lambda spec: {"rank": 5.0 if spec.dim == 20 else 9.0}),
}


@pytest.mark.parametrize("name", BY_NAME)
def test_a_claim_holds_fails_and_waits_as_its_runs_say(name):
    holds, fails = CASES[name]
    assert BY_NAME[name].check(evidence(holds)).status == "reproduced"
    assert BY_NAME[name].check(evidence(fails)).status == "not reproduced"
    assert BY_NAME[name].check(Evidence(STUDY.specs, ())).status == "waiting"
