"""The life of campaigns: what follows what, what is checked, and what a step means for a forward."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from mmsd.model import Batch, LifeStep, NewSeed, SeedEntry
from mmsd.rules import life, registering
from mmsd.rules.life import CHECKED, CLOSED, DRAFT, PAUSED, RUNNING, STATES, STEPS, Looked, Refusal
from mmsd.rules.settings import CampaignSettings, SeedSettings

TORCH = CampaignSettings("torch", "Torch", "2026-11-01", "2026-11-30")
STRONG = SeedEntry("torch", "leg-1", "leg", False, 1, 4711, "", "Zhou")
WEAK = msgspec.structs.replace(STRONG, name="leg-2", weak=True)
FINE = Looked((), (), "digest")


def looked(*seeds: SeedEntry, campaign: CampaignSettings = TORCH, switch: str = "on", ends: int = 100, now: int = 50) -> Looked:
    return life.look(campaign, seeds, switch=switch, ends=ends, now=now)


def steps(*states: str) -> list[LifeStep]:
    return [LifeStep("torch", 10 * (place + 1), state, "Zhou", "why", FINE.digest) for place, state in enumerate(states)]


def test_every_state_but_draft_is_reached_and_closed_is_left_by_none():
    assert {after for _, after in STEPS.values()} == set(STATES)
    assert life.possible(CLOSED) == []
    assert all("close" in life.possible(state) for state in STATES[:-1])


@pytest.mark.parametrize(("name", "state"), list(itertools.product(STEPS, STATES)))
def test_a_step_is_taken_from_its_states_alone(name: str, state: str):
    taken = life.step(name, steps(state), FINE, "torch", who="Li", why="w", now=99, confirmed=True)
    if state in STEPS[name][0]:
        assert taken == LifeStep("torch", 99, STEPS[name][1], "Li", "w", FINE.digest if name == "check" else "")
    else:
        assert isinstance(taken, Refusal)


def test_a_clock_set_back_takes_no_step_before_the_last():
    taken = life.step("close", steps(DRAFT, CHECKED, RUNNING), FINE, "torch", who="Li", why="w", now=5)
    assert isinstance(taken, LifeStep)
    assert taken.at == 31


@pytest.mark.parametrize(
    ("found", "about"),
    [
        (looked(), "seeds"), (looked(msgspec.structs.replace(WEAK, who="")), "seeds"), (looked(STRONG, switch="off"), "governor"),
        (looked(STRONG, ends=50), "ends"), (looked(STRONG, campaign=msgspec.structs.replace(TORCH, sms_en=" ")), "sms_en"),
        (looked(msgspec.structs.replace(STRONG, state="retired")), "seeds"),
    ],
)  # fmt: skip
def test_what_stands_against_running_is_named(found: Looked, about: str):
    (fault,) = found.faults
    assert fault.startswith(about)
    assert isinstance(life.step("check", steps(DRAFT), found, "torch", who="Li", why="w", now=99), Refusal)


def test_what_is_to_be_known_does_not_stand_against_it():
    assert looked(STRONG).faults == ()
    found = looked(STRONG, WEAK, switch="shadow", campaign=msgspec.structs.replace(TORCH, seeds=(SeedSettings("old", messages=("m",)),)))
    assert found.faults == ()
    assert [note.partition(":")[0] for note in found.notes] == ["seeds", "seeds", "governor.transactional.switch"]


def test_run_wants_what_was_checked():
    checked = steps(DRAFT, CHECKED)
    other = looked(STRONG)
    assert isinstance(life.step("run", checked, other, "torch", who="Li", why="w", now=99, confirmed=True), Refusal)
    assert isinstance(life.step("run", checked, FINE, "torch", who="Li", why="w", now=99), Refusal)
    digests = {looked(STRONG).digest, looked(STRONG, WEAK).digest, looked(STRONG, switch="shadow").digest}
    assert len(digests) == 3
    assert looked(STRONG).digest == looked(STRONG, now=51).digest


def test_what_waits_waits_since_it_stopped_running():
    assert life.waits_since(steps(DRAFT, CHECKED)) == 10
    assert life.waits_since(steps(DRAFT, CHECKED, RUNNING, PAUSED)) == 40
    assert life.waits_since(steps(RUNNING)) == life.waits_since([]) == 0


# ------------------------------------------------------------------------------------------------------------- registering


def new(entry: SeedEntry = STRONG) -> NewSeed:
    return NewSeed(entry, b"octets", ())


def test_the_first_seed_makes_a_draft():
    made = registering.register(new(), TORCH, {}, (), live=0, made=0, why="w", now=7)
    assert isinstance(made, Batch)
    assert ([step.state for step in made.lives], [deed.what for deed in made.deeds]) == ([DRAFT], ["seed"])
    second = registering.register(new(WEAK), TORCH, {}, steps(DRAFT), live=1, made=1, why="w", now=7)
    assert isinstance(second, Batch)
    assert (second.lives, [deed.what for deed in second.deeds]) == ([], ["seed_weak"])


def test_a_campaign_of_its_own_seeds_goes_on_running():
    own = msgspec.structs.replace(TORCH, seeds=(SeedSettings("old", messages=("m",)),))
    made = registering.register(new(), own, {}, (), live=0, made=0, why="w", now=7)
    assert isinstance(made, Batch)
    assert made.lives == []


@pytest.mark.parametrize(
    "refused",
    [
        registering.register(new(), None, {}, (), live=0, made=0, why="w", now=7),
        registering.register(new(), TORCH, {"torch/leg-1": STRONG}, (), live=1, made=1, why="w", now=7),
        registering.register(new(), TORCH, {}, steps(CLOSED), live=0, made=0, why="w", now=7),
        registering.register(new(), TORCH, {}, (), live=10_000, made=10_000, why="w", now=7),
        registering.register(new(), TORCH, {}, (), live=0, made=50_000, why="w", now=7),
        registering.retire("torch/leg-1", {}, who="Li", why="w", now=7),
        registering.retire("torch/leg-1", {"torch/leg-1": msgspec.structs.replace(STRONG, state="retired")}, who="Li", why="w", now=7),
    ],
)
def test_what_is_not_registered_nor_retired(refused: Batch | Refusal):
    assert isinstance(refused, Refusal)
