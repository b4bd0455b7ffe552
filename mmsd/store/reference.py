"""Reference data: what an operator imports about models, prefixes and other operators, in `reference.db` beside the store.

It is a file of its own because imports run while the daemon does, and the store has one writer. Each import replaces all of its kind in
one transaction and says where it came from and of which day it is; readers see the old table or the new one. Nothing personal stands here.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mmsd.errors import StoreDamaged
from mmsd.rules.models import CAPABILITIES, Model, Models, Rule
from mmsd.rules.operators import Profile
from mmsd.store.keys import give_to_owner
from mmsd.store.trouble import naming

if TYPE_CHECKING:
    from sqlite_utils import Database

REFERENCE: Final = "reference.db"
_BATCH: Final = 10_000
_BUSY_SECONDS: Final = 30.0

KINDS: Final = ("tac", "agents", "prefixes", "operators")


class Imported(msgspec.Struct, frozen=True):
    """One import: what it left, and what of its file it could not use."""

    kind: str  # of KINDS
    source: str  # name of the file or package
    as_of: str  # date the file speaks of
    at: int  # when it was imported, µs
    rows: int
    bad: int


class Reference:
    """The file. Reading makes nothing; a file that is not there is one without imports."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / REFERENCE

    # -------------------------------------------------------------------------------------------------------- writing

    def replace_models(self, kind: str, rows: Iterable[tuple[str, Model]], done: Callable[[], Imported]) -> Imported:
        """All of the TAC table (`kind` "tac", keys of eight digits) or of the agents (beginnings of a User-Agent, or profiles' addresses).

        `done` is asked when the rows are through. Whatever the rows raise leaves the table as it was.
        """
        places: dict[Model, int] = {}

        def keys() -> Iterator[dict[str, Any]]:
            for key, model in rows:
                yield {"key": key, "model": places.setdefault(model, len(places))}

        with self._writing() as database:
            _fresh(database, kind, {"key": str, "model": int}, pk="key")
            database.table(kind).insert_all(keys(), batch_size=_BATCH, replace=True)
            columns = {"id": int, "maker": str, "name": str, "kind": str} | dict.fromkeys(CAPABILITIES, int)
            _fresh(database, f"{kind}_model", columns, pk="id")
            database.table(f"{kind}_model").insert_all(
                ({"id": place, **msgspec.structs.asdict(model)} for model, place in places.items()), batch_size=_BATCH
            )
            return self._note(database, kind, done())

    def replace_prefixes(self, rows: Iterable[tuple[str, str]], done: Callable[[], Imported]) -> Imported:
        """All (prefix with country code, city)."""
        with self._writing() as database:
            _fresh(database, "prefixes", {"key": str, "city": str}, pk="key")
            table = database.table("prefixes")
            table.insert_all(({"key": prefix, "city": city} for prefix, city in rows), batch_size=_BATCH, replace=True)
            return self._note(database, "prefixes", done())

    def replace_operators(self, profiles: Iterable[Profile], done: Callable[[], Imported]) -> Imported:
        """All expected settings that are not ours or the operator's own."""
        with self._writing() as database:
            _fresh(database, "operators", {"id": int, "name": str, "body": str}, pk="id")
            table = database.table("operators")
            table.insert_all(
                {"id": place, "name": profile.name, "body": msgspec.json.encode(profile).decode()} for place, profile in enumerate(profiles)
            )
            return self._note(database, "operators", done())

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Database]:
        from sqlite_utils import Database  # the daemon only reads, and this brings pandas where that is installed: 30 MiB

        with self._naming(), contextlib.closing(sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
            self.path.chmod(0o600)
            give_to_owner(self.path)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")  # another import waits its turn
            try:
                yield Database(connection, execute_plugins=False)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _naming(self) -> Iterator[None]:
        """As `naming`, but for the remedy: what stands here was imported and can be again."""
        try:
            with naming():
                yield
        except StoreDamaged as error:
            raise StoreDamaged(f"{self.path} is damaged: delete it, and import again what `mmsd import list` showed") from error

    @staticmethod
    def _note(database: Database, kind: str, imported: Imported) -> Imported:
        table = database.table(kind)
        noted = msgspec.structs.replace(imported, kind=kind, rows=table.count)
        columns = {"kind": str, "source": str, "as_of": str, "at": int, "rows": int, "bad": int}
        database.table("imports").create(columns, pk="kind", strict=True, if_not_exists=True)
        database.table("imports").insert(msgspec.structs.asdict(noted), replace=True)
        return noted

    # -------------------------------------------------------------------------------------------------------- reading

    def imports(self) -> Mapping[str, Imported]:
        """The newest import of each kind that was ever imported."""
        with self._reading() as rows:
            return {row[0]: Imported(*row) for row in rows("imports", "kind, source, as_of, at, rows, bad")}

    def stamp(self) -> tuple[int, ...]:
        """Changes with every import: who keeps what he read looks at this now and then."""
        return tuple(sorted(imported.at for imported in self.imports().values()))

    def models(self, rules: Sequence[Rule] = ()) -> Models:
        """TAC table and agents, with rules for what they do not say."""
        models: list[Model] = []
        places: dict[str, dict[str, int]] = {"tac": {}, "agents": {}}
        with self._reading() as rows:
            for kind, place in places.items():
                first = len(models)
                for maker, name, device, *flags in rows(f"{kind}_model", f"maker, name, kind, {', '.join(CAPABILITIES)}"):
                    models.append(Model(maker, name, device, *(None if flag is None else bool(flag) for flag in flags)))
                place.update((key, first + model) for key, model in rows(kind, "key, model"))
        return Models(models, {int(key): place for key, place in places["tac"].items()}, places["agents"], rules)

    def prefixes(self) -> dict[str, str]:
        with self._reading() as rows:
            return dict(rows("prefixes", "key, city"))

    def operators(self) -> list[Profile]:
        with self._reading() as rows:
            return [msgspec.json.decode(body, type=Profile) for (body,) in rows("operators", "body")]

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Callable[[str, str], list[tuple[Any, ...]]]]:
        """`rows(table, columns)`: all of a table in the order of its rows, none when it was never imported; all tables of one moment."""
        if not self.path.exists():
            yield lambda table, columns: []
            return
        with (
            self._naming(),
            contextlib.closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS)) as own,
        ):
            own.execute("BEGIN")
            tables = {name for (name,) in own.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

            def rows(table: str, columns: str) -> list[tuple[Any, ...]]:
                statement = f"SELECT {columns} FROM {table} ORDER BY rowid"  # noqa: S608 names of ours
                return own.execute(statement).fetchall() if table in tables else []

            yield rows


def _fresh(database: Database, name: str, columns: Mapping[str, type], *, pk: str) -> None:
    """An empty table of that shape in place of whatever was there."""
    database.table(name).drop(ignore=True)
    database.table(name).create(dict(columns), pk=pk, not_null={column for column in columns if column not in CAPABILITIES}, strict=True)
