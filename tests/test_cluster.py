"""Campaigns on a Ray cluster: two nodes on loopback, one of them killed, and the driver too."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import pytest
from helpers import ROOT
from test_campaign import SPEC, environment, jobs, run
from typer.testing import CliRunner

from hcl.companion import cli
from hcl.companion import study as studies
from hcl.errors import HclError
from hcl.training import campaign, checkpoint, checks, runs
from hcl.training import cluster as cluster_engine
from hcl.training.campaign import Cluster, Job, Settings

# What needs no Ray


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--engine", "slurm"], "slurm"),
        (["--address", "auto"], "add --engine ray"),
        (["--gpus", "0.5"], "add --engine ray"),
        (["--engine", "ray", "--cores", "-1"], "--cores -1: expected at least 0"),
    ],
)
def test_options_that_are_of_no_use_are_refused_in_a_line(options, message):
    done = CliRunner().invoke(cli.app, ["campaign", "fig05", "--profile", "smoke", *options], env={"COLUMNS": "200"})
    assert done.exit_code == 2 and message in done.output and "Traceback" not in done.output


def test_without_ray_the_engine_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(HclError, match=r"pip install 'hcl\[cluster\]'"):
        run(jobs(), tmp_path, cluster=Cluster())
    assert not (tmp_path / ".checkpoints").exists()


def test_ray_is_imported_by_nothing_but_its_engine():
    code = "import sys, hcl.training.campaign, hcl.companion.cli\nprint('ray' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


class Inline(ModuleType):
    """Ray's names for tasks and actors, without Ray: a task is done when it is waited for, one at a wait.

    A task may be `lost` after it has done its work, as by the death of a node, and is then done again.
    """

    def __init__(self, lost=()):
        super().__init__("ray")
        self.tasks, self.ended, self.lost, self.inits = {}, {}, set(lost), []
        self.exceptions = SimpleNamespace(RayTaskError=self.TaskError, RayError=ConnectionError)
        self.shutdown = lambda: None

    class TaskError(Exception):
        def __init__(self, cause):
            super().__init__(str(cause))
            self.cause = cause

    def init(self, **options):
        self.inits.append(options)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # as Ray puts its own there

    def get_runtime_context(self):
        return SimpleNamespace(get_node_id=lambda: "here")

    def remote(self, what):
        if isinstance(what, type):
            return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=lambda *given: self.actor(what(*given))))
        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=lambda *given: self.submit(what, given)))

    def actor(self, one):
        methods = [name for name in dir(one) if not name.startswith("_")]
        at_once = lambda method: SimpleNamespace(remote=lambda *given: (method(*given),))  # noqa: E731
        return SimpleNamespace(**{name: at_once(getattr(one, name)) for name in methods})

    def submit(self, task, given):
        self.tasks[name := f"task {len(self.tasks)}"] = (task, given)
        return name

    def wait(self, references, num_returns, timeout):
        todo = next(each for each in references if each not in self.ended)
        task, given = self.tasks[todo]
        try:
            before = [each for each in given if isinstance(each, str)]
            assert all(each in self.ended for each in before), "before what it rests on"
            task(*given)
            self.ended[todo] = None
        except Exception as error:
            self.ended[todo] = self.TaskError(error)
        if todo in self.lost:
            self.lost.remove(todo)
            del self.ended[todo]
            return [], references
        return [todo], [each for each in references if each != todo]

    def get(self, reference):
        if isinstance(reference, tuple):
            return reference[0]
        if self.ended[reference] is not None:
            raise self.ended[reference]
        return None


@pytest.fixture
def inline(monkeypatch):
    def installed(**options):
        ray, strategies = Inline(**options), ModuleType("ray.util.scheduling_strategies")
        strategies.NodeAffinitySchedulingStrategy = lambda *arguments, **given: None
        monkeypatch.setitem(sys.modules, "ray", ray)
        monkeypatch.setitem(sys.modules, "ray.util", ModuleType("ray.util"))
        monkeypatch.setitem(sys.modules, "ray.util.scheduling_strategies", strategies)
        return ray

    return installed


def test_the_driver_makes_every_run_after_what_it_starts_from(tmp_path, inline):
    """A run that a node has finished and not told of before it died is done again, found there, and counts."""
    ray = inline(lost=["task 1"])
    near = [Job(replace(SPEC, init="near_nc", hardness=0.0), "smoke")]
    bad = jobs({"lr": 1e30, "seed": 3})
    outcome, events = run([*near, *bad, *jobs({"seed": 1})], tmp_path / "ray", cluster=Cluster(address="a:1"))
    start = replace(SPEC, hardness=10.0).run_id
    assert outcome.finished == [start, near[0].spec.run_id, jobs({"seed": 1})[0].spec.run_id]
    assert list(outcome.failed) == [bad[0].spec.run_id] and "lower lr" in outcome.failed[bad[0].spec.run_id]
    assert [event.kind for event in events if event.run_id == start][-1] == "finished"
    assert ray.inits[0]["address"] == "a:1" and "num_cpus" not in ray.inits[0] and not outcome.left
    run(near, tmp_path / "here")
    assert (runs.find(near[0].spec, tmp_path / "ray") / "history.csv").read_bytes() == (
        runs.find(near[0].spec, tmp_path / "here") / "history.csv"
    ).read_bytes()


def test_a_signal_stops_the_runs_and_those_not_begun(tmp_path, inline):
    inline()

    def report(event):
        if event.kind == "epoch" and event.epoch == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    these = jobs({"seed": 0}, {"seed": 1})
    outcome = campaign.carry_out(these, Settings(runs_root=tmp_path, cluster=Cluster()), report)
    # What a run says that is done inline is heard at its end: the first finishes, and the second is not begun.
    assert outcome.interrupted and outcome.left == [these[1].spec.run_id]
    assert not list((tmp_path / ".checkpoints").iterdir())


def test_a_node_that_does_not_see_the_records_says_so(tmp_path, inline, monkeypatch):
    inline()
    monkeypatch.setattr(cluster_engine.Path, "exists", lambda path: not path.name.startswith(".driver-"))
    outcome, _ = run(jobs(), tmp_path, cluster=Cluster())
    (message,) = outcome.failed.values()
    assert f"does not see {tmp_path}: put the records on a file system that all nodes share" in message


def test_a_budget_is_that_of_the_driver(tmp_path, inline):
    inline()
    outcome, events = run(jobs(), tmp_path, cluster=Cluster(), deadline=time.monotonic() + 1)
    assert outcome.left == [SPEC.run_id] and events == []


# A cluster of two nodes


@pytest.fixture(scope="module")
def ray():
    if not os.environ.get("HCL_RAY_TESTS"):
        pytest.skip("a cluster of real nodes, which has not been seen to pass yet: HCL_RAY_TESTS=1 tries it")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    return pytest.importorskip("ray", reason="Ray is not installed: pip install 'hcl[cluster]'")


@pytest.fixture
def cluster(ray):
    """A head and a second node, each with one core for runs, on loopback."""
    from ray.cluster_utils import Cluster as Nodes

    here = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "include_dashboard": False}
    nodes = Nodes(initialize_head=True, head_node_args=here)
    nodes.add_node(num_cpus=1, node_ip_address="127.0.0.1")
    yield nodes
    nodes.shutdown()


def a_dozen():
    """Twelve runs of smoke, two of which start from another's weights."""
    near = [job for job in studies.study("table2", "smoke", epochs=3).jobs() if job.spec.start][:1]
    others = list(studies.study("fig05", "smoke", epochs=3).jobs())[: 11 - len(near)]
    assert len(campaign.missing([*near, *others])) == 12
    return [*near, *others]


def same(one, other):
    """Whether two folders hold the same runs, with the same bytes of history and the same arrays."""
    a, b = ({made.spec.run_id: made for made in runs.all_records(root)} for root in (one, other))
    return a.keys() == b.keys() and all(
        (a[name].path / "history.csv").read_bytes() == (b[name].path / "history.csv").read_bytes()
        and a[name].arrays["means"].tobytes() == b[name].arrays["means"].tobytes()
        for name in a
    )


@pytest.mark.slow
def test_a_node_dies_and_all_runs_are_those_of_the_embedded_engine(ray, cluster, tmp_path):
    these, events, (second,) = a_dozen(), [], list(cluster.worker_nodes)

    def report(event):
        events.append(event)
        if event.kind == "finished" and sum(each.kind == "finished" for each in events) == 3:
            cluster.remove_node(second, allow_graceful=False)

    on = Cluster(address=cluster.address)
    settings = Settings(runs_root=tmp_path / "ray", checkpoint_every=0, cluster=on)
    outcome = campaign.carry_out(these, settings, report)
    assert len(outcome.finished) == 12 and not outcome.failed and not outcome.left
    assert len(cluster.list_all_nodes()) == 1
    run(these, tmp_path / "here", at_once=2)
    assert same(tmp_path / "ray", tmp_path / "here") and checks.faults(tmp_path / "ray") == []
    assert not list((tmp_path / "ray" / ".checkpoints").glob(".driver-*"))


@pytest.mark.slow
def test_the_driver_is_killed_and_started_again(ray, cluster, tmp_path):
    command = [
        sys.executable, "-m", "hcl", "campaign", "fig05", "--profile", "smoke", "--epochs", "3", "--engine", "ray",
        "--address", cluster.address, "--checkpoint-every", "0",
    ]  # fmt: skip
    first = subprocess.Popen(command, cwd=ROOT, env=environment(tmp_path / "ray"), stdout=subprocess.PIPE)
    end = time.time() + 300
    while len(list(tmp_path.glob("ray/smoke/*"))) < 3 and time.time() < end:
        time.sleep(0.1)
    first.kill()
    first.wait()
    before = {path: path.read_bytes() for path in tmp_path.glob("ray/smoke/*/provenance.json")}
    assert 3 <= len(before) < 12
    done = subprocess.run(command, cwd=ROOT, env=environment(tmp_path / "ray"), capture_output=True, text=True)
    assert done.returncode == 0 and f"Finished {12 - len(before)}, failed 0, left 0." in done.stdout, done.stdout
    assert all(path.read_bytes() == content for path, content in before.items())
    run(list(studies.study("fig05", "smoke", epochs=3).jobs()), tmp_path / "here", at_once=2)
    assert same(tmp_path / "ray", tmp_path / "here")


@pytest.mark.slow
def test_on_one_machine_it_needs_no_cluster_and_stops_cleanly(ray, tmp_path):
    these = jobs({"seed": 0, "epochs": 100_000, "eval_every": 100_000}, {"seed": 1})

    def report(event):
        if event.kind == "epoch" and event.epoch >= 3:
            os.kill(os.getpid(), signal.SIGTERM)

    outcome = campaign.carry_out(these, Settings(runs_root=tmp_path, cluster=Cluster()), report)
    assert outcome.interrupted and these[0].spec.run_id in outcome.left and not outcome.failed
    state, _ = checkpoint.load(checkpoint.path_of(these[0].spec, tmp_path))
    assert state["epoch"] >= 3
    shorter = Job(replace(these[1].spec, seed=2), "smoke")
    assert campaign.carry_out([shorter], Settings(runs_root=tmp_path, cluster=Cluster()), lambda event: None).finished
