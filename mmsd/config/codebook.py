"""The tables of status codes that mmsd brings along, `codes/*.toml` beside this module, with the operator's meanings over them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from mmsd.rules.codes import CodeBook, tables
from mmsd.rules.settings import Codes


def load_codes(local: Mapping[str, Codes] | None = None) -> CodeBook:
    """All sets, in the order of the files. `local`: `Settings.codes`."""
    parsed: dict[str, Mapping[str, Any]] = {}
    for entry in sorted((files("mmsd.config") / "codes").iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml"):
            parsed.update(tomllib.loads(entry.read_text("utf-8")))
    return CodeBook(tables(parsed), local)
