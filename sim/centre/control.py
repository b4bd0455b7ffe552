"""The centre's control: HTTP with JSON on loopback, for scripts and for people with curl (docs/simulator.md lists it)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Literal, TypeVar

import msgspec
from aiohttp import web

from mmsd.codec import sms
from mmsd.errors import ConfigError, EncodeError
from sim.centre.centre import Centre
from sim.centre.faults import Fault
from sim.centre.ledger import line
from sim.centre.values import Incoming

_PAGE: Final = 1000  # lines of one answer
T = TypeVar("T")


class _Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fault: Fault
    times: int = 1
    seconds: float | None = None
    receiver: str = "*"
    status: int = 0
    delay: float = 0.5


class _Incoming(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sender: str
    receiver: str
    text: str | None = None
    data: str = ""  # hex
    port: int = 0  # destination, of octets
    source_port: int = 0
    long: Literal["udh", "sar", "payload"] = "udh"
    account: str | None = None


class _Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    state: str = "DELIVRD"
    error: int = 0


class _Hanging(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    how: Literal["unbind", "close", "reset"] = "unbind"
    account: str | None = None


class Control:
    """The routes of one centre."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre

    def application(self) -> web.Application:
        """GET state, taken, messages; POST faults, incoming, receipts, hang-up; DELETE faults."""
        application = web.Application(middlewares=[_told])
        application.add_routes(
            [
                web.get("/state", self.state),
                web.get("/taken", self.taken),
                web.get("/messages", self.messages),
                web.post("/faults", self.order),
                web.delete("/faults", self.clear),
                web.post("/incoming", self.incoming),
                web.post("/receipts", self.receipt),
                web.post("/hang-up", self.hang_up),
            ]
        )
        return application

    async def state(self, request: web.Request) -> web.Response:
        centre = self._centre
        accounts = {
            name: {"sessions": len(customer.connections), "waiting": len(customer.waiting)} for name, customer in centre.customers.items()
        }
        orders = [{"fault": order.fault, "times": order.times, "receiver": order.receiver} for order in centre.faults.orders]
        return _json({"accounts": accounts, "orders": orders, "counts": dict(centre.counts)})

    async def taken(self, request: web.Request) -> web.Response:
        """As in the ledger, from the `after`th on, and what became of each."""
        after = _number(request, "after")
        parts = self._centre.taken[after : after + _PAGE]
        return _json([msgspec.to_builtins(line(part)) | {"state": part.state} for part in parts])

    async def messages(self, request: web.Request) -> web.Response:
        after = _number(request, "after")
        return _json(
            [
                {
                    "account": message.parts[0].account,
                    "sender": message.sender,
                    "receiver": message.receiver,
                    "text": message.text if message.parts[0].submit.is_text else None,
                    "data": message.data.hex(),
                    "port": message.ports[0],
                    "parts": len(message.parts),
                }
                for message in self._centre.messages[after : after + _PAGE]
            ]
        )

    async def order(self, request: web.Request) -> web.Response:
        order = await _body(request, _Order)
        self._centre.order(
            order.fault, times=order.times, seconds=order.seconds, receiver=order.receiver, status=order.status, delay=order.delay
        )
        return _json({"ordered": order.fault})

    async def clear(self, request: web.Request) -> web.Response:
        self._centre.faults.clear()
        return _json({"orders": []})

    async def incoming(self, request: web.Request) -> web.Response:
        said = await _body(request, _Incoming)
        header = sms.Udh(said.port, said.source_port)
        try:
            message = Incoming(said.sender, said.receiver, said.text, bytes.fromhex(said.data), header, said.long)
        except ValueError:
            raise web.HTTPBadRequest(text="data: not hex\n") from None
        self._centre.send(message, said.account)
        return _json({"waiting": {name: len(customer.waiting) for name, customer in self._centre.customers.items()}})

    async def receipt(self, request: web.Request) -> web.Response:
        told = await _body(request, _Report)
        parts = self._centre.known(told.id)
        for part in parts:
            self._centre.report(part, told.state, told.error)
        if not parts:
            raise web.HTTPNotFound(text=f"no message {told.id}\n")
        return _json({"reported": len(parts)})

    async def hang_up(self, request: web.Request) -> web.Response:
        said = await _body(request, _Hanging)
        count = self._centre.hang_up(said.how, said.account)
        return _json({"connections": count})


@asynccontextmanager
async def serve(centre: Centre, port: int) -> AsyncIterator[int]:
    """The control of `centre` on 127.0.0.1, at the port given back."""
    runner = web.AppRunner(Control(centre).application(), access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@web.middleware
async def _told(request: web.Request, handler: Any) -> web.StreamResponse:
    """What cannot be is the caller's to know."""
    try:
        answer: web.StreamResponse = await handler(request)
    except (ConfigError, EncodeError) as error:
        raise web.HTTPBadRequest(text=f"{error}\n") from None
    return answer


async def _body(request: web.Request, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise web.HTTPBadRequest(text=f"{error}\n") from None


def _number(request: web.Request, name: str) -> int:
    given = request.query.get(name, "0")
    if not given.isdecimal():
        raise web.HTTPBadRequest(text=f"{name}: not a number\n")
    return int(given)


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value) + b"\n", content_type="application/json")
