"""Keys for numbers at rest: one secret file outside the database, everything else derived from it.

Whoever holds the database alone learns no number; whoever holds both can look one up and open it. Losing the file loses the numbers
for good, so it belongs into the backup, apart from the database.
"""

from __future__ import annotations

import contextlib
import hmac
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mmsd.errors import ConfigError, StoreDamaged
from mmsd.fast import blind_numbers, siphash

SECRET_BYTES: Final = 32
SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_CIPHERS: Final = 4096
"""Keys of salts that are remembered: in one Batch several things of one subscriber are sealed. They are found by the salt alone."""
SEAL_BYTES: Final = _NONCE_BYTES + 16
"""What sealing adds: nonce and tag."""


class Keys:
    """Derives lookups, seals and keyed hashes from one secret. Numbers are E.164 digits, or the text of what is not a number."""

    __slots__ = ("_blind", "_cipher", "_lookup", "_random", "_serial", "audit_key", "hash_key", "id", "mark_key", "row_key", "table_key")

    def __init__(self, secret: bytes, random_bytes: Callable[[int], bytes]) -> None:
        if len(secret) < SECRET_BYTES:
            raise ValueError(f"a key needs {SECRET_BYTES} bytes")

        def derive(label: bytes) -> bytes:
            return hmac.digest(secret, b"mmsd " + label, "sha256")

        self._lookup = derive(b"lookup")
        seal = derive(b"seal")
        self._cipher: Callable[[bytes], AESGCM] = lru_cache(_CIPHERS)(lambda salt: AESGCM(hmac.digest(seal, salt, "sha256")))
        self._blind = derive(b"blind")[:16]
        self._serial = derive(b"serial")
        self._random = random_bytes
        words = derive(b"hash64")
        self.hash_key: tuple[int, int] = (int.from_bytes(words[:8], "little"), int.from_bytes(words[8:16], "little"))
        """For `fast.hash64`: ids of messages, transactions, hosts."""
        self.row_key: bytes = derive(b"row key")
        """For `hashlib.blake2b(…, key=…)`: keys of rows that are made of a number. Without it 10¹⁰ numbers are tried in an hour."""
        self.table_key: bytes = derive(b"table")
        """For the table of handsets (`store.handsets`), which derives its own."""
        self.audit_key: bytes = derive(b"audit")
        """For the chain of what people did (`store.outbox.audit`)."""
        self.mark_key: bytes = derive(b"mark")
        """For the marks of seed pictures (`seeds.mark`): whoever has it can forge and remove them."""
        self.id: str = derive(b"id")[:4].hex()
        """Names the secret without telling it; stored beside whatever it seals."""

    @classmethod
    def load(cls, path: Path, random_bytes: Callable[[int], bytes]) -> Keys:
        """Read the key file, made with mode 0600 on first use.

        Raises ConfigError when the file is short, is not ours alone to read, or cannot be read or made.
        """
        try:
            if not path.exists():
                _create(path, random_bytes(SECRET_BYTES))
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                secret = file.read(4096)
        except OSError as error:
            raise ConfigError(f"state.key_file: {path}: {error.strerror}") from error
        if mode & 0o077:
            raise ConfigError(f"state.key_file: {path}: others can read it (mode {mode & 0o777:04o}); run: chmod 600 {path}")
        if len(secret) < SECRET_BYTES:
            raise ConfigError(f"state.key_file: {path}: {len(secret)} bytes, {SECRET_BYTES} are needed; restore it from the backup")
        return cls(secret, random_bytes)

    def lookup(self, number: str) -> bytes:
        """32 bytes by which a number is found again."""
        return hmac.digest(self._lookup, number.encode(), "sha256")

    def serial_lookup(self, serial: str) -> bytes:
        """16 bytes by which a serial is found again, of one as `rules.serials.plain` spells it."""
        return hmac.digest(self._serial, serial.encode(), "sha256")[:16]

    def blind(self, number: str) -> int:
        """A keyed 64-bit hash of a number, never 0: `receiver` and `sender` in the packed rows of `model.CLOSED`.

        SipHash and not `fast.hash64`: the space of numbers is small and part of it known to an attacker, so only a real PRF hides them.
        """
        return siphash(number.encode(), self._blind) or 1

    def blind_numbers(self, numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """`blind` of the digits of each; 0 is no number, the text of nothing."""
        return blind_numbers(numbers, self._blind)

    def salt(self) -> bytes:
        return self._random(SALT_BYTES)

    def seal(self, salt: bytes, label: bytes, plain: bytes | memoryview) -> bytes:
        """Authenticated encryption under a key of its own for each `salt`; `label` says what it is and cannot be swapped.

        A key per salt keeps random nonces far from their limit of 2³² uses, and makes what is sealed unreadable once its salt is erased.
        """
        nonce = self._random(_NONCE_BYTES)
        return nonce + self._cipher(salt).encrypt(nonce, plain, label)

    def unseal(self, salt: bytes, label: bytes, sealed: bytes | memoryview) -> bytes:
        """The plain bytes. Raises StoreDamaged when they were altered or sealed under another key."""
        try:
            return self._cipher(salt).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], label)
        except (InvalidTag, ValueError) as error:
            raise StoreDamaged(
                f"a sealed {label.decode()} does not open: altered, or sealed under another key file; "
                "restore the state directory as a whole, with its key file"
            ) from error

    def seal_number(self, number: str) -> bytes:
        """Salt and sealed digits. The salt is the subscriber's own: everything else of his is sealed under it too."""
        salt = self.salt()
        return salt + self.seal(salt, b"number", number.encode())

    def open_number(self, sealed: bytes | None) -> str:
        """The number; "" for None (no number, or erased)."""
        if sealed is None:
            return ""
        return self.unseal(sealed[:SALT_BYTES], b"number", sealed[SALT_BYTES:]).decode()


def _create(path: Path, secret: bytes) -> None:
    """Write the file whole under its name or not at all; the first of two racing creators wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        give_to_owner(draft)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    sync_directory(path.parent)


def give_to_owner(path: Path) -> None:
    """What root makes in the state directory belongs to whom the directory belongs: an import by `sudo` must not shut the daemon out."""
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(path, folder.st_uid, folder.st_gid)


def sync_directory(path: Path) -> None:
    """Make names just created in a directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
