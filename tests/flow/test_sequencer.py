"""The sequencer's rules one by one, over sources that are told what to give; test_recovery drives the whole of it."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from mmsd import config
from mmsd.errors import AlreadyRunning, StoreDoubt, StoreError, StoreFull
from mmsd.flow import sequencer as sequencer_rules
from mmsd.flow.sequencer import AHEAD, END, REPORTED, SPREAD, Feed, Sequencer, Settings
from mmsd.model import DAY, MINUTE, SECOND, Audit, Batch, Chunk, Extent, FeedGap, Heard, Kind, Mark, Parsed, Records, Reject, Rejects
from mmsd.rules.campaign import Campaigns
from mmsd.rules.cities import Cities
from mmsd.rules.codes import CodeBook
from mmsd.rules.conditions import AWAY, LOST, MISFIT
from mmsd.rules.relate import Expected
from mmsd.rules.settings import Judgement
from mmsd.rules.state import State
from mmsd.rules.verdicts import Judge
from mmsd.store import Needs
from mmsd.store.sqlite import Faults, SqliteStore, commit
from mmsd.store.sqlite import Settings as StoreSettings
from tests.flow.conftest import Houses
from tests.flow.rig import KEYS

START = 1_795_309_200_000_000
NOWHERE = Cities({})


class Script:
    """A source whose lines are their times in seconds, one a chunk; it is its own dialect. `more` adds to what is there."""

    def __init__(self, name: str, times: Iterable[float] = (), *, follow: bool = True) -> None:
        self.name = name
        self.times = list(times)
        self.follow = follow
        self.taken = self.safe = 0
        self.news: list[Audit] = []
        self.state = "ok"
        self.rejected = 0  # lines of every chunk that do not fit
        self.apart = 0  # between the receivers of two lines

    def more(self, *times: float) -> None:
        self.times += times

    def poll(self) -> None:
        pass

    def close(self) -> None:
        pass

    def read(self, limit: int) -> Chunk | None:
        return Chunk(b"x", 0, self.taken) if self.taken < len(self.times) else None

    def scan(self, data: bytes, *, ordinal: int, offset: int, final: bool) -> Parsed:
        columns: dict[str, Any] = {"at": [START + round(self.times[offset] * SECOND)], "kind": [int(Kind.SUBMIT)], "where": [offset]}
        columns |= {"receiver": [8613800000001 + self.apart * offset], "sender": [8613800000002], "message": [offset + 1]}
        rejects = Rejects({"bad": self.rejected}, tuple(Reject("bad", "step", offset) for _ in range(self.rejected)))
        records = Records(1, {name: np.array(values, np.int64) for name, values in columns.items()})
        return Parsed(records, rejects if self.rejected else Rejects(), 1, 1 + self.rejected)

    def take(self, consumed: int) -> None:
        self.taken += consumed

    def pending(self) -> list[Mark]:
        return [Mark(0, b"head", 4, self.taken, b"guard", self.name)] if self.taken > self.safe else []

    def extents(self) -> list[Extent]:
        return [Extent(self.name, 0, b"head", 4, self.safe, self.taken)] if self.taken > self.safe else []

    def committed(self) -> None:
        self.safe = self.taken

    def reset(self, marks: Iterable[Mark]) -> None:
        self.taken = self.safe = next((mark.offset for mark in marks), 0)

    def behind(self) -> int:
        return len(self.times) - self.taken

    @property
    def idle(self) -> bool:
        return self.taken == len(self.times)

    def finished(self) -> bool:
        return not self.follow and self.idle

    def expired(self) -> list[int]:
        return []

    def audits(self) -> list[Audit]:
        news, self.news = self.news, []
        return news

    def health(self) -> SimpleNamespace:
        return SimpleNamespace(state=self.state)


class Trouble:
    """A COMMIT that fails as told, once each."""

    def __init__(self) -> None:
        self.errors: list[int] = []

    def __call__(self, connection: sqlite3.Connection) -> None:
        if self.errors:
            error = sqlite3.OperationalError("told so")
            error.sqlite_errorcode = self.errors.pop()
            raise error
        commit(connection)


class Bench:
    """A sequencer over scripts, with a clock that stands at START until it is moved."""

    def __init__(self, directory: Path) -> None:
        self.now = START
        self.jumped = 0  # how far the wall clock was set, which no monotonic clock sees
        self.trouble = Trouble()
        self.fail_at = ""
        self.store = SqliteStore.open(
            directory / "state", settings=StoreSettings(durable=False), keys=KEYS, wall=lambda: self.now, faults=Faults(commit=self.trouble)
        )

    def sequencer(
        self, *sources: Script, live: bool = True, silent: str = "", samples: int = 20, express: bool = False, **judgement: Any
    ) -> Sequencer:
        sequencer = Sequencer(
            self.store,
            [Feed(source.name, source.name, source.name, "mmsc", source, source, source.name == silent) for source in sources],
            new_state=lambda: State(
                settings=Judgement(**{"idle": 5.0, **judgement}),
                expected=Expected(frozenset(), frozenset(), (), frozenset()),
                codes=CodeBook(()),
                causes=config.load_causes(),
                express=express,
            ),
            new_judge=lambda state, file_of: Judge(
                state,
                campaigns=Campaigns((), ZoneInfo, hash),
                cities=lambda: NOWHERE,
                zone=ZoneInfo("UTC"),
                file_of=file_of,
                row_secret=KEYS.row_key,
            ),
            settings=Settings(samples=samples, tick_seconds=0.0),
            wall=lambda: self.now,
            monotonic=lambda: (self.now - self.jumped) / SECOND,
            random_bits=lambda bits: 0,
            blind=KEYS,
            codes=CodeBook(()),
            live=live,
            fault_point=self.point,
        )
        sequencer.load()
        return sequencer

    def point(self, name: str) -> None:
        if name == self.fail_at:
            raise ZeroDivisionError

    def lines(self) -> Counter[str]:
        return Counter({count.feed: count.lines for count in self.store.lines() if not count.reason})


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.store.close()


def seconds(sequencer: Sequencer) -> float:
    """How far absence may be judged, in seconds after START."""
    return (sequencer._horizon() - START) / SECOND


def drained(sequencer: Sequencer) -> int:
    """Ticks until there is nothing to commit."""
    ticks = 0
    while sequencer.tick():
        ticks += 1
    return ticks


# ------------------------------------------------------------------------------------------------------------------ reading


def test_backlogs_advance_together(bench: Bench) -> None:
    """A feed that is ahead of a backlog by more than the spread waits for it; one that has caught up is waited for by nobody."""
    spread = SPREAD / SECOND
    slow, fast = Script("slow", range(0, 3000, 100)), Script("fast", range(0, 3000, 100))
    sequencer = bench.sequencer(slow, fast)
    slow.read = lambda limit: None  # type: ignore[method-assign]  # it has bytes, and they do not come
    sequencer.state.marks[0] = START
    drained(sequencer)
    assert fast.times[fast.taken - 1] <= spread + 100 < fast.times[-1]
    del slow.read
    drained(sequencer)
    assert slow.idle and fast.idle  # noqa: PT018
    fast.more(9000, 9100)
    slow.more(3001)
    drained(sequencer)
    assert fast.idle


def test_the_lowest_feed_is_read_first(bench: Bench) -> None:
    one, two = Script("one", [50, 60]), Script("two", [10, 20])
    sequencer = bench.sequencer(one, two)
    sequencer.tick()
    assert [feed.name for feed in sequencer._ready()] == ["two", "one"]


def test_a_tick_is_short_while_messages_come_and_go(bench: Bench) -> None:
    """R2: chunks are taken for `tick_seconds`, and for 40 ms while others want the store's writer."""
    source = Script("mmsc", range(100))
    read = source.read

    def slowly(limit: int) -> Chunk | None:
        bench.now += 15_000  # µs
        return read(limit)

    source.read = slowly  # type: ignore[method-assign]
    sequencer = bench.sequencer(source)
    sequencer._settings = Settings(tick_seconds=0.2)
    sequencer.tick()
    assert source.taken == 14
    bench.store.transact(Needs(), lambda _: Batch(bench.now, heard=[Heard("smsc1", "8613800000001", "10658", "", "y", bench.now)]))
    sequencer.tick()
    assert source.taken == 14 + 3
    bench.now += 2 * SECOND
    sequencer.tick()
    assert source.taken == 14 + 3 + 14


def test_rejects_are_counted_and_some_are_kept(bench: Bench) -> None:
    source = Script("mmsc", range(10))
    source.rejected = 3
    drained(bench.sequencer(source, samples=5))
    assert len(bench.store.rejects()) == 5
    assert {(count.reason, count.lines) for count in bench.store.lines()} == {("", 40), ("bad", 30)}


def test_what_a_file_suffered_is_stored_without_a_line(bench: Bench) -> None:
    source = Script("mmsc")
    sequencer = bench.sequencer(source)
    assert not sequencer.tick()
    source.news = [Audit("mmsc", "truncated", "a.log")]
    assert sequencer.tick()
    assert [(audit.what, audit.at) for audit in bench.store.audits(9)] == [("truncated", START)]


# ------------------------------------------------------------------------------------------------------------------ horizon


def test_absence_waits_for_the_slowest_feed_that_speaks(bench: Bench) -> None:
    one, two = Script("one", [10, 40]), Script("two", [20, 30])
    sequencer = bench.sequencer(one, two)
    bench.now = START - MINUTE
    sequencer.tick()
    assert seconds(sequencer) == 10
    drained(sequencer)
    assert seconds(sequencer) == 30


def test_a_feed_whose_first_line_waits_holds_the_horizon(bench: Bench) -> None:
    one, two = Script("one", [10]), Script("two", [20])
    sequencer = bench.sequencer(one, two)
    bench.now = START - MINUTE
    two.read = lambda limit: None  # type: ignore[method-assign]  # it has bytes, and they do not come
    sequencer.tick()
    assert sequencer._horizon() == 0


def test_a_feed_whose_lines_come_late_is_waited_for(bench: Bench) -> None:
    """Its files come ten minutes after what they tell: once that is known, nobody is judged on what is not there yet."""
    source = Script("late", [0])
    sequencer = bench.sequencer(source)
    drained(sequencer)
    for minute in range(1, 201):
        bench.now = START + minute * MINUTE + 10 * MINUTE
        source.more(60 * minute)
        sequencer.tick()
    (feed,) = sequencer.report().feeds
    assert feed.late.n == 200
    assert 10 * MINUTE <= feed.waits < 12.5 * MINUTE
    bench.now += 60 * MINUTE
    assert bench.now - sequencer._horizon() == feed.waits


def test_it_is_waited_for_no_longer_than_patience(bench: Bench) -> None:
    source = Script("late", [0])
    sequencer = bench.sequencer(source, patience=60.0)
    drained(sequencer)
    for minute in range(1, 201):
        bench.now = START + minute * MINUTE + 10 * MINUTE
        source.more(60 * minute)
        sequencer.tick()
    bench.now += 10 * MINUTE
    assert bench.now - sequencer._horizon() == MINUTE


def test_a_declared_delay_is_waited_for_from_the_start(bench: Bench) -> None:
    sequencer = bench.sequencer(Script("hourly", [0]))
    sequencer.feeds[0].delay = 3600 * SECOND
    drained(sequencer)
    bench.now = START + 3 * 3600 * SECOND
    assert seconds(sequencer) == 7200


def test_what_lay_there_before_we_came_was_not_late(bench: Bench) -> None:
    bench.now = START + 3600 * SECOND
    sequencer = bench.sequencer(Script("old", range(200)))
    drained(sequencer)
    assert sequencer.report().feeds[0].late.n == 0


def test_a_backlog_out_of_order_is_behind_its_newest_line(bench: Bench) -> None:
    ahead = [second + (120 if second % 2 else 0) for second in range(1000, 1600)]
    source = Script("mixed", [*ahead, 1800, 1801])
    sequencer = bench.sequencer(source)
    for _ in ahead:
        sequencer.tick()
    assert not source.idle
    assert 100 < max(ahead) - seconds(sequencer) < 160
    bench.now = START - MINUTE
    drained(sequencer)
    assert seconds(sequencer) == 1801


def test_a_feed_that_cannot_be_read_is_waited_for_and_then_covers_nothing(bench: Bench) -> None:
    one, two = Script("one", [0, 10]), Script("two", [0, 10])
    sequencer = bench.sequencer(one, two, patience=300.0, silence=0.0)
    drained(sequencer)
    two.more(20)
    two.read = lambda limit: None  # type: ignore[method-assign]
    two.state = "degraded"
    bench.now = START + 200 * SECOND
    sequencer.tick()
    assert seconds(sequencer) == 10
    bench.now = START + 1000 * SECOND
    one.more(990)
    sequencer.tick()
    assert seconds(sequencer) == 700
    broken = sequencer.state.context().broken
    domain = sequencer.state.feeds[1].domain
    assert broken("mmsc", domain, START + 500 * SECOND, START + 600 * SECOND)
    assert sequencer.report().feeds[1].gaps == (FeedGap(START + 10 * SECOND, 0, AWAY),)
    del two.read
    two.state = "ok"
    two.more(600, 995)
    drained(sequencer)
    assert not broken("mmsc", domain, START + 500 * SECOND, START + 600 * SECOND), "nothing of it was lost"


@pytest.mark.parametrize(("what", "detail", "lost"), [("truncated", "", True), ("gone", "read to 7; 9 bytes unread", True),
                                                      ("gone", "read to 7; 0 bytes unread", False), ("shrink", "", False)])  # fmt: skip
def test_a_file_lost_unread_is_a_gap_up_to_the_next_line(bench: Bench, what: str, detail: str, lost: bool) -> None:
    source = Script("mmsc", [0, 100])
    sequencer = bench.sequencer(source)
    drained(sequencer)
    source.news = [Audit("mmsc", what, "a.log", detail)]
    drained(sequencer)
    source.more(400, 500)
    drained(sequencer)
    gaps = sequencer.report().feeds[0].gaps
    assert gaps == ((FeedGap(START + 100 * SECOND, START + 400 * SECOND, LOST),) if lost else ())


def test_lines_that_do_not_fit_cover_nothing(bench: Bench) -> None:
    source = Script("mmsc", range(5))
    sequencer = bench.sequencer(source)
    drained(sequencer)
    source.rejected = 50
    source.more(100)
    drained(sequencer)
    assert [gap.reason for gap in sequencer.report().feeds[0].gaps] == [MISFIT]
    assert sequencer.state.context().broken("mmsc", 0, START + 99 * SECOND, START + 101 * SECOND)


def test_how_feeds_do_is_stored_now_and_then(bench: Bench) -> None:
    source = Script("mmsc", [0])
    sequencer = bench.sequencer(source)
    drained(sequencer)
    told = bench.store.feed_report()
    assert told is not None
    source.more(1)
    drained(sequencer)
    assert bench.store.feed_report() == told
    bench.now += REPORTED
    assert sequencer.tick(), "what was read is told, though nothing more comes"
    later = bench.store.feed_report()
    assert later is not None
    assert later.feeds[0].mark == START + SECOND
    assert not sequencer.tick()


def test_a_feed_that_never_spoke_holds_nothing(bench: Bench) -> None:
    sequencer = bench.sequencer(Script("one", [10]), Script("two"))
    bench.now = START - MINUTE
    sequencer.tick()
    assert seconds(sequencer) == 10


def test_a_feed_whose_silence_proves_nothing_holds_nothing(bench: Bench) -> None:
    sequencer = bench.sequencer(Script("one", [10]), Script("two", [5]), silent="two")
    bench.now = START - MINUTE
    sequencer.tick()
    assert seconds(sequencer) == 10


def test_the_clock_moves_a_live_feed_only_when_all_its_bytes_are_read(bench: Bench) -> None:
    one, two = Script("one", [10]), Script("two", [20, 30])
    sequencer = bench.sequencer(one, two)
    bench.now = START + 100 * SECOND
    sequencer.tick()
    assert (one.idle, two.idle, seconds(sequencer)) == (True, False, 20)
    sequencer.tick()
    assert seconds(sequencer) == 95, "the clock less `idle`"
    bench.now -= 50 * SECOND
    assert seconds(sequencer) == 95, "it never goes back"


@pytest.mark.parametrize("express", [False, True], ids=["the rules", "the express lane"])
def test_a_deadline_is_kept_though_no_line_comes(bench: Bench, express: bool) -> None:
    sequencer = bench.sequencer(Script("one", [10]), express=express, window=60.0, grace=0.0)
    bench.now = START + 20 * SECOND
    drained(sequencer)
    assert sequencer.progress.outcomes == {"open": 1}
    bench.now += 2 * MINUTE
    drained(sequencer)
    assert +sequencer.progress.outcomes == {"failed": 1}


def test_what_is_quiet_is_put_away_a_few_at_a_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many fall quiet at once, as behind a backlog, one Batch holds few of them; and none waits for a line to go on."""
    monkeypatch.setattr(sequencer_rules, "SPILLED_AT_ONCE", 2)
    one = Script("one", range(10, 15))
    one.apart = 1
    sequencer = bench.sequencer(one, express=True, quiet=60.0)
    bench.now = START + 20 * SECOND
    drained(sequencer)
    one.more(300)
    bench.now = START + 310 * SECOND
    away = []
    while sequencer.tick():
        assert sequencer.last is not None
        away.append([len(group.numbers) for group in sequencer.last.cold_groups])
    assert away == [[2], [2], [1]]
    assert sequencer.state.open_count() == 1, "of the last line"


def test_a_wall_clock_set_forward_closes_nothing(bench: Bench) -> None:
    one = Script("one", [10])
    sequencer = bench.sequencer(one)
    bench.now = START + 20 * SECOND
    drained(sequencer)
    assert seconds(sequencer) == 15
    bench.jumped = 10 * DAY
    bench.now += bench.jumped
    assert seconds(sequencer) == 15
    bench.now += 30 * SECOND
    assert seconds(sequencer) == 45, "time passes all the same"


def test_a_line_from_the_future_is_a_reject_and_holds_nothing_up(bench: Bench) -> None:
    one, two = Script("one", [10, 10**8, 20, 30]), Script("two", [10, 20, 30])
    sequencer = bench.sequencer(one, two)
    bench.now = START + 60 * SECOND
    drained(sequencer)
    assert sequencer.progress.rejects == {("one", AHEAD): 1}
    assert sequencer.state.marks == {0: START + 30 * SECOND, 1: START + 30 * SECOND}
    assert seconds(sequencer) == 55


def test_a_replay_goes_to_its_end_when_all_is_read(bench: Bench) -> None:
    one, two = Script("one", [10], follow=False), Script("two", [20, 30], follow=False)
    sequencer = bench.sequencer(one, two, live=False)
    bench.now = START + 3600 * SECOND
    sequencer.until = END
    sequencer.tick()
    assert seconds(sequencer) == 10
    drained(sequencer)
    assert sequencer._horizon() == END


def test_the_horizon_outlives_the_process_but_not_the_clock(bench: Bench) -> None:
    one = Script("one", [10])
    bench.now = START + 100 * SECOND
    drained(bench.sequencer(one))
    again = bench.sequencer(one)
    assert again.state.horizon == START + 95 * SECOND
    bench.now = START + 50 * SECOND
    again.load()
    assert again.state.horizon == bench.now, "set right after having been ahead"


# ------------------------------------------------------------------------------------------------------------------- trouble


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY])
def test_a_full_or_busy_store_is_waited_for(bench: Bench, code: int) -> None:
    """State and positions go back to what is stored, the next tick tries anew, and nothing is counted twice."""
    source = Script("mmsc", range(5))
    sequencer = bench.sequencer(source)
    sequencer.tick()
    bench.trouble.errors = [code, code]
    state = sequencer.state
    assert not sequencer.tick()
    assert sequencer.progress.trouble
    assert sequencer.state is not state
    assert source.taken == 1
    assert not sequencer.tick()
    assert drained(sequencer) == 4
    assert (sequencer.progress.trouble, sequencer.progress.reloads) == ("", 2)
    assert (sequencer.progress.lines["mmsc"], bench.lines()["mmsc"]) == (5, 5)


def test_a_replay_does_not_wait(bench: Bench) -> None:
    sequencer = bench.sequencer(Script("mmsc", range(5), follow=False), live=False)
    bench.trouble.errors = [sqlite3.SQLITE_FULL]
    with pytest.raises(StoreFull):
        sequencer.tick()


def test_a_doubt_ends_the_process(bench: Bench) -> None:
    source = Script("mmsc", range(5))
    sequencer = bench.sequencer(source)
    bench.trouble.errors = [sqlite3.SQLITE_IOERR_FSYNC]
    for _ in range(2):
        with pytest.raises(StoreDoubt):
            sequencer.tick()
    assert sequencer.progress.batches == 0


@pytest.mark.parametrize("point", ["read", "relate", "committed"])
def test_a_fault_of_our_own_ends_the_process_and_the_next_goes_on(bench: Bench, point: str) -> None:
    source = Script("mmsc", range(5))
    sequencer = bench.sequencer(source)
    sequencer.tick()
    bench.fail_at = point
    with pytest.raises(ZeroDivisionError):
        sequencer.tick()
    bench.fail_at = ""
    drained(bench.sequencer(source))
    assert bench.lines()["mmsc"] == 5


def test_bytes_that_took_effect_are_refused_again(bench: Bench) -> None:
    """Whatever a source says: the store knows which bytes it has counted."""
    source = Script("mmsc", range(3))
    sequencer = bench.sequencer(source)
    drained(sequencer)
    source.taken = source.safe = 1
    with pytest.raises(StoreError, match="took effect before"):
        sequencer.tick()
    assert bench.lines()["mmsc"] == 3


def test_two_daemons_do_not_share_a_state_directory(house: Houses) -> None:
    run = house(0)
    with run.process(), pytest.raises(AlreadyRunning), run.process():
        pytest.fail("both run")
    with run.process() as sequencer:
        assert sequencer.tick()
