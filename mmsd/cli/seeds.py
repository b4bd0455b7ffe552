"""`mmsd seed`: pictures marked and tried, a message composed of them, and whether a message holds a seed."""

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
from mmsd.codec import mms
from mmsd.codec.tables import charsets
from mmsd.errors import ConfigError, DecodeError, EncodeError
from mmsd.link.workers import Settings, WorkerFailed, Workers
from mmsd.seeds import compose, texts
from mmsd.seeds.contents import Content, contents
from mmsd.seeds.seed import PAYLOAD_OCTETS, RegisteredPicture, RegisteredSeed, Trial, key_name
from mmsd.seeds.verdict import EXACT, Verdict

EXIT_WEAK = 1
EXIT_REFUSED = 2
FOLDER: Final = "seeds"
"""In the state directory: a folder a seed."""
SEED: Final = "registered.seed"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_MEDIA: Final = {".amr": "audio/amr", ".mid": "audio/midi", ".midi": "audio/midi", ".txt": "text/plain"}


@click.group()
def seed() -> None:
    """Messages made trackable: mark their pictures, look for them in what was sent.

    The mark hangs on the key file of the state directory: pictures marked under another key are never recognised.
    """


def _named(_: click.Context, parameter: click.Parameter, value: str) -> str:
    if value and not _NAME.fullmatch(value):
        raise click.BadParameter("small letters, digits and hyphens, at most 63", param=parameter)
    return value


@seed.command()
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--campaign", required=True, callback=_named, help="Whose seed it is.")
@click.option("--name", required=True, callback=_named, help="What the seed is called, in the campaign's counts too.")
@click.option("--family", default="", callback=_named, help="Seeds with the same one are siblings: one card, other numbers. [its name]")
@click.option("--text", "said", multiple=True, help="Shown with a picture: the first with the first, and so on.")
@click.option("--subject", default="", help="Of message.mms.")
@click.option("--to", "receivers", multiple=True, metavar="NUMBER", help="Write message.mms to this receiver, E.164 digits.")
@click.option("--out", type=click.Path(path_type=Path), help="Another folder than the state directory's.")
@click.option("--anyway", is_flag=True, help="Keep a weak seed, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def make(
    config_file: Path, files: tuple[Path, ...], campaign: str, name: str, family: str, said: tuple[str, ...], subject: str,
    receivers: tuple[str, ...], out: Path | None, anyway: bool, as_json: bool,
) -> None:  # fmt: skip
    """Make a seed of FILES (JPEG, PNG, GIF; .txt, .amr, .mid) in the order they are to be shown.

    \b
    mmsd seed make /etc/mmsd/mmsd.toml --campaign relay --name leg-0001 --family leg card.jpg --text '第 1 棒'

    Every picture is marked, every frame of an animation, as faintly as a battery of alterations allows. A picture that fails it even at
    the coarsest grade makes a *weak seed*: nothing is kept unless --anyway. Ends with 1 when it is weak, with 2 when nothing was made.

    \b
    Leaves in seeds/CAMPAIGN/NAME of the state directory, or in --out:
      registered.seed   all that recognising it takes
      1.jpg, 2.gif …    the marked pictures: send these, not your own
      message.mms       with --to: the message as an M-Send.req
      content.mime      the message as the content of an MM7 SubmitReq
    """
    settings = config.load(config_file)
    folder = out or settings.state.directory / FOLDER / campaign / name
    if (folder / SEED).exists():
        raise ConfigError(f"{folder / SEED} exists: a seed that was sent cannot be made again; take another name")
    key = app.load_keys(settings).mark_key
    told = [_content(path) for path in files]
    if not any(content.is_picture for content in told):
        raise click.UsageError("a seed needs a picture: text and sound alone are never counted")
    try:
        shown, pictures = asyncio.run(_marked(key, told, [path.name for path in files]))
        message = compose.composed(_with_texts(shown, said))
        request = b""
        if receivers:
            request = compose.send_request(message, transaction=secrets.token_hex(8), receivers=receivers, subject=subject)
    except (WorkerFailed, EncodeError) as error:
        click.echo(f"mmsd: {error}", err=True)
        sys.exit(EXIT_REFUSED)
    spoken = [content.body.decode("utf-8", "replace") for content in told if content.is_text]
    value = RegisteredSeed(
        name, campaign, family or name, key_name(key), pictures,
        tuple(filter(None, (texts.reduced(text) for text in (*said, *spoken)))),
        tuple(texts.sound(content.body) for content in told if content.is_sound),
    )  # fmt: skip
    kept = anyway or not value.weak
    if kept:
        _write(folder, value, shown, message, request)
    if as_json:
        rows = [{"name": picture.name, "weak": picture.weak, **msgspec.to_builtins(picture.trial)} for picture in pictures]
        whole = {"seed": name, "weak": value.weak, "folder": str(folder) if kept else None, "octets": message.octets, "pictures": rows}
        click.echo(msgspec.json.format(msgspec.json.encode(whole), indent=1))
    else:
        _show(Console(soft_wrap=True), value, message, folder if kept else None)
    sys.exit(EXIT_WEAK if value.weak else 0)


def _content(path: Path) -> Content:
    """A file as a part: what it is by its ending, a picture by its octets."""
    octets = path.read_bytes()
    media = _MEDIA.get(path.suffix.lower(), "")
    if media == "text/plain":
        return Content(media, octets, charsets.UTF_8)
    return Content(media or "image/unknown", octets)


async def _marked(key: bytes, told: Sequence[Content], names: Sequence[str]) -> tuple[list[Content], tuple[RegisteredPicture, ...]]:
    """The contents with their pictures marked, in a worker process."""
    shown, pictures = [], []
    async with Workers(Settings(), key, list) as workers:
        for content, name in zip(told, names, strict=True):
            if not content.is_picture:
                shown.append(content)
                continue
            octets, picture = await workers.make(name, content.body, secrets.token_bytes(PAYLOAD_OCTETS))
            shown.append(Content(picture.media, octets))
            pictures.append(picture)
    return shown, tuple(pictures)


def _with_texts(shown: Iterable[Content], said: Sequence[str]) -> list[Content]:
    """Each text behind its picture; those that are left over, at the end."""
    left = list(said)
    whole: list[Content] = []
    for content in shown:
        whole.append(content)
        if content.is_picture and left:
            whole.append(Content("text/plain", left.pop(0).encode(), charsets.UTF_8))
    return [*whole, *(Content("text/plain", text.encode(), charsets.UTF_8) for text in left)]


def _write(folder: Path, value: RegisteredSeed, shown: Iterable[Content], message: compose.Message, request: bytes) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        marked = [content for content in shown if content.is_picture]
        for number, content in enumerate(marked, 1):
            ending = {"image/jpeg": "jpg"}.get(content.media, content.media.removeprefix("image/"))
            (folder / f"{number}.{ending}").write_bytes(content.body)
        if request:
            (folder / "message.mms").write_bytes(request)
        attached = compose.mm7_content(message)
        head = "".join(f"{name}: {said}\r\n" for name, said in attached.headers)
        (folder / "content.mime").write_bytes(head.encode() + b"\r\n" + bytes(attached.raw))
        half = folder / f"{SEED}.new"  # the seed last and at once: a folder without it is none
        half.write_bytes(value.to_bytes())
        half.rename(folder / SEED)
    except OSError as error:
        raise ConfigError(f"{folder}: {error.strerror}") from error


def _show(console: Console, value: RegisteredSeed, message: compose.Message, folder: Path | None) -> None:
    table = Table(box=None)
    for heading in ("picture", "PSNR", "SSIM", "battery", "least score", "raised", ""):
        table.add_column(heading, justify="left" if heading in {"picture", ""} else "right")
    for picture in value.pictures:
        trial = picture.trial or Trial(0.0, 0.0, 0, 0, 0.0, 0)
        verdict = f"[red]weak[/red]: {', '.join(trial.failed)}" if picture.weak else "good"
        table.add_row(
            picture.name, f"{trial.psnr:.1f} dB", f"{trial.ssim:.3f}", f"{trial.passed} of {trial.tried}", f"{trial.lowest:.1f}",
            f"{trial.grade}x" if trial.grade else "no", verdict,
        )  # fmt: skip
    console.print(table)
    size = message.content_class
    console.print(f"{message.octets:,} octets: {f'content class {size}' if size else 'more than any content class takes'}")
    if value.weak:
        console.print(
            "weak seed: handsets will alter it past recognition. Take a picture with more in it than thin lines, black and white."
        )
    console.print(f"kept in {folder}" if folder else "nothing was kept; --anyway keeps it")


def registered(directory: Path) -> list[RegisteredSeed]:
    """Every seed below a folder. ConfigError for one that cannot be read."""
    found = []
    for path in sorted(directory.glob(f"*/*/{SEED}")):
        try:
            found.append(RegisteredSeed.from_bytes(path.read_bytes()))
        except (DecodeError, OSError) as error:
            raise ConfigError(f"{path}: {error}") from error
    return found


@seed.command(name="list")
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
def list_(config_file: Path) -> None:
    """List the seeds of the state directory."""
    settings = config.load(config_file)
    for value in registered(settings.state.directory / FOLDER):
        weak = "  weak" if value.weak else ""
        click.echo(f"{value.campaign}  {value.name}  family {value.family}, {len(value.pictures)} pictures{weak}")


@seed.command()
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--held", multiple=True, help="A seed that the sender is known to hold.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a file.")
def look(config_file: Path, files: tuple[Path, ...], held: tuple[str, ...], as_json: bool) -> None:
    """Which seed each of FILES holds, if any: a picture, or an MMS PDU with all its parts. Nothing is counted.

    Ends with 1 when no file holds one.
    """
    settings = config.load(config_file)
    key = app.load_keys(settings).mark_key
    live = registered(settings.state.directory / FOLDER)
    verdicts = asyncio.run(_judged(key, live, [_message(path.read_bytes()) for path in files], held))
    for path, verdict in zip(files, verdicts, strict=True):
        click.echo(msgspec.json.encode({"file": str(path), **verdict._asdict()}) if as_json else f"{path}: {_words(verdict)}")
    sys.exit(0 if any(verdict.sightings for verdict in verdicts) else 1)


def _message(octets: bytes) -> list[Content]:
    """The contents of an MMS PDU; of other octets themselves."""
    try:
        return contents(mms.parts(octets, mms.decode(octets)).parts)
    except DecodeError:
        return [Content("image/unknown", octets)]


async def _judged(key: bytes, live: Sequence[RegisteredSeed], messages: Iterable[Sequence[Content]], held: Sequence[str]) -> list[Verdict]:
    async with Workers(Settings(), key, lambda: (value.to_bytes() for value in live)) as workers:
        return [await workers.judge(message, held) for message in messages]


def _words(verdict: Verdict) -> str:
    said = [
        f"{found.seed} of {found.campaign}, {found.method}" + ("" if found.method == EXACT else f" {found.score:.1f}")
        for found in verdict.sightings
    ]
    said += [f"perhaps {one.seed} of {one.campaign} ({', '.join(one.signs)}; not counted)" for one in verdict.probable]
    said += [f"not looked at: {fault}" for fault in verdict.faults]
    return "; ".join(said) or f"no seed (highest score {verdict.highest:.1f})"
