"""Dossiers by hand: traces with times in seconds and names for hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from mmsd import config
from mmsd.model import SECOND, CodeSet, Content, Kind, Method, PushState
from mmsd.rules.history import History
from mmsd.rules.relate import NEVER, Context, Covered, Dossier, Expected, FeedInfo, Thread, assemble
from mmsd.rules.scope import Scopes
from mmsd.rules.settings import Codes, Judgement
from mmsd.rules.traces import AT, FEED, FIELDS, KIND, WHERE, Trace

ANN: Final = 8613800000001
"""Whose dossier it is."""
BOB, CAT = 8613800000002, 8613800000003

MMSC, SMS, WAP, AAA, OTHER_MMSC = range(5)
FEEDS: Final = (
    FeedInfo("mmsc1", "mmsc1", 0, "mmsc"), FeedInfo("sms1", "sms1", 1, "sms"), FeedInfo("wap1", "wap1", 2, "gateway"),
    FeedInfo("aaa1", "ggsn1", 3, "sessions"), FeedInfo("mmsc2", "mmsc2", 4, "mmsc"),
)  # fmt: skip
FEED_OF: Final = {Kind.PUSH: SMS, Kind.PUSH_REPORT: SMS, Kind.ATTEMPT: WAP, **{Kind(kind): AAA for kind in range(14, 20)}}
ALL: Final = Covered(0, 0, 0, 0, all_apns=True)
WINDOW: Final = 100
"""Seconds from submit to expiry in these stories."""

_texts: dict[int, bytes] = {0: b""}


def name(text: str) -> int:
    """A hash for a name, the same each time; 0 for none."""
    if not text:
        return 0
    value = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1
    _texts[value] = text.encode()
    return value


_places = iter(range(1, 1 << 40))

HASHED: Final = {"message", "transaction", "link", "path", "authority"}


def trace(kind: int, at: float, **fields: Any) -> Trace:
    """One trace of Ann's at `at` seconds; texts are hashed, `at` and `extra` (an expiry) given in seconds."""
    values: dict[str, Any] = dict.fromkeys(FIELDS, 0)
    values |= {
        "subscriber": ANN,
        "kind": int(kind),
        "feed": FEED_OF.get(Kind(kind) if kind < 30 else Kind.NONE, MMSC),
        "status": -1,
        "size": -1,
    }
    values |= {"error": -1, "extra": 0 if kind == Kind.PUSH else -1, "where": next(_places), "at": round(at * SECOND)}
    for key, value in fields.items():
        values[key] = name(value) if isinstance(value, str) else round(value * SECOND) if key == "extra" and kind == Kind.PUSH else value
    return tuple(values[field] for field in FIELDS)


def submit(at: float, message: str = "m1", sender: int = BOB, **fields: Any) -> Trace:
    return trace(Kind.SUBMIT, at, message=message, other=sender, **fields)


def notify(at: float, message: str = "m1", **fields: Any) -> Trace:
    return trace(Kind.NOTIFY, at, message=message, **fields)


def push(at: float, leg: str = "t1", sender: int = BOB, *, state: int = PushState.SUBMITTED, **fields: Any) -> Trace:
    """A notification: transaction `leg`, location `/leg`, SMSC's id `leg@at`, expiry `WINDOW` after it unless `extra` says."""
    fields = {"extra": at + WINDOW, "link": "" if state == PushState.REFUSED else f"{leg}@{at:g}", **fields}
    return trace(Kind.PUSH, at, transaction=leg, other=sender, path=f"/{leg}", authority="mmsc", a=0x82, b=state, **fields)


def receipt(at: float, link: str = "t1@1", state: int = PushState.DELIVERED, error: int = -1) -> Trace:
    return trace(Kind.PUSH_REPORT, at, link=link, b=state, error=error)


def get(at: float, leg: str = "t1", status: int = 200, **fields: Any) -> Trace:
    fields = {"authority": "mmsc", "c": Content.MMS, "size": 1000, **fields}
    return trace(Kind.ATTEMPT, at, path=f"/{leg}", status=status, a=Method.GET, **fields)


def post(at: float, host: str = "mmsc", status: int = 200, **fields: Any) -> Trace:
    return trace(Kind.ATTEMPT, at, **{"authority": host, "path": "/", "status": status, "a": Method.POST, "size": 10, **fields})


def fetched(at: float, message: str = "m1", sender: int = BOB, **fields: Any) -> Trace:
    return trace(Kind.FETCH, at, **{"message": message, "other": sender, "size": 900, **fields})


def answer(at: float, leg: str = "t1", status: int = 129) -> Trace:
    return trace(Kind.RESPONSE, at, transaction=leg, status=status, code_set=CodeSet.MM1_STATUS)


def report(at: float, status: int, message: str = "m1", sender: int = BOB, *, codes: int = CodeSet.MM1_STATUS) -> Trace:
    """The MMSC's final word on Ann's copy."""
    return trace(Kind.REPORT, at, message=message, other=sender, status=status, code_set=codes)


def session(kind: int, at: float, apn: str = "cmwap", key: str = "s1", **fields: Any) -> Trace:
    fields = {"other": "ggsn", "error": 1, "extra": -1, "c": 0, "size": 0, **fields}
    return trace(kind, at, link=key, path=apn, **fields)


def context(
    *,
    covered: Covered = ALL,
    codes: Codes | None = None,
    portals: Mapping[str, float] | None = None,
    resets: Sequence[float] = (),
    leases: Iterable[Trace] = (),
    active: Iterable[float] = (),
    known: Sequence[str] = (),
    expected: Sequence[str] = ("mmsc",),
    peers: Mapping[int, int] | None = None,
    history: History | None = None,
    gaps: Mapping[str, tuple[float, float]] | None = None,
    scopes: Scopes | None = None,
    **settings: Any,
) -> Context:
    """A judge's surroundings: no grace, no skew, T0 = 10 s, T1 = 30 s, repeats within 5 s, and whatever `settings` changes."""
    judgement = Judgement(
        **{
            "grace": 0.0,
            "skew": 0.0,
            "reaction": 10.0,
            "session": 30.0,
            "late": 40.0,
            "window": 200.0,
            "repeat": 5.0,
            "confirm": 20.0,
            **settings,
        }
    )
    gets = {name(host): round(at * SECOND) for host, at in (portals or {}).items()}
    lines = [trace(Kind.ATTEMPT, at) for at in active]
    starts = list(leases)
    holes = gaps or {}
    book = config.load_codes({"smsc": codes or Codes(full=("3:9",))})
    return Context(
        judgement, FEEDS, covered,
        Expected(frozenset(map(name, expected)), frozenset(map(name, known)), tuple(expected), frozenset({name("cmwap")})),
        [book.at(feed.name, feed.node) for feed in FEEDS],
        lambda authority: gets.get(authority, NEVER), lambda ggsn: [round(at * SECOND) for at in resets],
        lambda key: _texts.get(key, b""), lambda ggsn, address: starts,
        lambda number, start, stop: [line for line in lines if start <= line[AT] <= stop], peers=peers or {},
        history=history or History(30),
        broken=lambda family, domain, start, stop: (
            family in holes and holes[family][0] * SECOND < stop and start < holes[family][1] * SECOND
        ),
        scopes=scopes or Scopes(),
    )  # fmt: skip


def dossier(*traces: Trace, around: Context | None = None) -> Dossier:
    """Ann's dossier of these lines, in the order in which State would hand them over."""
    return assemble(ANN, sorted(traces, key=lambda t: (t[AT], t[FEED], t[WHERE])), around or context())


def only(found: Dossier) -> Thread:
    (thread,) = found.threads
    return thread


def seconds(traces: Iterable[Trace]) -> list[float]:
    return [trace[AT] / SECOND for trace in traces]


def kinds(traces: Iterable[Trace]) -> set[int]:
    return {trace[KIND] for trace in traces}
