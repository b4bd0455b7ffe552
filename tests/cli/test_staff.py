"""Who and why, of every command that has them."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from mmsd.cli import main


def said(command: click.Command) -> Iterator[tuple[click.Command, click.Parameter]]:
    """Every `--who` and `--why` there is."""
    if isinstance(command, click.Group):
        for below in command.commands.values():
            yield from said(below)
    yield from ((command, option) for option in command.params if option.name in ("who", "why"))


def test_none_takes_a_number_or_a_serial() -> None:
    found = list(said(main))
    assert len(found) > 30
    for command, option in found:
        context = click.Context(command)
        assert option.process_value(context, "the text is wrong") == "the text is wrong"
        for wrong in ("  ", "ask 138 1234-5678", "R6C2S7HYDNV62B"):
            with pytest.raises(click.BadParameter, match="stays in the audit for good"):
                option.process_value(context, wrong)
