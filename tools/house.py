"""House rules no linter knows, over every file git has or would take: `python -m tools.house`, a part of `make lint`.

The project speaks of itself alone (no path of the machine it was written on), nothing is left half done, and every module opens with
what it promises. Prints `file:line: rule` a finding; exit 1 when there is one.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
"""The checkout this file stands in."""

HERE: Final = "tools/house.py"
"""The one file that must spell the words it forbids."""


class Rule(NamedTuple):
    name: str
    pattern: re.Pattern[str]
    where: tuple[str, ...]  # suffixes; () = every text


RULES: Final = (
    Rule("names a path of somebody's machine", re.compile(r"(?<![\w.$}*])/(?:home|root|work|Users|tmp/brief)/\w"), ()),
    Rule("left half done", re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b|\bNotImplementedError\b"), (".py", ".pyx", ".pxi", ".h", ".sh")),
    Rule("a test switched off, or one that cannot fail", re.compile(r"pytest\.mark\.(?:skip|xfail)\b|\bassert True\b"), (".py",)),
    Rule("tabs or blanks at a line's end", re.compile(r"[ \t]+$"), (".py", ".pyx", ".pxi", ".h", ".sh", ".toml", ".sql", ".md")),
)


class Finding(NamedTuple):
    path: str
    line: int
    rule: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}"


def examine(path: str, text: str) -> Iterator[Finding]:
    """What breaks a rule in one file's text. `path` is relative to the checkout and decides which rules apply.

    >>> [str(finding) for finding in examine("docs/a.md", "see /ho" + "me/ann/logs")]
    ["docs/a.md:1: names a path of somebody's machine"]
    """
    if path != HERE:
        rules = [rule for rule in RULES if not rule.where or path.endswith(rule.where)]
        for number, line in enumerate(text.splitlines(), 1):
            yield from (Finding(path, number, rule.name) for rule in rules if rule.pattern.search(line))
    if path.endswith(".py") and text and not path.startswith("tests/") and ast.get_docstring(ast.parse(text)) is None:
        yield Finding(path, 1, "does not open with what it promises")


def files(root: Path) -> Iterator[tuple[str, str]]:
    """(relative path, text) of every text file that is or would be committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout
    for name in sorted(filter(None, listed.decode().split("\0"))):
        path = root / name
        if not path.is_file() or path.is_symlink():
            continue
        data = path.read_bytes()
        if b"\0" in data[:8192]:
            continue
        yield name, data.decode(errors="replace")


def main() -> int:
    findings = [finding for name, text in files(ROOT) for finding in examine(name, text)]
    for finding in findings:
        print(finding)
    print(f"House rules: {f'{len(findings)} broken' if findings else 'kept'}")
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())
