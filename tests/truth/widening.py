"""The order in which a verdict may lose sharpness when a feed is missing, as data. A cause has its row with it where that decides."""

from __future__ import annotations

from typing import Final

from mmsd.model import Delivery

WIDER: Final = {  # each reading, and what it becomes with less to go by
    "EXPIRED": ("UNKNOWN",),
    "NO_PUSH": ("EXPIRED",),
    "NO_RETRIEVE": ("EXPIRED",),
    "RETRIEVE_FAILED": ("EXPIRED",),
    "HANDSET_FULL": ("NO_PUSH",),
    "NOT_PROVISIONED N4": ("NO_PUSH",),
    "BAD_APN U10": ("NO_RETRIEVE",),
    "BAD_PROXY U8": ("NO_RETRIEVE",),
    "BAD_MMSC_URL U6": ("NO_RETRIEVE",),
    "BAD_MMSC_URL U7": ("NO_RETRIEVE",),
    "UNSUPPORTED U1": ("NO_RETRIEVE",),
    "NO_PDP": ("NO_RETRIEVE",),
    "BAD_APN U2": ("NO_PDP",),
    "BAD_APN U3": ("NO_PDP",),
    "NOT_PROVISIONED U4": ("NO_PDP",),
    "NODE_FAULT U5": ("NO_PDP",),
    "NODE_FAULT T1": ("RETRIEVE_FAILED", "NO_RETRIEVE"),  # NO_RETRIEVE: no gateway is read, so what it answered is not seen
    "NOT_PROVISIONED T2": ("RETRIEVE_FAILED",),
    "BAD_PROXY T4": ("NO_RETRIEVE",),
    "RETRIEVE_FAILED T5": ("NO_RETRIEVE",),
    "EXPIRED T3": ("NO_RETRIEVE",),
    "RETRIEVE_FAILED T6": ("RETRIEVE_FAILED", "OK_UNCONFIRMED D3"),  # a broken answer is not seen
    "OK_UNCONFIRMED D2": ("OK_UNCONFIRMED D3",),  # the finding is invisible
    "OK D1": ("DELAYED D4",),  # without reports lateness counts from the fetch, .7
    # Mbuni's NotifyResp names the transaction alone: without the push nobody knows of which message
    "REJECTED R1": ("EXPIRED",),
    "OK_UNCONFIRMED": ("OK_UNCONFIRMED D3",),
    # alive: that the handset was on a gateway contradicts the report; without the gateway the report stands alone (N4, N5)
    "NO_PUSH N6": ("NO_PUSH", "NOT_PROVISIONED N4"),
}


def reading(delivery: Delivery) -> str:
    """ "open", "orphan", or cause and row."""
    if delivery.orphan:
        return "orphan"
    return f"{delivery.cause} {delivery.rule}" if delivery.outcome != "open" and delivery.cause else "open"


def wider(told: str) -> set[str]:
    """All that a reading may become: itself, its ancestors (with and without row), and nothing at all."""
    found: set[str] = set()
    waiting = [told]
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        found.add(one)
        waiting += WIDER.get(one, ())
        if " " in one:
            waiting += [*WIDER.get(one.split()[0], ())]
    return found | {"open", "orphan"}


def may_become(sharp: Delivery, blunt: Delivery) -> bool:
    """Whether `blunt` is `sharp` said with less to go by: the same cause no surer than before, or a wider one."""
    before, after = reading(sharp), reading(blunt)
    if after in ("open", "orphan"):
        return True
    if sharp.cause == blunt.cause and sharp.outcome == blunt.outcome:
        return blunt.confidence <= sharp.confidence or sharp.rule != blunt.rule
    return bool({after, blunt.cause} & wider(before))
