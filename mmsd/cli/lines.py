"""What one log line says, in a few words and figures, and the line itself with its numbers masked."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import Final

from mmsd.link.again import Line
from mmsd.model import SECOND, Kind, Method, PushState, masked
from mmsd.rules.codes import CodeBook, spelled
from mmsd.web.answers import veiled_in

_BARE: Final = re.compile(rb"(?<![0-9A-Za-z])\+?(\d{9,20})(?![0-9A-Za-z]|\.\d{3}\b)")
_HEX: Final = re.compile(rb"(?:3[0-9]){9,20}")
"""Digits as a push in hex holds them."""
_MOST: Final = 2_000

PDUS: Final = {0x82: "notification", 0x86: "delivery report", 0x88: "read report"}
"""What a push may carry, by its type of MMS PDU."""


def octets_shown(line: Line, *, reveal: bool) -> str:
    """The record as it stands in the file; of one that is no text its length. Numbers masked unless `reveal`, those in hex too.

    Whatever may be a number is masked: nine digits or more on their own.
    """
    if line.feed.dialect.name == "cdr":
        return f"(a binary record of {len(line.octets):,} octets; `mmsd decode cdr` reads it)"
    octets = line.octets if reveal else veiled(line.octets)
    text = octets[:_MOST].decode(line.feed.dialect.encoding, "backslashreplace").rstrip("\r\n")
    return text if len(octets) <= _MOST else f"{text} … ({len(octets):,} octets)"


def veiled(octets: bytes) -> bytes:
    """
    >>> veiled(b"[to:+8613900000001] [size=237] 2B383631333930303030303030312F")
    b'[to:+86139****0001] [size=237] 2B38363133392A2A2A2A303030312F'
    """
    plain = _BARE.sub(lambda found: found[0].replace(found[1], masked(found[1].decode()).encode()), octets)
    return _HEX.sub(_hex_veiled, plain)


def _hex_veiled(found: re.Match[bytes]) -> bytes:
    """Eight digits before the last four octets become four asterisks, as `masked` has it; the length changes with them as little."""
    digits = found[0][1::2].decode()
    return b"".join(b"%02X" % letter for letter in masked(digits).encode())


def details(line: Line, row: int, book: CodeBook, *, reveal: bool) -> str:
    """What stands in the line beside its kind: who, how much, by which code. Numbers masked unless `reveal`."""
    records = line.records
    kind = Kind(int(records["kind"][row]))
    said: list[str] = []

    def text(name: str) -> str:
        return records.text(name, row).decode(line.feed.dialect.encoding, "backslashreplace")

    def figure(name: str, unit: str) -> None:
        value = int(records[name][row])
        if value >= 0:
            said.append(f"{value:,} {unit}")

    if kind in (Kind.SUBMIT, Kind.FORWARD, Kind.SUBMIT_REFUSED) and text("sender"):
        sender = number_in(text("sender"))
        said.append(f"from {sender if reveal else masked(sender)}")
    if kind == Kind.ATTEMPT:
        address = text("host") + text("path")
        method = Method(int(records["method"][row]))
        said.append(f"{method.name if method else ''} {address if reveal else veiled_in(address)}".strip())
    if kind in (Kind.PUSH, Kind.PUSH_REPORT) and records["push_state"][row]:
        said.append(PushState(int(records["push_state"][row])).name)
    if kind == Kind.PUSH and int(records["pdu"][row]) in PDUS:
        said.append(PDUS[int(records["pdu"][row])])
    status = int(records["status"][row])
    if status >= 0:
        said.append(code(line, row, book))
    if int(records["push_error"][row]) >= 0:
        error = int(records["push_error"][row])
        said.append(f"network error {error >> 16}:{error & 0xFFFF}")
    if kind == Kind.ATTEMPT:
        figure("octets", "octets answered")
        figure("latency", "ms")
    figure("size", "octets")
    if Kind.SESSION_START <= kind <= Kind.SESSION_REJECT:
        said += session(line, row)
    agent = text("agent")
    if agent:
        said.append(agent)
    return ", ".join(said)


def code(line: Line, row: int, book: CodeBook) -> str:
    """A status as its set spells and names it."""
    records = line.records
    link = records.text("smsc", row).decode(errors="replace")
    code_set, status, kind = int(records["code_set"][row]), int(records["status"][row]), int(records["kind"][row])
    reading = book.at(line.feed.name, line.feed.node, link).read(code_set, status, kind)
    name = reading.code.name
    key = reading.key or spelled(code_set, status)
    return f"{key} {name}" if name and name != key else key


def session(line: Line, row: int) -> list[str]:
    """Access point, address, how long and how much."""
    records = line.records
    said = []
    apn = records.text("apn", row).decode(errors="replace")
    if apn:
        said.append(f"access point {apn}")
    address = int(records["address"][row])
    if 0 < address < 1 << 32:
        said.append(f"address {IPv4Address(address)}")
    duration = int(records["duration"][row])
    if duration >= 0:
        said.append(f"{duration / SECOND:,.0f} s")
    both = [int(records[name][row]) for name in ("octets_in", "octets_out")]
    if min(both) >= 0:
        said.append(f"{both[0]:,} octets in, {both[1]:,} out")
    return said


def number_in(text: str) -> str:
    """An address as a log writes it, without plus and type.

    >>> number_in("+8613900000021/TYPE=PLMN")
    '8613900000021'
    """
    return text.partition("/")[0].removeprefix("+")
