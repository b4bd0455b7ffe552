"""What an operator imports, and what mmsd then says: of a handset without MMS, of senders by imported prefix, of models."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.e2e.running import Daemon, configure, mmsd, running, until

NEVER_CAME = frozenset({"U9", "U11", "U12", "U14", "U15", "U16"})
"""Rows that say no more than that no fetch came."""


def table(config: Path, by: str, day: datetime) -> list[dict[str, str]]:
    done = mmsd("kpi", config, "--by", by, "--from", f"{day:%Y-%m-%d}", "--to", f"{day + timedelta(days=1):%Y-%m-%d}", "--csv")
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout.removeprefix("\ufeff"))))


def test_a_list_of_subscribers_a_table_of_models_and_prefixes(tmp_path: Path, logs: Path) -> None:
    truth = [json.loads(line) for line in (logs / "truth.jsonl").read_text().splitlines()]
    stays = [json.loads(line) for line in (logs / "subscribers.jsonl").read_text().splitlines()]
    imei = {stay["number"]: stay["imei"] for stay in stays}
    plain = next(row for row in truth if row["rule"] in NEVER_CAME and row["outcome"] == "failed" and row["receiver"] in imei)
    number = plain["receiver"]
    tac = imei[number][:8]
    config = configure(tmp_path / "daemon", logs, **{'[cities]\nfile = "cities.csv"\n'.replace("cities.csv", f"{logs}/cities.csv"): ""})
    listed = tmp_path / "subscribers-20261101.csv"
    listed.write_text("msisdn,imei\n" + "".join(f"{each},{shown}\n" for each, shown in imei.items()))
    models = tmp_path / "tac-20261101.csv"
    models.write_text(f"tac,manufacturer,model,mms\n{tac},Bakelite,Voice 1,no\n")
    for arguments in (("handsets", listed), ("tac", models), ("cities", logs / "cities.csv", "--as-of", "2026-11-01")):
        done = mmsd("import", arguments[0], config, *arguments[1:])
        assert done.returncode == 0, done.stderr + done.stdout

    with running(config) as daemon:
        failed = json.loads((logs / "totals.json").read_text())["outcomes"]["failed"]
        until(lambda: daemon.totals()["outcomes"].get("failed", 0) >= failed, "all deadlines have passed")
        found = of_number(daemon, number)
    assert ("U1", "UNSUPPORTED") in found

    day = datetime.fromtimestamp(truth[0]["submitted"] / 1e6, ZoneInfo("Asia/Shanghai"))
    by_city = {row["city"] for row in table(config, "city", day)}
    cities = {line.split(",")[1] for line in (logs / "cities.csv").read_text().splitlines()}
    assert by_city - {""} <= cities | {"total"}
    assert len(by_city & cities) > 1
    assert any(row["model"].startswith("Bakelite Voice 1") for row in table(config, "model", day))


def of_number(daemon: Daemon, number: str) -> Counter[tuple[str, str]]:
    answer = daemon.ask("/api/v1/deliveries/search", {"number": number}).value
    return Counter((row["rule"], row["cause"]) for row in answer["deliveries"] if row["role"] == "receiver")
