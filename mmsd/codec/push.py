"""WAP push over SMS (WAP-259 6.5, WAP-230 8.2.4.1) and the MMS PDUs that ride in it: what Mbuni hands to Kannel, and back.

Texts stay bytes as on the wire, since ids are hashed and compared with other nodes' logs; `Push.title` is the subject as people read it.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from mmsd.codec import mms, sms, text, wbxml, wsp
from mmsd.codec.shown import Line, Shown, Warned, warnings
from mmsd.codec.tables import mms as table
from mmsd.codec.tables import wsp as wsp_table
from mmsd.errors import DecodeError, EncodeError

PUSH_UDH: Final = bytes.fromhex("0605040b8423f0")
"""To port 2948 from 9200: what Kannel and Mbuni put before a push."""

_PORTS: Final = frozenset({sms.PUSH_PORT, 2949, 9200, 9201, 9202, 9203, 49996, 49999})
"""WAP-259 6.5 push ports, WSP ports, SyncML and OTA settings."""


class PushKind(enum.IntEnum):
    """What a push carries, by its content type."""

    OTHER = 0
    MMS = 1
    PROVISIONING = 2  # OMA Client Provisioning
    SETTINGS = 3  # Nokia/Ericsson OTA settings
    SERVICE_INDICATION = 4
    SERVICE_LOADING = 5


_KINDS: Final = {
    "application/vnd.wap.mms-message": PushKind.MMS,
    "application/vnd.wap.connectivity-wbxml": PushKind.PROVISIONING,
    "application/x-wap-prov.browser-settings": PushKind.SETTINGS,
    "application/x-wap-prov.browser-bookmarks": PushKind.SETTINGS,
    "text/vnd.wap.si": PushKind.SERVICE_INDICATION,
    "application/vnd.wap.sic": PushKind.SERVICE_INDICATION,
    "text/vnd.wap.sl": PushKind.SERVICE_LOADING,
    "application/vnd.wap.slc": PushKind.SERVICE_LOADING,
}
_BY_NUMBER: Final = {number: _KINDS.get(name, PushKind.OTHER) for number, name in enumerate(wsp_table.MEDIA)}


class Push(NamedTuple):
    """One push; the MMS fields are empty, 0 or −1 where the PDU lacks them. Times are whole seconds."""

    kind: PushKind
    push_id: int  # WSP transaction id, 0 … 255: the pusher's count
    body_at: int  # where the content begins in the user data
    pdu_type: int = 0  # X-Mms-Message-Type: 0x82 notification, 0x86 delivery report, 0x88 read report
    version: int = 0  # X-Mms-MMS-Version as on the wire, 0x90 = 1.0
    transaction: bytes = b""
    location: bytes = b""  # X-Mms-Content-Location
    sender: bytes = b""  # From, with its "/TYPE=PLMN"; empty when withheld
    to: bytes = b""
    subject: bytes = b""
    charset: int = 0  # of the subject, MIBenum; 0 = not given
    message_class: bytes = b""  # "" = not given; one octet for the well-known ones (0x80 personal), else its token
    size: int = -1
    expiry_absolute: int = -1  # seconds since 1970, UTC
    expiry_relative: int = -1  # seconds from now on
    message_id: bytes = b""
    status: int = 0  # X-Mms-Status of a delivery report, X-Mms-Read-Status of a read report
    date: int = -1  # of the report
    faults: tuple[DecodeError, ...] = ()  # survived: the rest was read

    @property
    def title(self) -> str:
        """The subject as text, its character set guessed where none or a wrong one is given."""
        return text.decode(self.subject, self.charset)


def decode_push(user_data: bytes, udh: bytes = b"") -> Push:
    """A push from the user data of an SMS, or of all its pieces joined; `udh` empty means the caller knows it for one.

    Raises DecodeError when it is addressed to no push port, is no Push PDU, or says MMS and holds no message type.

    >>> push = decode_push(bytes.fromhex("010603beaf848c82985431008d908a808e0228008805810303f48083687474703a2f2f6d2f6100"), PUSH_UDH)
    >>> push.transaction, push.location, push.size, push.expiry_relative
    (b'T1', b'http://m/a', 10240, 259200)
    """
    if udh and udh != PUSH_UDH and sms.decode_udh(udh).destination not in _PORTS:
        raise DecodeError("addressed to no push port", offset=0, clause="WAP-259 6.5")
    push_id, type_at, headers_at, body_at = wsp.decode_push_pdu(user_data)
    if headers_at == type_at + 1:
        kind = _BY_NUMBER.get(user_data[type_at] & 0x7F, PushKind.OTHER)
    else:
        kind = _content_kind(user_data, type_at, headers_at)
    if kind is not PushKind.MMS:
        return Push(kind, push_id, body_at)

    skewed: tuple[DecodeError, ...] = ()
    if user_data[body_at : body_at + 1] != b"\x8c":  # seen in the field: a length of headers that takes in the message type
        at = user_data.find(b"\x8c", headers_at, body_at)
        if at >= 0:
            skewed = (DecodeError("length of headers reaches into the content", offset=2, clause="WAP-230 8.2.4.1"),)
            body_at = at
    headers, _, faults, _ = mms.read(user_data, body_at)
    values = dict(headers)
    pdu_type = values.get(table.MESSAGE_TYPE)
    if not isinstance(pdu_type, int):
        raise DecodeError("no message type", offset=body_at, clause="OMA-MMS-ENC 7.3.30")
    get = values.get
    sender, subject, message_class, expiry = get(table.FROM), get(table.SUBJECT), get(table.MESSAGE_CLASS), get(table.EXPIRY)
    moment = expiry if isinstance(expiry, mms.Moment) else mms.Moment(-1)
    return Push(
        kind,
        push_id,
        body_at,
        pdu_type,
        version=_number(get(table.MMS_VERSION), 0),
        transaction=_octets(get(table.TRANSACTION_ID)),
        location=_octets(get(table.CONTENT_LOCATION)),
        sender=_octets(sender),
        to=_octets(get(table.TO)),
        subject=_octets(subject),
        charset=subject.charset if isinstance(subject, mms.Text) else 0,
        message_class=bytes((message_class,)) if isinstance(message_class, int) else _octets(message_class),
        size=_number(get(table.MESSAGE_SIZE), -1),
        expiry_absolute=-1 if moment.relative else moment.seconds,
        expiry_relative=moment.seconds if moment.relative else -1,
        message_id=_octets(get(table.MESSAGE_ID)),
        status=_number(get(table.STATUS, get(table.READ_STATUS)), 0),
        date=_number(get(table.DATE), -1),
        faults=skewed + tuple(faults),
    )


def _octets(value: mms.Value | None) -> bytes:
    """A text's octets; none of what is no text."""
    return value.raw if isinstance(value, mms.Text) else value if isinstance(value, bytes) else b""


def _number(value: mms.Value | None, otherwise: int) -> int:
    return value if isinstance(value, int) else otherwise


def _content_kind(data: bytes, start: int, stop: int) -> PushKind:
    """By a Content-Type written as text, or in general form with parameters."""
    name = wsp.decode_content_type(data, start, stop).media
    return _KINDS.get(name.partition(";")[0].strip().lower(), PushKind.OTHER)


def encode_notification(
    *,
    transaction: bytes,
    location: bytes,
    size: int,
    sender: bytes = b"",
    subject: bytes = b"",
    charset: int = 0,
    expiry_relative: int = -1,
    expiry_absolute: int = -1,
    message_class: bytes = b"\x80",
    version: int = 0x90,
    push_id: int = 1,
) -> tuple[bytes, bytes]:
    """An M-Notification.ind as (UDH, user data), field by field as Mbuni writes it. EncodeError for what the format cannot carry.

    `charset` 0 writes the subject's octets bare, as Mbuni does with whatever the handset sent; else with its MIBenum. An empty `sender`
    or `subject` is left out. Exactly one expiry is given.

    >>> udh, data = encode_notification(transaction=b"T1", location=b"http://m/a", size=10240, expiry_relative=259200)
    >>> udh.hex(), data.hex()
    ('0605040b8423f0', '010603beaf848c82985431008d908a808e0228008805810303f48083687474703a2f2f6d2f6100')
    """
    if (expiry_absolute < 0) == (expiry_relative < 0):
        raise EncodeError("an expiry is either absolute or relative")
    headers: list[mms.Header] = [
        (table.MESSAGE_TYPE, table.M_NOTIFICATION_IND),
        (table.TRANSACTION_ID, transaction),
        (table.MMS_VERSION, version),
    ]
    if sender:
        headers.append((table.FROM, mms.Text(sender)))
    if subject:
        headers.append((table.SUBJECT, mms.Text(subject, charset)))
    headers += [
        (table.MESSAGE_CLASS, message_class[0] if message_class[:1] >= b"\x80" else message_class),
        (table.MESSAGE_SIZE, size),
        (table.EXPIRY, mms.Moment(expiry_absolute) if expiry_relative < 0 else mms.Moment(expiry_relative, relative=True)),
        (table.CONTENT_LOCATION, location),
    ]
    return PUSH_UDH, _framed(push_id, mms.encode(headers))


def encode_delivery_report(
    *,
    message_id: bytes,
    to: bytes,
    date: int,
    status: int,
    sender: bytes = b"",
    version: int = 0x90,
    push_id: int = 1,
) -> tuple[bytes, bytes]:
    """An M-Delivery.ind as (UDH, user data), as Mbuni writes it: it adds a From, which the standard does not know, when `sender` is given.

    `date` in seconds since 1970; `status` an X-Mms-Status (0x81 retrieved). EncodeError for what the format cannot carry.

    >>> encode_delivery_report(message_id=b"m", to=b"t", date=0x6B02CA4B, status=0x81)[1].hex()
    '010603beaf848c868d908b6d0097740085046b02ca4b9581'
    """
    headers: list[mms.Header] = [
        (table.MESSAGE_TYPE, table.M_DELIVERY_IND),
        (table.MMS_VERSION, version),
        (table.MESSAGE_ID, message_id),
        (table.TO, mms.Text(to)),
    ]
    if sender:
        headers.append((table.FROM, mms.Text(sender)))
    headers += [(table.DATE, date), (table.STATUS, status)]
    return PUSH_UDH, _framed(push_id, mms.encode_headers(headers))


_CONTENT_TYPE: Final = wsp.encode_content_type(wsp.ContentType("application/vnd.wap.mms-message"))
_HEADERS: Final = wsp.encode_short(wsp_table.X_WAP_APPLICATION_ID) + wsp.encode_short(wsp_table.MMS_UA)


def _framed(push_id: int, pdu: bytes) -> bytes:
    return wsp.encode_push_pdu(push_id, _CONTENT_TYPE, _HEADERS, pdu)


_LINES: Final = 100
"""Headers of one push; beyond them it is garbage."""


def show_rows(rows: Sequence[bytes]) -> Shown:
    """The octets of several lines: the pieces of one push, in any order, each behind its own user data header, or one push in many lines.

    Offsets are those of the push joined, behind the first header without its place. DecodeError as `show`, and for pieces of two pushes.
    """
    places = [_place(row) for row in rows]
    if len(rows) < 2 or None in places:
        return show(b"".join(rows))
    joins = sms.Reassembly[bytes]()
    once = dict(zip(rows, places, strict=True))  # a gateway's log holds a piece again when it was sent again
    found = [joined for row, place in once.items() if place and (joined := joins.add(*place, row, 0, at=0))]
    joins.expire(sms.Limits().lifetime + 1)
    lost = joins.given_up()
    if len(found) + len(lost) > 1:
        raise DecodeError("pieces of more than one push: one at a time", offset=0, clause=_PIECES)
    if found:
        return _show(_joined(found[0]), [])
    (given,) = lost
    if 1 not in given.pieces:
        raise DecodeError(f"piece 1 of {given.total} is missing: the push begins in it", offset=0, clause=_PIECES)
    missing = [number for number in range(1, given.total + 1) if number not in given.pieces]
    octets = _joined([given.pieces[number] for number in range(1, missing[0])])
    which = f"piece{'s' * (len(missing) > 1)} {', '.join(map(str, missing))} of {given.total}"
    return _show(octets, [DecodeError(f"{which} missing: read as far as piece {missing[0] - 1}", offset=len(octets), clause=_PIECES)])


_PIECES: Final = "TS 23.040 9.2.3.24.1"


def _place(data: bytes) -> tuple[tuple[int, int], sms.Concat] | None:
    """Ports and place of a piece that has its user data header in front; None of what has none, or no place in it."""
    if not data or data[1:2] == b"\x06":  # a push without header: identifier 6 is of no use in a piece
        return None
    try:
        header = sms.decode_udh(data[: data[0] + 1])
    except DecodeError:
        return None
    return ((header.destination, header.source), header.concat) if header.concat is not None else None


def _joined(pieces: Sequence[bytes]) -> bytes:
    """Pieces in their order as one push behind one header."""
    header = replace(sms.decode_udh(pieces[0][: pieces[0][0] + 1]), concat=None)
    return sms.encode_udh(header) + b"".join(piece[piece[0] + 1 :] for piece in pieces)


def show(data: bytes) -> Shown:
    """A push, bare or behind its user data header, as an engineer reads it, with the MMS PDU or the WBXML document it carries. DecodeError
    when it is no push, or only the later piece of one.

    >>> shown = show(bytes.fromhex("0605040b8423f0010603beaf848c82985431008d908a808e0228008805810303f48083687474703a2f2f6d2f6100"))
    >>> shown.values["content_type"], shown.values["port"], shown.values["mms"]["message_size"]
    ('application/vnd.wap.mms-message', 2948, 10240)
    """
    place = _place(data)
    if place is None or place[1].total == 1:
        return _show(data, [])
    concat = place[1]
    if concat.sequence > 1:
        raise DecodeError(f"piece {concat.sequence} of {concat.total}: the push begins in the first", offset=0, clause=_PIECES)
    return _show(data, [DecodeError(f"piece 1 of {concat.total}: the push goes on in the others", offset=len(data), clause=_PIECES)])


def _show(data: bytes, faults: list[DecodeError]) -> Shown:
    shift = data[0] + 1 if data and data[1:2] != b"\x06" and data[data[0] + 2 : data[0] + 3] == b"\x06" else 0
    header = sms.decode_udh(data[:shift]) if shift else sms.Udh()
    port = header.destination if shift else None
    concat = header.concat
    pdu = wsp.decode_push_pdu(data[shift:])
    content_type = wsp.decode_content_type(data, pdu.type_at + shift, pdu.headers_at + shift)
    piece = f", piece {concat.sequence} of {concat.total}, reference {concat.reference}" if concat is not None else ""
    lines = [Line(0, shift, "User data header", f"to port {port}{piece}")] if shift else []
    lines += [
        Line(shift, 1, "Transaction id", f"0x{pdu.transaction:02x}"),
        Line(shift + 1, 1, "PDU type", "Push"),
        Line(pdu.type_at + shift, pdu.headers_at - pdu.type_at, "Content-Type", wsp.describe_content_type(content_type)),
    ]
    headers: dict[str, str] = {}
    at, body_at = pdu.headers_at + shift, pdu.body_at + shift
    try:
        while at < body_at:
            if len(lines) == _LINES:
                raise DecodeError("too many headers", offset=at, clause="WAP-230 8.2.4.1")
            start = at
            name, value, at = wsp.decode_header(data, at, body_at)
            said = wsp.describe_header(value)
            if name == "X-Wap-Application-Id" and isinstance(value, int):
                said = f"x-wap-application:{wsp_table.APPLICATIONS.get(value, value)}"
            headers[name] = said
            lines.append(Line(start, at - start, name, said))
    except DecodeError as fault:
        faults.append(fault)
    kind = _KINDS.get(content_type.media.partition(";")[0].strip().lower(), PushKind.OTHER)
    values: dict[str, Any] = {
        "type": kind.name.lower().replace("_", "-"),
        "transaction_id": pdu.transaction,
        "port": port,
        "piece": {"reference": concat.reference, "total": concat.total, "sequence": concat.sequence} if concat is not None else None,
        "content_type": content_type.media,
        "parameters": {name: value if isinstance(value, int) else text.decode(value) for name, value in content_type.parameters},
        "headers": headers,
        "size": len(data) - body_at,
    }
    inner: Shown | None = None
    try:
        if kind is PushKind.MMS:
            if data[body_at : body_at + 1] != b"\x8c" and (at := data.find(b"\x8c", pdu.headers_at + shift, body_at)) >= 0:
                faults.append(DecodeError("length of headers reaches into the content", offset=shift + 2, clause="WAP-230 8.2.4.1"))
                body_at = at
            inner = mms.show(data[body_at:])
        elif kind is not PushKind.OTHER and not content_type.media.startswith("text/"):
            inner = wbxml.show(data[body_at:])
    except DecodeError as fault:
        faults.append(fault.moved(body_at))
    warned: tuple[Warned, ...] = ()
    if inner is not None:
        values["mms" if kind is PushKind.MMS else "wbxml"] = inner.values
        lines += [line._replace(offset=line.offset + body_at, depth=line.depth + 1) for line in inner.lines]
        warned = tuple(warning._replace(offset=warning.offset + body_at) for warning in inner.warnings)
    return Shown(values, tuple(lines), warnings(faults) + warned)
