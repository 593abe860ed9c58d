"""The simulated schedule of a campaign on many machines: against loops, closed forms and Graham's bounds."""

import heapq
import itertools
import math
from dataclasses import replace
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hcl.companion.chains import Task, longest_chain, longest_first, useful_gpus
from hcl.companion.schedule import Failures, Machines, simulate

_SECONDS = st.floats(0.5, 50.0)


@st.composite
def lists(draw, most=14):
    """Lists of runs of which some start from one before them, as the near-NC runs do."""
    tasks = []
    for at in range(draw(st.integers(1, most))):
        after = draw(st.sampled_from([None, None, *(task.name for task in tasks)]))
        tasks.append(Task(f"run {at}", draw(_SECONDS), after))
    return tasks


def apart(seconds):
    return [Task(f"run {at}", each) for at, each in enumerate(seconds)]


def total(tasks):
    return sum(task.seconds for task in tasks)


def _after(task, tasks):
    """The runs that start from a run, or from one that does."""
    own = [other for other in tasks if other.after == task.name]
    return [*own, *(later for other in own for later in _after(other, tasks))]


def chain(tasks):
    """The critical path by recursion over every run."""
    by_name = {task.name: task for task in tasks}

    def until(task):
        return task.seconds + (until(by_name[task.after]) if task.after else 0.0)

    return max(map(until, tasks))


def assert_possible(tasks, schedule, failures=None):
    """A place makes a run at a time, a run is on a place at a time, after what it starts from, and is done whole."""
    failures, machines = failures or Failures(), schedule.machines
    for key in (lambda piece: piece.place, lambda piece: piece.name):
        for _, own in itertools.groupby(sorted(schedule.pieces, key=lambda p: (key(p), p.start)), key):
            for first, second in itertools.pairwise(own):
                assert second.start >= first.end
                if first.name == second.name:
                    assert second.start >= first.end + failures.delay
    for task in tasks:
        own = [piece for piece in schedule.pieces if piece.name == task.name]
        done = sum(piece.end - piece.start - piece.lost for piece in own)
        assert done == pytest.approx(task.seconds * machines.slowdown)
        if task.after is not None:
            assert own[0].start >= max(piece.end for piece in schedule.pieces if piece.name == task.after)
    assert all(0 <= piece.place < machines.places for piece in schedule.pieces)


# Without failures


@given(lists())
def test_one_gpu_takes_the_sum_and_as_many_as_runs_the_longest_chain(tasks):
    assert simulate(tasks, Machines(gpus=1)).seconds == pytest.approx(total(tasks))
    assert simulate(tasks, Machines(gpus=1)).busy == pytest.approx(1)
    assert simulate(tasks, Machines(gpus=len(tasks))).seconds == pytest.approx(chain(tasks))
    assert longest_chain(tasks)[0] == pytest.approx(chain(tasks))


@given(lists(), st.integers(1, 9))
def test_grahams_bounds_and_dependencies_hold(tasks, gpus):
    schedule = simulate(tasks, Machines(gpus=gpus, a_node=2))
    assert_possible(tasks, schedule)
    work, path = total(tasks) / gpus, chain(tasks)
    assert max(work, path) - 1e-9 <= schedule.seconds <= work + path * (1 - 1 / gpus) + 1e-9
    assert schedule.worked == pytest.approx(total(tasks)) and schedule.lost == 0 and schedule.retries == 0
    assert schedule.busy == pytest.approx(total(tasks) / schedule.seconds / gpus)


@given(st.lists(_SECONDS, min_size=1, max_size=20), st.integers(1, 6))
def test_runs_that_do_not_wait_are_taken_in_the_order_of_the_list(seconds, gpus):
    """The loop of list scheduling: each run goes to the place that is free first."""
    free, starts = [0.0] * gpus, []
    for each in seconds:
        starts.append(heapq.heappop(free))
        heapq.heappush(free, starts[-1] + each)
    schedule = simulate(apart(seconds), Machines(gpus=gpus))
    began = {piece.name: piece.start for piece in schedule.pieces}
    assert [began[f"run {at}"] for at in range(len(seconds))] == pytest.approx(starts)
    assert schedule.seconds == pytest.approx(max(free))


def test_a_run_that_becomes_ready_waits_behind_those_that_are():
    """Ray queues a task when what it waits for is there: by then the others are in the queue."""
    tasks = [Task("start", 1), Task("next", 1, "start"), Task("a", 2), Task("b", 2)]
    order = [piece.name for piece in sorted(simulate(tasks, Machines(gpus=1)).pieces, key=lambda piece: piece.start)]
    assert order == ["start", "a", "b", "next"]


@given(lists(), st.integers(1, 5), st.floats(0.1, 10))
def test_times_in_another_unit_are_the_same_schedule(tasks, gpus, unit):
    scaled = [Task(task.name, task.seconds * unit, task.after) for task in tasks]
    failures = Failures(between=60, away=5, delay=1, every=2)
    other = Failures(between=60 * unit, away=5 * unit, delay=unit, every=2 * unit)
    one, two = (simulate(*given, seed=3) for given in ((tasks, Machines(gpus=gpus), failures),
                                                       (scaled, Machines(gpus=gpus), other)))  # fmt: skip
    if one.failures == two.failures and one.retries == two.retries:  # but for what happens at the same moment
        assert two.seconds == pytest.approx(one.seconds * unit, rel=1e-6)


def test_where_it_stops_scaling_is_work_over_the_longest_chain():
    tasks = [Task("a", 3), Task("b", 2, "a"), *apart([1] * 15)]
    assert longest_chain(tasks) == (5, ("a", "b")) and useful_gpus(tasks) == 4
    assert [simulate(tasks, Machines(gpus=gpus)).seconds for gpus in (1, 17, 100)] == [20, 5, 5]


@given(lists())
def test_the_longest_first_keeps_every_run_after_what_it_starts_from(tasks):
    ordered = longest_first(tasks)
    assert sorted(task.name for task in ordered) == sorted(task.name for task in tasks)
    simulate(ordered, Machines(gpus=2))  # which refuses a list out of order
    behind = {task.name: chain([replace(task, after=None), *_after(task, tasks)]) for task in tasks}
    assert [behind[task.name] for task in ordered] == pytest.approx(sorted(behind.values(), reverse=True))


def test_the_longest_first_ends_sooner_where_the_longest_comes_last():
    tasks = apart([1, 1, 1, 1, 4])
    assert simulate(tasks, Machines(gpus=2)).seconds == 6
    assert simulate(longest_first(tasks), Machines(gpus=2)).seconds == 4


def test_runs_that_share_a_gpu_gain_what_they_do_not_slow_each_other_down():
    tasks = apart([5.0] * 8)
    alone = simulate(tasks, Machines(gpus=2)).seconds
    for slowdown, gain in ((1, 2), (2, 1), (1.6, 1.25)):
        packed = simulate(tasks, Machines(gpus=2, at_once=2, slowdown=slowdown))
        assert_possible(tasks, packed)
        assert alone / packed.seconds == pytest.approx(gain) and packed.busy == pytest.approx(1)
    assert simulate(apart([5.0]), Machines(gpus=1, at_once=2)).busy == 0.5


# With failures


@given(lists(), st.integers(1, 6), st.integers(0, 5))
def test_a_failure_loses_less_than_the_time_between_checkpoints_of_each_run_it_stops(tasks, gpus, seed):
    failures = Failures(between=20, away=3, delay=2, every=4)
    schedule = simulate(tasks, Machines(gpus=gpus, a_node=2, at_once=2, slowdown=1.5), failures, seed=seed)
    assert_possible(tasks, schedule, failures)
    assert all(piece.lost < failures.every for piece in schedule.pieces)
    assert schedule.lost * 2 <= failures.every * schedule.retries
    assert schedule.worked == pytest.approx(total(tasks) * 1.5 / 2 + schedule.lost)
    assert schedule.retries <= schedule.failures * 4, "no more runs at a time than a machine takes"
    assert len(schedule.pieces) == len(tasks) + schedule.retries


def test_the_same_seed_is_the_same_schedule_and_another_is_not():
    tasks, machines, failures = apart([30.0] * 20), Machines(gpus=8, a_node=4), Failures(between=50, every=5)
    assert simulate(tasks, machines, failures, seed=1) == simulate(tasks, machines, failures, seed=1)
    assert simulate(tasks, machines, failures, seed=1) != simulate(tasks, machines, failures, seed=2)


def test_machines_fail_as_often_as_is_said():
    """An idle machine fails like a busy one: over t seconds up, n machines fail n t / between times in the mean."""
    tasks, machines = apart([400.0]), Machines(gpus=32, a_node=4)
    found = [simulate(tasks, machines, Failures(between=500, every=1e-3), seed=seed) for seed in range(200)]
    expected = sum(schedule.seconds for schedule in found) * 8 / 500
    assert sum(schedule.failures for schedule in found) == pytest.approx(expected, abs=4 * math.sqrt(expected))
    assert mean(schedule.lost for schedule in found) < 0.01


def test_a_machine_takes_no_run_while_it_is_away_and_all_its_runs_fail_together():
    tasks, failures = apart([10.0] * 40), Failures(between=30, away=7, every=2)
    machines = Machines(gpus=6, a_node=3)
    schedule = simulate(tasks, machines, failures, seed=7)
    failed = [piece for piece in schedule.pieces if piece.end - piece.start < 10 and piece.lost]
    assert failed
    for piece in failed:
        node = machines.node_of(piece.place)
        later = [p.start for p in schedule.pieces if machines.node_of(p.place) == node and p.start >= piece.end]
        assert all(start >= piece.end + failures.away for start in later)
        over = [p for p in schedule.pieces if machines.node_of(p.place) == node and p.start < piece.end < p.end]
        assert not over


def test_the_failures_of_a_machine_do_not_depend_on_how_many_others_there_are():
    tasks, failures = apart([100.0]), Failures(between=40, away=1, every=1)
    alone, among = (simulate(tasks, Machines(gpus=gpus, a_node=1), failures, seed=2) for gpus in (1, 2))
    assert alone.pieces[0] == among.pieces[0] and alone.pieces[0].end < 100


# What is refused


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: simulate([], Machines(gpus=1)), "No runs"),
        (lambda: simulate([Task("a", 0)], Machines(gpus=1)), "takes 0 seconds"),
        (lambda: simulate([Task("a", 1), Task("a", 1)], Machines(gpus=1)), "in the list twice"),
        (lambda: simulate([Task("a", 1, "b"), Task("b", 1)], Machines(gpus=1)), "not before it"),
        (lambda: Machines(gpus=0), "gpus=0: expected at least 1"),
        (lambda: Machines(gpus=1, slowdown=0.5), "slowdown=0.5: expected"),
        (lambda: Failures(between=10, every=11), "0 < every <= between"),
        (lambda: Failures(delay=-1), "delay=-1: expected"),
    ],
)
def test_what_cannot_be_simulated_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
