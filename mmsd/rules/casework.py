"""What care is told of one subscriber, what it keeps of him, and what it orders: the values round `rules.care`."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from mmsd.rules import findings
from mmsd.rules.answers import Meaning
from mmsd.rules.cases import Act, Case, CaseStep, Kind
from mmsd.rules.consent import Consent, PushOrder, Question
from mmsd.rules.mending import Proof


class Person(NamedTuple):
    """What others know of a subscriber and care has to know too."""

    language: str = ""  # "" = the configured one
    mendable: bool = True  # there are signed-off settings for his operator
    blamed: frozenset[str] = frozenset()  # causes that are found with his whole model: it is the model's fault, and he is not asked
    opted_out: frozenset[str] = frozenset()  # classes, or "all"
    city: str = ""
    model: str = ""


class Folder(msgspec.Struct, frozen=True):
    """All that care has about one subscriber, in the order it came."""

    subscriber: int  # the store's id of the number, or the number
    cases: tuple[Case, ...] = ()
    questions: tuple[Question, ...] = ()
    consents: tuple[Consent, ...] = ()

    def case(self, number: int) -> Case | None:
        return next((case for case in self.cases if case.number == number), None)

    def open_case(self, kind: Kind) -> Case | None:
        """The case of a kind that is not over; there is one at most."""
        return next((case for case in self.cases if case.kind is kind and not case.over), None)

    def question(self, now: int) -> Question | None:
        """The open question."""
        return next((question for question in self.questions if question.open_at(now)), None)


# -------------------------------------------------------------------------------------------------------------------- news


class Found(NamedTuple):
    """A finding about the subscriber was raised, or said anew. Those about models and nodes are none of care's."""

    cause: str
    confidence: float
    urgency: str = "normal"  # "low": the network corrects it
    posts: str = ""  # of BAD_MMSC_URL, as in `Case`
    authority: int = 0
    seed: bool = False  # a campaign's seed failed for it


def told(found: findings.Found, *, seed: bool = False) -> Found:
    """A finding as care has to know it: of a wrong address also what went there, and where that is."""
    bad = next((ground for ground in reversed(found.lines) if not ground.good), None)
    if found.cause != "BAD_MMSC_URL" or bad is None:
        return Found(found.cause, found.confidence, found.urgency, seed=seed)
    posts = bad.kind if bad.kind in ("submit", "confirm") else ""
    return Found(found.cause, found.confidence, found.urgency, posts, bad.shape, seed)


class Cleared(NamedTuple):
    """Findings ended, or were withdrawn: their causes, and which are left."""

    causes: frozenset[str]
    reason: str = "cleared"


class Tick(NamedTuple):
    """Time passed."""


class Wrote(NamedTuple):
    """An SMS of the subscriber. Its time is when it came."""

    text: str
    sub_code: str = ""


class Recorded(NamedTuple):
    """Care staff recorded that he agreed."""

    who: str
    wording: str  # what he was told
    kind: Kind = Kind.SETTINGS


class Prompted(NamedTuple):
    """Care staff wants him asked now, however sure the finding is and whenever he was asked before."""

    who: str
    case: int


class Revoked(NamedTuple):
    """He took his consent back, on the telephone."""

    who: str
    case: int


class Left(NamedTuple):
    """A question or a push of a case left. `nth`: the question's number, or the order's attempt; 0 = the last one."""

    what: Act
    case: int
    nth: int = 0


class Unsent(NamedTuple):
    """A question or a push of a case will not leave, and did not."""

    what: Act
    case: int
    reason: str
    nth: int = 0  # as of `Left`: what is told of an earlier one changes nothing


class PushFailed(NamedTuple):
    """The centre says that a push did not arrive."""

    case: int
    reason: str
    nth: int = 0


class Unfit(NamedTuple):
    """Nothing can be made that could be pushed."""

    case: int
    reason: str


class Shown(NamedTuple):
    """What lines, and their absence, show since the push."""

    proofs: tuple[Proof, ...]


class Changed(NamedTuple):
    """Another SIM card, handset or owner: a sum of `handsets.What`."""

    what: int


class TakenOver(NamedTuple):
    """Care staff takes a case into its own hands."""

    who: str
    case: int
    reason: str = ""


class Erased(NamedTuple):
    """He shall be forgotten."""

    who: str


News = (
    Found
    | Cleared
    | Tick
    | Wrote
    | Recorded
    | Prompted
    | Revoked
    | Left
    | Unsent
    | PushFailed
    | Unfit
    | Shown
    | Changed
    | TakenOver
    | Erased
)


# ------------------------------------------------------------------------------------------------------------------ orders


class Ask(NamedTuple):
    """Send this question."""

    case: Case
    question: Question


class Push(NamedTuple):
    """Push settings. The order holds the consent; `forms.prepare` makes the messages of it."""

    case: Case
    order: PushOrder
    asked: int | None  # when he agreed by SMS: the push answers that


class Tell(NamedTuple):
    """Send a text: "thanks", "listed", "sorry", "stopped"."""

    case: Case | None
    text: str


class Probe(NamedTuple):
    """Send a small MMS of our own."""

    case: Case


class Renotify(NamedTuple):
    """Have the MMSC announce again what waits for him: the push has left."""

    case: Case


class Listed(NamedTuple):
    """Put a case on the hand-over list, or take it off."""

    case: Case
    on: bool


class Withdraw(NamedTuple):
    """What waits in the outbox for a case must not leave any more."""

    case: Case


class OptOut(NamedTuple):
    """Classes he wants nothing of any more, or (`out` False) something again."""

    classes: tuple[str, ...]
    out: bool = True


class EndHoldings(NamedTuple):
    """What the number holds in campaigns was somebody else's."""


Order = Ask | Push | Tell | Probe | Renotify | Listed | Withdraw | OptOut | EndHoldings


class Outcome(NamedTuple):
    """After a piece of news."""

    folder: Folder
    steps: tuple[CaseStep, ...] = ()
    orders: tuple[Order, ...] = ()
    heard: Meaning | None = None  # of an SMS: what it was taken for
    note: str = ""  # … and why it is no answer, where it looks like one
