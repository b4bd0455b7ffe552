"""Reading a feed's options: every fault is a `ConfigError` that opens with the key's path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from mmsd.errors import ConfigError
from mmsd.fast.program import CHINA, Numbering


class Options:
    """A table of options, taken key by key; `finish` refuses what nobody took.

    >>> options = Options({"fromat": "squid"})
    >>> options.text("format")
    ''
    >>> options.finish()
    Traceback (most recent call last):
    mmsd.errors.ConfigError: options.fromat: no such option; did you mean format?
    """

    def __init__(self, table: Mapping[str, Any], path: str = "options") -> None:
        self._table = table
        self._path = path
        self._known: set[str] = set()

    def path(self, key: str) -> str:
        return f"{self._path}.{key}"

    def fault(self, key: str, what: str) -> ConfigError:
        return ConfigError(f"{self.path(key)}: {what}")

    def take(self, key: str) -> Any:
        self._known.add(key)
        return self._table.get(key)

    def text(self, key: str, default: str = "", *, among: Iterable[str] = ()) -> str:
        value = self.take(key)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.fault(key, f"must be a text, not {value!r}")
        allowed = tuple(among)
        if allowed and value not in allowed:
            raise self.fault(key, f"must be one of {', '.join(allowed)}, not {value!r}")
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        value = self.take(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.fault(key, f"must be true or false, not {value!r}")
        return value

    def integer(self, key: str, default: int, *, low: int = 0, high: int = 1 << 31) -> int:
        value = self.take(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.fault(key, f"must be a whole number from {low} to {high}, not {value!r}")
        return value

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        value = self.take(key)
        if value is None:
            return default
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise self.fault(key, f"must be a list of texts, not {value!r}")
        return tuple(value)

    def table(self, key: str) -> Mapping[str, Any] | None:
        value = self.take(key)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise self.fault(key, f"must be a table, not {value!r}")
        return value

    def numbering(self) -> Numbering:
        """`numbering`: "china" (the default), "none", or a table of country, length, lead and trunk (`fast.program.Numbering`)."""
        value = self._table.get("numbering")
        if isinstance(value, Mapping):
            self._known.add("numbering")
            parts = Options(value, self.path("numbering"))
            numbering = Numbering(
                parts.integer("country", 0, high=999),
                parts.integer("length", 0, high=15),
                parts.integer("lead", -1, low=-1, high=9),
                parts.integer("trunk", -1, low=-1, high=9),
            )
            parts.finish()
            return numbering
        return Numbering() if self.text("numbering", "china", among=("china", "none")) == "none" else CHINA

    def finish(self) -> None:
        for key in self._table:
            if key not in self._known:
                near = get_close_matches(str(key), self._known, 1)
                raise self.fault(key, f"no such option{f'; did you mean {near[0]}?' if near else ''}")
