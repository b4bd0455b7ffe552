"""The families of errors, named by who must act.

A bad log line and "need more bytes" are values, never exceptions.
"""

from __future__ import annotations


class MmsdError(Exception):
    """Whatever mmsd raises on purpose; the message says what is wrong, where, and what to do."""


class ConfigError(MmsdError):
    """The operator must act: exit 78; the message opens with the key's path or the file and line."""


class EncodeError(MmsdError):
    """A value that cannot be put on the wire: a bug of ours."""


class ConsentError(MmsdError):
    """Settings were to be pushed without a consent that is live: a bug of ours. Nothing leaves."""


class DecodeError(MmsdError):
    """The peer's bytes break their format: counted, sampled, survived.

    >>> str(DecodeError("length runs past the end", offset=7, clause="WAP-230 8.4.2.2"))
    'length runs past the end (at byte 7, WAP-230 8.4.2.2)'
    """

    def __init__(self, reason: str, *, offset: int, clause: str = "") -> None:
        self.reason = reason
        self.offset = offset
        self.clause = clause
        super().__init__(f"{reason} (at byte {offset}{', ' + clause if clause else ''})")

    def moved(self, by: int) -> DecodeError:
        """The same, told of octets that begin `by` earlier.

        >>> DecodeError("cut short", offset=7).moved(16).offset
        23
        """
        return DecodeError(self.reason, offset=self.offset + by, clause=self.clause)


class LinkError(MmsdError):
    """The outside world failed us."""

    retryable = True


class LinkDown(LinkError):
    """No connection, or it was lost."""


class PeerRefused(LinkError):
    """The peer answered no, with a code of its own."""

    def __init__(self, message: str, code: int, *, retryable: bool = False) -> None:
        self.code = code
        self.retryable = retryable
        super().__init__(message)


class SourceError(LinkError):
    """A log file cannot be read now; its position stays where it is."""


class StoreError(MmsdError):
    """The store cannot take the Batch: intake stops, marks stay."""


class StoreBusy(StoreError):
    """Locked by another program; wait and try again."""


class StoreFull(StoreError):
    """No space, or read-only: wait, then load State again."""


class StoreDoubt(StoreError):
    """The outcome of a COMMIT is unknown: leave the process and load at the next start."""


class StoreDamaged(StoreError):
    """quick_check found damage: no rewards, no SMS, restore a backup."""


class SchemaTooNew(StoreError):
    """The store was written by a newer mmsd: nothing is touched."""


class AlreadyRunning(MmsdError):
    """Another mmsd holds this state directory."""
