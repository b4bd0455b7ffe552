"""Rows S01, S02 and S11: the daemon killed at every named boundary and at every write and sync, and asked to end under load.

What must be true afterwards is `Relay.judge`'s. By default some kills at each place; MMSD_KILLS=all (`make faults`) tries every one.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest

from sim.centre import Fault
from tests.faults.relay import FORWARDS, PATIENCE, WINDOW, Relay, Zygote, centre

ALL = os.environ.get("MMSD_KILLS") == "all"
BOUNDARIES = (
    "read", "relate", "committed",  # the sequencer's: a line is read, facts are made, they are stored
    "in_transaction", "before_commit", "after_commit",  # the store's, whoever's transaction it is
    "claim", "claimed", "send", "written", "answered",  # the dispatcher's, and the octets on the socket
    "receipt", "settle", "settled", "acknowledged",
)  # fmt: skip
SOME = {"read": (1, 2), "written": (1, 4), "answered": (1, 5), "settle": (1, 3), "settled": (1,), "before_commit": (3, 9, 14)}
Kill = tuple[str, int]
How = Literal["smpp", "cmpp", "no-echo"]

pytestmark = pytest.mark.timeout(3600 if ALL else 300)


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    made = Zygote()
    yield made
    made.close()


def cases() -> list[tuple[str, int, How]]:
    """Where receipts tell what became of a message, and over which protocol, only matters between socket and commit."""
    found: list[tuple[str, int, How]] = []
    for where in BOUNDARIES:
        first = SOME.get(where, (2,)) if not ALL else (1,)
        hows: tuple[How, ...] = ("smpp", "cmpp", "no-echo") if ALL or where in ("written", "answered", "settle") else ("smpp",)
        found += [(where, n, how) for how in hows for n in (first if how == "smpp" else first[-1:])]
    return found


def killed(folder: Path, zygote: Zygote, kill: Kill, how: How) -> tuple[bool, Counter[str]]:
    """Whether it came to that; and how often each serial was taken in the end."""
    folder.mkdir()
    protocol: Literal["smpp", "cmpp"] = "cmpp" if how == "cmpp" else "smpp"
    with centre(folder, protocol, echo=how != "no-echo") as it:
        relay = Relay(folder, zygote, it.port, protocol)
        struck = relay.live(kill)
        if struck:
            assert not relay.live()
        return struck, relay.judge(most=2 if how == "no-echo" else 1)


def every(kill: Kill) -> Iterator[Kill]:
    """This one; or, of all, it and those that come later at the same place."""
    return ((kill[0], n) for n in itertools.count(kill[1])) if ALL else iter([kill])


def test_without_harm_each_serial_is_sent_once(tmp_path, zygote):
    struck, taken = killed(tmp_path / "life", zygote, ("", 0), "smpp")
    assert not struck
    assert taken.total() == FORWARDS


@pytest.mark.parametrize(("where", "n", "how"), cases())
def test_S01_killed_at_a_boundary_no_serial_is_lost_and_none_doubled(where, n, how, tmp_path, zygote):
    """Where receipts tell, nothing is sent twice; else at most what was under way."""
    for one in every((where, n)):
        struck, taken = killed(tmp_path / f"{one[1]}", zygote, one, how)
        assert 0 <= taken.total() - FORWARDS <= WINDOW
        if not struck:
            assert one != (where, n), "it never came to that"
            break


@pytest.mark.parametrize("where", ["claim", "settle", "in_transaction"])
def test_S04_in_doubt_it_ends_with_its_reason_and_the_next_start_goes_on(where, tmp_path, zygote):
    with centre(tmp_path, "smpp") as it:
        relay = Relay(tmp_path, zygote, it.port, "smpp")
        zygote.begin(tmp_path, (where, 3), doubt=True)
        assert zygote.end() == 1
        said = (tmp_path / "mmsd.log").read_text()
        assert said.endswith("mmsd.errors.StoreDoubt: told so\n")  # the one reason, which the command prints without a traceback
        assert not relay.live()
        relay.judge(most=1)


# --------------------------------------------------------------------------------- S02: at every write and sync of the store


@pytest.fixture
def traced(debian: Callable[[str], str]) -> Iterator[Callable[[int], Callable[[int], None]]]:
    """`traced(n)(pid)`: lets the process, which waits, go on; it is killed at its nth write or sync. Skips where nobody may trace."""
    strace = debian("strace")
    asked = subprocess.run([strace, "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    if asked.returncode:
        pytest.skip(f"strace may not trace here: {asked.stderr.strip()}")

    tracers: list[subprocess.Popen[bytes]] = []

    def at(n: int) -> Callable[[int], None]:
        def go_on(pid: int) -> None:
            until(lambda: "T (stopped)" in status(pid))
            calls = "pwrite64,fdatasync,fsync"
            command = [strace, "-f", "-q", "-o", "/dev/null", "-p", str(pid), "-e", f"trace={calls}"]
            tracers.append(subprocess.Popen([*command, "-e", f"inject={calls}:signal=KILL:when={n}"], stderr=subprocess.DEVNULL))
            until(lambda: "TracerPid:\t0\n" not in status(pid))
            os.kill(pid, signal.SIGCONT)

        return go_on

    yield at
    for tracer in tracers:
        tracer.wait(PATIENCE)


def status(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text()


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("n", (1,) if ALL else (5, 30, 55, 80))
def test_S02_killed_at_a_write_or_sync_no_serial_is_lost_and_none_doubled(n, tmp_path, zygote, traced):
    for one in itertools.count(n) if ALL else [n]:
        folder = tmp_path / str(one)
        folder.mkdir()
        with centre(folder, "smpp") as it:
            relay = Relay(folder, zygote, it.port, "smpp")
            struck = relay.live(held=traced(one))
            if struck:
                assert not relay.live()
            relay.judge(most=1)
        if not struck:
            assert one > 100, "it never came to that"
            break


# ------------------------------------------------------------------------- S11: asked to end under load, asked twice, held up


def test_S11_asked_to_end_it_settles_what_is_under_way_unbinds_and_ends_with_0(tmp_path, zygote):
    """The centre answers after a second: at the end every answer was waited for, so the next life sends only what was never sent."""
    with centre(tmp_path, "smpp", answer_after=1.0) as it:
        relay = Relay(tmp_path, zygote, it.port, "smpp")
        zygote.begin(tmp_path)
        until(lambda: len(it.taken) >= WINDOW)
        os.kill(zygote.pid, signal.SIGTERM)
        began = time.monotonic()
        assert zygote.end() == 0
        assert time.monotonic() - began <= 20
        assert set(relay.states()) <= {"ready", "sent", "delivered"}
        assert len(it.taken) < FORWARDS
        assert not it.connections
        assert not relay.live()
        assert set(relay.judge(most=1).values()) == {1}


def test_S11_a_centre_that_answers_nothing_holds_up_no_end(tmp_path, zygote):
    with centre(tmp_path, "smpp") as it:
        relay = Relay(tmp_path, zygote, it.port, "smpp")
        it.order(Fault.SILENT, times=0)
        it.order(Fault.RECEIPT_LOST, times=0)
        zygote.begin(tmp_path)
        until(lambda: len(it.taken) >= WINDOW)
        it.order(Fault.DEAF)
        os.kill(zygote.pid, signal.SIGTERM)
        began = time.monotonic()
        assert zygote.end() == 0
        assert time.monotonic() - began <= 20
        assert relay.states() == {"uncertain": WINDOW, "ready": FORWARDS - WINDOW}


def test_S11_asked_twice_it_ends_at_once_and_nothing_is_lost(tmp_path, zygote):
    with centre(tmp_path, "smpp", answer_after=3.0) as it:
        relay = Relay(tmp_path, zygote, it.port, "smpp")
        zygote.begin(tmp_path)
        until(lambda: len(it.taken) >= WINDOW)
        os.kill(zygote.pid, signal.SIGTERM)
        until(lambda: "asked to end" in (tmp_path / "mmsd.log").read_text())
        os.kill(zygote.pid, signal.SIGTERM)
        assert zygote.end() == 130
        assert not relay.live()
        relay.judge(most=1)


def test_S11_held_up_for_a_while_it_goes_on_where_it_was(tmp_path, zygote):
    with centre(tmp_path, "smpp", answer_after=0.2, probe_after=0.5, probe_timeout=0.5) as it:
        relay = Relay(tmp_path, zygote, it.port, "smpp")
        zygote.begin(tmp_path)
        until(lambda: len(it.taken) >= WINDOW)
        os.kill(zygote.pid, signal.SIGSTOP)
        until(lambda: not it.connections)  # the centre gave it up
        os.kill(zygote.pid, signal.SIGCONT)
        until(relay.settled)
        os.kill(zygote.pid, signal.SIGTERM)
        assert zygote.end() == 0
        relay.judge(most=1)
