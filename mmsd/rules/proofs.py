"""From a dossier to proofs: what its lines show of settings that were pushed (`rules.mending` says what they prove).

A success speaks at its own time. A failure speaks of the settings as they were when its message was announced, however long it took to
expire; and whatever belongs to a message carries when that was first announced, so that the one that was pending proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from mmsd.model import SECOND, Kind
from mmsd.rules.mending import ASTRAY, BLOCKED, REFUSED, Proof, Sign
from mmsd.rules.relate import Context, Dossier, Thread
from mmsd.rules.signs import Seen, Session, at_home, intervals, redirected, shows, strength
from mmsd.rules.traces import ASKED, AT, AUTHORITY, KIND, PATH, STATUS, Trace

DENIED: Final = 407
ROW_OF_POST: Final = {"wrong host": "Z2", "wrong path": "Z3", "denied": "Z4"}


def of_delivery(thread: Thread, seen: Seen, row: str, dossier: Dossier, context: Context) -> Iterator[Proof]:
    """What one delivery shows: its retrieval, or the row of its verdict. Not to be asked while its node failed.

    Nothing while it is open: what was retrieved may still be doubted.
    """
    notified = announced(thread)
    if notified is None:
        return
    if seen.signs.r == "retrieved" and not seen.signs.doubted:
        own = _own_choice(intervals(dossier.sessions, context), seen.retrieved, context)
        yield Proof(Sign.RETRIEVED, seen.retrieved, own_choice=own, notified=notified, test=thread.own)
    other_new = seen.signs.over and seen.signs.s == "other-new"
    if row in REFUSED | BLOCKED or other_new:
        yield Proof(Sign.FAILED, notified, row, other_new=other_new, notified=notified)
    elif row in ASTRAY:
        wrong = next((post for post, _, what in seen.attempts if what in ("wrong host", "wrong path")), None)
        yield Proof(Sign.FAILED, notified, row, authority=wrong[AUTHORITY] if wrong is not None else 0, notified=notified)


def of_posts(dossier: Dossier, context: Context, ours: frozenset[int], horizon: int) -> Iterator[Proof]:
    """What his own requests show. `ours`: the expected authorities; lines beyond `horizon` wait for what stands beside them."""
    join = int(context.settings.join * SECOND)
    sessions = intervals(dossier.sessions, context)
    for post in dossier.posts:
        at = post[AT]
        if at + join > horizon or strength(post, dossier, context, ours) == "weak":
            continue
        what = shows(post, ours)
        about = _answered(post, dossier, join) or _fetched_before(post, dossier, int(context.settings.answer * SECOND))
        notified = announced(about) if about is not None else None
        if what == "ok" and redirected(post):  # as astray as without the gateway's help
            yield Proof(Sign.FAILED, at, ROW_OF_POST["wrong host"], authority=post[ASKED], notified=notified)
        elif what == "ok":
            submitted = any(abs(line[AT] - at) <= join for line in dossier.origins)
            kind = "submit" if submitted else "confirm" if _answered(post, dossier, join) is not None else ""
            test = about is not None and about.own and not submitted
            own = _own_choice(sessions, at, context)
            yield Proof(Sign.POSTED, at, post=kind, own_choice=own, notified=None if submitted else notified, test=test)
        elif what in ROW_OF_POST and not at_home(post, what, context) and (what != "denied" or post[STATUS] == DENIED):
            yield Proof(Sign.FAILED, at, ROW_OF_POST[what], authority=post[AUTHORITY], notified=notified)


def of_sessions(dossier: Dossier, context: Context, horizon: int) -> Iterator[Proof]:
    """Packet sessions that began on the MMS access point."""
    for line in dossier.sessions:
        if line[KIND] == Kind.SESSION_START and line[AT] <= horizon and line[PATH] in context.expected.mms_apns:
            yield Proof(Sign.SESSION, line[AT])


def of_silence(subscriber: int, context: Context, horizon: int) -> Iterator[Proof]:
    """That he had no packet session of late, where every one would have been seen."""
    covered = context.covered
    if (
        covered.sessions is not None
        and covered.all_apns
        and context.history.whole(horizon)
        and not context.history.seen(subscriber, horizon)
    ):
        yield Proof(Sign.SILENCE, horizon, since=horizon - int(context.settings.history_days * 86400 * SECOND))


def announced(thread: Thread) -> int | None:
    """When a message was first announced to him; None = never seen to be."""
    pushes: Sequence[Trace] = thread.leg.pushes if thread.leg else ()
    return min((line[AT] for line in (*pushes, *thread.notifies)), default=None)


def _own_choice(sessions: Sequence[Session], at: int, context: Context) -> bool:
    """Whether it happened in a session on the expected access point that the handset asked for itself."""
    return any(s.apn in context.expected.mms_apns and s.start <= at <= s.end and not s.network_chosen for s in sessions)


def _answered(post: Trace, dossier: Dossier, join: int) -> Thread | None:
    """The delivery whose answer, as the MMSC logged it, this POST is."""
    near = [(abs(line[AT] - post[AT]), place) for place, thread in enumerate(dossier.threads) for line in thread.answers]
    distance, place = min(near, default=(join + 1, -1))
    return dossier.threads[place] if distance <= join else None


def _fetched_before(post: Trace, dossier: Dossier, answer: int) -> Thread | None:
    """The delivery whose fetch this POST follows so soon that it is the handset's answer to it."""
    near = [
        (post[AT] - get[AT], place)
        for place, thread in enumerate(dossier.threads)
        for get in (*thread.gets, *thread.fetches)
        if 0 <= post[AT] - get[AT] <= answer
    ]
    return dossier.threads[min(near)[1]] if near else None
