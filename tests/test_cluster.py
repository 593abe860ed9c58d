"""Campaigns on a Ray cluster: two nodes on loopback, one of them killed, and the driver too."""

import errno
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import psutil
import pytest
from helpers import ROOT
from test_campaign import SPEC, environment, jobs, run
from typer.testing import CliRunner

from hcl.companion import cli
from hcl.companion import study as studies
from hcl.errors import HclError
from hcl.training import archive, campaign, checkpoint, checks, runs
from hcl.training import cluster as cluster_engine
from hcl.training.campaign import Cluster, Event, Job, Settings

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
        self.nodes = lambda: [{"NodeID": "here", "Alive": True}]
        self.cluster_resources = lambda: {"CPU": 2.0}

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


@pytest.mark.parametrize(("asked", "what"), [({"cores": 64}, "64 CPU, and this machine has 2"), ({"gpus": 1}, "1 GPU")])
def test_one_machine_is_not_asked_for_more_than_it_has(tmp_path, inline, asked, what):
    """On a cluster what nothing can be made on may come; here it would be waited for without end."""
    inline()
    with pytest.raises(HclError, match=what):
        run(jobs(), tmp_path, cluster=Cluster(**asked))


def test_runs_that_no_node_has_begun_are_not_waited_for(tmp_path, inline, monkeypatch):
    """Told to stop, a campaign waits for runs in progress: of one the node has died, and another none has begun."""
    ray = inline()
    monkeypatch.setattr(ray, "wait", lambda references, num_returns, timeout: ([], references))
    these = jobs({"seed": 0}, {"seed": 1})
    told = []

    class Post(cluster_engine._Post):
        def taken(self):
            told.append(self._stopped)
            assert len(told) < 9, "it waits"
            os.kill(os.getpid(), signal.SIGTERM)
            return [("dead", Event("claimed", these[0].spec.run_id))]

    monkeypatch.setattr(cluster_engine, "_Post", Post)
    outcome, _ = run(these, tmp_path, cluster=Cluster(address="a:1"))
    assert outcome.interrupted and len(outcome.left) == 2 and told == [False, True]


# Runs that are sent to the driver


def same(one, other):
    """Whether two folders hold the same runs, with the same bytes of history and the same arrays."""
    a, b = ({made.spec.run_id: made for made in runs.all_records(root)} for root in (one, other))
    return a.keys() == b.keys() and all(
        (a[name].path / "history.csv").read_bytes() == (b[name].path / "history.csv").read_bytes()
        and a[name].arrays["means"].tobytes() == b[name].arrays["means"].tobytes()
        for name in a
    )


@pytest.fixture
def unseen(monkeypatch):
    """A folder of the records that is looked into by the driver and its store, and by no worker."""
    roots = []
    original = cluster_engine.cluster_store.work

    def work(these, settings, *more):
        roots.append(settings.runs_root)
        return original(these, settings, *more)

    monkeypatch.setattr(cluster_engine.cluster_store, "work", work)
    monkeypatch.setattr(cluster_engine, "work", lambda *_: pytest.fail("in the driver's folder"))
    return roots


def test_what_is_sent_to_the_driver_is_what_is_made_in_its_folder(tmp_path, inline, unseen):
    """With a run that starts from another's weights, and one that fails, whose message names no folder of a node."""
    inline(lost=["task 1"])
    near = [Job(replace(SPEC, init="near_nc", hardness=0.0), "smoke")]
    bad = jobs({"lr": 1e30, "seed": 3})
    these = [*near, *bad, *jobs({"seed": 1})]
    outcome, _ = run(these, tmp_path / "ray", cluster=Cluster(address="a:1", store="driver"), checkpoint_every=0)
    expected, _ = run(these, tmp_path / "here", checkpoint_every=0)
    assert outcome.finished == expected.finished and not outcome.left and len(outcome.finished) == 3
    assert {name: why.replace("ray", "here") for name, why in outcome.failed.items()} == expected.failed
    assert same(tmp_path / "ray", tmp_path / "here") and checks.faults(tmp_path / "ray") == []
    names = [{path.name for path in (tmp_path / root / ".checkpoints").iterdir()} for root in ("ray", "here")]
    assert names[0] == names[1]
    assert len(unseen) == 4 and not any(root.exists() or root.is_relative_to(tmp_path) for root in unseen)


def test_each_state_is_sent_as_it_is_saved_and_the_next_node_goes_on_from_it(tmp_path, inline, unseen, monkeypatch):
    inline()
    (job,) = jobs(epochs=4)
    kept, keep = [], cluster_engine.cluster_store.Store.keep

    def counted(self, spec, what, content):
        keep(self, spec, what, content)
        kept.append(checkpoint.load(checkpoint.path_of(spec, tmp_path))[0]["epoch"])
        if kept == [1, 2]:
            raise KeyboardInterrupt  # the end of a node, as far as its process is concerned

    monkeypatch.setattr(cluster_engine.cluster_store.Store, "keep", counted)
    settings = {"cluster": Cluster(address="a:1", store="driver"), "checkpoint_every": 0}
    with pytest.raises(KeyboardInterrupt):
        run([job], tmp_path, **settings)
    _, events = run([job], tmp_path, **settings)
    assert [event.epoch for event in events if event.kind in ("started", "epoch")] == [2, 3, 4]
    assert kept == [1, 2, 2, 3]  # and again as it goes on
    run([job], tmp_path / "here")
    assert (runs.find(job.spec, tmp_path) / "history.csv").read_bytes() == (
        runs.find(job.spec, tmp_path / "here") / "history.csv"
    ).read_bytes()


def test_the_store_claims_a_run_once_and_takes_nothing_that_is_not_whole(tmp_path):
    (job,) = jobs()
    store, other = (cluster_engine.cluster_store.Store(tmp_path) for _ in range(2))
    assert store.claim(job) == {} == store.claim(job) and other.claim(job) is None
    store.keep(job.spec, "log", b"a traceback")
    checkpoint.save(tmp_path / "state.pt", {"epoch": 1})
    whole = (tmp_path / "state.pt").read_bytes()
    store.keep(job.spec, "state", whole)
    with pytest.raises(ValueError, match=r"the state of .* is not whole"):
        store.keep(job.spec, "state", whole[:-1])
    assert store.claim(job) == {checkpoint.path_of(job.spec, tmp_path).name: whole}
    with pytest.raises(runs.RecordError):
        store.finish(job, b"no archive")
    run([job], tmp_path / "there")
    record = archive.pack([runs.find(job.spec, tmp_path / "there")], tmp_path / "one.tar.gz").read_bytes()
    assert store.finish(job, record) == "" and store.made(job) and other.claim(job) is None
    assert list((tmp_path / ".checkpoints").iterdir()) == []
    assert store.finish(job, record) == "the same as its record, which is kept"


@pytest.mark.parametrize("method", ["keep", "finish"])
def test_where_the_driver_cannot_write_a_run_fails_in_a_line_and_goes_on_later(
    tmp_path, inline, unseen, monkeypatch, method
):
    inline()

    def full(self, *given):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    settings = {"cluster": Cluster(address="a:1", store="driver"), "checkpoint_every": 0}
    with monkeypatch.context() as patch:
        patch.setattr(cluster_engine.cluster_store.Store, method, full)
        outcome, _ = run(jobs(), tmp_path, **settings)
    assert outcome.failed.keys() == {SPEC.run_id} and not outcome.finished
    assert re.fullmatch(r"OSError: \[Errno 28\] No space left on device.*", outcome.failed[SPEC.run_id])
    outcome, events = run(jobs(), tmp_path, **settings)
    assert outcome.finished == [SPEC.run_id]
    assert [event.epoch for event in events if event.kind == "started"] == [0 if method == "keep" else 2]
    assert list((tmp_path / ".checkpoints").iterdir()) == []


def test_of_two_drivers_one_makes_a_run(tmp_path, inline, unseen, monkeypatch):
    """The other waits for it, as for a node that has died, and leaves it where it is made still."""
    inline()
    monkeypatch.setattr(cluster_engine, "_PATIENCE", 0.5)
    (job,) = jobs()
    other = cluster_engine.cluster_store.Store(tmp_path)
    other.claim(job)
    outcome, events = run([job], tmp_path, cluster=Cluster(address="a:1", store="driver"))
    assert outcome.left == [job.spec.run_id] and events == [] and unseen == []
    other.give_up(job.spec)
    assert run([job], tmp_path, cluster=Cluster(address="a:1", store="driver"))[0].finished == [job.spec.run_id]


# A cluster of two nodes

LONGEST = 300  # seconds that a test of a real cluster may take, on a machine with much else to do


@pytest.fixture(scope="module")
def ray():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "disabled")  # else Ray writes a token into the home folder
        yield pytest.importorskip("ray", reason="Ray is not installed: pip install 'hcl[cluster]'")


@pytest.fixture
def limited():
    """End a test that hangs, wherever it does."""

    def late(number, frame):
        raise TimeoutError(f"not done after {LONGEST} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LONGEST)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def node(log, *options, before=()):
    """A node with one core for runs, in processes of its own; tried for again, as others may take all the cores."""
    command = [
        *before, sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1",
        "--disable-usage-stats", "--object-store-memory=100000000", *options,
    ]  # fmt: skip
    # Else one that has made a run is idle for a moment, beside those of the actors one too many, and is replaced.
    several = {**os.environ, "RAY_num_workers_soft_limit": "4"}
    for _ in range(3):
        with log.open("wb") as said:
            process = subprocess.Popen(command, cwd=ROOT, env=several, stdout=said, stderr=said)
        while process.poll() is None:
            if "Ray runtime started" in log.read_text():
                return process
            time.sleep(0.1)
    raise RuntimeError(log.read_text())


def die(process):
    """End all processes of a node at once, as a machine does that loses its power."""
    for each in [*psutil.Process(process.pid).children(recursive=True), process]:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait()


@pytest.fixture(scope="module")
def head(ray, tmp_path_factory):
    """The address of a cluster of one node: Ray takes 127.0.0.1 for an address of the machine on its network."""
    with socket.socket() as free:
        free.bind(("127.0.0.2", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("head") / "log"
    process = node(log, "--head", "--node-ip-address=127.0.0.2", f"--port={port}", "--include-dashboard=false")
    yield f"127.0.0.2:{port}"
    die(process)


@pytest.fixture
def second(head, limited, tmp_path):
    """Another node of the cluster; one of root's sees an empty folder in place of that of the records."""
    hidden, before = tmp_path / "hidden", []
    hidden.mkdir()
    alone = ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs none {hidden} && exec "$0" "$@"']
    if subprocess.run([*alone, "true"], capture_output=True).returncode == 0:
        before = alone
    process = node(tmp_path / "log", f"--address={head}", "--node-ip-address=127.0.0.3", before=before)
    yield process
    if process.poll() is None:
        die(process)


def most_at_once(events):
    """How many runs were in progress at the same time, those of a node that has died among them till they go on."""
    most, begun = 0, set()
    for event in events:
        if event.kind == "started":
            begun.add(event.run_id)
        elif event.kind != "epoch":
            begun.discard(event.run_id)
        most = max(most, len(begun))
    return most


def a_dozen():
    """Twelve runs of smoke, two of which start from the weights of a third."""
    near = [job for job in studies.study("table2", "smoke", epochs=3).jobs() if job.spec.start][:2]
    return [*studies.study("fig05", "smoke", epochs=3).jobs(), *near]


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    """The dozen as the embedded engine makes them."""
    root = tmp_path_factory.mktemp("embedded")
    outcome, _ = run(a_dozen(), root, at_once=2)
    assert len(outcome.finished) == 12
    return root


@pytest.mark.slow
def test_a_run_that_waits_for_the_driver_keeps_its_cores(head, limited):
    """Ray takes those of a task whose main thread waits for free, and starts another on them."""

    class Slow:
        def nap(self):
            time.sleep(2)

    def waits(slow):
        from hcl.training.cluster_store import asking

        with asking() as ask:
            begun = time.monotonic()
            ask(slow.nap)
        return begun, time.monotonic()

    with cluster_engine._connected(Cluster(address=head)) as ray:
        slow = ray.remote(Slow).options(num_cpus=0, max_concurrency=2).remote()
        for cores in (0.5, 1):  # first both at once, so that two processes are there to take them
            task = ray.remote(waits).options(num_cpus=cores)
            first, second = sorted(ray.get([task.remote(slow), task.remote(slow)], timeout=LONGEST))
    assert second[0] >= first[1]


@pytest.mark.slow
@pytest.mark.parametrize("store", ["shared", "driver"])
def test_a_node_dies_and_all_runs_are_those_of_the_embedded_engine(head, second, embedded, tmp_path, store):
    events, root = [], tmp_path / ("hidden" if store == "driver" else "seen")

    def report(event):
        events.append(event)
        if second.returncode is None and sum(each.kind == "finished" for each in events) == 3:
            die(second)

    settings = Settings(runs_root=root, checkpoint_every=0, cluster=Cluster(address=head, store=store))
    outcome = campaign.carry_out(a_dozen(), settings, report)
    assert len(outcome.finished) == 12 and not outcome.failed and not outcome.left
    assert second.returncode == -signal.SIGKILL
    assert most_at_once(events) == 2  # on two nodes of a core each
    assert same(root, embedded) and checks.faults(root) == []
    assert {path.suffixes[-2] for path in (root / ".checkpoints").iterdir()} == {".weights"}


@pytest.mark.slow
@pytest.mark.parametrize("store", ["shared", "driver"])
def test_the_driver_is_killed_and_started_again(head, second, embedded, tmp_path, store):
    root = tmp_path / ("hidden" if store == "driver" else "seen")
    command = [
        sys.executable, "-m", "hcl", "campaign", "fig05", "--profile", "smoke", "--epochs", "3", "--engine", "ray",
        "--address", head, "--checkpoint-every", "0", "--store", store,
    ]  # fmt: skip
    first = subprocess.Popen(command, cwd=ROOT, env=environment(root), stdout=subprocess.PIPE)
    while len(list(root.glob("smoke/*"))) < 3 and first.poll() is None:
        time.sleep(0.1)
    first.kill()
    first.wait()
    before = {path: path.read_bytes() for path in root.glob("smoke/*/provenance.json")}
    assert 3 <= len(before) < 10
    done = subprocess.run(
        command, cwd=ROOT, env=environment(root), capture_output=True, text=True, timeout=LONGEST, check=False
    )
    assert done.returncode == 0 and f"Finished {10 - len(before)}, failed 0, left 0." in done.stdout, done
    assert all(path.read_bytes() == content for path, content in before.items())
    for made in runs.all_records(root):
        other = runs.find(made.spec, embedded)
        assert (made.path / "history.csv").read_bytes() == (other / "history.csv").read_bytes()
    assert len(runs.all_records(root)) == 10 and checks.faults(root) == []


@pytest.mark.slow
def test_on_one_machine_it_needs_no_cluster_and_stops_cleanly(ray, limited, tmp_path):
    """On SIGTERM with a state, from which the next goes on and ends, with a state, within its budget."""
    long, short = jobs({"seed": 0, "epochs": 100_000, "eval_every": 100_000}, {"seed": 1})

    def report(event):
        if event.run_id == long.spec.run_id and event.kind == "epoch" and event.epoch == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    def kept():
        return checkpoint.load(checkpoint.path_of(long.spec, tmp_path))[0]["epoch"]

    outcome = campaign.carry_out([long, short], Settings(runs_root=tmp_path, cluster=Cluster()), report)
    assert outcome.interrupted and long.spec.run_id in outcome.left and not outcome.failed
    first = kept()
    assert first >= 3
    for budget in (20, 40, 80):  # on a machine with much else to do, Ray takes longer to start than to stop
        end = time.monotonic() + budget
        outcome, events = run([long], tmp_path, cluster=Cluster(), deadline=end)
        assert outcome.left == [long.spec.run_id] and not outcome.interrupted and time.monotonic() < end
        if events:
            break
    assert [event.epoch for event in events if event.kind == "started"] == [first]
    assert events[-1].kind == "stopped" and events[-1].epoch == kept() > first
