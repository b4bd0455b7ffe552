"""What types cannot say: dialects that exist and their options, sample lines, codes, dates, templates. Each check reports and goes on."""

from __future__ import annotations

import re
import stat
import string
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Final, NamedTuple, get_args
from zoneinfo import ZoneInfo

from mmsd.config.faults import Report, closest, meant
from mmsd.config.locate import KeyPath
from mmsd.config.reader import zone_named
from mmsd.config.settings import COVERS, ROLES, Covers, Feed, Role, Sample, Settings, role
from mmsd.errors import ConfigError
from mmsd.link import cmpp, endpoint, kannel, mm7, renotify, smpp, webhook
from mmsd.logs import DIALECTS, Dialect
from mmsd.model import COLUMNS, NOT_A_NUMBER, SECOND, TEXTS, Kind, Records
from mmsd.rules.answers import Words, plain
from mmsd.rules.audience import MOST_CONTROL, MOST_RATE, WEEK
from mmsd.rules.campaign import MOST_LIVE, dates
from mmsd.rules.cases import Kind as CaseKind
from mmsd.rules.causes import CAUSES
from mmsd.rules.codes import CodeBook
from mmsd.rules.draw import MOST_DRAWN
from mmsd.rules.governor import ALL, CLASSES
from mmsd.rules.limits import cap
from mmsd.rules.local_time import hours, leave_some
from mmsd.rules.settings import (
    CampaignSettings,
    CareSettings,
    ClassSettings,
    Codes,
    DrawSettings,
    GovernorSettings,
    Operator,
    RequestSettings,
    SeedSettings,
    SendingSettings,
)
from mmsd.rules.table import Causes, Table
from mmsd.rules.wording import LANGUAGES, NO_SUCH_TEXT, TEMPLATES, fault_of
from mmsd.web import site

_YEARS: Final = range(2000, 2101)
"""Of a campaign: MMS is no older, and seconds since 1970 fit where they are stored."""

_HASH_KEY: Final = (0, 0)
"""Ids in samples are compared by their text, so any key will do."""


def check_feed(zone: ZoneInfo, feed: Feed, key: KeyPath, report: Report) -> None:
    name = str(key[-1])
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", name) is None:
        report.add(key, f"{name!r} cannot name a feed", "take up to 32 of a-z, 0-9, - and _")
    if not feed.paths:
        report.add((*key, "paths"), "is empty", 'name the files: paths = ["/var/log/…"]')
    if feed.dialect not in DIALECTS:
        report.add((*key, "dialect"), f"no dialect is called {feed.dialect!r}", meant(feed.dialect, list(DIALECTS)))
        return
    if feed.role is None and feed.dialect not in ROLES:
        report.add((*key, "role"), "is missing", f"say which kind of node wrote this: {', '.join(get_args(Role))}")
    else:
        _check_covers(feed, (*key, "covers"), report)
    try:
        dialect = DIALECTS[feed.dialect].from_options(feed.options, zone=feed.zone or zone, key=_HASH_KEY)
    except ConfigError as error:
        report.relay(error, key, "see docs/dialects.md")
        return
    for index, sample in enumerate(feed.samples):
        _check_sample(dialect, sample, (*key, "samples", index), report)


def _check_covers(feed: Feed, key: KeyPath, report: Report) -> None:
    covers, kind = feed.covers, role(feed)
    if kind == "sessions" and not (covers.all or covers.apns):
        report.add(key, "is missing", 'say which sessions it sees: covers = { apns = ["…"] } or covers = { all = true }')
    for name in Covers.__struct_fields__:
        if getattr(covers, name) and name not in COVERS[kind]:
            report.add((*key, name), f"is not for feeds of kind {kind!r}", _instead(COVERS[kind]))
    for name, read in (("ggsns", IPv4Address), ("addresses", IPv4Network)):
        check_addresses(getattr(covers, name), read, (*key, name), report)


def _instead(names: frozenset[str]) -> str:
    return f"it may say: {', '.join(sorted(names))}" if names else "take it out"


def check_addresses(given: Sequence[str], read: Callable[[str], object], key: KeyPath, report: Report) -> None:
    """Addresses, or networks, of IPv4."""
    for place, each in enumerate(given):
        try:
            read(each)
        except ValueError as error:
            report.add((*key, place), f"{each!r}: {error}", "write it as 10.1.2.3, a network as 10.0.0.0/8")


def _check_sample(dialect: Dialect, sample: Sample, key: KeyPath, report: Report) -> None:
    parsed = dialect.scan(dialect.sample(sample.line), ordinal=0, offset=0, final=True)
    records = parsed.records
    if parsed.rejects.total or not records.rows:
        why = "; ".join(reject.reason for reject in parsed.rejects.samples) or "it says nothing"
        report.add((*key, "line"), f"is not read: {why}", "see where it stops: mmsd try")
        return
    for name, wanted in sample.expect.items():
        here = (*key, "expect", name)
        if name not in COLUMNS and name not in TEXTS:
            report.add(here, "no such column or text", meant(name, [*COLUMNS, *TEXTS]))
            continue
        found = _shown(records, name, wanted)
        if found != wanted:
            report.add(here, f"the line reads {found!r}, not {wanted!r}", "mend the options, or what is expected")


def _shown(records: Records, name: str, like: object) -> object:
    """A column of the first row as a person would write it: as `like` does."""
    if name in COLUMNS and isinstance(like, (int, float)):
        return int(records[name][0])
    if name == "kind":
        return Kind(int(records[name][0])).name
    if name == "at":
        return datetime.fromtimestamp(int(records[name][0]) / SECOND, UTC) if isinstance(like, datetime) else int(records[name][0])
    if name in ("sender", "receiver") and not int(records[name][0]) & NOT_A_NUMBER:
        return str(int(records[name][0])) if int(records[name][0]) else ""
    if name in ("imsi", "imei"):
        return str(int(records[name][0]))
    return records.text(name, 0).decode(errors="replace")


def check_operator(operator: Operator, key: KeyPath, report: Report) -> None:
    for name in ("mmsc", "known_mmsc"):
        for index, authority in enumerate(getattr(operator, name)):
            if re.fullmatch(r"[^\s/:@]+(:[0-9]{1,5})?", authority) is None:
                report.add((*key, name, index), f"{authority!r} is no host[:port]", "leave out http:// and the path")
    for index, text in enumerate(operator.plmns):
        if re.fullmatch(r"[0-9]{3}-?[0-9]{2,3}", text) is None:
            report.add((*key, "plmns", index), f"{text!r} is no MCC-MNC", "as in 460-00")
    for index, beginning in enumerate(operator.numbers):
        _check_beginning(beginning, (*key, "numbers", index), report)
    check_addresses(operator.ggsns, IPv4Address, (*key, "ggsns"), report)


def _check_beginning(text: str, key: KeyPath, report: Report) -> None:
    if re.fullmatch(r"[1-9][0-9]{0,14}", text) is None:
        report.add(key, f"{text!r} begins no number", "digits with the country code, without +: 86138")


def check_web(web: site.Settings, key: KeyPath, report: Report) -> None:
    if web.port + web.ports - 1 > 65535:
        report.add((*key, "port"), f"{web.port} with {web.ports} port(s) to try runs past 65535", "take a lower one; 0 is any free one")


def check_link(link: smpp.Settings | cmpp.Settings | kannel.Settings | mm7.Settings, key: KeyPath, report: Report) -> None:
    name = str(key[-1])
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", name) is None:
        report.add(key, f"{name!r} cannot name a link", "take up to 32 of a-z, 0-9, - and _")
    check_secret(link.password_file, (*key, "password_file"), report)


def check_renotify(link: renotify.Settings, key: KeyPath, report: Report) -> None:
    name = str(key[-1])
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", name) is None:
        report.add(key, f"{name!r} cannot name a link", "take up to 32 of a-z, 0-9, - and _")
    check_secret(link.token_file, (*key, "token_file"), report)


def check_endpoint(ours: endpoint.Settings, key: KeyPath, report: Report) -> None:
    check_secret(ours.secret_file, (*key, "secret_file"), report)


def check_handover(told: webhook.Settings, key: KeyPath, report: Report) -> None:
    try:
        webhook.check(told)
    except ConfigError as error:
        report.add((*key, "url"), str(error).removeprefix("url: "), "take an https address, or one of this host")
    for index, kind in enumerate(told.kinds):
        if kind not in set(CaseKind):
            report.add((*key, "kinds", index), f"no cases are called {kind!r}", meant(kind, list(CaseKind)))
    check_secret(told.secret_file, (*key, "secret_file"), report)


def check_secret(path: str, key: KeyPath, report: Report) -> None:
    """A file that only its owner may read; that it is there has been checked."""
    if path and Path(path).exists() and stat.S_IMODE(Path(path).stat().st_mode) & 0o077:
        report.add(key, f"others may read {path}", f"chmod 600 {path}")


def check_codes(book: CodeBook, codes: Codes, key: KeyPath, report: Report) -> None:
    meaning: dict[str, str] = {}
    for name in ("absent", "barred", "full"):
        for index, code in enumerate(getattr(codes, name)):
            if re.fullmatch(r"([0-9]+:)?[0-9]+|[A-Z]{2}:[0-9]{4}|[A-Z]{7}", code) is None:
                remedy = 'write type:code, such as "3:27", the code alone, or a report\'s word, such as "MK:0023"'
                report.add((*key, name, index), f"{code!r} is no network error", remedy)
            elif meaning.setdefault(code, name) != name:
                report.add((*key, name, index), f"{code} means {meaning[code]} already", "a code has one meaning")
    for name, meanings in codes.map.items():
        table = book.tables.get(name)
        if table is None:
            report.add((*key, "map", name), "no set of codes is called so", meant(name, list(book.tables)))
            continue
        for code, cause in meanings.items():
            if cause not in CAUSES[1:]:
                near = closest(cause, [known.lower() for known in CAUSES[1:]]).upper()
                remedy = f"did you mean `{near}`?" if near else "docs/causes.md lists them"
                report.add((*key, "map", name, code), f"{cause!r} is no cause", remedy)
            if not table.takes(code):
                report.add((*key, "map", name, code), f"{code!r} is no code of this set", f"see `mmsd codes {name}`")


def check_governor(governor: GovernorSettings, key: KeyPath, report: Report) -> None:
    quiet = []
    for index, text in enumerate(governor.quiet_hours):
        try:
            quiet.append(hours(text))
        except ValueError as error:
            report.add((*key, "quiet_hours", index), str(error), 'over midnight too: "21:00-08:00"')
    if not leave_some(quiet):
        report.add((*key, "quiet_hours"), "leave no hour of the day", "nothing could ever leave: take some out")
    check_caps(governor, key, report)


def check_caps(rule: GovernorSettings | ClassSettings, key: KeyPath, report: Report) -> None:
    for index, text in enumerate(rule.caps):
        try:
            cap(text)
        except ValueError as error:
            report.add((*key, "caps", index), str(error), "how many messages, in how many seconds, minutes, hours or days")


def check_causes(table: Table, causes: Causes, key: KeyPath, report: Report) -> None:
    for place, what, remedy in table.objections(causes):
        report.add((*key, *place), what, remedy)


def check_care(care: CareSettings, key: KeyPath, report: Report) -> None:
    for name, text in care.texts.items():
        fault = fault_of(name, text)
        if fault:
            known = [f"{name}_{language}" for name in TEMPLATES for language in LANGUAGES]
            report.add(
                (*key, "texts", name), fault, meant(name, known) if fault == NO_SUCH_TEXT else "docs/care.md shows what it has to hold"
            )
    for index, name in enumerate(care.stops):
        if name not in (*CLASSES, ALL):
            report.add((*key, "stops", index), f"no class is called {name!r}", meant(name, [*CLASSES, ALL]))
    said: dict[str, str] = {}
    for kind in ("yes", "no", "stop", "settings"):
        for index, word in enumerate(getattr(care.words, kind)):
            other = said.setdefault(plain(word), kind)
            if not plain(word):
                report.add((*key, "words", kind, index), f"{word!r} has neither letter nor digit", "nobody could say it")
            elif other != kind:
                report.add((*key, "words", kind, index), f"{word!r} means {other} already", "a word has one meaning")


def check_together(settings: Settings, report: Report) -> None:
    if not settings.feeds:
        report.add(("feeds",), "has no feed", "name one: [feeds.mmsc1] with dialect and paths")
    owners: dict[Path, str] = {}
    for name, feed in settings.feeds.items():
        for index, path in enumerate(feed.paths):
            if owners.setdefault(path, name) != name:
                report.add(("feeds", name, "paths", index), f"the feed {owners[path]!r} reads this too", "a file belongs to one feed")
    roles = {role(feed) if feed.role or feed.dialect in ROLES else None for feed in settings.feeds.values()}
    nodes = {feed.node or name for name, feed in settings.feeds.items()}
    for name, codes in settings.codes.items():
        for what, given, known in (("feeds", codes.feeds, set(settings.feeds)), ("nodes", codes.nodes, nodes)):
            for index, word in enumerate(given):
                if settings.feeds and word not in known:
                    report.add(("codes", name, what, index), f"there is no {what[:-1]} {word!r}", meant(word, sorted(known)))
    if roles and not roles & {"mmsc", None}:  # None: a feed at fault, which may be it
        report.add(("feeds",), "none is an MMSC", "deliveries begin there: add the feed of an MMSC's access log")


def hints(settings: Settings) -> list[str]:
    """What is no fault, and not what somebody wants who means to send."""
    carried = {name for link in settings.links.values() for name in link.classes}
    on = [name for name in CLASSES if getattr(settings.governor, name).switch == "on" and name not in carried]
    told = [f'governor.{name}.switch: is on, and no link carries this class: name it in a link, classes = ["{name}"]' for name in on]
    by_mm7 = [link for link in settings.links.values() if isinstance(link, mm7.Settings) and "service" in link.classes]
    if settings.care.test_message and not by_mm7:
        told.append('care.test_message: is on, and no link of kind "mm7" carries the class service: no test message leaves')
    if settings.care.test_message and not any(link.source in settings.own.senders for link in by_mm7):
        told.append("care.test_message: is on, and [own] senders does not name the number it comes from: it would count as a subscriber's")
    asks = [link for link in settings.links.values() if isinstance(link, renotify.Settings) and "provisioning" in link.classes]
    if settings.care.renotify and not asks:
        told.append('care.renotify: is on, and no link of kind "renotify" carries the class provisioning: nothing is announced again')
    taps = {f"copies.folders.{name}": folder.nodes for name, folder in settings.copies.folders.items()}
    if settings.copies.mirror is not None:
        taps["copies.mirror"] = settings.copies.mirror.nodes
    told += [
        f"{tap}.nodes: names no MMSC of which it copies every submit: nobody is told when it loses copies, and their forwards with them"
        for tap, nodes in taps.items()
        if not nodes
    ]
    return told


def check_campaign(campaign: CampaignSettings, key: KeyPath, report: Report) -> None:
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", campaign.id) is None:
        report.add((*key, "id"), f"{campaign.id!r} cannot name a campaign", "take up to 32 of a-z, 0-9, - and _")
    moments = {}
    for name in ("starts", "ends"):
        try:
            moments[name] = datetime.fromisoformat(getattr(campaign, name)).replace(tzinfo=None)
        except ValueError:
            report.add((*key, name), f"{getattr(campaign, name)!r} is no date", "write 2026-11-22 or 2026-11-22T08:00, local time")
            continue
        if moments[name].year not in _YEARS:
            report.add((*key, name), f"the year {moments[name].year} is out of range", f"take one of {_YEARS[0]} to {_YEARS[-1]}")
    zone = zone_named(campaign.zone)
    if len(moments) == 2 and all(moment.year in _YEARS for moment in moments.values()):
        starts, ends = dates(campaign, zone or UTC)
        if starts > ends:
            report.add((*key, "ends"), "lies before starts", "put them in order")
    if zone is None:
        report.add((*key, "zone"), f"no time zone is called {campaign.zone!r}", "take a name such as Asia/Shanghai or UTC")
    if len({seed.id for seed in campaign.seeds}) < len(campaign.seeds):
        report.add((*key, "seeds"), "two seeds have one id", "give each seed an id of its own")
    if campaign.language not in ("zh", "en"):
        report.add((*key, "language"), f"{campaign.language!r} is not one of them", "take zh or en")
    for beginning, language in campaign.languages.items():
        _check_beginning(beginning, (*key, "languages", beginning), report)
        if language not in LANGUAGES:
            report.add((*key, "languages", beginning), f"{language!r} is not one of them", "take zh or en")
    for name in ("pair_cap", "sender_cap", "sender_daily", "fan_in", "ring"):
        least, given = (1 if name == "pair_cap" else 0), getattr(campaign, name)
        if given < least:
            report.add((*key, name), f"{given} lets nothing count", f"take {least} or more")
    for name in ("sms_zh", "sms_en"):
        _check_template(getattr(campaign, name), (*key, name), report)
    if len({draw.name for draw in campaign.draws}) < len(campaign.draws):
        report.add((*key, "draws"), "two draws have one name", "give each draw a name of its own")


def check_sending(sending: SendingSettings, key: KeyPath, report: Report) -> None:
    """What a group sending takes."""
    for index, text in enumerate(sending.hours):
        try:
            hours(text)
        except ValueError as error:
            report.add((*key, "hours", index), str(error), 'local hours, as in "09:00-20:00"')
    if not sending.days or not all(day in WEEK for day in sending.days):
        report.add((*key, "days"), f"{list(sending.days)} are no weekdays", "0 (Monday) to 6, one of them at least")
    if not 0 < sending.rate <= MOST_RATE:
        report.add((*key, "rate"), f"{sending.rate} is out of range", f"messages a second: above 0, at most {MOST_RATE}")
    if not 0 <= sending.control <= MOST_CONTROL:
        report.add((*key, "control"), f"{sending.control} is no such share", f"from 0 to {MOST_CONTROL}")


def check_draw(draw: DrawSettings, key: KeyPath, report: Report) -> None:
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", draw.name) is None:
        report.add((*key, "name"), f"{draw.name!r} cannot name a draw", "take up to 32 of a-z, 0-9, - and _")
    days = {}
    for name in ("first", "last"):
        try:
            days[name] = date.fromisoformat(getattr(draw, name)) if getattr(draw, name) else None
        except ValueError:
            report.add((*key, name), f"{getattr(draw, name)!r} is no date", 'write 2026-11-22, or "" for the campaign\'s')
    if len(days) == 2 and days["first"] and days["last"] and days["first"] > days["last"]:  # both are dates
        report.add((*key, "last"), "lies before first", "put them in order")
    if draw.chances not in ("serial", "person"):
        report.add((*key, "chances"), f"{draw.chances!r} is not one of them", "take serial or person")
    if not draw.prizes:
        report.add((*key, "prizes"), "is empty", "a draw has at least one prize: [[draws.prizes]]")
    for index, prize in enumerate(draw.prizes):
        if not prize.name.strip() or not prize.name.isprintable():
            report.add((*key, "prizes", index, "name"), "is no name", "a line of text")
        elif prize.name != prize.name.strip():
            report.add(
                (*key, "prizes", index, "name"), f"{prize.name!r} has blanks at its ends", "take them out: nobody sees them in a paper"
            )
        if prize.count < 1:
            report.add((*key, "prizes", index, "count"), f"{prize.count} is below 1", "how many of it there are")
    if draw.reserves < 0:
        report.add((*key, "reserves"), "is below 0", "how many are drawn besides")
    if sum(prize.count for prize in draw.prizes) + draw.reserves > MOST_DRAWN:
        report.add((*key, "prizes"), f"more than {MOST_DRAWN:,} are drawn", "make several draws of it")
    if not draw.beacon.isprintable() or not draw.title.isprintable():
        report.add((*key, "beacon" if draw.title.isprintable() else "title"), "is no line of text", "take out what cannot be printed")
    if draw.sms_expires <= 0:
        report.add((*key, "sms_expires"), "is not above 0", "seconds")
    for name in ("sms_zh", "sms_en"):
        _check_template(getattr(draw, name), (*key, name), report, known=["prize", "serial", "place", "draw"], needed="prize")


def check_request(request: RequestSettings, key: KeyPath, report: Report) -> None:
    """Words that bring a seed. Those of care come first for whoever writes them."""
    taken = {plain(word) for name in Words.__struct_fields__ for word in getattr(Words(), name)}
    for index, word in enumerate(request.keywords):
        if not plain(word):
            report.add(
                (*key, "keywords", index), f"{word!r} has neither letter nor digit", "blanks and punctuation do not count: take a word"
            )
        elif plain(word) in taken:
            report.add((*key, "keywords", index), f"{word!r} is an answer to care's questions", "take another one: docs/care.md")
    if not re.fullmatch(r"[0-9]*", request.short_code):
        report.add((*key, "short_code"), f"{request.short_code!r} is no number", 'digits, or "" for any of ours')
    for name in ("again", "expires"):
        if getattr(request, name) <= 0:
            report.add((*key, name), "is not above 0", "seconds")


_NUMBERS: Final = frozenset({"leg", "city_leg", "total", "place"})
"""Placeholders that numbers are filled into."""


def _check_template(
    text: str,
    key: KeyPath,
    report: Report,
    *,
    known: Sequence[str] = ("serial", "leg", "city_leg", "total", "city"),
    needed: str = "serial",
) -> None:
    try:
        fields = [(name, spec, conversion) for _, name, spec, conversion in string.Formatter().parse(text) if name is not None]
    except ValueError as error:
        report.add(key, f"is no template: {error}", "double a brace that is meant: {{ }}")
        return
    for name, spec, conversion in fields:
        if name not in known:
            report.add(key, f"{{{name}}} is no placeholder", meant(name, list(known)))
        elif not _fills(spec or "", conversion, name):
            mend = f"write {{{name}}} or {{{name}:,}}" if name in _NUMBERS else f"write {{{name}}}"
            report.add(key, f"{{{name}}} has more in its braces than can be filled in", mend)
    if needed not in [name for name, _, _ in fields]:
        report.add(key, f"does not tell the {needed}", f"put {{{needed}}} where it belongs")


def _fills(spec: str, conversion: str | None, name: str) -> bool:
    """Whether any value can be written so: `{leg:03}` can; `{serial:d}`, `{serial:{leg}}` and a width of thousands cannot."""
    if conversion or "{" in spec or re.search("[0-9]{4}", spec):
        return False
    try:
        for value in (0, 10**12) if name in _NUMBERS else ("", "x"):
            format(value, spec)
    except (ValueError, OverflowError):
        return False
    return True


def check_seed(seed: SeedSettings, key: KeyPath, report: Report) -> None:
    if not (seed.messages or seed.tags or seed.subjects):
        report.add(key, "nothing tells this seed from other messages", "give messages, tags, or subjects with size_min and size_max")
    if seed.subjects and not 0 < seed.size_min <= seed.size_max:
        report.add((*key, "size_max"), "a subject alone is no proof", "give size_min and size_max in octets, in order")


class _Claim(NamedTuple):
    """Subjects and sizes by which a seed is known."""

    subject: str
    low: int
    high: int
    seed: str


def check_evidence(campaigns: Sequence[tuple[CampaignSettings, Report]]) -> None:
    """What all campaigns together have to keep: no more seeds than can be looked for, and evidence that tells them apart.

    What is evidence of two seeds proves neither: one message would count for whichever comes first.

    Ids, tags and subjects over all campaigns; short codes where one of the campaigns has but one seed, for then the sender alone tells it.
    """
    owners: dict[tuple[str, str], str] = {}
    claims: list[_Claim] = []
    senders: dict[str, tuple[str, bool]] = {}  # to the campaign, and whether the sender alone tells its seed
    seeds = 0
    for campaign, report in campaigns:
        seeds += len(campaign.seeds)
        if seeds - len(campaign.seeds) <= MOST_LIVE < seeds:
            report.add(("seeds",), f"these are {seeds:,} seeds with those before", f"{MOST_LIVE:,} are the most: take out what is over")
        for place, seed in enumerate(campaign.seeds):
            name = f"{campaign.id}/{seed.id}"
            here: KeyPath = ("seeds", place)
            for kind in ("messages", "tags"):
                for index, word in enumerate(getattr(seed, kind)):
                    owner = owners.setdefault((kind, word), name)
                    if owner != name:
                        report.add((*here, kind, index), f"{word!r} is evidence of the seed {owner} too", "keep it with one of them")
            for index, subject in enumerate(seed.subjects if 0 < seed.size_min <= seed.size_max else ()):
                claim = _Claim(subject.casefold(), seed.size_min, seed.size_max, name)
                rival = next((other for other in claims if other.seed != name and _overlap(claim, other)), None)
                if rival is not None:
                    what = f"{subject!r} with these sizes is evidence of the seed {rival.seed} too"
                    report.add((*here, "subjects", index), what, "take another subject, or sizes that do not overlap")
                claims.append(claim)
        alone = len(campaign.seeds) == 1
        for index, sender in enumerate(campaign.senders):
            other, told = senders.setdefault(sender, (campaign.id, alone))
            if other != campaign.id and (alone or told):
                what = f"{sender!r} sends the campaign {other} too, so it tells no seed"
                report.add(("senders", index), what, "give each campaign a short code of its own")


def _overlap(one: _Claim, other: _Claim) -> bool:
    """Whether one subject contains the other, so that a message may show both, and sizes meet."""
    return (one.subject in other.subject or other.subject in one.subject) and one.low <= other.high and other.low <= one.high
