"""What each feed can show: "feeds × causes" (evidence table §5) as data, a row for each true cause, a column for each set of feeds.

A cell holds the causes a verdict may name; the first is what it should. A cell that names another cause than the row's is a *wider* one
(`W` in the table). A row whose fault nobody can see (`–`) reads as if the message had been delivered. Columns add up from left to right;
the last three are all feeds but one kind, where the table's own columns do not reach: a verdict may be wider there, never another.

Where a cell is wider than the table says, a footnote here gives the reason. Nothing in it comes from mmsd.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

COLUMNS: Final = ("mmsc", "sms", "gateway", "radius-mms", "radius-all", "sgsn", "no-sms", "no-gateway", "no-radius")

KINDS: Final = frozenset({"mmsc", "sms", "gateway", "radius-mms", "radius-all", "sgsn"})
"""Kinds of feed. RADIUS is of the MMS access point alone, or of all. Beside them "list": what the operator imports of handsets."""


class Cell(NamedTuple):
    """One row: what the truth is called, whether the regulatory ratio leaves it out, its readings by column, the finding it speaks for."""

    cause: str
    user: bool  # a cause on the user's side: "yes" under "reg."
    readings: Mapping[str, tuple[str, ...]]
    hint: str = ""  # the finding, from the gateway's column on for BAD_MMSC_URL, from the first where it is said for the others


def _cell(
    cause: str, columns: Mapping[str, str] = {}, *, user: bool = False, hint: str = "", no_sms: str = "", no_gateway: str = "", **more: str
) -> Cell:
    """Each column says what the one to its left does, unless it is given; the first, without a word, the cause itself."""
    columns = {**columns, **more}
    no_sms, no_gateway = no_sms or columns.get("no_sms", ""), no_gateway or columns.get("no_gateway", "")
    readings: dict[str, tuple[str, ...]] = {}
    said = cause
    for column in COLUMNS[:6]:
        said = columns.get(column.replace("-", "_"), said)
        readings[column] = tuple(said.split())
    readings["no-sms"] = tuple((no_sms or said).split())
    readings["no-gateway"] = tuple((no_gateway or said).split())
    shown = readings["sgsn"] if readings["sgsn"] != readings["radius-all"] else ()  # by the SGSN, with or without accounting
    readings["no-radius"] = (*readings["gateway"], *shown)
    return Cell(cause, user, readings, hint)


_WIDE: Final = {"mmsc": "EXPIRED", "no_sms": "EXPIRED"}  # nothing shows that a push arrived
_UNFETCHED: Final = {**_WIDE, "sms": "NO_RETRIEVE"}


def _unfetched(cause: str) -> dict[str, str]:
    """What comes after a push tells its cause; whether the push came is not known without a receipt, and the MMSC has a line of it."""
    return {**_UNFETCHED, "no_sms": f"EXPIRED {cause}"}


_SEEN: Final = {"mmsc": "EXPIRED", "sms": "NO_RETRIEVE", "no_gateway": "NO_RETRIEVE"}  # a request at the gateway; its path names the push
_STOPPED: Final = {**_SEEN, "no_sms": "EXPIRED BAD_PROXY"}  # before the gateway

CELLS: Final[Mapping[str, Cell]] = {
    # ------------------------------------------------------------------------------------------------ by the MMSC's own word
    "INTERWORKING": _cell("INTERWORKING"),
    "SUBMIT_FAILED": _cell("SUBMIT_FAILED"),
    "NOT_PROVISIONED: by the MMSC": _cell("NOT_PROVISIONED"),
    "NODE_FAULT: by the MMSC": _cell("NODE_FAULT"),
    "RETRIEVE_FAILED: by the MMSC": _cell("RETRIEVE_FAILED"),
    "UNSUPPORTED: by the MMSC": _cell("UNSUPPORTED", user=True),
    "UNSUPPORTED: refused": _cell("UNSUPPORTED", user=True),
    "UNSUPPORTED: album": _cell("UNSUPPORTED", user=True),
    # ----------------------------------------------------------------------------------------------------- delivered
    "OK": _cell("OK"),
    # (1) its owner let it lie, or found the node down: without the receipt only the fetch tells when the push arrived, so late it is
    "OK: fetched late": _cell("OK", mmsc="OK DELAYED", sms="OK", no_sms="OK DELAYED"),
    "DELAYED": _cell("DELAYED"),
    "OK: just in time": _cell("OK", mmsc="OK DELAYED"),  # or just not: nodes write whole seconds
    "OK_UNCONFIRMED": _cell("OK_UNCONFIRMED"),
    "BAD_MMSC_URL: retrieved": _cell("OK_UNCONFIRMED", hint="BAD_MMSC_URL"),
    # ------------------------------------------------------------------------------------------------------- refused
    # (2) Mbuni's NotifyResp names the transaction, which the push alone ties to the message: without it one waiting message only
    "REJECTED": _cell("REJECTED", user=True, mmsc="REJECTED EXPIRED", sms="REJECTED", no_sms="REJECTED EXPIRED"),
    "UNSUPPORTED: content": _cell("UNSUPPORTED", user=True, mmsc="UNSUPPORTED EXPIRED", sms="UNSUPPORTED", no_sms="UNSUPPORTED EXPIRED"),
    # ------------------------------------------------------------------------------------------------- push not there
    "NO_PUSH": _cell("NO_PUSH", _WIDE, user=True, sms="NO_PUSH"),
    "HANDSET_FULL": _cell("HANDSET_FULL", _WIDE, user=True, sms="HANDSET_FULL"),
    "NOT_PROVISIONED: push report": _cell("NOT_PROVISIONED", _WIDE, user=True, sms="NOT_PROVISIONED"),
    # no final report ever: NO_PUSH and NO_RETRIEVE read EXPIRED
    "EXPIRED: no reports": _cell("EXPIRED", user=True),
    # ---------------------------------------------------------------------------------------------------- not fetched
    "NO_RETRIEVE": _cell("NO_RETRIEVE", _UNFETCHED, user=True),
    # (2), the other way: an answer `Deferred` that is tied to its message proves that the push came
    "NO_RETRIEVE: put off": _cell("NO_RETRIEVE", user=True, mmsc="EXPIRED NO_RETRIEVE", sms="NO_RETRIEVE", no_sms="EXPIRED NO_RETRIEVE"),
    "BAD_APN: internet APN": _cell("BAD_APN", _unfetched("BAD_APN"), user=True, hint="BAD_APN", radius_all="BAD_APN"),
    # pushes that the clocks do not tell apart are one: it may be the third case, or not yet
    "BAD_APN: pushes in one moment": _cell(
        "BAD_APN", _unfetched("BAD_APN"), user=True, hint="BAD_APN", radius_all="BAD_APN NO_RETRIEVE"
    ),
    "BAD_APN: before the 3rd case": _cell("NO_RETRIEVE", _UNFETCHED, user=True, hint="BAD_APN"),
    "BAD_APN: unknown name": _cell(
        "BAD_APN", _unfetched("BAD_APN"), user=True, hint="BAD_APN", radius_all="NO_RETRIEVE NO_PDP", sgsn="BAD_APN"
    ),
    "NOT_PROVISIONED: packet data": _cell(
        "NOT_PROVISIONED", _unfetched("NOT_PROVISIONED"), user=True, radius_all="NO_PDP NO_RETRIEVE", sgsn="NOT_PROVISIONED"
    ),
    "NODE_FAULT: activation": _cell(
        "NODE_FAULT", _unfetched("NODE_FAULT"), radius_all="NO_RETRIEVE NO_PDP", sgsn="NODE_FAULT"
    ),
    "NO_PDP": _cell("NO_PDP", _UNFETCHED, user=True, hint="NO_PDP", radius_all="NO_PDP"),
    "NO_PDP: before 30 days": _cell("NO_RETRIEVE", _UNFETCHED, user=True),
    "UNSUPPORTED: handset": _cell("UNSUPPORTED", user=True),  # by the list of handsets; it needs no other feed
    "UNSUPPORTED: handset, not known": _cell("UNSUPPORTED", _UNFETCHED, user=True, radius_all="NO_RETRIEVE NO_PDP"),
    "BAD_PROXY: new session": _cell("BAD_PROXY", _STOPPED, user=True, hint="BAD_PROXY", radius_mms="BAD_PROXY"),
    "BAD_PROXY: standing session": _cell("BAD_PROXY", _STOPPED, user=True),
    "BAD_PROXY: denied": _cell("BAD_PROXY", _SEEN, user=True, hint="BAD_PROXY", gateway="BAD_PROXY", no_sms="EXPIRED BAD_PROXY"),
    # ------------------------------------------------------------------------------------------------ fetched in vain
    "RETRIEVE_FAILED: broken on the way": _cell(
        "RETRIEVE_FAILED",
        mmsc="OK_UNCONFIRMED", gateway="RETRIEVE_FAILED", no_sms="OK_UNCONFIRMED RETRIEVE_FAILED", no_gateway="OK_UNCONFIRMED",
    ),
    # the load balancer answered: the MMSC has no line of it, so without a gateway it looks as if nobody had come
    "NODE_FAULT: 5xx": _cell("NODE_FAULT", _SEEN, gateway="NODE_FAULT", no_sms="EXPIRED NODE_FAULT"),
    # (2) again: he had put it off before
    "NODE_FAULT: 5xx, put off": _cell(
        "NODE_FAULT", {**_SEEN, "mmsc": "EXPIRED NO_RETRIEVE"}, gateway="NODE_FAULT", no_sms="EXPIRED NO_RETRIEVE NODE_FAULT"
    ),
    # the MMSC had handed it out before, in vain
    "NODE_FAULT: 5xx, broken": _cell(
        "NODE_FAULT", mmsc="OK_UNCONFIRMED", gateway="NODE_FAULT", no_sms="OK_UNCONFIRMED NODE_FAULT", no_gateway="OK_UNCONFIRMED"
    ),
    # (3) Mbuni writes no line where the message is gone; its feed alone shows that nobody fetched it in time
    "EXPIRED: too late": _cell(
        "EXPIRED", user=True, sms="NO_RETRIEVE EXPIRED", gateway="EXPIRED", no_sms="EXPIRED", no_gateway="NO_RETRIEVE EXPIRED"
    ),
}  # fmt: skip


def column(families: Collection[str]) -> str:
    """The column that stands for these kinds of feed; "" where no message is known, for the MMSC is not among them.

    >>> column({"mmsc", "sms"}), column({"mmsc", "gateway", "radius-all"}), column({"sms"})
    ('sms', 'no-sms', '')
    """
    kinds = KINDS.intersection(families)
    if "mmsc" not in kinds:
        return ""
    if "sms" not in kinds:
        return "no-sms" if "gateway" in kinds else "mmsc"
    if "gateway" not in kinds:
        return "no-gateway" if "radius-all" in kinds else "sms"
    if "radius-all" in kinds:
        return "sgsn" if "sgsn" in kinds else "radius-all"
    if "sgsn" in kinds and "radius-mms" not in kinds:
        return "no-radius"
    return "radius-mms" if "radius-mms" in kinds else "gateway"


def known(cell: str, families: Collection[str]) -> str:
    """The cell that fits when the operator's list of handsets is there, too ("list").

    >>> known("UNSUPPORTED: handset, not known", {"mmsc", "list"}), known("OK", {"mmsc", "list"})
    ('UNSUPPORTED: handset', 'OK')
    """
    return "UNSUPPORTED: handset" if "list" in families and cell == "UNSUPPORTED: handset, not known" else cell


def readings(cell: str, at: str) -> tuple[str, ...]:
    """The causes a verdict may name; the first is what it should.

    >>> readings("BAD_APN: internet APN", "gateway"), readings("NODE_FAULT: 5xx", "no-gateway")
    (('NO_RETRIEVE',), ('NO_RETRIEVE',))
    """
    return CELLS[cell].readings[at]


def right(cell: str, at: str, cause: str, confidence: float) -> bool:
    """Whether a verdict is right: one of the cell's causes, or the true one where the cell is wider and the verdict is no surer than .5.

    >>> right("BAD_PROXY: standing session", "sgsn", "BAD_PROXY", 0.5), right("BAD_PROXY: standing session", "sgsn", "BAD_PROXY", 0.85)
    (True, False)
    """
    return cause in readings(cell, at) or (cause == CELLS[cell].cause and confidence <= 0.5)
