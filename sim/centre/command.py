"""`python -m sim centre`: the centre as a process, with its control, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import msgspec

from mmsd.errors import ConfigError
from sim.centre import control as controls
from sim.centre.capture import Capture
from sim.centre.centre import Centre
from sim.centre.settings import Account, Settings, load

_PORTS: Final = {"smpp": 2775, "cmpp": 7890}


def settings(file: Path | None, protocol: Literal["smpp", "cmpp"] | None, port: int | None, accounts: tuple[str, ...]) -> Settings:
    """The file's, with what the command line says instead. ConfigError when nobody could bind."""
    made = load(file) if file is not None else Settings()
    if protocol is not None:
        made = msgspec.structs.replace(made, protocol=protocol)
    if accounts:
        made = msgspec.structs.replace(made, accounts=tuple(_account(said) for said in accounts))
    if port is not None or file is None:
        made = msgspec.structs.replace(made, port=_PORTS[made.protocol] if port is None else port)
    if not made.accounts:
        raise ConfigError("accounts: there is none; give --account NAME:PASSWORD or a settings file")
    return made


def _account(said: str) -> Account:
    name, has_password, rest = said.partition(":")
    password, _, number = rest.partition(":")
    if not name or not has_password:  # an empty one is said by "NAME:"
        raise ConfigError("--account: expected NAME:PASSWORD or NAME:PASSWORD:NUMBER")
    return Account(name=name, password=password, numbers=(number,) if number else ())


async def run(settings: Settings, *, wall: Callable[[], int], ledger: Path | None, capture: Path | None, control: int | None) -> None:
    """Serves until SIGTERM or SIGINT; prints where, and at the end what happened."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        tap = stack.enter_context(Capture(capture, settings.port, wall)) if capture is not None else None
        centre = await stack.enter_async_context(Centre(settings, wall=wall, ledger=ledger, tap=tap))
        print(f"{settings.protocol} on {settings.host}:{centre.port}", flush=True)
        if control is not None:
            port = await stack.enter_async_context(controls.serve(centre, control))
            print(f"control on http://127.0.0.1:{port}", flush=True)
        await stop.wait()
        for what, count in sorted(centre.counts.items()):
            print(f"{count:>8,} {what}")
