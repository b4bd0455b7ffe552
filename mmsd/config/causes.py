"""The evidence table that mmsd brings along, `causes.toml` beside this module, with the operator's word over it."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from mmsd.rules.table import Causes, Table, read


@cache
def shipped() -> Table:
    """The table as it comes, read and proved once."""
    return read(tomllib.loads((files("mmsd.config") / "causes.toml").read_text("utf-8")))


def load_causes(changes: Causes | None = None) -> Table:
    """`changes`: `Settings.causes`. Raises ConfigError where they would make a verdict move sideways."""
    return shipped().changed(changes) if changes is not None and changes != Causes() else shipped()
