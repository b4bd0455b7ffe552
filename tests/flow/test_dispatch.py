"""Rows leave and settle: the plain way, the governor's, which link, what subscribers write, and the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec
import pytest

from mmsd.errors import AlreadyRunning, StoreBusy, StoreFull
from mmsd.model import DAY, HOUR, MINUTE, SECOND, Batch, Deed, Event, Heard, Kept, Outgoing
from mmsd.rules.casework import Folder
from mmsd.rules.consent import Channel, Consent
from mmsd.rules.settings import ClassSettings
from mmsd.store import Needs, Rows
from sim.centre import Incoming, Rule
from tests.flow.leaving import LI, NOON, OPEN, desk, row, run

SHADOW = msgspec.structs.replace(OPEN, service=ClassSettings(switch="shadow", caps=(), quiet=False))
OFF = msgspec.structs.replace(OPEN, marketing=ClassSettings(switch="off"))


def governed(**classes: ClassSettings):
    return msgspec.structs.replace(OPEN, **classes)


# -------------------------------------------------------------------------------------------------------------- the plain way


@pytest.mark.parametrize("protocol", ["smpp", "cmpp"])
def test_a_row_is_sent_and_its_receipt_says_delivered(protocol, tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, protocol) as it:
            it.ask(row("one"))
            await it.until(lambda: it.states() == {"one": "sent"})
            sent = it.rows()["one"]
            assert (sent.tries, sent.link, sent.parts, sent.reserved) == (1, "link0", 1, sent.submitted)
            await it.stand(one="delivered")
            assert it.taken() == {"one": 1}
            assert dict(it.dispatcher.receipts) == {"matched": 1}

    run(scenario())


def test_a_long_text_is_delivered_when_all_its_parts_are(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path) as it:
            it.ask(row("long", body="端午安康" * 40))
            await it.stand(long="delivered")
            assert it.rows()["long"].parts == 3
            assert [message.text for message in it.centre.messages] == ["端午安康" * 40]

    run(scenario())


def test_who_cannot_be_reached_is_failed_with_the_centre_s_word(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, centre={"handsets": (Rule(text="gone", state="UNDELIV", error=1),)}) as it:
            it.ask(row("gone"), row("here"))
            await it.stand(gone="failed", here="delivered")
            assert it.rows()["gone"].reason == "UNDELIV"

    run(scenario())


def test_what_no_link_can_put_on_the_wire_fails_before_it_is_claimed(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path) as it:
            it.ask(row("nobody", msisdn="bob@example.com"), row("endless", body="x" * 9999), row("one"))
            await it.stand(nobody="failed", endless="failed", one="delivered")
            assert [it.rows()[name].reason for name in ("nobody", "endless")] == ["unsendable"] * 2
            assert it.taken() == {"one": 1}

    run(scenario())


def test_highest_priority_first_then_due_then_asked(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, link={"window": 1}) as it:
            it.ask(
                row("d"), row("c", due=NOON - 1), row("b", priority=1, kind="service"), row("a", priority=3, kind="marketing"), row("e"),
                row("later", priority=3, due=NOON + MINUTE),
            )  # fmt: skip
            await it.until(lambda: len(it.centre.taken) == 6)
            assert [part.submit.text for part in it.centre.taken] == ["a", "b", "c", "d", "e", "later"]
            assert it.rows()["later"].submitted >= NOON + MINUTE

    run(scenario())


def test_what_expired_is_never_sent(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path) as it:
            it.ask(row("old", expires=NOON), row("soon", due=NOON + 10 * SECOND, expires=NOON + 5 * SECOND), row("one"))
            await it.stand(old="expired", soon="expired", one="delivered")
            assert it.taken() == {"one": 1}

    run(scenario())


# --------------------------------------------------------------------------------------------------------------- the governor


def test_a_class_in_shadow_is_judged_and_counted_and_never_sent(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, governor=SHADOW) as it:
            it.ask(row("one", kind="service"), row("two"))
            await it.stand(one="shadow", two="delivered")
            assert it.taken() == {"two": 1}
            assert it.store.outbox_counts() == {("service", "shadow"): 1, ("transactional", "delivered"): 1}

    run(scenario())


def test_shadow_needs_no_link(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, governor=SHADOW, kinds={"link0": ()}) as it:
            it.ask(row("one", kind="service"), row("two"))
            await it.stand(one="shadow", two="ready")

    run(scenario())


def test_a_class_that_is_off_drops_its_rows(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, governor=OFF) as it:
            it.ask(row("one", kind="marketing"))
            await it.stand(one="dropped")
            assert it.rows()["one"].reason == "off"

    run(scenario())


def test_a_cap_counts_within_a_claim_and_defers_what_is_beyond_it(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, governor=governed(service=ClassSettings(switch="on", caps=("2 in 2 minutes",), quiet=False))) as it:
            others = row("other", kind="service", purpose="ask", msisdn="8613912340002")
            it.ask(*(row(name, kind="service", purpose="ask") for name in ("a", "b", "c")), others)
            await it.until(lambda: len(it.centre.taken) == 3)
            waiting = next(each for each in it.rows().values() if each.state == "ready")
            first = min(each.reserved for each in it.rows().values() if each.reserved and each.msisdn == LI)
            assert (waiting.reason, waiting.due) == ("cap", first + 2 * MINUTE)
            await it.until(lambda: len(it.centre.taken) == 4)
            assert it.rows()[waiting.body].submitted >= first + 2 * MINUTE

    run(scenario())


def test_a_ceiling_outlives_a_restart(tmp_path):
    rule = governed(marketing=ClassSettings(switch="on", caps=(), quiet=False, daily=2))

    async def scenario(asked: tuple[str, ...], taken: int) -> None:
        async with desk(tmp_path, governor=rule) as it:
            it.ask(*(row(name, kind="marketing") for name in asked))
            await it.until(lambda: all(each.state != "sent" for each in it.rows().values()))
            await asyncio.sleep(10)
            assert len(it.centre.taken) == taken
            assert [each.reason for each in it.rows().values() if each.state in ("ready", "expired")] == ["ceiling"]

    run(scenario(("a", "b", "c"), 2))
    run(scenario((), 0))


def test_a_canary_waits_for_a_person(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, governor=governed(marketing=ClassSettings(switch="on", caps=(), quiet=False, canary=2))) as it:
            it.ask(*(row(name, kind="marketing", campaign="torch") for name in ("a", "b", "c", "d")))
            await it.stand(a="delivered", b="delivered", c="held", d="held")
            it.store.transact(Needs(), lambda _: Batch(NOON, approved=[("marketing", "torch")], deeds=[Deed("li", "approve", "x", "fine")]))
            await it.stand(a="delivered", b="delivered", c="delivered", d="delivered")

    run(scenario())


@pytest.mark.parametrize("name", ["all", "marketing", "campaign:torch"])
def test_a_stop_works_before_the_next_claim_and_ends_as_it_began(name, tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, link={"window": 1}, centre={"answer_after": 1.0}) as it:
            it.ask(*(row(name, kind="marketing", campaign="torch") for name in ("a", "b", "c")), row("other", kind="service"))
            await it.until(lambda: len(it.centre.taken) == 1)
            it.store.transact(Needs(), lambda _: Batch(it.wall(), stops=[(name, True)]))
            await asyncio.sleep(60)
            assert it.taken() == ({"a": 1} if name == "all" else {"a": 1, "other": 1})
            assert [it.states()[each] for each in ("b", "c")] == ["ready", "ready"]
            it.store.transact(Needs(), lambda _: Batch(it.wall(), stops=[(name, False)]))
            await it.stand(a="delivered", b="delivered", c="delivered", other="delivered")

    run(scenario())


def test_who_opted_out_gets_nothing_of_it(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path) as it:
            it.store.transact(Needs(), lambda _: Batch(NOON, opted_out=[(LI, "marketing", True)]))
            it.ask(row("one", kind="marketing"), row("two", kind="service"))
            await it.stand(one="dropped", two="delivered")
            assert it.rows()["one"].reason == "opted_out"

    run(scenario())


def test_an_erased_subscriber_gets_nothing(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path) as it:
            it.ask(row("one", due=NOON + MINUTE))
            it.store.erase(LI)
            await asyncio.sleep(120)
            assert it.taken() == {}
            assert [(each.state, each.reason, each.msisdn, each.body) for each in it.rows().values()] == [("dropped", "erased", "", "")]

    run(scenario())


# ---------------------------------------------------------------------------------------------------------------- which link


def test_a_link_carries_its_classes_only_and_no_push_goes_over_cmpp(tmp_path):
    push = ((b"\x06\x05\x04\x0b\x84\x23\xf0", b"\x01\x06"),)

    async def scenario() -> None:
        kinds = {"link0": ("transactional", "service"), "link1": ("service", "provisioning")}
        async with desk(tmp_path, "cmpp", "smpp", kinds=kinds) as it:
            agreed = Consent(number=1, case=1, wording="", channel=Channel.SMS, by="subscriber", at=NOON - 1, expires=NOON + DAY)
            it.store.transact(Needs(), lambda _: Batch(NOON, care=[Kept(LI, None, Folder(int(LI), consents=(agreed,)))]))
            settings = row("b", kind="provisioning", purpose="push:1:1", pieces=push)
            it.ask(row("a"), settings, row("c", kind="service", pieces=push), row("d", kind="marketing"))
            await it.stand(a="delivered", b="delivered", c="delivered", d="ready")
            assert {name: each.link for name, each in it.rows().items()} == {"a": "link0", "b": "link1", "c": "link1", "d": ""}
            assert [part.submit.data for part in it.centres["link1"].taken] == [push[0][1]] * 2

    run(scenario())


def test_another_link_takes_over_while_the_first_is_down(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, "smpp", "smpp", link={"retry_seconds": 30.0}) as it:
            it.ask(row("a"))
            await it.stand(a="delivered")
            it.centres["link0"].hang_up("reset")
            await it.until(lambda: it.dispatcher.health()[0].health.state == "down")
            it.ask(row("b"))
            await it.stand(a="delivered", b="delivered")
            await it.until(lambda: it.dispatcher.health()[0].health.state == "up")
            it.ask(row("c"))
            await it.stand(a="delivered", b="delivered", c="delivered")
            assert (it.taken("link0"), it.taken("link1")) == ({"a": 1, "c": 1}, {"b": 1})

    run(scenario())


# --------------------------------------------------------------------------------------------------- what subscribers write


class Answering:
    """Answers each message with a row of its own."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []

    def needs(self, heard: Sequence[Heard]) -> Needs:
        return Needs(outbox=frozenset(row(f"to {each.text}").key for each in heard))

    def decide(self, heard: Sequence[Heard], rows: Rows, now: int) -> Batch:
        self.heard = list(heard)
        answers = [row(f"to {each.text}", purpose="answer", msisdn=each.msisdn, asked=each.at) for each in heard]
        return Batch(now, outbox=answers, events=[Event(now, "totals", "", {"known": len(rows.outbox)})])


@pytest.mark.parametrize("protocol", ["smpp", "cmpp"])
def test_a_subscriber_s_message_is_stored_and_answered_in_one_transaction(protocol, tmp_path):
    async def scenario() -> None:
        listener = Answering()
        async with desk(tmp_path, protocol, listener=listener) as it:
            it.ask(row("to yes"))
            await it.stand(**{"to yes": "delivered"})
            it.centre.send(Incoming("8613912340002", "1065701", "ok"))
            await it.stand(**{"to yes": "delivered", "to ok": "delivered"})
            [(_, heard)] = it.store.heard("8613912340002", 10)
            assert (heard.text, heard.sub_code, heard.link) == ("ok", "01", "link0")
            assert listener.heard == [heard]
            assert it.rows()["to ok"].asked == heard.at

    run(scenario())


# -------------------------------------------------------------------------------------------------------------------- the end


def test_who_was_taken_over_claims_nothing_and_ends(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path) as it:
            it.store.take_over()
            it.ask(row("one"))
            await asyncio.sleep(10)
            assert it.taken() == {}

    with pytest.raises(BaseExceptionGroup) as ended:
        run(scenario())
    assert ended.group_contains(AlreadyRunning)


@pytest.mark.parametrize("trouble", [StoreFull("no room on the disk"), StoreBusy("another writes")])
def test_a_claim_that_could_not_be_committed_sends_nothing(tmp_path, trouble):
    """It was decided, and then there was no room for it: the row stands where it stood, and is claimed again."""

    async def scenario() -> None:
        async with desk(tmp_path) as it:
            commit = it.store.transact
            decided: list[Outgoing] = []

            def fail(needs: Needs, decide: Callable[[Rows], Batch]) -> None:
                def and_then(rows: Rows) -> Batch:
                    decided.extend(each for each in decide(rows).moved if each.state == "sending")
                    raise trouble

                commit(needs, and_then)

            it.ask(row("one", due=NOON + MINUTE))
            it.store.transact = fail  # type: ignore[method-assign]  # a disk that is full between decision and commit
            await it.until(lambda: len(decided) >= 3)
            assert [each.body for each in decided[:3]] == ["one"] * 3
            assert it.dispatcher.trouble == str(trouble)
            assert (it.taken(), it.states()) == ({}, {"one": "ready"})
            it.store.transact = commit  # type: ignore[method-assign]
            await it.stand(one="delivered")
            assert (it.taken(), it.rows()["one"].tries) == ({"one": 1}, 1)

    run(scenario())


def test_at_the_end_answers_on_their_way_are_waited_for_and_nothing_more_is_claimed(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, centre={"answer_after": 3.0}, link={"window": 2}) as it:
            it.ask(*(row(name) for name in "abcd"))
            await it.until(lambda: len(it.centre.taken) == 2)
            store, centre = it.store, it.centre
            it.dispatcher.stop()
            await it.until(lambda: not centre.connections, ending=True)
            assert sorted(each.state for _, each in store.outbox(None, 9)) == ["ready", "ready", "sent", "sent"]

    run(scenario())


def test_texts_that_are_done_are_forgotten(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, centre={"handsets": (Rule(text="one"), Rule(state=""))}) as it:
            it.ask(row("one"), row("two"), row("three", due=NOON + HOUR))
            await it.until(lambda: it.states() == {"one": "delivered", "two": "sent", "three": "ready"})
            assert it.store.forget_texts(it.wall() + 1) == 2
            assert [each.body for each in it.rows().values()] == ["", "", "three"]

    run(scenario())


def test_a_store_without_rows_that_wait_is_asked_nothing(tmp_path, monkeypatch):
    async def scenario() -> None:
        async with desk(tmp_path) as it:
            asked: list[Needs] = []
            transact = it.store.transact

            def counted(needs: Needs, decide: Callable[[Rows], Batch]) -> None:
                asked.append(needs)
                transact(needs, decide)

            monkeypatch.setattr(it.store, "transact", counted)
            await asyncio.sleep(600)
            asked.clear()
            await asyncio.sleep(600)
            assert not asked
            later = row("later", due=it.wall() + 5 * MINUTE)
            transact(Needs(), lambda _: Batch(it.wall(), outbox=[later]))  # and nobody says that there is something
            await asyncio.sleep(200)
            assert len(asked) > 30  # it waits, and time will tell
            await it.stand(later="delivered")
            await asyncio.sleep(600)
            asked.clear()
            await asyncio.sleep(600)
            assert not asked

    run(scenario())


def test_while_messages_come_and_go_the_store_is_hurried(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path) as it:
            assert not it.store.hurried()
            it.ask(row("one"))
            await it.stand(one="delivered")
            store = it.store
            assert store.hurried()

    run(scenario())
