"""`/api/v1` over lists: what is asked, what is answered, what is refused."""

import json

import msgspec
import numpy as np
import pytest

from mmsd.errors import StoreBusy
from mmsd.model import CLOSED, HOUR, Attempt, Audit, ClocksApart, Delays, FeedCondition, FeedGap, Finding, LineCount
from mmsd.rules.causes import CAUSES, OUTCOMES, RULES
from mmsd.web.api import delivery as as_json
from tests.web.house import HOUR_OF_NOON, NOON, RECEIVER, SENDER, House, delivery, feed


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def get(house, path, *, status=200):
    """The JSON answer of one GET."""
    answers = []

    async def story(client):
        answer = await client.get(path)
        assert answer.content_type == "application/json"
        assert answer.status == status, await answer.text()
        answers.append(await answer.json())

    house.visit(story)
    return answers[0]


def post(house, path, body, *, status=200):
    answers = []

    async def story(client):
        answer = await client.post(path, json=body)
        assert answer.status == status, await answer.text()
        answers.append(await answer.json())

    house.visit(story)
    return answers[0]


def count(hour, outcome, n, *, cause="", node="mmsc1", city="Nanjing"):
    return (HOUR_OF_NOON + hour, node, city, outcome, cause, n)


# ------------------------------------------------------------------------------------------------------------------- kpi


def test_kpi_shows_every_ratio_with_its_open_share(house):
    house.shelf.hours = [
        count(0, "delivered", 6, cause="OK"),
        count(0, "failed", 2, cause="NO_PUSH"),
        count(0, "open", 2),
        count(-1, "failed", 1, cause="BAD_APN", node="mmsc2", city=""),
    ]
    answer = get(house, "/api/v1/kpi")
    assert answer["total"] == {
        "delivered": 6, "failed": 3, "open": 2, "ratio": 0.66667, "open_share": 0.18182, "causes": {"NO_PUSH": 2, "BAD_APN": 1},
    }  # fmt: skip
    assert [(row["hour"], row["ratio"], row["open_share"]) for row in answer["hours"]] == [
        ("2026-11-22T11:00:00Z", 0.0, 0.0),
        ("2026-11-22T12:00:00Z", 0.75, 0.2),
    ]
    assert [(row["name"], row["outcomes"]["failed"]) for row in answer["nodes"]] == [("mmsc1", 2), ("mmsc2", 1)]
    assert [row["name"] for row in answer["cities"]] == ["", "Nanjing"]


def test_kpi_without_deliveries_has_no_ratio(house):
    total = get(house, "/api/v1/kpi")["total"]
    assert (total["ratio"], total["open_share"]) == (None, None)


def test_kpi_window_is_the_last_day_of_event_time(house):
    answer = get(house, "/api/v1/kpi")
    # The newest line of the feeds stands in the hour after noon.
    assert (answer["from"], answer["to"]) == ("2026-11-21T13:00:00Z", "2026-11-22T13:00:00Z")


def test_kpi_range_is_rounded_to_whole_hours(house):
    house.shelf.hours = [count(0, "delivered", 1), count(3, "delivered", 1)]
    answer = get(house, "/api/v1/kpi?from=2026-11-22T20:10:00%2B08:00&to=2026-11-22T14:30:00Z")
    assert (answer["from"], answer["to"], answer["total"]["delivered"]) == ("2026-11-22T12:00:00Z", "2026-11-22T15:00:00Z", 1)


def test_kpi_knows_a_plus_sign_that_became_a_blank(house):
    assert get(house, "/api/v1/kpi?from=2026-11-22T20:00:00+08:00&to=2026-11-22T13:00:00Z")["from"] == "2026-11-22T12:00:00Z"


@pytest.mark.parametrize("query", ["from=2026-01-01T00:00:00Z", "from=2026-11-22T13:00:00Z&to=2026-11-22T12:00:00Z"])
def test_kpi_range_is_limited(house, query):
    assert get(house, f"/api/v1/kpi?{query}", status=400)["error"] == "bad_range"


@pytest.mark.parametrize("value", ["yesterday", "2026-11-22", "2026-11-22T12:00:00", "0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z", ""])
def test_times_need_a_zone_and_a_sensible_year(house, value):
    assert get(house, f"/api/v1/kpi?from={value}", status=400)["error"] == "bad_parameter"


# ------------------------------------------------------------------------------------------------------------ deliveries


def test_deliveries_are_paged_newest_first(house):
    house.shelf.rows = [delivery(message=f"m{n}") for n in range(5)]
    seen, path = [], "/api/v1/deliveries?limit=2"
    while True:
        answer = get(house, path)
        seen += [row["message"] for row in answer["deliveries"]]
        if answer["after"] is None:
            break
        path = f"/api/v1/deliveries?limit=2&after={answer['after']}"
    assert seen == ["m4", "m3", "m2", "m1", "m0"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("outcome=delivered", ["b"]),
        ("cause=BAD_APN", ["c"]),
        ("node=mmsc2", ["c"]),
        ("message=a", ["a"]),
        ("since=2026-11-22T12:00:00Z", ["c", "b"]),
        ("until=2026-11-22T12:00:00Z", ["a"]),
        ("outcome=failed&node=mmsc1", ["a"]),
    ],
)
def test_deliveries_are_filtered(house, query, expected):
    house.shelf.rows = [
        delivery(message="a", submitted=NOON - HOUR),
        delivery(message="b", outcome="delivered", cause="OK"),
        delivery(message="c", cause="BAD_APN", node="mmsc2"),
    ]
    assert [row["message"] for row in get(house, f"/api/v1/deliveries?{query}")["deliveries"]] == expected


@pytest.mark.parametrize(
    "query",
    ["outcome=lost", "limit=0", "limit=501", "limit=x", "limit=%2B1", "limit=١", "after=0", "after=-1", "after=99999999999999999999",
     "cause=a%20b", "node=%00", "since=now"],
)  # fmt: skip
def test_bad_values_are_refused_by_parameter(house, query):
    answer = get(house, f"/api/v1/deliveries?{query}", status=400)
    assert answer["error"] == "bad_parameter"
    assert answer["detail"].startswith(query.partition("=")[0])
    assert answer["remedy"]


def test_a_delivery_names_its_fields_and_masks_its_numbers(house):
    house.shelf.rows = [delivery(leg=SENDER, transaction="", size=-1)]
    row = get(house, "/api/v1/deliveries")["deliveries"][0]
    assert row == {
        "node": "mmsc1", "message": "m1", "leg": "86139****5432", "transaction": "", "sender": "86139****5432", "receiver": "86138****1234",
        "submitted": "2026-11-22T12:00:00Z", "pushed": None, "retrieved": None, "closed": "2026-11-22T12:00:01.500000Z",
        "expires": None, "expires_by": "",
        "outcome": "failed", "lapsed": False, "cause": "NO_PUSH", "detail": "", "rule": "N5", "group": "no_retrieval", "confidence": 0.9,
        "suspects": [], "not_covered": [], "size": None, "city": "", "own": False, "orphan": False, "off_net": False,
        "evidence": [
            {"feed": "mmsc1", "file": "access.log", "offset": 120, "kind": "SUBMIT", "at": "2026-11-22T12:00:00Z", "note": ""},
        ],
    }  # fmt: skip


def test_no_answer_holds_a_full_number():
    rows = [
        delivery(),
        delivery(leg=SENDER, transaction=""),
        delivery(leg=f"+{SENDER}", transaction=""),
        delivery(sender="+8613998765432", receiver="8613812341234"),
    ]
    text = json.dumps([as_json(row) for row in rows])
    assert RECEIVER not in text
    assert SENDER not in text


def test_search_takes_a_number_as_people_write_it(house):
    house.shelf.rows = [
        delivery(message="got"),
        delivery(message="sent", sender=RECEIVER, receiver=SENDER),
        delivery(receiver="8613700000000"),
    ]
    for number in (RECEIVER, f"+{RECEIVER}", "138 1234 1234", "0086-138-1234-1234"):
        answer = post(house, "/api/v1/deliveries/search", {"number": number})
        assert answer["number"] == "86138****1234"
        assert [(row["role"], row["message"]) for row in answer["deliveries"]] == [("sender", "sent"), ("receiver", "got")]


def test_search_tells_the_story_of_a_week_newest_first(house):
    house.shelf.closed = np.zeros(2, CLOSED)
    house.shelf.closed["at"] = NOON - HOUR, NOON
    house.shelf.closed["retrieved"] = NOON - HOUR + 2_000_000, 0
    house.shelf.closed["outcome"] = OUTCOMES.index("delivered"), OUTCOMES.index("failed")
    house.shelf.closed["cause"] = CAUSES.index("OK"), CAUSES.index("NO_PUSH")
    house.shelf.closed["rule"] = RULES.index("D1"), RULES.index("N5")
    house.shelf.closed["size"] = 30_000, -1
    told = post(house, "/api/v1/deliveries/search", {"number": RECEIVER})["history"]
    assert told == [
        {"submitted": "2026-11-22T12:00:00Z", "pushed": None, "retrieved": None, "closed": None,
         "outcome": "failed", "cause": "NO_PUSH", "rule": "N5", "size": None},
        {"submitted": "2026-11-22T11:00:00Z", "pushed": None, "retrieved": "2026-11-22T11:00:02Z", "closed": None,
         "outcome": "delivered", "cause": "OK", "rule": "D1", "size": 30_000},
    ]  # fmt: skip
    assert post(house, "/api/v1/deliveries/search", {"number": RECEIVER, "limit": 1})["history"] == told[:1]
    assert post(house, "/api/v1/deliveries/search", {"number": RECEIVER, "after": 9})["history"] == []
    assert post(house, "/api/v1/deliveries/search", {"number": SENDER})["history"] == []


def test_search_is_paged(house):
    house.shelf.rows = [delivery(message=f"m{n}") for n in range(3)]
    first = post(house, "/api/v1/deliveries/search", {"number": RECEIVER, "limit": 2})
    rest = post(house, "/api/v1/deliveries/search", {"number": RECEIVER, "limit": 2, "after": first["after"]})
    assert [row["message"] for row in first["deliveries"] + rest["deliveries"]] == ["m2", "m1", "m0"]
    assert rest["after"] is None


@pytest.mark.parametrize(
    "body",
    [{}, [], {"number": 8613812341234}, {"number": RECEIVER, "x": 1}, {"number": "12"}, {"number": ""}, {"number": "9" * 60},
     {"number": RECEIVER, "limit": 0}, {"number": RECEIVER, "limit": 501}, {"number": RECEIVER, "after": 0}],
)  # fmt: skip
def test_a_bad_search_is_refused_without_repeating_it(house, body):
    answer = post(house, "/api/v1/deliveries/search", body, status=400)
    assert "8613812341234" not in json.dumps(answer)
    assert "9999" not in json.dumps(answer)


def test_search_takes_json_only(house):
    async def story(client):
        answer = await client.post("/api/v1/deliveries/search", data={"number": RECEIVER})
        assert answer.status == 415
        answer = await client.post("/api/v1/deliveries/search", data=b'{"number": "\xff"}', headers={"Content-Type": "application/json"})
        assert answer.status == 400

    house.visit(story)


# ------------------------------------------------------------------------------------------------------------- campaigns


def test_counts_by_day_and_city(house):
    house.shelf.serials = 7
    house.shelf.days["relay"] = {("2026-11-21", "Wuxi"): (2, 1), ("2026-11-22", "Wuxi"): (1, 0), ("2026-11-22", "Nanjing"): (5, 0)}
    answer = get(house, "/api/v1/campaigns/relay/counts")
    assert (answer["forwards"], answer["people"], answer["serials"]) == (8, 8, 7)
    assert answer["days"] == [{"day": "2026-11-21", "forwards": 2}, {"day": "2026-11-22", "forwards": 6}]
    assert answer["cities"] == [
        {"city": "Nanjing", "forwards": 5, "share": 0.625},
        {"city": "Wuxi", "forwards": 3, "share": 0.375},
    ]
    assert answer["counts"][0] == {"day": "2026-11-21", "city": "Wuxi", "forwards": 2, "not_counted": 1}

    one = get(house, "/api/v1/campaigns/relay/counts?day=2026-11-22&city=Wuxi")
    assert (one["forwards"], one["people"], one["serials"], len(one["counts"])) == (1, None, None, 1)


def test_a_campaign_without_forwards_is_zero_and_an_unknown_one_is_not_found(house):
    assert get(house, "/api/v1/campaigns/unused/counts")["forwards"] == 0
    assert get(house, "/api/v1/campaigns/other/counts", status=404)["error"] == "no_such_campaign"
    assert RECEIVER not in json.dumps(get(house, f"/api/v1/campaigns/{RECEIVER}/counts", status=404))
    assert get(house, "/api/v1/campaigns/relay/counts?day=22.11.2026", status=400)["error"] == "bad_parameter"


# --------------------------------------------------------------------------------------------------------- health, totals


def test_health_says_which_twin_runs_and_how_the_feeds_do(house):
    answer = get(house, "/api/v1/health")
    assert (answer["twin"], answer["ready"], answer["open_deliveries"]) == ("python", True, 4)
    assert [(feed["name"], feed["state"], feed["mark"]) for feed in answer["feeds"]] == [
        ("mmsc1", "ok", "2026-11-22T12:00:00Z"),
        ("wap1", "degraded", "2026-11-22T12:00:00Z"),
    ]


def test_health_says_what_a_feed_missed(house):
    house.health = msgspec.structs.replace(house.health, feeds=(feed("charging1", notes={"files missing": 2}), feed("mmsc1")))
    assert [row["notes"] for row in get(house, "/api/v1/health")["feeds"]] == [{"files missing": 2}, {}]


def test_feeds_tell_what_absence_rests_on(house):
    gaps = (FeedGap(NOON - 60_000_000, NOON, "files are missing"), FeedGap(NOON, 0, "its files could not be read"))
    condition = FeedCondition(
        "mmsc1", "mmsc1", "mmsc", NOON - 3_600_000_000, NOON, Delays(1, 2_500_000, 3, 90), waits=5_000_000, gaps=gaps, orphans=2
    )
    clocks = (ClocksApart("mmsc1", "wap1", 4_000_000, 100_000, 60, far=True), ClocksApart("mmsc1", "mmsc2", 0, 0, 60, far=False))
    feeds = (feed("mmsc1", condition=condition), feed("wap1", state="degraded", detail="no such file yet"))
    house.health = msgspec.structs.replace(house.health, feeds=feeds, clocks=clocks, horizon=NOON, widened=4_500_000)
    answer = get(house, "/api/v1/feeds")
    assert (answer["horizon"], answer["widened"]) == ("2026-11-22T12:00:00Z", 4.5)
    (row,) = answer["feeds"]
    assert (row["since"], row["waits"], row["late"], row["disorder"]) == (
        "2026-11-22T11:00:00Z", 5.0, {"half": 1e-06, "most": 2.5, "all": 3e-06, "n": 90}, None,
    )  # fmt: skip
    assert row["gaps"][1] == {"from": "2026-11-22T12:00:00Z", "to": None, "reason": "its files could not be read"}
    assert (row["state"], row["lines"], row["dialect"]) == ("ok", 100, "mbuni")
    assert [clock["words"] for clock in answer["clocks"]] == ["wap1 is 4.0 s ahead of mmsc1", "mmsc2 is 0.0 s behind mmsc1"]
    short, other = get(house, "/api/v1/health")["feeds"]
    assert (short["late"], short["gaps"], short["missing"], short["orphans"]) == (2.5, 2, "its files could not be read", 2)
    assert (other["late"], other["waits"], other["since"]) == (None, None, None)
    unheard = feed("wap1", condition=FeedCondition("wap1", "wap1", "gateway"))
    house.health = msgspec.structs.replace(house.health, feeds=(unheard,))
    assert get(house, "/api/v1/health")["feeds"][0]["missing"] == "no line yet: nothing of its kind is covered"
    assert get(house, "/api/v1/totals")["clocks"] == ["wap1 is 4.0 s ahead of mmsc1"]


def test_audits_are_told_newest_first(house):
    house.shelf.told = [
        Audit("charging1", "gap", "", "files 8 to 9 of 10.1.2.3 are missing", NOON),
        Audit("mmsc1", "shrunk", "/var/log/mmsc.log", "4096 bytes became 12", NOON - 1_000_000),
    ]
    answer = get(house, "/api/v1/audits")["audits"]
    assert answer[0] == {
        "at": "2026-11-22T12:00:00Z", "feed": "charging1", "what": "gap", "path": "", "detail": "files 8 to 9 of 10.1.2.3 are missing",
    }  # fmt: skip
    assert [row["what"] for row in answer] == ["gap", "shrunk"]
    assert len(get(house, "/api/v1/audits?limit=1")["audits"]) == 1
    assert get(house, "/api/v1/audits?limit=0", status=400)["error"] == "bad_parameter"


def test_totals_are_what_the_store_has(house):
    house.shelf.hours = [count(-1, "delivered", 3, cause="OK"), count(-1, "failed", 1, cause="NO_PUSH"), count(-30, "failed", 9, cause="X")]
    house.shelf.read = [LineCount("mmsc1", "", 10, 12, 999), LineCount("mmsc1", "no_time", 2, 0, 0), LineCount("wap1", "", 5, 5, 1)]
    house.shelf.days["relay"] = {("2026-11-22", "Wuxi"): (4, 0)}
    house.shelf.serials, house.shelf.waiting = 4, {"shadow": 4}
    answer = get(house, "/api/v1/totals")
    assert (answer["lines"], answer["records"], answer["octets"], answer["rejects"]) == (15, 17, 1000, 2)
    assert answer["outcomes"] == {"delivered": 3, "failed": 1, "open": 0, "ratio": 0.75, "open_share": 0.0}
    assert answer["causes"] == [{"name": "NO_PUSH", "n": 1, "share": 1.0}]
    assert (answer["forwards"], answer["serials"], answer["outbox"]) == (4, 4, {"shadow": 4})
    assert answer["cities"] == [{"name": "Wuxi", "n": 4, "share": 1.0}]
    assert answer["rejected"] == [{"feed": "mmsc1", "reason": "no_time", "n": 2}]


@pytest.mark.parametrize(
    "path", ["/api/v1/kpi", "/api/v1/audits", "/api/v1/totals", "/api/v1/deliveries", "/api/v1/campaigns/relay/counts"]
)
def test_a_store_that_is_away_is_said_plainly(house, path):
    house.shelf.failure = StoreBusy("database is locked: /var/lib/mmsd/mmsd.db")

    async def story(client):
        answer = await client.get(path)
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "5"
        assert "/var/lib" not in await answer.text()

    house.visit(story)


# ----------------------------------------------------------------------------------------------------------------- one number


def packed(at, message, *, outcome="delivered", cause="OK", rule="D1"):
    row = np.zeros(1, CLOSED)
    row["at"], row["closed"], row["message"], row["node"] = at, at + 5_000_000, message, 1
    row["outcome"], row["cause"], row["rule"], row["size"] = OUTCOMES.index(outcome), CAUSES.index(cause), RULES.index(rule), 30_000
    return row


def test_a_story_tells_rows_and_packed_rows_once_and_newest_first(house):
    shelf = house.shelf
    shelf.rows = [delivery(message="m1"), delivery(message="m2", receiver=SENDER, sender=RECEIVER, submitted=NOON - HOUR)]
    shelf.closed = np.concatenate(
        [packed(NOON - 2 * HOUR, 77), packed(NOON, shelf.hash_of("m1"), outcome="failed", cause="NO_PUSH", rule="N5")]
    )
    shelf.tried = [
        Attempt(RECEIVER, "wap1", "POST", "mms.example", 80, f"/to/{SENDER}", 502, "post", "sure", NOON, "Z2"),
        Attempt(SENDER, "wap1", "POST", "mms.example", 80, "/", 200, "post", "sure", NOON, "Z1"),
    ]
    shelf.found = [Finding("subscriber", RECEIVER, "BAD_MMSC_URL", 0.9, NOON)]
    answer = post(house, "/api/v1/story", {"number": "13812341234"})
    assert [(row["role"], row["packed"], row["message"], row["outcome"], row["says"]) for row in answer["deliveries"]] == [
        ("receiver", False, "m1", "failed", "row.N5"),
        ("sender", False, "m2", "failed", "row.N5"),
        ("receiver", True, "", "delivered", "row.D1"),
    ]
    assert answer["deliveries"][-1]["node"] == "mmsc1"
    assert [(row["verdict"], row["path"]) for row in answer["attempts"]] == [("Z2", "/to/86139****5432")]
    assert [row["cause"] for row in answer["findings"]] == ["BAD_MMSC_URL"]
    assert (answer["known"], answer["after"], answer["cut"]) == (True, None, False)
    assert RECEIVER not in json.dumps(answer)
    assert SENDER not in json.dumps(answer)


def test_pages_of_a_story_join_without_gap_or_repeat_while_new_rows_come(house):
    shelf = house.shelf
    shelf.closed = np.concatenate([packed(NOON - HOUR + (place // 2), 1 + place) for place in range(7)])  # two at a time
    shelf.rows = [delivery(message=f"m{place}", submitted=NOON - HOUR + place) for place in range(4)]
    seen, after = [], ""
    while after is not None:
        page = post(house, "/api/v1/story", {"number": RECEIVER, "limit": 3, "after": after})
        seen += [row["name"] for row in page["deliveries"]]
        after = page["after"]
        shelf.rows.append(delivery(message=f"new{len(seen)}", submitted=NOON))
    assert len(seen) == len(set(seen)) == 11


def test_a_story_without_anything_says_what_was_covered(house):
    house.shelf.hours = [count(0, "delivered", 1)]
    answer = post(house, "/api/v1/story", {"number": "13712341234"})
    assert (answer["known"], answer["deliveries"], answer["erased"]) == (False, [], False)
    assert (answer["counted_from"], answer["read_to"]) == ("2026-11-22T12:00:00Z", None)


def test_what_is_older_than_the_days_asked_for_is_left_out(house):
    house.shelf.rows = [delivery(submitted=NOON - 3 * 24 * HOUR), delivery(message="m2")]
    assert len(post(house, "/api/v1/story", {"number": RECEIVER})["deliveries"]) == 2
    assert [row["message"] for row in post(house, "/api/v1/story", {"number": RECEIVER, "days": 1})["deliveries"]] == ["m2"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"number": "12"}, "bad_number"),
        ({"number": RECEIVER, "days": 0}, "bad_parameter"),
        ({"number": RECEIVER, "limit": 501}, "bad_parameter"),
        ({"number": RECEIVER, "after": "17"}, "bad_parameter"),
        ({"number": RECEIVER, "reveal": True}, "bad_body"),
    ],
)
def test_a_story_that_cannot_be_asked_for_is_refused(house, body, error):
    answer = post(house, "/api/v1/story", body, status=400)
    assert answer["error"] == error
    assert RECEIVER not in json.dumps(answer)
