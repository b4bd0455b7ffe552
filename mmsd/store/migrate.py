"""Numbered schema steps: `schema/NNNN_*.sql`, each one transaction together with its `user_version`.

A kill inside a step leaves the version before it whole. A store of a newer program is refused before anything is written.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from typing import NamedTuple

from mmsd.errors import SchemaTooNew


class Step(NamedTuple):
    """One file: the version it leads to, its name, its SQL."""

    version: int
    name: str
    sql: str


def read_steps() -> list[Step]:
    """All steps of this program, in order."""
    found = []
    for entry in (files("mmsd.store") / "schema").iterdir():
        if match := re.fullmatch(r"(\d{4})_\w+\.sql", entry.name):
            found.append(Step(int(match[1]), entry.name, entry.read_text("utf-8")))
    return sorted(found)


def version_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def refuse_newer(version: int, steps: Sequence[Step]) -> None:
    """Raises SchemaTooNew when `version` is beyond the last step."""
    last = steps[-1].version
    if version > last:
        raise SchemaTooNew(f"the store has schema version {version}, this mmsd knows {last}: run the newer one, or restore an older backup")


def migrate(connection: sqlite3.Connection, steps: Sequence[Step], point: Callable[[str], None]) -> int:
    """Take every step not yet taken and return how many that were. The connection is in autocommit mode.

    `point` is called as "migrate" before each statement and "migrate_commit" before each COMMIT.
    """
    version = version_of(connection)
    refuse_newer(version, steps)
    todo = [step for step in steps if step.version > version]
    for step in todo:
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in _statements(step.sql):
                point("migrate")
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {step.version}")
            point("migrate_commit")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return len(todo)


def _statements(sql: str) -> Iterator[str]:
    """Cut a script at its complete statements (`executescript` would commit in between)."""
    text = ""
    for line in sql.splitlines(keepends=True):
        text += line
        if sqlite3.complete_statement(text):
            yield text
            text = ""
    if text.strip():
        raise ValueError("a schema step ends inside a statement")
