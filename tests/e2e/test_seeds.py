"""Seeds and campaigns by command while the daemon runs: it registers what the command made, and looks for it from then on."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import cards
from mmsd.seeds import alterations
from tests.e2e.running import mmsd, running, until

CONFIG = """
[state]
directory = "{folder}/state"
[web]
port = 0
[campaigns]
directory = "{folder}/campaigns"
[feeds.mmsc]
dialect = "mbuni"
paths = ["{folder}/mmsc.log"]
"""
CAMPAIGN = """
id = "relay"
name = "Relay"
starts = "2026-01-01"
ends = "2099-12-31"
senders = ["10658366"]
hold = 0.0
"""
YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
SERVICE, ANN, BOB = "10658366", "+8613912345678", "+8613912345679"


def line(at: str, what: str, sender: str, receiver: str, message: str) -> str:
    fields = f"[INT:MM1] [ACT:] [MMSC:] [from:{sender}] [to:{receiver}] [msgid:{message}] [size=150] [UA:] [MMBox:]"
    return f"{YESTERDAY} {at} {what} MMS {fields}\n"


def test_a_seed_is_made_run_and_retired_while_the_daemon_runs(tmp_path: Path) -> None:
    config = tmp_path / "mmsd.toml"
    config.write_text(CONFIG.format(folder=tmp_path))
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns/relay.toml").write_text(CAMPAIGN)
    (tmp_path / "card.png").write_bytes(alterations.png(cards.torch(random.Random(1), (240, 180))))
    log = tmp_path / "mmsc.log"
    log.touch()
    given = ("--who", "Zhou", "--why", "planned")
    with running(config) as daemon:
        made = mmsd("seed", "make", config, tmp_path / "card.png", "--campaign", "relay", "--name", "leg-1", *given)
        assert made.returncode == 0, made.stderr
        told = daemon.ask("/api/v1/seeds/relay/leg-1").value
        assert (told["state"], told["who"], told["parts"][0]["weak"]) == ("live", "Zhou", False)
        again = mmsd("seed", "make", config, tmp_path / "card.png", "--campaign", "relay", "--name", "leg-1", *given)
        assert "take another name" in again.stderr

        assert mmsd("campaign", "list", config).stdout.split()[:2] == ["relay", "draft"]
        assert mmsd("campaign", "check", config, "relay", *given).stdout == "relay: checked\n"
        word = json.loads(mmsd("campaign", "show", config, "relay", "--json").stdout)["confirmation"]
        refused = mmsd("campaign", "run", config, "relay", *given, "--confirm", "0" * 12)
        assert (refused.returncode, "look at it again" in refused.stderr) == (1, True)
        assert mmsd("campaign", "run", config, "relay", *given, "--confirm", word).stdout == "relay: running\n"

        # the only seed of its campaign: what its short code sends is it. These lines are of the day before, when nothing ran
        with log.open("a") as lines:
            lines.write(line("17:00:01", "Received", SERVICE, ANN, "m1") + line("17:00:04", "Fetched", SERVICE, ANN, "m1"))
            lines.write(line("17:00:20", "Forwarded", ANN, BOB, "m2") + line("17:00:23", "Fetched", ANN, BOB, "m1"))
            lines.write(line("17:30:00", "Received", ANN, BOB, "m3"))
        until(lambda: daemon.ask("/api/v1/forwards").value["forwards"], "the seed is not looked for")
        (forward,) = daemon.ask("/api/v1/forwards").value["forwards"]
        assert (forward["seed"], forward["counted"], forward["reason"]) == ("leg-1", False, "not_running")
        assert mmsd("seed", "retire", config, "relay/leg-1", *given).stdout == "retired: relay/leg-1\n"
        assert mmsd("campaign", "close", config, "relay", *given).stdout == "relay: closed\n"
        assert mmsd("audit", "verify", config).stdout == "5 orders, unchanged\n"
        daemon.process.terminate()
        assert daemon.wait() == 0
    assert mmsd("campaign", "list", config).stdout.split()[:2] == ["relay", "closed"]
