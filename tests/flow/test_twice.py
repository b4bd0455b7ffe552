"""Logs late or twice, copies early, late or twice, two nodes that tell of one message, and a process that is killed: the same forwards."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from typing import Final, cast

import msgspec
import pytest

from mmsd import config
from mmsd.model import SECOND
from tests.flow import ledger, rig
from tests.flow.conftest import Houses, Plain
from tests.flow.test_copies import RECOGNISER, UNSEEN, sent_on

pytestmark = pytest.mark.usefixtures("hurried")

HOURS: Final = 3 * 3600 * SECOND
NODE, TWIN = "mmsc2", "mmsc2b"
TAKES: Final = (b" Received MMS ", b" Notify MMS ")


def _whole(logs: Path) -> None:
    """As they are."""


def _both_write(logs: Path) -> None:
    """Two nodes share a queue, and each writes down all that is done."""
    shutil.copytree(logs / NODE, logs / TWIN)


def _one_takes_the_other_gives(logs: Path) -> None:
    """One node takes messages and notifies, the other is fetched from: neither tells the whole of any."""
    (logs / TWIN).mkdir()
    for path in (logs / NODE).glob("mmsc-access.log*"):
        lines = path.read_bytes().splitlines(keepends=True)
        taken = [any(word in line for word in TAKES) for line in lines]
        path.write_bytes(b"".join(line for line, takes in zip(lines, taken, strict=True) if takes))
        (logs / TWIN / path.name).write_bytes(b"".join(line for line, takes in zip(lines, taken, strict=True) if not takes))


def _again(logs: Path) -> None:
    """Everything that node wrote comes once more, in a file that does not begin as the first did."""
    whole = b"".join(path.read_bytes() for path in sorted((logs / NODE).glob("mmsc-access.log*"), reverse=True))
    (logs / NODE / "mmsc-access.log.9").write_bytes(whole.splitlines(keepends=True)[-1] + whole)


def _hidden(logs: Path) -> None:
    (logs / NODE).rename(logs.with_name("hidden"))


def _shown(logs: Path) -> None:
    logs.with_name("hidden").rename(logs / NODE)


Change = Callable[[Path], None]
LOGS: Final[dict[str, tuple[Change, Change]]] = {
    "in time": (_whole, _whole), "late": (_hidden, _shown), "twice": (_whole, _again), "by two nodes": (_both_write, _whole),
    "by two nodes, each a part": (_one_takes_the_other_gives, _whole),
}  # fmt: skip
"""What becomes of them before the first, and before the second time that they are read, hours later."""
COPIES: Final = {"in time": (True, False), "late": (False, True), "twice": (True, True)}
"""Whether they are there the first time, and come before the second."""


@pytest.fixture(scope="session")
def known(province: Path, plain: Plain, tmp_path_factory: pytest.TempPathFactory) -> ledger.Ledger:
    """The same day, recognised by subject and size, undisturbed."""
    return plain(rig.House(province, tmp_path_factory.mktemp("like"), rig.Clock(rig.AFTERWARDS), keep_all=False))


def _house(house: Houses, seed: int, logs: Path, copies: Path) -> rig.House:
    """Both nodes are one MMSC: message ids are its own."""
    run = house(seed, logs, keep_all=False)
    given = run.settings
    first = msgspec.structs.replace(given.feeds[NODE], domain=NODE)
    second = msgspec.structs.replace(first, node=TWIN, paths=(logs / TWIN / "mmsc-access.log*",))
    feed = config.Feed("columns", (copies / "copies.log*",), role="copies", options=RECOGNISER)
    feeds = {**given.feeds, NODE: first, "copies": feed} | ({TWIN: second} if (logs / TWIN).exists() else {})
    run.given, run.campaigns = msgspec.structs.replace(given, feeds=feeds), (UNSEEN,)
    return run


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("logged", LOGS)
def test_late_or_twice_through_kills(
    house: Houses, province: Path, known: ledger.Ledger, tmp_path: Path, logged: str, copied: str, seed: int
) -> None:
    logs, copies = tmp_path / "logs", tmp_path / "copies"
    shutil.copytree(province, logs)
    copies.mkdir()
    lines = sorted(sent_on(logs), key=lambda line: line.at)
    before, after = LOGS[logged]
    first, second = COPIES[copied]
    before(logs)
    run = _house(house, seed, logs, copies)
    if first:
        (copies / "copies.log").write_text("".join(map(str, lines)))
    story = run.history()
    run.clock.now += HOURS
    after(logs)
    if second:
        (copies / "copies.log.1").write_text("".join(map(str, lines[::2] + lines[1::2])))
    story += f"; {run.history()}"
    found = ledger.read(run.state)
    assert found["serials"] == known["serials"], f"{story}: {known['serials'] - found['serials']}, {found['serials'] - known['serials']}"
    assert found["distinct serials"] == known["distinct serials"]
    assert _told(found) == _told(known) != Counter()


def _told(found: ledger.Ledger) -> Counter[Hashable]:
    """Who is told a serial, by key of the outbox."""
    return Counter({row: n for row, n in found["outbox"].items() if isinstance(row, tuple) and row[1] == "serial"})


def _over_mm4(logs: Path, *, reported: bool = False) -> None:
    """Two MMSCs with ids of their own: one takes messages and passes them on, the other notifies and is fetched from. `reported`: and
    tells the first of it."""
    (logs / TWIN).mkdir()
    for path in (logs / NODE).glob("mmsc-access.log*"):
        here, there = [], []
        for line in path.read_bytes().splitlines(keepends=True):
            elsewhere = re.sub(rb"\[msgid:(\S+?)@", rb"[msgid:r-\1@", line)
            if b" Received MMS [INT:MM1]" in line:
                here += [line, line.replace(b" Received MMS [INT:MM1]", b" Sent MMS [INT:MM4]")]
                there.append(re.sub(rb"\[size=\d+\]", b"[size=-1]", elsewhere.replace(b"[INT:MM1]", b"[INT:MM4]")))
            else:
                there.append(elsewhere)
            if reported and b" Fetched MMS [INT:MM1]" in line:
                here.append(line.replace(b" Fetched MMS [INT:MM1] [ACT:]", b" Received DLR MMS [INT:MM4] [ACT:Retrieved]"))
        path.write_bytes(b"".join(here))
        (logs / TWIN / path.name).write_bytes(b"".join(there))


@pytest.mark.parametrize(("copied", "late"), [("in time", ""), ("late", ""), ("twice", ""), ("in time", NODE), ("in time", TWIN)])
def test_one_message_in_two_mmscs_is_one_forward(
    house: Houses, province: Path, known: ledger.Ledger, tmp_path: Path, copied: str, late: str, seed: int
) -> None:
    """`late`: the node whose log comes hours after all others."""
    logs, copies = tmp_path / "logs", tmp_path / "copies"
    shutil.copytree(province, logs)
    copies.mkdir()
    lines = sorted(sent_on(logs), key=lambda line: line.at)
    _over_mm4(logs)
    run = _two_mmscs(_house(house, seed, logs, copies))
    first, second = COPIES[copied]
    if first:
        (copies / "copies.log").write_text("".join(map(str, lines)))
    if late:
        (logs / late).rename(tmp_path / "hidden")
    story = run.history()
    run.clock.now += HOURS
    if late:
        (tmp_path / "hidden").rename(logs / late)
    if second:
        (copies / "copies.log.1").write_text("".join(map(str, lines)))
    story += f"; {run.history()}"
    found = ledger.read(run.state)
    assert _between(found) == _between(known), f"{story}: {_between(known) - _between(found)}, {_between(found) - _between(known)}"


@pytest.mark.parametrize("late", ["", NODE, TWIN])
def test_a_forward_that_both_mmscs_tell_of_counts_once(
    house: Houses, province: Path, known: ledger.Ledger, tmp_path: Path, late: str, seed: int
) -> None:
    """The first has a delivery report of it, and receivers of other networks count: it is the fetch at the second that counts."""
    logs, copies = tmp_path / "logs", tmp_path / "copies"
    shutil.copytree(province, logs)
    copies.mkdir()
    (copies / "copies.log").write_text("".join(map(str, sorted(sent_on(logs), key=lambda line: line.at))))
    _over_mm4(logs, reported=True)
    run = _two_mmscs(_house(house, seed, logs, copies))
    run.campaigns = (msgspec.structs.replace(UNSEEN, off_net=("receiver",)),)
    if late:
        (logs / late).rename(tmp_path / "hidden")
    story = run.history()
    run.clock.now += HOURS
    if late:
        (tmp_path / "hidden").rename(logs / late)
    story += f"; {run.history()}"
    found = _between(ledger.read(run.state))
    assert found == _between(known), f"{story}: {_between(known) - found}, {found - _between(known)}"


@pytest.mark.parametrize("late", ["", NODE, TWIN])
def test_a_forward_of_which_the_second_mmsc_alone_tells_counts_when_the_first_is_heard_of(
    house: Houses, province: Path, known: ledger.Ledger, tmp_path: Path, late: str, seed: int
) -> None:
    """The push shows the seed, and only the second MMSC pushes. Until the log of the first is there, the sender is another network's."""
    logs = tmp_path / "logs"
    shutil.copytree(province, logs)
    _over_mm4(logs)
    run = house(seed, logs, keep_all=False)
    feeds = run.settings.feeds
    first, second = (
        msgspec.structs.replace(feeds[NODE], domain=node, node=node, paths=(logs / node / "mmsc-access.log*",)) for node in (NODE, TWIN)
    )
    run.given = msgspec.structs.replace(run.settings, feeds={**feeds, NODE: first, TWIN: second})
    if late:
        (logs / late).rename(tmp_path / "hidden")
    story = run.history()
    run.clock.now += HOURS
    if late == NODE:
        assert _count(_between(ledger.read(run.state))) < _count(_between(known))
    if late:
        (tmp_path / "hidden").rename(logs / late)
    story += f"; {run.history()}"
    found = ledger.read(run.state)
    assert _between(found) == _between(known), f"{story}: {_between(known) - _between(found)}, {_between(found) - _between(known)}"
    assert found["distinct serials"] == known["distinct serials"]


def _count(found: Counter[tuple[Hashable, ...]]) -> int:
    return sum(n for (*_, counted), n in found.items() if counted is True)


def _two_mmscs(run: rig.House) -> rig.House:
    assert run.given is not None
    twin = msgspec.structs.replace(run.given.feeds[TWIN], domain=TWIN)
    run.given = msgspec.structs.replace(run.given, feeds={**run.given.feeds, TWIN: twin})
    return run


def _between(found: ledger.Ledger) -> Counter[tuple[Hashable, ...]]:
    """Forwards by sender, receiver and whether they count."""
    rows = [dict(cast(Iterable[tuple[str, Hashable]], row)) for row in found["forwards"].elements()]
    return Counter((row["sender"], row["receiver"], row["counted"]) for row in rows)
