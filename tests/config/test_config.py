"""Settings from TOML: every fault at once, each with its line, its key, what was meant and what to do."""

from __future__ import annotations

import re
import textwrap
import tomllib
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsd import config
from mmsd.config import Fault, Faulty, check, load, load_campaigns, load_cities, scopes
from mmsd.config.locate import KeyPath, locate
from mmsd.config.reader import fields
from mmsd.config.settings import LIMITS
from mmsd.errors import ConfigError
from mmsd.link import smpp
from mmsd.rules.settings import Judgement

SHIPPED = re.sub(
    r"^#(?=\S)", "", (Path(__file__).resolve().parents[2] / "config/mmsd.toml").read_text(encoding="utf-8"), flags=re.MULTILINE
)
"""config/mmsd.toml with every setting in force."""

FEED = """
[feeds.mmsc1]
dialect = "mbuni"
paths = ["mmsc-access.log*"]
"""


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str, name: str = "mmsd.toml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    return write


def said(faults: list[Fault]) -> list[str]:
    return [f"{fault.line} {fault.key}: {fault.what}; {fault.remedy}" for fault in faults]


def test_defaults_paths_and_zones(written, tmp_path: Path):
    settings = load(written(FEED + 'zone = "UTC"\n[state]\ndirectory = "state"\n[judgement]\ngrace = 5\n'))
    feed = settings.feeds["mmsc1"]
    assert feed.paths == (tmp_path / "mmsc-access.log*",)
    assert feed.zone == ZoneInfo("UTC")
    assert settings.zone.name == ZoneInfo("Asia/Shanghai")
    assert settings.state.directory == tmp_path / "state"
    assert settings.judgement == Judgement(grace=5.0)
    assert config.role(feed) == "mmsc"


def test_faults_of_codes(written):
    path = written(
        FEED
        + """\
        [codes.smsc1]
        feeds = ["mmsc2"]
        nodes = ["mmsc1"]
        absent = ["MK:0023", "UNDELIV", "27"]
        [codes.smsc1.map.cmmc]
        4441 = "NO_PUSH"
        [codes.smsc1.map.cmcc]
        4446 = "BAD_APM"
        "45*" = "INTERWORKING"
        x4 = "NO_PUSH"
        """
    )
    assert said(check(path)) == [
        "6 codes.smsc1.feeds[0]: there is no feed 'mmsc2'; did you mean `mmsc1`?",
        "9 codes.smsc1.map.cmmc: no set of codes is called so; did you mean `cmcc`?",
        "12 codes.smsc1.map.cmcc.4446: 'BAD_APM' is no cause; did you mean `BAD_APN`?",
        "14 codes.smsc1.map.cmcc.x4: 'x4' is no code of this set; see `mmsd codes cmcc`",
    ]


def test_faults_of_causes(written):
    path = written(
        FEED
        + """
        [causes.numbers]
        repeat = 2
        [causes.rows.U11]
        cause = "BAD_APN"
        [causes.rows.U8.variants.standing]
        confidence = 0.9
        confidenze = 0.9
        [causes.rows.U99]
        """
    )
    assert said(config.check(path)) == [
        "7 causes.numbers.repeat: no such number; there are repeated",
        "9 causes.rows.U11.cause: U11 says NO_RETRIEVE, and BAD_APN is not wider: a verdict may lose sharpness, and never move sideways; "
        "take EXPIRED",
        "11 causes.rows.U8.variants.standing.confidence: the variant standing (0.9) would be surer than its row (0.85); take at most 0.85",
        "12 causes.rows.U8.variants.standing.confidenze: no such setting; did you mean `confidence`?",
        "13 causes.rows.U99: no such row; `mmsd causes` lists them",
    ]


def test_every_fault_at_once(written):
    path = written(
        """\
        [feeds.mmsc1]
        dialekt = "mbuni"
        paths = "mmsc.log"

        [feeds.mmsc2]
        dialect = "mbumi"
        paths = ["a.log"]
        zone = "Asia/Shanghia"

        [judgement]
        grace = "10 min"
        cases = -1
        late = nan

        [operator]
        mmsc = ["http://mmsc.monternet.com/"]

        [codes.smsc1]
        absent = ["3:27", "3-27"]
        barred = ["3:27"]

        [camppaigns]
        directory = "x"

        [cities]
        file = "none.csv"
        """
    )
    assert said(check(path)) == [
        "2 feeds.mmsc1.dialekt: no such setting; did you mean `dialect`?",
        "3 feeds.mmsc1.paths: expected a list, found the text 'mmsc.log'; put it in brackets: […]",
        "6 feeds.mmsc2.dialect: no dialect is called 'mbumi'; did you mean `mbuni`?",
        "8 feeds.mmsc2.zone: no time zone is called 'Asia/Shanghia'; take a name such as Asia/Shanghai or UTC",
        "11 judgement.grace: expected a number, found the text '10 min'; durations are seconds, sizes are octets, without a unit",
        "12 judgement.cases: -1 is out of range; take at least 1",
        "13 judgement.late: nan is no quantity; take a finite number",
        "16 operator.mmsc[0]: 'http://mmsc.monternet.com/' is no host[:port]; leave out http:// and the path",
        "19 codes.smsc1.absent[1]: '3-27' is no network error; write type:code, such as \"3:27\", the code alone, "
        'or a report\'s word, such as "MK:0023"',
        "20 codes.smsc1.barred[0]: 3:27 means absent already; a code has one meaning",
        "22 camppaigns: no such setting; did you mean `campaigns`?",
        f"26 cities.file: {path.parent}/none.csv: cannot be read: No such file or directory; see its name and rights",
    ]
    with pytest.raises(Faulty) as raised:
        load(path)
    assert isinstance(raised.value, ConfigError)
    assert str(raised.value).splitlines()[0].startswith(f"{path}:2: feeds.mmsc1.dialekt: no such setting")
    assert len(raised.value.faults) == 12


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[a\n", "1 : not TOML: Expected ']' at the end of a table declaration; see https://toml.io"),
        ("[zone]\n", "0 feeds: is missing; it has no default: set feeds = … here"),
        ("feeds = {}\n", "1 feeds: has no feed; name one: [feeds.mmsc1] with dialect and paths"),
        (
            FEED + "[feeds.'Größe']\ndialect='mbuni'\npaths=['b']\n",
            "5 feeds.Größe: 'Größe' cannot name a feed; take up to 32 of a-z, 0-9, - and _",
        ),
        (FEED + "[feeds.b]\ndialect='mbuni'\npaths=[]\n", '7 feeds.b.paths: is empty; name the files: paths = ["/var/log/…"]'),
        (FEED.replace("mbuni", "mbumi"), "3 feeds.mmsc1.dialect: no dialect is called 'mbumi'; did you mean `mbuni`?"),
        (FEED + "options = {numberin = 1}\n", "5 feeds.mmsc1.options.numberin: no such option; did you mean numbering?"),
        (
            FEED + "[feeds.b]\ndialect='mbuni'\npaths=['mmsc-access.log*']\n",
            "7 feeds.b.paths[0]: the feed 'mmsc1' reads this too; a file belongs to one feed",
        ),
        (
            "[feeds.b]\ndialect='http'\npaths=['b']\noptions = {format='squid'}",
            "1 feeds: none is an MMSC; deliveries begin there: add the feed of an MMSC's access log",
        ),
        (
            FEED + "[feeds.aaa]\ndialect='radius'\npaths=['d']\n",
            '5 feeds.aaa.covers: is missing; say which sessions it sees: covers = { apns = ["…"] } or covers = { all = true }',
        ),
        (FEED + "covers.all = true\n", "5 feeds.mmsc1.covers.all: is not for feeds of kind 'mmsc'; it may say: part"),
        (FEED + "role = 'mms'\n", "5 feeds.mmsc1.role: the text 'mms' is not one of them; did you mean `mmsc`?"),
        (
            FEED + "samples = [7]\n",
            "5 feeds.mmsc1.samples[0]: expected a table, found 7; write it as [feeds.mmsc1.samples[0]] with its settings below",
        ),
        (FEED + "domain = 7\n", '5 feeds.mmsc1.domain: expected text in quotes, found 7; put it in quotes: "7"'),
        (FEED + "[judgement]\ncases = 2.5\n", "6 judgement.cases: expected a whole number, found 2.5; see docs/settings.md"),
        (FEED + "[judgement]\ncases = '3'\n", "6 judgement.cases: expected a whole number, found the text '3'; take off the quotes: 3"),
        (FEED + "[judgement]\ncases = true\n", "6 judgement.cases: expected a whole number, found true; see docs/settings.md"),
        (
            FEED + "[web]\nport = 65535\nports = 2\n",
            "6 web.port: 65535 with 2 port(s) to try runs past 65535; take a lower one; 0 is any free one",
        ),
        (
            FEED + "[web]\n\nhost = '0.0.0.0'\n",
            "7 web.host: 0.0.0.0 is not loopback; set web.certificate and web.key, or put a TLS proxy before us",
        ),
        (FEED + "[mqtt]\nhost = 'b'\n", "5 mqtt.node: is missing; it has no default: set node = … here"),
        (
            FEED + "[mqtt]\nhost = 'b'\nnode = 'a/b'\n",
            "7 mqtt.node: one level of a topic, not empty and without # + /; see docs/settings.md",
        ),
        (FEED + "[mqtt]\nhost = 'b'\nnode = 'a'\npassword = 'secret'\n", "8 mqtt.password: no such setting; did you mean `password_file`?"),
        (FEED + "[links.a]\nhost = 'x'\n", "5 links.a.kind: is missing; say which: cmpp, kannel, mm7, renotify, smpp"),
        (FEED + "[links.a]\nkind = 'smtp'\n", "6 links.a.kind: the text 'smtp' is not one of them; did you mean `smpp`?"),
        (FEED + "[links.a]\nkind = 'smpp'\nsystem_id = 'x'\n", "5 links.a.host: is missing; it has no default: set host = … here"),
        (
            FEED + "[links.A]\nkind = 'cmpp'\nhost = 'x'\nsp_id = '900001'\n",
            "5 links.A: 'A' cannot name a link; take up to 32 of a-z, 0-9, - and _",
        ),
        (
            FEED + "[links.a]\nkind = 'cmpp'\nhost = 'x'\nsp_id = '9000011'\n",
            "8 links.a.sp_id: 6 ASCII characters at most; see docs/settings.md",
        ),
        (
            FEED + "[links.a]\nkind = 'smpp'\nhost = 'x'\nsystem_id = 'x'\nrate = 0\n",
            "9 links.a.rate: 0.0 is out of range; take at least 0.1",
        ),
        ("[links]\na = 3\n" + FEED, "2 links.a: expected a table, found 3; write it as [links.a] with its settings below"),
        (FEED + "[store]\nbusy = 1\n", "6 store.busy: no such setting; did you mean `busy_seconds`?"),
        (
            FEED + "[campaigns]\n\ndirectory = 'none'\n",
            "7 campaigns.directory: no such folder: HERE/none; make it, or take the setting out",
        ),
        (FEED + "[judgement]\nskew = 1e300\n", "6 judgement.skew: 1e+300 is out of range; take at most 3600.0"),
        (FEED + "[judgement]\nquiet = 1e300\n", "6 judgement.quiet: 1e+300 is out of range; take at most 31622400.0"),
        (FEED + "[sequencer]\nchunk_bytes = 0\n", "6 sequencer.chunk_bytes: 0 is out of range; take at least 4096"),
        (FEED + "[tail]\nrecord_limit = 0\n", "6 tail.record_limit: 0 is out of range; take at least 1024"),
        (FEED + "[tail]\nopen_limit = 0\n", "6 tail.open_limit: 0 is out of range; take at least 1"),
        (FEED + "[tail]\nretry_limit_seconds = 0\n", "6 tail.retry_limit_seconds: 0.0 is out of range; take at least 0.01"),
        (FEED + "[web]\nport = 65536\n", "6 web.port: 65536 is out of range; take at most 65535"),
    ],
)
def test_one_fault(written, tmp_path: Path, text: str, fault: str):
    assert said(check(written(text))) == [fault.replace("HERE", str(tmp_path))]


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (
            FEED + "[web]\nrat = 3\nport = 99999\nhost = '0.0.0.0'\npublic_url = 'x'\n",
            ["6 web.rat: no such setting", "7 web.port: 99999 is out of range", "8 web.host: 0.0.0.0 is not", "9 web.public_url: expected"],
        ),
        (
            FEED + "[feeds.b]\nnod = 'x'\ndialect = 'mbunny'\npaths = []\n",
            ["6 feeds.b.nod: no such setting", "7 feeds.b.dialect: no dialect is called 'mbunny'", "8 feeds.b.paths: is empty"],
        ),
        (
            FEED + "[feeds.b]\nnod = 'x'\ndialect = 'mbuni'\npaths = ['mmsc-access.log*']\n",
            ["6 feeds.b.nod: no such setting", "8 feeds.b.paths[0]: the feed 'mmsc1' reads this too"],
        ),
        (
            "[feeds.b]\nnod = 'x'\ndialect = 'http'\npaths = ['b']\noptions = {formt = 1}\n",
            ["1 feeds: none is an MMSC", "2 feeds.b.nod: no such setting", "5 feeds.b.options.formt: no such option"],
        ),
        (FEED + "[feeds.b]\ndialect = 'radius'\npaths = ['d']\ncovers.al = true\n", ["8 feeds.b.covers.al: no such setting"]),
        (
            FEED + "[web]\nhost = '0.0.0.0'\ncertificate = 'c.pem'\nkey = 'k.pem'\n",
            ["7 web.certificate: there is no file", "8 web.key: there is no file"],
        ),
        (
            FEED + "[[feeds.mmsc1.samples]]\nlin = 'x'\nexpect = {}\n[[feeds.mmsc1.samples]]\nline = 'x'\nexpect = {}\n",
            ["6 feeds.mmsc1.samples[0].lin: no such setting", "9 feeds.mmsc1.samples[1].line: is not read"],
        ),
        (
            FEED + "[campaigns]\ndir = 'x'\n[mqtt]\nhost = 7\nnode = 'a/b'\nprefix = '#'\ntls = 'yes'\n",
            [
                "6 campaigns.dir: no such setting",
                "8 mqtt.host: expected text in quotes",
                "9 mqtt.node: one level",
                "10 mqtt.prefix: levels of a topic",
                "11 mqtt.tls: expected true or false",
            ],
        ),
    ],
)
def test_a_fault_hides_no_other_and_makes_none(written, text: str, faults: list[str]):
    """Where one fault is, what else is wrong there is told as well, and nothing that only follows from it."""
    found = said(check(written(text)))
    assert len(found) == len(faults), found
    for line, begins in zip(found, faults, strict=True):
        assert line.startswith(begins)


def test_every_bound_is_of_a_setting_and_holds_its_default():
    for kind, limits in LIMITS.items():
        for name, (low, high) in limits.items():
            assert name in fields(kind)
            assert low <= default_of(kind, name) <= high, (kind, name)


def default_of(kind: type, name: str) -> float:
    if issubclass(kind, msgspec.Struct):
        return float(next(field.default for field in msgspec.structs.fields(kind) if field.name == name))
    return float(getattr(kind(), name))


def test_a_links_password_is_for_its_owners_eyes(written, tmp_path: Path):
    path = written(FEED + "[links.a]\nkind = 'smpp'\nhost = 'x'\nsystem_id = 'x'\npassword_file = 'secret'\n")
    assert said(check(path)) == [f"9 links.a.password_file: there is no file {tmp_path}/secret; make it, or mend its name"]
    secret = written("secret", "secret")
    secret.chmod(0o640)
    assert said(check(path)) == [f"9 links.a.password_file: others may read {secret}; chmod 600 {secret}"]
    secret.chmod(0o400)
    link = load(path).links["a"]
    assert link == smpp.Settings(host="x", system_id="x", password_file=str(secret))


def test_files_that_settings_name(written, tmp_path: Path):
    path = written(FEED + "[mqtt]\nhost = 'b'\nnode = 'a'\nusername = 'u'\npassword_file = 'mqtt.password'\n")
    assert said(check(path)) == [f"9 mqtt.password_file: there is no file {tmp_path}/mqtt.password; make it, or mend its name"]
    written("secret", "mqtt.password")
    settings = load(path).mqtt
    assert settings is not None
    assert settings.password_file == str(tmp_path / "mqtt.password")


def test_a_file_that_cannot_be_read(written, tmp_path: Path):
    assert said(check(tmp_path / "none.toml")) == ["0 : cannot be read: No such file or directory; see its name and rights"]
    path = tmp_path / "latin.toml"
    path.write_bytes("# Größe".encode("latin-1"))
    assert said(check(path)) == ["0 : not UTF-8 at byte 4; save the file as UTF-8"]


LINE = "2026-11-22 17:43:55 Received MMS [INT:MM1] [ACT:] [MMSC:] [from:+8613812341234] [to:+8613987654321] [msgid:ab12] [size=1234] "
LINE += "[UA:] [MMBox:]"


def sample(line: str, expect: str) -> str:
    return FEED + f'[[feeds.mmsc1.samples]]\nline = "{line}"\nexpect = {{ {expect} }}\n'


def test_a_sample_line_that_is_read_as_expected(written):
    expect = 'kind = "SUBMIT", sender = "8613812341234", receiver = "8613987654321", message = "ab12", size = 1234'
    assert said(check(written(sample(LINE, expect + ", at = 2026-11-22T17:43:55+08:00")))) == []


@pytest.mark.parametrize(
    ("line", "expect", "fault"),
    [
        (LINE, 'kind = "FETCH"', "7 feeds.mmsc1.samples[0].expect.kind: the line reads 'SUBMIT', not 'FETCH'"),
        (LINE, 'receiver = "13987654321"', "7 feeds.mmsc1.samples[0].expect.receiver: the line reads '8613987654321', not '13987654321'"),
        (LINE, "size = 1", "7 feeds.mmsc1.samples[0].expect.size: the line reads 1234, not 1"),
        (LINE, 'reciever = "1"', "7 feeds.mmsc1.samples[0].expect.reciever: no such column or text; did you mean `receiver`?"),
        ("nonsense", "size = 1", "6 feeds.mmsc1.samples[0].line: is not read"),
    ],
)
def test_a_sample_line_that_is_not(written, line: str, expect: str, fault: str):
    (found,) = said(check(written(sample(line, expect))))
    assert found.startswith(fault)


def test_scopes_say_what_the_feeds_see(written):
    text = FEED + "[feeds.aaa]\ndialect='radius'\npaths=['d']\ncovers.apns=['CMWAP']\n[feeds.sms]\ndialect='kannel-sms'\npaths=['s']\n"
    seen = scopes(load(written(text)), len)
    assert (seen.every_session, seen.every_link, seen.sessions_on(frozenset({5}))) == (False, True, True)
    everything = scopes(load(written(text.replace("covers.apns=['CMWAP']", "covers.all=true"))), len)
    assert everything.every_session
    beside = text + "[feeds.box]\ndialect='kannel-smsbox'\npaths=['b']\n"
    assert not scopes(
        load(written(beside.replace("[feeds.sms]\ndialect='kannel-sms'", "[feeds.sms]\ndialect='kannel-smsbox'"))), len
    ).every_link
    assert scopes(load(written(beside)), len).every_link
    some = scopes(load(written(text + "covers.links=['smsc1']\n")), len)
    assert (some.link(b"smsc1"), some.link(b"smsc2")) == (True, False)


@pytest.mark.parametrize(
    ("dialect", "covers", "fault"),
    [
        ("radius", "", "feeds.more.covers: is missing"),
        ("radius", "ggsns=['10.1.1.1']", "feeds.more.covers: is missing"),
        ("radius", "all=true, ggsns=['ggsn1']", "feeds.more.covers.ggsns[0]: 'ggsn1': "),
        (
            "radius",
            "all=true, links=['smsc1']",
            "feeds.more.covers.links: is not for feeds of kind 'sessions'; it may say: all, apns, ggsns, part",
        ),
        ("kannel-sms", "all=true", "feeds.more.covers.all: is not for feeds of kind 'sms'"),
        ("http", "addresses=['10.0.0.0/33']", "feeds.more.covers.addresses[0]: '10.0.0.0/33': "),
        ("http", "ggsns=['10.1.1.1']", "feeds.more.covers.ggsns: is not for feeds of kind 'gateway'"),
    ],
)
def test_a_feed_declares_what_its_kind_may(written, dialect: str, covers: str, fault: str):
    options = "options={format='squid'}\n" if dialect == "http" else ""
    (found,) = said(check(written(FEED + f"[feeds.more]\ndialect='{dialect}'\npaths=['d']\n{options}covers={{ {covers} }}\n")))
    assert fault in found


# ------------------------------------------------------------------------------------------------------------- campaigns, cities

CAMPAIGN = """
id = "relay"
name = "Relay"
starts = "2026-11-01"
ends = "2026-11-30T20:00"
[[seeds]]
id = "torch"
tags = ["torch"]
"""


def test_campaigns_by_file_name(written):
    folder = written(CAMPAIGN.replace("relay", "second").replace('["torch"]', '["lamp"]'), "campaigns/b.toml").parent
    written(CAMPAIGN, "campaigns/a.toml")
    written("not toml", "campaigns/note.txt")
    assert [campaign.id for campaign in load_campaigns(folder)] == ["relay", "second"]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"relay"', '"Relay 1"', "2 id: 'Relay 1' cannot name a campaign; take up to 32 of a-z, 0-9, - and _"),
        ("2026-11-01", "1 November", "4 starts: '1 November' is no date; write 2026-11-22 or 2026-11-22T08:00, local time"),
        ("2026-11-01", "2026-12-01", "5 ends: lies before starts; put them in order"),
        ('"2026-11-01"', '"2026-11-30T20:00-01:00"', "5 ends: lies before starts; put them in order"),
        ("2026-11-30T20:00", "9999-12-31", "5 ends: the year 9999 is out of range; take one of 2000 to 2100"),
        ("2026-11-01", "0001-01-01", "4 starts: the year 1 is out of range; take one of 2000 to 2100"),
        (
            'tags = ["torch"]',
            "",
            "6 seeds[0]: nothing tells this seed from other messages; give messages, tags, or subjects with size_min and size_max",
        ),
        ("tags", "subjects", "6 seeds[0].size_max: a subject alone is no proof; give size_min and size_max in octets, in order"),
        ('"Relay"\n', '"Relay"\nsms_en = "no. {legs}, {serial}"\n', "4 sms_en: {legs} is no placeholder; did you mean `leg`?"),
        *(
            (
                '"Relay"\n',
                f'"Relay"\nsms_en = "{text}"\n',
                "4 sms_en: {serial} has more in its braces than can be filled in; write {serial}",
            )
            for text in ("{serial:d}", "{serial:{nothing}}", "{serial!x}", "{serial:,}", "{serial:9999}")
        ),
        (
            '"Relay"\n',
            '"Relay"\nsms_en = "{serial} of {total:s}"\n',
            "4 sms_en: {total} has more in its braces than can be filled in; write {total} or {total:,}",
        ),
        ('"Relay"\n', '"Relay"\nsms_zh = "{leg}"\n', "4 sms_zh: does not tell the serial; put {serial} where it belongs"),
        ('"Relay"\n', '"Relay"\nzone = "Mars"\n', "4 zone: no time zone is called 'Mars'; take a name such as Asia/Shanghai or UTC"),
        ('"Relay"\n', '"Relay"\nlanguage = "fr"\n', "4 language: 'fr' is not one of them; take zh or en"),
        (
            'tags = ["torch"]',
            'tags = ["torch"]\n[[seeds]]\nid = "torch"\ntags = ["x"]',
            "6 seeds: two seeds have one id; give each seed an id of its own",
        ),
        (
            'tags = ["torch"]',
            'tags = ["torch"]\n[request]\nkeywords = ["2008", "Ｙ"]',
            "10 request.keywords[1]: 'Ｙ' is an answer to care's questions; take another one: docs/care.md",
        ),
        (
            'tags = ["torch"]',
            'tags = ["torch"]\n[request]\nkeywords = ["?"]',
            "10 request.keywords[0]: '?' has neither letter nor digit; blanks and punctuation do not count: take a word",
        ),
        (
            'tags = ["torch"]',
            'tags = ["torch"]\n[request]\nshort_code = "10658-1"',
            "10 request.short_code: '10658-1' is no number; digits, or \"\" for any of ours",
        ),
        (
            'tags = ["torch"]',
            'tags = ["torch"]\n[sending]\nhours = ["9-20"]',
            "10 sending.hours[0]: '9-20' are no hours: write HH:MM-HH:MM; local hours, as in \"09:00-20:00\"",
        ),
        (
            'tags = ["torch"]',
            'tags = ["torch"]\n[sending]\ndays = [7]',
            "10 sending.days: [7] are no weekdays; 0 (Monday) to 6, one of them at least",
        ),
        (
            'tags = ["torch"]',
            'tags = ["torch"]\n[sending]\nrate = 0',
            "10 sending.rate: 0.0 is out of range; messages a second: above 0, at most 1000",
        ),
        ('tags = ["torch"]', 'tags = ["torch"]\n[sending]\ncontrol = 0.6', "10 sending.control: 0.6 is no such share; from 0 to 0.5"),
        ('tags = ["torch"]', 'tags = ["torch"]\n[request]\nagain = 0', "10 request.again: is not above 0; seconds"),
        (
            'tags = ["torch"]',
            'tags = ["torch"]\n[[draws]]\nname = "grand"\n[[draws.prizes]]\nname = "tea "',
            "12 draws[0].prizes[0].name: 'tea ' has blanks at its ends; take them out: nobody sees them in a paper",
        ),
    ],
)
def test_a_campaign_at_fault(written, old: str, new: str, fault: str):
    folder = written(CAMPAIGN.replace(old, new), "campaigns/a.toml").parent
    with pytest.raises(Faulty) as raised:
        load_campaigns(folder)
    assert said(list(raised.value.faults)) == [fault]
    path = written(FEED + '[campaigns]\ndirectory = "campaigns"\n')
    assert said(check(path)) == [fault]


def test_two_campaigns_with_one_id(written):
    written(CAMPAIGN, "campaigns/a.toml")
    folder = written(CAMPAIGN, "campaigns/b.toml").parent
    with pytest.raises(Faulty, match=r"b\.toml:2: id: another file has the campaign 'relay' too"):
        load_campaigns(folder)


SEEDS = """
[[seeds]]
id = "one"
messages = ["m1"]
tags = ["t1"]
subjects = ["Torch"]
size_min = 100
size_max = 200
[[seeds]]
id = "two"
"""


@pytest.mark.parametrize(
    ("second", "fault"),
    [
        ("messages = ['m2', 'm1']", "16 seeds[1].messages[1]: 'm1' is evidence of the seed relay/one too; keep it with one of them"),
        ("tags = ['t1']", "16 seeds[1].tags[0]: 't1' is evidence of the seed relay/one too; keep it with one of them"),
        (
            "subjects = ['TORCH']\nsize_min = 200\nsize_max = 300",
            "16 seeds[1].subjects[0]: 'TORCH' with these sizes is evidence of the seed relay/one too; "
            "take another subject, or sizes that do not overlap",
        ),
        (
            "subjects = ['the torch relay']\nsize_min = 1\nsize_max = 100",
            "16 seeds[1].subjects[0]: 'the torch relay' with these sizes is evidence of the seed relay/one too; "
            "take another subject, or sizes that do not overlap",
        ),
        ("subjects = ['Torch']\nsize_min = 201\nsize_max = 300", ""),
        ("messages = ['t1']\ntags = ['m1']\nsubjects = ['lamp']\nsize_min = 100\nsize_max = 200", ""),
    ],
)
def test_evidence_of_two_seeds(written, second: str, fault: str):
    written(CAMPAIGN.partition("[[seeds]]")[0] + SEEDS + second, "campaigns/a.toml")
    assert said(check(written(FEED + '[campaigns]\ndirectory = "campaigns"\n'))) == ([fault] if fault else [])


@pytest.mark.parametrize(
    ("more", "faults"),
    [
        ("", ["6 senders[0]: '10658' sends the campaign relay too, so it tells no seed; give each campaign a short code of its own"]),
        ("[[seeds]]\nid = 'three'\ntags = ['three']\n", []),
    ],
    ids=["one seed", "two seeds"],
)
def test_a_short_code_tells_one_seed(written, more: str, faults: list[str]):
    """A sender alone is evidence where its campaign has one seed; campaigns of several seeds may share theirs."""
    one = CAMPAIGN.replace("[[seeds]]", 'senders = ["10658"]\n[[seeds]]')
    written(one + "[[seeds]]\nid = 'other'\ntags = ['other']\n", "campaigns/a.toml")
    written(one.replace("relay", "lamps").replace('["torch"]', '["lamp"]') + more, "campaigns/b.toml")
    assert said(check(written(FEED + '[campaigns]\ndirectory = "campaigns"\n'))) == faults


def test_more_seeds_than_are_looked_for(written):
    seeds = "".join(f"[[seeds]]\nid = 's{number}'\ntags = ['t{number}']\n" for number in range(10_000))
    folder = written(CAMPAIGN.partition("[[seeds]]")[0].replace("relay", "all") + seeds, "campaigns/a.toml").parent
    load_campaigns(folder)
    written(CAMPAIGN, "campaigns/b.toml")
    with pytest.raises(Faulty, match=r"b\.toml:6: seeds: these are 10,001 seeds with those before; 10,000 are the most"):
        load_campaigns(folder)


def test_evidence_of_two_campaigns(written):
    written(CAMPAIGN, "campaigns/a.toml")
    written(CAMPAIGN.replace("relay", "second"), "campaigns/b.toml")
    (fault,) = check(written(FEED + '[campaigns]\ndirectory = "campaigns"\n'))
    assert fault.file.endswith("campaigns/b.toml")
    assert said([fault]) == ["8 seeds[0].tags[0]: 'torch' is evidence of the seed relay/torch too; keep it with one of them"]


def test_cities(written):
    path = written("prefix,city\n# Jiangsu\n861381234, Nanjing\n\n86139,Suzhou\n", "cities.csv")
    assert load_cities(path) == {"861381234": "Nanjing", "86139": "Suzhou"}
    faulty = written("86138,Nanjing\n86138,Wuxi\n13x,Wuxi\n86138\n", "faulty.csv")
    with pytest.raises(Faulty) as raised:
        load_cities(faulty)
    assert [fault.line for fault in raised.value.faults] == [2, 3, 4]
    assert [fault.line for fault in check(written(FEED + '[cities]\nfile = "faulty.csv"\n'))] == [2, 3, 4]


# ------------------------------------------------------------------------------------------------------------------- the locator


def paths(value: object, path: KeyPath = ()) -> list[KeyPath]:
    if isinstance(value, dict):
        return [path, *(deeper for key, entry in value.items() for deeper in paths(entry, (*path, key)))]
    if isinstance(value, list):
        return [path, *(deeper for index, entry in enumerate(value) for deeper in paths(entry, (*path, index)))]
    return [path]


TRICKY = '''\
a = "]#[" # [x]
b.c."d.e" = [ # first
  1, {f = """
two "" lines
""", g = 'x\\'},
  [[], [2]],
]
[t . "u"]
v = """a\\"""b"""  # still one
[[t.w]]
x = 1979-05-27T07:32:00Z
[[t.w]]
  [t.w.y]
  z = -inf
[[t.w.many]]
k = \'\'\'it''s\'\'\'\'
'''


def test_tricky_text_is_located():
    found = locate(TRICKY)
    assert set(paths(tomllib.loads(TRICKY))) - {()} <= set(found)
    lines = {
        ("a",): 1,
        ("b", "c", "d.e"): 2,
        ("b", "c", "d.e", 0): 3,
        ("b", "c", "d.e", 1, "f"): 3,
        ("b", "c", "d.e", 1, "g"): 5,
        ("b", "c", "d.e", 2, 1, 0): 6,
        ("t", "u", "v"): 9,
        ("t", "w", 0, "x"): 11,
        ("t", "w", 1): 12,
        ("t", "w", 1, "y", "z"): 14,
        ("t", "w", 1, "many", 0, "k"): 16,
    }
    assert {path: found[path] for path in lines} == lines


KEYS = st.text("abc_-.é \"#=[]'", min_size=1, max_size=4)
SCALARS = st.one_of(st.integers(), st.booleans(), st.text("ab\"'#]}=,\\\n é", max_size=6))
TREES = st.dictionaries(
    KEYS,
    st.recursive(SCALARS, lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(KEYS, deeper, max_size=3), max_leaves=8),
    max_size=4,
)


def toml_string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def toml_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return toml_string(value)
    if isinstance(value, list):
        return "[\n" + "".join(f"{toml_value(entry)}, # ]\n" for entry in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml_string(key)} = {toml_value(entry)}" for key, entry in value.items()) + "}"
    return str(value)


@given(st.lists(st.tuples(st.integers(0, 3), KEYS, TREES), max_size=4))
def test_any_text_is_located(tables: list[tuple[int, str, dict[str, object]]]):
    """Each top-level pair's line is where it was written, and nothing tomllib read stays without a line."""
    lines: list[str] = []
    written_at: dict[KeyPath, int] = {}
    seen: set[str] = set()
    for blank, name, tree in tables:
        if name in seen:
            continue
        seen.add(name)
        lines += ["# a = 1"] * blank + [f"[{toml_string(name)}]"]
        for key, value in tree.items():
            written_at[name, key] = len(lines) + 1
            lines += f"{toml_string(key)} = {toml_value(value)}".split("\n")
    text = "\n".join(lines)
    found = locate(text)
    assert {path: found[path] for path in written_at} == written_at
    assert set(paths(tomllib.loads(text))) - {()} <= set(found)


SCRAPS = [
    "",
    "'",
    '"',
    "[",
    "]",
    "[[",
    "{",
    "}",
    "=",
    "\n",
    "\\",
    "#",
    ".",
    ",",
    " ",
    "0",
    "-1",
    "nan",
    "true",
    '""',
    "[]",
    "{}",
    "1979-05-27",
    "é",
    "'''",
    '"""',
]


@given(data=st.data())
def test_no_edit_of_a_configuration_does_more_than_fault(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory):
    """Whatever is mistyped: a list of faults, each with a line of the file, and never an exception."""
    text = SHIPPED
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.sampled_from(SCRAPS)) + text[at + data.draw(st.integers(0, 8)) :]
    path = tmp_path_factory.getbasetemp() / "edited.toml"
    path.write_text(text, encoding="utf-8")
    for fault in check(path):
        assert 0 <= fault.line <= text.count("\n") + 1
        assert fault.what
        assert fault.remedy
