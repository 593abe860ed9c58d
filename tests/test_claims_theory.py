"""Claims that are computed: each on the library's numbers, and each against numbers that contradict it."""

import pandas as pd
import pytest

from hcl.companion.claims import theory as claims_theory
from hcl.companion.claims.theory import THEORY
from hcl.companion.evidence import Evidence

BY_NAME = {claim.name: claim for claim in THEORY}
NOTHING = Evidence((), ())
# The batched claim fails (P3), and half of Remark 2 and of the sentence on decay do.
EXPECTED = {"theory-batches": "not reproduced", "theory-remark-2": "partly", "theory-decay": "partly"}


@pytest.mark.parametrize("claim", THEORY, ids=lambda c: c.name)
def test_the_theorems_hold_and_what_is_false_is_said_to_be(claim):
    verdict = claim.check(NOTHING)
    assert verdict.status == EXPECTED.get(claim.name, "reproduced"), verdict


CONTRARY = {
    "theorem-1": lambda t: t.assign(**{"HSCL - SCL, smallest": -1e-3, "HUCL - UCL, smallest": -1e-3}),
    "theorem-2": lambda t: t.assign(**{"lowest found, above": -1e-3, "NC metric": 0.1}),
    "theorem-3": lambda t: t.assign(**{"lowest random, above": -1e-3, "NC metric": 0.1}),
    "necessity": lambda t: t.assign(largest=0.1, **{"above the bound": 0.1}),
    "property-vi": lambda t: t.assign(**{"lowest found, above": 1e-3, "NC metric": 0.1}),
    "hucl": lambda t: t.assign(**{"below the ETF": 0.0}),
    "no-dc": lambda t: t * 0.99,
}


@pytest.mark.parametrize("name", CONTRARY)
def test_a_claim_fails_on_numbers_that_contradict_it(name, monkeypatch):
    table = claims_theory._table
    monkeypatch.setattr(claims_theory, "_table", lambda compute: CONTRARY[name](table(compute)))
    assert BY_NAME[f"theory-{name}"].check(NOTHING).status == "not reproduced"


def test_the_batched_claim_would_hold_where_nothing_goes_below_neural_collapse(monkeypatch):
    table = claims_theory._table(claims_theory._BATCHES)
    level = pd.DataFrame(table.loc["Neural-Collapse"].to_dict(), index=table.index)
    monkeypatch.setattr(claims_theory, "_table", lambda compute: level)
    assert BY_NAME["theory-batches"].check(NOTHING).status == "reproduced"
