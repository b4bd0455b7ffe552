"""`mmsd send`: one message by hand, through each kind of link to an SMS centre, and what is said of it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from click.testing import CliRunner, Result

from mmsd.cli import main
from mmsd.codec import push
from sim.centre import Account, Centre, Incoming, Receipts, Rule, Settings
from sim.centre.settings import Drawn

NUMBER = "8613912345678"


def wall() -> int:
    return time.time_ns() // 1000


@contextmanager
def centre(
    protocol: Literal["smpp", "cmpp"], handsets: tuple[Rule, ...] = (), faults: Mapping[str, float] | None = None
) -> Iterator[Centre]:
    """The simulator's centre, in a thread of its own."""
    account = Account(name="900001", password="secret", numbers=("10657",))
    settings = Settings(
        protocol=protocol, accounts=(account,), receipts=Receipts(after=0.0), handsets=handsets, faults=Drawn(rates=faults or {})
    )
    ready: Future[tuple[Centre, Callable[[], Any]]] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with Centre(settings, wall=wall) as made:
            ready.set_result((made, lambda: loop.call_soon_threadsafe(stop.set)))
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        made, stop = ready.result(timeout=30)
        yield made
        stop()
    finally:
        thread.join(timeout=30)


@pytest.fixture
def configured(tmp_path: Path) -> Callable[[str, int], list[str]]:
    """The arguments before NUMBER, for a link of that kind to that port."""

    def write(protocol: str, port: int) -> list[str]:
        (password := tmp_path / "password").write_text("secret\n")
        password.chmod(0o600)
        account = {"smpp": "system_id", "cmpp": "sp_id"}[protocol]
        path = tmp_path / "mmsd.toml"
        path.write_text(
            f"[feeds.mmsc1]\ndialect = 'mbuni'\npaths = ['*.log']\n[links.centre1]\nkind = '{protocol}'\nhost = '127.0.0.1'\n"
            f"port = {port}\n{account} = '900001'\npassword_file = 'password'\nsource = '10657'\n"
        )
        return ["send", str(path), "centre1"]

    return write


def sends(*arguments: str, typed: str | None = None) -> Result:
    done = CliRunner().invoke(main, arguments, input=typed)
    assert NUMBER not in done.output
    return done


@pytest.mark.parametrize("protocol", ["smpp", "cmpp"])
def test_a_long_text_is_sent_and_its_receipts_are_told(configured, protocol: Literal["smpp", "cmpp"]):
    with centre(protocol) as made:
        done = sends(*configured(protocol, made.port), NUMBER, "端午安康" * 40, "--sub-code", "01", "--yes")
        assert (done.exit_code, "past campaigns, care, caps, quiet hours, and the shadow" in done.stderr) == (0, True)
        assert "".join(part.submit.text for part in made.taken) == "端午安康" * 40
        assert {part.receiver for part in made.taken} == {NUMBER}
        said = done.stdout
        assert "connected and let in\n" in said
        assert "accepted, 3 parts: id " in said
        assert said.count(": DELIVRD") == 3


@pytest.mark.parametrize("protocol", ["smpp", "cmpp"])
def test_it_asks_before_it_sends(configured, protocol: Literal["smpp", "cmpp"]):
    with centre(protocol) as made:
        arguments = configured(protocol, made.port)
        refused = sends(*arguments, NUMBER, "hello", typed="n\n")
        assert "Send a text of 5 characters to 86139****5678 through centre1?" in refused.stderr
        assert (refused.exit_code, made.taken) == (1, [])
        assert sends(*arguments, NUMBER, "hello", typed="y\n").exit_code == 0
        assert sends(*arguments, "-", "hello", "--yes", typed=f"+{NUMBER}\n").exit_code == 0
        assert [part.receiver for part in made.taken] == [NUMBER, NUMBER]


@pytest.mark.parametrize("protocol", ["smpp", "cmpp"])
def test_without_a_number_it_only_logs_in(configured, protocol: Literal["smpp", "cmpp"]):
    with centre(protocol) as made:
        done = sends(*configured(protocol, made.port))
        assert (done.exit_code, len(made.binds), made.taken) == (0, 1, [])
        assert done.output.endswith("connected and let in\n")


@pytest.mark.parametrize("protocol", ["smpp", "cmpp"])
def test_what_others_wait_for_is_not_answered(configured, protocol: Literal["smpp", "cmpp"]):
    with centre(protocol) as made:
        for count in range(5):
            made.send(Incoming(NUMBER, "10657", f"TD {count}"))
        done = sends(*configured(protocol, made.port), NUMBER, "hello", "--yes")
        assert (done.exit_code, ": DELIVRD" in done.stdout) == (0, True), done.output
        assert done.stdout.endswith("receipts and messages for others that came, too: 5; not answered, the centre keeps them\n")
        assert (made.counts["incomings sent"], made.counts["incomings refused"], made.counts["incomings acknowledged"]) == (5, 0, 0)
        assert len(made.customers["900001"].waiting) == 5


@pytest.mark.parametrize("more", [[], [NUMBER, "hello", "--no-report", "--yes"]])
def test_without_a_receipt_to_wait_for_nothing_of_others_comes(configured, more: list[str]):
    with centre("smpp") as made:
        made.send(Incoming(NUMBER, "10657", "TD"))
        done = sends(*configured("smpp", made.port), *more)
        assert (done.exit_code, made.counts["incomings sent"]) == (0, 0), done.output


def test_no_feed_is_needed(tmp_path: Path):
    (path := tmp_path / "mmsd.toml").write_text("[links.centre1]\nkind = 'smpp'\nhost = '127.0.0.1'\nport = 1\nsystem_id = 'a'\n")
    done = sends("send", str(path), "centre1")
    assert (done.exit_code, "Connect call failed" in done.stdout) == (1, True), done.output
    path.write_text("[links.centre1]\nkind = 'smpp'\nhost = ''\nsystem_id = 'a'\nspeed = 9\n")
    done = sends("send", str(path), "centre1")
    assert (done.exit_code, "links.centre1.speed" in done.output, "feeds" in done.output) == (78, True, False), done.output


def test_what_encode_prints_is_sent_as_it_is(configured):
    with centre("smpp") as made:
        lines = (
            CliRunner().invoke(main, ["encode", "push", "si", "--href", "http://mms.example/1", "--text", "A message waits " * 12]).stdout
        )
        assert len(lines.splitlines()) == 2
        done = sends(*configured("smpp", made.port), NUMBER, "--pieces", "-", "--yes", "--no-report", typed=lines)
        assert (done.exit_code, "accepted, 2 parts" in done.stdout) == (0, True)
        whole = b"".join(part.submit.data for part in made.taken)
        assert push.decode_push(whole).kind is push.PushKind.SERVICE_INDICATION


@pytest.mark.parametrize(
    ("rule", "more", "said"),
    [
        (Rule(status=0x0B), [], "refused for good: ESME_RINVDSTADR (11)"),
        (Rule(status=0x08), [], "refused for now: ESME_RSYSERR (8)"),
        (Rule(state="UNDELIV", error=27), [], ": UNDELIV, error 027"),
        (Rule(state=""), ["--wait", "0.2"], "no receipt in 0.2 s"),
    ],
)
def test_what_was_not_delivered_ends_with_1(configured, rule: Rule, more: list[str], said: str):
    with centre("smpp", (rule,)) as made:
        done = sends(*configured("smpp", made.port), NUMBER, "hello", "--yes", *more)
    assert (done.exit_code, said in done.stdout) == (1, True), done.output


def test_an_answer_that_was_lost_is_found_by_its_receipt(configured):
    with centre("smpp", faults={"reset": 1.0}) as made:
        done = sends(*configured("smpp", made.port), NUMBER, "hello", "--yes")
    said = [line.partition("s  ")[2] for line in done.stdout.splitlines()]
    assert said[0] == "connected and let in"
    assert said[1].startswith("uncertain: the c")
    assert said[-1].startswith("receipt for 00010001: DELIVRD")
    assert done.exit_code == 0


def test_a_centre_that_cannot_be_reached_or_refuses_us(configured, free_port, tmp_path: Path):
    done = sends(*configured("smpp", free_port()), NUMBER, "hello", "--yes")
    assert (done.exit_code, "Connect call failed" in done.stdout) == (1, True)
    with centre("smpp") as made:
        arguments = configured("smpp", made.port)
        (tmp_path / "password").write_text("wrong")
        done = sends(*arguments, NUMBER, "hello", "--yes")
        assert (done.exit_code, "the centre refused the bind: ESME_RINVPASWD" in done.stdout) == (1, True), done.output


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([NUMBER], 2, "give either TEXT or --pieces"),
        (["013900000001", "hello"], 2, "no number in E.164 digits"),
        (["-", "hello"], 2, "add --yes"),
        ([NUMBER, "--pieces", "-", "--yes"], 2, "'xy' is no header and data in hex"),
    ],
)
def test_arguments_that_cannot_be(configured, arguments: list[str], code: int, said: str):
    done = sends(*configured("smpp", 1), *arguments, typed="xy\n")
    assert (done.exit_code, said in done.output) == (code, True), done.output


def test_a_link_that_is_not_there(configured):
    before = configured("cmpp", 1)
    done = sends(*before[:-1], "centre2", NUMBER, "hello")
    assert (done.exit_code, "links.centre2: no such link; there are centre1" in done.output) == (78, True)
