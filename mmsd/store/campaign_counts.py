"""What campaigns count: roll-ups that move with the forwards that move them, and are read without looking at one forward.

A forward stands in the roll-ups at its `Place`. Writing it takes it from where it was and puts it where it is; what a Batch moves is netted
first, so that a row of counters is written once. docs/counting.md defines each figure as a question to the table of forwards, and
`differences` asks them all.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from mmsd.model import HOUR, SECOND, Closing
from mmsd.rules.closing import Course
from mmsd.store.keys import Keys
from mmsd.store.sql import select_in

PARTS: Final = ("hour", "seed", "generation", "model", "method", "wait", "children", "reason")
"""What days are split by, beside the city. `reason` counts what does not count; `children` stands under the day of the parent."""
PEOPLE: Final = ("people_day", "people_city", "people_model", "fan_out")
"""Whose `n` are people: senders with a forward that counts on a day, from a city, with a model; with so many of them."""

_AT_ONCE: Final = 5_000
_Moved = TypeVar("_Moved")
_PACK: Final = msgspec.msgpack.Encoder()


class Held(NamedTuple):
    """Forwards of one sender of one day, city and model."""

    day: str
    city: str
    model: str


_READ_PARTS: Final = msgspec.msgpack.Decoder(list[tuple[str, str, str, int]])
_READ_LEVELS: Final = msgspec.msgpack.Decoder(list[int])


class Place(NamedTuple):
    """Where a forward stands. Campaign, sender and receiver never change."""

    campaign: str
    sender: int
    receiver: int
    seed: str
    generation: int
    parent: bytes | None
    submitted: int
    retrieved: int
    received: int
    city: str
    day: str
    model: str
    method: str
    counted: bool
    reason: str
    root: int


SELECT_PLACE: Final = (
    "SELECT key, campaign, sender, receiver, seed, generation, parent, submitted, retrieved, received, city, day, model, method, counted,"
    " reason, root FROM forward WHERE key IN ({})"
)


def read_places(connection: sqlite3.Connection, keys: Iterable[bytes]) -> Iterator[tuple[bytes, Place]]:
    """Of those `keys` that are stored."""
    for key, *fields in select_in(connection, SELECT_PLACE, keys):
        yield key, Place(*fields)


def wait_bin(place: Place) -> str:
    """floor(log2(seconds + 1)) between the copy that came and its being sent on; "" where the first was not seen."""
    if not place.received:
        return ""
    return str((max(place.submitted - place.received, 0) // SECOND + 1).bit_length() - 1)


class _People:
    """What a Batch changes of how many people there are, by what."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()
        self.days: Counter[tuple[str, str, str]] = Counter()
        self.parts: Counter[tuple[str, str, str, str]] = Counter()

    def move(self, campaign: str, before: Mapping[Held, int], after: Mapping[Held, int]) -> None:
        """Somebody's forwards that count were these and are those."""
        parts = self.parts
        for held, sign in ((before, -1), (after, 1)):
            if held:
                self.totals[campaign] += sign
                parts[campaign, "fan_out", "", str(sum(held.values()))] += sign
        if before.keys() == after.keys():
            return
        for held, sign in ((before, -1), (after, 1)):
            for day, city in {(where.day, where.city) for where in held}:
                self.days[campaign, day, city] += sign
            for day in {where.day for where in held}:
                parts[campaign, "people_day", day, ""] += sign
            for city in {where.city for where in held}:
                parts[campaign, "people_city", "", city] += sign
            for model in {where.model for where in held}:
                parts[campaign, "people_model", "", model] += sign


class Moves:
    """Changes of the roll-ups in one Batch, netted before they are written."""

    def __init__(self) -> None:
        self._days: Counter[tuple[str, str, str, bool]] = Counter()
        self._cities: Counter[tuple[str, str]] = Counter()
        self._totals: Counter[str] = Counter()
        self._parts: Counter[tuple[str, str, str, str]] = Counter()
        self._senders: defaultdict[tuple[str, int], list[tuple[Held, int]]] = defaultdict(list)
        self._trees: defaultdict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)  # generation, how many more
        self._late: list[tuple[str, str, str, bytes, int, int]] = []

    def add(self, place: Place, parent: Place | None, n: int) -> None:
        """`n` of this place more. `parent`: where the forward stands that it came of, now."""
        campaign, day = place.campaign, place.day
        self._days[campaign, day, place.city, place.counted] += n
        parts = self._parts
        if not place.counted:
            parts[campaign, "reason", day, place.reason] += n
            return
        self._cities[campaign, place.city] += n
        self._totals[campaign] += n
        parts[campaign, "hour", day, str(place.retrieved // HOUR)] += n
        parts[campaign, "seed", day, place.seed] += n
        parts[campaign, "generation", day, str(place.generation)] += n
        parts[campaign, "model", day, place.model] += n
        parts[campaign, "method", day, place.method] += n
        parts[campaign, "wait", day, wait_bin(place)] += n
        if parent is not None:
            self.beget(parent, n)
        self._senders[campaign, place.sender].append((Held(day, place.city, place.model), n))
        self._trees[campaign, place.root].append((place.generation, n))

    def beget(self, parent: Place, n: int) -> None:
        """A forward has `n` children more that count."""
        if parent.counted:
            self._parts[parent.campaign, "children", parent.day, ""] += n

    def uproot(self, place: Place, root: int) -> None:
        """A forward that counts belongs to another tree, and nothing else about it changes."""
        self._trees[place.campaign, place.root].append((place.generation, -1))
        self._trees[place.campaign, root].append((place.generation, 1))

    def annotate(self, key: bytes, old: Place | None, new: Place) -> None:
        """What a forward changes of each day: told apart where that is final already."""
        if old is not None and (old.day, old.city, old.counted) == (new.day, new.city, new.counted):
            return
        for place, n in ((old, -1), (new, 1)):
            if place is not None:
                counts = n if place.counted else 0
                self._late.append((place.campaign, place.day, place.city, key, counts, n - counts))

    # ------------------------------------------------------------------------------------------------------------- writing

    def write(self, connection: sqlite3.Connection, at: int) -> None:
        """Everything, each row once."""
        people = self._write_senders(connection)
        self._parts.update(people.parts)
        self._write_trees(connection)
        days: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
        for (campaign, day, city, counted), n in self._days.items():
            days[campaign, day, city][0 if counted else 1] += n
        for where, n in people.days.items():
            days[where][2] += n
        connection.executemany(
            "INSERT INTO campaign_day (campaign, day, city, counted, other, people) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (campaign, day, city) DO UPDATE SET counted = counted + excluded.counted, other = other + excluded.other,"
            " people = people + excluded.people",
            [(*where, *moved) for where, moved in days.items() if any(moved)],
        )
        connection.executemany(
            "INSERT INTO campaign_city (campaign, city, n) VALUES (?, ?, ?) ON CONFLICT (campaign, city) DO UPDATE SET n = n + excluded.n",
            [(*place, n) for place, n in self._cities.items() if n],
        )
        connection.executemany(
            "INSERT INTO campaign_total (campaign, forwards, people, serials) VALUES (?, ?, ?, 0)"
            " ON CONFLICT (campaign) DO UPDATE SET forwards = forwards + excluded.forwards, people = people + excluded.people",
            [(campaign, n, people.totals[campaign]) for campaign, n in self._totals.items()],
        )
        connection.executemany(
            "INSERT INTO campaign_part (campaign, part, day, name, n) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (campaign, part, day, name) DO UPDATE SET n = n + excluded.n",
            [(*part, n) for part, n in self._parts.items() if n],
        )
        self._write_late(connection, at)

    def _write_senders(self, connection: sqlite3.Connection) -> _People:
        """The rows of the senders; what their moves mean for counts of people."""
        people = _People()
        rows = []
        for campaign, moved in _by_campaign(self._senders).items():
            statement = "SELECT sender, parts FROM campaign_sender WHERE campaign = ? AND sender IN ({})"
            known = dict(select_in(connection, statement, moved, campaign))
            for sender, moves in moved.items():
                before = {Held(day, city, model): n for day, city, model, n in _READ_PARTS.decode(known[sender])} if sender in known else {}
                after = dict(before)
                for where, n in moves:
                    after[where] = after.get(where, 0) + n
                if not all(after.values()):
                    after = {where: n for where, n in after.items() if n}
                if after != before:
                    people.move(campaign, before, after)
                    rows.append((campaign, sender, sum(after.values()), _PACK.encode([(*where, n) for where, n in after.items()])))
        connection.executemany(
            "INSERT INTO campaign_sender (campaign, sender, n, parts) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (campaign, sender) DO UPDATE SET n = excluded.n, parts = excluded.parts",
            rows,
        )
        return people

    def _write_trees(self, connection: sqlite3.Connection) -> None:
        rows = []
        for campaign, moved in _by_campaign(self._trees).items():
            statement = "SELECT root, levels FROM campaign_tree WHERE campaign = ? AND root IN ({})"
            known = dict(select_in(connection, statement, moved, campaign))
            for root, moves in moved.items():
                levels = _READ_LEVELS.decode(known[root]) if root in known else []
                for generation, n in moves:
                    levels.extend([0] * (generation - len(levels)))
                    levels[generation - 1] += n
                while levels and not levels[-1]:
                    levels.pop()
                rows.append((campaign, root, sum(levels), _PACK.encode(levels)))
        connection.executemany(
            "INSERT INTO campaign_tree (campaign, root, n, levels) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (campaign, root) DO UPDATE SET n = excluded.n, levels = excluded.levels",
            rows,
        )

    def _write_late(self, connection: sqlite3.Connection, at: int) -> None:
        """Of what moved, what moved a day whose figures are final."""
        over = {
            days
            for days in {row[:2] for row in self._late}
            if connection.execute("SELECT 1 FROM campaign_close WHERE campaign = ? AND day = ? AND stage = 'final'", days).fetchone()
        }
        connection.executemany(
            "INSERT INTO campaign_late (campaign, day, city, forward, counted, other, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(*row, at) for row in self._late if row[:2] in over],
        )


def write_closings(connection: sqlite3.Connection, closings: Iterable[Closing], at: int) -> None:
    """Figures as they stand, said of a day. What was said before stays."""
    for closing in closings:
        values = {**closing._asdict(), "at": at}
        new = connection.execute(
            "INSERT INTO campaign_close (campaign, day, stage, people, horizon, at) VALUES (:campaign, :day, :stage,"
            " coalesce((SELECT n FROM campaign_part WHERE campaign = :campaign AND part = 'people_day' AND day = :day AND name = ''), 0),"
            " :horizon, :at) ON CONFLICT DO NOTHING",
            values,
        ).rowcount
        if new:
            connection.execute(
                "INSERT INTO campaign_close_city (campaign, day, stage, city, counted, other, people)"
                " SELECT campaign, day, :stage, city, counted, other, people FROM campaign_day"
                " WHERE campaign = :campaign AND day = :day AND (counted != 0 OR other != 0)",
                values,
            )


def _by_campaign(moves: Mapping[tuple[str, int], _Moved]) -> dict[str, dict[int, _Moved]]:
    found: dict[str, dict[int, _Moved]] = {}
    for (campaign, who), moved in moves.items():
        found.setdefault(campaign, {})[who] = moved
    return found


def catch_up(connection: sqlite3.Connection) -> None:
    """Roll-ups of a store that was written before there were any, once."""
    if connection.execute("SELECT EXISTS (SELECT 1 FROM forward) AND NOT EXISTS (SELECT 1 FROM campaign_part)").fetchone()[0]:
        connection.execute("BEGIN IMMEDIATE")
        try:
            _rebuild(connection)
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def _rebuild(connection: sqlite3.Connection) -> None:
    """All roll-ups anew from the forwards, with whose tree each belongs to: of a store that was written before there were any."""
    for table in ("campaign_day", "campaign_city", "campaign_sender", "campaign_part", "campaign_tree"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 names of ours
    connection.execute("UPDATE campaign_total SET forwards = 0, people = 0")
    roots: dict[bytes, int] = {}
    keys = [key for (key,) in connection.execute("SELECT key FROM forward ORDER BY generation, id")]  # parents first
    for first in range(0, len(keys), _AT_ONCE):
        found = dict(read_places(connection, keys[first : first + _AT_ONCE]))
        parents = dict(read_places(connection, {place.parent for place in found.values() if place.parent is not None}))
        moves = Moves()
        for key in keys[first : first + _AT_ONCE]:
            place = found[key]
            parent = parents.get(place.parent) if place.parent is not None else None
            roots[key] = roots.get(place.parent, place.sender) if place.parent is not None else place.sender
            moves.add(place._replace(root=roots[key]), parent, 1)
        connection.executemany("UPDATE forward SET root = ? WHERE key = ?", [(roots[key], key) for key in found])
        moves.write(connection, 0)


# ------------------------------------------------------------------------------------------------------------------------- reading


class PartCount(NamedTuple):
    """So many of a local day, or over all days where `day` is empty."""

    day: str
    name: str
    n: int


class Tree(NamedTuple):
    """All forwards that count and came of one person's first. `levels`: by generation, from the first."""

    root: int
    msisdn: str
    n: int
    levels: tuple[int, ...]

    @property
    def place(self) -> str:
        return f"{self.n}.{self.root}"


class Close(NamedTuple):
    """What was said of a day: by city forwards that count, those that do not, and people; and people over all cities."""

    day: str
    stage: str
    horizon: int
    at: int
    people: int
    cities: Mapping[str, tuple[int, int, int]]


class Late(NamedTuple):
    """What would have changed a day's final figures, and did not."""

    id: int
    at: int
    day: str
    city: str
    counted: int
    other: int
    forward: bytes


class Totals(NamedTuple):
    """Of one campaign: forwards that count, people with one, serials issued; and the newest day with any."""

    forwards: int
    people: int
    serials: int
    last_day: str


def parts(connection: sqlite3.Connection, campaign: str, part: str, since: str, until: str) -> list[PartCount]:
    """Days [since, until], in order; what is over all days lies under "" and is asked for by since = until = ""."""
    statement = "SELECT day, name, n FROM campaign_part WHERE campaign = ? AND part = ? AND day >= ? AND day <= ? AND n != 0"
    return [PartCount(*row) for row in connection.execute(statement, (campaign, part, since, until))]


def days(connection: sqlite3.Connection, campaign: str) -> dict[tuple[str, str], tuple[int, int, int]]:
    """(local day, city) → forwards that count, that do not, people."""
    statement = "SELECT day, city, counted, other, people FROM campaign_day WHERE campaign = ? AND (counted != 0 OR other != 0)"
    return {(day, city): (counted, other, people) for day, city, counted, other, people in connection.execute(statement, (campaign,))}


def groups(connection: sqlite3.Connection, campaign: str) -> dict[str, tuple[int, int]]:
    """Label → forwards that count, people; by the sender's group in the first list by which the seed came to him, "" = by none. One
    look-up for each participant."""
    statement = (
        "SELECT label, sum(n), count(*) FROM (SELECT s.n, coalesce((SELECT h.label FROM holder h WHERE h.subscriber = s.sender"
        " AND h.campaign = s.campaign AND h.arm = 'sent' AND NOT h.ended ORDER BY h.drawn, h.seed LIMIT 1), '') AS label"
        " FROM campaign_sender s WHERE s.campaign = ? AND s.n > 0) GROUP BY label"
    )
    return {label: (forwards, people) for label, forwards, people in connection.execute(statement, (campaign,))}


def totals(connection: sqlite3.Connection) -> dict[str, Totals]:
    """Of every campaign with a forward."""
    statement = (
        "SELECT campaign, forwards, people, serials, coalesce((SELECT max(day) FROM campaign_day d WHERE d.campaign = t.campaign"
        " AND counted != 0), '') FROM campaign_total t"
    )
    return {campaign: Totals(*found) for campaign, *found in connection.execute(statement)}


def trees(connection: sqlite3.Connection, keys: Keys, campaign: str, limit: int, after: str) -> list[Tree]:
    """The largest first, of five forwards or more. ValueError: `after` is no place."""
    n, root = (int(part) for part in after.split(".")) if after else (1 << 62, 0)
    statement = (
        "SELECT t.root, p.sealed, t.n, t.levels FROM campaign_tree t JOIN subscriber p ON p.id = t.root"
        " WHERE t.campaign = ? AND t.n >= 5 AND t.n <= ? AND (t.n < ? OR t.root > ?) ORDER BY t.n DESC, t.root LIMIT ?"
    )
    found = connection.execute(statement, (campaign, n, n, root, limit))
    return [Tree(root, keys.open_number(sealed), n, tuple(_READ_LEVELS.decode(levels))) for root, sealed, n, levels in found]


def closes(connection: sqlite3.Connection, campaign: str, since: str = "", until: str = "~") -> list[Close]:
    """By day, the provisional one first."""
    values = (campaign, since, until)
    cities: defaultdict[tuple[str, str], dict[str, tuple[int, int, int]]] = defaultdict(dict)
    statement = "SELECT day, stage, city, counted, other, people FROM campaign_close_city WHERE campaign = ? AND day >= ? AND day <= ?"
    for day, stage, city, *figures in connection.execute(statement, values):
        cities[day, stage][city] = tuple(figures)
    statement = (
        "SELECT day, stage, horizon, at, people FROM campaign_close WHERE campaign = ? AND day >= ? AND day <= ? ORDER BY day, stage DESC"
    )
    return [
        Close(day, stage, horizon, at, people, cities[day, stage])
        for day, stage, horizon, at, people in connection.execute(statement, values)
    ]


def late(connection: sqlite3.Connection, campaign: str, limit: int, after: int) -> list[Late]:
    """In the order it came."""
    statement = "SELECT id, at, day, city, counted, other, forward FROM campaign_late WHERE campaign = ? AND id > ? ORDER BY id LIMIT ?"
    return [Late(*row) for row in connection.execute(statement, (campaign, after, limit))]


def courses(connection: sqlite3.Connection) -> dict[str, Course]:
    """Of every campaign: its days with forwards, and what was said of which day."""
    found: dict[str, Course] = {}
    for campaign, first, last in connection.execute("SELECT campaign, min(day), max(day) FROM campaign_day GROUP BY campaign"):
        found[campaign] = Course(first, last)
    for campaign, day, stage in connection.execute("SELECT campaign, day, stage FROM campaign_close"):
        found.setdefault(campaign, Course()).said.add((day, stage))
    return found


# ------------------------------------------------------------------------------------------------------------------------- proving

DEFINITIONS: Final = {
    "campaign_total": (
        "SELECT forwards, people FROM campaign_total WHERE campaign = :campaign AND forwards",
        "SELECT count(*), count(DISTINCT sender) FROM forward WHERE campaign = :campaign AND counted HAVING count(*)",
    ),
    "campaign_city": (
        "SELECT city, n FROM campaign_city WHERE campaign = :campaign AND n",
        "SELECT city, count(*) FROM forward WHERE campaign = :campaign AND counted GROUP BY city",
    ),
    "campaign_day": (
        "SELECT day, city, counted, other, people FROM campaign_day WHERE campaign = :campaign AND (counted OR other OR people)",
        "SELECT day, city, sum(counted), sum(NOT counted), count(DISTINCT CASE WHEN counted THEN sender END) FROM forward"
        " WHERE campaign = :campaign GROUP BY day, city",
    ),
    "hour": "SELECT day, retrieved / 3600000000, count(*) FROM forward WHERE campaign = :campaign AND counted GROUP BY 1, 2",
    "seed": "SELECT day, seed, count(*) FROM forward WHERE campaign = :campaign AND counted GROUP BY 1, 2",
    "generation": "SELECT day, generation, count(*) FROM forward WHERE campaign = :campaign AND counted GROUP BY 1, 2",
    "model": "SELECT day, model, count(*) FROM forward WHERE campaign = :campaign AND counted GROUP BY 1, 2",
    "method": "SELECT day, method, count(*) FROM forward WHERE campaign = :campaign AND counted GROUP BY 1, 2",
    "wait": "SELECT day, CASE WHEN received THEN CAST(log2((max(submitted - received, 0)) / 1000000 + 1) AS INTEGER) ELSE '' END, count(*)"
    " FROM forward WHERE campaign = :campaign AND counted GROUP BY 1, 2",
    "children": "SELECT p.day, '', count(*) FROM forward f JOIN forward p ON p.key = f.parent"
    " WHERE f.campaign = :campaign AND f.counted AND p.counted GROUP BY 1",
    "reason": "SELECT day, reason, count(*) FROM forward WHERE campaign = :campaign AND NOT counted GROUP BY 1, 2",
    "people_day": "SELECT day, '', count(DISTINCT sender) FROM forward WHERE campaign = :campaign AND counted GROUP BY 1",
    "people_city": "SELECT '', city, count(DISTINCT sender) FROM forward WHERE campaign = :campaign AND counted GROUP BY 2",
    "people_model": "SELECT '', model, count(DISTINCT sender) FROM forward WHERE campaign = :campaign AND counted GROUP BY 2",
    "fan_out": "SELECT '', n, count(*) FROM (SELECT count(*) AS n FROM forward WHERE campaign = :campaign AND counted GROUP BY sender)"
    " GROUP BY 2",
    "campaign_tree": (
        "",
        "WITH RECURSIVE under (key, receiver, root, generation, counted) AS ("
        "SELECT key, receiver, sender, generation, counted FROM forward WHERE campaign = :campaign AND parent IS NULL"
        " UNION ALL SELECT f.key, f.receiver, u.root, f.generation, f.counted FROM under u"
        " JOIN forward f ON f.sender = u.receiver AND f.parent = u.key)"
        " SELECT root, generation, count(*) FROM under WHERE counted GROUP BY 1, 2",
    ),
}
"""Each roll-up: how it is read, and the same asked of the forwards one by one. Of the parts only the latter."""


def differences(connection: sqlite3.Connection, campaign: str) -> list[tuple[str, tuple[Any, ...]]]:
    """Rows that a roll-up has and the forwards have not, or the other way round: (roll-up, row). Looks at every forward."""
    found = []
    for name, definition in DEFINITIONS.items():
        if isinstance(definition, str):
            read, asked = "SELECT day, name, n FROM campaign_part WHERE campaign = :campaign AND part = :part AND n", definition
        else:
            read, asked = definition
        values = {"campaign": campaign, "part": name}
        rows = connection.execute(read, values) if read else _levels(connection, campaign)
        said = {tuple(map(str, row)) for row in rows}
        true = {tuple(map(str, row)) for row in connection.execute(asked, values)}
        found += [(name, row) for row in sorted(said ^ true)]
    return found


def _levels(connection: sqlite3.Connection, campaign: str) -> Iterator[tuple[int, int, int]]:
    """(root, generation, forwards) of every tree."""
    for root, levels in connection.execute("SELECT root, levels FROM campaign_tree WHERE campaign = ?", (campaign,)):
        for place, n in enumerate(_READ_LEVELS.decode(levels), 1):
            if n:
                yield root, place, n
