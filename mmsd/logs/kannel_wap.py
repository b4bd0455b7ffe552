"""The access log of Kannel's wapbox: one line a request, written when the origin has answered.

Traps: only the *answer's* type is logged, so a POST to a dead MMSC and a failed web form look alike. 502 with an empty type means that the
origin could not be reached. The APN is never logged. The number is that of the RADIUS session holding the address, `-` when none did.
"""

from __future__ import annotations

from datetime import tzinfo
from typing import ClassVar, Final, Self

from mmsd.logs.dialect import Key, LineDialect
from mmsd.logs.options import Options
from mmsd.logs.plan import Field, Form, Numbering, Plan, address, content_type, integer, ipv4, moment, one_of, text, url
from mmsd.model import CodeSet, Kind, Method

METHODS: Final = {"GET": Method.GET, "POST": Method.POST, "HEAD": Method.HEAD, "CONNECT": Method.CONNECT}

_AT: Final = moment("%Y-%m-%d %H:%M:%S")


def method() -> Field:
    """A request's method as `model.Method`."""
    return one_of(METHODS, column="method", default=Method.OTHER)


PLAN: Final = Plan(
    "kannel-wap",
    Form(
        "{at} {address} {receiver} {method} <{url}> ({type}, charset='{}') {octets} {status} <{agent}> <{}>",
        set={"kind": Kind.ATTEMPT, "code_set": CodeSet.HTTP},
        at=_AT,
        address=ipv4("address"),
        receiver=address("receiver").keep("receiver"),
        method=method(),
        url=url().keep("host", "path"),
        type=content_type("answer_type"),
        octets=integer("octets"),
        status=integer("status"),
        agent=text("agent").last(),
    ),
    Form("{at} Log begins", at=_AT, ignore=True),
    Form("{at} Log ends", at=_AT, ignore=True),
)


class KannelWap(LineDialect):
    """`kannel-wap`: no options of its own."""

    name: ClassVar[str] = "kannel-wap"
    summary: ClassVar[str] = "Kannel wapbox access log"

    @classmethod
    def build(cls, options: Options, *, zone: tzinfo, key: Key, numbering: Numbering) -> Self:
        return cls(PLAN, zone=zone, key=key, numbering=numbering)
