"""`mmsd draw`: prizes among serials, step by step; the paper that is published; and its proof, which needs that file alone."""

from __future__ import annotations

import secrets
import sys
import time
from pathlib import Path
from typing import Final, TextIO

import click
import msgspec

from mmsd import app, config
from mmsd.cli import staff
from mmsd.cli.kpi import reader_of
from mmsd.cli.outbox import order
from mmsd.cli.serials import well_formed
from mmsd.errors import ConfigError, DecodeError
from mmsd.model import Batch, Draw, masked
from mmsd.rules import draw as rules
from mmsd.rules import promotion
from mmsd.store import Rows, Store, Won, drawing, promoting
from mmsd.store.drawing import Known, Ordered
from mmsd.store.promoting import Promotion
from mmsd.web.answers import iso
from mmsd.web.draws import told

EXIT_WRONG: Final = 1
_PATIENCE: Final = 600.0  # seconds for the daemon to look through all serials
_POLL: Final = 0.2

_CONFIG = click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
_NAME = click.argument("name", metavar="CAMPAIGN/DRAW")
_WHO = staff.who()
_WHY = staff.why()
_YES = click.option("--yes", is_flag=True, help="Do not ask twice.")


@click.group()
def draw() -> None:
    """Draw prizes among serials, so that anybody can do it again.

    \b
    commit   before it begins: a secret number is fixed, its hash is published
    close    who takes part is listed, the list's hash is published
    run      the winners are drawn, and told by SMS
    promote  somebody does not get his prize: the next reserve does
    verify   anybody, with the published paper alone
    """


@draw.command()
@_CONFIG
@_NAME
@_WHO
@_WHY
@_YES
def commit(config_file: Path, name: str, who: str, why: str, yes: bool) -> None:
    """Fix terms and seed number before anybody knows the entries, and print the hash to publish."""
    done = _step(config_file, name, "commit", who, why, yes=yes)
    click.echo(f"commitment {done.commitment}")


@draw.command()
@_CONFIG
@_NAME
@_WHO
@_WHY
@_YES
@click.option("--early", is_flag=True, help="Even though days of it are not final: what counts later takes no part.")
def close(config_file: Path, name: str, who: str, why: str, yes: bool, early: bool) -> None:
    """List who takes part, and print the hash of the list to publish. Refused while its days are not final, but for --early."""
    done = _step(config_file, name, "close", who, why, yes=yes, early=early)
    click.echo(f"{done.entries:,} entries of {done.people:,} people")
    for reason, n in sorted(done.excluded.items()):
        click.echo(f"{n:,} left out: {reason}")
    click.echo(f"list {done.listing}")


@draw.command()
@_CONFIG
@_NAME
@_WHO
@_WHY
@_YES
@click.option("--beacon", default="", metavar="TEXT", help="The number that is mixed in, where the draw's terms name one.")
def run(config_file: Path, name: str, who: str, why: str, yes: bool, beacon: str) -> None:
    """Draw the winners, once and for all, and tell each of them by SMS."""
    _step(config_file, name, "run", who, why, yes=yes, beacon=beacon)
    reader = reader_of(config.load(config_file))
    try:
        for won in reader.winners(*_parts(name)):
            click.echo(_line(won))
    finally:
        reader.close_readers()


@draw.command()
@_CONFIG
@_NAME
@click.argument("place", type=click.IntRange(1))
@click.option("--reason", required=True, type=click.Choice(promotion.REASONS), help="Why he does not get it.")
@_WHO
@_WHY
@_YES
def promote(config_file: Path, name: str, place: int, reason: str, who: str, why: str, yes: bool) -> None:
    """Take a prize from PLACE for good, and give it to the next reserve, who is told by SMS. Print who holds what then."""
    settings = config.load(config_file)
    wanted = Promotion(_parts(name), place, reason, who, why)
    known = _known(settings).get(wanted.name)
    if known is None:
        raise ConfigError(f"no campaign file has the draw {name}")
    reader = reader_of(settings)
    try:
        draw = next((one for one in reader.draws() if (one.campaign, one.name) == wanted.name), None)
        vacancy = reader.vacancy(*wanted.where)
    finally:
        reader.close_readers()
    wrong = promoting.fault(wanted, draw, vacancy)
    if wrong or draw is None or vacancy is None:
        raise click.ClickException(wrong)
    for line in promoting.means(wanted, draw, vacancy, known):
        click.echo(f"- {line}", err=True)
    if not yes:
        click.confirm(f"promote {name} {place}?", abort=True, err=True)
        if click.prompt("type the draw's name to go on", err=True) != name:
            raise click.Abort
    confirm = promoting.word(wanted, draw, vacancy, known)
    body = {
        "campaign": wanted.name[0], "draw": wanted.name[1], "place": place, "reason": reason, "who": who, "why": why, "confirm": confirm
    }  # fmt: skip
    order(settings, "draws/promote", body, lambda store: _promote_here(store, wanted, known))
    reader = reader_of(settings)
    try:
        for won in reader.winners(*wanted.name):
            click.echo(_line(won))
    finally:
        reader.close_readers()


@draw.command()
@_CONFIG
@click.argument("name", metavar="[CAMPAIGN/DRAW]", default="")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(config_file: Path, name: str, as_json: bool) -> None:
    """How draws stand: those of the configuration, and those that were."""
    settings = config.load(config_file)
    configured = _known(settings)
    reader = reader_of(settings)
    try:
        stored = {f"{one.campaign}/{one.name}": one for one in reader.draws()}
        open_days = {
            called: drawing.still_open(reader, one, configured[one.campaign, one.name]) if (one.campaign, one.name) in configured else None
            for called, one in stored.items()
        }
    finally:
        reader.close_readers()
    if name:
        if name not in stored:
            raise click.ClickException("nobody has committed to that draw")
        click.echo(msgspec.json.format(msgspec.json.encode(told(stored[name], open_days[name])), indent=1))
        return
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode([told(one, open_days[called]) for called, one in stored.items()]), indent=1))
        return
    for known in sorted({*stored, *("/".join(one) for one in configured)}):
        one = stored.get(known)
        said = f"{one.state} {iso(one.drawn or one.closed or one.committed)}" if one is not None else "not committed to"
        waits = open_days.get(known)
        click.echo(f"{known}  {said}{f'; {waits}' if waits else ''}")


@draw.command()
@_CONFIG
@_NAME
@click.option("--out", type=click.File("w", encoding="utf-8"), default="-", help="A file; else it is printed.")
def paper(config_file: Path, name: str, out: TextIO) -> None:
    """What is to be published of a draw, as much as may be known by now. It holds neither numbers nor serials."""
    reader = reader_of(config.load(config_file))
    try:
        found = _found(reader.draws(), name)
        listed = rules.Listed(reader.draw_list(found.campaign, found.name))
        forfeits = reader.forfeits(found.campaign, found.name)
        for line in rules.paper(found, listed, (won.winner for won in reader.winners(found.campaign, found.name)), forfeits):
            out.write(f"{line}\n")
    finally:
        reader.close_readers()


@draw.command()
@_CONFIG
@_NAME
@click.argument("text", metavar="SERIAL|-")
def entry(config_file: Path, name: str, text: str) -> None:
    """The entry number of a serial, for whoever holds it: he finds it in the published list. Ends with 1 when it takes no part.

    `-` reads standard input, so that it stands in no list of processes.
    """
    number = well_formed(text)
    reader = reader_of(config.load(config_file))
    try:
        found = _found(reader.draws(), name)
        said = reader.draw_entry(found, number).hex()
        takes_part = any(line.startswith(said) for line in rules.Listed(reader.draw_list(found.campaign, found.name)))
    finally:
        reader.close_readers()
    if not takes_part:
        click.echo("this serial takes no part in the draw")
        sys.exit(EXIT_WRONG)
    click.echo(said)


@draw.command()
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--commitment", default="", metavar="HEX", help="As it was published when the draw was committed to.")
@click.option("--list", "listing", default="", metavar="HEX", help="As it was published at the close.")
def verify(file: TextIO, commitment: str, listing: str) -> None:
    """Do the draw of a published paper again, with nothing but that file. Ends with 1 when anything does not fit."""
    try:
        read = rules.read_paper(file)
    except (DecodeError, UnicodeDecodeError) as error:
        raise click.ClickException(f"this is no paper of a draw: {error}") from None
    wrong = rules.faults(read)
    for name, published in (("commitment", commitment), ("list", listing)):
        if published and read.heads.get(name) != published.lower():
            wrong.append(f"its {name} is not the one that was published")
    for fault in wrong:
        click.echo(fault)
    if wrong:
        sys.exit(EXIT_WRONG)
    if not rules.read_terms(read.heads["terms"]).excluded:
        click.echo("its terms do not say who may not win: an older mmsd read that at the close")
    if "seed" not in read.heads:
        click.echo(f"{len(read.listed):,} entries, as they were closed; not drawn yet")
        return
    click.echo(f"{len(read.winners):,} winners among {len(read.listed):,} entries: as it should be")
    for name, published in (("commitment", commitment), ("list", listing)):
        if not published:
            click.echo(f"compare with what was published: {name} {read.heads[name]}")


# ----------------------------------------------------------------------------------------------------------------- the step


def _known(settings: config.Settings) -> dict[tuple[str, str], Known]:
    directory = settings.campaigns.directory
    return drawing.draws_of(config.load_campaigns(directory), directory) if directory is not None else {}


def _parts(name: str) -> tuple[str, str]:
    campaign, slash, draw = name.partition("/")
    if not slash:
        raise click.BadParameter("say CAMPAIGN/DRAW", param_hint="CAMPAIGN/DRAW")
    return campaign, draw


def _found(draws: list[Draw], name: str) -> Draw:
    parts = _parts(name)
    for one in draws:
        if (one.campaign, one.name) == parts:
            return one
    raise click.ClickException("nobody has committed to that draw")


def _step(config_file: Path, name: str, step: str, who: str, why: str, *, yes: bool, beacon: str = "", early: bool = False) -> Draw:
    """Shows what will happen, asks twice, orders it, and waits until it is done."""
    settings = config.load(config_file)
    ordered = Ordered(_parts(name), step, who, why, beacon, early)
    known = _known(settings).get(ordered.name)
    if known is None:
        raise ConfigError(f"no campaign file has the draw {name}")
    reader = reader_of(settings)
    try:
        draw = next((one for one in reader.draws() if (one.campaign, one.name) == ordered.name), None)
        open_days = drawing.still_open(reader, draw, known)
    finally:
        reader.close_readers()
    wrong = drawing.fault(ordered, draw, open_days)
    if wrong:
        raise click.ClickException(wrong)
    if draw is None or not rules.read_terms(draw.terms).excluded:
        drawing.barred(known)
    for line in drawing.means(ordered, draw, known, open_days):
        click.echo(f"- {line}", err=True)
    if not yes:
        click.confirm(f"{step} {name}?", abort=True, err=True)
        if click.prompt("type its name to go on", err=True) != name:
            raise click.Abort
    body = {
        "campaign": ordered.name[0], "draw": ordered.name[1], "step": step, "who": who, "why": why, "beacon": beacon,
        "early": early, "confirm": drawing.word(ordered, draw, known, open_days),
    }  # fmt: skip
    order(settings, "draws/step", body, lambda store: _here(store, ordered, known))
    return _awaited(settings, name)


def _here(store: Store, ordered: Ordered, known: Known) -> None:
    """Without a daemon: order and deed at once."""
    wrong: list[str] = []
    fresh = drawing.fresh(ordered, store, known, secrets.token_bytes)
    open_days = drawing.still_open(store, next((one for one in store.draws() if (one.campaign, one.name) == ordered.name), None), known)

    def decide(rows: Rows) -> Batch:
        batch = drawing.decide(ordered, rows, known, app.wall(), fresh, open_days)
        if isinstance(batch, str):
            wrong.append(batch)
            return Batch(0)
        return batch

    store.transact(drawing.needs(ordered), decide)
    if wrong:
        raise click.ClickException(wrong[0])
    for one in store.draws():
        if (one.campaign, one.name) == ordered.name and one.state in (rules.CLOSING, rules.DRAWING):
            drawing.go_on(store, one, known, app.wall)


def _line(won: Won) -> str:
    held = f"(out: {won.out})" if won.out else won.holds or "(reserve)"
    return f"{won.winner.place:>4}  {held}  {masked(won.msisdn) if won.msisdn else '-'}  {won.city}"


def _promote_here(store: Store, wanted: Promotion, known: Known) -> None:
    """Without a daemon."""
    wrong: list[str] = []

    def decide(rows: Rows) -> Batch:
        batch = promoting.decide(wanted, rows, known, app.wall())
        if isinstance(batch, str):
            wrong.append(batch)
            return Batch(0)
        return batch

    store.transact(promoting.needs(wanted), decide)
    if wrong:
        raise click.ClickException(wrong[0])


def _awaited(settings: config.Settings, name: str) -> Draw:
    reader = reader_of(settings)
    until = time.monotonic() + _PATIENCE
    try:
        while True:
            found = _found(reader.draws(), name)
            if found.state not in (rules.CLOSING, rules.DRAWING):
                return found
            if time.monotonic() > until:
                raise click.ClickException("it is ordered, and takes long; `mmsd draw show` tells when it is done")
            time.sleep(_POLL)
    finally:
        reader.close_readers()
