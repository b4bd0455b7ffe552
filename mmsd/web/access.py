"""Who may ask: tokens in a file, browser sessions in memory, and how often anybody may.

A token is 256 random bits. The file keeps only its SHA-256, one token a line:

    <scope[,scope]> <sha256 hex> [expires, ISO 8601 with zone]

A hash is enough because the token is random: there is nothing to guess from it. The file is read again when it changes, so taking a line
out takes the token away at once, sessions opened with it included. A file that cannot be read or understood grants nothing until mended.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import logging
import os
import re
import stat
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from mmsd.errors import ConfigError

Random = Callable[[int], bytes]
"""n → n bytes nobody can foresee (`secrets.token_bytes`)."""

SCOPES: Final = ("read", "metrics", "operate", "campaign", "care", "reveal", "redeem")
TOKEN_BYTES: Final = 32
PLAIN_SUFFIX: Final = ".plain"
"""The first token itself is left beside the token file under this suffix, mode 0600, for the local user."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z")
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Grant:
    """What one line of the token file allows."""

    digest: str  # SHA-256 of the token, hex
    scopes: frozenset[str]
    expires: int  # µs UTC, 0 = never


def fresh(random: Random) -> str:
    """A new secret as it is shown to people: 43 characters, safe in headers and forms."""
    return base64.urlsafe_b64encode(random(TOKEN_BYTES)).rstrip(b"=").decode("ascii")


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def parse(text: str, source: str) -> tuple[Grant, ...]:
    """The lines of a token file. ConfigError names `source` and the line.

    >>> [sorted(grant.scopes) for grant in parse("# ours\\nread,metrics " + "0" * 64 + " 2027-01-01T00:00:00Z\\n", "tokens")]
    [['metrics', 'read']]
    """
    grants = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        here = f"{source}:{number}"
        if len(words) not in (2, 3):
            raise ConfigError(f"{here}: expected `scope[,scope] sha256 [expires]`, found {len(words)} words")
        scopes = frozenset(words[0].split(","))
        if unknown := sorted(scopes.difference(SCOPES)):
            raise ConfigError(f"{here}: unknown scope {unknown[0]!r}; known are {', '.join(SCOPES)}")
        if not _DIGEST.match(words[1]):
            raise ConfigError(f"{here}: the second word is not a SHA-256 in lower-case hex; make one with `printf %s TOKEN | sha256sum`")
        grants.append(Grant(words[1], scopes, _expiry(words[2], here) if len(words) == 3 else 0))
    return tuple(grants)


def _expiry(word: str, here: str) -> int:
    try:
        moment = datetime.fromisoformat(word)
    except ValueError:
        raise ConfigError(f"{here}: {word!r} is no ISO 8601 time such as 2027-01-01T00:00:00Z") from None
    if moment.tzinfo is None:
        raise ConfigError(f"{here}: the expiry {word!r} names no zone; write 2027-01-01T00:00:00Z")
    return int(moment.timestamp() * 1_000_000)


def create(path: Path, random: Random) -> Path | None:
    """Make the token file with one token of every scope, unless it is there. Returns where the token itself was left, or None.

    Both files are made 0600 from the first byte on; an existing file is never touched. OSError as the file system gives it.
    """
    if path.exists():
        return None
    secret = fresh(random)
    plain = path.with_name(path.name + PLAIN_SUFFIX)
    _write_private(plain, f"{secret}\n", replace=True)
    _write_private(path, f"# scope[,scope] sha256(token) [expires]\n{','.join(SCOPES)} {digest(secret)}\n", replace=False)
    return plain


def _write_private(path: Path, text: str, *, replace: bool) -> None:
    # A left-over is unlinked, not truncated: its mode and its readers are not ours.
    if replace:
        path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


class Tokens:
    """The token file, followed as it changes."""

    def __init__(self, path: Path, wall: Callable[[], int]) -> None:
        """Reads `path` now. ConfigError: missing, readable by others, or not understood. `wall` gives µs UTC."""
        self._path = path
        self._wall = wall
        self._seen = self._state()
        self._grants = self._load()

    def check(self, secret: str) -> Grant | None:
        """The grant of a presented token; None when unknown or expired. Every line is compared, whichever one fits."""
        return self.find(digest(secret))

    def find(self, hexdigest: str) -> Grant | None:
        self._follow()
        found = None
        for grant in self._grants:
            if hmac.compare_digest(grant.digest, hexdigest) and not 0 < grant.expires <= self._wall():
                found = grant
        return found

    def _follow(self) -> None:
        state = self._state()
        if state == self._seen:
            return
        self._seen = state
        try:
            self._grants = self._load()
        except ConfigError as error:
            self._grants = ()
            _log.error("token file grants nothing until it is mended: %s", error)

    def _state(self) -> tuple[int, ...]:
        try:
            status = self._path.stat()
        except OSError:
            return ()
        return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino

    def _load(self) -> tuple[Grant, ...]:
        try:
            with self._path.open(encoding="utf-8") as file:
                mode = os.fstat(file.fileno()).st_mode
                text = file.read()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{self._path}: cannot be read: {error}") from error
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError(f"{self._path}: readable by others than its owner; run `chmod 600 {self._path}`")
        return parse(text, str(self._path))


@dataclass(slots=True)
class _Session:
    token: str  # digest of the token it was opened with, "" for a one-time link
    ends: float


@dataclass(slots=True)
class Sessions:
    """Browser sessions and one-time login codes. In memory: a restart asks everybody to log in again.

    A session lives as long as its token, at most `lifetime` seconds. One opened by a code may only read.
    """

    tokens: Tokens
    random: Random
    monotonic: Callable[[], float]
    lifetime: float
    limit: int = 256
    _open: OrderedDict[str, _Session] = field(default_factory=OrderedDict)
    _codes: OrderedDict[str, float] = field(default_factory=OrderedDict)

    def invite(self) -> str:
        """A code that opens one session, once, within `lifetime`."""
        code = fresh(self.random)
        self._codes[digest(code)] = self.monotonic() + self.lifetime
        while len(self._codes) > self.limit:
            self._codes.popitem(last=False)
        return code

    def open(self, secret: str) -> str | None:
        """The cookie of a new session, for a token with scope `read` or an unused code; None for anything else."""
        hexdigest = digest(secret)
        ends = self._codes.pop(hexdigest, None)
        if ends is not None and self.monotonic() < ends:
            return self._add("")
        grant = self.tokens.find(hexdigest)
        return self._add(hexdigest) if grant is not None and "read" in grant.scopes else None

    def _add(self, token: str) -> str:
        cookie = fresh(self.random)
        # Kept by digest, so that a look-up compares nothing an attacker could time.
        self._open[digest(cookie)] = _Session(token, self.monotonic() + self.lifetime)
        while len(self._open) > self.limit:
            self._open.popitem(last=False)
        return cookie

    def find(self, cookie: str) -> Grant | None:
        key = digest(cookie)
        session = self._open.get(key)
        if session is None:
            return None
        if self.monotonic() >= session.ends:
            del self._open[key]
            return None
        if not session.token:
            return Grant(key, frozenset({"read"}), 0)
        return self.tokens.find(session.token)

    def close(self, cookie: str) -> None:
        self._open.pop(digest(cookie), None)


def caller_of(grant: Grant | None, remote: str | None) -> str:
    """Who is counted for a request: a token, or whoever connects from an address. Of IPv6 that is the network of a household (/64), whose
    addresses are all one caller's.

    >>> caller_of(None, "203.0.113.7"), caller_of(None, "2001:db8:1:2:3::4"), caller_of(None, "::ffff:203.0.113.7")
    ('address 203.0.113.7', 'address 2001:db8:1:2::/64', 'address 203.0.113.7')
    """
    if grant is not None:
        return grant.digest
    try:
        address = ipaddress.ip_address((remote or "").partition("%")[0])
    except ValueError:  # a socket of this machine has none
        return f"address {remote}"
    if address.version == 4:
        return f"address {address}"
    return f"address {address.ipv4_mapped or ipaddress.ip_network((int(address) >> 64 << 64, 64))}"


@dataclass(slots=True)
class Limiter:
    """A token bucket a caller: `burst` at once, `rate` a second after that; the `limit` callers seen last are remembered."""

    rate: float
    burst: float
    monotonic: Callable[[], float]
    limit: int = 4096
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def take(self, caller: str) -> float:
        """0 when the caller may go on, else the seconds to wait."""
        now = self.monotonic()
        left, seen = self._buckets.pop(caller, (self.burst, now))
        left = min(self.burst, left + (now - seen) * self.rate)
        wait = 0.0 if left >= 1 else (1 - left) / self.rate
        self._buckets[caller] = (left if wait else left - 1, now)
        while len(self._buckets) > self.limit:
            self._buckets.popitem(last=False)
        return wait
