"""A centre's settings, from a TOML file: accounts, ids, receipts, limits, handsets, faults. Durations are seconds."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from mmsd.errors import ConfigError


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Unknown keys are refused."""


class Account(_Section, frozen=True):
    """Who may bind."""

    name: str  # system_id; Source_Addr, at most six characters
    password: str = ""
    numbers: tuple[str, ...] = ()  # what subscribers send to these, and to longer numbers that begin so, is this account's
    window: int = 100  # submits without answer; one more is ESME_RMSGQFUL or flow control
    rate: float = 0  # submits a second; more are ESME_RTHROTTLED or flow control; 0 = any
    binds: int = 8  # at one time

    def __repr__(self) -> str:
        return f"Account({self.name!r})"


class Ids(_Section, frozen=True):
    """How SMPP spells a message's number: format strings. CMPP's ids are numbers."""

    answer: str = "{:08x}"
    receipt: str = "{:08x}"
    first: int = 0x10001  # of an empty log; else the log's last is gone on from


class Receipts(_Section, frozen=True):
    form: str = "standard"  # one of receipts.FORMS, or a text with {id}, {stat} … of its own
    parameters: bool = True  # receipted_message_id and message_state, too
    network_error: bool = True  # network_error_code, where the error is not 0
    reference: bool = True  # user_message_reference comes back
    short_frames: bool = False  # CMPP: reports of 60 octets in frames of 3.0, too
    after: float = 0.2  # from submit to receipt, where the handset says nothing else
    zone: str = "Asia/Shanghai"
    again: float = 2.0  # a delivery that is refused or not answered is tried again after so long
    tries: int = 100


class Rule(_Section, frozen=True):
    """What happens to messages that match: the first rule that does counts."""

    receiver: str = "*"  # shell pattern
    text: str = ""  # stands somewhere in the text
    state: str = "DELIVRD"  # what the receipt says; "" = never one
    error: int = 0
    after: float | None = None
    reply: str = ""  # the subscriber answers
    reply_after: float = 0.5
    status: int = 0  # the submit is refused with it


class Drawn(_Section, frozen=True):
    """Faults that come by themselves."""

    seed: int = 1
    rates: Mapping[str, float] = {}  # by fault's name: share of its occasions


class Settings(_Section, frozen=True):
    protocol: Literal["smpp", "cmpp"] = "smpp"
    name: str = "centre"  # system_id of the centre
    host: str = "127.0.0.1"
    port: int = 0  # 0 = any free one
    version: Literal["2.0", "3.0"] = "3.0"  # highest that CMPP speaks
    accounts: tuple[Account, ...] = ()
    answer_after: float = 0
    down_window: int = 10  # receipts and messages without answer
    probe_after: float = 30
    probe_timeout: float = 10
    answer_timeout: float = 60
    ids: Ids = Ids()
    receipts: Receipts = Receipts()
    handsets: tuple[Rule, ...] = ()
    faults: Drawn = Drawn()


def load(path: Path) -> Settings:
    """A settings file. ConfigError opens with its path."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), Settings, strict=False)
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{path}: {error}") from error
