"""From ripe subscribers to facts: verdicts said or restated, counters, findings' evidence, forward candidates.

`Judge.judge` compares what a dossier says now with what was published and returns the difference. It touches State's memory of what was
said and nothing else; the sequencer turns the `Facts` into a Batch.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from mmsd.fast import Express
from mmsd.fast.express_py import Survey
from mmsd.model import DAY, HOUR, NOT_A_NUMBER, SECOND, Attempt, Content, Delivery, Evidence, HeldCopy, Kind, Method, PushState
from mmsd.rules import findings
from mmsd.rules.awards import Awards, Ready
from mmsd.rules.campaign import Campaigns, local_day
from mmsd.rules.causes import OUTCOMES, RULES, Verdict
from mmsd.rules.cities import Cities, prefix_of
from mmsd.rules.copies import AMBIGUOUS, JOINED, STRAY, seeds_of
from mmsd.rules.expectations import Expectations
from mmsd.rules.faults import FAMILIES
from mmsd.rules.findings import DELIVERY, FINDINGS, FORWARDED, REPEATED_FETCHES, REQUEST, Found, Ground, evaluate, lines_of, mends
from mmsd.rules.forwards import Candidate
from mmsd.rules.handsets import HandsetArray
from mmsd.rules.holdings import Served
from mmsd.rules.kpi import ASTRAY, measures
from mmsd.rules.mending import Proof
from mmsd.rules.models import Models
from mmsd.rules.networks import Network
from mmsd.rules.posts import submits_of
from mmsd.rules.proofs import of_delivery, of_posts, of_sessions, of_silence
from mmsd.rules.relate import ANY_DOMAIN, NEVER, Context, Covered, Dossier, Thread, directed
from mmsd.rules.retrieval import by_the_book, notified, place_of
from mmsd.rules.signs import GONE, Seen, answers_fetch, at_home, authorities, look, redirected, set_elsewhere, shows, strength
from mmsd.rules.skew import moments
from mmsd.rules.state import Published, State, Tally
from mmsd.rules.sums import sums
from mmsd.rules.traces import AT, AUTHORITY, FEED, KIND, ORIGIN, OTHER, PATH, REFUSAL, STATUS, WHERE, A, B, C, Trace


class Raised(NamedTuple):
    """A finding as it stands now; `found` None: its evidence turned out otherwise, it is withdrawn."""

    subscriber: int
    cause: str
    found: Found | None
    evidence: tuple[Evidence, ...] = ()
    model: str = ""


NO_NETWORK: Final = Network(())
DELIVERED: Final = OUTCOMES.index("delivered")
IMEI_OF_TAC: Final = 10**6
"""The digits of an IMEI behind its type allocation code."""
NO_MMS, UNKNOWN = "no MMS", "unknown"
"""Of a handset (`causes.Signs.h`)."""
UNDECIDED: Final = frozenset({"open", "failed", "lapsed"})
"""Outcomes that may still turn out to be evidence: what is good meanwhile is remembered beside them."""


class Handsets(Protocol):
    """What is known of handsets (`flow.handsets`)."""

    @property
    def models(self) -> Models: ...
    def find(self, numbers: npt.NDArray[np.uint64]) -> HandsetArray: ...
    def before(self, numbers: npt.NDArray[np.uint64]) -> HandsetArray: ...
    def city_of(self, number: int) -> str: ...
    def seen(self, number: int) -> Sequence[tuple[int, int, int]]: ...


class Closed(NamedTuple):
    """A judged delivery for the segments: the fields of `model.CLOSED` before numbers are hashed and names interned."""

    at: int
    closed: int
    receiver: int
    sender: int
    message: int
    leg: int
    pushed: int
    retrieved: int
    outcome: str
    cause: str
    rule: str
    node: str
    size: int


@dataclass(slots=True)
class Facts:
    """What one round of judging found."""

    deliveries: list[tuple[bytes, Delivery]] = field(default_factory=list)
    withdrawn: list[bytes] = field(default_factory=list)
    closed: list[Closed] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    candidates: list[Candidate] = field(default_factory=list)
    attempts: list[tuple[bytes, Attempt]] = field(default_factory=list)
    suspected: set[int] = field(default_factory=set)  # whose evidence for or against findings changed
    seeded: set[int] = field(default_factory=set)  # who did not get a campaign's seed for a fault of settings
    proofs: dict[int, list[Proof]] = field(default_factory=dict)  # of whom care waits for: what their lines show of a mend
    held_copies: list[tuple[bytes, HeldCopy | None]] = field(default_factory=list)  # recognised, and not counted for now; None: settled
    express: Survey | None = None  # closed deliveries of the express lane


class Judge:
    """Judges dossiers of a State. `file_of(feed, ordinal)` names a log file for evidence; `keep_all` makes a row of every delivery."""

    def __init__(
        self,
        state: State,
        *,
        campaigns: Campaigns,
        cities: Callable[[], Cities],
        zone: tzinfo,
        row_secret: bytes,
        file_of: Callable[[int, int], str],
        keep_all: bool = False,
        handsets: Handsets | None = None,
        expectations: Expectations | None = None,
        network: Network = NO_NETWORK,
        served: Callable[[npt.NDArray[np.uint64]], Iterable[Served]] = lambda numbers: (),
    ) -> None:
        self.state = state
        self.handsets = handsets
        self.awards = Awards(state, campaigns, row_secret, self.city_of, network, handsets, served)
        self._handset: dict[int, Any] = {}  # HANDSET rows of those who are judged now, by number
        self._before: dict[int, tuple[int, int, int]] = {}  # IMEI, last seen, since when; without what this tick has told
        self.campaigns = campaigns
        self._cities = cities
        self._placed_by: Cities | None = None  # whose prefixes the express lane has
        self.expectations = expectations
        self.zone = zone
        self.row_secret = row_secret  # names of rows hide the numbers in them from whoever has only the database
        self.file_of = file_of
        self.keep_all = keep_all
        self.mending: Collection[int] = frozenset()  # of whom care waits for proof that a mend took
        self._covered: Covered | None = None  # as at the last judging; what is covered anew may change every verdict
        self._anew = True

    def judge(self, subscribers: npt.NDArray[np.uint64], horizon: int) -> Facts:
        """Judges the (sorted, distinct) subscribers as known at `horizon`, and everybody on the express lane."""
        facts = Facts()
        if self.state.express is not None:
            self._place_express(self.state.express)
            facts.express = self.state.survey(horizon)
            self._count_express_prefixes(facts.express, facts)
            self._count_express(facts.express, facts)
            self._count_express_closings(facts.express)
            self._count_express_models(facts.express, facts)
            subscribers = np.union1d(subscribers, facts.express.odd)
        context = self.state.context()
        self._anew = context.covered != self._covered
        self._covered = context.covered
        self._look_up(subscribers)
        if self.handsets is not None and len(subscribers):
            rows = self.handsets.before(subscribers)[["number", "imei", "imei_at", "imei_since"]]
            self._before = {number: (imei, at, since) for number, imei, at, since in rows[rows["imei"] != 0].tolist()}
        dossiers = list(self.state.dossiers(subscribers))
        for dossier in dossiers:
            self._learn_seeds(dossier)
        self.awards.prepare(dossiers)
        ready: list[Ready] = []
        for dossier in dossiers:
            ready += self._judge_dossier(dossier, self._context_of(dossier, context), horizon, facts)
        self.state.disturbed.clear()
        facts.candidates = self.awards.award(ready)
        return facts

    def unsettled(self, asked: npt.NDArray[np.uint64], horizon: int) -> npt.NDArray[np.uint64]:
        """Of those who are to be judged for requests of their own alone, whom these do not show to be served: the others' verdicts stay
        as they are, and their dossiers where they are. `asked` sorted and distinct, as is what is returned."""
        if self.keep_all or not len(asked) or self.state.covered() != self._covered:
            return asked
        context = self.state.context()
        self._look_up(asked)
        found = [number for number, lines in self.state.requests_of(asked).items() if self._served(number, lines, context, horizon)]
        return np.setdiff1d(asked, np.array(found, np.uint64))

    def _served(self, number: int, lines: Sequence[Trace], context: Context, horizon: int) -> bool:
        """Whether every request up to `horizon` reads Z1, or says nothing, by these lines alone, and nothing said before rests on another
        reading; if so he is watched on."""
        state, settings = self.state, context.settings
        if number in state.findings.numbers or number in self.mending or number in state.disturbed:
            return False
        dossier = Dossier(number)
        for line in lines:
            if line[KIND] == ORIGIN:
                dossier.origins.append(line)
            elif line[KIND] == REFUSAL or (line[A] != Method.POST and line[STATUS] in GONE):
                return False
            elif line[A] == Method.POST:
                dossier.posts.append(directed(line, context))
        ours = authorities(dossier, self._context_of(dossier, context))
        wait = int((settings.join + settings.skew) * SECOND)
        submits = submits_of(dossier.posts, dossier.origins, wait)
        pending = NEVER
        for post in dossier.posts:
            if post[AT] + wait > horizon:
                pending = min(pending, post[AT] + wait)
                continue
            if post[B] != Content.MMS or shows(post, ours) != "ok" or redirected(post) or (post[FEED], post[WHERE]) in state.said:
                return False
            if post[C] == Content.MMS and (post[FEED], post[WHERE]) not in submits:
                return False
        if pending < NEVER:
            state.watch(number, pending, requests=True)
        return True

    def _context_of(self, dossier: Dossier, context: Context) -> Context:
        """With what is expected of this subscriber."""
        if self.expectations is None:
            return context
        row = self._handset.get(dossier.subscriber)
        return self.expectations.context(dossier, context, *((int(row["imsi"]), int(row["imei"])) if row is not None else ()))

    def _look_up(self, numbers: npt.NDArray[np.uint64]) -> None:
        """Handsets of those who are judged next."""
        self._handset, self._before = {}, {}
        if self.handsets is not None and len(numbers):
            rows = self.handsets.find(numbers)
            self._handset = {int(row["number"]): row for row in rows[(rows["imei"] != 0) | (rows["imsi"] != 0)]}

    def model_of(self, number: int) -> str:
        """Model and software version of somebody's handset, "" = unknown."""
        row = self._handset.get(number)
        return "" if row is None or self.handsets is None else self.handsets.models.label(int(row["imei"]), int(row["software"]))

    def learned(self, told: HandsetArray | None, *, anew: bool) -> npt.NDArray[np.uint64]:
        """Who turns out to have a handset without MMS, and has messages that nobody fetched: they are judged again.

        `told`: HANDSET rows that say something new. `anew`: lists or models were imported, so anybody's handset may be known now.
        """
        state, handsets = self.state, self.handsets
        if handsets is None or (told is None and not anew):
            return np.empty(0, np.uint64)
        if anew:
            told = handsets.find(np.array(sorted({*state.published, *state.cold}), np.uint64))
        assert told is not None
        codes, which = np.unique(told["imei"] // np.uint64(IMEI_OF_TAC), return_inverse=True)
        deaf = np.array([handsets.models.sign(code * IMEI_OF_TAC) == NO_MMS for code in codes.tolist()], bool)
        found = [number for number in told["number"][deaf[which.ravel()]].tolist() if self._unfetched(number)]
        state.disturbed.update(found)
        return np.array(found, np.uint64)

    def _unfetched(self, number: int) -> bool:
        """Whether it was said of a message of his that the push led to nothing, without knowing his handset."""
        held = self.state.published.get(number)
        if held is None:
            return number in self.state.cold
        return any(entry.rule[:1] == "U" and entry.h[0] == UNKNOWN for entry in held.values())

    def _sign_handset(self, seen: Seen, number: int, old: Published | None, horizon: int) -> None:
        """H of the evidence table, once absence speaks: what was known then. What is learned of it later counts as long as a verdict may
        change; what has been said stays."""
        if not seen.signs.over or self.handsets is None:
            return
        final = old is not None and bool(old.closed) and horizon > old.closed + int(self.state.settings.restate * SECOND)
        if old is not None and old.h[0] and (final or old.h[0] != UNKNOWN):
            seen.signs.h, seen.signs.h_old = old.h
            return
        imei, at, since = self._before.get(number, (0, 0, 0))
        known = bool(imei)
        if since > seen.due:  # it was another one then
            imei, at = 0, 0
        for when, shown, _ in self.handsets.seen(number):
            if at <= when <= seen.due or not known:  # the first that was ever seen: no change of handset is known
                imei, at, known = shown, when, True
        if imei:
            seen.signs.h, seen.signs.h_old = self.handsets.models.sign(imei), seen.due - at > self.state.settings.handset_days * DAY

    def _count_express(self, survey: Survey, facts: Facts) -> None:
        tally, labels = facts.tally, self.state.labels
        rows = survey.measured
        tally.measured.add_columns(
            labels, rows["began"] // HOUR, rows["node"], rows["city"], rows["n"], rows["notified"], rows["retrieved"],
            self.state.settings.late,
        )  # fmt: skip
        for (hour, node, city, rule, own, delay), n in survey.counts.items():
            row = self.state.causes.rows[RULES[rule]]
            outcome = "own" if own else row.outcome
            cause = row.cause if outcome == "delivered" else ""
            tally.hours[hour, labels[node], labels[city], outcome, cause, RULES[rule] if outcome == "delivered" else ""] += n
            if outcome in ("delivered", "open"):
                tally.days[local_day(hour * HOUR, self.zone), "", cause] += n
            for each in by_the_book(RULES[rule]) if outcome == "delivered" else ():
                tally.notified[hour, labels[node], *each] += n
            if outcome == "delivered" and delay >= 0:
                tally.delays[hour, labels[node], cause, delay] += n

    def _count_express_models(self, survey: Survey, facts: Facts) -> None:
        """Which models they were, of what ran by the book: counted under none by `_count_express`, and moved."""
        rows = survey.measured
        if self.handsets is None or not len(rows):
            return
        known = self.handsets.find(rows["receiver"])
        chosen = np.flatnonzero(known["imei"])
        if not len(chosen):
            return
        rows, known = rows[chosen], known[chosen]
        kinds = np.stack([known["imei"] // np.uint64(IMEI_OF_TAC), known["software"].astype(np.uint64)])
        _, first, which = np.unique(kinds, axis=1, return_index=True, return_inverse=True)
        labels = [self.handsets.models.label(int(known["imei"][place]), int(known["software"][place])) for place in first.tolist()]
        keys, (totals,) = sums((which.ravel(), rows["began"] // HOUR, rows["rule"]), rows["n"])
        for (place, hour, rule), n in zip(keys, totals.tolist(), strict=True):
            day, cause = local_day(hour * HOUR, self.zone), self.state.causes.rows[RULES[rule]].cause
            facts.tally.days[day, "", cause] -= n
            facts.tally.days[day, labels[place], cause] += n
        for place, model in enumerate(labels):
            mine = rows[(which.ravel() == place) & (rows["n"] > 0)]
            for row in mine[self.state.models.sampled(model, mine["receiver"])]:
                said = "OK_UNCONFIRMED" if RULES[row["rule"]] == "D3" else ""
                self.state.models.see(model, int(row["receiver"]), int(row["closed"]), said)

    def _count_express_closings(self, survey: Survey) -> None:
        closings, rows = self.state.closings, survey.measured
        keys, (totals,) = sums((rows["node"], rows["closed"] // closings.width), rows["n"])
        for (node, window), n in zip(keys, totals.tolist(), strict=True):
            if n:
                closings.add(node, window * closings.width, "", "", 0, n)

    def _place_express(self, express: Express) -> None:
        """Tells the express lane of prefixes that are new to it."""
        cities = self._cities()
        if cities is not self._placed_by:
            self._placed_by = cities
            express.set_cities([(prefix, self.state.label(city)) for prefix, city in cities.prefixes()])

    def city_of(self, number: int) -> str:
        """By the number's prefix; "" = unknown."""
        return self._cities().of(number)

    def _count_express_prefixes(self, survey: Survey, facts: Facts) -> None:
        if not self._cities() or not any(not city and n > 0 for (_, _, city, *_), n in survey.counts.items()):
            return
        senders, n = np.unique(survey.closed["sender"][survey.closed["outcome"] == DELIVERED], return_counts=True)
        for sender, many in zip(senders.tolist(), n.tolist(), strict=True):
            self._miss_city(sender, many, facts)

    def _miss_city(self, sender: int, n: int, facts: Facts) -> None:
        """Counts the prefix of a sender who has no city."""
        prefix = prefix_of(sender)
        if prefix and self._cities() and not self.city_of(sender):
            facts.tally.prefixes[prefix] += n

    def _learn_seeds(self, dossier: Dossier) -> None:
        """Message ids that turn out to be seeds': an M-Forward of one names nothing else."""
        if not self.campaigns:
            return
        for thread in dossier.threads:
            if thread.message:
                told = self.awards.evidence(thread)
                self.state.seed_message(thread.message, [seed for each in told for seed in (each.seed, *each.beside)])
                if thread.forwarded:
                    self.state.pass_on(thread.message, dossier.subscriber, thread.began)

    def _waits(self, entry: Published, thread: Thread) -> bool:
        """Whether something may be awarded yet."""
        told = self.awards.evidence(thread)
        if not told:
            return thread.forwarded and self.state.copied
        return not all(entry.awarded_in(each.campaign) for each in told)

    def _judge_dossier(self, dossier: Dossier, context: Context, horizon: int, facts: Facts) -> list[Ready]:
        held = self.state.published.get(dossier.subscriber, {})
        before = dict(held)
        now: set[tuple[int, int, bool]] = set()
        grounds: list[Ground] = []
        judged: set[findings.Source] = set()
        ready: list[Ready] = []
        closed: list[Thread] = []
        watched = dossier.subscriber in self.mending
        shown: list[Proof] = []
        anew = watched or self._anew or dossier.subscriber in self.state.disturbed
        for thread in dossier.threads:
            old = before.get((thread.domain, thread.identity, thread.forwarded))
            # what a message holds that was passed on by reference no line of this dossier tells
            waits = old is not None and thread.forwarded and self._waits(old, thread)
            if old is not None and not (anew or waits) and _stands(old, thread, dossier, horizon):
                now.add(old.key)
                continue
            seen = look(thread, dossier, context, horizon)
            self._sign_handset(seen, dossier.subscriber, old, horizon)
            verdict = self.state.causes.judge(seen.signs)
            entry = self._entry(thread, seen, verdict)
            now.add(entry.key)
            if entry.closed and (old is None or not old.closed):
                closed.append(thread)
            if old is not None:
                entry.awarded, entry.answered = old.awarded, old.answered
            ready += self.awards.ready(thread, dossier, seen, entry, horizon)
            # sticky once it is known: what was counted as one model's is taken back as that
            entry.model = (old.model if old is not None else 0) or self.state.label(self.model_of(dossier.subscriber))
            entry.h = (seen.signs.h, seen.signs.h_old) if seen.signs.over else ("", False)
            self._ask_node(entry, verdict)
            if entry.closed and entry.outcome in ("delivered", "failed"):
                entry.notified = notified(thread, context.feeds, late=entry.rule == "D4")
            if entry.cause == "RETRIEVE_FAILED":
                skew = int(context.settings.skew * SECOND)
                entry.place = self.state.label(place_of(thread, dossier, self.state.labels, skew))
            said = self._placed(_grounds_of(thread, seen, verdict), entry)
            if verdict.outcome == "delivered" and thread.opened is not None:
                said += findings.corrected(_source(entry), thread.fetches[:1], dossier, context)
            judged.add(_source(entry))
            if watched and not entry.spoiled and verdict.outcome != "open":
                shown += of_delivery(thread, seen, entry.rule, dossier, context)
            if said and entry.outcome == "failed" and self.awards.evidence(thread):
                facts.seeded.add(dossier.subscriber)
            waits = self._waits(entry, thread)
            too_late = min((get[AT] for get in thread.gets if get[AT] > horizon and get[STATUS] in GONE), default=NEVER)
            if too_late < NEVER:  # what it says is not known yet
                self.state.watch(dossier.subscriber, too_late)
                waits = True
            entry.weight, entry.mute = (len(thread), dossier.lines_until(entry.settled)), not (said or waits or entry.spoiled)
            self._say(thread, seen, verdict, entry, old, facts)
            grounds.extend(said)
        for first, second, difference, delayed in moments(dossier, closed):
            self.state.clocks.see(first, second, difference, delayed=delayed)
        for key in set(before) - now:
            judged.add(_source(before[key]))
            self._count(before[key], facts, -1)
            self._count_closing(before[key], -1)
            self.state.retract(before[key])
            if before[key].row:
                facts.withdrawn.append(self.row_key(before[key]))
            self._say_ambiguous(before[key], None, facts)
        self._judge_strays(dossier, context, horizon, facts)
        grounds.extend(self._judge_attempts(dossier, context, horizon, facts))
        judged.update((REQUEST, post[FEED], post[WHERE]) for post in dossier.posts)
        self._find(dossier, grounds, judged, context, horizon, facts)
        if watched:
            shown += of_posts(dossier, context, authorities(dossier, context), horizon)
            shown += of_sessions(dossier, context, horizon)
            shown += of_silence(dossier.subscriber, context, horizon)
            facts.proofs[dossier.subscriber] = sorted(shown, key=lambda proof: (proof.at, proof.sign, proof.row))
        return ready

    def _ask_node(self, entry: Published, verdict: Verdict) -> None:
        """Says beside the verdict that its node failed when it closed, as far as that is known."""
        if entry.outcome == "failed" and entry.rule[:1] in FAMILIES and self.state.closings.at(self.state.label(entry.node), entry.closed):
            entry.spoiled = True
            verdict.suspects = tuple(dict.fromkeys((*verdict.suspects, "NODE_FAULT")))

    def _placed(self, grounds: list[Ground], entry: Published) -> list[Ground]:
        if entry.rule[:1] not in FAMILIES:
            return grounds
        return [ground._replace(node=self.state.label(entry.node), closed=entry.closed) for ground in grounds]

    def _find(
        self, dossier: Dossier, fresh: list[Ground], judged: set[findings.Source], context: Context, horizon: int, facts: Facts
    ) -> None:
        """What the evidence comes to, old and new; evidence whose delivery or request was judged anew is replaced."""
        number, state = dossier.subscriber, self.state
        held = state.findings.grounds(number)
        if not held and not fresh:
            return
        kept = [ground for ground in held if not ground.good and ground.source not in judged]
        bad = [*kept, *fresh]
        if bad or any(entry.outcome in UNDECIDED for entry in state.published.get(number, {}).values()):
            here = lines_of(dossier)
            bad += [ground for ground in held if ground.good and ground.source[1:] not in here]
            bad += [findings.changed(at) for at in state.findings.changes_of(number)]
            bad += set(mends(dossier, context, authorities(dossier, context), horizon))
            begins = [line[AT] for line in dossier.sessions if line[KIND] == Kind.SESSION_START and line[AT] > horizon]
            if begins:  # what is read ahead of other feeds tells that he has packet data, in its time
                state.watch(number, min(begins))
        state.findings.learn(number, bad)
        facts.suspected.add(number)

    def look_up(self, numbers: Iterable[int]) -> None:
        """Of these numbers findings are asked for next."""
        self._look_up(np.array(sorted(numbers), np.uint64))

    def find(self, number: int) -> list[Raised]:
        """The findings of a number, and those said before that are none. Evidence counts once it is known whether its node failed."""
        state, closings = self.state, self.state.closings
        grounds = []
        state.findings.end(number)
        for ground in state.findings.grounds(number):
            if ground.closed and (over := closings.end_of(ground.closed)) > state.horizon:
                state.findings.wait(number, over)
            elif not ground.closed or not closings.at(ground.node, ground.closed):
                grounds.append(ground)
        row = self._handset.get(number)
        model = self.model_of(number)
        for ground in grounds:
            if model and not ground.good and ground.confidence >= findings.LEAST:
                state.models.see(model, number, ground.closed or ground.at, ground.cause)
        since = [ground.at for ground in grounds if ground.kind == "changed"]
        if row is not None and row["imei_since"]:
            since.append(int(row["imei_since"]))
        found = evaluate(grounds, state.settings, since)
        raised = []
        for each in found:
            raised.append(Raised(number, each.cause, each, tuple(map(self._shown, each.lines)), model))
        said = {each.cause for each in found}
        return [*raised, *(Raised(number, each.cause, None) for each in state.findings.said(number) if each.cause not in said)]

    # ------------------------------------------------------------------------------------------------------------ deliveries

    def _entry(self, thread: Thread, seen: Seen, verdict: Verdict) -> Published:
        began = thread.began
        node = self.state.feeds[_first(thread)[FEED]].node
        orphan = thread.opened is None
        outcome, cause = verdict.outcome, verdict.cause
        if thread.own:
            outcome, cause = "own", ""
        elif orphan:
            outcome, cause = "orphan", ""
        elif verdict.lapsed:
            outcome = "lapsed"
        elif outcome == "open":
            cause = ""
        closes = verdict.outcome != "open" or verdict.lapsed
        closed = seen.closed if closes else 0
        settled = max(closed, _newest(thread)) + int((self.state.settings.join + self.state.settings.skew) * SECOND) if closes else 0
        return Published(
            _first(thread)[0], thread.domain, thread.identity, thread.forwarded, verdict.rule, outcome, cause, verdict.confidence,
            began, began // HOUR, node, self.city_of(thread.sender), _bin(seen.retrieved - began) if seen.retrieved else -1,
            NEVER if closes else seen.due, closed, _touched(thread), group=verdict.group, settled=settled,
            lines=_digest(_lines(thread, seen, settled)) + len(verdict.not_covered), times=_times(thread, seen, settled),
            feed=_first(thread)[FEED], copied=self._copied(thread),
        )  # fmt: skip

    def _say(self, thread: Thread, seen: Seen, verdict: Verdict, entry: Published, old: Published | None, facts: Facts) -> None:
        changed = old is None or _counted(old) != _counted(entry)
        if old is not None:
            entry.row = old.row
        if changed:
            if old is not None:
                self._count(old, facts, -1)
            self._count(entry, facts, 1)
        self._say_ambiguous(old, entry, facts, thread)
        if entry.closed and not entry.city and (old is None or not old.closed) and thread.opened is not None:
            self._miss_city(thread.sender, 1, facts)
        if changed or old is None or (old.closed, old.lines, old.spoiled) != (entry.closed, entry.lines, entry.spoiled):
            closed = entry.outcome not in ("open", "orphan")
            if self.keep_all or entry.row or (closed and (entry.outcome != "delivered" or verdict.hints or self.awards.evidence(thread))):
                entry.row = True
                facts.deliveries.append((self.row_key(entry), self.delivery(thread, seen, verdict, entry)))
            if closed and thread.opened is not None:
                facts.closed.append(
                    Closed(
                        thread.began, entry.closed, entry.subscriber, thread.sender, thread.message or thread.identity,
                        thread.leg.transaction if thread.leg else 0, seen.pushed, seen.retrieved, verdict.outcome, verdict.cause,
                        verdict.rule,
                        entry.node, _size(thread),
                    )
                )  # fmt: skip
        if entry.model and entry.closed and entry.outcome in ("delivered", "failed"):
            model = self.state.labels[entry.model]
            self.state.models.see(model, entry.subscriber, entry.closed, "OK_UNCONFIRMED" if entry.rule == "D3" else "")
        if old is None or _closing(old) != _closing(entry):
            for each, n in ((old, -1), (entry, 1)):
                if each is not None:
                    self._count_closing(each, n)
        if entry != old:
            self.state.publish(entry)

    def row_key(self, entry: Published) -> bytes:
        """16 bytes that name this delivery in the store, whatever is learned of its leg later."""
        text = f"{entry.domain}\0{entry.identity}\0{entry.forwarded:d}\0{entry.subscriber}".encode()
        return hashlib.blake2b(text, digest_size=16, key=self.row_secret, person=b"mmsd-delivery").digest()

    def delivery(self, thread: Thread, seen: Seen, verdict: Verdict, entry: Published) -> Delivery:
        """The row people see: texts instead of hashes, evidence by file and offset."""
        state = self.state
        leg = state.texts.get(thread.leg.transaction, b"").decode("utf-8", "replace") if thread.leg else ""
        message = state.texts.get(thread.message or thread.identity, b"").decode("utf-8", "replace")
        ordered = sorted(_lines(thread, seen, entry.settled).values(), key=lambda t: (t[AT], t[FEED], t[WHERE]))
        domain = str(thread.domain) if thread.domain >= 0 else ""
        return Delivery(
            domain=domain, node=entry.node, message=message, receiver=self.shown(entry.subscriber), leg=leg, transaction=leg,
            sender=self.shown(thread.sender), submitted=thread.began if thread.opened is not None else 0, closed=entry.closed,
            outcome=verdict.outcome, cause=verdict.cause if thread.opened is not None else "", rule=verdict.rule, group=verdict.group,
            confidence=verdict.confidence, lapsed=verdict.lapsed, suspects=verdict.suspects, not_covered=verdict.not_covered,
            evidence=tuple(self._evidence(t) for t in ordered), pushed=seen.pushed, retrieved=seen.retrieved, size=_size(thread),
            detail=verdict.detail, own=thread.own, off_net=bool(thread.out), orphan=thread.opened is None,
            hints=verdict.hints, city=entry.city, expires=seen.expires, expires_by=seen.expires_by,
        )  # fmt: skip

    def shown(self, number: int) -> str:
        """Digits of a number, or the text of what is none."""
        if number & NOT_A_NUMBER:
            return self.state.texts.get(number, b"").decode("utf-8", "replace")
        return str(number) if number else ""

    def _evidence(self, trace: Trace) -> Evidence:
        return self._place(trace[FEED], trace[WHERE], trace[KIND], trace[AT])

    def _shown(self, ground: Ground) -> Evidence:
        if ground.kind == "changed":
            return Evidence("", "", 0, "CHANGE", ground.at, "another handset, SIM card or owner")
        return self._place(ground.feed, ground.where, ground.line, ground.at, "mended" if ground.good else "")

    def _place(self, feed: int, where: int, line: int, at: int, note: str = "") -> Evidence:
        kind = {ORIGIN: "SUBMIT", REFUSAL: "SUBMIT_REFUSED"}.get(line) or Kind(line).name
        return Evidence(self.state.feeds[feed].name, self.file_of(feed, where >> 44), where & (1 << 44) - 1, kind, at, note)

    def _count(self, entry: Published, facts: Facts, n: int) -> None:
        tally = facts.tally
        if entry.outcome == "orphan":
            self.state.conditions.orphan(entry.feed, n)
        judged = entry.outcome in ("delivered", "failed")
        tally.hours[entry.hour, entry.node, entry.city, entry.outcome, entry.cause, entry.rule if judged else ""] += n
        if judged or entry.outcome == "open":
            tally.days[local_day(entry.hour * HOUR, self.zone), self.state.labels[entry.model], entry.cause] += n
        if judged and entry.bin >= 0:
            tally.delays[entry.hour, entry.node, entry.cause, entry.bin] += n
        for each in entry.notified:
            tally.notified[entry.hour, entry.node, *each] += n
        if entry.place:
            tally.places[local_day(entry.hour * HOUR, self.zone), self.state.labels[entry.place], entry.cause] += n
        for seed in entry.copied_seeds:
            tally.copied[entry.hour, entry.copied[0], seed] += n
        tally.measured.add(entry.hour, entry.node, entry.city, measures(entry.outcome, *entry.times, self.state.settings.late), n)

    def _count_closing(self, entry: Published, n: int) -> None:
        if entry.closed and entry.outcome in ("delivered", "failed"):
            self.state.closings.add(self.state.label(entry.node), entry.closed, entry.rule, entry.cause, entry.model, n)

    # ---------------------------------------------------------------------------------------------------------------- copies

    def _judge_strays(self, dossier: Dossier, context: Context, horizon: int, facts: Facts) -> None:
        """Copies whose line the MMSC should have written by now: counted as such, until it comes."""
        number, settings = dossier.subscriber, context.settings
        before = self.state.strays.get(number, {})
        if not dossier.strays and not before:
            return
        wait = int((settings.join + settings.skew + settings.logged) * SECOND)
        found: defaultdict[tuple[int, int], list[Trace]] = defaultdict(list)
        for copy in dossier.strays:
            if copy[AT] + wait > horizon:
                self.state.watch(number, copy[AT] + wait)
            else:
                found[copy[FEED], copy[WHERE]].append(copy)
        now = {place: (copies[0][AT], self.state.of_each_campaign(seeds_of(copies))) for place, copies in found.items()}
        for place, (at, seeds) in now.items():
            if place not in before:
                for rank, seed in enumerate(seeds):
                    facts.tally.copied[at // HOUR, STRAY, seed] += 1
                    row = self._held_copy(at, STRAY, seed, found[place][0][OTHER], number)
                    facts.held_copies.append((self._copy_key(number, *place, rank), row))
        for place, (at, seeds) in before.items():
            if place not in now:
                for rank, seed in enumerate(seeds):
                    facts.tally.copied[at // HOUR, STRAY, seed] -= 1
                    facts.held_copies.append((self._copy_key(number, *place, rank), None))
        self.state.tell_strays(number, now)

    def _copied(self, thread: Thread) -> tuple[str, tuple[int, ...]]:
        """What copies of its submit say, and of which seeds: the surest of each campaign."""
        if thread.origin is not None:
            return "", ()  # told of the submit that it is
        what = JOINED if thread.copies else AMBIGUOUS if thread.ambiguous else ""
        return what, self.state.of_each_campaign(seeds_of(thread.copies) or thread.ambiguous)

    def _say_ambiguous(self, old: Published | None, entry: Published | None, facts: Facts, thread: Thread | None = None) -> None:
        """A line of which it cannot be told whether the copy is its own is shown for as long as that is so, once for each campaign."""
        was, now = (one.copied_seeds if one is not None and one.copied[0] == AMBIGUOUS else () for one in (old, entry))
        one = entry or old
        if one is None or was == now:
            return
        for rank in range(max(len(was), len(now))):
            row = None
            if thread is not None and rank < len(now):
                row = self._held_copy(thread.began, AMBIGUOUS, now[rank], thread.sender, one.subscriber)
            facts.held_copies.append((self._ranked(self.row_key(one), rank), row))

    def _held_copy(self, at: int, what: str, number: int, sender: int, receiver: int) -> HeldCopy:
        seed = self.campaigns.of(number)
        campaign, name = (seed.campaign.id, seed.settings.id) if seed is not None else ("", "")
        return HeldCopy(at, what, campaign, name, self.shown(sender), self.shown(receiver))

    def _copy_key(self, number: int, feed: int, where: int, rank: int) -> bytes:
        text = f"{number}\0{self.state.feeds[feed].name}\0{where}".encode()
        return self._ranked(hashlib.blake2b(text, digest_size=16, key=self.row_secret, person=b"mmsd-copy").digest(), rank)

    def _ranked(self, key: bytes, rank: int) -> bytes:
        """Of the row of another campaign's seed in the same copy; the first has the copy's own."""
        return hashlib.blake2b(key + b"%d" % rank, digest_size=16, key=self.row_secret, person=b"mmsd-copy").digest() if rank else key

    # -------------------------------------------------------------------------------------------------------------- attempts

    def _judge_attempts(self, dossier: Dossier, context: Context, horizon: int, facts: Facts) -> list[Ground]:
        """Verdicts Z1 … Z7 of a subscriber's own requests; those that are surely no MMS are left out."""
        grounds: list[Ground] = []
        if context.covered.gateway is None or context.expected.nothing or not (dossier.posts or dossier.threads):
            return grounds
        ours = authorities(dossier, context)
        elsewhere = set_elsewhere(dossier, context, ours, horizon)
        join, skew, unlogged_after = (
            int(seconds * SECOND) for seconds in (context.settings.join, context.settings.skew, context.settings.logged)
        )
        pending = NEVER
        submits = submits_of(dossier.posts, dossier.origins, join + skew, self.state.clocks.measured)
        for post in dossier.posts:
            how = strength(post, dossier, context, ours)
            if how == "weak" and post[AUTHORITY] in elsewhere and post[B] != Content.FORM:
                how = "likely"
            if how == "weak":
                continue
            if post[AT] + join + skew > horizon:
                pending = min(pending, post[AT] + join + skew)
                continue
            what = shows(post, ours)
            if at_home(post, what, context):
                self._say_attempt(dossier, post, "post", how, "", facts)
                continue
            astray = what in ("wrong host", "wrong path")  # the MMSC has no line of it: what stands beside it there is another request
            sent = post[C] == Content.MMS  # M-Send.conf: no acknowledgement is answered by one
            answers = not astray and not sent and any(abs(t[AT] - post[AT]) <= join for t in dossier.answers)
            own = submits.get((post[FEED], post[WHERE]))
            beside = ([own] if own else []) if sent else [t for t in dossier.origins if abs(t[AT] - post[AT]) <= join]
            beside = [] if astray else beside
            waited = post[AT] + unlogged_after <= horizon
            refused = bool(beside) and all(t[KIND] == REFUSAL for t in beside)
            seen = context.covered.mmsc is not None and sent
            seen = seen and not context.broken("mmsc", ANY_DOMAIN, post[AT] - join, post[AT] + unlogged_after)
            unlogged = "none" if seen else "n/c"
            logged = "answer" if answers else "refused" if refused else "submit" if beside else unlogged
            lost = what == "ok" and logged == "none"
            said = self.state.causes.request(shows=what, how=how, logged=logged, waited=waited, proxy=post[STATUS] == 407)
            if lost and how == "sure" and not waited:
                pending = min(pending, post[AT] + unlogged_after)
            answering = astray and answers_fetch(post, dossier, context, ours) is not None
            kind = "confirm" if answers or answering else "submit" if beside or lost else "post"
            if what == "ok" and redirected(post):
                source = REQUEST, post[FEED], post[WHERE]
                grounds.append(findings.bad(source, "BAD_MMSC_URL", post, findings.CORRECTED_SURE, findings.CORRECTED))
            elif said is not None and said.cause in FINDINGS[1:]:
                grounds.append(findings.bad((REQUEST, post[FEED], post[WHERE]), said.cause, post, said.confidence, kind))
            self._say_attempt(dossier, post, kind, how, said.rule if said is not None else "", facts)
        if pending < NEVER:
            self.state.watch(dossier.subscriber, pending, requests=True)
        for thread in dossier.threads:
            for get in thread.gets:
                if get[AT] <= horizon:
                    self._say_attempt(dossier, get, "fetch", "sure", "", facts)
        return grounds

    def _say_attempt(self, dossier: Dossier, trace: Trace, kind: str, how: str, verdict: str, facts: Facts) -> None:
        key = (trace[FEED], trace[WHERE])
        said = self.state.said.get(key)
        if (said is not None and said[1:] == (kind, verdict)) or (said is None and not self.keep_all and verdict in ("", "Z1")):
            return
        place = trace[AT] // HOUR, self.state.feeds[trace[FEED]].node, self.city_of(dossier.subscriber)
        if said is not None and said[2] in ASTRAY:
            facts.tally.tried[*place, *said[1:]] -= 1
        if verdict in ASTRAY:
            facts.tally.tried[*place, kind, verdict] += 1
        self.state.say(*key, trace[AT], kind, verdict)
        host, _, port = self.state.texts.get(trace[AUTHORITY], b"").decode("latin-1").partition(":")
        attempt = Attempt(
            self.shown(dossier.subscriber), self.state.feeds[trace[FEED]].node, Method(trace[A]).name, host,
            int(port) if port.isdigit() else 80, self.state.texts.get(trace[PATH], b"").decode("latin-1"), trace[STATUS], kind, how,
            trace[AT], verdict, (self._evidence(trace),),
        )  # fmt: skip
        name = f"{self.state.feeds[trace[FEED]].name}\0{trace[WHERE]}".encode()
        facts.attempts.append((hashlib.blake2b(name, digest_size=16, key=self.row_secret, person=b"mmsd-attempt").digest(), attempt))


def _first(thread: Thread) -> Trace:
    """The line that speaks for a thread: what opened it, else the first sign of it. Each stands in the receiver's dossier."""
    if thread.opened is not None:
        return thread.opened
    return next(iter((*thread.notifies, *thread.fetches, *(thread.leg.pushes if thread.leg else ()), *thread.answers)))


def _stands(old: Published, thread: Thread, dossier: Dossier, horizon: int) -> bool:
    """Whether a verdict said before cannot have changed: closed for good, and no line has come that it could rest on."""
    if not old.mute or not old.closed or horizon <= old.settled or old.outcome in ("open", "orphan", "lapsed"):
        return False
    return old.weight == (len(thread), dossier.lines_until(old.settled))


def _bin(delay: int) -> int:
    """floor(log2(seconds + 1)) of a delay in µs; a clock that went backwards counts as no delay."""
    return (max(delay, 0) // SECOND + 1).bit_length() - 1


def _times(thread: Thread, seen: Seen, settled: int) -> tuple[int, int]:
    """ms from the submit to the first sign that the push had come, and to the first whole retrieval; −1 = not seen."""
    began = thread.began
    reports = (t[AT] for t in thread.reports if t[B] == PushState.DELIVERED)
    signs = (t[AT] for group in (thread.answers, thread.gets, thread.fetches) for t in group)
    notified = min((at for at in (*reports, *signs) if not settled or at <= settled), default=0)
    return _ms(notified - began) if notified else -1, _ms(seen.retrieved - began) if seen.retrieved else -1


def _ms(micros: int) -> int:
    """A clock that went backwards between two nodes counts as no delay."""
    return max(micros, 0) // 1000


def _size(thread: Thread) -> int:
    for traces in (thread.fetches, thread.leg.pushes if thread.leg else [], [thread.opened] if thread.opened else []):
        for trace in traces:
            if 0 <= trace[10] < 1 << 31:
                size: int = trace[10]
                return size
    return -1


def _lines(thread: Thread, seen: Seen, settled: int) -> dict[tuple[int, int, int], Trace]:
    """The lines a verdict rests on, by (feed, place, kind); of a closed delivery none later than `settled`."""
    groups = (
        thread.leg.pushes if thread.leg else (), thread.reports, thread.gets, thread.fetches, thread.failed, thread.answers, thread.finals,
        thread.out, thread.peers, [post for post, _, _ in seen.attempts], seen.used,
        thread.notifies if thread.forwarded else (),  # they alone say which message was passed on
        thread.copies,
    )  # fmt: skip
    chosen = {(t[FEED], t[WHERE], t[KIND]): t for group in groups for t in group if not settled or t[AT] <= settled}
    if thread.opened is not None:
        chosen[thread.opened[FEED], thread.opened[WHERE], thread.opened[KIND]] = thread.opened
    return chosen


def _digest(lines: Iterable[tuple[int, int, int]]) -> int:
    """A number that changes when the set of lines does."""
    return sum((where << 8 | feed) * 0x9E3779B97F4A7C15 >> 8 & 0xFFFFFFFFFFFF for feed, where, _ in lines)


def _newest(thread: Thread) -> int:
    """Time of the newest line that made somebody look at this delivery at once (`state.RIPENING`, and requests that came too late)."""
    groups = (
        (thread.opened,) if thread.opened else (), thread.leg.pushes if thread.leg else (), thread.fetches, thread.failed, thread.answers,
        thread.finals, thread.out, thread.peers, [get for get in thread.gets if get[STATUS] in GONE and not thread.fetches],
    )  # fmt: skip
    return max((t[AT] for group in groups for t in group), default=0)


def _touched(thread: Thread) -> int:
    groups = (
        thread.notifies,
        thread.reports,
        thread.fetches,
        thread.failed,
        thread.answers,
        thread.finals,
        thread.peers,
        thread.leg.pushes if thread.leg else (),
    )
    newest = max((t[AT] for group in groups for t in group), default=0)
    return max(newest, thread.opened[AT] if thread.opened else 0)


def _counted(entry: Published) -> tuple[Any, ...]:
    """By what a delivery is counted."""
    return (
        entry.rule, entry.outcome, entry.cause, entry.confidence, entry.node, entry.city, entry.hour, entry.bin, entry.times, entry.model,
        entry.notified, entry.place, entry.copied,
    )  # fmt: skip


def _closing(entry: Published) -> tuple[str, int, str, str, str, int]:
    """Where and as what a delivery is counted among those that closed."""
    return entry.node, entry.closed, entry.outcome, entry.rule, entry.cause, entry.model


def _source(entry: Published) -> findings.Source:
    return FORWARDED if entry.forwarded else DELIVERY, entry.domain, entry.identity


def _grounds_of(thread: Thread, seen: Seen, verdict: Verdict) -> list[Ground]:
    """What a delivery's verdict says of the receiver's settings."""
    trace = next((post for post, _, what in seen.attempts if what in ("wrong host", "wrong path")), None) or (
        seen.used[0] if seen.used else None
    )
    if trace is None:
        trace = thread.leg.pushes[0] if thread.leg else thread.opened
    if trace is None or thread.opened is None:
        return []
    source = FORWARDED if thread.forwarded else DELIVERY, thread.domain, thread.identity
    if verdict.hints:
        return [findings.bad(source, cause, trace, verdict.confidence, "confirm") for cause in verdict.hints]
    if verdict.rule == "D3" and len(thread.fetches) > REPEATED_FETCHES:
        return [findings.bad(source, "CLIENT_DEFECT", thread.fetches[-1], verdict.confidence)]
    # EXPIRED: nothing shows that a push came, so that no session came is no wonder. A row that an operator reads wider accuses nobody
    if verdict.cause not in FINDINGS:
        return []
    if verdict.rule in ("U2", "U3", "U6", "U7", "U8", "U10", "T4", "U13"):
        return [findings.bad(source, verdict.cause, trace, verdict.confidence)]
    if verdict.rule == "U1":
        return [findings.bad(source, verdict.cause, trace, verdict.confidence, "handset")]
    if verdict.rule == "R2":
        told = next((t for t in (*thread.answers, *thread.failed, *thread.finals)), trace)
        return [findings.bad(source, verdict.cause, told, verdict.confidence, "content")]
    return []
