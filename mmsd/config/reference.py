"""Reference data as judgement asks it: the operator's own files first, then what mmsd ships, then what was imported."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mmsd.config import load_cities
from mmsd.config.expected import load_profiles, shipped_profiles
from mmsd.config.models_table import load_rules, shipped_rules
from mmsd.config.settings import Settings
from mmsd.model import U64Array
from mmsd.rules.cities import Cities
from mmsd.rules.handsets import HandsetArray
from mmsd.rules.models import Models
from mmsd.rules.operators import Operators, Profile
from mmsd.store.keys import Keys
from mmsd.store.known import Known
from mmsd.store.reference import Reference


class ReferenceData:
    """All of it, kept up to date: `refresh` takes up what was imported since. One thread refreshes and observes; any may ask."""

    known: Known
    models: Models
    cities: Cities
    operators: Operators

    def __init__(self, settings: Settings, keys: Keys, tail: Iterable[HandsetArray] = ()) -> None:
        """`tail`: `Store.handset_tail().rows`. Raises Faulty for a file of the operator's, StoreDamaged for an imported one."""
        self._settings = settings
        self._reference = Reference(settings.state.directory)
        self.known = Known(settings.state.directory, keys, tail)
        self._load()

    def _load(self) -> None:
        self._stamp = self._reference.stamp()
        self.models, self.cities, self.operators = models_of(self._settings), cities_of(self._settings), operators_of(self._settings)

    def refresh(self) -> bool:
        """Look for imports; whether there was one. Cheap when there was none: a folder and one small table."""
        newer = self.known.refresh()
        if self._reference.stamp() != self._stamp:
            self._load()
            newer = True
        return newer

    def cities_of(self, numbers: U64Array) -> list[str]:
        """The city of each number: the subscriber's own by the list, else his prefix's; "" = unknown (`rules.cities.prefix_of`)."""
        own = self.known.find(np.asarray(numbers, np.uint64))["city"]
        names = self.known.cities
        return [names[place] if place else self.cities.of(number) for place, number in zip(own.tolist(), numbers.tolist(), strict=True)]


def all_profiles(settings: Settings) -> list[Profile]:
    """Expected settings of every source, in the order in which they count. Raises Faulty."""
    own = [profile for path in settings.reference.operators for profile in load_profiles(path)]
    return [*own, *shipped_profiles(), *Reference(settings.state.directory).operators()]


def cities_of(settings: Settings) -> Cities:
    """The file of [cities], and imported prefixes where none of its own fits. Raises Faulty."""
    own = load_cities(settings.cities.file) if settings.cities.file is not None else {}
    return Cities(own, Reference(settings.state.directory).prefixes())


def operators_of(settings: Settings) -> Operators:
    return Operators(all_profiles(settings))


def models_of(settings: Settings) -> Models:
    """Imported tables, with the operator's rules and ours for what they do not say. Raises Faulty."""
    own = [rule for path in settings.reference.models for rule in load_rules(path)]
    return Reference(settings.state.directory).models([*own, *shipped_rules()])
