"""docs/schema.md is the schema."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from mmsd.store import migrate


def test_every_table_and_column_is_documented(root: Path) -> None:
    documented: dict[str, set[str]] = {}
    for section in re.split(r"^##+ ", (root / "docs/schema.md").read_text("utf-8"), flags=re.MULTILINE)[1:]:
        cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
        if cells:
            columns = re.findall(r"`(\w+)`", " ".join(cells))
            assert len(columns) == len(set(columns))
            documented[section.splitlines()[0]] = set(columns)
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate.migrate(connection, migrate.read_steps(), lambda _: None)
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").fetchall()
    assert documented == {table: {row[1] for row in connection.execute(f"PRAGMA table_info({table})")} for (table,) in tables}
    connection.close()


def test_every_row_is_typed() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate.migrate(connection, migrate.read_steps(), lambda _: None)
    loose = connection.execute(
        "SELECT name FROM pragma_table_list WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND NOT strict"
    ).fetchall()
    assert loose == []
    connection.close()


def test_every_step_has_a_number_of_its_own() -> None:
    assert [step.version for step in migrate.read_steps()] == list(range(1, len(migrate.read_steps()) + 1))
