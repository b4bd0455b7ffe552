"""The SMS centre: accounts, submits of every kind, receipts, messages, limits; held against smpp34's client and tshark."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import msgspec
import smpp34

from sim.centre import Account, Centre, Incoming, Receipts, Settings

PATIENCE = 60
ACCOUNT = Account(name="loop", password="secret", numbers=("10657",))
QUICK = Receipts(after=0.0, again=0.01)
SMPP = Settings(accounts=(ACCOUNT,), receipts=QUICK)


def wall() -> int:
    return time.time_ns() // 1000


def settled(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, PATIENCE))


def changed(settings: Settings, **changes: Any) -> Settings:
    return msgspec.structs.replace(settings, **changes)


async def delivered(bound: smpp34.Smsc, count: int) -> AsyncIterator[smpp34.DeliverSmEvent]:
    for _ in range(count):
        event = await bound.next()
        assert isinstance(event, smpp34.DeliverSmEvent)
        yield event


# --------------------------------------------------------------------------------------------------------- smpp34's client


def test_smpp34_binds_submits_and_gets_receipts_and_messages(tmp_path):
    async def scenario() -> None:
        async with Centre(SMPP, wall=wall, ledger=tmp_path / "ledger.jsonl") as centre:
            client = smpp34.Client("127.0.0.1", centre.port, "loop", "secret", bind_type="TRX")
            bound = await client.connect()
            answer = await bound.submit_sm(
                "8613900000001", "端午".encode("utf-16-be"), source_addr="10657", data_coding=8, registered_delivery=1
            )
            assert answer.is_success
            (part,) = centre.taken
            assert (part.submit.text, part.receiver, answer.message_id) == ("端午", "8613900000001", part.identity)
            receipt = await bound.next()
            assert isinstance(receipt, smpp34.DeliverSmEvent)
            assert receipt.esm_class == 4
            assert receipt.short_message.startswith(b"id:%s sub:001 dlvrd:001 submit date:" % part.identity.encode())
            assert b" stat:DELIVRD err:000 text:??" in receipt.short_message
            centre.send(Incoming("8613900000001", "1065701", "好" * 100))
            pieces = [piece.short_message async for piece in delivered(bound, 2)]
            assert "".join(piece[6:].decode("utf-16-be") for piece in pieces) == "好" * 100
            await centre.until(lambda: centre.counts["incomings acknowledged"] == 2)
            await bound.unbind()
            await client.stop()
            await centre.until(lambda: not centre.connections)
            ledger = [json.loads(line) for line in (tmp_path / "ledger.jsonl").read_text().splitlines()]
            assert [(line["id"], line["text"], line["account"]) for line in ledger] == [(part.identity, "端午", "loop")]

    settled(scenario())
