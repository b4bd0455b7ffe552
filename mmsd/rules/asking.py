"""A word sent to a short code brings the seed (`[request]` of a campaign file): which campaign a message asks for, and what it is answered.

A seed is sent once to a number in a while, however often it is asked for; before the campaign, after it and while it pauses the answer is a
text. What was asked for is an answer to the subscriber's own message: of class *transactional*, and no opt-out from advertising holds it.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Final, NamedTuple

import msgspec

from mmsd.model import DAY, HOUR, SECOND, Composed, Heard, Holder, Outgoing
from mmsd.rules import outbox
from mmsd.rules.answers import plain
from mmsd.rules.audience import PURPOSE, never_left, row_key
from mmsd.rules.campaign import dates
from mmsd.rules.forwards import language_of
from mmsd.rules.settings import CampaignSettings

KIND: Final = "transactional"
ANSWER: Final = "answer"
"""The purpose of the text that says why there is no seed."""
HOW: Final = "keyword"
IN_CONVERSATION: Final = 2
"""Priority: somebody waits for it."""

EARLY, OVER, PAUSED = "early", "over", "paused"
"""Why there is no seed, as the texts of `[request]` are named."""


class Wanted(NamedTuple):
    """A campaign, and the seed of it that its word brings. Times are µs UTC."""

    campaign: CampaignSettings
    seed: str  # "": the first there is a message of
    starts: int
    ends: int

    @property
    def label(self) -> str:
        """campaign/seed."""
        return f"{self.campaign.id}/{self.seed}"

    def shut(self, at: int, state: str = "running") -> str:
        """Why nobody gets it then, "" when they do. `state`: of the campaign's life."""
        if at >= self.ends or state == "closed":
            return OVER
        if at < self.starts or state in ("draft", "checked"):
            return EARLY
        return PAUSED if state == "paused" else ""


class Words:
    """All campaigns' words."""

    def __init__(self, campaigns: Sequence[CampaignSettings], zones: Callable[[str], tzinfo]) -> None:
        self._wanted: defaultdict[str, list[Wanted]] = defaultdict(list)
        for campaign in campaigns:
            request = campaign.request
            starts, ends = dates(campaign, zones(campaign.zone))
            for word in request.keywords:
                self._wanted[plain(word)].append(Wanted(campaign, request.seed, starts, ends))

    def asked(self, heard: Heard) -> Wanted | None:
        """What a message asks for; None: it is not for a campaign.

        Of several that have the word the one that runs, begun last; else the next to begin; else the last that was.
        """
        if heard.data is not None:
            return None
        found = [
            wanted
            for wanted in self._wanted.get(plain(heard.text), ())
            if wanted.campaign.request.short_code in ("", heard.service.removeprefix("+"))
        ]
        runs = [wanted for wanted in found if not wanted.shut(heard.at)]
        if runs:
            return max(runs, key=lambda wanted: wanted.starts)
        coming = [wanted for wanted in found if heard.at < wanted.starts]
        if coming:
            return min(coming, key=lambda wanted: wanted.starts)
        return max(found, key=lambda wanted: wanted.ends, default=None)


class Answer(NamedTuple):
    """What a message brings; neither: he has, or gets, what he asked for before."""

    row: Outgoing | None = None
    holder: Holder | None = None


def answer(
    heard: Heard, wanted: Wanted, content: Composed | None, holder: Holder | None, row: Outgoing | None, *, key: bytes, now: int,
    state: str = "running",
) -> Answer:  # fmt: skip
    """`content`: the seed's message, None when there is none yet; `holder`, `row`: what the sender has of it, and by which outbox row."""
    shut = wanted.shut(heard.at, state) or ("" if content is not None else PAUSED)
    if shut or content is None:
        return Answer(_text(heard, wanted, shut, key=key, now=now))
    attempt = 1
    if holder is not None:
        attempt = holder.attempt + 1
        if holder.key and not holder.ended and not _again(heard, wanted, holder, row):
            return Answer()
    campaign, number = wanted.campaign, heard.msisdn
    asked_for = row_key(key, campaign.id, wanted.seed, number, attempt)
    expires = min(now + int(campaign.request.expires * SECOND), max(wanted.ends, now + HOUR))
    brought = Outgoing(
        asked_for, KIND, PURPOSE, number, "", outbox.READY, now, expires, IN_CONVERSATION, content=content.name, campaign=campaign.id,
        asked=heard.at,
    )  # fmt: skip
    if holder is None or holder.ended:
        has = Holder(campaign.id, wanted.seed, number, HOW, "asked", heard.at, attempt=attempt, key=asked_for)
    else:  # the draw he was in before stands: groups are compared as they were drawn
        has = msgspec.structs.replace(holder, how=HOW, at=heard.at, attempt=attempt, key=asked_for)
    return Answer(brought, has)


def _again(heard: Heard, wanted: Wanted, holder: Holder, row: Outgoing | None) -> bool:
    """Whether it is sent to somebody once more."""
    if row is not None and row.state in (outbox.READY, outbox.HELD, outbox.SENDING, outbox.UNCERTAIN, outbox.PARKED):
        return False
    if row is not None and (row.state == outbox.FAILED or (holder.how != HOW and never_left(row))):
        return True
    return heard.at - holder.at >= int(wanted.campaign.request.again * SECOND)


def _text(heard: Heard, wanted: Wanted, shut: str, *, key: bytes, now: int) -> Outgoing:
    """Why there is no seed; once an hour is enough. No row of the campaign's: those wait while it does not run."""
    request = wanted.campaign.request
    in_chinese = language_of(heard.msisdn, wanted.campaign) == "zh"
    body = {
        EARLY: request.early_zh if in_chinese else request.early_en,
        OVER: request.over_zh if in_chinese else request.over_en,
        PAUSED: request.paused_zh if in_chinese else request.paused_en,
    }[shut]
    name = f"{wanted.campaign.id}\0{shut}\0{heard.msisdn}\0{heard.at // HOUR}".encode()
    told = hashlib.blake2b(name, digest_size=16, key=key, person=b"mmsd-answer").digest()
    return Outgoing(
        told, KIND, ANSWER, heard.msisdn, body, outbox.READY, now, now + DAY, IN_CONVERSATION,
        sub_code=heard.sub_code, link_id=heard.link_id, asked=heard.at,
    )  # fmt: skip
