"""`mmsd why`: one number's week, newest first, and one message's way through the nodes, in the order of time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import time_ns
from typing import Any, Final

import click
import msgspec
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.markup import escape

from mmsd import app, config
from mmsd.cli import replay as replaying
from mmsd.cli.expected import known_of
from mmsd.cli.kpi import reader_of
from mmsd.cli.lines import PDUS, details, octets_shown
from mmsd.errors import ConfigError
from mmsd.link.again import Feed, Line, Missing, Shelf, row_of, shelf_of
from mmsd.link.files import OsFiles
from mmsd.model import DAY, MINUTE, NOT_A_NUMBER, SECOND, Attempt, Audit, Finding, Kind, Records, masked
from mmsd.rules.codes import CodeBook
from mmsd.store.read import Reader
from mmsd.web.answers import Problem, veiled_in
from mmsd.web.api import address
from mmsd.web.pages import LANGUAGES, texts
from mmsd.web.story import Told, of_message, tell, week_before, words

EXIT_UNKNOWN: Final = 1
"""Nothing is kept of this number or message."""

AROUND: Final = 10 * MINUTE
"""Lines are looked for so long before and after what the store knows of a delivery."""

ROLES: Final = {"mmsc": "MMSC", "sms": "SMS gateway", "gateway": "gateway or proxy", "sessions": "packet sessions"}
AUDITS: Final = 5
EXPIRED_BY: Final = {
    "final": "the MMSC's final word", "notification": "its notification", "record": "a charging record", "window": "the default window",
}  # fmt: skip


class Step(msgspec.Struct, frozen=True):
    """One line of a message's way. `after`: µs since the step before; `found`: where its line stands now, "" = it does not."""

    at: int
    after: int
    node: str
    feed: str
    kind: str
    says: str
    detail: str
    file: str
    offset: int
    found: str
    missing: str = ""  # why the line could not be read
    line: str = ""  # only with --lines


@dataclass(slots=True)
class House:
    """What there is to ask: a store, its feeds' files, and how to speak."""

    settings: config.Settings
    reader: Reader
    feeds: list[Feed]
    words: Mapping[str, str]
    book: CodeBook
    notes: list[str]
    live: bool  # a daemon's store: it has marks, and reference data beside it
    reveal: bool
    lines: bool

    def shown(self, number: str) -> str:
        return number if self.reveal else masked(number)

    def word(self, key: str) -> str:
        return self.words.get(key, key.partition(".")[2])

    def code_of(self, number: str) -> int:
        """A number as the columns have it."""
        return int(number) if number.isdecimal() else self.reader.hash_of(number) | NOT_A_NUMBER

    def time(self, at: int, *, fine: bool = False) -> str:
        """Local, "never" for 0."""
        if not at:
            return "never"
        moment = datetime.fromtimestamp(at / SECOND, self.settings.zone.name)
        return moment.strftime("%Y-%m-%d %H:%M:%S") + (f".{at % SECOND // 1000:03}" if fine else "")


@click.command()
@click.argument("words_", metavar="[CONFIG] NUMBER|MESSAGE [MESSAGE]", nargs=-1, required=True)
@click.option("--feed", "feeds", multiple=True, metavar="NAME=DIALECT:GLOB", help="Logs in hand instead of a store; once for each.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="With --feed: coverage, formats, windows.")
@click.option("--until", default="end", show_default=True, metavar="TIME|end", help="With --feed: judge as if all was read up to here.")
@click.option("--days", type=click.IntRange(1, 366), default=7, show_default=True, help="How far back, in event time.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many deliveries at most, the newest.")
@click.option("--lines", is_flag=True, help="Print the log lines, and look in the logs for those that the store does not name.")
@click.option("--language", type=click.Choice(sorted(LANGUAGES)), default="en", show_default=True, help="Of causes, rows and remedies.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--reveal", is_flag=True, help="Full numbers.")
def why(
    words_: tuple[str, ...], feeds: tuple[str, ...], config_file: Path | None, until: str, days: int, limit: int, language: str,
    *, lines: bool, as_json: bool, reveal: bool,
) -> None:  # fmt: skip
    """Why was it not delivered: a NUMBER's last days, and the story of one MESSAGE across the nodes.

    \b
    mmsd why /etc/mmsd/mmsd.toml 13812341234             his deliveries, findings, requests, handset
    mmsd why /etc/mmsd/mmsd.toml 13812341234 3f09a1c2    one of them, by the name that the list gives it
    mmsd why /etc/mmsd/mmsd.toml MESSAGE-ID --lines      every receiver's, with the lines as they stand
    mmsd why --feed mmsc1=mbuni:'mmsc.log*' 13812341234  over logs in hand, without a store

    `-` asks for the number. Reads the store and the logs beside a running daemon, and changes nothing. Numbers are masked unless --reveal.
    """
    console = Console(soft_wrap=True, highlight=False, emoji=False)
    with ExitStack() as stack:
        house, asked = _house(words_, feeds, config_file, until, language, stack, lines=lines, reveal=reveal, quiet=as_json)
        number, message = _asked(asked, house)
        since = week_before(house.reader.horizon() or time_ns() // 1000, days) if house.live else 0
        shelf = stack.enter_context(shelf_of(OsFiles(), house.feeds, house.reader.marks() if house.live else {}))
        answer, told = _answer(house, shelf, number, message, since, limit)
        if as_json:
            click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=1))
        else:
            _show(console, house, answer)
        sys.exit(0 if told else EXIT_UNKNOWN)


# --------------------------------------------------------------------------------------------------------------- what is asked


def _house(
    asked: tuple[str, ...], feeds: tuple[str, ...], config_file: Path | None, until: str, language: str, stack: ExitStack,
    *, lines: bool, reveal: bool, quiet: bool,
) -> tuple[House, tuple[str, ...]]:  # fmt: skip
    """The store of a configuration, or one made of logs in hand; and the words that are left."""
    said = texts(language)
    if feeds:
        base = config.load(config_file) if config_file else None
        notes: list[str] = []
        settings = replaying.settings_for([replaying.FeedArgument.parse(text) for text in feeds], base, notes)
        done = replaying.replay(settings, until=until, keep_all=True, console=Console(stderr=True), quiet=quiet, notes=notes)
        stack.callback(done.store.close)
        of_replay = [_feed(settings, feed.name, feed.dialect) for feed in done.sequencer.feeds]
        book = config.load_codes(settings.codes)
        return House(settings, done.store, of_replay, said, book, notes, live=False, reveal=reveal, lines=lines), asked
    if config_file is not None:
        raise click.UsageError("--config goes with --feed; without it CONFIG is the first argument")
    if len(asked) < 2:
        raise click.UsageError("give CONFIG and NUMBER, or logs with --feed")
    settings = app.with_journal(config.load(Path(asked[0])))
    reader = reader_of(settings)
    stack.callback(reader.close_readers)
    keys = app.load_keys(settings)
    of_store = [_feed(settings, name, app.dialect_of(settings, name, keys)) for name in settings.feeds]
    book = config.load_codes(settings.codes)
    return House(settings, reader, of_store, said, book, [], live=True, reveal=reveal, lines=lines), asked[1:]


def _feed(settings: config.Settings, name: str, dialect: Any) -> Feed:
    feed = settings.feeds[name]
    return Feed(name, feed.node or name, tuple(map(str, feed.paths)), dialect)


def _asked(asked: tuple[str, ...], house: House) -> tuple[str, str]:
    """Number, or "", and message, or "". One word that may be either is what the store knows."""
    if len(asked) > 2:
        raise click.UsageError("give a number, a message, or a number and a message")
    first = click.prompt("Number", hide_input=True, err=True) if asked[0] == "-" else asked[0]
    number = ""
    if "@" in first or not set(first) - set("+0123456789 ()-./"):
        try:
            number = address(first, house.settings.web.region)
        except Problem as problem:
            if len(asked) == 2 or not of_message(house.reader, first, 1):
                raise ConfigError(
                    "this is no phone number; write it with + and the country code, or as it is dialled in this country"
                ) from problem
    if len(asked) == 2:
        if not number:
            raise click.UsageError("with two words the first is a number and the second a message")
        return number, asked[1]
    known = bool(number) and (house.reader.knows(number) or len(house.reader.story(number)) > 0)
    return (number, "") if known or (number and not of_message(house.reader, first, 1)) else ("", first)


# -------------------------------------------------------------------------------------------------------------------- answering


def _answer(house: House, shelf: Shelf, number: str, message: str, since: int, limit: int) -> tuple[dict[str, Any], bool]:
    """The answer as values, and whether anything is known."""
    if not number:
        found: Sequence[Told] = of_message(house.reader, message, limit)
        return {"message": message, "stories": [_story(house, shelf, each) for each in found], **_around(house)}, bool(found)
    rows = config.load_causes(house.settings.causes).rows
    if message:
        story = tell(house.reader, rows, number, since, limit=1_000_000)
        chosen = [each for each in story.deliveries if message in (each.name, each.delivery.message) or _same(house, each, message)]
        stories = [_story(house, shelf, each) for each in chosen]
        return {"number": house.shown(number), "message": message, "stories": stories, **_around(house)}, bool(chosen)
    story = tell(house.reader, rows, number, since, limit)
    answer = {
        "number": house.shown(number),
        "since": since,
        "known": story.known,
        "handset": known_of(house.settings, number, time_ns() // 1000) if house.live else {},
        "deliveries": [_row(house, each) for each in story.deliveries],
        "more": story.after is not None or story.cut,
        "findings": [_finding(house, each) for each in story.findings],
        "attempts": [_attempt(house, each) for each in story.attempts],
        **_around(house),
    }
    if house.lines:
        until = house.reader.horizon() or max((each.delivery.closed or each.at for each in story.deliveries), default=0)
        answer["lines"] = _of_number(house, shelf, number, until - DAY if until else 0, until or 1 << 62)
    return answer, story.known or bool(answer.get("lines"))


def _same(house: House, told: Told, message: str) -> bool:
    """Whether a packed row is of this message id."""
    return told.packed and told.message == house.reader.hash_of(message)


def _around(house: House) -> dict[str, Any]:
    """What the store can know at all: without it nobody can tell "none" from "not looked"."""
    story_of = house.reader
    roles = {config.role(feed) for feed in house.settings.feeds.values()}
    hour = story_of.first_hour()
    return {
        "counted_from": hour * 3600 * SECOND,
        "read_to": story_of.horizon(),
        "not_covered": [text for role, text in ROLES.items() if role not in roles],
        "erased": story_of.any_erased(),
        "files": [_audit(audit) for audit in story_of.audits(AUDITS)],
        "notes": house.notes,
    }


def _audit(audit: Audit) -> str:
    return f"{audit.feed}: {audit.what} {audit.path} {audit.detail}".strip()


def _row(house: House, told: Told) -> dict[str, Any]:
    """One delivery, without its lines."""
    delivery = told.delivery
    cause, row, advice = (house.word(key) if key else "" for key in words(told))
    return {
        "name": told.name if house.live else "",  # of logs in hand the keys differ from run to run: there the message's id names it
        "role": told.role,
        "packed": told.packed,
        "message": delivery.message,
        "node": delivery.node,
        "sender": house.shown(delivery.sender) if delivery.sender else "",
        "receiver": house.shown(delivery.receiver) if delivery.receiver else "",
        "at": told.at,
        "submitted": delivery.submitted,
        "pushed": delivery.pushed,
        "retrieved": delivery.retrieved,
        "closed": delivery.closed,
        "expires": delivery.expires,
        "expires_by": delivery.expires_by,
        "outcome": delivery.outcome,
        "lapsed": delivery.lapsed,
        "cause": delivery.cause,
        "cause_says": cause,
        "rule": delivery.rule,
        "rule_says": row,
        "detail": delivery.detail,
        "confidence": delivery.confidence,
        "suspects": delivery.suspects,
        "not_covered": delivery.not_covered,
        "to_do": advice,
        "size": delivery.size,
        "orphan": delivery.orphan,
        "own": delivery.own,
    }


def _finding(house: House, finding: Finding) -> dict[str, Any]:
    return {
        "cause": finding.cause,
        "says": house.word(f"cause.{finding.cause}"),
        "to_do": house.word(f"advice.{finding.cause}"),
        "confidence": finding.confidence,
        "at": finding.at,
        "cleared": finding.cleared,
        "urgency": finding.urgency,
        "model": finding.model,
        "evidence": [msgspec.to_builtins(line) for line in finding.evidence],
    }


def _attempt(house: House, attempt: Attempt) -> dict[str, Any]:
    return {
        "at": attempt.at,
        "node": attempt.node,
        "method": attempt.method,
        "host": attempt.host,
        "port": attempt.port,
        "path": attempt.path if house.reveal else veiled_in(attempt.path),
        "status": attempt.status,
        "type": attempt.type,
        "strength": attempt.strength,
        "verdict": attempt.verdict,
        "says": house.word(f"verdict.{attempt.verdict}") if attempt.verdict else "",
    }


# ------------------------------------------------------------------------------------------------------------------- one story


def _story(house: House, shelf: Shelf, told: Told) -> dict[str, Any]:
    """A delivery with its steps, in the order of time."""
    delivery = told.delivery
    values = _row(house, told)
    number = house.code_of(delivery.receiver)
    if not told.packed:
        placed = sorted(delivery.evidence, key=lambda line: (line.feed, line.file, line.offset))  # a compressed file is inflated once
        found = {line: shelf.find(line.feed, line.file, line.offset, line.kind, line.at) for line in placed}
        steps = [
            _step(house, got, line.feed, line.file, line.offset, line.kind, line.at, number, line.note)
            for line, got in sorted(found.items(), key=lambda pair: (pair[0].at, pair[0].feed, pair[0].offset))
        ]
        unread: list[str] = []
    elif house.lines:
        lines, unread = _search(house, shelf, told, number)
        steps = [_step_of(house, line, number) for line in lines]
    else:
        steps, unread = [], []
    return {**values, "steps": msgspec.to_builtins(_delayed(steps)), "unread": unread, "kept_only": told.packed}


def _delayed(steps: Iterable[Step]) -> list[Step]:
    told: list[Step] = []
    for step in sorted(steps, key=lambda step: step.at):
        told.append(msgspec.structs.replace(step, after=step.at - told[-1].at if told else 0))
    return told


def _step(
    house: House, got: Line | Missing, feed: str, file: str, offset: int, kind: str, at: int, number: int, note: str
) -> Step:  # fmt: skip
    """A step that a verdict names, with what its line says if that can still be read."""
    node = next((one.node for one in house.feeds if one.name == feed), feed)
    says = house.word(f"line.{kind}")
    if isinstance(got, Missing):
        return Step(at, 0, node, feed, kind, says, note, file, offset, "", missing=got.why)
    detail = details(got, row_of(got, number), house.book, reveal=house.reveal)
    line = octets_shown(got, reveal=house.reveal) if house.lines else ""
    return Step(at, 0, node, feed, kind, says, ", ".join(filter(None, (note, detail))), file, offset, got.path, line=line)


def _step_of(house: House, line: Line, number: int) -> Step:
    """A step found by looking for it."""
    row = row_of(line, number)
    kind = Kind(int(line.records["kind"][row])).name
    at = int(line.records["at"][row])
    return _step(house, line, line.feed.name, line.path, line.offset, kind, at, number, "")


def _search(house: House, shelf: Shelf, told: Told, number: int) -> tuple[list[Line], list[str]]:
    """The lines of a delivery of which only the packed row is kept: by number and time, less what names another message."""
    delivery = told.delivery
    last = max(delivery.retrieved, delivery.pushed, told.at)
    if not delivery.retrieved:
        last = min(max(delivery.closed, last), told.at + DAY)
    lines, unread = _lines_of(house, shelf, number, told.at - AROUND, last + AROUND)
    return [line for line in lines if _tied(line, told, _links(lines, told))], unread


def _lines_of(house: House, shelf: Shelf, number: int, since: int, until: int) -> tuple[list[Line], list[str]]:
    """Every line of a number in the logs. Requests that name only an address are his while he had that address in a session."""
    addresses: list[int] = []
    lines: list[Line] = []
    unread: list[str] = []

    def wanted(records: Records) -> npt.NDArray[np.bool_]:
        mine: npt.NDArray[np.bool_] = records["receiver"] == number
        if addresses:
            mine = mine | ((records["receiver"] == 0) & np.isin(records["address"], addresses) & (records["kind"] == Kind.ATTEMPT))
        return mine

    roles = {name: config.role(feed) for name, feed in house.settings.feeds.items()}
    for feed in sorted(shelf.feeds(), key=lambda feed: roles[feed.name] != "sessions"):
        found = shelf.between(feed.name, since, until, wanted)
        unread += [f"{path}: {reason}" for path, reason in found.unread]
        lines += found.lines
        if roles[feed.name] == "sessions":
            addresses += [int(line.records["address"][row_of(line, number)]) for line in found.lines]
    return sorted(lines, key=lambda line: (int(line.records["at"][row_of(line, number)]), line.feed.name, line.offset)), unread


def _links(lines: Sequence[Line], told: Told) -> set[int]:
    """What the SMSC called the pushes of a delivery."""
    pushes = (line.records for line in lines if line.records["kind"][0] == Kind.PUSH)
    return {int(push["link"][0]) for push in pushes if not told.leg or int(push["transaction"][0]) == told.leg}


def _tied(line: Line, told: Told, links: set[int]) -> bool:
    """Whether a line of his may be about this delivery: it names it, or names none."""
    records = line.records
    if int(records["kind"][0]) == Kind.PUSH and PDUS.get(int(records["pdu"][0]), "notification") != "notification":
        return False  # a report to him as the sender
    message, transaction = set(records["message"].tolist()) - {0}, set(records["transaction"].tolist()) - {0}
    if int(records["kind"][0]) == Kind.PUSH_REPORT:
        return int(records["link"][0]) in links
    if told.message in message or (told.leg and told.leg in transaction):
        return True
    return not message and not (transaction and told.leg)


def _of_number(house: House, shelf: Shelf, number: str, since: int, until: int) -> list[dict[str, Any]]:
    """All his lines of a time, whatever they are about: also of what is not judged yet."""
    code = house.code_of(number)
    lines, unread = _lines_of(house, shelf, code, since, until)
    house.notes.extend(unread)
    steps: list[dict[str, Any]] = msgspec.to_builtins(_delayed(_step_of(house, line, code) for line in lines))
    return steps


# ------------------------------------------------------------------------------------------------------------------- for people


def _show(console: Console, house: House, answer: Mapping[str, Any]) -> None:
    def say(text: str = "", style: str = "") -> None:
        console.print(escape(text), style=style)

    if "stories" in answer:
        for story in answer["stories"]:
            _show_story(say, house, story)
        if not answer["stories"]:
            _show_nothing(say, house, answer)
    else:
        _show_number(say, house, answer)
    _show_around(say, house, answer)


Say = Callable[..., None]


def _show_number(say: Say, house: House, answer: Mapping[str, Any]) -> None:
    span = f", {house.time(answer['since'])} on" if answer["since"] else ""
    say(f"{answer['number']}{span} (times in {house.settings.zone.name.key})", "bold")
    told = {name: value for name, value in answer["handset"].items() if value.partition(":")[0] not in ("unknown", "never", "nothing")}
    for name, value in told.items():
        say(f"  {name + ':':<14}{value}")
    if house.live and not told:
        say("  Nothing is known of his handset, SIM card or city.")
    if not answer["known"]:
        _show_nothing(say, house, answer)
    elif not answer["deliveries"]:
        say("\nNo delivery to or from him was judged in this time.")
    for finding in answer["findings"]:
        state = f"cleared {house.time(finding['cleared'])}" if finding["cleared"] else finding["to_do"]
        say(f"\nFinding: {finding['cause']}, {finding['says']}, {finding['confidence']:.2f} sure, {house.time(finding['at'])}: {state}")
    for row in answer["deliveries"]:
        say()
        _show_row(say, house, row)
    if answer["more"]:
        say("\nThere are more; --limit and --days reach further.")
    if answer["attempts"]:
        say("\nHis own requests that may be MMS", "bold")
    for attempt in answer["attempts"]:
        place = f"{attempt['method']} {attempt['host']}:{attempt['port']} {attempt['status']}"
        say(f"  {house.time(attempt['at'])}  {attempt['node']}  {place}  {attempt['verdict']} {attempt['says']} ({attempt['strength']})")
    if "lines" in answer:
        say(f"\nHis lines in the logs of the last day: {len(answer['lines']) or 'none'}", "bold")
        _show_steps(say, house, answer["lines"])


def _show_row(say: Say, house: House, row: Mapping[str, Any]) -> None:
    other = f"from {row['sender'] or 'a sender that is kept as a hash only'}" if row["role"] == "receiver" else f"to {row['receiver'] or 'a receiver who was erased'}"  # noqa: E501 # fmt: skip
    named = row["message"] or "(its id is kept as a hash)"
    say("  ".join(filter(None, (house.time(row["at"]), row["name"], outcome_of(row)))), "bold")
    say(f"  message {named} on {row['node'] or 'a node without name'}, {other}{size_of(row)}")
    if row["rule_says"]:
        say(f"  {row['rule_says']} (row {row['rule']}{', ' + row['detail'] if row['detail'] else ''}, {row['confidence']:.2f} sure)")
    if row["suspects"]:
        say(f"  may also be: {', '.join(row['suspects'])}")
    if row["not_covered"]:
        say(f"  not covered: {', '.join(row['not_covered'])}")
    if row["to_do"] and row["cause"] != "OK":
        say(f"  to do: {row['to_do']}")


def outcome_of(row: Mapping[str, Any]) -> str:
    """
    >>> outcome_of({"outcome": "failed", "lapsed": False, "orphan": False, "own": False, "cause": "NO_PUSH", "cause_says": "no push"})
    'failed: NO_PUSH, no push'
    """
    outcome = "lapsed" if row["lapsed"] else row["outcome"]
    marks = "".join(text for text, on in ((", its submit was never seen", row["orphan"]), (", our own", row["own"])) if on)
    return f"{outcome}: {row['cause']}, {row['cause_says']}{marks}" if row["cause"] else f"{outcome}{marks}"


def size_of(row: Mapping[str, Any]) -> str:
    return f", {row['size']:,} octets" if row["size"] >= 0 else ""


def _show_story(say: Say, house: House, story: Mapping[str, Any]) -> None:
    _show_row(say, house, story)
    if story["role"] == "receiver":
        say(f"  to {story['receiver'] or 'a receiver who was erased'}")
    times = ", ".join(f"{name} {house.time(story[name])}" for name in ("submitted", "pushed", "retrieved", "closed") if story[name])
    say(f"  {times} (times in {house.settings.zone.name.key})")
    if story["expires"]:
        say(f"  its window ends {house.time(story['expires'])}, by {EXPIRED_BY[story['expires_by']]}")
    if story["kept_only"] and not story["steps"]:
        looked = "none of its lines is in the logs any more" if house.lines else "--lines looks for its lines in the logs"
        say(f"  of deliveries that went well the store keeps no more than this; {looked}")
    _show_steps(say, house, story["steps"])
    for text in story["unread"]:
        say(f"  not looked through: {text}")
    say()


def _show_steps(say: Say, house: House, steps: Sequence[Mapping[str, Any]]) -> None:
    for place, step in enumerate(steps):
        delay = f"+{step['after'] / SECOND:,.1f} s" if place else ""
        detail = f": {step['detail']}" if step["detail"] else ""
        say(f"  {house.time(step['at'], fine=True)}  {delay:>10}  {step['node']:<8}  {step['says']}{detail}")
        if step["missing"]:
            say(f"{'':39}{step['feed']}, {step['file']} byte {step['offset']}: {step['missing']}", "dim")
        elif step["file"]:
            moved = f", now {step['found']}" if step["found"] != step["file"] else ""
            say(f"{'':39}{step['feed']}, {step['file']} byte {step['offset']}{moved}", "dim")
        for line in step["line"].splitlines():
            say(f"{'':39}{line}", "dim")


def _show_nothing(say: Say, house: House, answer: Mapping[str, Any]) -> None:
    if answer.get("message"):
        say("Nothing is kept of this message.")
        say("  Of messages that were delivered only their receivers know: give the receiver's number before the message.")
    else:
        say("Nothing is kept of this number: nothing sent to him was judged, and nothing was found of him.")
    if answer["erased"]:
        say("  Subscribers were erased from this store; whether he is one of them nobody can tell.")
    if house.live:
        say("  What is not judged yet is in the daemon's memory; with a number, --lines looks for it in the logs.")


def _show_around(say: Say, house: House, answer: Mapping[str, Any]) -> None:
    if house.live:
        if answer["counted_from"]:
            say(f"\nThe store has submissions from {house.time(answer['counted_from'])} on; before that nothing is covered.", "dim")
        else:
            say("\nThe store has no submission yet.", "dim")
        if answer["read_to"]:
            say(f"Every feed was read up to {house.time(answer['read_to'])}; after that nothing is covered.", "dim")
    if answer["not_covered"]:
        say(f"No feed covers: {', '.join(answer['not_covered'])}. What they would show is not known.", "dim")
    for text in answer["files"]:
        say(f"Files: {text}", "dim")
    for note in answer["notes"]:
        say(note, "dim")
