"""What may befall one message to one handset, drawn by chance and free of contradictions, and the signs of it under any set of feeds.

A world says what happened, whoever watched. `signs` is what feeds let one know of it: the rules of docs/causes.md in another hand, without
lines. A push that did not arrive draws no reaction; a request at the gateway needs a session that reaches it; who has no MMS asks for none.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from mmsd.rules.causes import Signs

FEEDS: Final = ("mmsc", "peers", "sms", "gateway", "sessions", "apns", "sgsn", "handsets")
"""`apns` are the sessions beyond those of the MMS access point: nothing without `sessions`."""

REASONS: Final = ("refused", "rejected", "barred", "full", "absent")


@dataclass(frozen=True, slots=True)
class World:
    """One message: what came of it at each hop."""

    over: bool
    refused: str | None  # by the MMSC, for this cause
    out: str | None  # sent to another MMSC, which answered: ok, error, none
    arrived: bool
    reports: str  # delivered, failed, silent; a lying one says failed though it arrived
    reason: str
    get: str  # as at the gateway
    retrieved: str  # at the MMSC: retrieved, failed, none
    retrieve_rule: str
    post: str
    post_likely: bool
    answer: str
    late: bool
    late_fetch: bool  # had the fetch been the first sign of the push
    session: str  # expected, other-new, rejected, other-standing, none
    fast: bool
    silent: bool
    reject_rule: str
    others: int
    seen_before: bool
    no_mms: bool
    handset_old: bool
    alive: bool  # on a gateway for another matter
    final: str
    final_cause: str


def draw(chance: random.Random) -> World:
    """A world; every row of the table has its share."""
    pick = chance.choice
    refused = pick(("NOT_PROVISIONED", "SUBMIT_FAILED", "UNSUPPORTED", "NODE_FAULT", "")) if chance.random() < 0.06 else None
    out = pick(("ok", "error", "none")) if refused is None and chance.random() < 0.06 else None
    no_mms = chance.random() < 0.08
    arrived = refused is None and out is None and chance.random() < 0.75
    reacts = arrived and not no_mms and chance.random() < 0.75
    get = pick(("none", "none", "ok", "ok", "short", "denied", "denied-407", "gone", "5xx")) if reacts else "none"
    handed = {"ok": ("retrieved", "retrieved", "failed", "none"), "short": ("retrieved", "failed", "none")}
    at_mmsc = pick(handed.get(get, ("retrieved", "none", "none"))) if get in ("ok", "short", "5xx") else "none"
    retrieve_rule = pick(("", "T1", "T2", "T3", "T6", "R2")) if at_mmsc == "failed" and get == "ok" else ""
    whole = get == "ok" and at_mmsc == "retrieved"
    answers = ("none", "confirmed", "confirmed") if whole else ("none", "none", "deferred", "rejected", "unrecognised")
    answer = pick(answers) if reacts and get in ("none", "ok") and (whole or get == "none") else "none"
    post = "none"
    if answer != "none":
        post = "ok"
    elif reacts and (get == "none" or whole):
        post = pick(("none", "none", "wrong host", "wrong path", "denied" if get == "none" else "none", "5xx"))
    reached = get != "none" or post != "none"
    session = "expected" if reached else pick(("none", "other-standing", "expected", *(("other-new", "rejected") if arrived else ())))
    if no_mms and session in ("expected", "other-new", "rejected"):
        session = "none"
    late_fetch = chance.random() < 0.4
    delivered = at_mmsc == "retrieved"
    final, final_cause = "", ""
    if out is None and refused is None and chance.random() < 0.4:
        unread = ("expired", "expired", "unknown", "album", "forwarded", "system")
        final = "retrieved" if delivered else answer if answer in ("rejected", "unrecognised") else pick(unread)
        final_cause = pick(("NOT_PROVISIONED", "NODE_FAULT", "")) if final == "system" else ""
        if final == "expired" and get in ("short", "ok"):
            final_cause = pick(("", "RETRIEVE_FAILED"))
    lies = arrived and chance.random() < 0.05
    reports = pick(("delivered", "delivered", "silent")) if arrived and not lies else pick(("failed", "failed", "silent"))
    return World(
        over=chance.random() < 0.93, refused=refused, out=out, arrived=arrived, reports=reports, reason=pick(REASONS), get=get,
        retrieved=at_mmsc, retrieve_rule=retrieve_rule, post=post, post_likely=chance.random() < 0.5, answer=answer,
        late=late_fetch and chance.random() < 0.5, late_fetch=late_fetch, session=session, fast=arrived and chance.random() < 0.5,
        silent=session == "expected" and not reached, reject_rule=pick(("", "U2", "U3", "U4", "U5")), others=pick((1, 2, 3, 4)),
        seen_before=chance.random() < 0.6, no_mms=no_mms, handset_old=chance.random() < 0.3, alive=chance.random() < 0.3,
        final=final, final_cause=final_cause,
    )  # fmt: skip


def signs(world: World, feeds: frozenset[str]) -> Signs:
    """What these feeds let one know of it."""
    found = Signs(over=world.over)
    mmsc, gateway = "mmsc" in feeds, "gateway" in feeds
    _by_the_mmsc(found, world, feeds)
    if gateway:
        found.get, found.post = world.get, world.post
        found.post_likely = world.post_likely and world.post in ("wrong host", "wrong path")
        found.doubted = mmsc and world.retrieved == "retrieved" and world.get in ("short", "5xx") and world.answer != "confirmed"
    proved = (gateway and world.get != "none") or (mmsc and (world.retrieved != "none" or found.c not in ("none", "n/c")))
    if proved:
        found.p = "delivered"
    elif "sms" not in feeds:
        found.p = "n/c"
    else:
        found.p = {"delivered": "delivered", "failed": "failed", "silent": "unknown"}[world.reports]
        found.p_reason = world.reason if found.p == "failed" else ""
    if found.r == "retrieved":
        reported = "sms" in feeds and world.reports == "delivered"
        found.late_by_fetch, found.late = not reported, world.late if reported else world.late_fetch
    if "handsets" in feeds:
        found.h, found.h_old = ("no MMS" if world.no_mms else "MMS"), world.handset_old
    if found.p == "failed":
        busy = world.alive or world.get != "none" or world.post != "none"
        found.alive = ("yes" if busy else "no") if gateway else "n/c"
    else:
        _by_sessions(found, world, feeds)
    return found


def _by_the_mmsc(found: Signs, world: World, feeds: frozenset[str]) -> None:
    if "mmsc" not in feeds:
        found.m = "n/c"
        return
    if world.refused is not None:
        found.m, found.m_cause = "refused", world.refused
    elif world.out is not None:
        found.m, found.peer = "sent_out", world.out if "peers" in feeds else "n/c"
    elif world.final:
        found.m, found.m_final, found.m_cause = "final", world.final, world.final_cause
    found.r, found.r_rule = world.retrieved, world.retrieve_rule
    # an answer names the notification: without the push nobody knows of which message
    found.c = world.answer if "sms" in feeds else "none"


def _by_sessions(found: Signs, world: World, feeds: frozenset[str]) -> None:
    if world.session == "rejected" and "sgsn" in feeds:
        found.s, found.s_rule = "rejected", world.reject_rule
        return
    if "sessions" not in feeds:
        return
    session = "none" if world.session == "rejected" else world.session
    found.s = session if session == "expected" or "apns" in feeds else "not-mms"
    found.s_fast = session == "expected" and world.fast
    found.s_silent = session == "expected" and world.silent and "gateway" in feeds
    found.other_new = world.others if found.s == "other-new" else 0
    found.seen_before = world.seen_before
