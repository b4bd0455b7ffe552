"""`reference.db`: an import replaces all of its kind or nothing, and readers see one moment of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmsd.errors import ConfigError, StoreDamaged
from mmsd.rules.models import Model, Rule
from mmsd.rules.operators import Access, Profile
from mmsd.store.reference import REFERENCE, Imported, Reference

R750, MODEM = Model("ZTE", "R750", "Phone", mms=True, oma_cp=False), Model("Huawei", "E220", "Modem")
PROFILE = Profile("China Mobile", ("460-00",), (Access("cmwap", "http://mmsc.monternet.com", "10.0.0.172:80"),), source="list.xml")


def done(at: int = 5) -> Imported:
    return Imported("", "tac.csv", "2026-11-22", at, 0, 3)


def test_nothing_was_imported(tmp_path: Path):
    reference = Reference(tmp_path)
    assert (reference.imports(), reference.stamp(), len(reference.models()), reference.prefixes(), reference.operators()) == (
        {}, (), 0, {}, [],
    )  # fmt: skip
    assert list(tmp_path.iterdir()) == []  # whoever only looks makes nothing


def test_what_was_imported_is_there(tmp_path: Path):
    reference = Reference(tmp_path)
    noted = reference.replace_models("tac", [("35000001", R750), ("35000002", R750), ("01000001", MODEM)], done)
    assert noted == Imported("tac", "tac.csv", "2026-11-22", 5, 3, 3)
    reference.replace_models("agents", [("ZTE-R750", R750)], lambda: done(6))
    reference.replace_prefixes([("861381234", "南京")], lambda: done(7))
    reference.replace_operators([PROFILE], lambda: done(8))
    assert {kind: imported.rows for kind, imported in reference.imports().items()} == {
        "tac": 3, "agents": 1, "prefixes": 1, "operators": 1,
    }  # fmt: skip
    models = reference.models([Rule(kind="modem", mms=False)])
    assert models.of_imei(35000002_123456) == R750
    assert models.sign(1000001_123456) == "no MMS"
    assert models.of_agent("ZTE-R750/1.0") == R750
    assert reference.prefixes() == {"861381234": "南京"}
    assert reference.operators() == [PROFILE]
    assert (tmp_path / REFERENCE).stat().st_mode & 0o077 == 0


def test_an_import_replaces_the_one_before_and_only_its_kind(tmp_path: Path):
    reference = Reference(tmp_path)
    reference.replace_models("tac", [("35000001", R750)], done)
    reference.replace_models("agents", [("ZTE", R750)], done)
    before = reference.stamp()
    reference.replace_models("tac", [("35000009", MODEM), ("35000009", R750)], lambda: done(9))  # repeated: the last one counts
    models = reference.models()
    assert models.of_imei(35000001_123456) is None
    assert models.of_imei(35000009_123456) == R750
    assert models.of_agent("ZTE") == R750
    assert reference.stamp() != before


def test_an_import_that_fails_changes_nothing(tmp_path: Path):
    reference = Reference(tmp_path)
    reference.replace_models("tac", [("35000001", R750)], done)

    def breaking() -> Iterator[tuple[str, Model]]:
        yield from ((f"{35000002 + n}", MODEM) for n in range(25_000))
        raise ConfigError("line 25001")

    def refuse() -> Imported:
        raise ConfigError("none of its rows can be used")

    with pytest.raises(ConfigError, match="25001"):
        reference.replace_models("tac", breaking(), done)
    with pytest.raises(ConfigError, match="none"):
        reference.replace_models("tac", [], refuse)
    with pytest.raises(ConfigError, match="none"):
        reference.replace_prefixes([("86", "x")], refuse)
    assert reference.models().of_imei(35000001_123456) == R750
    assert reference.imports()["tac"] == Imported("tac", "tac.csv", "2026-11-22", 5, 1, 3)
    assert "prefixes" not in reference.imports()


def test_readers_see_the_old_table_while_the_new_one_is_written(tmp_path: Path):
    reference = Reference(tmp_path)
    reference.replace_prefixes([("861", "old")], done)
    seen: list[dict[str, str]] = []

    def rows() -> Iterator[tuple[str, str]]:
        yield "862", "new"
        seen.append(Reference(tmp_path).prefixes())

    reference.replace_prefixes(rows(), done)
    assert seen == [{"861": "old"}]
    assert reference.prefixes() == {"862": "new"}


def test_what_is_no_database_is_told(tmp_path: Path):
    (tmp_path / REFERENCE).write_bytes(b"nonsense" * 1000)
    with pytest.raises(StoreDamaged, match="import again"):
        Reference(tmp_path).imports()


def test_every_table_is_strict(tmp_path: Path):
    reference = Reference(tmp_path)
    reference.replace_models("tac", [("35000001", R750)], done)
    reference.replace_operators([PROFILE], done)
    with sqlite3.connect(tmp_path / REFERENCE) as connection:
        loose = connection.execute("SELECT name FROM pragma_table_list WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND NOT strict")
        assert loose.fetchall() == []
    connection.close()
