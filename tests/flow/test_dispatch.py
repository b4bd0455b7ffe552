"""Rows leave and settle: the plain way, the governor's, and which link."""

from __future__ import annotations

from tests.flow.leaving import desk, row, run


def test_a_row_is_sent_and_its_receipt_says_delivered(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path) as it:
            it.ask(row("one"))
            await it.stand(one="delivered")
            assert it.taken() == {"one": 1}

    run(scenario())
