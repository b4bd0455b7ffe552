"""Reference data as judgement asks it: the operator's own files first, then what was imported, then what mmsd ships."""

from __future__ import annotations

from mmsd.config import load_cities
from mmsd.config.expected import load_profiles, shipped_profiles
from mmsd.config.models_table import load_rules, shipped_rules
from mmsd.config.settings import Settings
from mmsd.rules.cities import Cities
from mmsd.rules.models import Models
from mmsd.rules.operators import Operators, Profile
from mmsd.store.reference import Reference


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
