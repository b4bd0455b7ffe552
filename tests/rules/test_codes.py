"""Status codes as data: what the tables say, how unknown codes read, whose meaning wins, what a refused push is put down to."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsd import config
from mmsd.cli.codes import markdown_of
from mmsd.codec.tables import cdr, cmpp, mm7, mms, smpp
from mmsd.model import CodeSet, Kind, PushState, Records, TextColumn
from mmsd.rules.causes import CAUSES, RULES
from mmsd.rules.codes import BAD_REPORTS, PREFIX, REASONS, CodeBook, reasons, spelled, tables
from mmsd.rules.settings import Codes

BOOK = config.load_codes()
SET_NAMES = sorted(BOOK.tables)


def local(**settings: object) -> CodeBook:
    return config.load_codes({"a": Codes(**settings)})  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------------------- the data


@pytest.mark.parametrize("name", SET_NAMES)
def test_every_row_speaks_the_words_of_judgement(name: str):
    table = BOOK.tables[name]
    assert table.title
    assert not table.code_set or table.code_set in CodeSet.__members__
    assert set(table.kinds) <= set(Kind.__members__)
    assert set(table.rules) <= set(CAUSES)
    assert set(table.rules.values()) <= set(RULES)
    for instead in [*(row[2] for row in table.reads), *([table.otherwise] if table.otherwise is not None else [])]:
        assert str(instead) in table.codes
    for key in table.codes:
        assert table.takes(key)
        code = table.find(key).code
        assert code.name
        assert code.source
        assert {code.cause, *code.suspects} <= set(CAUSES)
        assert {code.rule, code.expected} <= set(RULES)
        assert not code.rule or code.rule in table.rules.values() or config.load_causes().rows[code.rule].cause == code.cause


def test_every_code_set_of_a_log_has_its_table():
    assert {table.code_set for table in BOOK.tables.values()} - {""} == set(CodeSet.__members__) - {"NONE"}


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("mm1-response", mms.VALUES[mms.RESPONSE_STATUS]),
        ("mm1-retrieve", mms.VALUES[mms.RETRIEVE_STATUS]),
        ("mm1-status", mms.VALUES[mms.STATUS]),
        ("mm1-store", mms.VALUES[mms.STORE_STATUS]),
        ("smpp", smpp.STATUSES),
        ("mm7", {code: status.text for code, status in mm7.STATUS.items()}),
        ("cdr-status", cdr.MM_STATUS),
        ("cdr-request", cdr.REQUEST_STATUS),
        ("cmpp", dict(enumerate(cmpp.RESULTS))),
    ],
)
def test_names_are_those_of_the_codecs(name: str, names: dict[int, str]):
    def plain(text: str) -> str:
        return text.lower().replace(" ", "-")

    assert {key: plain(code.name) for key, code in BOOK.tables[name].codes.items()} == {str(k): plain(v) for k, v in names.items()}


@pytest.mark.parametrize("code", mm7.STATUS)
def test_mm7_diagnoses_are_those_of_the_codec(code: int):
    row, said = BOOK.tables["mm7"].codes[str(code)], mm7.STATUS[code].diagnosis
    assert said in ((row.cause,) if row.cause and not row.action else (row.cause, row.action))


@pytest.mark.parametrize(("spelling", "number"), mm7.MM_STATUS.items())
def test_mm_status_goes_by_name_in_every_spelling(spelling: str, number: int):
    assert BOOK.tables["mm7-status"].find(spelling.upper()).key == str(number)


def test_the_assumptions_are_marked():
    cmcc = BOOK.tables["cmcc"]
    assert {key: cmcc.find(key).code.confidence for key in ("4441", "4442", "4446", "2000")} == {
        "4441": "A", "4442": "A", "4446": "F", "2000": "F",
    }  # fmt: skip
    assert BOOK.tables["http"].find("404").code.confidence == "A"
    assert BOOK.tables["mm1-response"].find("225").code.confidence == "S"


# ---------------------------------------------------------------------------------------------------------------- how codes read


@pytest.mark.parametrize(
    ("name", "key", "read_as", "cause"),
    [
        ("mm1-response", "200", "192", "NODE_FAULT"),
        ("mm1-response", "240", "224", "SUBMIT_FAILED"),
        ("mm1-response", "7", "224", "SUBMIT_FAILED"),
        ("mm1-retrieve", "255", "224", "RETRIEVE_FAILED"),
        ("mm1-status", "140", "", ""),
        ("mm4-request", "200", "129", "INTERWORKING"),
        ("mm7", "2570", "2000", "SUBMIT_FAILED"),
        ("mm7", "4441", "4000", "NODE_FAULT"),
        ("mm7", "9001", "3000", "NODE_FAULT"),
        ("cdr-request", "17", "4", "SUBMIT_FAILED"),
        ("cmcc", "4446", "44*", "EXPIRED"),
        ("cmcc", "4501", "4*", "EXPIRED"),
        ("cmcc", "5012", "5*", "INTERWORKING"),
        ("http", "418", "4*", ""),
        ("http", "599", "5*", "NODE_FAULT"),
        ("http", "700", "", ""),
        ("sm", "99", "34", "NODE_FAULT"),
        ("sms-stat", "MK:0099", "MK:*", "NO_PUSH"),
        ("sms-stat", "XX:0099", "", ""),
        ("sms-network", "3:99", "", ""),
        ("smpp", "1025", "", ""),
    ],
)
def test_unknown_codes_read_as_their_standard_says(name: str, key: str, read_as: str, cause: str):
    reading = BOOK.at().find(name, key)
    assert (reading.known, reading.read_as, reading.code.cause) == (False, read_as, cause)


@pytest.mark.parametrize(
    ("name", "key", "rule"),
    [
        ("mm1-retrieve", "192", "T1"), ("mm1-retrieve", "194", "T1"), ("mm1-retrieve", "225", "T2"), ("mm1-retrieve", "193", "T3"),
        ("mm1-retrieve", "226", "T3"), ("mm1-retrieve", "227", "R2"), ("mm1-retrieve", "224", "T6"),
        ("sm", "27", "U2"), ("gtp", "219", "U2"), ("gtp", "78", "U2"), ("sm", "29", "U3"), ("sm", "33", "U3"), ("sm", "8", "U4"),
        ("gmm", "7", "U4"), ("gmm", "8", "U4"), ("gmm", "14", "U4"), ("sm", "26", "U5"), ("sm", "38", "U5"), ("gmm", "17", "U5"),
        ("gtp", "199", "U5"), ("gtp", "250", "U5"), ("http", "404", ""),
    ],
)  # fmt: skip
def test_codes_point_to_rows(name: str, key: str, rule: str):
    assert BOOK.at().find(name, key).code.rule == rule


def test_the_right_access_point_turns_a_wrong_name_into_no_subscription():
    assert BOOK.at().read(CodeSet.SM_CAUSE, 33).code.expected == "U4"
    assert config.load_causes().rows["U4"].cause == "NOT_PROVISIONED"


@given(st.sampled_from([*CodeSet]), st.integers(0, 2**31 - 1), st.sampled_from([*Kind]))
def test_every_code_of_a_column_has_a_reading(code_set: CodeSet, code: int, kind: Kind):
    reading = BOOK.at().read(code_set, code, kind)
    assert reading.key == spelled(code_set, code)
    assert reading.known == (reading.table != "" and reading.key in BOOK.tables[reading.table].codes)


@given(st.sampled_from(SET_NAMES), st.text(max_size=12))
def test_every_text_has_a_reading(name: str, text: str):
    reading = BOOK.at().find(name, text)
    assert reading.known <= reading.named


def test_one_column_two_sets_by_the_kind_of_record():
    assert BOOK.at().read(CodeSet.CDR, 3, Kind.FETCH_FAILED).code.name == "rejected"
    assert BOOK.at().read(CodeSet.CDR, 30, Kind.NONE).code.cause == "NOT_PROVISIONED"


def test_a_column_that_no_model_knows_is_no_fault():
    assert BOOK.at().read(200, 5).table == ""


# -------------------------------------------------------------------------------------------------------------- whose meaning wins


def test_narrower_meanings_come_first():
    book = config.load_codes(
        {
            "all": Codes(map={"cmcc": {"4446": "NO_PUSH"}}),
            "node": Codes(nodes=("n1",), map={"cmcc": {"4446": "BAD_APN"}}),
            "feed": Codes(feeds=("f1",), map={"cmcc": {"4446": "BAD_PROXY"}}),
            "link": Codes(links=("l1",), map={"cmcc": {"4446": "HANDSET_FULL"}}),
        }
    )
    told = {
        place: (reading.code.cause, reading.local)
        for place in [("", "", ""), ("f2", "n1", ""), ("f1", "n1", ""), ("f1", "n1", "l1"), ("f2", "n2", "l2")]
        for reading in [book.at(*place).find("cmcc", "4446")]
    }
    assert told == {
        ("", "", ""): ("NO_PUSH", "all"),
        ("f2", "n1", ""): ("BAD_APN", "node"),
        ("f1", "n1", ""): ("BAD_PROXY", "feed"),
        ("f1", "n1", "l1"): ("HANDSET_FULL", "link"),
        ("f2", "n2", "l2"): ("NO_PUSH", "all"),
    }


def test_a_local_meaning_makes_a_code_known_and_keeps_its_signs():
    scope = local(map={"cmcc": {"4446": "NO_PUSH", "45*": "INTERWORKING"}, "smpp": {"1025": "NOT_PROVISIONED"}}).at()
    assert scope.find("cmcc", "4446") == (
        "cmcc", "4446", msgspec.structs.replace(
            BOOK.tables["cmcc"].codes["44*"], cause="NO_PUSH", suspects=(), confidence="F", source="configuration"
        ), True, "", "a",
    )  # fmt: skip
    assert scope.find("cmcc", "4599").code.cause == "INTERWORKING"
    assert scope.find("cmcc", "4599").code.final == "expired"
    assert scope.read(CodeSet.SMPP, 1025).code.cause == "NOT_PROVISIONED"
    assert scope.find("cmcc", "4441") == BOOK.at().find("cmcc", "4441")


def test_a_local_cause_takes_its_row_along():
    scope = local(map={"mm1-retrieve": {"226": "NODE_FAULT"}, "sm": {"33": "NODE_FAULT"}}).at()
    assert scope.read(CodeSet.MM1_RETRIEVE, 226).code.rule == "T1"
    assert (scope.read(CodeSet.SM_CAUSE, 33).code.rule, scope.read(CodeSet.SM_CAUSE, 33).code.expected) == ("U5", "")


# ------------------------------------------------------------------------------------------------------------- why a push failed

NETWORK = 3 << 16


@pytest.mark.parametrize(
    ("state", "error", "stat", "why"),
    [
        (PushState.REFUSED, -1, b"", "refused"),
        (PushState.DISCARDED, NETWORK | 1, b"", "refused"),
        (PushState.REJECTED, NETWORK | 1, b"", "rejected"),
        (PushState.EXPIRED, NETWORK | 1, b"", "absent"),
        (PushState.UNDELIVERABLE, -1, b"", "absent"),
        (PushState.UNDELIVERABLE, NETWORK | 1, b"", "barred"),
        (PushState.UNDELIVERABLE, NETWORK | 27, b"", "absent"),
        (PushState.UNDELIVERABLE, NETWORK | 22, b"", "full"),
        (PushState.UNDELIVERABLE, NETWORK | 99, b"", "absent"),
        (PushState.UNDELIVERABLE, 1, b"", "absent"),  # a number without its type is nobody's
        (PushState.UNDELIVERABLE, -1, b"MK:0005", "barred"),
        (PushState.UNDELIVERABLE, -1, b"MK:0099", "absent"),
        (PushState.UNDELIVERABLE, -1, b"DB:0102", "barred"),
        (PushState.UNDELIVERABLE, NETWORK | 27, b"MK:0005", "absent"),
        (PushState.DELETED, NETWORK | 1, b"DELETED", "barred"),
        (PushState.UNDELIVERABLE, -1, b"\xff\x00", "absent"),
    ],
)
def test_why_a_push_failed(state: int, error: int, stat: bytes, why: str):
    assert BOOK.at().reason(state, error, stat) == why


def test_the_operator_knows_his_smsc():
    scope = local(absent=("3:1", "MK:0005"), barred=("27",), full=("8:4",)).at()
    assert scope.reason(PushState.UNDELIVERABLE, NETWORK | 1) == "absent"
    assert scope.reason(PushState.UNDELIVERABLE, NETWORK | 27) == "barred"  # the code alone, whatever its type
    assert scope.reason(PushState.UNDELIVERABLE, 27) == "barred"
    assert scope.reason(PushState.UNDELIVERABLE, 8 << 16 | 4) == "full"
    assert scope.reason(PushState.UNDELIVERABLE, NETWORK | 13, b"MK:0005") == "absent"  # his word before our table
    assert scope.find("sms-network", "8:4").known


def test_reasons_of_a_feeds_reports_by_link():
    words = [b"", b"UNDELIV", b"MK:0005", b"MK:0005", b""]
    links = [b"l1", b"l1", b"l1", b"l2", b"l2"]
    state = [PushState.DELIVERED, PushState.UNDELIVERABLE, PushState.UNDELIVERABLE, PushState.UNDELIVERABLE, PushState.REJECTED]

    def column(texts: list[bytes]) -> TextColumn:
        stop = np.cumsum([len(text) for text in texts])
        return TextColumn(b"".join(texts), np.concatenate(([0], stop[:-1])), stop)

    records = Records(
        5,
        {
            "at": np.zeros(5, np.int64), "kind": np.full(5, Kind.PUSH_REPORT, np.uint8), "where": np.arange(5),
            "push_state": np.array(state, np.uint8), "push_error": np.array([-1, NETWORK | 1, -1, -1, -1], np.int32),
        },
        {"status": column(words), "smsc": column(links)},
    )  # fmt: skip
    book = config.load_codes({"a": Codes(links=("l2",), full=("MK:0005",))})
    assert [REASONS[place] for place in reasons(book, "sms1", "smsc", records, np.arange(5))] == [
        "",
        "barred",
        "barred",
        "full",
        "rejected",
    ]
    assert [REASONS[place] for place in reasons(book, "sms1", "smsc", records, np.array([3]))] == ["full"]


def test_every_bad_word_on_a_push_has_a_reason():
    assert all(BOOK.at().reason(state, -1) for state in BAD_REPORTS)


# ------------------------------------------------------------------------------------------------------------------- for people


@pytest.mark.parametrize(
    ("text", "only", "found"),
    [
        ("4441", "", {"cmcc"}),
        ("4446", "", {"cmcc"}),
        ("4441", "mm7", {"mm7"}),
        ("0xC1", "mm1", {"mm1-response", "mm1-retrieve", "mm1-store"}),
        ("3:27", "", {"sms-network"}),
        ("MK:0005", "", {"sms-stat"}),
        ("error-network-problem", "", {"mm1-response", "mm4-request"}),
        ("retrieved", "", {"cdr-status", "mm1-status", "mm4-status", "mm7-status"}),
        ("no such thing", "", set()),
    ],
)
def test_looking_a_code_up(text: str, only: str, found: set[str]):
    assert {reading.table for reading in BOOK.lookup(text, only)} == found


def test_the_page_says_what_the_tables_say(root: Path):
    page = (root / "docs/codes.md").read_text(encoding="utf-8")
    assert page.partition("\n## The sets\n")[2].strip() == "\n\n".join(markdown_of(table) for table in BOOK.tables.values())


def test_a_set_that_is_no_set_says_what_is_wrong():
    with pytest.raises(msgspec.ValidationError, match="unknown field `nmae`"):
        list(tables({"x": {"title": "X", "source": "S", "codes": {"1": {"nmae": "one"}}}}))
    with pytest.raises(msgspec.ValidationError, match="Invalid enum value 'gone'"):
        list(tables({"x": {"title": "X", "source": "S", "codes": {"1": {"name": "one", "reason": "gone"}}}}))


def test_prefixes_are_marked():
    assert all(key.count(PREFIX) == key.endswith(PREFIX) for table in BOOK.tables.values() for key in table.codes)
