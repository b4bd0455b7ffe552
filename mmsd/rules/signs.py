"""The signs of one thread (evidence table §1, §2, §7): what MMSC, SMSC, gateway and accounting showed, in the table's own words.

Everything is bounded by event time: an absence speaks only up to `horizon`, and a line beyond the deadline changes no sign that
speaks of absence. So the signs of a closed delivery do not depend on how far a neighbour feed happened to be read (rule R5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mmsd.model import DAY, SECOND, Content, Kind, PushState
from mmsd.rules.causes import Signs
from mmsd.rules.codes import BAD_REPORTS, REASONS, Code
from mmsd.rules.relate import DEFERRED, NEVER, RETRIEVED, Context, Covered, Dossier, Thread
from mmsd.rules.settings import Judgement
from mmsd.rules.traces import (
    ASKED,
    AT,
    AUTHORITY,
    CODE_SET,
    ERROR,
    EXTRA,
    FEED,
    KIND,
    LINK,
    OTHER,
    OUTSIDE,
    PATH,
    SIZE,
    STATUS,
    WHERE,
    A,
    B,
    C,
    D,
    Trace,
)  # fmt: skip

ANSWERED: Final = (0, 4, 7)
"""Interfaces on which whoever gets a message answers: another MMSC, an application, or what the node does not say. E-mail has no answer."""

GONE: Final = (404, 410)
REJECTED, UNRECOGNISED = 130, 132
"""X-Mms-Status of an answer (`codes`, set mm1-status)."""


@dataclass(slots=True)
class Seen:
    """A thread's signs and the times that judgement turns on."""

    signs: Signs
    due: int  # event time at which the next absence may be judged
    expiry: int
    expires: int  # the end of the window, before grace …
    expires_by: str  # … and by whose word: final, notification, record, window
    pushed: int
    retrieved: int
    closed: int  # the line or the deadline that closed it
    attempts: list[tuple[Trace, str, str]]  # (POST, strength, what it shows)
    used: list[Trace]  # gateway and session lines the signs rest on


def look(thread: Thread, dossier: Dossier, context: Context, horizon: int) -> Seen:
    """Gathers the signs of one thread as known at `horizon`: event time up to which every needed feed has been read."""
    settings, covered = context.settings, context.covered
    pushes = thread.leg.pushes if thread.leg else []
    pushed = pushes[0][AT] if pushes else (thread.notifies[0][AT] if thread.notifies else 0)
    retrieved = thread.retrieved_at
    finals = ((t, word) for t in thread.finals if (word := final_word(t, context)))
    final, word = min(finals, key=lambda found: (found[0][AT], found[0][WHERE]), default=(None, ""))
    expiry, by = _expiry(thread, settings.window)
    expires, by = (expiry, by) if final is None else (final[AT], "final")
    deadline = final[AT] if final is not None else expiry + int(settings.grace * SECOND)
    confirm = min(max(deadline, retrieved), retrieved + int(settings.confirm * SECOND)) if retrieved else deadline
    due = confirm if retrieved else deadline
    skew = int(settings.skew * SECOND)
    ripe = due if final is not None and not retrieved else due + skew
    signs = Signs(over=horizon >= ripe)
    used: list[Trace] = []
    missing = []
    if covered.mmsc is None:
        missing.append("mmsc")
    if covered.sms is None:
        missing.append("sms")
    if covered.gateway is None:
        missing.append("gateway")
    if covered.sessions is None:
        missing.append("sessions")
    signs.not_covered = tuple(missing)

    if covered.mmsc is None:
        signs.m = "n/c"
    if final is not None:
        signs.m, signs.m_final, signs.m_cause = "final", word, code_of(final, context).cause
    elif thread.refused and thread.opened is not None:
        signs.m, signs.m_cause = "refused", code_of(thread.opened, context).cause
    elif thread.out:
        signs.m = "sent_out"
    signs.peer = _peer(thread, context)

    until = max(due, retrieved)
    gets = [get for get in thread.gets if get[AT] <= until + skew] or _too_late(thread, until + skew, horizon, settings)
    _sign_retrieval(signs, thread, gets, context)
    _sign_confirmation(signs, thread, covered)
    _sign_get(signs, thread, gets, covered)
    attempts = _sign_posts(signs, thread, dossier, context, pushed, until)
    _sign_push(signs, thread, gets, context, until)
    if signs.r == "retrieved" and thread.opened is not None:
        firsts = [t[AT] for t in thread.reports if t[B] == PushState.DELIVERED and t[AT] <= retrieved]
        signs.late_by_fetch = not firsts
        answered = [t[AT] for t in thread.answers]  # `Deferred`, say: it has the notification
        signs.late = min([*firsts, *answered, retrieved]) - thread.began > settings.late * SECOND
    refused = signs.c in ("rejected", "unrecognised") or signs.m_final in ("rejected", "unrecognised", "forwarded")
    if not signs.over or signs.r == "retrieved" or refused:  # nothing rests on what is absent
        return Seen(signs, ripe, expiry, expires, by, pushed, retrieved, _closing(signs, thread, due, final), attempts, used)
    gone = _gone(signs, thread, dossier, context, pushed or thread.began, until)
    if signs.p == "failed":
        _sign_alive(signs, dossier, context, pushed, expiry, used)
    else:
        _sign_session(signs, thread, dossier, context, until, used)
    _uncover(signs, gone)
    return Seen(signs, ripe, expiry, expires, by, pushed, retrieved, _closing(signs, thread, due, final), attempts, used)


def _too_late(thread: Thread, after: int, horizon: int, settings: Judgement) -> list[Trace]:
    """The first request that came when it was all over, as long as a verdict may change: the message was gone (T3)."""
    last = min(after + int(settings.restate * SECOND), horizon)
    return next(([get] for get in thread.gets if after < get[AT] <= last and get[STATUS] in GONE), [])


def _gone(signs: Signs, thread: Thread, dossier: Dossier, context: Context, start: int, stop: int) -> frozenset[str]:
    """Kinds of feeds that show only part of what happened within these times: what they do not show is not covered."""
    kinds = [kind for kind in ("mmsc", "sms", "gateway", "sessions") if kind not in signs.not_covered]
    gone = {kind for kind in kinds if context.broken(kind, thread.domain, start, stop)}
    expected = context.expected.mms_apns
    reached = {
        (s[PATH], s[ERROR] & 0xFFFFFFFF)
        for s in dossier.sessions
        if s[KIND] != Kind.SESSION_REJECT and s[PATH] in expected and start <= s[AT] + max(s[EXTRA], 0) and s[AT] <= stop
    }
    if not context.scopes.gateway(expected, reached):
        gone.add("gateway")
    if not context.scopes.every_link and (not thread.leg or signs.p == "n/c"):
        gone.add("sms")
    if not all(context.scopes.ggsn(s[OTHER]) for s in dossier.sessions if s[AT] <= stop):
        gone.add("sessions")
    return frozenset(gone)


def _uncover(signs: Signs, gone: frozenset[str]) -> None:
    """Takes back what rests on the absence of lines from such feeds. What they did show stays."""
    if "mmsc" in gone:
        signs.r = "n/c" if signs.r == "none" and signs.m != "final" else signs.r
        signs.c = "n/c" if signs.c == "none" else signs.c
    if "gateway" in gone:
        signs.get, signs.post = ("n/c" if value == "none" else value for value in (signs.get, signs.post))
        signs.alive = "n/c" if signs.alive == "no" else signs.alive
        signs.s_silent = False
    if "sessions" in gone and signs.s in ("none", "not-mms"):
        signs.s = "n/c"
    if "sms" in gone and signs.p == "unknown":
        signs.p = "n/c"
    signs.not_covered = (*signs.not_covered, *sorted(gone))


def _expiry(thread: Thread, window: float) -> tuple[int, str]:
    """When the delivery expires, and by which word: its notification's, what the MMSC recorded of it, the node's default."""
    pushes = thread.leg.pushes if thread.leg else []
    opened = [thread.opened] if thread.opened is not None else []
    for told, by in ((pushes, "notification"), (thread.notifies, "record"), (thread.out, "record"), (opened, "record")):
        latest: int = max((t[EXTRA] for t in told), default=0)
        if latest > 0:
            return latest, by
    return thread.began + int(window * SECOND), "window"


def _peer(thread: Thread, context: Context) -> str:
    """What the MMSC it was sent to made of it: ok, error, none, n/c. The last answer counts; the MMSC may tell it by its own code."""
    if any(code_of(t, context).cause == "INTERWORKING" for t in thread.finals):
        return "error"
    if thread.peers:
        last = max(thread.peers, key=lambda t: (t[AT], t[WHERE]))
        return "ok" if last[STATUS] < 0 or code_of(last, context).cause == "OK" else "error"
    logged = context.peers.get(thread.domain, NEVER)
    return "none" if thread.out and all(t[AT] >= logged and t[A] in ANSWERED for t in thread.out) else "n/c"


def _closing(signs: Signs, thread: Thread, due: int, final: Trace | None) -> int:
    if signs.m == "refused":
        return thread.began
    if signs.c in ("confirmed", "rejected", "unrecognised"):
        answered = min((t[AT] for t in thread.answers if t[STATUS] != DEFERRED), default=due)
        return max(answered, thread.retrieved_at)
    if final is not None:
        due = final[AT]
    elif signs.peer == "error":
        due = max(t[AT] for t in (*thread.peers, *thread.finals))
    return due


def code_of(trace: Trace, context: Context) -> Code:
    """What a line's code says, as it reads in its feed."""
    return context.codes[trace[FEED]].read(trace[CODE_SET], trace[STATUS], trace[KIND]).code


def final_word(trace: Trace, context: Context) -> str:
    """What a line of the MMSC says of a delivery's end; "" when it is not the end (deferred). A code nobody knows ends it all the same."""
    if trace[KIND] == Kind.EXPIRE:
        return "expired"
    code = code_of(trace, context)
    return code.final if code.name else "unknown"


def _sign_retrieval(signs: Signs, thread: Thread, gets: list[Trace], context: Context) -> None:
    if thread.fetches:
        signs.r = "retrieved"
        whole = [get for get in gets if _whole(get, thread)]
        confirmed = any(_is_retrieved(answer) for answer in thread.answers)
        signs.doubted = bool(gets) and not whole and not confirmed
    elif signs.m_final == "retrieved":
        signs.r = "retrieved"
    elif thread.failed:
        signs.r = "failed"
        signs.r_rule = next((rule for t in reversed(thread.failed) if (rule := code_of(t, context).rule)), "")
    elif context.covered.mmsc is not None or signs.m == "final":
        signs.r = "none"


def _is_retrieved(answer: Trace) -> bool:
    return answer[STATUS] in (RETRIEVED, -1)  # an Acknowledge logged without a status acknowledges


def _sign_confirmation(signs: Signs, thread: Thread, covered: Covered) -> None:
    statuses = {answer[STATUS] for answer in thread.answers}
    if statuses & {RETRIEVED, -1}:
        signs.c = "confirmed"
    elif REJECTED in statuses:
        signs.c = "rejected"
    elif UNRECOGNISED in statuses:
        signs.c = "unrecognised"
    elif DEFERRED in statuses:
        signs.c = "deferred"
    elif covered.mmsc is not None:
        signs.c = "none"


def _whole(get: Trace, thread: Thread) -> bool:
    if not 200 <= get[STATUS] < 300:
        return False
    sizes = [t[SIZE] for t in thread.fetches if t[SIZE] > 0]
    return get[SIZE] < 0 or not sizes or get[SIZE] >= min(sizes)


def _sign_get(signs: Signs, thread: Thread, gets: list[Trace], covered: Covered) -> None:
    if covered.gateway is None:
        return
    if not gets:
        signs.get = "none"
        return
    last = gets[-1]
    status = last[STATUS]
    if status == 407 or (200 <= status < 300 and last[C] in (Content.HTML,)):
        signs.get = "denied-407"
    elif 200 <= status < 300:
        signs.get = "ok" if _whole(last, thread) else "short"
    elif status == 403:
        signs.get = "denied"
    elif status in GONE:
        signs.get = "gone"
    elif status in (0, 408, 499):
        signs.get = "short"
    elif status >= 500:
        signs.get = "5xx"
    else:
        signs.get = "none"


def authorities(dossier: Dossier, context: Context) -> frozenset[int]:
    """Authorities that are our MMSC's: those given, else those of the notifications and those that answered for their locations."""
    if context.expected.authorities:
        return context.expected.authorities
    found = set(context.learned)
    for thread in dossier.threads:
        if thread.leg:
            found.update(push[AUTHORITY] for push in thread.leg.pushes)
            found.update(get[AUTHORITY] for get in thread.gets if 200 <= get[STATUS] < 300)
    return frozenset(found)


def near_miss(host: str, expected: Sequence[str]) -> bool:
    """An address that can only come from mistyped settings: ≤ 2 edits from an expected one, or its name on another port.

    >>> near_miss("mmsc.monternte.com", ["mmsc.monternet.com"]), near_miss("127.0.0.1:9", ["127.0.0.1:1981"])
    (True, True)
    >>> near_miss("wap.sina.com", ["mmsc.monternet.com"])
    False
    """
    name, _, _ = host.partition(":")
    return any(name == other.partition(":")[0] or _edits(name, other.partition(":")[0]) <= 2 for other in expected)


def _edits(a: str, b: str) -> int:
    if abs(len(a) - len(b)) > 2:
        return 3
    before = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
        before = row
    return before[-1]


def strength(post: Trace, dossier: Dossier, context: Context, ours: frozenset[int]) -> str:
    """How sure it is that a POST is MMS traffic at all (table §2): sure, likely, weak."""
    settings = context.settings
    authority, at = post[AUTHORITY], post[AT]
    if post[B] == Content.MMS:
        return "sure"
    if post[B] == Content.FORM:
        return "weak"
    if post[C] == Content.MMS:  # answered by an M-Send.conf
        return "sure"
    join = int(settings.join * SECOND)
    if authority in ours and 200 <= post[STATUS] < 300 and any(abs(t[AT] - at) <= join for t in (*dossier.answers, *dossier.origins)):
        return "sure"
    listed = authority in ours or authority in context.expected.known
    if listed:
        return "likely"
    if context.portal_at(authority) <= at + int(settings.session * SECOND):
        return "weak"
    names = context.expected.names or tuple(context.text(a).decode("latin-1") for a in sorted(ours))
    if near_miss(context.text(authority).decode("latin-1"), names):
        return "likely"
    if answers_fetch(post, dossier, context, ours):
        return "likely"
    if any(other[B] == Content.MMS and other[AUTHORITY] == authority and other[AT] < at for other in dossier.posts):
        return "likely"
    return "weak"


def answers_fetch(post: Trace, dossier: Dossier, context: Context, ours: frozenset[int]) -> Trace | None:
    """The fetch to which this POST is the handset's answer by its time; None when there is none, or its answer went to our MMSC,
    whatever that made of it."""
    answer = int(context.settings.answer * SECOND)
    for thread in dossier.threads:
        if not any(_is_retrieved(reply) for reply in thread.answers):
            for get in thread.gets:
                if (
                    200 <= get[STATUS] < 300
                    and 0 <= post[AT] - get[AT] <= answer
                    and not any(0 <= other[AT] - get[AT] <= answer and other[AUTHORITY] in ours for other in dossier.posts)
                ):
                    return get
    return None


def set_elsewhere(dossier: Dossier, context: Context, ours: frozenset[int], horizon: int) -> frozenset[int]:
    """Authorities that got the answers to two or more different messages: set in the handset, so its own messages go there as well."""
    answered: dict[int, set[int]] = {}
    for post in dossier.posts:
        if post[B] != Content.FORM and post[AUTHORITY] not in ours and post[AT] <= horizon:
            get = answers_fetch(post, dossier, context, ours)
            if get is not None:
                answered.setdefault(post[AUTHORITY], set()).add(get[PATH])
    return frozenset(authority for authority, paths in answered.items() if len(paths) > 1)


def redirected(post: Trace) -> bool:
    """Whether a POST reached our MMSC only because the gateway sent it there: the handset asked for another host."""
    return bool(post[ASKED])


def shows(post: Trace, ours: frozenset[int]) -> str:
    """What a POST that is MMS says about the settings: ok, wrong path, wrong host, denied, 5xx, other."""
    status = post[STATUS]
    if post[AUTHORITY] not in ours:
        return "denied" if status == 407 else "wrong host"
    if status in (403, 407):
        return "denied"
    if status in (400, 404, 405, 415) or (200 <= status < 300 and post[C] == Content.HTML):
        return "wrong path"
    if 200 <= status < 300:
        return "ok"
    return "5xx" if status >= 500 else "other"


def at_home(post: Trace, what: str, context: Context) -> bool:
    """Whether a wrong host may be right for him: another MMSC answered with an MMS PDU, and nobody knows whose subscriber he is."""
    return what == "wrong host" and context.expected.stranger and 200 <= post[STATUS] < 300 and post[C] == Content.MMS


ORDER: Final = ("ok", "wrong path", "wrong host", "denied", "5xx")


def _sign_posts(signs: Signs, thread: Thread, dossier: Dossier, context: Context, pushed: int, until: int) -> list[tuple[Trace, str, str]]:
    if context.covered.gateway is None or context.expected.nothing:
        return []
    signs.post = "none"
    ours = authorities(dossier, context)
    found: list[tuple[Trace, str, str]] = []
    if not pushed:
        return found
    skew = int(context.settings.skew * SECOND)
    for post in dossier.posts:
        if pushed - skew <= post[AT] <= until + skew:
            how = strength(post, dossier, context, ours)
            what = shows(post, ours)
            if how != "weak" and not at_home(post, what, context):
                found.append((post, how, what))
    for what in ORDER:
        matching = [entry for entry in found if entry[2] == what]
        if matching:
            signs.post = what
            signs.post_likely = all(entry[1] == "likely" for entry in matching)
            break
    return found


def _sign_push(signs: Signs, thread: Thread, gets: list[Trace], context: Context, until: int) -> None:
    if thread.fetches or thread.answers or gets or thread.failed:
        signs.p = "delivered"  # proof beats every report
        return
    if context.covered.sms is None:
        signs.p = "n/c"
        return
    pushes = thread.leg.pushes if thread.leg else []
    words = []
    for push in pushes:
        state, reason = push[B], context.codes[push[FEED]].reason(push[B], push[ERROR])
        for report in thread.reports:
            if report[LINK] == push[LINK] and report[LINK] and report[AT] <= until and report[B] in (*BAD_REPORTS, PushState.DELIVERED):
                state = report[B]
                reason = REASONS[report[C]] if report[C] else context.codes[report[FEED]].reason(report[B], report[ERROR])
        words.append((state, reason))
    hidden = any(push[D] == OUTSIDE and state not in BAD_REPORTS for push, (state, _) in zip(pushes, words, strict=True))
    hidden = hidden or (not context.scopes.every_link and len(thread.notifies) > len(pushes))  # the MMSC tells of more than are seen
    if any(state == PushState.DELIVERED for state, _ in words):
        signs.p = "delivered"
    elif hidden:
        signs.p = "n/c"
    elif words and all(state in BAD_REPORTS for state, _ in words):
        signs.p = "failed"
        signs.p_reason = words[-1][1]


def _sign_alive(signs: Signs, dossier: Dossier, context: Context, pushed: int, expiry: int, used: list[Trace]) -> None:
    if context.covered.gateway is None:
        return
    seen = list(context.activity(dossier.subscriber, pushed, expiry))
    seen += [t for t in (*dossier.posts, *dossier.gets) if pushed <= t[AT] <= expiry]
    seen += [t for t in dossier.sessions if t[KIND] == Kind.SESSION_START and pushed <= t[AT] <= expiry]
    signs.alive = "yes" if seen else "no"
    if seen:
        used.append(min(seen, key=lambda t: (t[AT], t[FEED], t[WHERE])))


# ------------------------------------------------------------------------------------------------------------------ sessions


@dataclass(slots=True)
class Session:
    """A packet session as accounting shows it: interval, APN, octets. `end` NEVER = open; `sure` up to which presence is proved."""

    key: int
    apn: int
    start: int
    end: int
    sure: int
    octets: int
    traces: list[Trace]
    network_chosen: bool = False


def intervals(traces: Sequence[Trace], context: Context) -> list[Session]:
    """Session intervals of one subscriber (table §7): retransmissions are one, a Stop without Start counts back, a restart closes."""
    found: dict[int, Session] = {}
    for trace in traces:
        kind, key, at = trace[KIND], trace[LINK] or trace[WHERE], trace[AT]
        if kind == Kind.SESSION_REJECT:
            continue
        session = found.get(key)
        if session is None:
            start = at - max(trace[EXTRA], 0) if kind != Kind.SESSION_START else at
            session = found[key] = Session(key, trace[PATH], start, NEVER, at, 0, [])
        session.traces.append(trace)
        session.sure = max(session.sure, at)
        session.octets = max(session.octets, trace[SIZE])
        session.network_chosen = session.network_chosen or trace[C] in (3, 4)
        if kind == Kind.SESSION_START:
            session.start = min(session.start, at)
        elif kind == Kind.SESSION_STOP:
            session.end = min(session.end, at)
    for session in found.values():
        if session.end != NEVER:
            continue
        if not session.traces[0][LINK]:  # an SGSN's event: that it began is all that is known
            session.end = session.start + int(context.settings.session * SECOND)
            continue
        ggsn = session.traces[0][OTHER]
        ends = [at for at in context.resets(ggsn) if at >= session.start]
        lease = [t[AT] for t in context.leases(ggsn, session.traces[0][ERROR]) if t[AT] > session.start and t[LINK] != session.key]
        session.end = min([*ends, *lease, NEVER])
    return sorted(found.values(), key=lambda s: (s.start, s.key))


def _sign_session(signs: Signs, thread: Thread, dossier: Dossier, context: Context, until: int, used: list[Trace]) -> None:
    covered, settings = context.covered, context.settings
    if (covered.sessions is None and not dossier.sessions) or context.expected.nothing:
        return
    pushes = [push for push in _pushes(thread, context) if not _push_failed(push, thread, until)]
    sessions = intervals([t for t in dossier.sessions if t[AT] <= until + int(settings.skew * SECOND)], context)
    window = int(settings.session * SECOND)
    rejects = [t for t in dossier.sessions if t[KIND] == Kind.SESSION_REJECT]
    signs.s, session = "none", None
    for push in pushes:
        for candidate in sessions:
            if candidate.start > min(push[AT] + window, until) or candidate.end < push[AT]:
                continue
            if candidate.apn in context.expected.mms_apns:
                name = "expected"
            elif _follows(candidate, push, settings):
                name = "other-new"
            else:
                name = "other-standing"
            if _RANK[name] < _RANK[signs.s]:
                signs.s, session = name, candidate
        for reject in rejects:
            if push[AT] <= reject[AT] <= push[AT] + window and _RANK["rejected"] < _RANK[signs.s]:
                signs.s, session = "rejected", None
                code = code_of(reject, context)
                signs.s_rule = (reject[PATH] in context.expected.mms_apns and code.expected) or code.rule
                used.append(reject)
    if signs.s == "none" and covered.sessions is None:
        signs.s = "n/c"  # an SGSN's events show what was, never that nothing was
    if signs.s == "none" and not covered.all_apns:
        signs.s = "not-mms" if context.scopes.sessions_on(context.expected.mms_apns) else "n/c"
    if signs.s == "expected" and session is not None:
        _sign_silence(signs, session, sessions, thread, pushes, dossier, context, until, used)
    elif session is not None:
        used.extend(session.traces[:1])
    if signs.s == "other-new":
        signs.other_new = _wrong_sessions(dossier, sessions, context, until)
    if signs.s == "none":
        history = context.history
        signs.seen_before = not history.whole(until) or history.seen(dossier.subscriber, until)


_RANK: Final = {"expected": 0, "other-new": 1, "rejected": 2, "other-standing": 3, "none": 4}


def _pushes(thread: Thread, context: Context) -> list[Trace]:
    """Its pushes; where not every SMS gateway is read, the MMSC's word that it handed one over stands for each."""
    if thread.leg:
        return thread.leg.pushes
    return thread.notifies if context.covered.sms is None or not context.scopes.every_link else []


def _push_failed(push: Trace, thread: Thread, until: int) -> bool:
    return push[B] in BAD_REPORTS or any(
        r[LINK] == push[LINK] and r[LINK] and r[B] in BAD_REPORTS and r[AT] <= until for r in thread.reports
    )


def _follows(session: Session, push: Trace, settings: Judgement) -> bool:
    """Whether it began on this push, as far as the clocks of SMS centre and GGSN agree."""
    pushed: int = push[AT]
    began, skew = session.start - pushed, int(settings.skew * SECOND)
    return -skew <= began <= int(settings.reaction * SECOND) + skew


def _sign_silence(
    signs: Signs,
    session: Session,
    sessions: list[Session],
    thread: Thread,
    pushes: list[Trace],
    dossier: Dossier,
    context: Context,
    until: int,
    used: list[Trace],
) -> None:
    """U8 or U9: did the gateway see anything at all in the sessions on the MMS APN?"""
    settings = context.settings
    reaction, window = int(settings.reaction * SECOND), int(settings.session * SECOND)
    skew = SECOND
    silent: list[Session] = []
    for push in pushes:
        for other in sessions:
            if other.apn not in context.expected.mms_apns or other.start > push[AT] + window or other.end < push[AT]:
                continue
            end = min(other.end, other.start + 86400 * SECOND, until)
            cut = end < other.end and end - other.start < reaction  # it began as the window closed: something may come yet
            lines = list(context.activity(dossier.subscriber, other.start - skew, end + skew))
            lines += [t for t in (*dossier.posts, *dossier.gets) if other.start - skew <= t[AT] <= end + skew]
            if not lines:
                silent.append(other)
                if not cut and _follows(other, push, settings) and other.octets < settings.little:
                    signs.s_fast = True
                    used.extend(other.traces[:1])
            else:
                used.append(min(lines, key=lambda t: (t[AT], t[FEED], t[WHERE])))
    # an answer, be it `Deferred` or to another message, came through the proxy
    answered = thread.answers or any(pushes[0][AT] <= answer[AT] <= until for answer in dossier.answers)
    signs.s_silent = bool(silent) and not answered
    if not used:
        used.extend(session.traces[:1])


def _wrong_sessions(dossier: Dossier, sessions: list[Session], context: Context, until: int) -> int:
    """New sessions on another APN that followed a push to this number, whatever the message, with none on the MMS APN. Each counts once.

    Pushes of several messages in one moment are one push here: two sessions after them are no two cases.
    """
    settings = context.settings
    window, skew, since = int(settings.session * SECOND), int(settings.skew * SECOND), until - int(settings.case_days * DAY)
    pushes = [push for thread in dossier.threads if thread.leg for push in thread.leg.pushes if since <= push[AT] <= until]
    pushes.sort(key=lambda push: (push[AT], push[WHERE], push[FEED]))
    found: set[int] = set()
    last = since - skew - 1
    for push in pushes:
        at, before, last = push[AT], last, push[AT]
        if at - before <= skew:
            continue
        near = [s for s in sessions if s.start <= at + window and s.end >= at]
        new = [s.key for s in near if s.apn not in context.expected.mms_apns and _follows(s, push, settings)]
        if new and not any(s.apn in context.expected.mms_apns for s in near):
            found.update([key for key in new if key not in found][:1])
    return len(found)
