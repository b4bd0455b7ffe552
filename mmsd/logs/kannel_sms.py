"""The access log of Kannel's bearerbox: SMS in and out, WAP pushes in hex, the SMSC's reports.

A push's hex body holds the whole M-Notification.ind or M-Delivery.ind; it is decoded here. What a row then says:

- PUSH (`pdu` 0x82, 0x86, 0x88): `receiver` the subscriber it went to; `sender` the address in the PDU: of a notification its From, of a
  delivery or read report the subscriber it speaks of; `push_state` SUBMITTED, or REFUSED, DISCARDED.
- PUSH_REPORT: the SMSC's word; `link` is that of the PUSH or SMS it belongs to, 0 when it was refused and never got an id.
- SMS: to a subscriber, and no MMS push. MO: from a subscriber, who is the `receiver`; `sender` is the number written to.

Traps: an EXPIRED receipt carries flag 2 when the SMSC sends no state TLV, so the receipt's text decides. A receipt's own id is hex where
the log's FID is decimal: they are joined by FID. Bodies may hold `]`; they are read by length. Texts of SMS are neither kept nor shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from functools import lru_cache
from typing import Any, ClassVar, Final, Self

import numpy as np

from mmsd import fast
from mmsd.codec.push import Push, PushKind, decode_push
from mmsd.codec.sms import decode_udh
from mmsd.codec.text import decode as decode_text
from mmsd.errors import ConfigError, DecodeError
from mmsd.fast.values_py import address as as_address
from mmsd.fast.values_py import authority as as_authority
from mmsd.logs import formats
from mmsd.logs.dialect import Arena, Columns, Key, LineDialect, Texts
from mmsd.logs.options import Options
from mmsd.logs.plan import IGNORED, Field, Form, Numbering, Plan, address, digits, hashed, integer, moment, one_of, percent, skipped, text
from mmsd.model import SECOND, CodeSet, I64Array, Kind, PushState, TextColumn, U64Array

_SENT: Final = {"kind": Kind.SMS, "push_state": PushState.SUBMITTED}
_REFUSED: Final = {"kind": Kind.SMS, "push_state": PushState.REFUSED}
_DISCARDED: Final = {"kind": Kind.SMS, "push_state": PushState.DISCARDED}

EVENTS: Final[Mapping[str, Mapping[str, int] | int | None]] = {
    "Sent SMS": _SENT,
    "Receive SMS": {"kind": Kind.MO},
    "Receive DLR": {"kind": Kind.PUSH_REPORT},
    "REJECTED Send SMS": _REFUSED,
    "FAILED Send SMS": _DISCARDED,
    "DISCARDED SMS": _DISCARDED,
    "EXPIRED SMS": _DISCARDED,  # in the gateway's own queue: the SMSC never saw it
    "DROPPED Received SMS": {"kind": Kind.MO},
    "DROPPED Received DLR": {"kind": Kind.PUSH_REPORT},
    "REJECTED Receive SMS*": {"kind": Kind.MO},
    "DLR SMS": {"kind": Kind.PUSH_REPORT},  # Kannel 1.3's word for Receive DLR
    "Sent DLR": IGNORED,  # reports that go out of the gateway to an application
    "REJECTED Send DLR": IGNORED,
    "FAILED Send DLR": IGNORED,
    "DISCARDED DLR": IGNORED,
    "EXPIRED DLR": IGNORED,
}

_BY_FLAG: Final = {
    1: PushState.DELIVERED,
    2: PushState.UNDELIVERABLE,
    4: PushState.BUFFERED,
    8: PushState.ACCEPTED,
    16: PushState.REFUSED,
    32: PushState.EXPIRED,
    34: PushState.EXPIRED,
    64: PushState.UNKNOWN,
    66: PushState.UNKNOWN,
}
_FLAGS: Final = np.array([_BY_FLAG.get(flag, PushState.NONE) for flag in range(128)], np.uint8)

_STAT: Final = {
    "DELIVRD": PushState.DELIVERED,
    "EXPIRED": PushState.EXPIRED,
    "UNDELIV": PushState.UNDELIVERABLE,
    "REJECTD": PushState.REJECTED,
    "DELETED": PushState.DELETED,
    "ACCEPTD": PushState.ACCEPTD,
    "UNKNOWN": PushState.UNKNOWN,
    "ENROUTE": PushState.BUFFERED,
    "MI:*": PushState.EXPIRED,  # China Mobile gateways put the SMSC's own code here
    "MJ:*": PushState.DELETED,
    "MK:*": PushState.UNDELIVERABLE,
    "ML:*": PushState.ACCEPTD,
    "MM:*": PushState.UNKNOWN,
    "MN:*": PushState.REJECTED,
}


def _words() -> tuple[Field, ...]:
    """What a report's text says: stat and err of a receipt, the code of a NACK. Read from every body, used on reports alone."""
    return (
        one_of(_STAT, column="_stat", default=0).part("stat:", " ").keep("status"),
        digits("_err").part("err:", " "),
        text("_nack").part("NACK/", "/"),
    )


_LETTERS: Final[Mapping[str, Field]] = {
    "l": one_of(EVENTS),
    "i": hashed("_smsc").keep("smsc"),
    "n": text("service"),
    "A": text("account"),
    "F": hashed("_fid").keep("fid"),
    "D": percent("push_error").part("dlr_err=", "&"),
    "p": address("sender").keep("sender"),
    "P": address("receiver").keep("receiver"),
    "c": integer("_coding"),
    "d": integer("_dlr"),
    "L": integer("_length"),
    "u": text("_udh"),
    "b": text("_body").private(),
    "N": skipped().also(*_words()).private(),
    "T": moment("%s"),
    "t": moment("%Y-%m-%d %H:%M:%S"),
}
"""Fields by their letter in `access-log-format`; letters that are not here are passed over."""

_TEXTS: Final = "baksSr"  # what the sender of an SMS writes

_DELIVERY_REPORT: Final = 0x86  # X-Mms-Message-Type

_LOCAL: Final = moment("%Y-%m-%d %H:%M:%S")
_MARKS: Final = (Form("{at} Log begins", at=_LOCAL, ignore=True), Form("{at} Log ends", at=_LOCAL, ignore=True))


def _usual(middle: str) -> Form:
    fields = {letter: _LETTERS[letter] for letter in "linApPcdL"}
    fields |= {letter: _LETTERS[letter] for letter in "FD" if f"{{{letter}}}" in middle}
    fields |= {"at": _LOCAL, "b": text("_body").counted("_length", "_coding").also(*_words()), "u": text("_udh")}
    return Form(
        "{at} {l} [SMSC:{i}] [SVC:{n}] [ACT:{A}] " + middle + "[from:{p}] [to:{P}] [flags:{}:{c}:{}:{}:{d}] [msg:{L}:{b}] [udh:{}:{u}]",
        fields,
    )


PLAN: Final = Plan(
    "kannel-sms",
    _usual("[BINF:{}] [FID:{F}] [META:{D}] "),
    *_MARKS,
    _usual("[BINF:{}] [FID:{F}] "),
    _usual("[BINF:{}] "),
    _usual(""),
)
"""The default format of Kannel 1.4.5, then of the releases before it, which had fewer fields."""

KNOWN: Final[tuple[Mapping[str, Any], ...]] = (
    {"format": "%t|%T|%l|%i|%n|%A|%B|%I|%F|%x|%p|%P|%m:%c:%M:%C:%d|%L|%U|%u|%N|%D|%k|%b", "clean": True},
)
"""Options of custom formats known to be in use: `logs.guess` tries them."""


def custom_plan(form: str, *, clean: bool) -> tuple[Plan, bool]:
    """The plan for an `access-log-format`, and whether its times are local. ConfigError when lines so written could not be read."""
    tokens = formats.parse_kannel(form)
    formats.refuse_touching(tokens, "%")
    letters = [token.field for token in tokens if token.field]
    if "l" not in letters or "P" not in letters:
        raise ConfigError("%l (the event) and %P (the receiver) must be in the format: without them a line says nothing")
    fields: dict[str, Field] = {}
    template = "" if clean else "{at} "
    clock = ""
    if not clean:
        fields["at"] = _LOCAL
    elif clock := next((letter for letter in "Tt" if letter in letters), ""):
        fields[clock] = _LETTERS[clock]
    else:
        raise ConfigError("with access-log-clean a line has no time of its own: put %T in the format")
    loose = ""  # a text of unknown length: its writer could put a separator in it
    for number, token in enumerate(tokens):
        if not token.field:
            template += token.text.replace("{", "{{").replace("}", "}}")
            continue
        name, known = token.field, _LETTERS.get(token.field)
        if loose and known is not None and name not in _TEXTS:
            raise ConfigError(f"nothing tells where %{loose} ends; put texts last, or %L and %c before %b")
        if name in _TEXTS and not (name == "b" and {"L", "c"} <= {earlier.field for earlier in tokens[:number]}):
            loose = loose or name
        if known is None or (name != clock and (name in fields or name in "Tt")):
            template += "{}"
            continue
        template += f"{{{name}}}"
        if name == "b":
            if number + 1 < len(tokens) and {"L", "c"} <= {earlier.field for earlier in tokens[:number]}:
                known = known.counted("_length", "_coding")
            if "N" not in letters:
                known = known.also(*_words())
        fields[name] = known
    return Plan("kannel-sms", Form(template, fields), *(() if clean else _MARKS)), not clean


class KannelSms(LineDialect):
    """`kannel-sms`. Options: `format` (the gateway's `access-log-format`; "" = the default one), `clean` (its `access-log-clean`)."""

    name: ClassVar[str] = "kannel-sms"
    summary: ClassVar[str] = "Kannel bearerbox access log"

    _local = True  # `at` is wall clock of the feed's zone

    @classmethod
    def build(cls, options: Options, *, zone: tzinfo, key: Key, numbering: Numbering) -> Self:
        form, clean = options.text("format"), options.flag("clean")
        if not form:
            if clean:
                raise options.fault("clean", "the default format has no time of its own when access-log-clean is set; give the format too")
            return cls(PLAN, zone=zone, key=key, numbering=numbering)
        try:
            plan, local = custom_plan(form, clean=clean)
        except ConfigError as fault:
            raise options.fault("format", str(fault)) from None
        dialect = cls(plan, zone=zone, key=key, numbering=numbering)
        dialect._local = local
        return dialect

    def refine(self, columns: Columns, texts: Texts) -> None:
        if self._local:
            super().refine(columns, texts)
        kind = columns["kind"]
        rows = len(kind)
        none = np.zeros(rows, np.int64)
        smsc, fid = (np.ascontiguousarray(columns.get(name, none)).view(np.uint64) for name in ("_smsc", "_fid"))
        columns["link"] = fast.combine(smsc, fid, self.key)
        columns["status"] = np.full(rows, -1, np.int32)
        columns["code_set"] = np.zeros(rows, np.uint8)
        columns.setdefault("sender", np.zeros(rows, np.uint64))

        self._read_reports(columns, texts, np.flatnonzero(kind == Kind.PUSH_REPORT))

        mobile = kind == Kind.MO
        columns["sender"], columns["receiver"] = (
            np.where(mobile, columns["receiver"], columns["sender"]),
            np.where(mobile, columns["sender"], columns["receiver"]),
        )
        arena = Arena(texts["receiver"].data, rows)
        nothing = TextColumn(arena.data, none, none)
        sender, receiver = texts.get("sender", nothing), texts["receiver"]
        for name, yes, no in (("sender", receiver, sender), ("receiver", sender, receiver)):
            arena.begin(name, TextColumn(arena.data, np.where(mobile, yes.start, no.start), np.where(mobile, yes.stop, no.stop)))

        self._read_pushes(columns, texts, arena, np.flatnonzero((kind == Kind.SMS) & (columns.get("_coding", none) == 1)))
        texts.update(arena.columns())

    def _read_reports(self, columns: Columns, texts: Texts, reports: I64Array) -> None:
        """`push_state`, `push_error` and, of a refusal, the SMPP status of the rows that are reports."""
        kind = columns["kind"]
        rows = len(kind)
        none = np.zeros(rows, np.int64)
        flag = np.clip(columns.get("_dlr", none), 0, 127)
        stat = columns.get("_stat", none)
        says = (kind == Kind.PUSH_REPORT) & (flag != 8) & (flag != 16) & (stat != 0)
        state = np.where(kind == Kind.PUSH_REPORT, _FLAGS[flag], columns["push_state"])
        error = columns.setdefault("push_error", np.full(rows, -1, np.int32))
        code = columns.get("_err", none)
        columns["push_error"] = np.where(kind != Kind.PUSH_REPORT, -1, np.where((error < 0) & (code > 0), code, error)).astype(np.int32)
        columns["push_state"] = np.where(says, stat, state).astype(np.uint8)
        nack = texts.get("_nack")
        if nack is not None:
            for row in reports[flag[reports] == 16].tolist():
                word = nack[row]
                if word[:2] == b"0x" and len(word) <= 10:
                    status = _command_status(word)
                    columns["status"][row] = status
                    columns["code_set"][row] = CodeSet.SMPP if status >= 0 else CodeSet.NONE
                elif word:  # "Retries Exceeded": the gateway's own words
                    columns["push_state"][row] = PushState.DISCARDED
        if "status" in texts:
            keep = says.astype(np.int64)
            said = texts["status"]
            texts["status"] = TextColumn(said.data, said.start * keep, said.stop * keep)

    def _read_pushes(self, columns: Columns, texts: Texts, arena: Arena, candidates: I64Array) -> None:
        """Decode the 8-bit messages among `candidates`; those that are MMS become PUSH rows."""
        rows = len(columns["kind"])
        for name in ("message", "transaction", "location", "authority"):
            columns[name] = np.zeros(rows, np.uint64)
        columns["pdu"] = np.zeros(rows, np.uint8)
        columns["size"] = np.full(rows, -1, np.int64)
        columns["expires"] = np.zeros(rows, np.int64)
        body, header = texts.get("_body"), texts.get("_udh")
        if body is None or header is None:
            return
        pushes: list[tuple[int, Push]] = []
        places = (candidates, header.start[candidates], header.stop[candidates], body.start[candidates], body.stop[candidates])
        for row, udh_start, udh_stop, start, stop in zip(*(place.tolist() for place in places), strict=True):
            try:
                udh = bytes.fromhex(str(body.data[udh_start:udh_stop], "ascii"))
                if not udh:
                    continue
                concat = decode_udh(udh).concat if udh[0] > 6 else None
                if concat is not None and concat.sequence > 1:
                    columns["kind"][row] = Kind.NONE  # a later piece, split by the application itself: the first one says what it is
                    continue
                push = decode_push(bytes.fromhex(str(body.data[start:stop], "ascii")), udh)
            except (DecodeError, ValueError):
                continue  # to another port, or damaged: an SMS like others
            if push.kind is PushKind.MMS:
                pushes.append((row, push))
        if pushes:
            self._fill(columns, arena, np.array([row for row, _ in pushes], np.int64), [push for _, push in pushes])

    def _fill(self, columns: Columns, arena: Arena, rows: I64Array, pushes: Sequence[Push]) -> None:
        """What the decoded PDUs say, into their rows."""
        columns["kind"][rows] = Kind.PUSH
        pdu = columns["pdu"][rows] = np.array([push.pdu_type for push in pushes], np.uint8)
        columns["size"][rows] = [push.size for push in pushes]

        # a standard delivery report has no From: its To is whom it speaks of
        others = [push.sender or (push.to if push.pdu_type == _DELIVERY_REPORT else b"") for push in pushes]
        rule = self.numbering.packed().tolist()
        columns["sender"][rows] = np.array([as_address(other, rule, self.key) for other in others], np.uint64)
        arena.put("sender", rows, others)

        for name, ids in (("transaction", [push.transaction for push in pushes]), ("message", [push.message_id for push in pushes])):
            columns[name][rows] = self._hashes(ids)
            arena.put(name, rows, ids)

        locations = [push.location for push in pushes]
        split = np.array([fast.split_url(location) for location in locations], np.int64)
        paths = [location and (location[path:] or b"/") for location, path in zip(locations, split[:, 1].tolist(), strict=True)]
        columns["location"][rows] = self._hashes(paths)
        hosts = [location[host:path] for location, (host, path) in zip(locations, split.tolist(), strict=True)]
        known = {host: as_authority(host, self.key) for host in set(hosts)}
        columns["authority"][rows] = np.array([known[host] for host in hosts], np.uint64)
        start, stop = arena.put("location", rows, locations)
        arena.place("host", rows, start + split[:, 0], start + split[:, 1])
        arena.place("path", rows, start + split[:, 1], stop)

        arena.put("subject", rows, [_title(push.subject, push.charset) if push.subject else b"" for push in pushes])

        absolute = np.array([push.expiry_absolute for push in pushes], np.int64)
        relative = np.array([push.expiry_relative for push in pushes], np.int64)
        later = np.where(relative >= 0, columns["at"][rows] + relative * SECOND, 0)
        columns["expires"][rows] = np.where(absolute >= 0, absolute * SECOND, later)

        status = np.array([push.status for push in pushes], np.int32)
        columns["status"][rows] = np.where(status > 0, status, -1)
        columns["code_set"][rows] = np.where((status > 0) & (pdu == _DELIVERY_REPORT), CodeSet.MM1_STATUS, CodeSet.NONE)

    def _hashes(self, texts: Sequence[bytes]) -> U64Array:
        """The keyed hash of each text; 0 of an empty one."""
        stop = np.cumsum([len(text) for text in texts], dtype=np.int64)
        start = np.concatenate((np.zeros(1, np.int64), stop[:-1]))
        return fast.hash64_many(b"".join(texts), start, stop, self.key)


@lru_cache(maxsize=1 << 12)
def _title(subject: bytes, charset: int) -> bytes:
    """A subject in UTF-8. Guessing its character set takes longer than all the rest of a push, and seeds come by the thousand."""
    return decode_text(subject, charset).encode()


def _command_status(word: bytes) -> int:
    """The SMPP command_status in "0x0000000b"; −1 when it is none."""
    try:
        value = int(word, 16)
    except ValueError:
        return -1
    return value if value < 1 << 31 else -1
