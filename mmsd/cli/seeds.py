"""`mmsd seed`: pictures marked and tried, a message composed of them, registered; and whether a message holds a seed."""

from __future__ import annotations

import asyncio
import re
import secrets
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.table import Table

from mmsd import app, config
from mmsd.cli import staff
from mmsd.cli.kpi import reader_of
from mmsd.cli.outbox import order
from mmsd.codec import mms
from mmsd.errors import ConfigError, DecodeError, EncodeError
from mmsd.link.maker import Made, Wish, given, look_alikes, make, message_of
from mmsd.link.workers import WorkerFailed, Workers
from mmsd.model import SeedEntry, SeedPart
from mmsd.rules.life import LIVE, RETIRED
from mmsd.seeds import compose
from mmsd.seeds.alike import Alike
from mmsd.seeds.contents import Content, contents
from mmsd.seeds.seed import RegisteredPicture, RegisteredSeed, Trial
from mmsd.seeds.verdict import EXACT, Learned, Verdict
from mmsd.store import Store, campaign_orders
from mmsd.store.sqlite import DATABASE
from mmsd.web.seeds import seed_told

EXIT_WEAK = 1
EXIT_REFUSED = 2
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_LEARNT: Final = 50_000

_CONFIG = click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
_WHO = staff.who()


@click.group()
def seed() -> None:
    """Messages made trackable: mark their pictures, look for them in what was sent.

    The mark hangs on the key file of the state directory: pictures marked under another key are never recognised.
    """


def _named(_: click.Context, parameter: click.Parameter, value: str) -> str:
    if value and not _NAME.fullmatch(value):
        raise click.BadParameter("small letters, digits and hyphens, at most 63", param=parameter)
    return value


@seed.command(name="make")
@_CONFIG
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--campaign", required=True, help="Whose seed it is.")
@click.option("--name", required=True, callback=_named, help="What the seed is called, in the campaign's counts too.")
@click.option("--family", default="", callback=_named, help="Seeds with the same one are siblings: one card, other numbers. [its name]")
@click.option("--text", "texts", multiple=True, help="Shown with a picture: the first with the first, and so on.")
@click.option("--subject", default="", help="Of the message.")
@click.option("--anyway", is_flag=True, help="Register a weak seed, too.")
@_WHO
@staff.why(required=False, else_="made of its files")
@click.option("--out", type=click.Path(path_type=Path), help="Write the message and the marked pictures into this folder, too.")
@click.option("--to", "receivers", multiple=True, metavar="NUMBER", help="With --out: message.mms to this receiver, E.164 digits.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def make_(
    config_file: Path, files: tuple[Path, ...], campaign: str, name: str, family: str, texts: tuple[str, ...], subject: str, anyway: bool,
    who: str, why: str, out: Path | None, receivers: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Make a seed of FILES (JPEG, PNG, GIF; .txt, .amr, .mid) in the order they are to be shown, and register it.

    \b
    mmsd seed make /etc/mmsd/mmsd.toml --campaign relay --name leg-0001 --family leg card.jpg --text '第 1 棒'

    Every picture is marked, every frame of an animation, as faintly as a battery of alterations allows. A picture that fails it even at
    the coarsest grade makes a *weak seed*: it is not registered unless --anyway. Ends with 1 when it is weak, with 2 when nothing was
    made. A daemon that runs looks for it at once. It is sent by the campaign, or by other means: see `mmsd seed show --out`.
    """
    settings = config.load(config_file)
    why = why or f"made of {len(files)} files"
    campaigns = app.known_campaigns(settings)
    if campaign not in campaigns:
        raise ConfigError(f"campaigns.directory: no campaign is called {campaign!r}; write its file first")
    if (settings.state.directory / DATABASE).exists() and _found(settings, f"{campaign}/{name}") is not None:
        raise ConfigError(f"there is a seed {campaign}/{name} already: one that was sent cannot be made again; take another name")
    key = app.load_keys(settings).mark_key
    wish = Wish(campaign, name, family, texts, subject, who)
    try:
        made = asyncio.run(
            make(Workers(settings.workers, key, list), key, wish, [given(path.name, path.read_bytes()) for path in files])
        )  # fmt: skip
    except (WorkerFailed, EncodeError) as error:
        click.echo(f"mmsd: {error}", err=True)
        sys.exit(EXIT_REFUSED)
    weak = made.new.entry.weak
    like = _look_alikes(settings, made)
    kept = anyway or not weak
    if kept:

        def register(store: Store) -> None:
            refused = campaign_orders.done(store, campaign_orders.register(store, made.new, campaigns, why=why, now=app.wall()))
            if refused:
                raise ConfigError(refused)

        order(settings, "seeds", {"seed": made.new, "why": why}, register, begin=True)
        if out is not None:
            _write(out, made.new.parts, subject, receivers)
    if as_json:
        rows = [{"name": picture.name, "weak": picture.weak, **msgspec.to_builtins(picture.trial)} for picture in made.pictures]
        whole = {
            "seed": f"{campaign}/{name}", "weak": weak, "registered": kept, "octets": made.message.octets, "pictures": rows,
            "alike": [one._asdict() for one in like],
        }  # fmt: skip
        click.echo(msgspec.json.format(msgspec.json.encode(whole), indent=1))
    else:
        _show(Console(soft_wrap=True), made, like, kept)
    sys.exit(EXIT_WEAK if weak else 0)


def _look_alikes(settings: config.Settings, made: Made) -> list[Alike]:
    """Before it is live itself."""
    if not (settings.state.directory / DATABASE).exists():
        return []
    reader = reader_of(settings)
    try:
        return look_alikes(made.new, reader.live_seeds())
    finally:
        reader.close_readers()


def _write(folder: Path, parts: Sequence[SeedPart], subject: str, receivers: Sequence[str]) -> None:
    """The marked pictures, the message for MM7, and with receivers for MM1."""
    message = message_of(parts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, part in enumerate((part for part in parts if part.original), 1):
            ending = {"image/jpeg": "jpg"}.get(part.media, part.media.removeprefix("image/"))
            (folder / f"{number}.{ending}").write_bytes(part.body)
        if receivers:
            request = compose.send_request(message, transaction=secrets.token_hex(8), receivers=receivers, subject=subject)
            (folder / "message.mms").write_bytes(request)
        (folder / "content.mime").write_bytes(compose.mm7_body(message))
    except OSError as error:
        raise ConfigError(f"{folder}: {error.strerror}") from error


def _trials(pictures: Iterable[RegisteredPicture]) -> Table:
    table = Table(box=None)
    for heading in ("picture", "PSNR", "SSIM", "battery", "least score", "raised", ""):
        table.add_column(heading, justify="left" if heading in {"picture", ""} else "right")
    for picture in pictures:
        trial = picture.trial or Trial(0.0, 0.0, 0, 0, 0.0, 0)
        verdict = f"[red]weak[/red]: {', '.join(trial.failed)}" if picture.weak else "good"
        table.add_row(
            picture.name, f"{trial.psnr:.1f} dB", f"{trial.ssim:.3f}", f"{trial.passed} of {trial.tried}", f"{trial.lowest:.1f}",
            f"{trial.grade}x" if trial.grade else "no", verdict,
        )  # fmt: skip
    return table


def _show(console: Console, made: Made, like: Sequence[Alike], kept: bool) -> None:
    console.print(_trials(made.pictures))
    size = made.message.content_class
    console.print(f"{made.message.octets:,} octets: {f'content class {size}' if size else 'more than any content class takes'}")
    entry = made.new.entry
    if entry.weak:
        console.print(
            "weak seed: handsets will alter it past recognition. Take a picture with more in it than thin lines, black and white."
        )
    for one in like:
        console.print(f"{one.picture} looks like seed {one.seed} ({one.bits} of 256 bits differ)")
    if like:
        console.print(
            "look-alikes: the marks tell them apart, but only the nearest are tried on a copy. Make cards of one template with one --family"
            " of one campaign, or take another picture."
        )
    console.print(f"registered: {entry.label}" if kept else "nothing was registered; --anyway takes it")


@seed.command(name="list")
@_CONFIG
@click.option("--campaign", help="Only this one's.")
@click.option("--state", type=click.Choice((LIVE, RETIRED)), help="Only those.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(config_file: Path, campaign: str | None, state: str | None, as_json: bool) -> None:
    """List the seeds that were registered."""
    reader = reader_of(config.load(config_file))
    try:
        found = reader.seeds(campaign, state)
    finally:
        reader.close_readers()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode([seed_told(entry) for entry in found]), indent=1))
        return
    for entry in found:
        click.echo(_line(entry))


def _line(entry: SeedEntry) -> str:
    words = f"{entry.label}  {entry.state}  family {entry.family}, {entry.pictures} pictures, {entry.octets:,} octets"
    return f"{words}  weak, taken by {entry.who}" if entry.weak else words


@seed.command()
@_CONFIG
@click.argument("label", metavar="CAMPAIGN/NAME")
@click.option("--out", type=click.Path(path_type=Path), help="Write the message and the marked pictures into this folder.")
@click.option("--to", "receivers", multiple=True, metavar="NUMBER", help="With --out: message.mms to this receiver, E.164 digits.")
def show(config_file: Path, label: str, out: Path | None, receivers: tuple[str, ...]) -> None:
    """Show a seed and what the admission check found; write its message for sending by other means.

    \b
    mmsd seed show /etc/mmsd/mmsd.toml relay/leg-0001 --out leg-0001 --to 8613900000001
      1.jpg, 2.gif …    the marked pictures: send these, not your own
      message.mms       with --to: the message as an M-Send.req
      content.mime      the message as the content of an MM7 SubmitReq
    """
    found = _found(config.load(config_file), label)
    if found is None:
        raise click.BadParameter(f"no seed is called {label!r}", param_hint="CAMPAIGN/NAME")
    entry, octets, parts = found
    console = Console(soft_wrap=True)
    console.print(_line(entry), highlight=False)
    console.print(_trials(RegisteredSeed.from_bytes(octets).pictures))
    if out is not None:
        _write(out, parts, entry.subject, receivers)


def _found(settings: config.Settings, label: str) -> tuple[SeedEntry, bytes, list[SeedPart]] | None:
    reader = reader_of(settings)
    try:
        found = reader.seed(label)
        return (*found, reader.seed_parts(label)) if found is not None else None
    finally:
        reader.close_readers()


@seed.command()
@_CONFIG
@click.argument("label", metavar="CAMPAIGN/NAME")
@_WHO
@staff.why()
def retire(config_file: Path, label: str, who: str, why: str) -> None:
    """Look for a seed no longer, and send it no more. Forwards of it stay; its name is not given again."""

    def act(store: Store) -> None:
        refused = campaign_orders.done(store, campaign_orders.retire(label, who=who, why=why, now=app.wall()))
        if refused:
            raise ConfigError(refused)

    order(config.load(config_file), "seeds/retire", {"seed": label, "who": who, "why": why}, act)
    click.echo(f"retired: {label}")


@seed.command()
@_CONFIG
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--held", multiple=True, help="A seed that the sender is known to hold.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a file.")
def look(config_file: Path, files: tuple[Path, ...], held: tuple[str, ...], as_json: bool) -> None:
    """Which live seed each of FILES holds, if any: a picture, or an MMS PDU with all its parts. Nothing is counted.

    Ends with 1 when no file holds one.
    """
    settings = config.load(config_file)
    verdicts = asyncio.run(_judged(settings, [_message(path.read_bytes()) for path in files], held))
    for path, verdict in zip(files, verdicts, strict=True):
        click.echo(msgspec.json.encode({"file": str(path), **verdict._asdict()}) if as_json else f"{path}: {_words(verdict)}")
    sys.exit(0 if any(verdict.sightings for verdict in verdicts) else 1)


def _message(octets: bytes) -> list[Content]:
    """The contents of an MMS PDU; of other octets themselves."""
    try:
        return contents(mms.parts(octets, mms.decode(octets)).parts)
    except DecodeError:
        return [Content("image/unknown", octets)]


async def _judged(settings: config.Settings, messages: Iterable[Sequence[Content]], held: Sequence[str]) -> list[Verdict]:
    reader = reader_of(settings)
    try:
        async with Workers(settings.workers, app.load_keys(settings).mark_key, reader.live_seeds) as workers:
            for learnt in reader.learned_octets(_LEARNT):
                workers.learn(Learned(*learnt))
            return [await workers.judge(message, held) for message in messages]
    finally:
        reader.close_readers()


def _words(verdict: Verdict) -> str:
    said = [
        f"{found.seed} of {found.campaign}, {found.method}" + ("" if found.method == EXACT else f" {found.score:.1f}")
        for found in verdict.sightings
    ]
    said += [f"perhaps {one.seed} of {one.campaign} ({', '.join(one.signs)}; not counted)" for one in verdict.probable]
    said += [f"not looked at: {fault}" for fault in verdict.faults]
    return "; ".join(said) or f"no seed (highest score {verdict.highest:.1f})"
