"""The soak: it holds for the wire as it is, says the same twice, and fails for every bug that is planted."""

import json
import os
import subprocess
import sys

import pytest
from milepost_tools.soak.planted import PLANTED
from milepost_tools.soak.scenario import Failure, Scenario, run, shrink
from milepost_tools.soak.world import WITNESS_MS, WITNESSES, World

SEEDS_MAX = 4  # a planted bug is found by one of so many seeds


@pytest.mark.parametrize("seed", [1, 2])
def test_every_promise_holds_in_a_storm_and_everything_that_can_go_wrong_does(seed):
    world = run(Scenario(seed, transmissions=WITNESSES + 12_000))
    assert isinstance(world, World), f"{world.scenario.command()}: {world.text}"
    assert world.transmissions >= WITNESSES
    assert world.now >= WITNESS_MS, "then check_coverage has looked at every kind, fault and weapon"
    assert world.oracle.counts["delivered"] > 5000


def test_every_promise_holds_on_a_polled_bus():
    world = run(Scenario(2, transmissions=4000, nodes=3, bus=True))
    assert isinstance(world, World), f"{world.scenario.command()}: {world.text}"
    assert world.shorts > 1000, "nobody was polled"
    assert world.oracle.counts["delivered"] > 500


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_a_planted_bug_breaks_a_promise(name):
    seeds = range(1, SEEDS_MAX + 1)
    broken = any(isinstance(run(Scenario(seed, transmissions=30_000, plant=name)), Failure) for seed in seeds)
    assert broken, f"{name} was not found by {SEEDS_MAX} seeds"


def soak(options, hash_seed="0"):
    command = [sys.executable, "-m", "milepost_tools.soak", "wire", *options.split()]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def history(seed, hash_seed):
    return json.loads(soak(f"--transmissions 5000 --json --seed {seed}", hash_seed).stdout)["history"]


def test_a_seed_has_one_history_whatever_the_interpreter_hashes():
    assert history(7, "1") == history(7, "2") != history(8, "1")


def test_steps_of_the_wall_clock_change_nothing():
    figures = []
    for without in (frozenset(), frozenset({"clock-step"})):
        world = run(Scenario(3, transmissions=12_000, without=without))
        assert isinstance(world, World)
        figures.append(world.figures() | {"history": "", "clock-steps": 0})
        assert bool(world.storm.happened["clock-step"]) != bool(without)
    assert figures[0] == figures[1]


def test_a_failure_shrinks_to_a_smaller_one_alike_that_its_command_repeats():
    first = run(Scenario(1, transmissions=30_000, plant="no-replay-window"))
    assert isinstance(first, Failure)
    small, runs = shrink(first, budget_s=6)
    assert runs > 0
    assert small.transmissions <= first.transmissions
    assert small.shape() == first.shape()
    assert small.scenario.without, "something could be left out"
    again = run(small.scenario)
    assert isinstance(again, Failure)
    assert (again.text, again.now, again.trace) == (small.text, small.now, small.trace)


def test_a_failure_prints_its_command_and_its_exit_status_is_one():
    done = soak("--seed 1 --transmissions 9000 --plant ack-before-commit --shrink-s 2")
    assert done.returncode == 1
    assert "reproduce: tools/soak wire --seed 1 " in done.stdout
    assert "before it was durable" in done.stdout
