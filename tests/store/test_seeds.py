"""Seeds in the store, octets learnt by them, and the life of campaigns."""

from __future__ import annotations

import pytest

from mmsd.errors import StoreError
from mmsd.model import Batch, LearnedOctets, LifeStep, NewSeed, SeedEntry, SeedPart
from mmsd.rules.life import CLOSED, DRAFT, PAUSED, RUNNING
from mmsd.store import Needs, Overdue, Store, seeds
from tests.store.conftest import NOW, Open, put, see
from tests.store.test_outbox import due, keys_of
from tests.store.values import outgoing


def entry(name: str = "leg-1", campaign: str = "relay", *, weak: bool = False) -> SeedEntry:
    return SeedEntry(campaign, name, "leg", weak, 1, 4711, "接力", "Zhou")


def new(name: str = "leg-1", campaign: str = "relay") -> NewSeed:
    parts = (SeedPart("image/jpeg", 0, b"marked " + name.encode(), b"original"), SeedPart("text/plain", 106, "第 1 棒".encode()))
    return NewSeed(entry(name, campaign), b"registered " + name.encode(), parts)


def step(at: int, state: str, campaign: str = "relay") -> LifeStep:
    return LifeStep(campaign, at, state, "Zhou", "planned", "abc" if state == RUNNING else "")


def test_a_seed_comes_back_as_it_was_registered(open_store: Open) -> None:
    store = open_store()
    before = store.seed_changes()
    put(store, Batch(NOW, seeds=[new(), new("leg-2"), new("leg-1", "lamps")]))
    assert store.seed_changes() != before
    store = open_store()
    made = {"made": NOW, "changed": NOW}
    assert [found.label for found in store.seeds()] == ["lamps/leg-1", "relay/leg-1", "relay/leg-2"]
    assert [found.label for found in store.seeds("relay", "live")] == ["relay/leg-1", "relay/leg-2"]
    found = store.seed("relay/leg-1")
    assert found is not None
    assert found[0] == SeedEntry("relay", "leg-1", "leg", False, 1, 4711, "接力", "Zhou", "live", **made)
    assert (found[1], store.seed_parts("relay/leg-1")) == (b"registered leg-1", list(new().parts))
    assert (store.seed("relay/leg-3"), store.seed_parts("relay/leg-3")) == (None, [])
    assert sorted(store.live_seeds()) == [b"registered leg-1", b"registered leg-1", b"registered leg-2"]
    assert see(store, Needs(seeds=frozenset({"relay/leg-1", "relay/none"}))).seeds == {"relay/leg-1": found[0]}


def test_a_name_is_given_once(store: Store) -> None:
    put(store, Batch(NOW, seeds=[new()]))
    with pytest.raises(StoreError, match="there is a seed relay/leg-1 already"):
        put(store, Batch(NOW + 1, seeds=[new()]))


def test_a_retired_seed_is_listed_and_no_longer_looked_for(store: Store) -> None:
    put(store, Batch(NOW, seeds=[new(), new("leg-2")], learned=[LearnedOctets(b"d" * 32, "relay/leg-1", 0)]))
    put(store, Batch(NOW + 5, retired=["relay/leg-1", "relay/none"]))
    assert list(store.live_seeds()) == [b"registered leg-2"]
    assert [(found.name, found.state, found.changed) for found in store.seeds()] == [("leg-1", "retired", NOW + 5), ("leg-2", "live", NOW)]
    assert store.learned_octets(10) == []  # of live seeds alone


def test_more_live_seeds_than_are_read_at_once(store: Store) -> None:
    put(store, Batch(NOW, seeds=[new(f"leg-{number}") for number in range(600)]))
    assert len(set(store.live_seeds())) == 600


def test_learnt_octets_are_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeds, "LEARNED", 2)
    put(store, Batch(NOW, seeds=[new()]))
    for number in (1, 2, 3, 2):
        put(store, Batch(NOW + 10 * number, learned=[LearnedOctets(bytes([number]), "relay/leg-1", number)]))
    put(store, Batch(NOW + 90, learned=[LearnedOctets(b"x", "relay/unknown", 0)]))
    assert [(found.digest, found.picture) for found in store.learned_octets(10)] == [(b"\2", 2), (b"\3", 3)]


def test_the_life_of_a_campaign(store: Store) -> None:
    assert (store.campaigns(), store.lives()) == ({}, {})
    put(store, Batch(NOW, lives=[step(NOW, DRAFT), step(NOW, RUNNING, "lamps")]))
    put(store, Batch(NOW, lives=[step(NOW + 1, RUNNING)]))
    assert store.campaigns() == {"lamps": RUNNING, "relay": RUNNING}
    assert store.lives()["relay"] == [step(NOW, DRAFT), step(NOW + 1, RUNNING)]
    assert list(see(store, Needs(lives=frozenset({"relay", "none"}))).lives) == ["relay"]


def test_what_a_paused_campaign_has_in_the_outbox_waits_and_keeps_its_time(store: Store) -> None:
    early, late = (
        outgoing(b"early", campaign="relay", due=0, expires=NOW + 100),
        outgoing(b"late", campaign="relay", due=0, expires=NOW + 90),
    )
    put(store, Batch(NOW, outbox=[early], lives=[step(NOW, RUNNING)]))
    assert keys_of(see(store, due(NOW + 10))) == [b"early"]
    put(store, Batch(NOW + 40, lives=[step(NOW + 40, PAUSED)]))
    put(store, Batch(NOW + 60, outbox=[late]))
    assert keys_of(see(store, due(NOW + 61))) == []
    assert see(store, Needs(overdue=Overdue(NOW + 1000, 0, 10))).overdue == []  # nothing expires meanwhile
    put(store, Batch(NOW + 500, lives=[step(NOW + 500, RUNNING)]))
    found = {row.row.key: row.row.expires for row in see(store, due(NOW + 501)).waiting}
    assert found == {b"early": NOW + 100 + 460, b"late": NOW + 90 + 440}
    put(store, Batch(NOW + 600, lives=[step(NOW + 600, CLOSED)]))
    assert sorted(keys_of(see(store, due(NOW + 601)))) == [b"early", b"late"]  # a closed one's serials were earned before


def test_a_draft_sends_nothing(store: Store) -> None:
    row = outgoing(b"key", campaign="relay", due=0, expires=NOW + 100)
    put(store, Batch(NOW, outbox=[row], lives=[step(NOW, DRAFT)]))
    waiting = see(store, due(NOW + 1))
    assert (keys_of(waiting), "campaign:relay" in waiting.usage.stops) == ([], True)
    assert store.stops() == {}  # nobody stopped it
