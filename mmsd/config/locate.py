"""Where each key of a TOML text stands: tomllib tells values, not lines."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from typing import Final

KeyPath = tuple[str | int, ...]
"""Keys from the top of a TOML file: `("feeds", "mmsc1", "paths", 0)`."""


def locate(text: str) -> dict[KeyPath, int]:
    """The line of every key path and array element in a *valid* TOML text; tables by their header, else by their first key.

    >>> locate('[a]\\nb = [1,\\n 2]\\n[[c]]\\nd.e = {f = 1}')[("c", 0, "d", "e", "f")]
    5
    """
    return _Locator(text).found


class _Locator:
    """Walks a text that tomllib has accepted: enough of the grammar to know where keys and values stand, none of their values."""

    _BLANK: Final = re.compile(r"(?:[ \t\r\n,]|#[^\n]*)*")
    _KEY: Final = re.compile(r"""[ \t]*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))[ \t]*""")
    _STRING: Final = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\]|\\.)*"|\'[^\']*\'', re.DOTALL)
    _SCALAR: Final = re.compile(r"[^,\]}#\n]+")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[KeyPath, int] = {}
        self._starts = [match.end() for match in re.finditer("\n", text)]
        self._arrays: dict[KeyPath, int] = {}  # arrays of tables: index of the newest one
        table: KeyPath = ()
        while self._skip() < len(text):
            if text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _skip(self) -> int:
        match = self._BLANK.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.at

    def _note(self, path: KeyPath) -> None:
        self.found.setdefault(path, bisect_right(self._starts, self.at) + 1)

    def _keys(self) -> list[str]:
        keys = []
        while (match := self._KEY.match(self.text, self.at)) is not None:
            self.at = match.end()
            basic, literal, bare = match.groups()
            keys.append(next(iter(tomllib.loads(f'"{basic}"=0'))) if basic is not None else literal if literal is not None else bare)
            if not self.text.startswith(".", self.at):
                break
            self.at += 1
        return keys

    def _header(self) -> KeyPath:
        here = self.at
        array = self.text.startswith("[[", here)
        self.at += 2 if array else 1
        keys = self._keys()
        stop = self.at + (2 if array else 1)
        self.at = here
        path: KeyPath = ()
        for number, key in enumerate(keys, 1):
            path = (*path, key)
            self._note(path)
            if array and number == len(keys):
                self._arrays[path] = self._arrays.get(path, -1) + 1
            if path in self._arrays:
                path = (*path, self._arrays[path])
                self._note(path)
        self.at = stop
        return path

    def _pair(self, table: KeyPath) -> None:
        here = self.at
        keys = self._keys()
        stop = self.at
        self.at = here
        path = table
        for key in keys:
            path = (*path, key)
            self._note(path)
        self.at = stop + 1  # "="
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        self._skip()
        self._note(path)
        opening = self.text[self.at]
        if opening in "\"'":
            match = self._STRING.match(self.text, self.at)
        elif opening in "[{":
            self.at += 1
            index = 0
            while self.text[self._skip()] not in "]}":
                if opening == "{":
                    self._pair(path)
                else:
                    self._value((*path, index))
                    index += 1
            self.at += 1
            return
        else:
            match = self._SCALAR.match(self.text, self.at)
        assert match is not None, "tomllib accepted what this does not know"
        self.at = match.end()
