"""A receipt's text, as centres of different makes write it (SMPP 3.4 appendix B is only the commonest)."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Final

from mmsd.model import SECOND
from sim.centre.settings import Ids
from sim.centre.values import Report

FORMS: Final = {
    "standard": "id:{id} sub:001 dlvrd:{dlvrd:03d} submit date:{submitted} done date:{done} stat:{stat} err:{err:03d} text:{text}",
    "seconds": "id:{id} sub:001 dlvrd:{dlvrd:03d} submit date:{submitted_s} done date:{done_s} stat:{stat} err:{err:03d} Text:{text}",
    "terse": "id:{id} stat:{stat} err:{err}",
    "capitals": "ID:{id} SUB:001 DLVRD:{dlvrd:03d} SUBMIT DATE:{submitted} DONE DATE:{done} STAT:{stat} ERR:{err:03d} TEXT:{text}",
    "shuffled": "stat:{stat} err:{err:03d} done date:{done} submit date:{submitted} id:{id}",
    "underscored": "id:{id} submit_date:{submitted} done_date:{done} status:{stat} error:{err}",
    "no text": "",
}
"""By name: what stands in short_message. The last leaves it to the optional parameters."""

_TEXT: Final = 20  # characters of the message that a receipt repeats


def text(report: Report, form: str, ids: Ids, zone: tzinfo) -> str:
    """The text of a receipt in a form of FORMS, or in one that the settings spell out.

    >>> from datetime import UTC
    >>> seen = Report(0xF3A0, "DELIVRD", 0, "10657", "8613900000001", 1_790_000_000_000_000, 1_790_000_060_000_000)
    >>> text(seen, "shuffled", Ids(receipt="{:d}"), UTC)
    'stat:DELIVRD err:000 done date:2609211414 submit date:2609211413 id:62368'
    """
    return FORMS.get(form, form).format(
        id=identity(report, ids),
        dlvrd=1 if report.delivered else 0,
        submitted=_minute(report.submitted, zone),
        done=_minute(report.done, zone),
        submitted_s=_minute(report.submitted, zone, "%S"),
        done_s=_minute(report.done, zone, "%S"),
        stat=report.state,
        err=report.error,
        text=report.text[:_TEXT].encode("ascii", "replace").decode(),
    )


def identity(report: Report, ids: Ids) -> str:
    """The message's number as the receipt spells it.

    >>> identity(Report(0xF3A0, "", 0, "", "", 0, 0, other_base=True), Ids(receipt="{:08x}"))
    '62368'
    """
    if report.other_base:
        return f"{report.number:d}" if "x" in ids.receipt.lower() else f"{report.number:X}"
    return ids.receipt.format(report.number)


def _minute(at: int, zone: tzinfo, more: str = "") -> str:
    return datetime.fromtimestamp(at // SECOND, zone).strftime("%y%m%d%H%M" + more)
