import pytest
from test_paper import made_up

from hcl import claims, paper
from hcl.bounds import scl_lower_bound, ucl_lower_bound
from hcl.campaign import Settings

# Metrics of each setting that bear a figure's claims out, and metrics that contradict every one of them.


def agreeing(spec) -> dict[str, float]:
    hard, supervised = spec.hardness > 0, spec.supervised
    at_nc = supervised and (hard or spec.dataset == "synthetic")
    if spec.dataset == "synthetic" and not supervised:
        at_nc = not hard and spec.positives == "label"
    distance = 0.0 if at_nc else 0.2 + 0.01 * spec.hardness
    if spec.dataset == "cifar10" and not supervised and spec.hardness == 5:
        distance = 0.01
    return {
        "loss": (scl_lower_bound if supervised else ucl_lower_bound)(spec.num_classes),
        "equal_inner_product": distance, "zero_sum": distance, "unit_norm": 0.0,
        "rank": spec.num_classes - 1 if hard else 5, "test_accuracy": 0.6 if hard else 0.3,
    }  # fmt: skip


def contradicting(spec) -> dict[str, float]:
    right = agreeing(spec)
    near = right["equal_inner_product"] < claims.AT_NC
    distance = 0.3 - 0.001 * spec.hardness if near else 0.04 - 0.001 * spec.hardness
    return {
        "loss": right["loss"] + 0.01, "equal_inner_product": distance, "zero_sum": distance, "unit_norm": 0.5,
        "rank": 5 if spec.hardness else spec.num_classes - 1, "test_accuracy": 0.3 if spec.hardness else 0.6,
    }  # fmt: skip


@pytest.mark.parametrize(("metrics", "status"), [(agreeing, "reproduced"), (contradicting, "not reproduced")])
@pytest.mark.parametrize("claim", claims.CLAIMS, ids=lambda c: c.statement)
def test_every_claim_can_pass_and_fail(claim, metrics, status):
    runs = [made_up(spec, **metrics(spec)) for spec in paper.study(claim.figure, "laptop").specs]
    verdict = claim.check(runs)
    assert verdict.status == status, verdict
    assert ("✗" in verdict.measured) == (status == "not reproduced") or "grows" in claim.statement


@pytest.mark.parametrize("claim", claims.CLAIMS, ids=lambda c: c.statement)
def test_claims_without_runs_were_not_run(claim):
    assert claim.check([]) == claims.NOT_RUN


def test_some_parts_that_hold_make_partly():
    verdict = claims.judge([("a", 1.0, True), ("b", 2.0, False)])
    assert verdict == claims.Verdict("partly", "a: 1.000; b: 2.000 ✗")


@pytest.mark.parametrize(("profile", "options"), [("smoke", {}), ("laptop", {"dataset": "cifar100"})])
def test_other_data_or_smoke_test_no_claim(profile, options):
    runs = [made_up(spec, **agreeing(spec)) for spec in paper.study("fig05", profile, **options).specs]
    table = claims.verdicts(["fig05", "fig06"], runs, profile)
    assert set(table["verdict"]) == {"not run at this scale"}
    assert len(table) == sum(claim.figure in ("fig05", "fig06") for claim in claims.CLAIMS)


def test_the_readme_states_the_verdicts_of_the_records():
    from conftest import ROOT

    readme = (ROOT / "README.md").read_text()
    for figure, title in (("fig02", "Figure 2"), ("fig05", "Figure 5"), ("fig06", "Figure 6, row 1")):
        runs = paper.study(figure, "laptop", root=ROOT / "runs").runs(Settings(runs_root=ROOT / "runs"))
        counts = claims.verdicts([figure], runs, "laptop")["verdict"].value_counts()
        row = next(line for line in readme.splitlines() if line.startswith(f"| {title} |"))
        for status, word in (("reproduced", "reproduced"), ("partly", "partly"), ("not reproduced", "not")):
            if status in counts:
                assert f"{counts[status]} {word}" in row
        assert f"of {counts.sum()} claims" in row
