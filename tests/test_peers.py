"""The losses of other works and packages: they agree with the library's before they are timed, or are told apart."""

import json
import subprocess
import sys

import pytest
import torch
from helpers import ROOT
from test_rows import with_gradient

from benchmarks import peak, peers, published
from benchmarks.harness import Setting
from hcl import neighbours
from hcl.models import unit_sphere

LABELS = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2, 2])  # of classes that are not alike in size


def points(n=9):
    return unit_sphere(
        torch.randn(n, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ).requires_grad_()


@pytest.mark.parametrize("name", ["supcon", "sincere"])
@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_the_codes_of_the_authors_compute_what_their_papers_say(name, temperature):
    z = points()
    theirs, ours = getattr(published, name), getattr(neighbours, f"{name}_loss")
    found = with_gradient(lambda z: theirs(z, LABELS, temperature), z)
    expected = with_gradient(lambda z: ours(z, LABELS, temperature=temperature), z)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ["supcon", "sincere"])
def test_an_anchor_without_positives_is_nan_in_their_codes_and_nothing_in_ours(name):
    z, alone = points(), torch.tensor([0, 0, 0, 1, 1, 2, 2, 2, 3])
    assert getattr(published, name)(z, alone, 1.0).isnan()
    assert getattr(neighbours, f"{name}_loss")(z, alone).isfinite()


SETTING = Setting(torch.device("cpu"), quick=True, results=None)
CASES = {case.name: case for case in peers.cases(SETTING) if "agrees" in case.name}


@pytest.mark.parametrize("name", CASES)
def test_forms_agree_before_they_are_timed(name):
    assert CASES[name].measure()["passed"], name


def test_forms_that_do_not_agree_are_found(monkeypatch):
    first, other = (form for form in peers.FORMS if form.value == "SupCon" and form.by in ("hcl", "its authors"))
    wrong = peers.Form("SupCon", "wrong", lambda *a: other.loss(*a) * (1 + 1e-9))
    assert not peers.agreement(wrong, first)["passed"]
    drawn = {form.by: form for form in peers.FORMS if form.value == peers.DRAWN}
    wrong = peers.Form(peers.DRAWN, "wrong", lambda *a: drawn["loop"].loss(*a) * 1.02)
    assert not peers.in_the_mean(wrong, drawn["hcl, per pair"])["passed"]


def test_a_package_that_is_not_there_is_named_and_the_rest_is_measured(monkeypatch):
    monkeypatch.setattr(peers, "find_spec", lambda name: None if name == "lightly" else object())
    assert "not installed: lightly (pip install" in peers.absent() and "metric" not in peers.absent()
    names = [case.name for case in peers.cases(Setting(torch.device("cpu"), quick=False, results=None))]
    assert len(set(names)) == len(names) and not any("lightly" in name for name in names)
    assert (
        "SINCERE, pytorch-metric-learning, B=8192, C=64" in names
        and "Algorithm 1, loop, B=8192, C=64, k=256" not in names
    )


def test_pairs_of_packages_are_weighed_otherwise_where_classes_are_not_alike_in_size():
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    z = points()
    pairs = losses.NTXentLoss(temperature=1.0)
    assert abs(pairs(z, LABELS) - neighbours.sincere_loss(z, LABELS)) > 1e-3, "a mean over all pairs at once"
    balanced = torch.arange(9) % 3
    torch.testing.assert_close(pairs(z, balanced), neighbours.sincere_loss(z, balanced))


# What a step takes


def taking(mib, then=None):
    """Make a step that holds so many MiB for a moment."""

    def step():
        held = torch.ones(mib * 2**18)
        if then is not None:
            then()
        return held.sum()

    return lambda: step


def test_the_peak_is_that_of_the_step_and_not_of_what_was_before():
    held = torch.ones(200 * 2**18)
    rows = [peak.measured(taking(mib), taking(1)) for mib in (8, 64)]
    assert held.sum() == held.numel()
    assert rows[0]["memory_mb"] == pytest.approx(8, abs=1.5) and rows[1]["memory_mb"] == pytest.approx(64, abs=1.5)
    assert all(row["ms"] > 0 and row["repeats"] >= 1 for row in rows)


def test_a_step_that_wants_more_than_it_is_given_is_refused_it_and_harms_nobody():
    row = peak.measured(taking(300), taking(1), given=256 * 2**20)
    assert row == {"refused": "more than 0.25 GiB", "repeats": 1}
    assert peak.measured(taking(100), taking(1), given=256 * 2**20)["memory_mb"] > 99


def test_a_step_that_fails_says_why():
    def fail():
        raise ValueError("no such thing")

    with pytest.raises(RuntimeError, match="ValueError: no such thing"):
        peak.measured(taking(1, fail), taking(1))
    with pytest.raises(RuntimeError, match="ended with exit status -9"):
        peak.measured(taking(1, lambda: __import__("os").kill(__import__("os").getpid(), 9)), taking(1))


def test_what_a_process_of_its_own_has_kept_is_gone():
    kept = []

    def work():
        kept.append(1)
        return {"kept": len(kept), "threads": torch.get_num_threads()}

    assert [peak.in_a_process(work) for _ in range(2)] == [{"kept": 1, "threads": 1}] * 2 and not kept


MEASURE = """
import json, torch
from benchmarks import peers
from benchmarks.harness import Setting
from benchmarks.loss import Size
form = {form.by: form for form in peers.FORMS if form.value == "NT-Xent"}
on = Setting(torch.device("cpu"), quick=True, results=None)
taken = lambda by, n: peers.measure(on, form[by], Size(n))["memory_mb"]
print(json.dumps([taken("hcl", 2048), taken("hcl", 4096), taken("hcl, 256 rows", 4096)]))
"""


@pytest.mark.slow
def test_whole_memory_grows_with_the_square_of_the_batch_and_in_rows_it_stays_far_below():
    """Linear growth would be a factor of 2. In a process of its own: what this one holds would come into it."""
    done = subprocess.run([sys.executable, "-c", MEASURE], cwd=ROOT, capture_output=True, text=True, check=True)
    half, whole, in_rows = json.loads(done.stdout)
    assert whole > 2.8 * half and whole > 4 * in_rows
