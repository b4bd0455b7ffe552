"""Findings about one subscriber's settings, by direction (evidence table §4): what raises them, what clears them, when they are taken back.

Each piece of evidence is a `Ground`: bad (a failure of one shape) or good (the same thing done right). State keeps the grounds of whoever
has bad ones, packed, for as long as they may count; `evaluate` folds them in order of time, so it says the same whatever order they came
in. A ground goes when the delivery or request it was read from turns out otherwise, and the finding goes with it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from mmsd.model import SECOND, Content, Kind
from mmsd.rules.relate import Context, Dossier
from mmsd.rules.settings import Judgement
from mmsd.rules.signs import intervals, redirected, shows
from mmsd.rules.traces import ASKED, AT, AUTHORITY, FEED, KIND, STATUS, WHERE, B, C, Trace

LEAST: Final = 0.7
"""Evidence below this raises nothing."""
SURER: Final = 0.05
"""A handset that is new is usually the reason."""
MOST_SURE: Final = 0.99
MOST_LINES: Final = 12
"""Lines of evidence shown with a finding."""
REPEATED_FETCHES: Final = 3
"""A message fetched so many times more than once, and never confirmed: the handset's software is at fault."""
DENIED: Final = 407
NETWORK_CHOSE: Final = (3, 4)
"""Column c of a session trace: Selection-Mode and one."""
CORRECTED_SURE: Final = 0.8

FINDINGS: Final = ("", "BAD_MMSC_URL", "BAD_APN", "BAD_PROXY", "NO_PDP", "UNSUPPORTED", "CLIENT_DEFECT")
"""What a finding may be about; its place is the number in packed grounds, so the list only grows. "" in good evidence: all of them."""
NUMBER_OF: Final = {name: place for place, name in enumerate(FINDINGS)}

DELIVERY, FORWARDED, REQUEST, GOOD = range(4)
"""What a ground was read from: a delivery, one passed on by M-Forward, a request of his own; or a line that shows all is well."""

KINDS: Final = ("", "confirm", "submit", "post", "handset", "content", "corrected", "changed")
"""Of a request: what it was. UNSUPPORTED: what is not supported. "corrected": the network put it right, the message arrived.
"changed": another handset, SIM card or owner; what was found before is nobody's any more."""
CORRECTED: Final = "corrected"

Source = tuple[int, int, int]
"""(DELIVERY or FORWARDED, domain, identity), (REQUEST or GOOD, feed, place of the line)."""


class Ground(NamedTuple):
    """One piece of evidence about a setting, and the line that shows it.

    `shape`: what must agree for several to be one fault: of BAD_MMSC_URL the hash of the wrong authority. Of good evidence: since when
    (µs) that stood which it rests on; only earlier bad evidence is answered by it. 0 = since the line.
    """

    source: Source
    cause: str
    at: int
    confidence: float
    kind: str
    shape: int
    feed: int
    where: int
    line: int  # Kind of the line
    node: int = 0  # of a delivery's verdict in the rows T, N, U: label of the node …
    closed: int = 0  # … and when it closed: it is no evidence if the node failed then (`rules.faults`)

    @property
    def good(self) -> bool:
        return self.source[0] == GOOD


_PACKED: Final = struct.Struct("<BhQBqBBQHqBHq")


def pack(grounds: Iterable[Ground]) -> bytes:
    """52 bytes each.

    >>> one = Ground((REQUEST, 2, 77), "BAD_PROXY", 5_000_000, 0.7, "post", 0, 2, 77, 12)
    >>> unpack(pack([one])) == [one]
    True
    """
    return b"".join(
        _PACKED.pack(
            *g.source, NUMBER_OF[g.cause], g.at, round(100 * g.confidence), KINDS.index(g.kind), g.shape, g.feed, g.where, g.line,
            g.node, g.closed,
        )
        for g in grounds
    )  # fmt: skip


def unpack(packed: bytes) -> list[Ground]:
    return [
        Ground((family, domain, identity), FINDINGS[cause], at, sure / 100, KINDS[kind], shape, feed, where, line, node, closed)
        for family, domain, identity, cause, at, sure, kind, shape, feed, where, line, node, closed in _PACKED.iter_unpack(packed)
    ]


def bad(source: Source, cause: str, line: Trace, confidence: float, kind: str = "") -> Ground:
    """Evidence of a fault. A handset has one MMSC address: POSTs to several hosts are not one fault."""
    shape = (line[ASKED] or line[AUTHORITY]) if cause == "BAD_MMSC_URL" else KINDS.index(kind) if cause == "UNSUPPORTED" else 0
    return Ground(source, cause, line[AT], confidence, kind, shape, line[FEED], line[WHERE], line[KIND])


def good(cause: str, line: Trace, kind: str = "", since: int = 0) -> Ground:
    """Evidence that it works."""
    return Ground((GOOD, line[FEED], line[WHERE]), cause, line[AT], 1.0, kind, since, line[FEED], line[WHERE], line[KIND])


def changed(at: int) -> Ground:
    """Another handset, SIM card or owner since then: no line shows it, but it ends whatever was found."""
    return Ground((GOOD, -1, at), "", at, 1.0, "changed", 0, 0, 0, int(Kind.NONE))


@dataclass(frozen=True, slots=True)
class Found:
    """A finding as it stands: the episode that is not cleared, else the last one that was."""

    cause: str
    raised: int
    cleared: int  # 0 = it stands
    confidence: float
    urgency: str  # "normal"; "low": the network corrects it, no message fails for it
    lines: tuple[Ground, ...]


# ----------------------------------------------------------------------------------------------------------------- evaluation


def evaluate(grounds: Iterable[Ground], settings: Judgement, new_handset: Sequence[int] = ()) -> list[Found]:
    """What the evidence comes to, one a cause at most. `new_handset`: when (µs) the subscriber was seen to have another one."""
    known = sorted(grounds, key=lambda g: (g.at, g.good, g.source, g.cause))
    answers = [g for g in known if g.good]
    shapes: dict[tuple[str, int], list[Ground]] = {}
    for ground in known:
        if not ground.good and ground.confidence >= LEAST:
            shapes.setdefault((ground.cause, ground.shape), []).append(ground)
    best: dict[str, Found] = {}
    for (cause, _), mine in sorted(shapes.items()):
        wanted = [g for g in answers if g.cause in (cause, "")]
        found = _fold(cause, sorted([*mine, *wanted], key=lambda g: (g.at, g.good, g.source)), settings, new_handset)
        if found is not None and (cause not in best or _rank(found) < _rank(best[cause])):
            best[cause] = found
    return list(best.values())


def _rank(found: Found) -> tuple[bool, int]:
    """Of several shapes: what stands before what was cleared; the first raised, or the last cleared."""
    return bool(found.cleared), -found.cleared if found.cleared else found.raised


def _fold(cause: str, events: Sequence[Ground], settings: Judgement, new_handset: Sequence[int]) -> Found | None:
    standing: list[Ground] = []  # bad evidence that nothing good has answered
    cases: list[Ground] = []  # which raised the finding that stands
    episode: list[Ground] = []  # all bad evidence since
    last: Found | None = None
    for event in events:
        if not event.good:
            standing.append(event)
            episode.append(event)
            if not cases:
                cases = _cases(cause, standing, settings)
            continue
        standing = [each for each in standing if not _answers(event, each)]
        if not standing:
            if cases:
                last = _found(cause, cases, episode, new_handset, event)
            cases, episode = [], []
        elif not cases:
            episode = list(standing)
    return _found(cause, cases, episode, new_handset, None) if cases else last


def _answers(event: Ground, fault: Ground) -> bool:
    """Whether good evidence takes the weight from bad: of the same kind, and all of it later."""
    if fault.at >= (event.shape or event.at):
        return False
    if not event.cause:
        return True
    if event.cause == "BAD_MMSC_URL":
        # a POST of the same kind; kind unknown: a submit. Some handsets answer to the notification's host while their own messages go
        # astray; whose submits arrive has the right address
        return event.kind == "submit" or fault.kind == "confirm"
    return fault.kind != "content"


def _cases(cause: str, evidence: Sequence[Ground], settings: Judgement) -> list[Ground]:
    """The cases that reach the threshold with the newest piece of evidence, repeats counted once; empty when they do not."""
    cases: list[Ground] = []
    for ground in evidence:
        if not cases or ground.at - cases[-1].at > settings.repeat * SECOND:
            cases.append(ground)
    need = 1 if cause in ("NO_PDP", "CLIENT_DEFECT") or (cause == "UNSUPPORTED" and evidence[-1].kind == "handset") else settings.cases
    group = cases[-need:]
    window = settings.case_days * 86400 * SECOND
    return group if len(group) == need and group[-1].at - group[0].at <= window else []


def _found(cause: str, cases: Sequence[Ground], episode: Sequence[Ground], new_handset: Sequence[int], end: Ground | None) -> Found:
    raised = cases[-1].at
    sure = max(ground.confidence for ground in episode)
    if any(0 <= raised - at <= RECENT for at in new_handset):
        sure = min(sure + SURER, MOST_SURE)
    lines = [*cases, *(ground for ground in episode[-1:] if ground not in cases), *([end] if end else [])]
    urgency = "low" if all(ground.kind == CORRECTED for ground in episode) else "normal"
    return Found(cause, raised, end.at if end else 0, round(sure, 2), urgency, tuple(lines[-MOST_LINES:]))


RECENT: Final = 7 * 86400 * SECOND
"""So long after a change of handset a finding is a little surer."""


def corrected(source: Source, fetches: Sequence[Trace], dossier: Dossier, context: Context) -> list[Ground]:
    """A message fetched in a session on the MMS APN that the network chose (3GPP-Selection-Mode 2, 3).

    The handset asked for another one, or for none. Nothing failed; where the network does not help, it will.
    """
    if not any(line[C] in NETWORK_CHOSE for line in dossier.sessions):
        return []
    sessions = [s for s in intervals(dossier.sessions, context) if s.apn in context.expected.mms_apns]
    for fetch in fetches:
        inside = [s for s in sessions if s.start <= fetch[AT] <= s.end]
        if inside and all(s.network_chosen for s in inside):
            return [bad(source, "BAD_APN", inside[0].traces[0], CORRECTED_SURE, CORRECTED)]
    return []


# ----------------------------------------------------------------------------------------------------------------- what is good


def mends(dossier: Dossier, context: Context, ours: frozenset[int], horizon: int) -> Iterator[Ground]:
    """Good evidence of every direction in a dossier."""
    join = int(context.settings.join * SECOND)
    sessions = intervals(dossier.sessions, context)
    mms = [s for s in sessions if s.apn in context.expected.mms_apns]
    for post in dossier.posts:
        if post[AT] > horizon or shows(post, ours) != "ok" or redirected(post):
            continue
        if any(abs(t[AT] - post[AT]) <= join for t in dossier.origins):
            yield good("BAD_MMSC_URL", post, "submit")
        elif any(abs(t[AT] - post[AT]) <= join for t in dossier.answers):
            yield good("BAD_MMSC_URL", post, "confirm")
    posts = [post for post in dossier.posts if post[B] == Content.MMS or shows(post, ours) == "ok"]
    gets = [get for thread in dossier.threads for get in thread.gets]
    fetches = [fetch for thread in dossier.threads for fetch in thread.fetches]
    for line in (*fetches, *gets, *posts, *dossier.answers):
        at = line[AT]
        # the APN is his own when the network neither gave nor changed it (3GPP-Selection-Mode 2, 3)
        chosen = [s for s in mms if s.start <= at <= s.end and not s.network_chosen]
        if at <= horizon and chosen:
            yield good("BAD_APN", line, since=max(s.start for s in chosen))
    for line in (*gets, *posts):
        at = line[AT]
        elsewhere = any(s.start <= at <= s.end for s in sessions) and not any(s.start <= at <= s.end for s in mms)
        login = line[C] == Content.HTML and 200 <= line[STATUS] < 300
        if at <= horizon and line[STATUS] not in (403, DENIED) and not login and not elsewhere:
            yield good("BAD_PROXY", line)
    for line in dossier.sessions:
        if line[KIND] == Kind.SESSION_START and line[AT] <= horizon:
            yield good("NO_PDP", line)
    for thread in dossier.threads:
        if thread.fetches and thread.answers:
            first = thread.fetches[0]
            if first[AT] <= horizon:
                yield good("UNSUPPORTED", first, "handset")
            confirmed = [answer for answer in thread.answers if answer[STATUS] in (129, -1) and answer[AT] <= horizon]
            if confirmed:
                yield good("CLIENT_DEFECT", confirmed[0])


def lines_of(dossier: Dossier) -> set[tuple[int, int]]:
    """(feed, place) of the lines that may be good evidence and are still in memory: what is kept of them is found anew."""
    groups = (dossier.posts, dossier.gets, dossier.answers, dossier.sessions, *(thread.fetches for thread in dossier.threads))
    return {(line[FEED], line[WHERE]) for group in groups for line in group}


def thinned(grounds: Sequence[Ground], settings: Judgement, horizon: int) -> list[Ground]:
    """What must be kept at `horizon`: all that is young enough to count with what may still come, and what raised a finding that stands."""
    young = [g for g in grounds if g.at >= horizon - kept_for(settings)]
    if len(young) == len(grounds):
        return list(grounds)
    kept = {*young}
    shapes = {(g.cause, g.shape) for g in grounds if not g.good}
    for cause, shape in shapes:
        mine = [g for g in grounds if g.good or (g.cause, g.shape) == (cause, shape)]
        for found in evaluate(mine, settings):
            if not found.cleared:
                standing = [g for g in mine if not g.good and g.at >= min(line.at for line in found.lines)]
                kept.update((*found.lines, max(standing, key=lambda g: g.confidence)))
    bads = [g for g in kept if not g.good]
    first = min((g.at for g in bads), default=0)
    return sorted((g for g in kept if not g.good or (bads and g.at >= first)), key=lambda g: (g.at, g.source))


def kept_for(settings: Judgement) -> int:
    """How long evidence may still become a case, µs: W, and as late as a verdict may come after its lines."""
    return int((settings.case_days * 86400 + settings.window + settings.grace + settings.restate) * SECOND)
