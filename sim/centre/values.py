"""What passes through the SMS centre: a submit, a taken part, a whole message, a receipt, a message from a handset. Times are µs UTC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from mmsd.codec import sms
from mmsd.codec.session import Body, Dialect, Tlvs

NEVER_ID: Final = 999_999_999
"""The number of a message that never was: receipts of unknown ids carry it."""


class Submit(NamedTuple):
    """What a submit asks, in either protocol."""

    sender: str
    receivers: tuple[str, ...]
    udh: bytes  # with its length octet
    header: sms.Udh  # what it says; ports and place of optional parameters and Pk_number told the same way
    data: bytes  # behind the header
    coding: int  # data_coding, Msg_Fmt
    text: str  # the data as people read it; octets as Latin-1
    reference: int | None  # user_message_reference
    receipts: int  # wanted: 0 none, 1 of any outcome, 2 of a failure

    @property
    def is_text(self) -> bool:
        """Whether people are to read it."""
        return sms.coding(self.coding) is not sms.Coding.OCTETS


@dataclass(slots=True, eq=False)
class Part:
    """One submit to one receiver that the centre took, and what became of it since."""

    number: int
    identity: str  # as its answer spelled it
    at: int
    account: str
    receiver: str
    submit: Submit
    fault: str = ""  # what went wrong on purpose
    state: str = "ENROUTE"
    error: int = 0
    done: int = 0


class Message(NamedTuple):
    """A message as its receiver reads it: joined from its parts, in order."""

    parts: tuple[Part, ...]
    text: str
    data: bytes

    @property
    def sender(self) -> str:
        return self.parts[0].submit.sender

    @property
    def receiver(self) -> str:
        return self.parts[0].receiver

    @property
    def ports(self) -> tuple[int, int]:
        """Destination, source; 0 = none."""
        header = self.parts[0].submit.header
        return header.destination, header.source


class Report(NamedTuple):
    """What a receipt is to say of a part."""

    number: int
    state: str  # a word of SMPP's, or what a gateway of CMPP writes (MK:0012)
    error: int
    sender: str  # of the message; the receipt goes there
    receiver: str
    submitted: int
    done: int
    text: str = ""
    reference: int | None = None
    intermediate: bool = False
    other_base: bool = False  # its id in hexadecimal where the setting says decimal, and the other way

    @property
    def delivered(self) -> bool:
        return self.state == "DELIVRD"


class Incoming(NamedTuple):
    """What a subscriber sends: a text, or octets with ports."""

    sender: str
    receiver: str  # short code and sub-code
    text: str | None = None
    data: bytes = b""
    header: sms.Udh = sms.Udh()
    long: str = "udh"  # how a long one is carried: udh, and in SMPP sar or payload


class Down(NamedTuple):
    """A request of the centre, ready for the session."""

    command: int
    body: Body
    tlvs: Tlvs = ()


@dataclass(slots=True, eq=False)
class Parcel:
    """Something for an account, kept until the account has acknowledged it."""

    kind: str  # receipt, incoming
    receiver: str
    say: Callable[[Dialect], Down]  # in the version that the session agreed on
    tries: int = 0
