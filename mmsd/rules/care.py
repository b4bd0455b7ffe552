"""What care does about one subscriber: cases, questions, consents, pushes (docs/care.md).

A `Folder` holds all of it. `Care.on` takes the folder and a piece of news and gives back the folder as it is from then on, every step that
was taken with its time, reason and author, and orders: what has to be sent, listed or withdrawn. It is a function of its arguments; what
time alone brings comes with the news `Tick`. The table of `rules.cases` says what may happen, this module when it does.

Two things hold whatever comes: no push is ordered without a live consent (`PushOrder` refuses to be made), and never more than one question
of a subscriber is open.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from mmsd.model import SECOND
from mmsd.rules.answers import Meaning, Reader
from mmsd.rules.cases import CAUSES, Act, Case, CaseStep, Event, Kind, State, may, take
from mmsd.rules.casework import (
    Ask,
    Changed,
    Cleared,
    EndHoldings,
    Erased,
    Folder,
    Found,
    Left,
    Listed,
    News,
    OptOut,
    Order,
    Outcome,
    Person,
    Probe,
    Prompted,
    Push,
    PushFailed,
    Recorded,
    Renotify,
    Revoked,
    Shown,
    TakenOver,
    Tell,
    Unfit,
    Unsent,
    Withdraw,
    Wrote,
)
from mmsd.rules.consent import Channel, Consent, PushOrder, Question, free_code, live_consent, revoked
from mmsd.rules.governor import CLASSES
from mmsd.rules.handsets import EVENTS, What, consequences
from mmsd.rules.mending import Proof, mended
from mmsd.rules.settings import CareSettings

SUBSCRIBER: Final = "subscriber"
MMSD: Final = "mmsd"

NOT_ASKED: Final = ("opted_out", "unsure", "corrected", "model", "no_settings")
"""Why somebody is not asked, as long as that is so."""
ASKED_LATER: Final = ("question_open", "asked_lately", "declined_lately", "not_sent")
"""Why somebody is asked later."""
AGREED: Final = ("service", "provisioning")
"""Classes that whoever asks for settings wants again, though he stopped them before."""
NOTHING_KNOWN: Final = Person()


class Next(NamedTuple):
    """What time brings a case: the event and when, or why nothing."""

    event: Event | None = None
    at: int = 0
    reason: str = ""


def held_back(key: bytes, subscriber: int, share: float) -> bool:
    """Whether the draw says that somebody is never asked: the same for ever, and nobody without the key can tell of whom.

    >>> sum(held_back(b"key", number, 0.05) for number in range(10_000)) / 10_000
    0.0495
    """
    drawn = hashlib.blake2b(str(subscriber).encode(), digest_size=8, key=key, person=b"mmsd-holdout").digest()
    return int.from_bytes(drawn, "big") < share * 2**64


def rank(case: Case) -> tuple[bool, float, int]:
    """Sorts cases by who comes first: receivers of a seed, then the surest, then the oldest.

    >>> case = Case(number=1, kind=Kind.SETTINGS, state=State.FOUND, opened=9, origin="finding", confidence=0.9)
    >>> rank(case) > rank(msgspec.structs.replace(case, seed=True, confidence=0.8))
    True
    """
    return not case.seed, -case.confidence, case.opened


class Care:
    """The rules, compiled. `key`: the secret of the draw; `wording`: (a question's text for a case, its language) → the text's version."""

    def __init__(self, settings: CareSettings, key: bytes, *, wording: Callable[[Case, str], str]) -> None:
        self._settings = settings
        self._key = key
        self._wording = wording
        self._reader = Reader(settings.words)

    def on(self, folder: Folder, news: News, now: int, person: Person = NOTHING_KNOWN) -> Outcome:
        """What a piece of news brings, and whatever time has brought by now. `now` of an SMS: when it came. Never raises."""
        work = _Work(self._settings, folder, now)
        heard: Meaning | None = None
        note = ""
        match news:
            case Found():
                self._found(work, news, person)
            case Cleared():
                self._cleared(work, news)
            case Wrote():
                heard, note = self._wrote(work, news, person)
            case Recorded():
                self._agree(work, news.kind, Channel.STAFF, news.wording, news.who, person)
            case Prompted():
                self._prompted(work, news, person)
            case Revoked():
                work.revoke(news.case, "revoked")
                work.take(folder.case(news.case), Event.REVOKED, who=news.who)
            case Left():
                work.left(news)
            case Unsent():
                event = Event.ASK_UNSENT if news.what is Act.QUESTION else Event.PUSH_UNSENT
                if work.is_last(news.what, news.case, news.nth):
                    work.take(folder.case(news.case), event, reason=news.reason)
            case PushFailed():
                if work.is_last(Act.PUSH, news.case, news.nth):
                    self._failed(work, folder.case(news.case), news.reason, Event.PUSH_FAILED)
            case Unfit():
                work.take(folder.case(news.case), Event.UNFIT, reason=news.reason)
            case Shown():
                self._shown(work, news.proofs)
            case Changed():
                self._changed(work, news.what, person)
            case TakenOver():
                work.take(folder.case(news.case), Event.HAND_OVER, reason=news.reason, who=news.who)
            case Erased():
                for case in work.open():
                    work.take(case, Event.ERASED, who=news.who)
                work.revoke(None, "erased")
        self._pass(work, person)
        return Outcome(work.folder, tuple(work.steps), tuple(work.orders), heard, note)

    def next_step(self, folder: Folder, case: Case, person: Person, now: int) -> Next:
        """What time brings a case: an event and when, or the reason why none; for the desk, and for when to look again."""
        match case.state:
            case State.FOUND:
                return self._next_question(folder, case, person, now)
            case State.ASKED:
                question = next(question for question in reversed(folder.questions) if question.case == case.number)
                return Next(Event.SILENCE, question.expires)
            case State.CONSENTED | State.NOT_TAKEN:
                return self._next_push(folder, case, person, now)
            case State.PUSHED:
                return self._after_push(case)
            case State.LISTED:
                return Next(Event.UNPROVEN, (case.listed or case.moved) + self._span(self._settings.unproven))
            case _:
                return Next(reason="over" if case.over else case.state.value)

    def due(self, folder: Folder, person: Person, now: int) -> int | None:
        """When the folder has to be looked at again; None = not before there is news."""
        steps = (self.next_step(folder, case, person, now) for case in folder.cases if not case.over)
        return min((step.at for step in steps if step.event is not None), default=None)

    # ---------------------------------------------------------------------------------------------------------- what time brings

    def _pass(self, work: _Work, person: Person) -> None:
        """Takes every step that is due. Each leads on, so there are few."""
        moving = True
        while moving:
            moving = False
            for case in sorted(work.open(), key=rank):
                step = self.next_step(work.folder, case, person, work.now)
                if step.event is not None and step.at <= work.now and self._step(work, case, step, person):
                    moving = True

    def _step(self, work: _Work, case: Case, step: Next, person: Person) -> bool:
        match step.event:
            case Event.ASK:
                return self._ask(work, case, person)
            case Event.PUSH:
                return self._push(work, case)
            case None:
                return False
            case event:
                return work.take(case, event, reason=step.reason) is not None

    def _next_question(self, folder: Folder, case: Case, person: Person, now: int) -> Next:
        reason = self._not_asked(case, person)
        at = now
        for question in () if reason else folder.questions:
            until, why = self._asked_before(question, now)
            if until > at:
                at, reason = until, why
        if case.until is not None and (reason in NOT_ASKED or at >= case.until):
            return Next(Event.LAPSED, case.until, reason or "offer")
        return Next(reason=reason) if reason in NOT_ASKED else Next(Event.ASK, at, reason)

    def _not_asked(self, case: Case, person: Person) -> str:
        if not person.opted_out.isdisjoint(("all", "service")):
            return "opted_out"
        if case.confidence < self._settings.ask_from:
            return "unsure"
        if case.corrected:
            return "corrected"
        if case.causes and person.blamed.issuperset(case.causes):
            return "model"
        return "no_settings" if case.kind is Kind.SETTINGS and not person.mendable else ""

    def _asked_before(self, question: Question, now: int) -> tuple[int, str]:
        """Until when an earlier question stands against another, and how."""
        if question.open_at(now):
            return question.expires, "question_open"
        if question.end == Event.ASK_UNSENT:
            return (question.closed or question.asked) + self._span(self._settings.retry), "not_sent"
        if question.end == Event.NO:
            return question.asked + self._span(self._settings.declined_window), "declined_lately"
        return question.asked + self._span(self._settings.question_window), "asked_lately"

    def _next_push(self, folder: Folder, case: Case, person: Person, now: int) -> Next:
        settings = self._settings
        if case.pushes >= settings.pushes:
            return Next(Event.FAILED_LAST, now, f"pushes: {case.pushes}")
        consent = live_consent(folder.consents, case.number, now)
        if consent is None:
            return Next(Event.LAPSED, now, "consent")
        if not person.mendable:
            return Next(Event.UNFIT, now, "no_settings")
        last = [at for other in folder.cases for at in (other.ordered, other.sent) if at is not None]
        at = max([now, *(at + self._span(settings.push_gap) for at in last)])
        return Next(Event.PUSH, at) if at < consent.expires else Next(Event.LAPSED, consent.expires, "consent")

    def _after_push(self, case: Case) -> Next:
        settings = self._settings
        begun = case.sent if case.sent is not None else case.ordered or case.moved
        if settings.test_message and case.sent is not None and not case.tested:
            return Next(Event.TEST, case.sent + self._span(settings.install))
        return Next(Event.UNPROVEN, begun + self._span(settings.unproven))

    def _ask(self, work: _Work, case: Case, person: Person, who: str = MMSD) -> bool:
        language = person.language or self._settings.language
        question = Question(
            number=max((question.number for question in work.questions), default=0) + 1,
            case=case.number,
            code=free_code(work.folder.questions, work.now),
            wording=self._wording(case, language),
            language=language,
            asked=work.now,
            expires=work.now + self._span(self._settings.answer),
        )
        asked = work.take(case, Event.ASK, who=who)
        if asked is None:
            return False
        work.questions.append(question)
        work.orders.append(Ask(work.put(asked, asked=asked.asked if asked.asked is not None else work.now), question))
        return True

    def _push(self, work: _Work, case: Case) -> bool:
        consent = live_consent(work.folder.consents, case.number, work.now)
        if consent is None or not may(case, Event.PUSH):
            return False
        order = PushOrder(consent, case.number, case.orders + 1, work.now)
        pushed = work.take(case, Event.PUSH)
        if pushed is None:
            return False
        pushed = work.put(pushed, orders=order.attempt, pushes=case.pushes + 1, ordered=work.now, sent=None, tested=False)
        answers = consent.at if consent.channel is not Channel.STAFF and order.attempt == 1 else None
        work.orders.append(Push(pushed, order, answers))
        return True

    # --------------------------------------------------------------------------------------------------------------------- news

    def _found(self, work: _Work, news: Found, person: Person) -> None:
        kind = CAUSES.get(news.cause)
        if kind is None:
            return
        corrected = news.urgency == "low"
        case = work.folder.open_case(kind)
        if case is None:
            case = work.begin(kind, "finding", person, causes=(news.cause,), confidence=news.confidence, corrected=corrected)
            case = work.put(case, posts=news.posts, authority=news.authority, seed=news.seed)
            if held_back(self._key, work.folder.subscriber, self._settings.holdout):
                work.put(work.take(case, Event.HOLD_BACK) or case, held_back=True)
            return
        if news.cause not in case.causes:
            case = work.take(case, Event.JOIN, reason=news.cause)
            if case is None:
                return  # too late to be part of it
            case = work.put(case, causes=(*case.causes, news.cause))
        elif case.state not in (State.FOUND, State.HELD_BACK, State.ASKED):
            return  # what is compared later is what was wrong when he agreed
        alone = len(case.causes) == 1
        work.put(
            case,
            confidence=news.confidence if alone else max(case.confidence, news.confidence),
            corrected=corrected if alone else case.corrected and corrected,
            posts=news.posts or case.posts,
            authority=news.authority or case.authority,
            seed=case.seed or news.seed,
        )

    def _cleared(self, work: _Work, news: Cleared) -> None:
        for case in work.open():
            left = tuple(cause for cause in case.causes if cause not in news.causes)
            if left == case.causes or not may(case, Event.CLEARED):
                continue
            if left:
                work.put(case, causes=left)
            else:
                work.take(case, Event.CLEARED, reason=news.reason)

    def _wrote(self, work: _Work, news: Wrote, person: Person) -> tuple[Meaning, str]:
        known = [question for question in work.folder.questions if question.closed is None]
        answer = self._reader.read(news.text, known, at=work.now, sub_code=news.sub_code)
        match answer.meaning:
            case Meaning.STOP:
                for case in work.open():
                    work.take(case, Event.STOP, who=SUBSCRIBER)
                work.revoke(None, "stop")
                work.orders += [OptOut(self._settings.stops), Tell(None, "stopped")]
            case Meaning.REQUEST:
                self._agree(work, Kind.SETTINGS, Channel.KEYWORD, news.text.strip()[:40], SUBSCRIBER, person)
            case Meaning.YES:
                self._agreed(work, known[answer.question])
            case Meaning.NO:
                work.take(work.folder.case(known[answer.question].case), Event.NO, who=SUBSCRIBER)
            case Meaning.OTHER:
                pass
        return answer.meaning, answer.note

    def _agreed(self, work: _Work, question: Question) -> None:
        """He said yes to a question."""
        case = work.folder.case(question.case)
        if case is not None and may(case, Event.YES):
            work.consent(case, question.wording, Channel.SMS, SUBSCRIBER)
            work.take(case, Event.YES, who=SUBSCRIBER)

    def _agree(self, work: _Work, kind: Kind, channel: Channel, wording: str, who: str, person: Person) -> None:
        """He asked for it, or agreed in the hearing of care staff, whether or not there was a question."""
        again = tuple(name for name in ("all", *AGREED) if name in person.opted_out)
        if again:
            work.orders.append(OptOut(again, out=False))
        if "all" in again:
            work.orders.append(OptOut(tuple(name for name in CLASSES if name not in AGREED)))
        case = work.folder.open_case(kind) or work.begin(kind, channel.value, person)
        work.consent(case, wording, channel, who)
        if may(case, Event.CONSENT):
            work.take(case, Event.CONSENT, who=who, reason=channel.value)
        elif case.state is State.PUSHED and case.sent is not None:
            self._failed(work, case, "asked again", Event.FAILED, who)

    def _prompted(self, work: _Work, news: Prompted, person: Person) -> None:
        case = work.folder.case(news.case)
        refused = not person.opted_out.isdisjoint(("all", "service")) or work.folder.question(work.now) is not None
        if case is not None and not refused and (person.mendable or case.kind is Kind.ACTIVATION):
            self._ask(work, case, person, news.who)

    def _failed(self, work: _Work, case: Case | None, reason: str, event: Event, who: str = MMSD) -> None:
        if case is None:
            return
        last = case.pushes >= self._settings.pushes or case.kind is Kind.ACTIVATION
        work.take(case, Event.FAILED_LAST if last else event, reason=reason, who=who)

    def _shown(self, work: _Work, proofs: Sequence[Proof]) -> None:
        for case in work.open():
            if case.state not in (State.PUSHED, State.NOT_TAKEN, State.LISTED):
                continue
            seen = mended(case, proofs, self._settings)
            case = work.put(case, mended=(*case.mended, *(cause for cause in seen.causes if cause)))
            if seen.failed:
                self._failed(work, case, seen.failed, Event.FAILED)
            elif seen.causes and set(case.causes) <= set(case.mended):
                work.take(case, Event.CONFIRMED, reason=seen.proof.sign.value if seen.proof is not None else "")

    def _changed(self, work: _Work, what: int, person: Person) -> None:
        follows = consequences(what)
        reason = ", ".join(EVENTS[each] for each in What if what & each)
        if follows.findings or follows.cases:
            for case in work.open():
                work.take(case, Event.CHANGED, reason=reason)
        if follows.consent:
            work.revoke(None, reason)
        if follows.holdings:
            work.orders.append(EndHoldings())
        if follows.offer and not follows.consent and self._settings.offer:
            work.put(work.begin(Kind.SETTINGS, "new_handset", person), until=work.now + follows.offer)

    @staticmethod
    def _span(seconds: float) -> int:
        return int(seconds * SECOND)


@dataclass
class _Work:
    """A folder while it is worked on, and what came of it."""

    settings: CareSettings
    _folder: Folder
    now: int
    steps: list[CaseStep] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._cases = {case.number: case for case in self._folder.cases}
        self.questions = list(self._folder.questions)
        self.consents = list(self._folder.consents)

    @property
    def folder(self) -> Folder:
        return Folder(self._folder.subscriber, tuple(self._cases.values()), tuple(self.questions), tuple(self.consents))

    def open(self) -> list[Case]:
        return [case for case in self._cases.values() if not case.over]

    def begin(self, kind: Kind, origin: str, person: Person, **more: object) -> Case:
        """A new case."""
        number = max(self._cases, default=0) + 1
        case = Case(
            number=number,
            kind=kind,
            state=State.FOUND,
            opened=self.now,
            origin=origin,
            city=person.city,
            model=person.model,
            moved=self.now,
        )
        return self.put(case, **more)

    def put(self, case: Case, **changes: object) -> Case:
        """Keeps a case with some fields changed."""
        self._cases[case.number] = changed = msgspec.structs.replace(case, **changes)
        return changed

    def take(self, case: Case | None, event: Event, *, reason: str = "", who: str = MMSD) -> Case | None:
        """Takes a step, if the table has it, and sees to everything that it asks for but questions and pushes."""
        stepped = take(case, event, self.now, reason=reason, who=who) if case is not None else None
        if stepped is None:
            return None
        self.steps.append(stepped.step)
        moved = self.put(stepped.case, **self._stamps(stepped.case, event))
        for act in stepped.acts:
            self._do(act, moved, event)
        return moved

    def _stamps(self, case: Case, event: Event) -> dict[str, object]:
        """Times and counts that a step leaves on its case."""
        stamps: dict[str, object] = {}
        if event in (Event.YES, Event.CONSENT):
            stamps["consented"] = case.consented if case.consented is not None else self.now
        if case.state is State.LISTED:
            stamps["listed"] = self.now
        if event is Event.PUSH_UNSENT:
            stamps["pushes"] = case.pushes - 1
        if event in (Event.FAILED, Event.FAILED_LAST, Event.PUSH_FAILED):
            stamps["missed"] = True
        if event is Event.TEST:
            stamps["tested"] = True
        return stamps

    def _do(self, act: Act, case: Case, event: Event) -> None:
        match act:
            case Act.CLOSE_QUESTION:
                for place, question in enumerate(self.questions):
                    if question.case == case.number and question.closed is None:
                        self.questions[place] = msgspec.structs.replace(question, closed=self.now, end=event.value)
            case Act.REVOKE:
                self.revoke(case.number, event.value)
            case Act.WITHDRAW:
                self.orders.append(Withdraw(case))
            case Act.LIST | Act.UNLIST:
                self.orders.append(Listed(case, act is Act.LIST))
            case Act.THANKS | Act.LISTED | Act.SORRY:
                self.orders.append(Tell(case, act.value))
            case Act.TEST:
                self.orders.append(Probe(case))
            case Act.QUESTION | Act.PUSH | Act.RENOTIFY:
                pass  # whoever takes these steps makes the order

    def consent(self, case: Case, wording: str, channel: Channel, by: str) -> None:
        expires = self.now + int(self.settings.consent * SECOND)
        number = max((one.number for one in self.consents), default=0) + 1
        self.consents.append(
            Consent(number=number, case=case.number, wording=wording, channel=channel, by=by, at=self.now, expires=expires)
        )

    def revoke(self, number: int | None, why: str) -> None:
        """Ends the consents of a case, or all of them."""
        self.consents = [revoked(one, self.now, why) if number in (None, one.case) else one for one in self.consents]

    def is_last(self, what: Act, number: int, nth: int) -> bool:
        """Whether something is told of the last question or push of a case; of earlier ones it comes too late to matter."""
        case = self._cases.get(number)
        last = case.orders if what is Act.PUSH and case is not None else self._last_question(number)
        return nth in (0, last)

    def _last_question(self, number: int) -> int:
        return max((question.number for question in self.questions if question.case == number), default=0)

    def left(self, news: Left) -> None:
        """The 48 hours, and the time to install, begin when a message has left."""
        case = self._cases.get(news.case)
        if case is None or not self.is_last(news.what, news.case, news.nth):
            return
        if news.what is Act.PUSH and case.state is State.PUSHED and case.sent is None:
            pushed = self.put(case, sent=self.now, helped=case.helped if case.helped is not None else self.now)
            if self.settings.renotify:
                self.orders.append(Renotify(pushed))
        if news.what is Act.QUESTION:
            last = self._last_question(news.case)
            for place, question in enumerate(self.questions):
                if question.number == last and question.open_at(self.now) and not question.sent:
                    expires = self.now + question.expires - question.asked
                    self.questions[place] = msgspec.structs.replace(question, asked=self.now, expires=expires, sent=True)
