"""Who orders something, and why: the options of all commands that leave it in the audit."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from mmsd.rules.remarks import REMEDY, may_stay

_F = TypeVar("_F", bound=Callable[..., Any])
_STAYS: Final = "It stays in the audit for good: no numbers."


def _checked(_: click.Context, parameter: click.Parameter, value: str) -> str:
    if value != parameter.default and not may_stay(value):
        raise click.BadParameter(REMEDY, param=parameter)
    return value


def who(said: str = "Who orders it") -> Callable[[_F], _F]:
    """`--who`."""
    return click.option("--who", default=getpass.getuser, metavar="NAME", callback=_checked, help=f"{said}; else the user of this system.")


def why(said: str = "The reason", *, required: bool = True, else_: str = "") -> Callable[[_F], _F]:
    """`--why`. Where it is not required, "" is none; `else_` says what stands for it."""
    told = f"{said}. {_STAYS}{else_ and f' [{else_}]'}"
    if required:
        return click.option("--why", required=True, metavar="TEXT", callback=_checked, help=told)
    return click.option("--why", default="", metavar="TEXT", callback=_checked, help=told)
