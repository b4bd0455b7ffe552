"""From a tap to the counters: real worker processes, a real journal, a real store; killed wherever it hurts."""

from __future__ import annotations

import asyncio
import errno
import functools
import io
import json
import random
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import Any, Final, ParamSpec

import aiohttp
import msgspec
import pytest

from bench import cards
from mmsd import app, config
from mmsd.codec import mms
from mmsd.codec.tables import mms as table
from mmsd.errors import ConfigError, DecodeError, StoreBusy, StoreFull
from mmsd.flow import inspect, taps
from mmsd.flow.inspect import Folder
from mmsd.flow.sequencer import Heard
from mmsd.link import copies, mirror
from mmsd.link.copies import Pdus
from mmsd.link.journal import KEPT, Journal
from mmsd.link.workers import Workers
from mmsd.logs import inspected
from mmsd.logs.inspected import Look
from mmsd.model import DAY, HOUR, MINUTE, SECOND, Batch, Copy, Holder, LifeStep, NewSeed, Outgoing, SeedEntry, SeedPart, Sighted
from mmsd.rules.settings import CampaignSettings
from mmsd.seeds import alterations as alter
from mmsd.seeds import compose
from mmsd.seeds.contents import Content
from mmsd.seeds.making import Original
from mmsd.seeds.pictures import colour, opened
from mmsd.seeds.seed import RegisteredSeed, key_name
from mmsd.seeds.verdict import EXACT, MARK, Probable, Sighting, Verdict
from mmsd.store import Needs
from mmsd.store.sqlite import Settings, SqliteStore
from tests.flow import rig

P = ParamSpec("P")

AT: Final = 1_795_348_800_000_000
HOLDER, STRANGER, FRIEND = 8613900000001, 8613900000002, 8613900000003
CAMPAIGN: Final = CampaignSettings(id="torch", name="Torch relay", starts="2026-01-01", ends="2036-12-31", seeds=())


def ran(scenario: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """The scenario in a loop of its own."""

    @functools.wraps(scenario)
    def run(*given: P.args, **named: P.kwargs) -> None:
        asyncio.run(scenario(*given, **named))

    return run


@pytest.fixture(scope="module")
def made() -> tuple[bytes, RegisteredSeed]:
    """Marked octets, and the seed."""
    key = rig.KEYS.mark_key
    picture = Original(alter.jpeg(cards.torch(random.Random(1), (320, 240)), 90, fine=True), key, b"payload of a card").marked("card.jpg")
    return picture.octets, RegisteredSeed("leg-1", "torch", "leg", key_name(key), (picture.registered,))


@pytest.fixture
def store(tmp_path: Path, made: tuple[bytes, RegisteredSeed]) -> Iterator[SqliteStore]:
    octets, seed = made
    entry = SeedEntry("torch", "leg-1", "leg", False, 1, len(octets), "", "Li")
    with closing(SqliteStore.open(tmp_path / "state", settings=Settings(durable=False), keys=rig.KEYS, wall=lambda: AT)) as opened:
        new = NewSeed(entry, seed.to_bytes(), (SeedPart("image/jpeg", 0, octets, octets),))
        opened.transact(Needs(), lambda rows: Batch(AT, seeds=[new]))
        yield opened


def message(picture: bytes, *, sender: int = 0, transaction: str = "T1") -> bytes:
    return compose.send_request(
        compose.composed([Content("image/jpeg", picture)]), transaction=transaction, receivers=[str(FRIEND), str(STRANGER)],
        sender=str(sender) if sender else "",
    )  # fmt: skip


def leave(folder: Path, name: str, pdu: bytes, sender: int, at: int = AT) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({"at": at, "sender": str(sender)}))
    (folder / f"{name}.mms").write_bytes(pdu)


def made_taps(
    store: SqliteStore, settings: inspect.Settings, clock: rig.Clock, misfortune: rig.Misfortune | None = None,
    heard: Callable[[], Heard] | None = None, holds: Callable[[int, int], Collection[str]] | None = None,
) -> taps.Taps:  # fmt: skip
    """Unless told otherwise, logs are read up to now."""
    harm, ticks = misfortune or rig.Misfortune(), count(1)
    return taps.Taps(
        settings, store.directory / app.COPIES, store, rig.KEYS, feed=app.COPIES,
        holds=holds or (lambda number, at: {"torch/leg-1"} if number == HOLDER else ()),
        heard=heard or (lambda: Heard(next(ticks), clock.now)), zone=config.settings.Zone().name, wall=clock.wall, fault_point=harm.point,
    )  # fmt: skip


def looks(store: SqliteStore) -> list[Look]:
    """What stands in the journal, without the word up to when all was looked into."""
    found = []
    for path in sorted((store.directory / app.COPIES).glob("looked-*.log")):
        found += [inspected.read(line, lambda sealed: rig.KEYS.unseal(b"", taps.COPY, sealed)) for line in path.read_bytes().splitlines()]
    return [look for look in found if look.seen]


@ran
async def test_who_holds_a_seed_is_looked_into(store: SqliteStore, made: tuple[bytes, RegisteredSeed], tmp_path: Path) -> None:
    octets, _ = made
    folder, clock = tmp_path / "tap", rig.Clock(AT)
    leave(folder, "exact", message(octets), HOLDER)
    leave(folder, "altered", message(alter.jpeg(colour(opened(octets)), 60)), HOLDER)
    leave(folder, "other", message(alter.jpeg(cards.torch(random.Random(9), (320, 240)), 80)), HOLDER)
    leave(folder, "strange", message(octets), STRANGER)
    leave(folder, "broken", b"no message", HOLDER)
    running = made_taps(store, inspect.Settings(folders={"mms": Folder(folder)}, wait=60.0), clock)
    async with running.working():
        await running.inspector.round()
        assert [path.name for path in folder.glob("*.mms")] == ["strange.mms"], "it waits: he may have got the seed just now"
        assert running.inspector.waiting == 1
        clock.now += 2 * HOUR
        await running.inspector.round()
        await running.inspector.round()
    assert list(folder.iterdir()) == []
    (closed,) = (look for look in looks(store) if look.seen[0][1] == Sighted.UNOPENED)
    assert closed.at // HOUR == AT // HOUR, "counted in the hour of the submit"
    told = Counter((look.seen[0][0], Sighted(look.seen[0][1]).name, look.sender, look.receivers) for look in looks(store))
    friends = (FRIEND, STRANGER)
    assert told == {
        ("torch/leg-1", "EXACT", HOLDER, friends): 1, ("torch/leg-1", "MARK", HOLDER, friends): 1, ("", "NOTHING", 0, ()): 1,
        ("", "UNREADABLE", 0, ()): 1, ("", "UNOPENED", 0, ()): 1,
    }  # fmt: skip
    assert [each.seed for each in store.learned_octets(9)] == ["torch/leg-1"], "the next copy of the altered picture is exact"
    sealed = b"".join(path.read_bytes() for path in (store.directory / app.COPIES).glob("looked-*.log"))
    assert str(HOLDER).encode() not in sealed


@ran
async def test_a_forward_by_reference_carries_nothing_to_look_into(store: SqliteStore, tmp_path: Path) -> None:
    folder, clock = tmp_path / "tap", rig.Clock(AT)
    leave(folder, "by reference", bytes.fromhex("8c89 98543100 8d92 890181 972b383600 8805810301518083682f00"), HOLDER)
    running = made_taps(store, inspect.Settings(folders={"mms": Folder(folder)}, wait=60.0), clock)
    async with running.working():
        await running.inspector.round()
    assert list(folder.iterdir()) == []
    assert [Sighted(look.seen[0][1]) for look in looks(store)] == [Sighted.UNOPENED]


@ran
async def test_a_copy_that_may_not_be_removed_is_one_line(
    store: SqliteStore, made: tuple[bytes, RegisteredSeed], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is the MMSC's: nothing else waits for it, and nothing is counted twice."""

    def refused(tap: Pdus, found: copies.Found) -> None:
        raise PermissionError(13, "Permission denied")

    octets, _ = made
    folder, clock = tmp_path / "tap", rig.Clock(AT)
    leave(folder, "exact", message(octets), HOLDER)
    leave(folder, "broken", b"no message", HOLDER)
    leave(folder, "to come", message(octets), HOLDER, AT + 2 * DAY)
    running = made_taps(store, inspect.Settings(folders={"mms": Folder(folder)}, wait=60.0), clock)
    async with running.working():
        with monkeypatch.context() as patch:
            patch.setattr(Pdus, "drop", refused)
            for _ in range(3):
                await running.inspector.round()
        told = Counter({Sighted(look.seen[0][1]).name: look.n for look in looks(store)})
        assert told == {"EXACT": 1, "UNREADABLE": 2}
        assert len(list(folder.glob("*.mms"))) == 3
        await running.inspector.round()
    assert list(folder.iterdir()) == []
    assert len(looks(store)) == 2


@pytest.mark.parametrize("place", ["journal", "journalled", "dropped"])
@ran
async def test_killed_anywhere_each_copy_is_one_line(
    store: SqliteStore, made: tuple[bytes, RegisteredSeed], tmp_path: Path, place: str
) -> None:
    octets, _ = made
    folder, clock = tmp_path / "tap", rig.Clock(AT)
    for number in range(5):
        leave(folder, str(number), message(octets, transaction=f"T{number}"), HOLDER, AT + number)
    settings = inspect.Settings(folders={"mms": Folder(folder)})
    for strike in range(3):
        running = made_taps(store, settings, clock, rig.Misfortune(place, 0 if strike < 2 else 99))
        async with running.working():
            try:
                await running.inspector.round()
            except rig.Killed:
                assert strike < 2
        clock.now += SECOND
    assert list(folder.iterdir()) == []
    assert sorted(look.at for look in looks(store)) == [AT + number for number in range(5)]


@ran
async def test_everybody_is_opened_by_name_and_until_a_day(store: SqliteStore, made: tuple[bytes, RegisteredSeed], tmp_path: Path) -> None:
    octets, _ = made
    clock = rig.Clock(AT)
    with pytest.raises(ConfigError, match=r"^by:"):
        inspect.Settings(inspect="all", until="2026-11-24")
    with pytest.raises(ConfigError, match=r"^until:"):
        inspect.Settings(inspect="all", by="Zhou")
    settings = inspect.Settings(folders={"mms": Folder(tmp_path / "tap")}, inspect="all", by="Zhou", until="2026-11-24")
    leave(tmp_path / "tap", "1", message(octets), STRANGER)
    running = made_taps(store, settings, clock)
    async with running.working():
        await running.inspector.round()
        assert [look.sender for look in looks(store)] == [STRANGER]
        clock.now += 48 * 3600 * SECOND
        leave(tmp_path / "tap", "2", message(octets, transaction="T2"), STRANGER)
        await running.inspector.round()
        assert running.inspector.waiting == 1
    assert not running.inspector.opens_all()


@ran
async def test_a_copy_waits_for_the_logs_that_may_tell_who_holds_a_seed(
    store: SqliteStore, made: tuple[bytes, RegisteredSeed], tmp_path: Path
) -> None:
    """Old copies and logs that are behind: nothing is closed by the clock on the wall, however old it is."""
    octets, _ = made
    folder, clock = tmp_path / "tap", rig.Clock(AT + DAY)
    leave(folder, "first", message(octets), HOLDER)
    leave(folder, "second", message(octets, transaction="T2"), FRIEND, AT + 10 * SECOND)
    leave(folder, "strange", message(octets, transaction="T3"), STRANGER, AT + 20 * SECOND)
    now_heard, holders = [Heard()], {0}
    running = made_taps(
        store, inspect.Settings(folders={"mms": Folder(folder)}, wait=60.0), clock, heard=lambda: now_heard[0],
        holds=lambda number, at: {"torch/leg-1"} if number in holders else (),
    )  # fmt: skip
    async with running.working():
        for ticks in range(3):  # the backlog is read
            now_heard[0] = Heard(ticks, AT + 30 * SECOND)
            await running.inspector.round()
        assert running.inspector.waiting == 3
        holders.add(HOLDER)
        now_heard[0] = Heard(3, AT + DAY)
        await running.inspector.round()
        assert running.inspector.waiting == 2, "of whom he sent it to is known only when the journal was read"
        now_heard[0] = Heard(4, AT + DAY)
        await running.inspector.round()
        assert running.inspector.waiting == 2, "that tick may have begun before"
        holders.add(FRIEND)
        now_heard[0] = Heard(5, AT + DAY)
        await running.inspector.round()
        assert running.inspector.waiting == 1
        now_heard[0] = Heard(7, AT + DAY)
        await running.inspector.round()
    assert list(folder.iterdir()) == []
    assert [(look.sender, Sighted(look.seen[0][1]).name) for look in looks(store)] == [
        (HOLDER, "EXACT"),
        (FRIEND, "EXACT"),
        (0, "UNOPENED"),
    ]


@ran
async def test_what_was_passed_on_by_its_name_holds_nothing(store: SqliteStore, tmp_path: Path) -> None:
    forward = mms.encode(
        [
            (table.MESSAGE_TYPE, table.M_FORWARD_REQ), (table.TRANSACTION_ID, b"T1"), (table.MMS_VERSION, 0x90),
            (table.FROM, table.INSERT_ADDRESS), (table.TO, mms.Text(b"+%d/TYPE=PLMN" % FRIEND)),
            (table.CONTENT_LOCATION, b"http://mmsc/1"),
        ]
    )  # fmt: skip
    folder, clock = tmp_path / "tap", rig.Clock(AT)
    leave(folder, "1", forward, HOLDER)
    leave(folder, "2", forward, STRANGER)
    running = made_taps(store, inspect.Settings(folders={"mms": Folder(folder)}), clock, heard=Heard)
    async with running.working():
        await running.inspector.round()
    assert list(folder.iterdir()) == []
    assert running.inspector.waiting == 0
    assert [(look.seen, look.n) for look in looks(store)] == [((("", Sighted.UNOPENED, 0),), 2)]


@ran
async def test_a_copy_dated_ahead_of_the_clock_is_unreadable(
    store: SqliteStore, made: tuple[bytes, RegisteredSeed], tmp_path: Path
) -> None:
    folder, clock = tmp_path / "tap", rig.Clock(AT)
    leave(folder, "1", message(made[0]), HOLDER, AT + inspect.AHEAD + 1)
    running = made_taps(store, inspect.Settings(folders={"mms": Folder(folder)}), clock)
    async with running.working():
        await running.inspector.round()
    assert [look.seen for look in looks(store)] == [(("", Sighted.UNREADABLE, 0),)]


@ran
async def test_a_copy_that_cannot_be_dropped_is_looked_into_once(
    store: SqliteStore,
    made: tuple[bytes, RegisteredSeed],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It keeps nobody else's waiting, and is told of once."""
    octets, _ = made
    clock = rig.Clock(AT)
    for name in ("stuck", "well"):
        leave(tmp_path / name, "1", message(octets, transaction=name), HOLDER)
        leave(tmp_path / name, "2", b"no message", HOLDER)
    dropped, stuck = copies.Pdus.drop, [True]

    def drop(self: copies.Pdus, found: copies.Found) -> None:
        if self.name == "stuck" and stuck[0]:
            raise PermissionError(errno.EACCES, "Permission denied")
        dropped(self, found)

    monkeypatch.setattr(copies.Pdus, "drop", drop)
    settings = inspect.Settings(folders={name: Folder(tmp_path / name) for name in ("stuck", "well")})
    running = made_taps(store, settings, clock)
    async with running.working():
        await running.inspector.round()
        told = looks(store)
        assert running.inspector.trouble == {"stuck": "Permission denied"}
        assert not await running.inspector.round(), "nothing to do at once"
        assert not await running.inspector.round()
        assert looks(store) == told
        assert Counter(Sighted(look.seen[0][1]).name for look in told) == {"EXACT": 2, "UNREADABLE": 2}
        assert len([record for record in caplog.records if "stuck" in record.message and record.levelname == "WARNING"]) == 1
        assert list((tmp_path / "well").iterdir()) == []
        stuck[0] = False
        await running.inspector.round()
        assert running.inspector.trouble == {}
    assert list((tmp_path / "stuck").iterdir()) == []
    assert looks(store) == told


@pytest.mark.parametrize("where", ["journal", "learn", "holds"])
@ran
async def test_a_full_disk_and_a_busy_store_are_waited_for(
    store: SqliteStore, made: tuple[bytes, RegisteredSeed], tmp_path: Path, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch, where: str,
) -> None:  # fmt: skip
    octets, _ = made
    folder, clock = tmp_path / "tap", rig.Clock(AT)
    leave(folder, "1", message(alter.jpeg(colour(opened(octets)), 60)), HOLDER)
    faults = {"journal": OSError(errno.ENOSPC, "No space left on device"), "learn": StoreFull("no space"), "holds": StoreBusy("locked")}
    left, went_well, loop = [3], asyncio.Event(), asyncio.get_running_loop()

    def fails(place: str) -> None:
        if place == where and left[0]:
            left[0] -= 1
            raise faults[where]

    def retire(self: Journal, read_up_to: Mapping[str, int]) -> int:
        loop.call_soon_threadsafe(went_well.set)  # at the end of a round that went well
        return 0

    def holds(number: int, at: int) -> Collection[str]:
        fails("holds")
        return {"torch/leg-1"} if number == HOLDER else ()

    transact = store.transact

    def learn(*given: Any) -> Any:
        fails("learn")
        return transact(*given)

    monkeypatch.setattr(store, "transact", learn)
    monkeypatch.setattr(Journal, "retire", retire)
    monkeypatch.setattr(inspect, "_AGAIN", 0.01)
    misfortune = rig.Misfortune()
    monkeypatch.setattr(misfortune, "point", fails)
    running = made_taps(store, inspect.Settings(folders={"mms": Folder(folder)}, poll=0.01), clock, misfortune, holds=holds)
    async with asyncio.timeout(60):
        task = asyncio.create_task(running.run())
        await asyncio.wait({task, asyncio.create_task(went_well.wait())}, return_when=asyncio.FIRST_COMPLETED)
        assert not task.done(), "it ended"
        assert running.inspector.trouble == {}
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert left == [0]
    assert [look.seen[0][0] for look in looks(store)] == ["torch/leg-1"]
    assert [each.seed for each in store.learned_octets(9)] == ["torch/leg-1"], "workers tell it once"
    assert len([record for record in caplog.records if record.message.startswith("copies wait")]) == 1


def test_a_journal_whose_disk_was_full_goes_on_in_another_file(tmp_path: Path) -> None:
    """The file itself refuses what is written, and what is left of it when it is closed."""
    clock = rig.Clock(AT)
    journal = Journal(tmp_path, lambda plain: plain, lambda sealed: sealed, wall=clock.wall)
    journal.append([Look(b"1" * 16, AT)])
    assert journal._file is not None
    journal._file.close()
    journal._file = io.BufferedWriter(Full())
    with pytest.raises(OSError, match="No space"):
        journal.append([Look(b"2" * 16, AT)])
    assert b"2" * 16 not in journal
    clock.now += SECOND
    journal.append([Look(b"2" * 16, AT)])
    assert b"2" * 16 in journal
    journal.close()
    assert len(list(tmp_path.iterdir())) == 2


class Full(io.RawIOBase):
    """A file on a full disk."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@ran
async def test_from_the_mirror_to_the_counters(store: SqliteStore, made: tuple[bytes, RegisteredSeed], tmp_path: Path) -> None:
    """What came by HTTP is looked into, written down, and read by the sequencer like any log."""
    octets, _ = made
    clock = rig.Clock(AT)
    settings = app.with_journal(
        config.Settings(
            feeds={}, state=config.settings.State(store.directory),
            copies=inspect.Settings(mirror=mirror.Settings(port=0, body_octets=200_000)),
        )
    )  # fmt: skip
    running = made_taps(store, settings.copies, clock)
    assert running.mirror is not None
    async with running.mirror, aiohttp.ClientSession() as client, running.working():
        url = "http://{}:{}{}".format(*running.mirror.address, mirror.PATH)
        acknowledged = b"\x8c\x85\x98T\x00"
        for pdu, sender in (
            (message(octets), f"+{HOLDER}"), (b"x" * 300_000, ""), (message(octets, sender=HOLDER), ""), (acknowledged, f"+{HOLDER}"),
        ):  # fmt: skip
            async with client.post(url, data=pdu, headers={"X-WAP-MSISDN": sender}) as answer:
                assert answer.status == (204 if len(pdu) < 200_000 else 413)
        await running.mirror.written()
        await running.inspector.round()
    assert running.mirror.counts == {"taken": 2, "too large": 1, "other": 1}
    world = app.World(wall=clock.wall, monotonic=clock.monotonic)
    with app.intake(settings, store, rig.KEYS, world, campaigns=[CAMPAIGN]) as sequencer:
        while sequencer.tick():
            pass
    counts = {(each.tap, each.what, each.campaign): each.n for each in store.copies(0, 1 << 40)}
    assert counts[taps.MIRROR, "exact", "torch"] == 2
    assert app.COPIES in {feed.name for feed in sequencer.feeds}


@ran
async def test_who_may_send_to_the_mirror(tmp_path: Path) -> None:
    (secret := tmp_path / "token").write_text("a-token-of-the-tap")
    secret.chmod(0o600)
    kept: list[Any] = []

    def put(at: int, sender: str, pdu: bytes) -> bool:
        kept.append((at, sender, pdu))
        return len(kept) < 2

    settings = mirror.Settings(port=0, token_file=str(secret))
    async with mirror.Mirror(settings, put, wall=lambda: AT) as tap, aiohttp.ClientSession() as client:
        url = "http://{}:{}{}".format(*tap.address, mirror.PATH)
        said = []
        for headers in ({}, {mirror.TOKEN: "another"}, {mirror.TOKEN: "a-token-of-the-tap"}, {mirror.TOKEN: "a-token-of-the-tap"}):
            async with client.post(url, data=mirror.MESSAGE, headers=headers) as answer:
                said.append(answer.status)
        await tap.written()
    assert said == [404, 404, 204, 204]
    assert kept == [(AT, "", mirror.MESSAGE)] * 2
    assert tap.counts == {"refused": 2, "taken": 1, "full": 1}
    async with (
        mirror.Mirror(mirror.Settings(port=0, allow=("10.0.0.0/8",)), put, wall=lambda: AT) as tap,
        aiohttp.ClientSession() as client,
        client.post("http://{}:{}{}".format(*tap.address, mirror.PATH), data=b"pdu") as answer,
    ):
        assert answer.status == 404


@ran
async def test_a_number_that_stands_there_twice_names_nobody(tmp_path: Path) -> None:
    kept: list[str] = []

    def put(at: int, sender: str, pdu: bytes) -> bool:
        kept.append(sender)
        return True

    header, other = "X-WAP-MSISDN", "X-Up-Calling-Line-ID"
    settings = mirror.Settings(port=0, number_headers=(header, other))
    async with mirror.Mirror(settings, put, wall=lambda: AT) as tap, aiohttp.ClientSession() as client:
        url = "http://{}:{}{}".format(*tap.address, mirror.PATH)
        for headers in ([(header, "1")], [(header, "1"), (header, "2")], [(header, ""), (other, "3")], [(other, "3"), (header, "1")], []):
            async with client.post(url, data=mirror.MESSAGE, headers=headers) as answer:
                assert answer.status == 204
        await tap.written()
    assert kept == ["1", "", "3", "1", ""]


def test_a_file_of_the_journal_goes_when_it_was_read_and_is_old(tmp_path: Path) -> None:
    clock = rig.Clock(AT)
    seal, unseal = bytes.hex, bytes.fromhex
    journal = Journal(tmp_path / "j", lambda plain: seal(plain).encode(), lambda sealed: unseal(sealed.decode()), wall=clock.wall)
    journal.append([Look(b"1" * 16, AT, seen=(("", 0, 0),))])
    (path,) = (tmp_path / "j").iterdir()
    clock.now = path.stat().st_mtime_ns // 1000 + KEPT + SECOND
    read = {str(path): path.stat().st_size}
    assert journal.retire(read) == 0, "it is still written to"
    journal.close()
    assert journal.retire({str(path): 3}) == 0, "not all of it was read"
    journal.append([Look(b"2" * 16, AT, seen=(("", 0, 0),))])
    assert b"1" * 16 in journal
    assert b"2" * 16 in journal
    assert journal.retire(read) == 1
    assert b"1" * 16 not in journal, "whose line is gone is not remembered: a daemon runs for months"
    assert b"2" * 16 in journal
    journal.close()
    assert b"2" * 16 in Journal(tmp_path / "j", journal._seal, lambda sealed: unseal(sealed.decode()), wall=clock.wall)


def test_a_line_that_was_cut_is_a_reject_and_the_next_is_read() -> None:
    def seal(plain: bytes) -> bytes:
        return rig.KEYS.seal(b"", taps.COPY, plain)

    look = Look(b"1" * 16, AT, "mms", HOLDER, (FRIEND, STRANGER), 300, "", "T1", (("torch/leg-1", Sighted.MARK, 9500),))
    data = inspected.written(look, seal)[:40] + b"\n" + inspected.written(look, seal) + inspected.written(Look(b"", AT + 1), seal)
    dialect = inspected.Inspected((1, 2), lambda sealed: rig.KEYS.unseal(b"", taps.COPY, sealed))
    parsed = dialect.scan(data + b"half", ordinal=0, offset=7, final=False)
    assert (parsed.consumed, parsed.lines, parsed.rejects.total) == (len(data), 3, 1)
    rows = parsed.records
    assert rows["receiver"].tolist() == [FRIEND, STRANGER, 0]
    assert rows["at"].tolist() == [AT, AT, AT + 1]
    assert (rows["latency"].tolist()[:2], rows["size"].tolist()[:2]) == ([9500, 9500], [300, 300])
    assert rows.text("tag", 1) == b"torch/leg-1"
    assert rows["where"][0] == rows["where"][1] == 7 + 41


@pytest.mark.parametrize("at", [-5, 1 << 63, (1 << 64) - 1])
def test_a_line_with_no_time_is_a_reject(at: int) -> None:
    def seal(plain: bytes) -> bytes:
        return rig.KEYS.seal(b"", taps.COPY, plain)

    data = inspected.written(Look(b"1" * 16, at, seen=(("", 0, 0),)), seal) + inspected.written(Look(b"", AT), seal)
    parsed = inspected.Inspected((1, 2), lambda sealed: rig.KEYS.unseal(b"", taps.COPY, sealed)).scan(
        data, ordinal=0, offset=0, final=False
    )
    assert (parsed.consumed, parsed.lines, parsed.rejects.total) == (len(data), 2, 1)
    assert parsed.records["at"].tolist() == [AT]


def test_multiparts_within_multiparts_without_end_are_refused() -> None:
    depth = 2000
    opened = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(depth))
    body = (
        b"X-Mms-Message-Type: MM4_forward.REQ\r\n" + opened + b"\r\nhi\r\n" + b"".join(b"--b%d--\r\n" % n for n in reversed(range(depth)))
    )
    with pytest.raises(DecodeError, match="within each other"):
        inspect.contents_of(copies.mm4_copy("mm4", body, lambda text: 0, at=AT))


def test_what_a_message_between_mmscs_consists_of() -> None:
    inner = b"--in\r\nContent-Type: text/plain\r\n\r\nhi\r\n--in--\r\n"
    body = (
        b"From: +8613900000001/TYPE=PLMN@mms.example\r\nTo: +8613900000003/TYPE=PLMN@mms.example\r\n"
        b'X-Mms-Message-Type: MM4_forward.REQ\r\nX-Mms-Message-ID: "m1"\r\nContent-Type: multipart/related; boundary="out"\r\n\r\n'
        b"--out\r\nContent-Type: image/jpeg\r\nContent-Transfer-Encoding: base64\r\n\r\n/9j/4A==\r\n"
        b'--out\r\nContent-Type: multipart/mixed; boundary="in"\r\n\r\n' + inner + b"\r\n--out--\r\n"
    )
    copy = copies.mm4_copy("mm4", body, lambda text: int(text.removeprefix(b"+").partition(b"/")[0] or 0), at=AT)
    assert (copy.sender, copy.receivers, copy.message) == (HOLDER, (FRIEND,), "m1")
    assert inspect.contents_of(copy) == [Content("image/jpeg", b"\xff\xd8\xff\xe0"), Content("text/plain", b"hi")]


def test_of_whom_it_was_is_kept_only_where_it_counts() -> None:
    copy = Copy(
        id=b"1" * 16, origin="mms", at=AT, sender=HOLDER, receivers=(FRIEND,), message="", transaction="T1", octets=300, body=b"",
    )  # fmt: skip
    two = Verdict(
        (Sighting("leg-2", "torch", MARK, 9.25, 1), Sighting("leg-1", "torch", MARK, 8.0, 0), Sighting("lamp", "lamps", EXACT, 0.0, 2))
    )
    assert inspect.look_of("mms", copy, two).seen == (
        ("torch/leg-2", Sighted.MARK, 9250), ("torch/leg-1", Sighted.MARK, 8000), ("lamps/lamp", Sighted.EXACT, 0),
    )  # fmt: skip
    assert inspect.look_of("mms", copy, two).receivers == (FRIEND,)
    for said, seen in (
        (Verdict(), ("", Sighted.NOTHING, 0)),
        (Verdict(faults=("a decoder crashed",)), ("", Sighted.FAILED, 0)),
        (Verdict(probable=(Probable("leg-1", "torch", ("text", "holder")),)), ("torch/leg-1", Sighted.PROBABLE, 0)),
    ):
        look = inspect.look_of("mms", copy, said)
        assert (look.seen, look.sender, look.receivers, look.transaction) == ((seen,), 0, (), "")


@ran
async def test_after_the_close_of_its_campaign_no_copy_is_opened(
    store: SqliteStore, made: tuple[bytes, RegisteredSeed], tmp_path: Path
) -> None:
    """Its seed is still registered as live. What was submitted before is looked into, whenever its copy comes."""
    octets, _ = made
    folder, clock = tmp_path / "tap", rig.Clock(AT + HOUR)
    closed = LifeStep("torch", AT + 30 * SECOND, "closed", "li", "it is over")
    leave(folder, "before", message(octets), HOLDER, AT)
    leave(folder, "after", message(octets, transaction="T2"), HOLDER, AT + MINUTE)
    running = made_taps(store, inspect.Settings(folders={"mms": Folder(folder)}, wait=60.0), clock)
    async with running.working():
        store.transact(Needs(), lambda _: Batch(AT, lives=[closed]))
        for _ in range(3):
            await running.inspector.round()
    assert list(folder.iterdir()) == []
    assert [(look.sender, Sighted(look.seen[0][1]).name) for look in looks(store)] == [(HOLDER, "EXACT"), (0, "UNOPENED")]


@ran
async def test_a_copy_of_a_numbers_new_owner_is_not_opened(store: SqliteStore, made: tuple[bytes, RegisteredSeed], tmp_path: Path) -> None:
    octets, _ = made
    folder, clock = tmp_path / "tap", rig.Clock(AT + HOUR)
    leave(folder, "his", message(octets), HOLDER, AT)
    leave(folder, "hers", message(octets, transaction="T2"), HOLDER, AT + MINUTE)
    running = made_taps(
        store, inspect.Settings(folders={"mms": Folder(folder)}, wait=60.0), clock,
        holds=lambda number, at: {"torch/leg-1"} if number == HOLDER and at < AT + MINUTE else (),
    )  # fmt: skip
    async with running.working():
        for _ in range(3):
            await running.inspector.round()
    assert [(look.sender, Sighted(look.seen[0][1]).name) for look in looks(store)] == [(HOLDER, "EXACT"), (0, "UNOPENED")]


@ran
async def test_what_we_sent_somebody_is_tried_whatever_his_picture_looks_like(
    store: SqliteStore, made: tuple[bytes, RegisteredSeed], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    octets, _ = made
    folder, clock = tmp_path / "tap", rig.Clock(AT + HOUR)
    for sender in (HOLDER, FRIEND):
        leave(folder, str(sender), message(octets, transaction=f"T{sender}"), sender)
    asked = Outgoing(b"seed".ljust(16), "marketing", "seed", str(HOLDER), "", "ready", AT, AT + DAY)
    holders = [Holder("torch", seed, str(HOLDER), "group", "sent", AT, key=asked.key) for seed in ("leg-1", "retired")]
    store.transact(Needs(), lambda _: Batch(AT, outbox=[asked], holders=holders))
    store.transact(Needs(), lambda _: Batch(AT, moved=[msgspec.structs.replace(asked, state="delivered", tries=1)]))
    running = made_taps(store, inspect.Settings(folders={"mms": Folder(folder)}, wait=60.0), clock, holds=lambda number, at: ["torch/"])
    tried: list[list[str]] = []
    judge = Workers.judge

    async def noted(self: Workers, contents: Sequence[Content], held: Collection[str] = ()) -> Verdict:
        tried.append(list(held))
        return await judge(self, contents, held)

    monkeypatch.setattr(Workers, "judge", noted)
    async with running.working():
        for _ in range(3):
            await running.inspector.round()
    assert sorted(tried) == [[], ["torch/leg-1"]], "of live seeds, those that we sent him"


@ran
async def test_what_came_to_somebody_is_tried_first_the_last_before_the_others(
    store: SqliteStore, made: tuple[bytes, RegisteredSeed], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Siblings: he received two, was sent a third by us, and held a fourth that is no longer live."""
    octets, seed = made
    folder, clock = tmp_path / "tap", rig.Clock(AT + HOUR)
    siblings = [msgspec.structs.replace(seed, name=name) for name in ("leg-2", "leg-3")]
    entries = [SeedEntry("torch", each.name, "leg", False, 1, len(octets), "", "Li") for each in siblings]
    seeds = [NewSeed(entry, each.to_bytes(), ()) for entry, each in zip(entries, siblings, strict=True)]
    store.transact(Needs(), lambda _: Batch(AT, seeds=seeds))
    asked = Outgoing(b"seed".ljust(16), "marketing", "seed", str(HOLDER), "", "ready", AT, AT + DAY)
    holder = Holder("torch", "leg-1", str(HOLDER), "group", "sent", AT, key=asked.key)
    store.transact(Needs(), lambda _: Batch(AT, outbox=[asked], holders=[holder]))
    store.transact(Needs(), lambda _: Batch(AT, moved=[msgspec.structs.replace(asked, state="delivered", tries=1)]))
    leave(folder, "copy", message(octets), HOLDER)
    running = made_taps(
        store, inspect.Settings(folders={"mms": Folder(folder)}, wait=60.0), clock,
        holds=lambda number, at: ["torch/leg-3", "torch/retired", "torch/leg-2"] if (number, at) == (HOLDER, AT) else [],
    )  # fmt: skip
    tried: list[list[str]] = []

    async def noted(self: Workers, contents: Sequence[Content], held: Collection[str] = ()) -> Verdict:
        tried.append(list(held))
        return Verdict()

    monkeypatch.setattr(Workers, "judge", noted)
    async with running.working():
        await running.inspector.round()
    assert tried == [["torch/leg-3", "torch/leg-2", "torch/leg-1"]]


@ran
async def test_who_holds_a_retired_seed_alone_is_not_opened(store: SqliteStore, made: tuple[bytes, RegisteredSeed], tmp_path: Path) -> None:
    """Though a sibling of it is live. Where nobody wrote down which seed it was, it may be that one."""
    octets, _ = made
    folder, clock = tmp_path / "tap", rig.Clock(AT + HOUR)
    known = {HOLDER: ["torch/leg-1", "torch/retired"], FRIEND: ["torch/retired"], STRANGER: ["torch/"]}
    for sender in known:
        leave(folder, str(sender), message(octets, transaction=f"T{sender}"), sender)
    running = made_taps(
        store, inspect.Settings(folders={"mms": Folder(folder)}, wait=60.0), clock, holds=lambda number, at: known[number]
    )  # fmt: skip
    async with running.working():
        for _ in range(3):
            await running.inspector.round()
    assert sorted((look.sender, Sighted(look.seen[0][1]).name) for look in looks(store)) == sorted(
        [(HOLDER, "EXACT"), (STRANGER, "EXACT"), (0, "UNOPENED")]
    )
