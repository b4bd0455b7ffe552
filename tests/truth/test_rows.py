"""Every row of the evidence table from log lines of the nodes, and for each set of feeds what that set can show.

The stories and their verdicts are written from the table (its sections 3 and 5), not from what mmsd says. A story is a few lines about one
message to one subscriber; all stand in the same files, half an hour apart, and are read once for each column of section 5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from mmsd import app, config
from mmsd.cli import main
from mmsd.model import Attempt, Delivery
from mmsd.rules.causes import REQUESTS, RULES
from mmsd.store.sqlite import SqliteStore
from tests.truth.nodes import FILES, NOON, Day
from tests.truth.widening import may_become

DAY: Final = 86400
MINUTE: Final = 60
LATE: Final = 4 * DAY
"""So late that the default window is not over when the reading ends."""
END: Final = 6 * DAY

COLUMNS: Final = {
    "MMSC": ("mmsc1", "mmsc2"),
    "+ SMS": ("mmsc1", "mmsc2", "sms1"),
    "+ gateway": ("mmsc1", "mmsc2", "sms1", "proxy1"),
    "+ RADIUS MMS": ("mmsc1", "mmsc2", "sms1", "proxy1", "aaa1"),
    "+ RADIUS all": ("mmsc1", "mmsc2", "sms1", "proxy1", "aaa1", "aaa2"),
    "+ SGSN": ("mmsc1", "mmsc2", "sms1", "proxy1", "aaa1", "aaa2", "sgsn1"),
}

CONFIG: Final = """
[judgement]
silence = 0.0 # some lines a day are no rhythm
confirm = 300.0
[operator]
mmsc = ["mmsc.example"]
mms_apns = ["cmwap"]
[codes.smsc]
absent = ["3:27"]
barred = ["3:1"]
full = ["3:9"]
[sequencer]
tick_seconds = 0.0
[state]
directory = "state"
"""

FEEDS: Final = """
[feeds.mmsc1]
dialect = "mbuni"
[feeds.mmsc2]
dialect = "columns"
role = "mmsc"
[feeds.mmsc2.options]
separator = "|"
fields = ["time", "event", "from", "to", "id", "result", "*"]
[feeds.mmsc2.options.map]
at = { from = "time", format = "%Y%m%d%H%M%S" }
sender = "from"
receiver = "to"
message = "id"
status = "result"
[feeds.mmsc2.options.map.kind]
from = "event"
[feeds.mmsc2.options.map.kind.values]
MO = "SUBMIT"
NO = { kind = "SUBMIT_REFUSED", code_set = "MM1_RESPONSE" }
NOTIFY = "NOTIFY"
FAIL = { kind = "FETCH_FAILED", code_set = "MM1_RETRIEVE" }
REPORT = { kind = "REPORT", code_set = "CMCC" }
END = { kind = "REPORT", code_set = "MM1_STATUS" }
OUT = "SENT_OUT"
PEER = { kind = "PEER_ANSWER", code_set = "MM4" }
[feeds.sms1]
dialect = "kannel-sms"
[feeds.proxy1]
dialect = "http"
options = { format = "mms" }
[feeds.aaa1]
dialect = "radius"
covers = { apns = ["cmwap"] }
[feeds.aaa2]
dialect = "radius"
covers = { all = true }
[feeds.sgsn1]
dialect = "columns"
role = "sgsn"
[feeds.sgsn1.options]
separator = ";"
fields = ["date", "clock", "event", "imsi", "msisdn", { name = "imei", quoted = true }, "apn", "cause", "cell", "sgsn"]
[feeds.sgsn1.options.map]
at = { from = ["date", "clock"], format = "%d.%m.%Y;%H:%M:%S" }
receiver = "msisdn"
apn = "apn"
cause = "cause"
[feeds.sgsn1.options.map.kind]
from = "event"
values.ACTIVATE_REJECT = { kind = "SESSION_REJECT", code_set = "SM_CAUSE" }
default = "ignore"
"""


@dataclass(frozen=True)
class Story:
    """`tell(day, t, number)` writes the lines, `t` being when the message is sent. `cells`: "row cause confidence" for each column."""

    name: str
    tell: Callable[[Day, float, str], None]
    cells: tuple[str, ...]
    attempts: str = ""  # of his own requests, from the gateway's column on

    @property
    def sharpest(self) -> str:
        return self.cells[-1]


STORIES: list[Story] = []


def story(*cells: str, attempts: str = "") -> Callable[[Callable[[Day, float, str], None]], None]:
    """One cell for each column; the last one given holds for the columns after it as well."""

    def keep(tell: Callable[[Day, float, str], None]) -> None:
        whole = cells + cells[-1:] * (len(COLUMNS) - len(cells))
        STORIES.append(Story(tell.__name__.removeprefix("_"), tell, whole, attempts))

    return keep


def sent(day: Day, t: float, number: str, *, expires: int = 3600, name: str = "") -> int:
    """Taken by MMSC 1 and pushed; no word yet on the push."""
    day.mbuni(t, "Received", number, f"m{number[-2:]}@mmsc", size=3000)
    return pushed(day, t + 2, number, expires=expires, name=name)


def pushed(day: Day, t: float, number: str, *, expires: int = 3600, name: str = "") -> int:
    day.mbuni(t, "Notify", number, f"m{number[-2:]}@mmsc")
    return day.push(t, number, name or f"t{number[-2:]}", expires=expires)


def arrived(day: Day, t: float, number: str, **options: Any) -> None:
    """Pushed, and the handset has it after three seconds."""
    day.receipt(t + 5, number, sent(day, t, number, **options))


def fetched(day: Day, t: float, number: str, octets: int = 3300) -> None:
    """The gateway hands it out and the MMSC says so."""
    day.get(t, number, f"t{number[-2:]}", octets=octets)
    day.mbuni(t, "Fetched", number, f"m{number[-2:]}@mmsc", size=3000)


def answered(day: Day, t: float, number: str, status: str = "Retrieved") -> None:
    day.post(t, number)
    day.mbuni(t, "NotifyResp", number, f"t{number[-2:]}", act=status, size=30)


def from_vendor(day: Day, t: float, number: str) -> None:
    """Taken by MMSC 2, pushed and delivered to the handset."""
    day.vendor(t, "MO", number, f"v{number[-2:]}")
    day.vendor(t + 2, "NOTIFY", number, f"v{number[-2:]}")
    day.receipt(t + 5, number, day.push(t + 2, number, f"t{number[-2:]}"))


# ------------------------------------------------------------------------------------------------- before there is a delivery, and beyond


@story("B1 NOT_PROVISIONED .95", attempts="Z7")
def _no_money(day: Day, t: float, number: str) -> None:
    day.vendor(t, "NO", number, f"v{number[-2:]}", 235)  # prepaid account empty
    day.post(t, "13900000021")


@story("B2 NODE_FAULT .9")
def _the_mmsc_was_out_of_order(day: Day, t: float, number: str) -> None:
    day.vendor(t, "NO", number, f"v{number[-2:]}", 192)


@story("B2 SUBMIT_FAILED .9")
def _the_mmsc_took_it_for_broken(day: Day, t: float, number: str) -> None:
    day.vendor(t, "NO", number, f"v{number[-2:]}", 226)


@story("O3 UNKNOWN 0")
def _sent_out_before_any_peers_answer_was_logged(day: Day, t: float, number: str) -> None:
    day.vendor(t, "MO", number, f"v{number[-2:]}")
    day.vendor(t + 3, "OUT", number, f"v{number[-2:]}")


@story("B3 INTERWORKING .9")
def _the_other_operator_refused(day: Day, t: float, number: str) -> None:
    day.vendor(t, "MO", number, f"v{number[-2:]}")
    day.vendor(t + 3, "OUT", number, f"v{number[-2:]}")
    day.vendor(t + 9, "PEER", number, f"v{number[-2:]}", 225)


@story("B3 INTERWORKING .9")
def _the_other_operator_never_answered(day: Day, t: float, number: str) -> None:
    day.vendor(t, "MO", number, f"v{number[-2:]}")
    day.vendor(t + 3, "OUT", number, f"v{number[-2:]}")


@story("B4 UNSUPPORTED .9")
def _moved_to_the_album(day: Day, t: float, number: str) -> None:
    from_vendor(day, t, number)
    day.vendor(t + 30, "REPORT", number, f"v{number[-2:]}", 3000)


# ---------------------------------------------------------------------------------------------------------------------- delivered


@story("D1 OK .95", "D1 OK .95", "D1 OK .99", attempts="Z1")
def _delivered(day: Day, t: float, number: str) -> None:
    arrived(day, t, number)
    day.session(t + 7, number, "cmwap")
    fetched(day, t + 10, number)
    answered(day, t + 12, number)


@story("D4 DELAYED .7", "D4 DELAYED .9", attempts="Z1")
def _delivered_late(day: Day, t: float, number: str) -> None:
    push = sent(day, t, number)
    day.receipt(t + 10 * MINUTE, number, push)
    fetched(day, t + 11 * MINUTE, number)
    answered(day, t + 11 * MINUTE + 2, number)


@story("D3 OK_UNCONFIRMED .7", "D3 OK_UNCONFIRMED .7", "D3 OK_UNCONFIRMED .8")
def _never_confirmed(day: Day, t: float, number: str) -> None:
    arrived(day, t, number)
    day.session(t + 7, number, "cmwap")
    fetched(day, t + 10, number)


@story("D3 OK_UNCONFIRMED .7", "D3 OK_UNCONFIRMED .7", "D2 OK_UNCONFIRMED .9 BAD_MMSC_URL", attempts="Z2")
def _confirmed_to_a_wrong_host(day: Day, t: float, number: str) -> None:
    arrived(day, t, number)
    day.session(t + 7, number, "cmwap")
    fetched(day, t + 10, number)
    day.post(t + 12, number, "http://mmsc.monternte.example/", 503)


@story("D5 OK .7")
def _passed_on_unread(day: Day, t: float, number: str) -> None:
    from_vendor(day, t, number)
    day.vendor(t + 40, "END", number, f"v{number[-2:]}", 134)


# ------------------------------------------------------------------------------------------------------------------------- refused


@story("R1 REJECTED .95", attempts="Z1")
def _he_would_not_have_it(day: Day, t: float, number: str) -> None:
    arrived(day, t, number)
    answered(day, t + 12, number, "Rejected")


@story("R2 UNSUPPORTED .9")
def _his_handset_cannot_show_it(day: Day, t: float, number: str) -> None:
    from_vendor(day, t, number)
    day.get(t + 10, number, f"t{number[-2:]}", octets=200)
    day.vendor(t + 10, "FAIL", number, f"v{number[-2:]}", 227)


# ---------------------------------------------------------------------------------------------------------------------------- open


@story("O1 DELAYED .9", attempts="Z1")
def _put_off(day: Day, t: float, number: str) -> None:
    arrived(day, t + LATE, number, expires=9 * DAY)
    answered(day, t + LATE + 12, number, "Deferred")


@story("O2  0")
def _its_time_is_not_over(day: Day, t: float, number: str) -> None:
    arrived(day, t + LATE, number, expires=9 * DAY)


# --------------------------------------------------------------------------------------------------------------- the fetch failed


@story("U16 EXPIRED .9", "U16 NO_RETRIEVE .7", "T1 NODE_FAULT .9")
def _the_node_answered_503(day: Day, t: float, number: str) -> None:
    arrived(day, t, number)
    day.session(t + 7, number, "cmwap")
    day.get(t + 10, number, f"t{number[-2:]}", 503)


@story("T1 NODE_FAULT .9")
def _the_mmsc_said_try_again(day: Day, t: float, number: str) -> None:
    from_vendor(day, t, number)
    day.get(t + 10, number, f"t{number[-2:]}", octets=90)
    day.vendor(t + 10, "FAIL", number, f"v{number[-2:]}", 194)


@story("T2 NOT_PROVISIONED .9")
def _the_service_is_denied_to_him(day: Day, t: float, number: str) -> None:
    from_vendor(day, t, number)
    day.get(t + 10, number, f"t{number[-2:]}", octets=90)
    day.vendor(t + 10, "FAIL", number, f"v{number[-2:]}", 225)


@story("T3 EXPIRED .85")
def _he_came_too_late(day: Day, t: float, number: str) -> None:
    from_vendor(day, t, number)
    day.get(t + 50 * MINUTE, number, f"t{number[-2:]}", 404, 90)
    day.vendor(t + 50 * MINUTE, "FAIL", number, f"v{number[-2:]}", 226)


@story("U16 EXPIRED .9", "U16 NO_RETRIEVE .7", "T4 BAD_PROXY .7")
def _the_proxy_wants_a_login(day: Day, t: float, number: str) -> None:
    arrived(day, t, number)
    day.session(t + 7, number, "cmwap")
    day.get(t + 10, number, f"t{number[-2:]}", 407, 500)


@story("U16 EXPIRED .9", "U16 NO_RETRIEVE .7", "T4 BAD_PROXY .7", attempts="Z4")
def _the_proxy_wants_a_login_for_his_answer(day: Day, t: float, number: str) -> None:
    arrived(day, t, number)
    day.session(t + 7, number, "cmwap")
    day.post(t + 10, number, status=407)


@story("U16 EXPIRED .9", "U16 NO_RETRIEVE .7", "T5 RETRIEVE_FAILED .6")
def _the_gateway_forbids(day: Day, t: float, number: str) -> None:
    arrived(day, t, number)
    day.session(t + 7, number, "cmwap")
    day.get(t + 10, number, f"t{number[-2:]}", 403, 500)


@story("D3 OK_UNCONFIRMED .7", "D3 OK_UNCONFIRMED .7", "T6 RETRIEVE_FAILED .8")
def _broken_on_the_way(day: Day, t: float, number: str) -> None:
    arrived(day, t, number)
    day.session(t + 7, number, "cmwap")
    fetched(day, t + 10, number, octets=900)


@story("T6 RETRIEVE_FAILED .7", "T6 RETRIEVE_FAILED .7", "T6 RETRIEVE_FAILED .8")
def _the_mmsc_saw_the_fetch_fail(day: Day, t: float, number: str) -> None:
    arrived(day, t, number)
    day.session(t + 7, number, "cmwap")
    day.get(t + 10, number, f"t{number[-2:]}", octets=0)
    day.mbuni(t + 10, "Failed Fetch", number, "", size=0)


@story("T6 RETRIEVE_FAILED .7")
def _only_a_code_says_that_he_began(day: Day, t: float, number: str) -> None:
    from_vendor(day, t, number)
    day.vendor(t + 3600, "REPORT", number, f"v{number[-2:]}", 4442)


# ----------------------------------------------------------------------------------------------------------------- the push failed


@story("U16 EXPIRED .9", "N1 NO_PUSH .9")
def _the_smsc_would_not_take_the_push(day: Day, t: float, number: str) -> None:
    day.mbuni(t, "Received", number, f"m{number[-2:]}@mmsc", size=3000)
    day.mbuni(t + 2, "Notify", number, f"m{number[-2:]}@mmsc")
    day.push(t + 2, number, f"t{number[-2:]}", refused=True)


@story("U16 EXPIRED .9", "N2 NO_PUSH .8")
def _the_smsc_rejected_it_later(day: Day, t: float, number: str) -> None:
    day.receipt(t + 9, number, sent(day, t, number), "REJECTD", 8)


@story("U16 EXPIRED .9", "N3 HANDSET_FULL .8")
def _no_room_in_the_handset(day: Day, t: float, number: str) -> None:
    day.receipt(t + 9, number, sent(day, t, number), "UNDELIV", 9)


@story("U16 EXPIRED .9", "N4 NOT_PROVISIONED .8", "N4 NOT_PROVISIONED .9")
def _barred(day: Day, t: float, number: str) -> None:
    day.receipt(t + 9, number, sent(day, t, number), "UNDELIV", 1)


@story("U16 EXPIRED .9", "N5 NO_PUSH .8", "N5 NO_PUSH .9")
def _switched_off(day: Day, t: float, number: str) -> None:
    day.receipt(t + 40 * MINUTE, number, sent(day, t, number), "EXPIRED", 27)


@story("U16 EXPIRED .9", "N5 NO_PUSH .8", "N6 NO_PUSH .6")
def _reported_as_off_and_browsing_meanwhile(day: Day, t: float, number: str) -> None:
    day.receipt(t + 40 * MINUTE, number, sent(day, t, number), "EXPIRED", 27)
    day.browse(t + 20 * MINUTE, number)


# ------------------------------------------------------------------------------------------------- it arrived, and no fetch came of it


@story("U1 UNSUPPORTED .9")
def _a_handset_without_mms(day: Day, t: float, number: str) -> None:
    arrived(day, t, number)


@story("U16 EXPIRED .9", "U16 NO_RETRIEVE .7", "U15 NO_RETRIEVE .8", "U14 NO_RETRIEVE .8", "U13 NO_PDP .8", "U2 BAD_APN .95")
def _a_name_that_nobody_knows(day: Day, t: float, number: str) -> None:
    arrived(day, t, number)
    day.refused(t + 20, number, "CMWAPP", 27)


@story("U16 EXPIRED .9", "U16 NO_RETRIEVE .7", "U15 NO_RETRIEVE .8", "U14 NO_RETRIEVE .8", "U12 NO_RETRIEVE .7", "U3 BAD_APN .85")
def _a_name_to_which_he_did_not_subscribe(day: Day, t: float, number: str) -> None:
    day.session(t - 5 * DAY, number, "cmnet")
    arrived(day, t, number)
    day.refused(t + 20, number, "corporate", 33)


@story("U16 EXPIRED .9", "U16 NO_RETRIEVE .7", "U15 NO_RETRIEVE .8", "U14 NO_RETRIEVE .8", "U13 NO_PDP .8", "U4 NOT_PROVISIONED .9")
def _no_packet_data_for_him(day: Day, t: float, number: str) -> None:
    arrived(day, t, number)
    day.refused(t + 20, number, "cmwap", 33)


@story("U16 EXPIRED .9", "U16 NO_RETRIEVE .7", "U15 NO_RETRIEVE .8", "U14 NO_RETRIEVE .8", "U12 NO_RETRIEVE .7", "U5 NODE_FAULT .8")
def _the_network_was_out_of_order(day: Day, t: float, number: str) -> None:
    day.session(t - 5 * DAY, number, "cmwap")
    arrived(day, t, number)
    day.refused(t + 20, number, "cmwap", 38)


@story("U16 EXPIRED .9", "U16 NO_RETRIEVE .7", "U6 BAD_MMSC_URL .8", attempts="Z2")
def _he_answers_a_wrong_host(day: Day, t: float, number: str) -> None:
    arrived(day, t, number)
    day.session(t + 7, number, "cmwap")
    day.post(t + 12, number, "http://mmsc.monternte.example/", 503)


@story("U16 EXPIRED .9", "U16 NO_RETRIEVE .7", "U7 BAD_MMSC_URL .8", attempts="Z3")
def _he_answers_by_a_wrong_path(day: Day, t: float, number: str) -> None:
    arrived(day, t, number)
    day.session(t + 7, number, "cmwap")
    day.post(t + 12, number, "http://mmsc.example/mmsc/", 404)


@story("U16 EXPIRED .9", "U16 NO_RETRIEVE .7", "U15 NO_RETRIEVE .8", "U8 BAD_PROXY .85")
def _a_new_session_of_which_nothing_reaches_the_gateway(day: Day, t: float, number: str) -> None:
    arrived(day, t, number)
    day.session(t + 20, number, "cmwap", octets=600)


@story("U16 EXPIRED .9", "U16 NO_RETRIEVE .7", "U15 NO_RETRIEVE .8", "U8 BAD_PROXY .5")  # no more than a guess: the cell is NO_RETRIEVE
def _an_old_session_of_which_nothing_reaches_the_gateway(day: Day, t: float, number: str) -> None:
    day.session(t - 3600, number, "cmwap", seconds=3 * 3600)
    arrived(day, t, number)


@story("U16 EXPIRED .9", "U16 NO_RETRIEVE .7", "U15 NO_RETRIEVE .8", "U9 NO_RETRIEVE .8")
def _he_browses_and_does_not_fetch(day: Day, t: float, number: str) -> None:
    arrived(day, t, number)
    day.session(t + 20, number, "cmwap")
    day.browse(t + 40, number)


@story("U16 EXPIRED .9", "U16 NO_RETRIEVE .7", "U15 NO_RETRIEVE .8", "U14 NO_RETRIEVE .8", "U10 BAD_APN .9")
def _three_pushes_and_each_time_the_internet(day: Day, t: float, number: str) -> None:
    arrived(day, t, number)
    day.session(t + 20, number, "cmnet")
    for again in (10 * MINUTE, 20 * MINUTE):
        day.receipt(t + again + 3, number, pushed(day, t + again, number))
        day.session(t + again + 20, number, "cmnet")


@story("U16 EXPIRED .9", "U16 NO_RETRIEVE .7", "U15 NO_RETRIEVE .8", "U14 NO_RETRIEVE .8", "U11 NO_RETRIEVE .7")
def _three_pushes_in_one_moment_and_twice_the_internet_of_his_own(day: Day, t: float, number: str) -> None:
    arrived(day, t, number)
    for again in (0.2, 0.4):
        day.receipt(t + again + 3, number, pushed(day, t + again, number))
    for later in (20, 30, 40):
        day.session(t + later, number, "cmnet", seconds=5)


@story("U16 EXPIRED .9", "U16 NO_RETRIEVE .7", "U15 NO_RETRIEVE .8", "U14 NO_RETRIEVE .8", "U11 NO_RETRIEVE .7")
def _once_the_internet(day: Day, t: float, number: str) -> None:
    arrived(day, t, number)
    day.session(t + 20, number, "cmnet")


@story("U16 EXPIRED .9", "U16 NO_RETRIEVE .7", "U15 NO_RETRIEVE .8", "U14 NO_RETRIEVE .8", "U12 NO_RETRIEVE .7")
def _no_session_but_last_week(day: Day, t: float, number: str) -> None:
    day.session(t - 7 * DAY, number, "cmwap")
    arrived(day, t, number)


@story("U16 EXPIRED .9", "U16 NO_RETRIEVE .7", "U15 NO_RETRIEVE .8", "U14 NO_RETRIEVE .8", "U13 NO_PDP .8")
def _no_session_for_a_month(day: Day, t: float, number: str) -> None:
    arrived(day, t, number)


@story("U16 EXPIRED .9", "U16 EXPIRED .9", "U15 EXPIRED .9", "U14 EXPIRED .9", "U12 EXPIRED .9")
def _nobody_knows_whether_the_push_arrived(day: Day, t: float, number: str) -> None:
    day.session(t - 7 * DAY, number, "cmwap")
    sent(day, t, number)


# ---------------------------------------------------------------------------------------------------------------- his own requests


@story("", attempts="Z5")
def _the_mmsc_answers_his_message_with_503(day: Day, t: float, number: str) -> None:
    day.post(t, number, status=503)


@story("", attempts="Z6")
def _taken_at_the_gateway_and_never_seen_again(day: Day, t: float, number: str) -> None:
    day.post(t, number, sends=True)


# ------------------------------------------------------------------------------------------------------------------------ the reading

Found = tuple[list[Delivery], list[Attempt]]


def number_of(index: int) -> str:
    return f"139000010{index:02d}"


def told() -> Day:
    day = Day()
    for index, each in enumerate(STORIES, 11):
        each.tell(day, 1800 * index, number_of(index))
    keep_alive(day)
    return day


def keep_alive(day: Day) -> None:
    """Somebody else's lines before and after: each feed has begun 40 days ago, and was read beyond the last story."""
    for at in (-40 * DAY, END):
        day.mbuni(at, "Received", "13900009901", f"x{at}@mmsc", size=10)
        day.vendor(at, "MO", "13900009902", f"x{at}")
        day.push(at, "13900009901", f"x{at}")
        day.browse(at, "13900009903")
        day.session(at, "13900009904", "cmwap", seconds=10)
        day.session(at, "13900009905", "cmnet", seconds=10)
        day.refused(at, "13900009906", "cmwap", 38)


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Found]:
    """What was said in each column, or with the feeds of these names, read once."""
    root = tmp_path_factory.mktemp("rows")
    day = told()
    done: dict[str, Found] = {}

    def ask(column: str) -> Found:
        if column not in done:
            folder = root / f"column{len(done)}"
            folder.mkdir()
            day.write(folder)
            done[column] = judged(folder, COLUMNS[column] if column in COLUMNS else tuple(column.split()))
        return done[column]

    return ask


def judged(folder: Path, feeds: tuple[str, ...]) -> Found:
    """Imports the list of handsets, reads the column's feeds, and judges up to END."""
    (folder / "mmsd.toml").write_text(CONFIG + "".join(_feed(name) for name in feeds))
    without_mms = number_of(11 + [each.name for each in STORIES].index("a_handset_without_mms"))
    (folder / "list-20261121.csv").write_text(f"msisdn,imei\n{without_mms},350000020000010\n")
    (folder / "tac.csv").write_text("tac,manufacturer,model,mms\n35000002,Nokia,3310,no\n")
    for what in (("handsets", "list-20261121.csv"), ("tac", "tac.csv", "--as-of", "2026-11-20")):
        result = CliRunner().invoke(main, ["import", what[0], str(folder / "mmsd.toml"), str(folder / what[1]), *what[2:]])
        assert result.exit_code == 0, result.output
    settings = config.load(folder / "mmsd.toml")
    keys = app.load_keys(settings)
    with SqliteStore.open(settings.state.directory, settings=settings.store, keys=keys, wall=app.wall) as store:
        with app.intake(settings, store, keys, app.World(), follow=False, keep_all=True) as sequencer:
            sequencer.until = (NOON + END) * 1_000_000
            while sequencer.tick():
                pass
        return list(store.all_deliveries()), list(store.all_attempts())


def _feed(name: str) -> str:
    blocks = [f"[feeds.{block}" for block in FEEDS.split("[feeds.")[1:]]
    mine = [block for block in blocks if block.removeprefix("[feeds.").split("]")[0].split(".")[0] == name]
    mine[0] += f'paths = ["{FILES[name]}"]\n'
    return "".join(mine)


def cells() -> Iterator[Any]:
    for index, each in enumerate(STORIES, 11):
        for column, cell in zip(COLUMNS, each.cells, strict=True):
            yield pytest.param(column, number_of(index), cell, id=f"{each.name}: {column}")


@pytest.mark.parametrize(("column", "number", "cell"), list(cells()))
def test_what_each_set_of_feeds_shows(read: Callable[[str], Found], column: str, number: str, cell: str):
    deliveries, _ = read(column)
    found = [delivery for delivery in deliveries if delivery.receiver == f"86{number}"]
    assert [shown(delivery) for delivery in found] == ([cell] if cell else [])


def shown(delivery: Delivery) -> str:
    confidence = f"{delivery.confidence:g}".removeprefix("0") or "0"
    return " ".join([delivery.rule, delivery.cause, confidence, *delivery.hints])


@pytest.mark.parametrize("column", list(COLUMNS)[2:])
@pytest.mark.parametrize(("index", "told_"), list(enumerate(STORIES, 11)), ids=lambda value: value.name if isinstance(value, Story) else "")
def test_what_their_own_requests_show(read: Callable[[str], Found], column: str, index: int, told_: Story):
    _, attempts = read(column)
    sender = "8613900000021" if told_.name == "no_money" else f"86{number_of(index)}"
    said = {attempt.verdict for attempt in attempts if attempt.subscriber == sender and attempt.method == "POST"}
    assert said == ({told_.attempts} if told_.attempts else set())


SETS: Final = [
    *COLUMNS,  # and those that no column has: each kind of feed taken away from all
    "mmsc1 mmsc2 proxy1 aaa1 aaa2 sgsn1",
    "mmsc1 mmsc2 sms1 aaa1 aaa2 sgsn1",
    "mmsc1 mmsc2 sms1 proxy1 sgsn1",
    "mmsc1 mmsc2 sms1 sgsn1",
    "mmsc1 mmsc2 aaa1 aaa2",
    "mmsc1 mmsc2 proxy1",
]


@pytest.mark.parametrize("feeds", SETS)
def test_with_feeds_less_a_verdict_moves_left(read: Callable[[str], Found], feeds: str):
    sharp, blunt = ({delivery.receiver: delivery for delivery in read(one)[0]} for one in ("+ SGSN", feeds))
    told_ = {each.name: (sharp.get(f"86{number_of(index)}"), blunt.get(f"86{number_of(index)}")) for index, each in enumerate(STORIES, 11)}
    moved = {
        name: (shown(whole), shown(part))
        for name, (whole, part) in told_.items()
        if whole is not None and part is not None and not may_become(whole, part)
    }
    assert moved == {}


def test_every_row_has_a_story():
    assert {cell.split()[0] for each in STORIES for cell in each.cells if cell} == set(RULES[1:])
    assert {each.attempts for each in STORIES} == set(REQUESTS)


def test_without_the_gateway_nobodys_requests_are_judged(read: Callable[[str], Found]):
    assert [read(column)[1] for column in list(COLUMNS)[:2]] == [[], []]
