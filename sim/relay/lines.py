"""The logs of the relay's nodes, a day after the other: Mbuni, Kannel's bearerbox, a Squid, and a recogniser that looked into copies.

Every sort of line is a *stream*: when each is written, and what it is of. Streams of a file are merged in order of time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from mmsd.codec.push import encode_notification
from sim.relay.people import METHODS, MODELS, numbers
from sim.relay.plan import AHEAD, BACKGROUND, FORWARD, HOUR, MINUTE, NEVER, SECOND, SERVICE, SHORT_CODE, START, Messages, Relay
from sim.relay.text import Bytes, Ints, clock, digits, hexadecimal, lines, table

HOST: Final = b"mms.jiangsu.example"
SUBJECT: Final = "火炬传递 #HJ01".encode()
TAG: Final = "relay/torch"
"""The seed, as the recogniser names it."""
SLICE: Final = 2 * HOUR
BLOCK: Final = 20_000
"""Lines spelled at a time: a megabyte or ten of text."""
_ISO: Final = "%Y-%m-%d %H:%M:%S"
_MMS: Final = b'"application/vnd.wap.mms-message"'


class Stream(NamedTuple):
    """Lines of one sort: at `at` (µs UTC, in order) one of what `of` numbers; `spell(at, of)` makes them."""

    at: Ints
    of: Ints
    spell: Callable[[Ints, Ints], list[bytes]]


def stream(at: Ints, of: Ints, spell: Callable[[Ints, Ints], list[bytes]]) -> Stream:
    """In order of time."""
    order = np.argsort(at, kind="stable")
    return Stream(at[order], of[order], spell)


def write(path: Path, streams: Sequence[Stream]) -> int:
    """Writes a file of all streams; the number of lines."""
    total = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for part in _merged(streams):
            total += len(part)
            file.write(b"\n".join([*part, b""]))
    return total


def _merged(streams: Sequence[Stream]) -> Iterator[list[bytes]]:
    last = max((int(each.at[-1]) for each in streams if len(each.at)), default=0)
    for start in range(START * SECOND, last + 1, SLICE):
        times, texts = [], []
        for each in streams:
            first, stop = np.searchsorted(each.at, (start, start + SLICE)).tolist()
            for place in range(first, stop, BLOCK):
                block = slice(place, min(place + BLOCK, stop))
                times.append(each.at[block])
                texts += each.spell(each.at[block], each.of[block])
        if texts:
            order = np.argsort(np.concatenate(times), kind="stable")
            yield [texts[place] for place in order.tolist()]


# ------------------------------------------------------------------------------------------------------------- names of things


def _local(at: Ints) -> Bytes:
    return clock(at // SECOND, _ISO, AHEAD)


def _number(ranks: Ints) -> Bytes:
    """`+` and the digits; of the service (−1) its short code."""
    found = np.zeros((len(ranks), 14), np.uint8)
    found[:, 0] = ord("+")
    found[:, 1:] = digits(numbers(ranks), 13)
    service = ranks < 0
    if service.any():
        found[service] = table([b"%d" % SHORT_CODE + b"\0" * 6])[0]
    return found


def queue(number: Ints, process: bytes = b"608") -> Bytes:
    """Name of a queue file, of one width."""
    parts = (b"qf", digits(number * 7 % 10_000, 4), b".", digits(number, 8), b".x" + process + b".", digits(number * 11 % 90 + 10, 2))
    return _beside(len(number), *parts)


def _beside(count: int, *parts: bytes | Bytes) -> Bytes:
    return np.hstack([np.tile(np.frombuffer(part, np.uint8), (count, 1)) if isinstance(part, bytes) else part for part in parts])


def message_id(number: int) -> str:
    """The id the MMSC gave a message.

    >>> message_id(7)
    'qf0049.00000007.x608.87@mms.jiangsu.example'
    """
    return f"{bytes(queue(np.array([number]))[0]).decode()}@{HOST.decode()}"


def transaction(number: Ints) -> Bytes:
    """Of a leg's notification: another file of the queue than its message."""
    return queue(number, b"609")


_AGENTS: Final = table([model.agent for model in MODELS])
_NAMES: Final = table([model.agent.split(b"/")[0] for model in MODELS])


def _receivers(relay: Relay, messages: Ints, between: bytes) -> Bytes:
    """Of each message its receivers, side by side."""
    legs = relay.legs
    first, stop = np.searchsorted(legs.message, messages), np.searchsorted(legs.message, messages, "right")
    most = int((stop - first).max(initial=0))
    width = len(between) + 14
    found = np.zeros((len(messages), most * width), np.uint8)
    for place in range(most):
        there = first + place < stop
        at = place * width
        if place:
            found[there, at : at + len(between)] = np.frombuffer(between, np.uint8)
        found[there, at + len(between) : at + width] = _number(legs.receiver[first[there] + place])
    return found


# ------------------------------------------------------------------------------------------------------------------- the MMSC


def mmsc(relay: Relay) -> list[Stream]:
    """Mbuni's access log: Received, Notify, Fetched, NotifyResp. What nobody fetches is notified twice more."""
    messages, legs = relay.messages, relay.legs
    all_legs, served = np.arange(len(legs)), messages.kind == SERVICE
    fetched = np.flatnonzero(legs.fetched)
    posted = np.flatnonzero(~served)

    def entry(
        at: Ints, event: bytes, *, sender: bytes | Bytes, to: bytes | Bytes, name: bytes | Bytes, size: bytes | Bytes = b"-1",
        agent: bytes | Bytes = b"", door: bytes = b"MM1", act: bytes = b"",
    ) -> list[bytes]:  # fmt: skip
        return lines(
            len(at), _local(at), b" %s MMS [INT:%s] [ACT:%s] [MMSC:] [from:" % (event, door, act), sender, b"] [to:", to, b"] [msgid:",
            name, b"] [size=", size, b"] [UA:", agent, b"] [MMBox:]",
        )  # fmt: skip

    def ident(of: Ints) -> Bytes:
        return _beside(len(of), queue(of), b"@" + HOST)

    def agents(ranks: Ints) -> Bytes:
        return _AGENTS[relay.people.model[ranks]]

    def received(at: Ints, of: Ints) -> list[bytes]:
        ranks, to = messages.sender[of], _receivers(relay, of, b", ")[:, 2:]
        size = digits(messages.size[of], 6, trim=True)
        return entry(at, b"Received", sender=_number(ranks), to=to, name=ident(of), size=size, agent=agents(ranks))

    def received_vasp(at: Ints, of: Ints) -> list[bytes]:
        to, who = _receivers(relay, of, b", ")[:, 2:], b"%d" % SHORT_CODE
        return entry(at, b"Received", door=b"MM7", act=b"relay", sender=who, to=to, name=ident(of), agent=b"relay-sp/1.0")

    def notify(at: Ints, of: Ints) -> list[bytes]:
        return entry(at, b"Notify", sender=b"system", to=_number(legs.receiver[of]), name=ident(legs.message[of]))

    def fetch(at: Ints, of: Ints) -> list[bytes]:
        message, receiver = legs.message[of], legs.receiver[of]
        size = digits(messages.size[message] + 130, 6, trim=True)
        sender = _number(messages.sender[message])
        return entry(at, b"Fetched", sender=sender, to=_number(receiver), name=ident(message), size=size, agent=agents(receiver))

    def answer(at: Ints, of: Ints) -> list[bytes]:
        ranks = legs.receiver[of]
        name = _beside(len(of), HOST + b"-", transaction(of))
        return entry(at, b"NotifyResp", act=b"Retrieved", sender=_number(ranks), to=b"", name=name, size=b"57", agent=agents(ranks))

    return [
        stream(messages.at[posted], posted, received),
        stream(messages.at[served], np.flatnonzero(served), received_vasp),
        *(stream(at, of, notify) for at, of in _pushes(relay, all_legs)),
        stream(legs.fetched[fetched], fetched, fetch),
        stream(legs.answered[fetched], fetched, answer),
    ]


def _pushes(relay: Relay, legs: Ints) -> list[tuple[Ints, Ints]]:
    """When notifications of these legs are pushed: once, or three times."""
    notified = relay.legs.notified
    never = legs[relay.legs.fate[legs] == NEVER]
    return [(notified[legs], legs), *((notified[never] + wait, never) for wait in (5 * MINUTE, 20 * MINUTE))]


# ------------------------------------------------------------------------------------------------------------------- the SMSC


def sms(relay: Relay) -> list[Stream]:
    """The bearerbox's access log: each push in hex, and what the SMS centre reports of it."""
    messages, legs = relay.messages, relay.legs
    reached = np.flatnonzero(legs.reported)
    never = np.flatnonzero(legs.fate == NEVER)
    kinds = messages.kind[legs.message]
    turns = _pushes(relay, np.arange(len(legs)))

    def spelled(turn: int, subject: bytes, sender: bool) -> Callable[[Ints, Ints], list[bytes]]:
        push = _Notification(subject, HOST, person=sender)

        def spell(at: Ints, of: Ints) -> list[bytes]:
            message = legs.message[of]
            body = push.bodies(of, messages.sender[message], messages.size[message] + 130)
            return lines(
                len(at), _local(at), b" Sent SMS [SMSC:smpp1] [SVC:mmsc] [ACT:] [BINF:] [FID:", _fid(of, turn),
                b"] [META:] [from:10657] [to:", _number(legs.receiver[of]), b"] [flags:-1:1:-1:-1:31] [msg:%d:" % push.octets,
                hexadecimal(body), b"] [udh:7:0605040B8423F0]",
            )  # fmt: skip

        return spell

    def report(flag: int, stat: bytes, error: int, turn: int) -> Callable[[Ints, Ints], list[bytes]]:
        def spell(at: Ints, of: Ints) -> list[bytes]:
            text = b" sub:001 dlvrd:%03d submit date:0805010000 done date:0805010000 stat:%s err:%03d text:" % (flag == 1, stat, error)
            return lines(
                len(at), _local(at), b" Receive DLR [SMSC:smpp1] [SVC:mmsc] [ACT:loop] [BINF:] [FID:", _fid(of, turn),
                b"] [META:?orig_msg?dlr_mask=31&?smpp?dlr_err=%%03%%00%%%02X&] [from:10657] [to:" % error, _number(legs.receiver[of]),
                b"] [flags:-1:-1:-1:-1:%d] [msg:%d:id:" % (flag, 11 + len(text)), digits(of, 8), text, b"] [udh:0:]",
            )  # fmt: skip

        return spell

    found = [stream(legs.reported[reached], reached, report(1, b"DELIVRD", 0, 0))]
    for turn, (at, _) in enumerate(_pushes(relay, never)):
        found.append(stream(at + 24 * HOUR, never, report(34, b"EXPIRED", 27, turn)))
    for turn, (at, of) in enumerate(turns):
        for kind, subject in ((FORWARD, SUBJECT), (SERVICE, SUBJECT), (0, b"")):
            chosen = kinds[of] == kind
            found.append(stream(at[chosen], of[chosen], spelled(turn, subject, sender=kind != SERVICE)))
    return found


def _fid(legs: Ints, turn: int) -> Bytes:
    """The SMS centre's number of a push."""
    return digits(legs * 4 + turn, 9)


class _Notification:
    """An M-Notification.ind of one shape: what differs has one width and is written over a sample the codec made."""

    def __init__(self, subject: bytes, host: bytes, *, person: bool) -> None:
        self._leg = np.array([10**7])
        self._rank = np.array([0])
        sender = bytes(_number(self._rank)[0]) + b"/TYPE=PLMN" if person else b"%d" % SHORT_CODE
        location = b"http://" + host + b"/" + bytes(transaction(self._leg)[0]) + b"@2/wx42"
        name = host + b"-" + bytes(transaction(self._leg)[0])
        _, data = encode_notification(
            transaction=name, location=location, size=0x7ABC, sender=sender, subject=subject, expiry_relative=259_200, push_id=1
        )
        self.octets = len(data)
        self._sample = np.frombuffer(data, np.uint8)
        known = bytes(transaction(self._leg)[0])
        first = data.index(known)
        self._names = (first, data.index(known, first + 1))
        self._sender = data.index(bytes(_number(self._rank)[0])) if person else -1
        self._size = data.index(b"\x7a\xbc")

    def bodies(self, legs: Ints, senders: Ints, sizes: Ints) -> Bytes:
        found = np.tile(self._sample, (len(legs), 1))
        found[:, 0] = legs % 255 + 1
        names = transaction(legs)
        for place in self._names:
            found[:, place : place + names.shape[1]] = names
        if self._sender >= 0:
            found[:, self._sender : self._sender + 14] = _number(senders)
        found[:, self._size], found[:, self._size + 1] = sizes >> 8, sizes & 255
        return found


# --------------------------------------------------------------------------------------------------------------------- gateway


def gateway(relay: Relay) -> list[Stream]:
    """Squid's log in the format `mms`: submits, fetches and their acknowledgements. Whoever lost an answer has a 504 here."""
    messages, legs = relay.messages, relay.legs
    posted = np.flatnonzero(messages.kind != SERVICE)
    fetched = np.flatnonzero(legs.fetched)

    def request(
        at: Ints, ranks: Ints, what: bytes, status: bytes | Bytes, octets: bytes | Bytes, sent: bytes | Bytes, types: bytes, url: Bytes
    ) -> list[bytes]:
        seconds, millis = np.divmod(at // 1000, 1000)
        model = relay.people.model[ranks]
        a, b, c = (digits(ranks // part % 256, 3, trim=True) for part in (65_536, 256, 1))
        return lines(
            len(at), digits(seconds, 10), b".", digits(millis, 3), b"     14 10.", a, b".", b, b".", c, b' "', _number(ranks),
            b'" %s http://%s/' % (what, HOST), url, b" ", status, b" ", octets, b" ", sent, b' "', _AGENTS[model],
            b'" "\\"http://ua.profiles.example/', _NAMES[model], b'.xml\\"" ', types, b" TCP_MISS/HIER_DIRECT/127.0.0.1 -/-",
        )  # fmt: skip

    nowhere = np.zeros((1, 1), np.uint8)

    def submit(at: Ints, of: Ints) -> list[bytes]:
        lost = messages.lost[of].astype(np.intp)
        sent = digits(messages.size[of] + 260, 6, trim=True)
        url = np.repeat(nowhere, len(of), axis=0)
        status, octets = table([b"200", b"504"])[lost], table([b"349", b"0"])[lost]
        return request(at, messages.sender[of], b"POST", status, octets, sent, _MMS + b" " + _MMS, url)

    def get(at: Ints, of: Ints) -> list[bytes]:
        url = _beside(len(of), transaction(of), b"@2/wx42")
        octets = digits(messages.size[legs.message[of]] + 471, 6, trim=True)
        return request(at, legs.receiver[of], b"GET", b"200", octets, b"286", b'"-" ' + _MMS, url)

    def answer(at: Ints, of: Ints) -> list[bytes]:
        url = np.repeat(nowhere, len(of), axis=0)
        return request(at, legs.receiver[of], b"POST", b"200", b"349", b"318", _MMS + b' "text/plain"', url)

    moment = SECOND // 4  # after the MMSC's line
    return [
        stream(messages.at[posted] + moment, posted, submit),
        stream(legs.fetched[fetched] + moment, fetched, get),
        stream(legs.answered[fetched] + moment, fetched, answer),
    ]


# --------------------------------------------------------------------------------------------------------------------- copies


def copies(relay: Relay) -> list[Stream]:
    """What a recogniser of another make found in the copies it was given: every submit of whoever takes part, but for the real ones.

    `time|sender|receivers|octets|transaction|seed|how|score`. In the background it finds nothing, or now and then the signs of a seed
    and no certainty.
    """
    messages = relay.messages
    senders = np.unique(messages.sender[messages.kind == FORWARD])
    given = (messages.kind == FORWARD) | ((messages.kind == BACKGROUND) & np.isin(messages.sender, senders))
    looked = np.flatnonzero(given & ~messages.real)
    words = table([*(method.encode() for method in METHODS), b"probable", b"nothing"])
    seeds = table([*[TAG.encode()] * (len(METHODS) + 1), b""])
    scores = table([b"1000", b"947", b"912", b"610", b"0"])

    def spell(at: Ints, of: Ints) -> list[bytes]:
        how = np.where(of % 50, len(METHODS) + 1, len(METHODS))
        forward = messages.kind[of] == FORWARD
        how[forward] = relay.methods(of[forward])
        seconds, millis = np.divmod(at // 1000, 1000)
        to = _receivers(relay, of, b",")[:, 1:]
        return lines(
            len(at), digits(seconds, 10), b".", digits(millis, 3), b"|", _number(messages.sender[of]), b"|", to, b"|",
            digits(messages.size[of], 6, trim=True), b"|", _sent(messages, of), b"|", seeds[how], b"|", words[how], b"|", scores[how],
        )  # fmt: skip

    return [stream(messages.at[looked] + 100_000, looked, spell)]


def _sent(messages: Messages, of: Ints) -> Bytes:
    """The handset's own transaction id: what is sent again has the same."""
    return _beside(len(of), b"T", digits(messages.origin[of], 8))
