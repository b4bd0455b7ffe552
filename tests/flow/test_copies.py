"""Copies that somebody looked into, beside the logs of the province: whenever they come, they give the same forwards."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from mmsd import app, config
from mmsd.errors import ConfigError
from mmsd.flow import inspect
from mmsd.flow.inspect import Folder
from mmsd.flow.taps import COPY
from mmsd.link.journal import PATTERN, Journal
from mmsd.logs import inspected
from mmsd.logs.inspected import Look
from mmsd.model import SECOND, Sighted
from mmsd.rules.settings import SeedSettings
from mmsd.store.sqlite import Settings, SqliteStore
from tests.flow import ledger, rig
from tests.flow.conftest import Houses, Plain

pytestmark = pytest.mark.usefixtures("hurried")

UNSEEN: Final = msgspec.structs.replace(rig.CAMPAIGN, seeds=(SeedSettings("torch-1"),))
"""The province's campaign, where no log line tells what a subscriber's message holds."""
RECOGNISER: Final[dict[str, Any]] = {
    "separator": "|",
    "fields": ["time", "from", "to", "octets", "seed", "how"],
    "map": {
        "at": {"from": "time", "format": "%s.%f"}, "sender": "from", "receiver": "to", "size": "octets", "tag": "seed",
    },
    "set": {"kind": "COPY"},
}  # fmt: skip
"""An outside recogniser's lines, one for each receiver."""


@dataclass
class Line:
    """What a tap's copy of a submit says of one receiver."""

    at: int
    sender: str
    receiver: str
    size: int
    seed: str = "torch/torch-1"

    def __str__(self) -> str:
        return f"{self.at // SECOND}.{self.at % SECOND:06d}|{self.sender}|{self.receiver}|{self.size}|{self.seed}|mark\n"


def sent_on(logs: Path) -> list[Line]:
    """The truth of what was sent on with its content: an M-Forward names a message and holds none. Octets are the MMSC's."""
    rows = [json.loads(line) for line in (logs / "truth.jsonl").read_text().splitlines()]
    text = "".join(path.read_text() for path in logs.glob("mmsc?/mmsc-access.log*"))
    received = re.findall(r" Received MMS .*\[from:\+(\d+)\].*\[msgid:(\S+)\] \[size=(\d+)\]", text)
    octets = {(sender, message): int(size) for sender, message, size in received}  # two MMSCs may give one id
    return [
        Line(row["submitted"], row["sender"], row["receiver"], octets[row["sender"], row["message"]])
        for row in rows if row["forward"] is not None and row["forward"]["method"] != "m_forward"
    ]  # fmt: skip


@pytest.fixture
def tapped(house: Houses, tmp_path: Path) -> Callable[..., rig.House]:
    """`tapped(seed, …)`: a house with a feed of copies, whose file is `run.tap`; nothing stands in it."""

    def build(seed: int, **changes: Any) -> rig.House:
        (folder := tmp_path / f"copies-{seed}").mkdir()
        run = house(seed, keep_all=False, **changes)
        feed = config.Feed("columns", (folder / "copies.log*",), role="copies", options=RECOGNISER)
        given = msgspec.structs.replace(run.settings, feeds={**run.settings.feeds, "copies": feed})
        run.given, run.campaigns = given, (UNSEEN,)
        return run

    return build


def write(run: rig.House, lines: Sequence[Line], name: str = "copies.log") -> None:
    assert run.given is not None
    path = run.given.feeds["copies"].paths[0].with_name(name)
    with path.open("a") as file:
        file.writelines(map(str, sorted(lines, key=lambda line: line.at)))


def forwards(found: ledger.Ledger) -> Counter[Hashable]:
    """Keys of forwards with a serial or without."""
    return found["serials"]


def store_of(run: rig.House) -> SqliteStore:
    return SqliteStore.open(run.state, settings=Settings(durable=False), keys=rig.KEYS, wall=lambda: 0)


def copied(run: rig.House) -> Counter[str]:
    """What became of copies."""
    with store_of(run) as store:
        counts = store.copies(0, 1 << 40)
    found: Counter[str] = Counter()
    for count in counts:
        found[count.what if not count.tap else f"{count.tap}: {count.what}"] += count.n
    return found


@pytest.fixture(scope="session")
def known(province: Path, plain: Plain, tmp_path_factory: pytest.TempPathFactory) -> Counter[Hashable]:
    """The forwards of the same day, recognised by subject and size."""
    like = rig.House(province, tmp_path_factory.mktemp("like"), rig.Clock(rig.AFTERWARDS), keep_all=False)
    return forwards(plain(like))


def test_copies_beside_the_logs(tapped: Callable[..., rig.House], province: Path, known: Counter[Hashable], seed: int, effort: int) -> None:
    """Any harm, any order: the forwards are those of the subjects."""
    lines = sent_on(province)
    assert len(lines) > 40
    for number in range(seed, seed + 3 * effort):
        run = tapped(number, judgement=rig.replaced(quiet=random.Random(number).choice((2.0, 8.0, 60.0))))
        write(run, lines)
        story = run.history()
        found = forwards(ledger.read(run.state))
        assert found == known, (number, story, found - known, known - found)
        counts = copied(run)
        assert counts == {"copies: copy": len(lines), "joined": len(lines)}, number


@pytest.mark.parametrize("express", [True, False])
def test_copies_that_come_hours_later(
    tapped: Callable[..., rig.House], province: Path, known: Counter[Hashable], seed: int, express: bool
) -> None:
    """All is said, spilled and forgotten when they come; some come twice; a copy without a line is told, and again no more."""
    lines = sent_on(province)
    run = tapped(seed, judgement=rig.replaced(quiet=2.0), express=express)
    run.read_all()
    assert not forwards(ledger.read(run.state)) - known
    run.clock.now += 5 * 3600 * SECOND
    run.end()
    stray = Line(lines[0].at, lines[0].sender, lines[0].receiver, lines[0].size + 1)
    write(run, [*lines, stray])
    run.history()
    write(run, lines, "copies.log.1")
    run.history()
    assert forwards(ledger.read(run.state)) == known
    counts = copied(run)
    assert (counts["joined"], counts["no_log"]) == (len(lines), 1)
    with store_of(run) as store:
        ((_, held),) = store.held_copies(10)
    assert (held.what, held.campaign, held.seed, held.sender, held.receiver) == (
        "no_log", "torch", "torch-1", stray.sender, stray.receiver,
    )  # fmt: skip


def test_copies_that_come_first(tapped: Callable[..., rig.House], province: Path, known: Counter[Hashable], seed: int) -> None:
    """The logs come when the copies have been read long ago: each waits for its line."""
    run = tapped(seed)
    given = run.given
    assert given is not None
    lines = sent_on(province)
    write(run, lines)
    only = msgspec.structs.replace(given, feeds={"copies": given.feeds["copies"]})
    run.given = only
    run.read_all()
    run.given = given
    run.history()
    assert forwards(ledger.read(run.state)) == known
    assert copied(run)["no_log"] == 0


def test_logs_wait_for_copies_that_were_not_looked_into(house: Houses, tmp_path: Path, seed: int) -> None:
    """What belongs to a copy must not be forgotten before it is looked into: logs go on as the journal says how far that is. What it tells
    of one copy says nothing of older ones; and one that says nothing is waited for so long and no longer."""
    run = house(seed, judgement=rig.replaced(restate=40.0, patience=30.0))
    run.pace = replace(rig.PACE, chunk_bytes=4_000)
    journal = Journal(tmp_path, partial(rig.KEYS.seal, b"", COPY), partial(rig.KEYS.unseal, b"", COPY), wall=run.clock.wall)
    given, feed = run.settings, config.Feed(inspected.NAME, (tmp_path / PATTERN,), role="copies")
    run.given = msgspec.structs.replace(given, feeds={**given.feeds, "copies": feed})
    with run.process() as sequencer, closing(journal):

        def read() -> tuple[int, int]:
            """The oldest and the newest time up to which logs with unread bytes were read."""
            while sequencer.tick():
                pass
            logs = [each for each in sequencer.feeds if each.name != "copies" and not each.source.idle]
            marks = [sequencer.state.marks[each.index] for each in logs]
            return min(marks, default=0), max(marks, default=0)

        begun, _ = read()
        assert begun, "all of them gave a chunk, and wait"
        at = begun + 30 * SECOND
        journal.append([Look(b"", at)])
        reached, furthest = read()
        assert at + 20 * SECOND < reached <= furthest < at + 120 * SECOND
        journal.append([Look(b"copy", at + 500 * SECOND, "mms", seen=(("", Sighted.NOTHING, 0),))])
        assert read() == (reached, furthest)
        run.clock.now += 31 * SECOND
        assert read() == (0, 0)


def test_submits_that_a_tap_should_have_copies_of(house: Houses, province: Path, tmp_path: Path, seed: int) -> None:
    """Whatever harm comes, each is counted once: what handsets posted to that node."""
    run = house(seed)
    spool = Folder(tmp_path, nodes=("mmsc2",))
    run.given = msgspec.structs.replace(run.settings, copies=inspect.Settings(folders={"spool": spool}))
    story = run.history()
    posted = sum(path.read_text().count(" Received MMS [INT:MM1]") for path in province.glob("mmsc2/mmsc-access.log*"))
    assert posted > 20
    assert copied(run)["spool: submitted"] == posted, story
    nobody = msgspec.structs.replace(run.given, copies=inspect.Settings(folders={"spool": Folder(tmp_path, nodes=("mmsc9",))}))
    with pytest.raises(ConfigError, match=r"^copies\.folders\.spool\.nodes: .*'mmsc9'; there are mmsc1, mmsc2, mmsc3$"):
        app.copied_nodes(nobody)


LAMPS: Final = msgspec.structs.replace(
    UNSEEN, id="lamps", name="Lamps", senders=(), seeds=(SeedSettings("lamp-1"), SeedSettings("lamp-2")), hold=9.0
)


@pytest.mark.parametrize("come", ["with the others", "late", "late, to a process that knows all"])
@pytest.mark.parametrize("express", [True, False])
def test_messages_with_seeds_of_two_campaigns(
    tapped: Callable[..., rig.House], province: Path, known: Counter[Hashable], seed: int, express: bool, come: str
) -> None:
    """Any harm, any order, and though one campaign's copies be told hours after the other's: each has all forwards, those by M-Forward
    too, and two siblings are one."""
    lines = sent_on(province)
    lamps = [replace(line, seed=f"lamps/lamp-{n}") for line in lines for n in (2, 1)]
    late = come != "with the others"
    run = tapped(seed, express=express, judgement=rig.replaced(quiet=2.0 if late else 60.0))
    run.campaigns = (UNSEEN, LAMPS)
    write(run, lines if late else [*lines, *lamps])
    story = [run.history()]
    if late:
        run.clock.now += 5 * 3600 * SECOND
        run.end()
        with run.process() as sequencer:
            while come != "late" and sequencer.tick():
                pass
            write(run, [*lines, *lamps], "copies.log.1")
            while come != "late" and sequencer.tick():
                pass
        story.append(run.history())
    with store_of(run) as store:
        issued = list(store.all_forwards())
        held = store.held_copies(10)
    of: dict[str, list[tuple[str, str, str]]] = {}
    for one in issued:
        of.setdefault(one.forward.campaign, []).append((one.forward.message, one.forward.sender, one.forward.receiver))
    assert Counter((one.forward.key, bool(one.serial)) for one in issued if one.forward.campaign == "torch") == known, story
    rows = [json.loads(line) for line in (province / "truth.jsonl").read_text().splitlines()]
    copied_ones = {row["message"] for row in rows if row["forward"] is not None and row["forward"]["method"] != "m_forward"}
    assert sorted(of["lamps"]) == sorted(each for each in of["torch"] if each[0] in copied_ones), story  # the service's own are torch's
    assert any(one.forward.method == "m_forward" for one in issued if one.forward.campaign == "lamps")
    assert len({one.serial for one in issued if one.serial}) == len(of["torch"]) + len(of["lamps"])
    assert not held
    assert copied(run)["joined"] == 2 * len(lines), "once in each campaign"


def test_a_copy_with_seeds_of_two_campaigns_that_finds_no_line_or_two(house: Houses, province: Path, tmp_path: Path, seed: int) -> None:
    """One line of our own journal tells of both seeds. Nothing of it counts, and each campaign is told once, until the line is read."""
    logs = tmp_path / "logs"
    shutil.copytree(province, logs)
    alone = Counter((line.sender, line.receiver) for line in sent_on(logs))
    lost, doubled = [line for line in sent_on(logs) if alone[line.sender, line.receiver] == 1][:2]
    late = _without(logs, lost)
    _twice(logs, doubled)
    run = house(seed, logs, keep_all=False)
    given, feed = run.settings, config.Feed(inspected.NAME, (tmp_path / PATTERN,), role="copies")
    run.given, run.campaigns = msgspec.structs.replace(given, feeds={**given.feeds, "copies": feed}), (UNSEEN, LAMPS)
    seen = (("lamps/lamp-1", Sighted.EXACT, 1000), ("torch/torch-1", Sighted.MARK, 800), ("lamps/lamp-2", Sighted.MARK, 700))
    with closing(Journal(tmp_path, partial(rig.KEYS.seal, b"", COPY), partial(rig.KEYS.unseal, b"", COPY), wall=run.clock.wall)) as journal:
        for line in (lost, doubled):
            who, whom = int(line.sender), (int(line.receiver),)
            journal.append([Look(line.receiver.encode(), line.at, "spool", who, whom, line.size, seen=seen)])
        journal.append([Look(b"", run.clock.wall())])  # there are no others
    story = run.history()
    told = [("torch", "torch-1"), ("lamps", "lamp-1")]
    assert _held(run, lost) == Counter({("no_log", *each): 1 for each in told}), story
    assert _held(run, doubled) == Counter({("ambiguous", *each): 2 for each in told}), story
    assert (_forwards_of(run, lost), _forwards_of(run, doubled)) == ([], []), story
    assert (copied(run)["no_log"], copied(run)["ambiguous"], copied(run)["joined"]) == (2, 4, 0), story
    for path, lines in late.items():
        with path.open("ab") as file:
            file.writelines(lines)
    story += f"; {run.history()}"
    assert (_held(run, lost), _forwards_of(run, lost)) == (Counter(), ["lamps", "torch"]), story
    assert (copied(run)["no_log"], copied(run)["ambiguous"], copied(run)["joined"]) == (0, 4, 2), story


def _message_of(logs: Path, line: Line) -> bytes:
    rows = [json.loads(row) for row in (logs / "truth.jsonl").read_text().splitlines()]
    (found,) = {
        row["message"] for row in rows if (row["submitted"], row["sender"], row["receiver"]) == (line.at, line.sender, line.receiver)
    }
    return f"[msgid:{found}]".encode()


def _without(logs: Path, line: Line) -> dict[Path, list[bytes]]:
    """Takes what the MMSCs wrote of a message out of their logs, and gives it back by file."""
    taken: dict[Path, list[bytes]] = {}
    message = _message_of(logs, line)
    for path in logs.glob("mmsc?/mmsc-access.log*"):
        lines = path.read_bytes().splitlines(keepends=True)
        if mine := [each for each in lines if message in each]:
            taken[path] = mine
            path.write_bytes(b"".join(each for each in lines if each not in mine))
    return taken


def _twice(logs: Path, line: Line) -> None:
    """Has the MMSC write of two submits at once, alike but for the name."""
    message = _message_of(logs, line)
    for path in logs.glob("mmsc?/mmsc-access.log*"):
        lines = []
        for each in path.read_bytes().splitlines(keepends=True):
            lines.append(each)
            if message in each and b" Received MMS " in each:
                lines.append(each.replace(b"[msgid:", b"[msgid:again-"))
        path.write_bytes(b"".join(lines))


def _held(run: rig.House, line: Line) -> Counter[tuple[str, str, str]]:
    with store_of(run) as store:
        held = [one for _, one in store.held_copies(100)]
    return Counter((one.what, one.campaign, one.seed) for one in held if (one.sender, one.receiver) == (line.sender, line.receiver))


def _forwards_of(run: rig.House, line: Line) -> list[str]:
    with store_of(run) as store:
        found = [one.forward for one in store.all_forwards() if one.serial]
    return sorted(one.campaign for one in found if (one.sender, one.receiver) == (line.sender, line.receiver))
