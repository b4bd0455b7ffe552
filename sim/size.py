"""A scenario made larger or smaller: the same mix of people and faults, the same traffic of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from sim.people import FAULTS
from sim.scenario import Scenario

ACCUSED: Final = frozenset({"BAD_APN", "BAD_PROXY", "BAD_MMSC_URL"})
"""Faults of settings: what a verdict may accuse somebody of."""
_MOST_SLOTS: Final = 400  # browsing at one time at each gateway: more add memory and nothing new


def grown(scenario: Scenario, people: float = 1.0, wrong: float = 1.0) -> Scenario:
    """`people` times the subscribers and messages in the same time, so that faults, swaps and outages find as many more; among them wrong
    settings `wrong` times as often as the others."""
    run, population, browsing, replace = scenario.run, scenario.population, scenario.browsing, msgspec.structs.replace
    return replace(
        scenario,
        run=replace(run, messages=round(run.messages * people)),
        population=replace(
            population,
            subscribers=round(population.subscribers * people),
            browsers=round(population.browsers * people),
            behaviours=_oftener(population.behaviours, wrong),
        ),
        browsing=replace(browsing, slots=max(browsing.slots, min(round(browsing.slots * people), _MOST_SLOTS))),
        models=tuple(replace(model, behaviours=_oftener(model.behaviours, wrong)) for model in scenario.models),
    )


def part(scenario: Scenario, share: float) -> Scenario:
    """A share of it: as dense, but with fewer people and sooner over."""
    run, population, replace = scenario.run, scenario.population, msgspec.structs.replace
    return replace(
        scenario,
        run=replace(run, messages=max(round(run.messages * share), 100), submitting=max(run.submitting * share, 60.0)),
        population=replace(
            population,
            subscribers=max(round(population.subscribers * share), 300),
            browsers=max(round(population.browsers * share), 300),
        ),
    )


def _oftener(behaviours: Mapping[str, float], wrong: float) -> Mapping[str, float]:
    """
    >>> _oftener({"healthy": 2, "wrong_apn": 2}, 3)
    {'healthy': 2, 'wrong_apn': 6}
    """
    accused = {behaviour.value for behaviour, fault in FAULTS.items() if fault in ACCUSED}
    return {name: weight * wrong if name in accused else weight for name, weight in behaviours.items()}
