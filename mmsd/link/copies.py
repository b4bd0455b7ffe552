"""Copies of messages as taps leave them in folders, oldest first; a copy is dropped once it was judged.

Three forms. `pdus`: what was posted to the MMSC, in files `NAME.mms`, and beside them what the tap knows: `NAME.json`, or a line with
`"file": "NAME.mms"` in `index.jsonl`. `mm4`: messages between MMSCs (TS 23.140 8.4.1) in files of any name. `spool`: what `Spool.put`
sealed for `POST /taps/mm1`.

A tap writes a PDU first and what it knows of it last, or renames the finished file into the folder. A PDU of which nothing is known waits
`patience` seconds and is a reject then.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from mmsd.codec import mms
from mmsd.codec.tables import mms as table
from mmsd.errors import DecodeError
from mmsd.model import NOT_A_NUMBER, SECOND, Copy

LARGEST: Final = 8 << 20
"""Octets of a file; a larger one is no message."""
REJECTED: Final = "rejected"
"""The folder beside the copies for those that cannot be read."""
_TIMES: Final = range(946_684_800 * SECOND, 4_102_444_800 * SECOND)
"""What may be a time: this century, µs."""
_INDEX: Final = "index.jsonl"
_SPOOLED: Final = ".copy"
_MM4: Final = "MM4_forward.REQ"

Number = Callable[[bytes], int]
"""An address as it was written → the columns' number, as `fast.values_py.address`; 0 for none."""


class Found(NamedTuple):
    """A copy that lies there."""

    path: Path
    at: int  # when the file was last written, µs UTC


class Copies(Protocol):
    """A folder of copies. Nothing is remembered between calls: what was not dropped is found again."""

    def look(self, limit: int, now: int) -> list[Found]:
        """The oldest ones that are whole. OSError when the folder cannot be read."""
        ...

    def load(self, found: Found) -> Copy:
        """DecodeError: it cannot be read, and never will be. OSError: not now, or it is gone."""
        ...

    def drop(self, found: Found) -> None:
        """It was judged, and that is committed. One that is gone already is well."""
        ...

    def reject(self, found: Found) -> None:
        """It goes to `rejected`, for people."""
        ...


class _Known(msgspec.Struct):
    """What a tap knows of a PDU. Names in other taps' indexes that mean the same are read, too."""

    at: int
    sender: str = ""
    message: str = ""
    status: int = -1


class _Folder:
    """What the forms have in common."""

    def __init__(self, name: str, folder: Path, number: Number) -> None:
        self.name = name
        self._folder = folder
        self._number = number

    def look(self, limit: int, now: int) -> list[Found]:
        found = [Found(Path(entry.path), entry.stat().st_mtime_ns // 1000) for entry in os.scandir(self._folder) if self._is_one(entry)]
        return sorted(found, key=lambda each: (each.at, each.path.name))[:limit]

    def drop(self, found: Found) -> None:
        found.path.unlink(missing_ok=True)

    def reject(self, found: Found) -> None:
        (aside := self._folder / REJECTED).mkdir(mode=0o700, exist_ok=True)
        found.path.replace(aside / found.path.name)

    def _is_one(self, entry: os.DirEntry[str]) -> bool:
        return entry.is_file(follow_symlinks=False) and not entry.name.startswith(".")

    def _read(self, path: Path) -> bytes:
        if path.stat().st_size > LARGEST:
            raise DecodeError(f"larger than {LARGEST >> 20} MiB", offset=LARGEST, clause="a copy")
        return path.read_bytes()


class _Index:
    """What `index.jsonl`, and what was rotated away from it, tell of PDUs. Each is read on from where it was read to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[int, tuple[int, int]] = {}  # by inode: octets that were read, and when it was written
        self._rows: dict[str, tuple[int, bytes]] = {}  # by the PDU's name: when it was read (µs), the line

    def __contains__(self, name: str) -> bool:
        return name in self._rows

    def read_on(self, now: int) -> None:
        """OSError when a file cannot be read."""
        there = {}
        for path in sorted(self._folder.glob(f"{_INDEX}*"), reverse=True):  # the oldest first
            with contextlib.suppress(FileNotFoundError), path.open("rb") as file:  # rotated meanwhile: found at the next look
                state = os.fstat(file.fileno())
                begin, written = self._read.get(state.st_ino, (0, 0))
                if state.st_size < begin or (state.st_mtime_ns != written and state.st_size == begin):
                    begin = 0  # written anew
                file.seek(begin)
                there[state.st_ino] = begin + self._take(file, now), state.st_mtime_ns
        self._read = there

    def _take(self, lines: Iterable[bytes], now: int) -> int:
        """How many octets were whole lines; what is not whole yet is read the next time."""
        taken = 0
        for line in lines:
            if not line.endswith(b"\n"):
                break
            taken += len(line)
            with contextlib.suppress(ValueError, RecursionError):
                self._rows[msgspec.json.decode(line, type=_Named).file] = now, line
        return taken

    def row_of(self, name: str) -> dict[str, Any] | None:
        held = self._rows.get(name)
        return None if held is None else msgspec.json.decode(held[1], type=dict[str, Any])

    def forget(self, before: int, there: Collection[str]) -> None:
        """Lines that were read before this time about PDUs that are gone, or never came: they name senders."""
        self._rows = {name: held for name, held in self._rows.items() if name in there or held[0] >= before}


class _Named(msgspec.Struct):
    """A line of an index."""

    file: str


class Pdus(_Folder):
    """PDUs as they were posted, with what the tap knows beside them."""

    def __init__(self, name: str, folder: Path, number: Number, *, patience: float = 600.0) -> None:
        super().__init__(name, folder, number)
        self._patience = round(patience * SECOND)
        self._index = _Index(folder)

    def look(self, limit: int, now: int) -> list[Found]:
        self._index.read_on(now)
        there = super().look(1 << 30, now)
        self._index.forget(now - self._patience, {found.path.name for found in there})
        return [
            found for found in there
            if found.path.name in self._index or self._sidecar(found.path).exists() or found.at + self._patience < now
        ][:limit]  # fmt: skip

    def load(self, found: Found) -> Copy:
        known = self._known(found.path)
        return mm1_copy(
            self.name, self._read(found.path), self._number, at=known.at, sender=known.sender, message=known.message, status=known.status
        )

    def drop(self, found: Found) -> None:
        super().drop(found)
        self._sidecar(found.path).unlink(missing_ok=True)

    def reject(self, found: Found) -> None:
        super().reject(found)
        if (sidecar := self._sidecar(found.path)).exists():
            sidecar.replace(self._folder / REJECTED / sidecar.name)

    def _is_one(self, entry: os.DirEntry[str]) -> bool:
        return entry.name.endswith(".mms") and super()._is_one(entry)

    def _sidecar(self, path: Path) -> Path:
        return path.with_suffix(".json")

    def _known(self, path: Path) -> _Known:
        row = self._index.row_of(path.name)
        if row is None:
            try:
                row = msgspec.json.decode(self._sidecar(path).read_bytes(), type=dict[str, Any])
            except FileNotFoundError:
                raise DecodeError("nothing is known of this PDU: neither sidecar nor index names it", offset=0, clause="a copy") from None
            except (ValueError, RecursionError):  # no UTF-8, too: that is no msgspec.DecodeError
                raise DecodeError("the sidecar is no JSON object", offset=0, clause="a copy") from None
        return known(row)


def known(row: dict[str, Any]) -> _Known:
    """What a tap wrote. `time` (ISO 8601 with its zone) or `at` (µs UTC); `sender` or `client_msisdn`; `message` or `msgid`;
    `http_status`. DecodeError without a time of this century.

    >>> known({"time": "2026-11-22T18:56:05.795+08:00", "client_msisdn": "8613470809394", "msgid": None})
    _Known(at=1795344965795000, sender='8613470809394', message='', status=-1)
    """
    at = row.get("at")
    if isinstance(at, bool) or not isinstance(at, int):
        try:
            moment = datetime.fromisoformat(row["time"])
        except (KeyError, TypeError, ValueError):
            raise DecodeError("what is known of it has no time", offset=0, clause="a copy") from None
        if moment.tzinfo is None:
            raise DecodeError("its time names no zone", offset=0, clause="a copy")
        at = round(moment.timestamp() * SECOND)
    if at not in _TIMES:
        raise DecodeError("its time is not of this century: `at` counts microseconds since 1970", offset=0, clause="a copy")
    status = row.get("http_status")
    return _Known(
        at, str(row.get("sender") or row.get("client_msisdn") or ""), str(row.get("message") or row.get("msgid") or ""),
        status if isinstance(status, int) else -1,
    )  # fmt: skip


def mm1_copy(origin: str, pdu: bytes, number: Number, *, at: int, sender: str = "", message: str = "", status: int = -1) -> Copy:
    """A posted PDU with what the tap knows. Its own From counts where the tap knows no sender and the handset wrote one.

    DecodeError for what is neither M-Send.req nor M-Forward.req, or has no readable headers.
    """
    read = mms.decode(pdu)
    if read.type not in table.ADDRESSED:
        raise DecodeError("neither M-Send.req nor M-Forward.req", offset=0, clause="OMA-MMS-ENC 6.1.1")
    receivers = [_number(value, number) for code, value in read.headers if code in table.RECEIVERS]
    author = number(sender.encode()) or _number(read.get(table.FROM), number)
    transaction = read.get(table.TRANSACTION_ID)
    named = transaction.decode("latin-1") if isinstance(transaction, bytes) else ""
    digest = hashlib.sha256(b"%d %d\0" % (at, author) + pdu).digest()[:16]
    return Copy(
        id=digest, origin=origin, at=at, sender=author, receivers=tuple(dict.fromkeys(filter(None, receivers))), message=message,
        transaction=named, octets=len(pdu), status=status, forwarded=read.type == table.M_FORWARD_REQ, mm4=False, body=pdu,
    )  # fmt: skip


def mm4_copy(origin: str, octets: bytes, number: Number, *, at: int) -> Copy:
    """MM4_forward.REQ with its sender, receivers and the originator's message id. DecodeError for another message."""
    found = BytesHeaderParser(policy=compat32).parsebytes(octets)  # the newer policy fails on headers that are no good
    if str(found.get("X-Mms-Message-Type", "")).strip().casefold() != _MM4.casefold():
        raise DecodeError("no MM4_forward.REQ", offset=0, clause="TS 23.140 8.4.1")
    receivers = [_mailbox(text, number) for name in ("To", "Cc") for text in str(found.get(name, "")).split(",")]
    author = _mailbox(str(found.get("From", "")), number)
    identity = str(found.get("X-Mms-Message-ID", "")).strip().strip('"')
    sent = _sent(str(found.get("Date", "")), at)
    digest = hashlib.sha256(b"%d\0" % author + octets).digest()[:16]
    return Copy(
        id=digest, origin=origin, at=sent, sender=author, receivers=tuple(dict.fromkeys(filter(None, receivers))), message=identity,
        transaction=str(found.get("X-Mms-Transaction-ID", "")).strip().strip('"'), octets=-1, mm4=True, body=octets,
    )  # fmt: skip


def _sent(date: str, otherwise: int) -> int:
    """A Date header as µs UTC, where it is one of our century."""
    try:
        moment = round(parsedate_to_datetime(date).timestamp() * SECOND)
    except (ValueError, TypeError, LookupError, OverflowError):
        return otherwise
    return moment if moment in _TIMES else otherwise


class Mm4(_Folder):
    """Messages between MMSCs; other MM4 messages among them (reports, responses) are passed over and dropped by whoever reads."""

    def load(self, found: Found) -> Copy:
        return mm4_copy(self.name, self._read(found.path), self._number, at=found.at)


class Spool(_Folder):
    """Our own: copies that came by HTTP, sealed at rest. `put` from any thread; a copy is there whole, or not at all."""

    def __init__(
        self,
        name: str,
        folder: Path,
        number: Number,
        *,
        seal: Callable[[bytes], bytes],
        unseal: Callable[[bytes], bytes],
        most: int = 100_000,
    ) -> None:
        """`unseal` raises ValueError for what `seal` did not make. `most`: copies that may wait."""
        super().__init__(name, folder, number)
        self._seal, self._unseal = seal, unseal
        self._most = most
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in folder.glob(".*" + _SPOOLED):
            left.unlink(missing_ok=True)
        self._waiting = sum(1 for entry in os.scandir(folder) if self._is_one(entry))
        self._serial = 0
        self._door = threading.Lock()

    def put(self, at: int, sender: str, pdu: bytes) -> bool:
        """False when too many wait: this one is not kept. OSError as the file system says."""
        with self._door:
            if self._waiting >= self._most:
                return False
            self._waiting += 1
            self._serial += 1
            name = f"{at:020d}-{os.getpid()}-{self._serial}{_SPOOLED}"
        try:
            hidden = self._folder / f".{name}"
            with hidden.open("xb") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(self._seal(msgspec.msgpack.encode((at, sender, pdu))))
            hidden.replace(self._folder / name)
        except OSError:
            self._waiting -= 1
            raise
        return True

    def load(self, found: Found) -> Copy:
        try:
            at, sender, pdu = msgspec.msgpack.decode(self._unseal(self._read(found.path)), type=tuple[int, str, bytes])
        except (ValueError, msgspec.DecodeError):
            raise DecodeError("sealed with another key, or damaged", offset=0, clause="a copy") from None
        return mm1_copy(self.name, pdu, self._number, at=at, sender=sender)

    def drop(self, found: Found) -> None:
        super().drop(found)
        self._waiting -= 1

    def reject(self, found: Found) -> None:
        super().reject(found)
        self._waiting -= 1

    def _is_one(self, entry: os.DirEntry[str]) -> bool:
        return entry.name.endswith(_SPOOLED) and super()._is_one(entry)


def _number(value: object, number: Number) -> int:
    return number(value.raw) if isinstance(value, mms.Text) else 0


def _mailbox(text: str, number: Number) -> int:
    """`+8613900000001/TYPE=PLMN@mms.example`, with or without name and brackets: a number, unless it is somebody's mail address."""
    address = text.partition("<")[2].partition(">")[0] or text
    local, _, _ = address.strip().partition("@")
    found = number(local.encode())
    return found if found and not found & NOT_A_NUMBER else number(address.strip().encode())
