"""What every decoder promises of any octets. A target's `check` raises when the promise is broken; its `read` is what it costs.

The promise: a value, or DecodeError with a clause and a place in the octets, and nothing else. What was survived has its place too. A
value that can be written is read back equal. Both twins of a kernel answer the same.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np

from mmsd.codec import ber, cdr, cmpp, gsm7, mime, mm7, mms, multipart, provision, push, session, smil, smpp, sms, text, tree, wbxml, wsp
from mmsd.codec.cdr_values import FORMS
from mmsd.codec.shown import Shown
from mmsd.codec.tables import charsets
from mmsd.codec.tables import cmpp as cmpp_table
from mmsd.codec.tables import mm7 as mm7_table
from mmsd.errors import DecodeError, EncodeError
from mmsd.fast import ber_py, charging_py, scan_py, wire_py
from mmsd.fast.values_py import address
from mmsd.flow.inspect import contents_of
from mmsd.link.copies import mm4_copy
from mmsd.logs import Dialect, guess
from mmsd.logs.dialect import LineDialect
from mmsd.model import Copy
from tests.codec.test_provision_lint import SIGNED
from tests.fast.builds import COMPILED, assert_equal, joined
from tests.logs.tables import COPIES, KEY, make, whole

T = TypeVar("T")


class Target(NamedTuple):
    """A decoder: `check` raises where a promise is broken, `read` only reads."""

    check: Callable[[bytes], object]
    read: Callable[[bytes], object]


def _twin(name: str) -> ModuleType | None:
    module: ModuleType | None = __import__(name, fromlist=["*"]) if find_spec(name) is not None else None
    return module


_WIRE: Final = _twin("mmsd.fast.wire_c")
_BER: Final = _twin("mmsd.fast.ber_c")
_CHARGING: Final = _twin("mmsd.fast.charging_c")


# ------------------------------------------------------------------------------------------------------------ the promises


def placed(refusal: DecodeError, size: int) -> None:
    assert refusal.clause, f"no clause: {refusal}"
    assert 0 <= refusal.offset <= size, f"no place in {size} octets: {refusal}"


def kept(read: Callable[..., T], data: bytes, *more: Any, **named: Any) -> T | None:
    """What it reads, its faults in their places; None when it refuses as it should."""
    try:
        value = read(data, *more, **named)
    except DecodeError as refusal:
        placed(refusal, len(data))
        return None
    for fault in getattr(value, "faults", ()):
        if isinstance(fault, DecodeError):
            placed(fault, len(data))
        else:
            assert 0 <= fault.offset <= len(data), fault
    return value


def shown(show: Callable[[bytes], Shown], data: bytes) -> None:
    """What `mmsd decode` prints: JSON, text in UTF-8, places in the octets."""
    value = kept(show, data)
    if value is None:
        return
    json.dumps(value.values, ensure_ascii=False, allow_nan=False).encode()
    for line in value.lines:
        f"{line.name} {line.text}".encode()
        assert line.offset >= 0, line
        assert line.length >= 0, line
        assert line.offset + line.length <= len(data), line
    for warned in value.warnings:
        warned.text.encode()
        assert 0 <= warned.offset <= len(data), warned


def returns(
    value: T, encode: Callable[[T], bytes], decode: Callable[[bytes], object], bare: Callable[[Any], object] = lambda it: it
) -> None:
    """A value that can be written is read back as it was, and written the same. `bare` leaves out places and faults."""
    try:
        octets = encode(value)
    except EncodeError:
        return
    again = decode(octets)
    assert bare(again) == bare(value), f"{octets.hex()}: {again!r:.2000} is not {value!r:.2000}"
    assert encode(again) == octets  # type: ignore[arg-type]  # of the type that was written


# ------------------------------------------------------------------------------------------------------------- MMS and WSP


def _mms(data: bytes) -> None:
    shown(mms.show, data)
    walked = mms.walk(data)
    assert all(start <= stop <= len(data) for _, start, stop in walked.fields)
    pdu = kept(mms.decode, data)
    if pdu is not None:
        for header in pdu.headers:
            returns([header], mms.encode_headers, lambda octets: mms.read(octets).headers)
        returns(pdu.headers, lambda headers: mms.encode(headers, data[pdu.body]), lambda octets: mms.decode(octets).headers)
        for part in mms.parts(data, pdu).parts:
            _part(part)
    if _WIRE is not None:
        for at in (0, len(data) // 3):
            assert _fields(_WIRE, data, at) == _fields(wire_py, data, at)


def _fields(build: Any, data: bytes, at: int) -> tuple[object, ...]:
    headers: list[tuple[int, mms.Value]] = []
    stop = build.read_fields(data, at, mms.FORMS, mms.Text, mms.Moment, wsp.KINDS, headers)
    return stop, headers, [type(value) for _, value in headers]


def _part(part: multipart.Part) -> None:
    for said in (part.name, part.location, part.cid, part.text):
        said.encode()
    assert part.charset is None or part.charset >= 0


def _multipart(data: bytes) -> None:
    found = kept(multipart.decode, data, 0, len(data))
    assert found is not None, "never raises"
    for part in found.parts:
        _part(part)
    multipart.find(found.parts, "cid:a")
    returns(found.parts, multipart.encode, lambda octets: multipart.decode(octets, 0, len(octets)).parts, _entries)
    if _WIRE is not None:
        assert _walked(_WIRE, data) == _walked(wire_py, data)


def _entries(parts: Sequence[multipart.Part]) -> list[tuple[object, ...]]:
    return [(part.content_type, part.headers, bytes(part.body)) for part in parts]


def _walked(build: Any, data: bytes) -> tuple[object, ...]:
    parts: list[multipart.Part] = []
    at = build.read_parts(data, 0, len(data), 100, wsp.KINDS, multipart.NAMES, multipart.Part, parts)
    return at, [(*entry, part.at) for entry, part in zip(_entries(parts), parts, strict=True)]


def _wsp(data: bytes) -> None:
    stop = kept(wsp.skip_value, data, 0)
    assert stop is None or 0 < stop <= len(data)
    content_type = kept(wsp.decode_content_type, data, 0, len(data))
    if content_type is not None:
        wsp.describe_content_type(content_type).encode()
        returns(content_type, wsp.encode_content_type, lambda octets: wsp.decode_content_type(octets, 0, len(octets)))
    at = 0
    while at < len(data) and (field := kept(wsp.decode_header, data, at, len(data))) is not None:
        name, value, behind = field
        assert at < behind <= len(data)
        wsp.describe_header(value).encode()
        if data[at] >= 0x80 or not isinstance(value, wsp.Raw):  # by its number, octets behind a name may be understood
            returns(
                (name, value), lambda pair: wsp.encode_header(*pair), lambda octets: wsp.decode_header(octets, 0, len(octets))[:2], _cased
            )
        at = behind
    if _WIRE is not None:
        one, other = (build.read_content_type(data, 0, len(data), wsp.KINDS) for build in (_WIRE, wire_py))
        assert one == other


def _cased(field: tuple[str, wsp.HeaderValue]) -> tuple[object, ...]:
    """A known name is written by its number, and read as the table spells it."""
    return field[0].lower(), field[1]


def _push(data: bytes) -> None:
    shown(push.show, data)
    size = data[0] + 1 if data else 0
    for user_data, udh in ((data, b""), (data[size:], data[:size])):
        found = kept(lambda _, parts=(user_data, udh): push.decode_push(*parts), data)
        if found is not None:
            found.title.encode()
    pushed = kept(provision.read_push, data)
    if pushed is not None and pushed.seal is not None:
        provision.genuine(pushed.body, pushed.seal, b"1234")
    frame = kept(wsp.decode_push_pdu, data)
    if frame is not None:
        cut = (data[frame.type_at : frame.headers_at], data[frame.headers_at : frame.body_at], data[frame.body_at :])
        again = wsp.encode_push_pdu(frame.transaction, *cut)
        assert wsp.decode_push_pdu(again).transaction == frame.transaction
        assert again.endswith(b"".join(cut))


# --------------------------------------------------------------------------------------------------------------------- SMS


def _sms(data: bytes) -> None:
    shown(sms.show, data)
    kept(sms.decode_framed, data)
    for to_mobile in (True, False):
        tpdu = kept(sms.decode, data, to_mobile=to_mobile)
        if tpdu is not None:
            returns(tpdu, sms.encode, lambda octets, way=to_mobile: sms.decode(octets, to_mobile=way))  # type: ignore[misc]  # bound at once
    header = kept(sms.decode_udh, data)
    if header is not None:
        returns(header, sms.encode_udh, sms.decode_udh)
    for dcs in (0, 4, 8):
        sms.UserData(data=data).text(dcs).encode()
    septets = bytes(octet & 0x7F for octet in data)
    for fill in (0, 3):
        assert gsm7.unpack(gsm7.pack(septets, fill), len(septets), fill) == septets
    said = gsm7.decode(septets)
    if gsm7.fits(said):
        assert gsm7.decode(gsm7.encode(said)) == said


_PIECE: Final = struct.Struct(">BBBBBB")
_LIMITS: Final = sms.Limits(messages=5, octets=600, lifetime=50)


def _reassembly(data: bytes) -> None:
    """Pieces of six octets each: parties and width, reference, total, sequence, size, time gone by. None is lost, none comes twice."""
    joins = sms.Reassembly[int](_LIMITS)
    now = taken = out = 0
    for number, (key, reference, total, sequence, size, gone) in enumerate(_PIECE.iter_unpack(data[: len(data) // 6 * 6])):
        total, sequence, now = total % 8 + 1, sequence % (total % 8 + 1) + 1, now + gone % 20
        taken += 1
        joined = joins.add(key & 3, sms.Concat(reference & 3, total, sequence, wide=key > 127), number & 15, size, at=now)
        if joined is not None:
            assert len(joined) == total
            out += total
        lost = joins.given_up()
        out += sum(len(given.pieces) for given in lost)
        assert all(given.why in {"late", "limit", "replaced"} and len(given.pieces) < given.total for given in lost)
        assert len(joins) <= _LIMITS.messages
    joins.expire(now + 1000)
    out += sum(len(given.pieces) for given in joins.given_up())
    assert len(joins) == 0
    assert out <= taken


_CHARSETS: Final = (*charsets.CODECS, charsets.ANY, charsets.ANY_128, 31337)


def _text(data: bytes) -> None:
    """The first octet chooses the character set."""
    charset = _CHARSETS[data[0] % len(_CHARSETS)] if data else 0
    said = text.decode(data[1:], charset)
    said.encode()
    text.trouble(data[1:], charset)
    plain = said.rstrip("\0").lstrip("\ufeff")  # marks of order before it are no text
    for known in (charsets.UTF_8, charsets.UCS_2):
        returns(plain, partial(text.encode, charset=known), partial(text.decode, charset=known))


# --------------------------------------------------------------------------------------------------------------- documents


def _wbxml(data: bytes) -> None:
    shown(wbxml.show, data)
    document = kept(wbxml.decode, data)
    if document is not None:
        document.xml().encode()
        if not document.faults:
            returns(document, wbxml.encode, lambda octets: wbxml.decode(octets, document.language), lambda it: it.root)


def _provisioning(data: bytes) -> None:
    for read in (provision.decode, provision.from_xml):
        document = kept(read, data)
        if document is not None:
            for catalogue in (None, SIGNED):
                for finding in provision.lint(document, catalogue):
                    str(finding).encode()
            returns(document, provision.encode, provision.decode)
    settings = kept(provision.decode_list, data)
    if settings is not None:
        returns(settings, provision.encode_list, provision.decode_list)
    kept(provision.decode_service, data)


def _xml(data: bytes) -> None:
    root = kept(tree.from_xml, data)
    if root is not None:
        tree.to_xml(root).encode()


def _smil(data: bytes) -> None:
    found = kept(smil.decode, data)
    if found is not None:
        returns((found.slides, found.regions), lambda it: smil.encode(*it), lambda octets: smil.decode(octets, charsets.UTF_8)[:2])


# ------------------------------------------------------------------------------------------------------- messages on a line


def framed(data: bytes) -> bytes:
    """With the length that it has in front: what a fuzzer would seldom guess."""
    return len(data).to_bytes(4, "big") + data[4:]


def _smpp(data: bytes) -> None:
    shown(smpp.show, data)
    shown(smpp.show, framed(data))
    pdu = kept(smpp.decode, framed(data))
    if pdu is None:
        return
    if isinstance(pdu.body, smpp.Message | smpp.DataMessage | smpp.MultiMessage):
        seen = smpp.content(pdu)
        seen.text.encode()
        for fault in seen.faults:
            placed(fault, len(data))
    for trusting in (False, True):
        told = smpp.receipt(pdu, trusting=trusting)
        if told is not None:
            told.state.encode()
            smpp.spellings(told.message_id)
    returns(pdu, smpp.encode, smpp.decode)


def _cmpp(data: bytes) -> None:
    shown(cmpp.show, data)
    shown(cmpp.show, framed(data))
    for version in (cmpp_table.VERSION_2, cmpp_table.VERSION_3):
        _cmpp_of(version, framed(data))


def _cmpp_of(version: int, data: bytes) -> None:
    pdu = kept(cmpp.decode, data, version)
    if pdu is None:
        return
    body = pdu.body
    if isinstance(body, cmpp.Deliver):
        report = kept(lambda _: cmpp.report(body), data)
        if report is not None:
            report.state.encode()
            returns(report, lambda it: cmpp.encode_report(it, version), _report)
    if isinstance(body, cmpp.Deliver | cmpp.Submit):
        user_data, _, faults = cmpp.content(body)
        cmpp.text(user_data.data, body.msg_fmt).encode()
        for fault in faults:
            placed(fault, len(data))
    returns(pdu, lambda it: cmpp.encode(it, version), lambda octets: cmpp.decode(octets, version))


def _report(octets: bytes) -> cmpp.Report | None:
    return cmpp.report(cmpp.Deliver(registered_delivery=1, content=octets))


_SESSIONS: Final[Sequence[tuple[Callable[[], session.Dialect], session.Role]]] = [
    (made, role) for made in (session.Smpp, lambda: session.Cmpp(cmpp_table.VERSION_3), session.Cmpp) for role in session.Role
]
_SETTINGS: Final = session.Settings(window=3, backlog=4, limit=4096, remembered=3)


def _bound(made: Callable[[], session.Dialect], role: session.Role) -> session.Session:
    """An end with a request of its own unanswered, at time 0."""
    mine = session.Session(made(), role, _SETTINGS, now=0)
    theirs = session.Session(made(), session.Role.CENTRE if role is session.Role.CLIENT else session.Role.CLIENT, _SETTINGS, now=0)
    client, centre = (mine, theirs) if role is session.Role.CLIENT else (theirs, mine)
    short = isinstance(made(), session.Smpp)
    client.bind(smpp.Bind(b"a", b"b") if short else cmpp.Connect(b"900001", version=cmpp_table.VERSION_3), now=0)
    centre.feed(client.take(), now=0)
    centre.accept(smpp.BindAnswer(b"c") if short else cmpp.ConnectAnswer(version=cmpp_table.VERSION_3), now=0)
    client.feed(centre.take(), now=0)
    up, down = (
        (smpp.Message(short_message=b"x"), smpp.Message(short_message=b"y"))
        if short
        else (cmpp.Submit(content=b"x"), cmpp.Deliver(content=b"y"))
    )
    mine.ask(0x00000004 if role is session.Role.CLIENT else 0x00000005, up if role is session.Role.CLIENT else down, now=0)
    mine.take()
    return mine


def _session(data: bytes) -> None:
    """The first octet chooses end and protocol, whether bound, what is settled and how time goes; the rest comes from the peer."""
    control, octets = (data[0], data[1:]) if data else (0, b"")
    made, role = _SESSIONS[control % len(_SESSIONS)]
    ends = [_bound(made, role) if control & 0x40 else session.Session(made(), role, _SETTINGS, now=0) for _ in range(2)]
    at_once = ends[0].feed(octets, now=1)
    in_pieces = [event for at in range(0, len(octets), 7) for event in ends[1].feed(octets[at : at + 7], now=1)]
    assert list(map(repr, at_once)) == list(map(repr, in_pieces))  # an error is equal to none but itself
    assert ends[0].take() == ends[1].take()
    assert ends[0].owed <= _SETTINGS.backlog
    end = ends[0]
    for event in at_once:
        if isinstance(event, session.BindAsked) and end.state is not session.State.CLOSED:
            if isinstance(event.pdu, smpp.Pdu):
                _spoken(end, lambda: end.accept(smpp.BindAnswer(b"c"), now=2))
            else:
                _spoken(end, lambda: end.accept(cmpp.ConnectAnswer(), now=2))
        elif isinstance(event, session.Asked):
            _spoken(end, lambda: end.settle(event.pdu.sequence, now=2, status=control >> 7))  # noqa: B023  # called at once
    for now in (3, 31 * session.SECOND, 45 * session.SECOND, 90 * session.SECOND):
        end.tick(now=now)
        due = end.due
        assert due is None or due > now, f"due at {due}, and it is {now}"
    assert end.unanswered <= _SETTINGS.window
    end.lost()
    assert end.closed
    assert end.feed(octets, now=91 * session.SECOND) == []


def _spoken(end: session.Session, say: Callable[[], None]) -> None:
    """What is out of turn, or has no octets, is refused to the caller."""
    before = end.state
    try:
        say()
    except EncodeError:
        assert end.state is before


def _feed(data: bytes) -> object:
    """As a centre that nobody is bound to; behind the octet that chooses."""
    data = data[1:]
    end = session.Session(session.Smpp(), session.Role.CENTRE, now=0)
    return [end.feed(data[at : at + 4096], now=1) for at in range(0, len(data), 4096)]


# --------------------------------------------------------------------------------------------------------------- MM7, MIME


def _mm7(data: bytes) -> None:
    shown(mm7.show, data)
    message = kept(mm7.decode_http, data)
    if message is None:
        return
    kept(lambda _: message.content, data)
    namespace = mm7_table.SOAP if message.kind == "Fault" else message.namespace
    bare = mm7.Message(message.kind, message.transaction, message.fields, (), namespace)
    returns(bare, lambda it: mm7.encode(it)[1], lambda octets: mm7.decode("text/xml", octets), _said)


def _said(message: mm7.Message) -> tuple[object, ...]:
    """A version is written where none is given, and a namespace."""
    return message.kind, message.transaction, dict(message.fields) | {"MM7Version": ""}


def _mime(data: bytes) -> None:
    line, _, body = data.partition(b"\n")
    content_type = mime.decode_content_type(line.decode("latin-1"))
    str(content_type).encode()
    assert mime.decode_content_type(str(content_type)).media == content_type.media
    kept(mime.decode_headers, data)
    boundary = content_type.parameters.get("boundary", "b")
    parts = kept(mime.decode_multipart, body, boundary)
    for part in parts or ():
        kept(lambda _, part=part: part.content(), body)
        f"{part.name} {part.cid} {part.content_type}".encode()
    if parts:
        pairs = [(part.headers, bytes(part.raw)) for part in parts]
        returns(
            pairs,
            lambda it: mime.encode_multipart(it, "frontier"),
            lambda octets: [(part.headers, bytes(part.raw)) for part in mime.decode_multipart(octets, "frontier")],
        )


def _mm4(data: bytes) -> None:
    """A message between MMSCs as a tap copies it, with all that it holds."""
    copy = kept(_forwarded, data)
    if copy is not None:
        repr(copy).encode()
        kept(lambda _: contents_of(copy), data)


def _forwarded(data: bytes) -> Copy:
    return mm4_copy("peer", data, lambda text: address(text, (86, 11, 1, 0), KEY), at=1_795_348_800_000_000)


# --------------------------------------------------------------------------------------------------------- charging records


def _cdr(data: bytes) -> None:
    shown(cdr.show, data)
    file = kept(cdr.decode_file, data)
    if file is not None:
        for record in file.records:
            returns(record, cdr.encode_record, lambda octets: cdr.decode_file(octets).records[0])
        if file.header is not None:
            returns(_lengthless(file.header), lambda it: cdr.encode_header(it, None), lambda octets: _lengthless(_header(octets)))
        assert all(gap.first <= gap.last for gap in file.gaps)
    kept(cdr.decode_record, data)
    if _CHARGING is not None:
        records = ber_py.walk(data, 0, True).records
        one, other = (build.read_records(data, records, FORMS, cdr.TYPES) for build in (_CHARGING, charging_py))
        assert repr(one) == repr(other)  # types too
    cdr.header_unfinished(data)
    _CDR.scan(data, ordinal=0, offset=0, final=True)
    _CDR.explain(data)


def _header(octets: bytes) -> cdr.FileHeader:
    found = cdr.decode_header(octets)
    assert found is not None
    return found[0]


def _lengthless(header: cdr.FileHeader) -> cdr.FileHeader:
    """Its lengths are not the header's to say: they are written as they are."""
    return header._replace(length=None, header_length=None)


def _ber(data: bytes) -> None:
    if (found := kept(ber.element, data, 0, len(data))) is not None:
        assert 0 < found.body <= found.stop <= found.after <= len(data)
        if found.number < 1 << 21:
            head = ber.identifier(found.kind, found.number, constructed=found.constructed)
            again = ber.element(head + ber.encode_length(found.stop - found.body) + data[found.body : found.stop], 0, len(data) + 8)
            assert (again.kind, again.number, again.constructed) == (found.kind, found.number, found.constructed)
    kept(lambda _: list(ber.children(data, 0, len(data))), data)
    number = kept(ber.decode_integer, data)
    if number is not None:
        assert ber.decode_integer(ber.encode_integer(number)) == number
    if _BER is not None:
        for final in (True, False):
            one, other = _BER.walk(data, 0, final), ber_py.walk(data, 0, final)
            assert (one.consumed, one.skipped) == (other.consumed, other.skipped)
            for name in ("records", "leaves", "faults"):
                assert np.array_equal(getattr(one, name), getattr(other, name)), name
    begun = ber_py.walk(data[: len(data) // 2], 0, False)
    assert 0 <= begun.consumed <= len(data) // 2


# -------------------------------------------------------------------------------------------------------------------- logs

_CDR: Final = make("cdr")
LOGS: Final[Sequence[str]] = sorted(COPIES)
"""The logs whose dialects are tried, each with its options: the first octet chooses by place."""
_DIALECTS: Final[Sequence[Dialect]] = [make(*COPIES[name]) for name in LOGS]


def _logs(data: bytes) -> None:
    """The first octet chooses the dialect and where the file is cut."""
    control, lines = (data[0], data[1:]) if data else (0, b"")
    dialect = _DIALECTS[control % len(_DIALECTS)]
    parsed = whole(dialect, lines)
    assert parsed.consumed == len(lines)
    records = parsed.records
    for row in range(min(records.rows, 5)):
        for name in records.texts:
            records.text(name, row)
    assert isinstance(dialect, LineDialect)
    program = dialect.compiled.program
    expected = scan_py.scan(program, lines, 0, KEY, True)
    for build in COMPILED:
        assert_equal(build.scan(program, lines, 0, KEY, True), expected)
    cut = len(lines) * (control >> 4) // 16
    first = scan_py.scan(program, lines[:cut], 0, KEY, False)
    assert_equal(joined(first, scan_py.scan(program, lines, first.consumed, KEY, True)), expected)
    if control < len(_DIALECTS):  # they take their time
        assert dialect.explain(lines[:300]).stopped <= 300
        guess(lines[:600], "access.log")


def _one_dialect(data: bytes) -> object:
    """The one that the first octet chooses."""
    return whole(_DIALECTS[data[0] % len(_DIALECTS)], data[1:]).lines if data else 0


def _one_header(data: bytes) -> object:
    """As a header, else as a content type. Who reads many of them bounds their number."""
    try:
        return wsp.decode_header(data, 0, len(data))
    except DecodeError:
        return wsp.decode_content_type(data, 0, len(data))


def _all_documents(data: bytes) -> object:
    """The dearer of the two forms, and the linter."""
    try:
        return provision.lint(provision.decode(data), SIGNED)
    except DecodeError:
        return provision.lint(provision.from_xml(data), SIGNED)


def _all_parts(data: bytes) -> object:
    line, _, body = data.partition(b"\n")
    return [
        part.name for part in mime.decode_multipart(body, mime.decode_content_type(line.decode("latin-1")).parameters.get("boundary", "b"))
    ]


def _all_pieces(data: bytes) -> object:
    joins = sms.Reassembly[bytes]()
    for at in range(0, len(data), 140):
        piece = data[at : at + 140]
        joins.add(piece[:2], sms.Concat(piece[0], 255, piece[-1] or 1), piece, len(piece), at=at)
    return len(joins)


TARGETS: Final[Mapping[str, Target]] = {
    "mms": Target(_mms, mms.show),
    "multipart": Target(_multipart, lambda data: multipart.decode(data, 0, len(data))),
    "wsp": Target(_wsp, _one_header),
    "push": Target(_push, push.show),
    "sms": Target(_sms, sms.show),
    "reassembly": Target(_reassembly, _all_pieces),
    "text": Target(_text, text.decode),
    "wbxml": Target(_wbxml, wbxml.show),
    "provisioning": Target(_provisioning, _all_documents),
    "xml": Target(_xml, lambda data: tree.to_xml(tree.from_xml(data))),
    "smil": Target(_smil, lambda data: smil.decode(data[: smil.LIMIT])),
    "smpp": Target(_smpp, smpp.show),
    "cmpp": Target(_cmpp, cmpp.show),
    "session": Target(_session, _feed),
    "mm7": Target(_mm7, mm7.show),
    "mime": Target(_mime, _all_parts),
    "mm4": Target(_mm4, lambda data: contents_of(_forwarded(data))),
    "cdr": Target(_cdr, cdr.show),
    "ber": Target(_ber, lambda data: sum(1 for _ in ber.children(data, 0, len(data)))),
    "logs": Target(_logs, _one_dialect),
}
