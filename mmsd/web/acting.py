"""How the web acts: by one transaction with its audit, and once where the caller says by a key that two requests are the same one.

An `Idempotency-Key` is remembered for a day, with a keyed hash of the body and with the answer, in the transaction of what it did. The same
request gets the same answer again; another body under the same key is refused. Of two at once one is done, and the other gets its answer.

Keys are a caller's own. Who has no token is not told from others behind one proxy, so his are his by what he asks for, too, and by nobody
being able to guess them: a short one is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import web

from mmsd.model import Batch, Replied
from mmsd.rules.remarks import REMEDY, may_stay
from mmsd.store import Needs, Rows, Store
from mmsd.store.desk import KEPT
from mmsd.web.access import Grant
from mmsd.web.answers import Ask, Problem, encoded

_KEY: Final = re.compile(r"[\x21-\x7e]{1,128}\Z")
UNGUESSABLE: Final = 32
"""So long is the key of somebody without a token at least, as a UUID is."""
_T = TypeVar("_T")

Granted = Callable[[web.Request], Grant | None]
Decide = Callable[[Rows], "Batch | Problem"]


def check_said(**said: str) -> None:
    """Problem 400 unless each is a name or reason: it stays in the audit for good."""
    for name, text in said.items():
        if not may_stay(text):
            raise Problem(400, "bad_parameter", f"{name} is no name or reason", REMEDY)


class Acting:
    """`act` for the handlers."""

    def __init__(self, store: Store, ask: Ask, granted: Granted, wall: Callable[[], int]) -> None:
        self._store = store
        self._ask = ask
        self._granted = granted
        self._wall = wall

    def may(self, request: web.Request, scope: str) -> bool:
        grant = self._granted(request)
        return grant is not None and scope in grant.scopes

    async def act(self, request: web.Request, body: msgspec.Struct, needs: Needs, decide: Decide, answer: dict[str, Any]) -> web.Response:
        """One transaction of what `decide` says, and `answer`; Problem as `decide` gives it, and then nothing is written."""
        asked, said = encoded(body).decode(), encoded(answer).decode()
        key = self._key(request, asked)
        outcome: list[Problem | str] = []

        def once(rows: Rows) -> Batch:
            before = rows.before.get(key)
            if before is not None and before.at >= self._wall() - KEPT:
                outcome[:] = [before.answer if before.same else _other_body()]
                return Batch(0)
            batch = decide(rows)
            if isinstance(batch, Problem):
                outcome[:] = [batch]
                return Batch(0)
            outcome[:] = []
            if key:
                batch.replied.append(Replied(key, asked, said))
            return batch

        wanted = needs | Needs(asked_before=frozenset({(key, asked)} if key else ()))
        await self._ask(lambda: self._store.transact(wanted, once))
        if outcome and isinstance(outcome[0], Problem):
            raise outcome[0]
        headers = {"Idempotency-Replayed": "true"} if outcome else None
        text = outcome[0] if outcome else said
        return web.Response(text=str(text), content_type="application/json", charset="utf-8", headers=headers)

    def _key(self, request: web.Request, asked: str) -> str:
        """Of this caller and address; without a token, of where he comes from and what he asks, too. "" where none was given."""
        given = request.headers.get("Idempotency-Key")
        if given is None:
            return ""
        if not _KEY.match(given):
            raise Problem(400, "bad_key", "Idempotency-Key is no key", "Send 1 to 128 printable ASCII characters, such as a UUID.")
        grant = self._granted(request)
        if grant is not None:
            return "\0".join((grant.digest, request.path, given))
        if len(given) < UNGUESSABLE:
            raise Problem(
                400,
                "bad_key",
                "this Idempotency-Key may be somebody else's, too",
                f"Without a token it has {UNGUESSABLE} characters or more: a UUID.",
            )
        return "\0".join(("", request.remote or "", request.path, given, asked))


def _other_body() -> Problem:
    return Problem(422, "other_body", "this Idempotency-Key came with another body before", "Send a new key with a new request.")
