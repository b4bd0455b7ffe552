"""The small scenario through the command line, exactly; then with ever fewer feeds, each cause as wide as the evidence allows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import pytest
from click.testing import CliRunner

from bench.score import Score, configuration, judged, score_simulated, simulated_settings
from mmsd import config
from mmsd.cli import main
from sim import score as truth
from sim.pace import generate
from sim.scenario import load

SEEDS: Final = (1, 2, 3)
GATEWAYS: Final = ("wapbox", "squid")
RADIUS: Final = ("radius1", "radius2")


@dataclass(frozen=True)
class Run:
    out: Path
    config: Path


def generated(out: Path, seed: int) -> Run:
    generate(load(Path("small")), out, seed=seed)
    path = out / "mmsd.toml"
    path.write_text(configuration(out))
    return Run(out, path)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return generated(tmp_path_factory.mktemp("one"), SEEDS[0])


@pytest.mark.parametrize("seed_given", SEEDS)
def test_the_command_line_finds_the_whole_truth(tmp_path: Path, seed_given: int):
    run = generated(tmp_path, seed_given)
    files = {name: run.out / f"{name}.jsonl" for name in ("deliveries", "forwards", "attempts", "findings")}
    options = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    done = CliRunner().invoke(main, ["replay", "--config", str(run.config), *options, "--until", "end", "--reveal"])
    assert done.exit_code == 0, done.output
    found = truth.score_files(run.out, files["deliveries"], files["forwards"])
    assert found.differences == []
    assert found.right_causes == found.causes.total() > 500
    assert found.forwards[0] == found.forwards[1] > 50


# ------------------------------------------------------------------------------------------------- what each feed adds

CAUSES: Final[Mapping[str, tuple[str, str, str, str, str]]] = {
    # cause                MMSC logs alone   + SMS            + gateways        + RADIUS of the MMS APN       + RADIUS of all APNs
    "OK":               ("OK DELAYED",     "OK",            "OK",            "OK",                       "OK"),
    "DELAYED":          ("DELAYED",        "DELAYED",       "DELAYED",       "DELAYED",                  "DELAYED"),
    "OK_UNCONFIRMED":   ("OK_UNCONFIRMED", "OK_UNCONFIRMED", "OK_UNCONFIRMED", "OK_UNCONFIRMED",         "OK_UNCONFIRMED"),
    "REJECTED":         ("REJECTED EXPIRED", "REJECTED",    "REJECTED",      "REJECTED",                 "REJECTED"),
    "NO_PUSH":          ("EXPIRED",        "NO_PUSH",       "NO_PUSH",       "NO_PUSH",                  "NO_PUSH"),
    "NOT_PROVISIONED":  ("EXPIRED",        "NOT_PROVISIONED", "NOT_PROVISIONED", "NOT_PROVISIONED",      "NOT_PROVISIONED"),
    "EXPIRED":          ("EXPIRED",        "EXPIRED",       "EXPIRED",       "EXPIRED",                  "EXPIRED"),
    "NO_RETRIEVE":      ("EXPIRED NO_RETRIEVE", "NO_RETRIEVE", "NO_RETRIEVE", "NO_RETRIEVE",             "NO_RETRIEVE"),
    "BAD_APN":          ("EXPIRED",        "NO_RETRIEVE",   "NO_RETRIEVE",   "NO_RETRIEVE",              "BAD_APN NO_RETRIEVE"),
    "BAD_PROXY":        ("EXPIRED",        "NO_RETRIEVE",   "NO_RETRIEVE",   "BAD_PROXY NO_RETRIEVE",    "BAD_PROXY NO_RETRIEVE"),
    "NODE_FAULT":       ("EXPIRED NO_RETRIEVE", "NO_RETRIEVE", "NODE_FAULT", "NODE_FAULT",               "NODE_FAULT"),
}  # fmt: skip
"""What a true cause may read, feed by feed. Where there are two: OK without push reports is late when its owner let it lie; Mbuni's
NotifyResp names no message, so a refusal is found only where one message was open; an answer or a session shows that some pushes came;
BAD_APN needs its third push; a proxy that nothing reaches needs a session of its own."""

COLUMNS: Final[Mapping[str, tuple[int, Collection[str]]]] = {
    "mmsc": (0, ("sms", *GATEWAYS, *RADIUS)),
    "sms": (1, (*GATEWAYS, *RADIUS)),
    "gateway": (2, RADIUS),
    "radius-mms": (3, ()),
    "radius-all": (4, ()),
}


def scored(run: Run, without: Collection[str], *, mms_apn_only: bool = False) -> Score:
    settings = simulated_settings(run.out, without)
    if mms_apn_only:
        feeds = dict(settings.feeds)
        for name in RADIUS:
            kept = run.out / f"{name}.mms"
            (pattern,) = feeds[name].paths
            records = "".join(path.read_text() for path in run.out.glob(str(pattern.relative_to(run.out)))).split("\n\n")
            kept.write_text("".join(f"{record}\n\n" for record in records if '"cmwap"' in record.lower() or "Accounting-O" in record))
            feeds[name] = msgspec.structs.replace(feeds[name], paths=(kept,), covers=config.Covers(apns=("cmwap",)))
        settings = msgspec.structs.replace(settings, feeds=feeds)
    return score_simulated(run.out, judged(settings, config.load_campaigns(run.out / "campaigns"), to_the_end=True))


@pytest.mark.parametrize("column", COLUMNS)
def test_each_feed_adds_what_the_table_says(one: Run, column: str):
    place, without = COLUMNS[column]
    found = scored(one, without, mms_apn_only=column == "radius-mms")
    wrong = {
        (true, cause): n for (true, cause), n in found.pairs.items() if cause != "not found" and cause not in CAUSES[true][place].split()
    }
    assert wrong == {}
    lost = sum(n for (_, cause), n in found.pairs.items() if cause == "not found")
    assert lost == 0 or (column == "mmsc" and lost < found.pairs.total() / 20)  # M-Forwards never fetched have no name of their own there


def test_no_leaf_beyond_what_is_covered(one: Run):
    """Each feed gone by itself: a cause that only it shows is said of nobody."""
    for without, unsaid in (
        (("sms",), {"NO_PUSH", "NOT_PROVISIONED", "HANDSET_FULL"}),
        (GATEWAYS, {"BAD_PROXY", "NODE_FAULT"}),
        (RADIUS, {"BAD_APN", "NO_PDP"}),
    ):
        found = scored(one, without)
        assert {cause for (_, cause) in found.pairs} & unsaid == set()
        assert [pair for pair in found.pairs if pair not in found.right and not _wider(*pair)] == []


def _wider(true: str, cause: str) -> bool:
    return cause == "not found" or any(cause in column.split() for column in CAUSES[true])
