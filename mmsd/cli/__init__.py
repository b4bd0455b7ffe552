"""The commands. Each builds what it needs through `app` and ends with a message a person can act on."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import click
import msgspec
from rich.console import Console

from mmsd import app, config, fast
from mmsd.cli import replay as replaying
from mmsd.cli import report
from mmsd.cli.campaign import campaign
from mmsd.cli.care import care
from mmsd.cli.causes import causes
from mmsd.cli.codes import codes
from mmsd.cli.copies import copies
from mmsd.cli.counting import counts
from mmsd.cli.decoding import decode
from mmsd.cli.drawing import draw
from mmsd.cli.encoding import encode
from mmsd.cli.expected import handset, settings_
from mmsd.cli.feeds import feeds as feeds_
from mmsd.cli.findings import findings, notified
from mmsd.cli.forwards import forwards
from mmsd.cli.governing import governor
from mmsd.cli.importing import import_
from mmsd.cli.kpi import kpi
from mmsd.cli.life import LIFE
from mmsd.cli.looking import feeds_of, guesses_as_values, show_guesses, show_match
from mmsd.cli.outbox import approve, audit, outbox, resume, stop
from mmsd.cli.seeds import seed
from mmsd.cli.sending import send
from mmsd.cli.serials import serial
from mmsd.cli.why import why
from mmsd.config.checks import hints
from mmsd.config.reader import zone_named
from mmsd.errors import AlreadyRunning, ConfigError, MmsdError
from mmsd.logs import DIALECTS

EXIT_CONFIG = 78
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


class _Commands(click.Group):
    """Faults that a person can mend end as one message and an exit code, never as a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            click.echo(f"mmsd: {error}", err=True)
            sys.exit(EXIT_CONFIG)
        except AlreadyRunning as error:
            click.echo(f"mmsd: {error}", err=True)
            sys.exit(75)
        except MmsdError as error:
            click.echo(f"mmsd: {error}", err=True)
            sys.exit(1)


CYCLES: Final = (100_000, 20, 50)
"""A tick makes and drops some hundred thousand small objects without cycles: looking for cycles among them every 700 costs a tenth."""
_ARENA_MAX: Final = -8
"""M_ARENA_MAX of glibc's `mallopt`."""


def prepare_memory() -> None:
    """To be called while the process is one thread.

    glibc gives each thread memory of its own, and each grows to the most that it ever took. Here reader and store work by turns: from one
    memory the one takes what the other has given back.
    """
    gc.set_threshold(*CYCLES)
    with contextlib.suppress(OSError, AttributeError):  # no glibc
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


@click.group(cls=_Commands, context_settings=CONTEXT)
@click.version_option(package_name="mmsd")
def main() -> None:
    """Why was each multimedia message delivered, or not? And who passed a seed message on?

    \b
    Logs in hand, nothing set up:      mmsd look FILE...
    The same, feed by feed:            mmsd replay --feed mmsc1=mbuni:'logs/mmsc-access.log*' ...
    A line that is not read:           mmsd try mbuni 'LINE'
    One number, one message:           mmsd why CONFIG NUMBER
    Octets, in words:                  mmsd decode mms FILE
    A status code, in words:           mmsd codes 4441
    A row of the table of causes:      mmsd causes U10
    Beside the nodes, for good:        mmsd check CONFIG, then mmsd run CONFIG
    """
    prepare_memory()


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--until", default="", help="Judge as if every file had been read up to here: `end`, or a local time.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def look(files: tuple[Path, ...], until: str, as_json: bool) -> None:
    """Guess what each FILE is, say why, and print the causes. Needs no configuration, store or port.

    \b
    mmsd look mmsc-access.log* bearerbox-access.log wapbox-access.log
    """
    console = Console(soft_wrap=True)
    arguments, guesses = feeds_of(files)
    if not as_json:
        show_guesses(console, guesses)
    if not arguments:
        unread = "".join(f"{path}: {why}; " for path, _, why in guesses) if as_json else ""  # else each row has said it
        raise ConfigError(f"{unread}none of these files is a log mmsd knows; `mmsd try DIALECT LINE` shows where a line stops to fit")
    settings = replaying.settings_for(arguments, None, [])  # what was guessed, and why, stands above
    done = replaying.replay(settings, until=until, keep_all=True, console=console, quiet=as_json, notes=[replaying.ALL_OF_A_KIND])
    try:
        _print(done, console, as_json, {"files": guesses_as_values(guesses)})
    finally:
        done.store.close()


@main.command()
@click.option("--feed", "feeds", multiple=True, metavar="NAME=DIALECT:GLOB", help="A feed; give it once for each.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Coverage, formats, expected settings, code maps, windows.")
@click.option("--deliveries", type=click.Path(path_type=Path), help="Write one JSON object a delivery.")
@click.option("--attempts", type=click.Path(path_type=Path), help="Write one JSON object a subscriber's own request.")
@click.option("--findings", type=click.Path(path_type=Path), help="Write one JSON object a finding.")
@click.option("--forwards", type=click.Path(path_type=Path), help="Write one JSON object a forward.")
@click.option("--until", default="", metavar="TIME|end", help="Move every mark here at the end, and judge what is still open.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option("--reveal", is_flag=True, help="Full numbers and serials in the files written.")
def replay(
    feeds: tuple[str, ...], config_file: Path | None, deliveries: Path | None, attempts: Path | None, findings: Path | None,
    forwards: Path | None, until: str, as_json: bool, reveal: bool,
) -> None:  # fmt: skip
    """Read logs that lie there, rotated and gzipped ones in their order, all feeds in event time.

    \b
    mmsd replay --feed mmsc1=mbuni:'logs/mmsc-access.log*' \\
                --feed sms1=kannel-sms:logs/bearerbox-access.log \\
                --feed wap1=kannel-wap:'logs/wapbox-access.log*' \\
                --deliveries out.jsonl

    What is open when the files end stays open; --until judges it. Numbers are masked unless --reveal.
    """
    console = Console(soft_wrap=True)
    base = config.load(config_file) if config_file else None
    notes: list[str] = []
    settings = replaying.settings_for([replaying.FeedArgument.parse(text) for text in feeds], base, notes)
    done = replaying.replay(settings, until=until, keep_all=True, console=console, quiet=as_json, notes=notes)
    store = done.store
    try:
        if deliveries:
            replaying.export(deliveries, (replaying.delivery_row(row, reveal) for row in store.all_deliveries()))
        if attempts:
            replaying.export(attempts, (replaying.attempt_row(row, reveal) for row in store.all_attempts()))
        if findings:
            replaying.export(findings, (replaying.finding_row(row, reveal) for row in store.all_findings()))
        if forwards:
            replaying.export(forwards, (replaying.forward_row(row, reveal) for row in store.all_forwards()))
        _print(done, console, as_json)
    finally:
        store.close()


def _print(done: replaying.Replayed, console: Console, as_json: bool, further: Mapping[str, Any] = MappingProxyType({})) -> None:
    values = {**further, **replaying.figures(done)}
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(values), indent=1))
    else:
        report.show(console, values, done.store.rejects())


@main.command(name="try")
@click.argument("dialect", type=click.Choice(sorted(DIALECTS)))
@click.argument("line")
@click.option("--format", "form", default="", help="The dialect's format: a name, or a format string of the node's configuration.")
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="Any other option of the dialect (VALUE as TOML).")
@click.option("--zone", default=config.Zone().name.key, show_default=True, help="Of times written without one, and of those shown.")
def try_(dialect: str, line: str, form: str, options: tuple[str, ...], zone: str) -> None:
    """Show which characters of LINE go to which column, and where the match stops. `-` reads standard input.

    \b
    mmsd try kannel-wap "2026-11-22 17:44:25 10.0.0.1 8613900000001 GET <http://mmsc/x> (…) 252 200 <UA> <Kannel/1.4.5>"
    """
    where = zone_named(zone)
    if where is None:
        raise click.BadParameter(f"no time zone is called {zone!r}; take a name such as Asia/Shanghai or UTC", param_hint="--zone")
    text = sys.stdin.buffer.read() if line == "-" else line.encode("utf-8", "surrogateescape")
    sys.exit(0 if show_match(Console(soft_wrap=True), dialect, text, form, options, where) else 1)


@main.command()
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
def check(config_file: Path) -> None:
    """Check a configuration and everything it names: every fault at once, with file, line, key and remedy."""
    faults = config.check(config_file)
    for fault in faults:
        click.echo(str(fault))
    if faults:
        click.echo(f"{len(faults)} fault{'s' if len(faults) > 1 else ''}", err=True)
        sys.exit(EXIT_CONFIG)
    settings = config.load(config_file)
    for hint in hints(settings):
        click.echo(f"{config_file}: {hint}", err=True)
    click.echo(f"{config_file}: {len(settings.feeds)} feeds, no faults")


@main.command()
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.option("--ready-file", type=click.Path(path_type=Path), help="Write the address of the live page here once it is served.")
def run(config_file: Path, ready_file: Path | None) -> None:
    """Run the daemon until SIGTERM or Ctrl-C; a second signal ends it at once."""
    settings = config.load(config_file)
    click.echo(f"mmsd: {len(settings.feeds)} feeds, state in {settings.state.directory}, scanner {fast.TWIN}", err=True)
    sys.exit(app.serve(settings, ready_file))


main.add_command(causes)
main.add_command(approve)
campaign.add_command(counts)
main.add_command(campaign)
for step in LIFE:
    campaign.add_command(step)
main.add_command(care)
main.add_command(audit)
main.add_command(codes)
main.add_command(copies)
main.add_command(decode)
main.add_command(draw)
main.add_command(encode)
main.add_command(feeds_)
main.add_command(findings)
main.add_command(forwards)
main.add_command(governor)
main.add_command(handset)
main.add_command(import_)
main.add_command(kpi)
main.add_command(notified)
main.add_command(outbox)
main.add_command(resume)
main.add_command(seed)
main.add_command(send)
main.add_command(serial)
main.add_command(settings_)
main.add_command(stop)
main.add_command(why)
