"""The case of a subscriber as one table: in which state what may happen, what it becomes, and what has to be done (docs/care.md).

Two kinds. *settings*: found → asked → consented → pushed → confirmed, with what may go wrong on the way. *activation* (packet data is off
or not opened, which no settings mend): found → asked → listed for the business system → confirmed by the first session. What stands in no
row of the table does not happen: the case stays as it is. A case that is over stays over; whatever comes later is another case.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec


class Kind(enum.StrEnum):
    """What a case is about, so what mends it."""

    SETTINGS = "settings"
    ACTIVATION = "activation"


CAUSES: Final[Mapping[str, Kind]] = {
    "BAD_MMSC_URL": Kind.SETTINGS, "BAD_APN": Kind.SETTINGS, "BAD_PROXY": Kind.SETTINGS, "NO_PDP": Kind.ACTIVATION,
}  # fmt: skip
"""Findings that open a case. The others have no mend that a subscriber could agree to."""


class State(enum.StrEnum):
    """Where a case stands. Stored."""

    FOUND = "found"
    HELD_BACK = "held_back"  # found and never asked: what the others are compared with
    ASKED = "asked"
    CONSENTED = "consented"
    PUSHED = "pushed"
    NOT_TAKEN = "not_taken"  # the same failure after the push
    LISTED = "listed"  # on the hand-over list of the business system
    DECLINED = "declined"
    SILENT = "silent"  # no answer in time
    CONFIRMED = "confirmed"
    UNPROVEN = "unproven"  # nothing showed whether it took
    HANDED_OVER = "handed_over"  # to people, with what is known
    ENDED = "ended"  # its reason is gone


OVER: Final = frozenset({State.DECLINED, State.SILENT, State.CONFIRMED, State.UNPROVEN, State.HANDED_OVER, State.ENDED})


class Event(enum.StrEnum):
    """What may happen to a case. Stored."""

    HOLD_BACK = "hold_back"  # the draw says so
    JOIN = "join"  # another finding that the same mend would clear
    ASK = "ask"
    ASK_UNSENT = "ask_unsent"  # the question did not leave
    YES = "yes"
    NO = "no"
    STOP = "stop"  # a stop word
    SILENCE = "silence"  # the time for an answer is over
    CONSENT = "consent"  # asked for by keyword, or recorded by care staff
    PUSH = "push"
    PUSH_UNSENT = "push_unsent"  # the push did not leave
    PUSH_FAILED = "push_failed"  # the centre says it did not arrive
    TEST = "test"  # a small message of our own shall show whether it took
    UNFIT = "unfit"  # there is nothing that could be pushed
    CONFIRMED = "confirmed"
    FAILED = "failed"  # the same failure after the push
    FAILED_LAST = "failed_last"  # and no push is left
    UNPROVEN = "unproven"
    REVOKED = "revoked"
    LAPSED = "lapsed"  # the consent's, or the offer's, time is over
    CLEARED = "cleared"  # the findings are, before anything was done
    CHANGED = "changed"  # another SIM card, handset or owner
    ERASED = "erased"
    HAND_OVER = "hand_over"  # care staff takes it


class Act(enum.StrEnum):
    """What has to be done about it."""

    QUESTION = "question"  # send it
    CLOSE_QUESTION = "close_question"  # it is answered, or nobody wants to know any more
    PUSH = "push"
    LIST = "list"  # a row for those who take over
    UNLIST = "unlist"
    TEST = "test"  # send a small MMS of our own
    RENOTIFY = "renotify"  # have announced again what waits for him
    THANKS = "thanks"  # tell him that it works
    LISTED = "listed"  # tell him that it is passed on
    SORRY = "sorry"  # tell him that nothing can be sent, and that somebody will look at it
    WITHDRAW = "withdraw"  # what has not left yet must not leave
    REVOKE = "revoke"  # what consent there is ends


class Row(NamedTuple):
    """What an event makes of a case."""

    state: State
    acts: tuple[Act, ...] = ()


Table = Mapping[tuple[State, Event], Row]

_END: Final = Row(State.ENDED)
_END_QUESTION: Final = Row(State.ENDED, (Act.CLOSE_QUESTION, Act.WITHDRAW))
_END_CHANGED: Final = Row(State.ENDED, (Act.WITHDRAW,))  # whether a consent ends too depends on what changed
_END_CONSENT: Final = Row(State.ENDED, (Act.WITHDRAW, Act.REVOKE))
_UNDONE: Final = Row(State.HANDED_OVER, (Act.LIST, Act.REVOKE))

_BEFORE: Final[Table] = {
    (State.FOUND, Event.HOLD_BACK): Row(State.HELD_BACK),
    (State.FOUND, Event.JOIN): Row(State.FOUND),
    (State.FOUND, Event.ASK): Row(State.ASKED, (Act.QUESTION,)),
    (State.FOUND, Event.STOP): _END,
    (State.FOUND, Event.LAPSED): _END,
    (State.FOUND, Event.CLEARED): _END,
    (State.FOUND, Event.CHANGED): _END,
    (State.FOUND, Event.ERASED): _END,
    (State.FOUND, Event.HAND_OVER): Row(State.HANDED_OVER, (Act.LIST,)),
    (State.HELD_BACK, Event.JOIN): Row(State.HELD_BACK),
    (State.HELD_BACK, Event.STOP): _END,
    (State.HELD_BACK, Event.CLEARED): _END,
    (State.HELD_BACK, Event.CHANGED): _END,
    (State.HELD_BACK, Event.ERASED): _END,
    (State.HELD_BACK, Event.HAND_OVER): Row(State.HANDED_OVER, (Act.LIST,)),
    (State.ASKED, Event.JOIN): Row(State.ASKED),
    (State.ASKED, Event.ASK_UNSENT): Row(State.FOUND, (Act.CLOSE_QUESTION,)),
    (State.ASKED, Event.NO): Row(State.DECLINED, (Act.CLOSE_QUESTION,)),
    (State.ASKED, Event.STOP): Row(State.DECLINED, (Act.CLOSE_QUESTION, Act.WITHDRAW)),
    (State.ASKED, Event.SILENCE): Row(State.SILENT, (Act.CLOSE_QUESTION,)),
    (State.ASKED, Event.CLEARED): _END_QUESTION,
    (State.ASKED, Event.CHANGED): _END_QUESTION,
    (State.ASKED, Event.ERASED): _END_QUESTION,
    (State.ASKED, Event.HAND_OVER): Row(State.HANDED_OVER, (Act.LIST, Act.CLOSE_QUESTION, Act.WITHDRAW)),
}

SETTINGS: Final[Table] = {
    **_BEFORE,
    (State.FOUND, Event.CONSENT): Row(State.CONSENTED),
    (State.HELD_BACK, Event.CONSENT): Row(State.CONSENTED),
    (State.ASKED, Event.YES): Row(State.CONSENTED, (Act.CLOSE_QUESTION,)),
    (State.ASKED, Event.CONSENT): Row(State.CONSENTED, (Act.CLOSE_QUESTION, Act.WITHDRAW)),
    # who said yes gets his settings, though the trouble may have gone since: so there is no CLEARED here
    (State.CONSENTED, Event.JOIN): Row(State.CONSENTED),
    (State.CONSENTED, Event.PUSH): Row(State.PUSHED, (Act.PUSH,)),
    (State.CONSENTED, Event.UNFIT): Row(State.HANDED_OVER, (Act.LIST, Act.SORRY, Act.REVOKE)),
    (State.CONSENTED, Event.STOP): _END_CONSENT,
    (State.CONSENTED, Event.REVOKED): _END_CONSENT,
    (State.CONSENTED, Event.LAPSED): _END,
    (State.CONSENTED, Event.CHANGED): _END_CHANGED,
    (State.CONSENTED, Event.ERASED): _END_CONSENT,
    (State.CONSENTED, Event.HAND_OVER): _UNDONE,
    (State.PUSHED, Event.JOIN): Row(State.PUSHED),
    (State.PUSHED, Event.PUSH_UNSENT): Row(State.CONSENTED),
    (State.PUSHED, Event.PUSH_FAILED): Row(State.NOT_TAKEN),
    (State.PUSHED, Event.TEST): Row(State.PUSHED, (Act.TEST,)),
    (State.PUSHED, Event.CONFIRMED): Row(State.CONFIRMED, (Act.THANKS, Act.REVOKE)),
    (State.PUSHED, Event.FAILED): Row(State.NOT_TAKEN),
    (State.PUSHED, Event.FAILED_LAST): _UNDONE,
    (State.PUSHED, Event.UNPROVEN): Row(State.UNPROVEN, (Act.REVOKE,)),
    (State.PUSHED, Event.STOP): _END_CONSENT,
    (State.PUSHED, Event.REVOKED): _END_CONSENT,
    (State.PUSHED, Event.CHANGED): _END_CHANGED,
    (State.PUSHED, Event.ERASED): _END_CONSENT,
    (State.PUSHED, Event.HAND_OVER): Row(State.HANDED_OVER, (Act.LIST, Act.WITHDRAW, Act.REVOKE)),
    (State.NOT_TAKEN, Event.JOIN): Row(State.NOT_TAKEN),
    (State.NOT_TAKEN, Event.PUSH): Row(State.PUSHED, (Act.PUSH,)),
    (State.NOT_TAKEN, Event.CONFIRMED): Row(State.CONFIRMED, (Act.THANKS, Act.REVOKE)),
    (State.NOT_TAKEN, Event.FAILED_LAST): _UNDONE,
    (State.NOT_TAKEN, Event.UNFIT): _UNDONE,
    (State.NOT_TAKEN, Event.LAPSED): Row(State.HANDED_OVER, (Act.LIST,)),
    (State.NOT_TAKEN, Event.STOP): _END_CONSENT,
    (State.NOT_TAKEN, Event.REVOKED): _END_CONSENT,
    (State.NOT_TAKEN, Event.CHANGED): _END_CHANGED,
    (State.NOT_TAKEN, Event.ERASED): _END_CONSENT,
    (State.NOT_TAKEN, Event.HAND_OVER): _UNDONE,
}

_LISTED: Final = Row(State.LISTED, (Act.LIST, Act.LISTED))
_UNLISTED: Final = Row(State.ENDED, (Act.UNLIST, Act.WITHDRAW, Act.REVOKE))

ACTIVATION: Final[Table] = {
    **_BEFORE,
    (State.FOUND, Event.CONSENT): _LISTED,
    (State.HELD_BACK, Event.CONSENT): _LISTED,
    (State.ASKED, Event.YES): Row(State.LISTED, (Act.CLOSE_QUESTION, Act.LIST, Act.LISTED)),
    (State.ASKED, Event.CONSENT): Row(State.LISTED, (Act.CLOSE_QUESTION, Act.WITHDRAW, Act.LIST, Act.LISTED)),
    (State.LISTED, Event.CONFIRMED): Row(State.CONFIRMED, (Act.THANKS, Act.UNLIST, Act.REVOKE)),
    (State.LISTED, Event.FAILED_LAST): Row(State.HANDED_OVER, (Act.LIST, Act.REVOKE)),
    (State.LISTED, Event.UNPROVEN): Row(State.UNPROVEN, (Act.UNLIST, Act.REVOKE)),
    (State.LISTED, Event.STOP): _UNLISTED,
    (State.LISTED, Event.REVOKED): _UNLISTED,
    (State.LISTED, Event.CHANGED): Row(State.ENDED, (Act.UNLIST, Act.WITHDRAW)),
    (State.LISTED, Event.ERASED): _UNLISTED,
    (State.LISTED, Event.HAND_OVER): Row(State.HANDED_OVER, (Act.LIST, Act.REVOKE)),
}

TABLES: Final[Mapping[Kind, Table]] = {Kind.SETTINGS: SETTINGS, Kind.ACTIVATION: ACTIVATION}


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What is done about one subscriber's trouble. Known by its number among his cases. Times are µs UTC, None = not yet."""

    number: int  # 1, 2, …
    kind: Kind
    state: State
    opened: int
    origin: str  # "finding", "new_handset", "keyword", or "staff"
    causes: tuple[str, ...] = ()  # findings it is about; () = none: he asked
    posts: str = ""  # of BAD_MMSC_URL: the kind of POST that went astray, "submit" or "confirm"; "" = not known
    authority: int = 0  # … and the address it went to; 0 = not known
    confidence: float = 1.0
    corrected: bool = False  # the network puts it right: no message fails for it
    seed: bool = False  # a campaign's seed did not reach him: he comes first
    city: str = ""
    model: str = ""
    until: int | None = None  # of an offer: it is made until then
    held_back: bool = False  # the draw says he is not asked
    asked: int | None = None  # first question
    consented: int | None = None
    helped: int | None = None  # the first push left
    orders: int = 0  # of pushes …
    pushes: int = 0  # … but for those that did not leave
    ordered: int | None = None  # the last one …
    sent: int | None = None  # … left
    tested: bool = False  # … was tried by a message of our own
    listed: int | None = None
    missed: bool = False  # a push was not taken
    mended: tuple[str, ...] = ()  # causes whose mend is confirmed
    moved: int = 0  # last step
    closed: int | None = None
    reason: str = ""  # of the last step

    @property
    def over(self) -> bool:
        return self.state in OVER


class CaseStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a case, for the record: when, what, from where to where, why, and who did it."""

    case: int
    at: int
    event: Event
    before: State
    after: State
    reason: str
    who: str  # "mmsd", "subscriber", or a name


class Stepped(NamedTuple):
    case: Case
    step: CaseStep
    acts: tuple[Act, ...]


def may(case: Case, event: Event) -> bool:
    """Whether this can happen to a case as it stands."""
    return (case.state, event) in TABLES[case.kind]


def take(case: Case, event: Event, at: int, *, reason: str = "", who: str = "mmsd") -> Stepped | None:
    """The case after an event, the step for the record, and what has to be done; None when it cannot happen.

    >>> case = Case(number=1, kind=Kind.SETTINGS, state=State.FOUND, opened=0, origin="finding", causes=("BAD_APN",))
    >>> asked = take(case, Event.ASK, 7)
    >>> asked.case.state, asked.acts, take(case, Event.PUSH, 7)
    (<State.ASKED: 'asked'>, (<Act.QUESTION: 'question'>,), None)
    """
    row = TABLES[case.kind].get((case.state, event))
    if row is None:
        return None
    step = CaseStep(case=case.number, at=at, event=event, before=case.state, after=row.state, reason=reason, who=who)
    moved = msgspec.structs.replace(case, state=row.state, moved=at, closed=at if row.state in OVER else None, reason=reason)
    return Stepped(moved, step, row.acts)
