"""`mmsd send`: one message by hand through one link of the configuration, and what the centre says to it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import secrets
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Final

import click
import msgspec

from mmsd import config
from mmsd.errors import ConfigError, LinkDown
from mmsd.link import registry, smpp
from mmsd.link.carry import Accepted, Down, Event, Incoming, Late, Link, Message, Octets, Receipt, Refused, Text, Uncertain, Up
from mmsd.model import masked

_WARNING = (
    "This goes out by hand: past campaigns, care, caps, quiet hours, and the shadow that every class of outgoing message begins in. "
    "Nothing of it is kept in the store."
)
_LEAVE: Final = 1.0  # seconds at most for what is left to the centre: it is not answered anyway


@click.command()
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.argument("name", metavar="LINK")
@click.argument("number", required=False)
@click.argument("text", required=False)
@click.option(
    "--pieces", type=click.File("r"), help="Instead of TEXT: lines `UDH DATA` in hex, as `mmsd encode` prints them; - is standard input."
)
@click.option("--sender", help="Instead of the link's own number.")
@click.option("--sub-code", default="", help="Digits behind the link's own number.")
@click.option("--validity", type=click.FloatRange(min=1), help="Seconds that the centre may try for.")
@click.option("--report/--no-report", default=True, show_default=True, help="Ask for a receipt, and wait for it.")
@click.option("--wait", type=click.FloatRange(min=0), default=120.0, show_default=True, help="Seconds for the receipt.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def send(
    config_file: Path, name: str, number: str | None, text: str | None, pieces: IO[str] | None, sender: str | None, sub_code: str,
    validity: float | None, report: bool, wait: float, yes: bool,
) -> None:  # fmt: skip
    """Send one message to NUMBER through LINK, now and by hand, and wait for its receipt.

    \b
    mmsd send mmsd.toml smsc1                            # only connects and logs in
    mmsd send mmsd.toml smsc1 8613900000001 "hello"
    mmsd encode push si --href http://mms.example/1 --text "A message waits" | mmsd send mmsd.toml smsc1 8613900000001 --pieces - --yes

    It goes past campaigns, care, caps, quiet hours and shadow, so it asks first. NUMBER is E.164 digits; - reads it from standard
    input, where no list of processes shows it. Of CONFIG only [links.LINK] is read.

    Where the account is in use, other messages' receipts and subscribers' messages may come on this connection, too. They are not
    answered, so that the centre keeps them, and counted at the end; so many may wait that our own receipt does not come. An SMPP link
    that waits for no receipt (only logs in, or has --no-report) binds as a transmitter: nothing else comes.

    Ends with 0 when the message was delivered, or taken with --no-report, or nothing was to be sent; else with 1.
    """
    links = config.load_links(config_file)
    if name not in links:
        raise ConfigError(f"links.{name}: no such link; there are {', '.join(sorted(links)) or 'none'}")
    settings = _by_hand(links[name], receipts=number is not None and report)
    link = registry.make(settings, random=random.random, wall=lambda: time.time_ns() // 1000)
    if number is None:
        sys.exit(asyncio.run(_send(link, None, 0.0)))
    if (text is None) == (pieces is None):
        raise click.UsageError("give either TEXT or --pieces")
    if number == "-":
        number = sys.stdin.readline().strip()
        if not yes:
            raise click.UsageError("with the number on standard input nobody can answer there: add --yes")
    receiver = number.removeprefix("+")
    if re.fullmatch(r"[1-9][0-9]{2,14}", receiver) is None:
        raise click.BadParameter("no number in E.164 digits, such as 8613900000001", param_hint="NUMBER")
    content = Text(text) if text is not None else _octets(pieces)
    message = Message(
        f"by hand {secrets.token_hex(4)}", receiver, content, sender=sender, sub_code=sub_code, reference=secrets.randbelow(1 << 16),
        validity=validity, want_report=report,
    )  # fmt: skip
    click.echo(_WARNING, err=True)
    if not yes:
        what = f"a text of {len(content.text)} characters" if isinstance(content, Text) else f"{len(content.pieces)} pieces of octets"
        click.confirm(f"Send {what} to {masked(receiver)} through {name}?", abort=True, err=True)
    sys.exit(asyncio.run(_send(link, message, wait if report else 0.0)))


def _octets(lines: Iterable[str] | None) -> Octets:
    pieces = []
    for line in lines or ():
        udh, _, data = line.strip().partition(" ")
        try:
            pieces.append((bytes.fromhex(udh), bytes.fromhex(data)))
        except ValueError:
            raise click.BadParameter(f"{line.strip()[:40]!r} is no header and data in hex", param_hint="--pieces") from None
    if not pieces:
        raise click.BadParameter("there are none", param_hint="--pieces")
    return Octets(tuple(pieces))


class _Clock:
    """Lines of what happened, each with the time since the beginning."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        click.echo(f"{time.monotonic() - self._began:8.3f} s  {text}")


class _Ear:
    """Takes every event of a link at once. What others wait for is not answered, so that the centre keeps it: `others` counts it."""

    def __init__(self, link: Link, key: str) -> None:
        self.others = 0
        self._link = link
        self._key = key  # of our own message
        self._heard: asyncio.Queue[Event | None] = asyncio.Queue()

    async def listen(self) -> None:
        try:
            async for event in self._link.events():
                if isinstance(event, Incoming) or (isinstance(event, Receipt) and event.key != self._key):
                    self.others += 1
                else:
                    self._heard.put_nowait(event)
        finally:
            self._heard.put_nowait(None)

    def __aiter__(self) -> _Ear:
        return self

    async def __anext__(self) -> Event:
        event = await self._heard.get()
        if event is None:
            raise StopAsyncIteration
        return event


def _by_hand(settings: registry.Settings, *, receipts: bool) -> registry.Settings:
    """As configured, but for what would take from the account's other users."""
    if isinstance(settings, smpp.Settings) and not receipts:
        settings = msgspec.structs.replace(settings, bind="transmitter")
    return msgspec.structs.replace(settings, leave_seconds=min(settings.leave_seconds, _LEAVE))


async def _send(link: Link, message: Message | None, wait: float) -> int:
    """The exit code. Without a message it only logs in."""
    clock = _Clock()
    ear = _Ear(link, message.key if message is not None else "")
    async with link:
        listening = asyncio.create_task(ear.listen())
        try:
            code = await _conversed(link, ear, message, wait, clock)
        finally:
            listening.cancel()
            await asyncio.wait([listening])
    if ear.others:
        clock.say(f"receipts and messages for others that came, too: {ear.others}; not answered, the centre keeps them")
    return code


async def _conversed(link: Link, ear: _Ear, message: Message | None, wait: float, clock: _Clock) -> int:
    """The exit code."""
    if not await _connected(ear, clock):
        return 1
    if message is None:
        return 0
    try:
        answer = await link.send(message)
    except LinkDown as down:
        clock.say(f"not sent: {down}")
        return 1
    match answer:
        case Accepted(_, ids):
            parts = len(ids)
            clock.say(f"accepted, {parts} part{'s' * (parts > 1)}: id {', '.join(ids)}")
        case Refused(_, status, name, permanent, throttled, _):
            how = "not so fast" if throttled else "for good" if permanent else "for now"
            clock.say(f"refused {how}: {name} ({status})")
            return 1
        case Uncertain(_, why, _, parts):
            clock.say(f"uncertain: {why}")
    if not message.want_report:
        return 0 if isinstance(answer, Accepted) else 1
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait):
            return await _settled(ear, message, parts, clock)
    clock.say(f"no receipt in {wait:g} s")
    return 1


async def _connected(ear: _Ear, clock: _Clock) -> bool:
    async for event in ear:
        if isinstance(event, Up):
            clock.say("connected and let in")
            return True
        if isinstance(event, Down):
            clock.say(event.why)
            if event.retry_in:  # else it tries in another way, at once
                return False
    return False


async def _settled(ear: _Ear, message: Message, parts: int, clock: _Clock) -> int:
    """The exit code, once the last word on every part has come."""
    open_parts, delivered = parts, True
    async for event in ear:
        match event:
            case Receipt():
                await event.settle()
                more = "".join(f", {word} {value}" for word, value in (("error", event.error), ("done", event.done)) if value)
                clock.say(f"receipt for {event.id}: {event.state}{more}")
                if event.final:
                    open_parts -= 1
                    delivered = delivered and event.state == "DELIVRD"
            case Late(Refused() as refused):
                clock.say(f"refused, late: {refused.name}")
                return 1
            case Late(Accepted(_, ids)):
                clock.say(f"accepted, late: id {', '.join(ids)}")
            case Down(why):
                clock.say(f"disconnected: {why}")
            case Up():
                clock.say("connected again")
        if not open_parts:
            return 0 if delivered else 1
    return 1
