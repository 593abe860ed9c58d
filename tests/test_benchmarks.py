import runpy
import sys
from contextlib import redirect_stdout
from fnmatch import fnmatchcase
from io import StringIO
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import ROOT

sys.path.insert(0, str(ROOT))

from rich.console import Console
from typer.testing import CliRunner

import benchmarks.run as command
from benchmarks import concurrency, harness, loss, made_up, roofline, step
from benchmarks.harness import Case, Results, Setting, carry_out, slug
from hcl.companion import benchmarks_peers, benchmarks_report
from hcl.hardening import Exponential
from hcl.losses import contrastive_loss
from hcl.training.techniques import Techniques

SUITES = ["roofline", "loss", "peers", "step", "evaluation", "data", "concurrency", "exactness", "run", "growth"]
QUANTITIES = {
    "roofline": ["ms"],
    "loss": ["ms", "ms_min", "times_loop"],
    "step": ["ms", "images_per_second", "setup_seconds", "gflop_per_image"],
    "evaluation": ["ms", "forward_ms", "ms_per_512", "share"],
    "data": ["ms", "gb_per_second"],
    "concurrency": ["ms", "images_per_second"],
    "run": ["wall_seconds", "train_seconds", "overhead_seconds"],
}


@pytest.fixture
def setting(tmp_path):
    return Setting(torch.device("cpu"), quick=True, results=tmp_path)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Every suite, measured by the script; in this process, as imports cost more than what is measured."""
    folder = tmp_path_factory.mktemp("results")
    arguments = ["run.py", "--quick", "--device", "cpu", "--out", str(folder)]
    with (
        mock.patch.object(sys, "argv", arguments),
        mock.patch.object(sys, "path", ["benchmarks", *sys.path]),
        redirect_stdout(StringIO()) as printed,
        pytest.raises(SystemExit) as ended,
    ):
        runpy.run_path(str(ROOT / "benchmarks" / "run.py"), run_name="__main__")
    assert ended.value.code == 0, printed.getvalue()
    return folder, printed.getvalue()


def test_every_suite_writes_its_table_with_finite_numbers_and_provenance(measured):
    folder, printed = measured
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{suite}_cpu.csv" for suite in SUITES)
    for suite in SUITES:
        frame = pd.read_csv(folder / f"{suite}_cpu.csv")
        assert frame["case"].is_unique
        assert set(harness.PROVENANCE) <= set(frame.columns)
        assert frame[["device", "threads", "torch", "sources", "date", "repeats"]].notna().all().all()
        assert f"{suite}, cpu" in printed
        for name in QUANTITIES.get(suite, []):
            assert np.isfinite(frame[name]).all() and (frame[name] > 0).all(), (suite, name)
    exactness = pd.read_csv(folder / "exactness_cpu.csv")
    assert exactness["passed"].dropna().astype(bool).all()
    assert exactness["passed"].notna().sum() >= 8


def test_gains_and_expectations_are_read_from_the_tables(measured):
    results = benchmarks_report.load(measured[0])
    rows = results["step"].set_index("case")
    gained, before = "small_resnet, C=10, B=32, + channels_last", "small_resnet, C=10, B=32, plain fp32"
    ratio = rows.loc[gained, "rate_without_loss"] / rows.loc[before, "rate_without_loss"]
    assert rows.loc[gained, "gain"] == pytest.approx(ratio)
    compared = benchmarks_report.compare(results)
    assert compared["measured"].isna().all(), "tiny sizes are none of the cases that anything is expected of"


@pytest.mark.parametrize("name", ["predictions", "targets"])
def test_what_is_expected_names_cases_that_the_suites_have(name, monkeypatch):
    frame = pd.read_csv(ROOT / "benchmarks" / f"{name}.csv")
    assert set(frame["suite"]) <= set(SUITES)
    assert not frame.duplicated(["device", "suite", "case", "quantity"]).any()
    monkeypatch.setattr(concurrency, "clear", lambda device: None)  # a GPU that need not be there
    for suite, expected in frame[frame["suite"] != "run"].groupby("suite"):
        names = {
            case.name
            for device in ("cpu", "cuda")
            for case in command.SUITES[suite].cases(Setting(torch.device(device), quick=False, results=ROOT))
        }
        for pattern in expected["case"]:
            assert any(fnmatchcase(name, pattern) for name in names), pattern


def test_verdicts_on_predictions_and_targets(tmp_path):
    (tmp_path / "predictions.csv").write_text(
        "device,suite,case,quantity,predicted,low,high,source\n"
        "CPU,s,a,ms,10,,,1\nCPU,s,b,ms,,1,2,1\nCPU,s,c,ms,,,3,1\nH100,s,a,ms,1,,,1\n"
    )
    (tmp_path / "targets.csv").write_text(
        "device,suite,case,quantity,relation,target\nCPU,s,?,ms,<,2\nCPU,s,?,rate,>=,9\nCPU,s,a,ms,<,2\n"
    )
    rows = {"case": ["a", "b", "c"], "ms": [10.5, 1.5, 4.0], "rate": [8.0, 8.5, None]}
    compared = benchmarks_report.compare({"s": pd.DataFrame(rows).assign(kind="cpu")}, tmp_path)
    assert list(compared["verdict"]) == [
        "target missed, as predicted", "as predicted", "above predicted", "", "target met", "target missed",
    ]  # fmt: skip
    assert np.isnan(compared["measured"][3])
    assert list(compared["predicted"][:3]) == ["10", "1–2", "≤ 3"]


@pytest.mark.parametrize(
    "choose", [loss.by_torch(torch.Generator().manual_seed(0)), loss.by_numpy(np.random.default_rng(0))]
)
def test_the_loop_is_algorithm_1_in_expectation(choose):
    z, labels = loss.inputs(loss.Size(12, 10, 4), torch.device("cpu"))
    drawn = torch.stack([loss.loop(z.detach(), labels, 5.0, 64, choose) for _ in range(150)])
    ours = torch.stack(
        [
            contrastive_loss(
                z.detach(), labels, supervised=True, hardening=Exponential(5), k=64,
                generator=torch.Generator().manual_seed(seed),
            )
            for seed in range(150)
        ]
    )  # fmt: skip
    error = ((drawn.var() + ours.var()) / 150).sqrt()
    assert abs(drawn.mean() - ours.mean()) < 4.5 * error
    exact = contrastive_loss(z, labels, supervised=True, hardening=Exponential(5), k=None)
    assert abs(drawn.mean() - exact) < 1e-2 * exact


def test_the_loop_given_every_negative_once_is_the_plain_loss_without_draws():
    z, _ = loss.inputs(loss.Size(12, 10, 4), torch.device("cpu"))

    def every_negative(p, count):
        return (p > 0).nonzero()[:, 0].repeat(count)[:count]  # whole rounds of them where all anchors have as many

    balanced = torch.arange(6).repeat(2)
    ours = contrastive_loss(z, balanced, supervised=True, k=None)
    torch.testing.assert_close(loss.loop(z, balanced, 0.0, 10, every_negative), ours)


def test_a_case_measured_again_replaces_its_row_and_keeps_the_others(setting):
    results = Results("s", setting)
    results.put("a", {"ms": 1.0, "repeats": 3})
    results.put("b", {"ms": 2.0, "repeats": 3})
    again = Results("s", setting)
    again.put("a", {"ms": 5.0, "spread": 0.1, "repeats": 4})
    frame = pd.read_csv(setting.results / "s_cpu.csv")
    assert list(frame["case"]) == ["a", "b"]
    assert list(frame["ms"]) == [5.0, 2.0]
    assert np.isnan(frame["spread"][1])
    assert list(frame.columns[-len(harness.PROVENANCE) :]) == list(harness.PROVENANCE)
    assert Results("s", setting).current("a") and not Results("s", setting).current("c")


def test_growth_is_told_from_the_fewest_to_the_most_records():
    rows = [("a", 250, 2.0), ("a", 1000, 5.0), ("a", 500, 3.0), ("b", 250, 1.0), ("b", 1000, 4.0), ("c", 250, 1.0)]
    frame = pd.DataFrame([{"case": f"{w}, {n} records", "records": n, "seconds": s} for w, n, s in rows])
    assert benchmarks_report.grown(frame) == (
        "with 4 times as many, a takes 2.5 times as long; with 4 times as many, b takes 4.0 times as long"
    )


PEERS = pd.DataFrame(
    [
        ("X", "hcl", 128, None, 1.0, 10.0, None), ("X", "hcl", 512, None, 10.0, 100.0, None),
        ("X", "hcl", 2048, None, 100.0, 1000.0, None), ("X", "hcl", 512, 8, 7.0, 7.0, None),
        ("X", "hcl, 256 rows", 512, None, 12.0, 20.0, None), ("X", "hcl, 256 rows", 2048, None, 150.0, 50.0, None),
        ("X", "other", 128, None, 2.0, 5.0, None), ("X", "other", 512, None, 30.0, 50.0, None),
        ("X", "other", 2048, None, None, None, "more than 8 GiB"),
        ("Y", "hcl, a", 128, 64, 1.0, 1.0, None), ("Y in expectation", "hcl, b", 128, 64, 0.5, 0.25, None),
    ],
    columns=["loss", "by", "batch", "classes", "ms", "memory_mb", "refused"],
).assign(k=np.nan, passed=None)  # fmt: skip


def test_peers_are_told_at_the_largest_batch_that_both_can_do():
    check = pd.DataFrame([{"case": "X, other, agrees", "passed": True, "value": 0.0}])
    frame = pd.concat([PEERS, check], ignore_index=True)
    table = benchmarks_peers.beside(frame).set_index(["loss", "by"])
    assert list(table["batch"]) == [2048, 2048, 512, 128, 128]
    assert list(table["compared_with"]) == ["hcl", "hcl", "hcl", "hcl, a", "hcl, b"]
    assert list(table["times_time"]) == [1, 1.5, 3, 1, 1] and list(table["times_memory"]) == [1, 0.05, 0.5, 1, 1]
    assert list(table["refused"].dropna()) == [2048] and table["refused"].notna()["X", "other"]
    assert benchmarks_peers.seen(frame) == (
        "1 of 1 forms of others take more time than the library's at the largest batch that both can do, 0 take more "
        "memory. At larger batches 1 asked for more memory than they were given. Taken some rows at a time, at B = "
        "2,048, the library's need 20 to 20 times less memory, for 1.5 to 1.5 times the time."
    )
    assert len(benchmarks_peers.checks(frame)) == 1 and len(benchmarks_peers.costs(frame)) == len(PEERS)


def test_peers_at_one_batch_are_told_by_classes_and_negatives():
    rows = [("Z", "b", 512, 64, 1.0), ("Z", "b", 512, 8, 2.0), ("Z", "a", 512, 8, 3.0), ("Z", "a", 128, 8, 9.0)]
    frame = pd.DataFrame(rows, columns=["loss", "by", "batch", "classes", "ms"]).assign(
        k=np.nan, memory_mb=0.5, passed=None
    )
    table = benchmarks_peers.varied(pd.concat([PEERS, frame], ignore_index=True))
    assert [(*key, *row) for key, row in zip(table.index, table.to_numpy(), strict=True)] == [
        ("X", "hcl", "8", "–", "7", "7"), ("Z", "b", "8", "–", "2", "0.5"), ("Z", "b", "64", "–", "1", "0.5"),
        ("Z", "a", "8", "–", "3", "0.5"),
    ]  # fmt: skip


def test_the_growth_of_peers_has_a_panel_a_loss_and_a_line_for_each():
    axes = [axis for axis in benchmarks_peers.growth(PEERS, "ms", "Milliseconds").axes if axis.lines]
    assert [[len(line.get_xdata()) for line in axis.lines] for axis in axes] == [[3, 2, 2], [1, 1]]
    assert len({axis.get_ylim() for axis in axes}) == 1


def test_a_suite_stops_in_time_survives_a_failing_case_and_goes_on(setting):
    def fail():
        raise RuntimeError("no such kernel")

    cases = [Case("a", lambda: {"ms": 1.0}), Case("b", fail), Case("c", lambda: {"ms": 1.0}, 1000.0)]
    console = Console(quiet=True)
    outcome = carry_out(cases, Results("s", setting), deadline=harness.time.time() + 60, console=console)
    assert (outcome.measured, list(outcome.failed), outcome.left) == (["a"], ["b"], ["c"])
    assert list(pd.read_csv(setting.results / "s_cpu.csv")["case"]) == ["a"]
    later = carry_out(cases, Results("s", setting), float("inf"), console, missing=True, only="c")
    assert later.measured == ["c"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["nothing"], "unknown suite"), (["loss", "--quick"], "another folder"), (["loss", "--budget", "x"], "duration")],
)
def test_what_cannot_be_measured_is_refused(arguments, message):
    refused = CliRunner().invoke(command.app, arguments, env={"COLUMNS": "200"})
    assert refused.exit_code == 2
    assert message in refused.output


def test_a_technique_that_does_not_work_is_no_measurement(monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no compiler")

    monkeypatch.setattr(torch, "compile", broken)
    spec = made_up.quick(made_up.laptop_spec())
    data = made_up.dataset(10, 32, size=8)
    with pytest.raises(RuntimeError, match=r"became plain.*no compiler"):
        step.make_engine(spec, data, torch.device("cpu"), Techniques(compile=True))


def test_operations_are_those_of_the_estimate():
    for stem, gflop in (("cifar", 7.790), ("torchvision", 0.502)):
        assert roofline.flop_per_image(made_up.gpu_spec(stem)) == pytest.approx(gflop * 1e9, rel=1e-3)


def test_devices_have_short_names():
    assert slug("NVIDIA H100 80GB HBM3") == "h100"
    assert slug("NVIDIA H200") == "h200"
    assert slug("NVIDIA A100-SXM4-40GB") == "a100"
    assert slug("CPU AMD EPYC 9R14, 2 cores") == "cpu"


def test_the_page_says_what_was_not_measured(monkeypatch):
    """Its cells as a script, on the committed results; that it executes as a page, test_notebooks sees."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    page = runpy.run_path(str(ROOT / "notebooks" / "performance.py"))
    kinds = {path.stem.rpartition("_")[2] for path in (ROOT / "benchmarks" / "results").glob("*.csv")}
    assert set(page["devices"].index) == kinds
    expected = page["compared"].set_index("device")["measured"]
    for device in expected.index.unique():
        without = (expected[[device]] == "not yet").all()
        assert without == (device.lower() not in kinds)
