"""How right mmsd is: its verdicts beside what is known to be true of three corpora, cause by cause.

- *chain*: one message to six receivers, written by real nodes; the verdicts were worked out by hand (`tests/data/truth/chain`);
- *real day*: ten minutes of real nodes with 751 true rows, when the samples lie beside the checkout (MMSD_SHARED);
- *simulator*: the small scenario, every behaviour, made afresh.

`python -m bench score` prints it; `tests/truth` holds it.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.scan import Report
from mmsd import app, config
from mmsd.flow.sequencer import END
from mmsd.model import Attempt, Delivery, Finding
from mmsd.rules.settings import CampaignSettings, Judgement, Operator, Own
from mmsd.store import Issued
from mmsd.store.sqlite import SqliteStore
from sim.pace import generate
from sim.scenario import load

ROOT: Final = Path(__file__).resolve().parent.parent
CHAIN: Final = ROOT / "tests/data/truth/chain"


@dataclass(frozen=True, slots=True)
class Judged:
    """All that a replay said."""

    deliveries: list[Delivery]
    attempts: list[Attempt]
    findings: list[Finding]
    forwards: list[Issued]


def judged(settings: config.Settings, campaigns: Sequence[CampaignSettings] = (), *, to_the_end: bool = False) -> Judged:
    """Replays the feeds of `settings` into a store in memory; `to_the_end` judges what is open when the files end."""
    keys = app.throwaway_keys()
    store = SqliteStore.memory(keys=keys, wall=app.wall)
    try:
        sequencer = app.intake(settings, store, keys, app.World(), follow=False, keep_all=True, campaigns=campaigns)
        if to_the_end:
            sequencer.until = END
        while sequencer.tick():
            pass
        return Judged(list(store.all_deliveries()), list(store.all_attempts()), list(store.all_findings()), list(store.all_forwards()))
    finally:
        store.close()


# ------------------------------------------------------------------------------------------------------------------- corpora


def chain_settings(folder: Path = CHAIN, without: Collection[str] = ()) -> config.Settings:
    """The chain sample as its README gives it: one domain, two expected authorities, clocks alike, no grace."""
    feeds = {
        "mmsc": config.Feed("mbuni", (folder / "mmsc-access.log",)),
        "sms": config.Feed("kannel-sms", (folder / "bearerbox-access.log",)),
        "wap": config.Feed("kannel-wap", (folder / "wapbox-access.log",)),
    }
    return config.Settings(
        feeds={name: feed for name, feed in feeds.items() if name not in without},
        operator=Operator(mmsc=("mmsc", "127.0.0.1:1981")),
        judgement=Judgement(grace=0.0, skew=0.0),
    )


def real_day_settings(folder: Path, without: Collection[str] = ()) -> config.Settings:
    """The real day as its README gives it: compressed timers, T1 = 60 s, next to no grace, both gateways, all APNs."""
    logs = folder / "logs"
    feeds = {
        "mmsc": config.Feed("mbuni", (logs / "mmsc/mmsc-access.log*",)),
        "sms": config.Feed("kannel-sms", (logs / "kannel/bearerbox-access.log",)),
        "wap": config.Feed("kannel-wap", (logs / "kannel/wapbox-access.log*",)),
        "squid": config.Feed("http", (logs / "squid/access-mms.log",), options={"format": "mms"}),
        "aaa": config.Feed("radius", (logs / "radius/*/detail-*",), covers=config.Covers(all=True)),
    }
    return config.Settings(
        feeds={name: feed for name, feed in feeds.items() if name not in without},
        operator=Operator(mmsc=("mms.hexi.example",)),
        judgement=Judgement(grace=0.0, skew=1.0, session=60.0, confirm=100.0, repeat=3.0, late=60.0),
        own=Own(senders=("106587999",)),
    )


def simulated_settings(out: Path, without: Collection[str] = ()) -> config.Settings:
    """A generated folder as its `feeds.json` gives it. The operator's configuration of the same is `configuration`."""
    path = out / "score.toml"
    path.write_text(configuration(out))
    settings = config.load(path)
    return msgspec.structs.replace(settings, feeds={name: feed for name, feed in settings.feeds.items() if name not in without})


def configuration(out: Path) -> str:
    """TOML for a generated folder, its campaign file written beside it."""
    told = json.loads((out / "feeds.json").read_text())
    windows, campaign = told["daemon"], told["campaign"]
    meanings: dict[str, list[str]] = defaultdict(list)
    for code, meaning in told["push_errors"].items():
        meanings[meaning].append(code)
    mmsc = told["expected"]["mmsc"].removeprefix("http://").rstrip("/")
    parts = [
        f"[operator]\nmmsc = {_toml([mmsc])}\nmms_apns = {_toml([told['expected']['mms_apn']])}",
        f"[own]\nsenders = {_toml(told['own']['short_codes'])}",
        f'[codes."*"]\nabsent = {_toml(meanings["absent"])}\nbarred = {_toml(meanings["barred"])}',
        "[judgement]\nconfirm = 30.0\nquiet = 300.0\n"
        + "\n".join(
            f"{name} = {float(windows[key])}"
            for name, key in {
                "reaction": "T0", "session": "T1", "late": "T2", "grace": "grace", "repeat": "repeat", "skew": "skew", "window": "expiry",
            }.items()
        ),
        '[campaigns]\ndirectory = "campaigns"',
        f"[cities]\nfile = {_toml(told['cities'])}",
    ]  # fmt: skip
    for feed in told["feeds"]:
        lines = [f"[feeds.{feed['name']}]"]
        lines += [
            f"{key} = {_toml(value)}" for key, value in (("dialect", feed["dialect"]), ("paths", [feed["glob"]]), ("node", feed["node"]))
        ]
        if "format" in feed:
            lines.append(f"options = {{ format = {_toml(feed['format'])} }}")
        if feed["dialect"] == "radius":
            lines.append("covers = { all = true }")
        parts.append("\n".join(lines))
    (out / "campaigns").mkdir(exist_ok=True)
    (out / f"campaigns/{campaign['id']}.toml").write_text(
        f'id = {_toml(campaign["id"])}\nname = "Torch"\nstarts = "2026-11-01"\nends = "2026-12-31"\n'
        f"senders = {_toml([campaign['short_code']])}\nhold = {float(campaign['hold'])}\n[[seeds]]\nid = {_toml(campaign['seed'])}\n"
        f"subjects = {_toml([campaign['subject']])}\nsize_min = {campaign['size_min']}\nsize_max = {campaign['size_max']}\n"
    )
    return "\n".join(parts) + "\n"


def _toml(value: str | list[str]) -> str:
    return json.dumps(value, ensure_ascii=False)


# ------------------------------------------------------------------------------------------------------------------- scoring


@dataclass(slots=True)
class Score:
    """Pairs (true cause, found cause) counted; `right` are those that the truth accepts."""

    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    right: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, true: str, found: str, accepted: Iterable[str], told: str) -> None:
        self.pairs[true, found] += 1
        if found in accepted:
            self.right[true, found] += 1
        else:
            self.wrong.append(f"{told}: {true}, found {found}")

    def causes(self) -> list[str]:
        """All causes met, the most frequent truths first."""
        totals: Counter[str] = Counter()
        for (true, _), n in self.pairs.items():
            totals[true] += n
        return sorted({cause for pair in self.pairs for cause in pair}, key=lambda cause: (-totals[cause], cause))

    def recall(self, cause: str) -> float | None:
        """Of the rows whose true cause this is, the share that was read right; None without any."""
        return self._share(cause, 0)

    def precision(self, cause: str) -> float | None:
        """Of the rows that were given this cause, the share for which that is right; None without any."""
        return self._share(cause, 1)

    def _share(self, cause: str, place: int) -> float | None:
        total = sum(n for pair, n in self.pairs.items() if pair[place] == cause)
        return sum(n for pair, n in self.right.items() if pair[place] == cause) / total if total else None


def _cause_of(delivery: Delivery, true: str) -> str:
    """The cause in the truth's words: a finding on a delivered message counts as itself where the truth names it (README, 11)."""
    return true if true in delivery.hints else delivery.cause or delivery.outcome


CHAIN_CAUSES: Final = {
    "8613900000001": "OK", "8613900000002": "NO_PUSH", "8613900000003": "NO_PUSH", "8613900000004": "NO_PUSH", "8613900000006": "NO_PUSH",
    "8613900000007": "EXPIRED",
}  # fmt: skip


def score_chain(found: Judged) -> Score:
    score = Score()
    for delivery in found.deliveries:
        true = CHAIN_CAUSES[delivery.receiver]
        score.add(true, delivery.cause or delivery.outcome, (true,), f"chain, leg {delivery.leg}")
    return score


def real_truth(folder: Path) -> list[dict[str, Any]]:
    """The true rows from which the logs let the cause be inferred."""
    rows = [json.loads(line) for line in (folder / "truth.jsonl").read_text().splitlines()]
    return [row for row in rows if row["inferable"] == "yes"]


def copies_of(row: Mapping[str, Any], by_pair: Mapping[tuple[str, str], Sequence[Delivery]]) -> list[Delivery]:
    """The deliveries of one true row: every accepted copy of the logical message to this recipient."""
    ids = {submit["msgid"] for submit in row["submits"] if submit["accepted"]} | {submit.get("original_msgid") for submit in row["submits"]}
    pair = row["recipient"].lstrip("+"), row["sender"].lstrip("+")
    return [delivery for delivery in by_pair.get(pair, ()) if delivery.message in ids]


def score_real(folder: Path, found: Judged) -> Score:
    """Every inferable row once: its copies are one message, so any of them may show the cause, and one retrieved copy is a delivery."""
    score = Score()
    by_pair: dict[tuple[str, str], list[Delivery]] = defaultdict(list)
    for delivery in found.deliveries:
        by_pair[delivery.receiver, delivery.sender].append(delivery)
    for number, row in enumerate(real_truth(folder)):
        true, accepted = row["expected_cause"], set(row["acceptable_causes"])
        copies = copies_of(row, by_pair)
        if row["expected_outcome"].startswith("retrieved"):
            copies = [copy for copy in copies if copy.outcome == "delivered"]
        causes = [_cause_of(copy, true) for copy in copies] or ["not found"]
        best = min(causes, key=lambda cause: (cause != true, cause not in accepted))
        score.add(true, best, accepted, f"real day, inferable row {number}")
    return score


def score_simulated(out: Path, found: Judged) -> Score:
    """Every leg that the truth ends. Without SMS logs no leg has a name: then by message and receiver, where only one fits."""
    score = Score()
    by_leg = {(delivery.message, delivery.receiver, delivery.leg): delivery for delivery in found.deliveries}
    unnamed: dict[tuple[str, str], list[Delivery]] = defaultdict(list)
    for delivery in found.deliveries:
        if not delivery.leg:
            unnamed[delivery.message, delivery.receiver].append(delivery)
    for line in (out / "truth.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["outcome"] == "open":
            continue
        alike = unnamed[row["message"], row["receiver"]]
        match = by_leg.get((row["message"], row["receiver"], row["leg"])) or (alike[0] if len(alike) == 1 else None)
        cause = match.cause or match.outcome if match else "not found"
        score.add(row["cause"], cause, row["accepted"], f"simulator, leg {row['leg']}")
    return score


# -------------------------------------------------------------------------------------------------------------------- tables


def tables_of(name: str, score: Score) -> dict[str, list[dict[str, Any]]]:
    """The confusion matrix, true causes down and found causes across, with recall and precision of each at its right."""
    causes = score.causes()
    letters = {cause: "abcdefghijklmnopqrstuvwxyz"[place] for place, cause in enumerate(causes)}
    rows = []
    for true in causes:
        row: dict[str, Any] = {"true cause": f"{letters[true]} {true}"}
        for cause in causes:
            n = score.pairs[true, cause]
            row[f"→{letters[cause]}"] = "·" if not n else str(n) if n == score.right[true, cause] else f"{n}!"
        for what, share in (("recall", score.recall(true)), ("precision", score.precision(true))):
            row[what] = "–" if share is None else f"{share:.3f}"
        rows.append(row)
    total, right = score.pairs.total(), score.right.total()
    return {f"{name}: {right} of {total} right": rows}


def run(lines: int, say: Callable[[str], None]) -> Report:
    """Scores every corpus that is there. `lines` has no meaning here."""
    scores: dict[str, Score] = {}
    notes = ["a row is a true cause, a column what mmsd said; n! marks readings that the truth does not accept, n alone those it does"]
    say("chain")
    scores["chain"] = score_chain(judged(chain_settings()))
    folder = Path(os.environ.get("MMSD_SHARED") or ROOT.parent / "shared") / "samples/real-day"
    if folder.is_dir():
        say("real day")
        scores["real day"] = score_real(folder, judged(real_day_settings(folder), to_the_end=True))
    else:
        notes.append(f"no real day: {folder} is not there (MMSD_SHARED names another place)")
    say("simulator")
    with tempfile.TemporaryDirectory(prefix="mmsd-score-") as name:
        out = Path(name)
        generate(load(Path("small")), out)
        settings = simulated_settings(out)
        campaigns = config.load_campaigns(out / "campaigns")
        scores["simulator, small"] = score_simulated(out, judged(settings, campaigns, to_the_end=True))
    for score in scores.values():
        notes += score.wrong[:10]
    tables: dict[str, list[dict[str, Any]]] = {}
    for name, score in scores.items():
        tables |= tables_of(name, score)
    return Report(tables, notes)
