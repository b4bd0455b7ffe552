"""How right mmsd is: its verdicts beside what is known to be true, cause by cause.

- *chain*: one message to six receivers, written by real nodes; the verdicts were worked out by hand (`tests/data/truth/chain`);
- *real day*: ten minutes of real nodes with 751 true rows, when the samples lie beside the checkout (MMSD_SHARED);
- *simulator*: every scenario with the feeds it writes, and the scenario `table` feed by feed (`bench.simulated`);
- *browsing*: so many accusations of wrong settings, among twenty lines of browsing for each of MMS, that one in a thousand would show.

`python -m bench score` prints it; `tests/truth` holds it, the last one with fewer lines.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench.judged import Judged, Score, judged
from bench.scan import Report
from bench.simulated import COLUMNS, SCENARIOS, SETTINGS, Accusations, Complaints, Result, complaints, made, said_of
from mmsd import config
from mmsd.model import Delivery
from mmsd.rules.settings import Judgement, Operator, Own
from sim.complaints import GROUPS, PUBLISHED, error

FULL: Final = 0.02
"""From this share on the scenarios other than the large one are as they are shipped."""
ROOT: Final = Path(__file__).resolve().parent.parent
CHAIN: Final = ROOT / "tests/data/truth/chain"


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


# ------------------------------------------------------------------------------------------------------------------- scoring


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


def settings_table(accused: Mapping[str, Accusations]) -> list[dict[str, Any]]:
    """What was said of handsets' settings: verdicts of each cause, their precision, findings; of these the false ones, and those missed."""
    rows = []
    for name, said in accused.items():
        row: dict[str, Any] = {"scenario": name}
        for cause in SETTINGS:
            precision = said.precision(cause)
            row[cause] = f"{said.verdicts[cause]:,}" + ("" if precision is None else f" at {precision:.4f}")
        row["findings"] = ", ".join(f"{cause} {n}" for cause, n in sorted(said.findings.items())) or "–"
        row["false"], row["missed"] = len(said.false), len(said.missed)
        rows.append(row)
    return rows


def complaint_tables(complained: Complaints) -> dict[str, list[dict[str, Any]]]:
    """Shares of complaints, and, not to be compared with them, of failures."""
    shares = [
        {
            "group": group,
            "published": f"{PUBLISHED[group]:.0%}",
            "drawn": f"{complained.true[group]:.1%}",
            "found": f"{complained.found[group]:.1%}",
            "chance": f"± {error(PUBLISHED[group], max(complained.n, 1)):.1%}",
        }
        for group in GROUPS
    ]
    total = max(complained.failures.total(), 1)
    failures = [{"cause": cause, "failures": n, "share": f"{n / total:.1%}"} for cause, n in complained.failures.most_common()]
    return {f"{complained.n:,} complaints by group": shares, f"{total:,} failures by cause": failures}


def simulated(folder: Path, share: float, say: Callable[[str], None]) -> list[Result]:
    """The scenario `table` feed by feed, every other with the feeds it writes, and the large one, or this share of it."""
    results = []
    few = 80 if share < FULL else None
    run = made("table", folder / "table", messages=few)
    for name, without in COLUMNS.items():
        say(f"simulator, table, {name}")
        results.append(run.result(f"table, {name}", without))
    for name in SCENARIOS:
        say(f"simulator, {name}")
        results.append(made(name, folder / name, messages=few).result())
    say("simulator, browsing")
    results.append(made("browsing", folder / "browsing", share=share).result())
    return results


def run(lines: int, say: Callable[[str], None]) -> Report:
    """Scores every corpus that is there. `lines` other than the usual 100,000 take a share of the large scenario; of 1,000 lines and fewer
    the others, too, become short."""
    scores: dict[str, Score] = {}
    notes = ["a row is what should be said, a column what was; n! marks readings that the truth does not accept, n alone those it does"]
    say("chain")
    scores["chain"] = score_chain(judged(chain_settings()))
    folder = Path(os.environ.get("MMSD_SHARED") or ROOT.parent / "shared") / "samples/real-day"
    if folder.is_dir():
        say("real day")
        scores["real day"] = score_real(folder, judged(real_day_settings(folder), to_the_end=True))
    else:
        notes.append(f"no real day: {folder} is not there (MMSD_SHARED names another place)")
    with tempfile.TemporaryDirectory(prefix="mmsd-score-") as name:
        results = simulated(Path(name), lines / 100_000, say)
        for result in results:
            if (early := result.early_score) is not None:
                scores[f"simulator, {result.name}, before the files came"] = early
            scores[f"simulator, {result.name}"] = result.score
        said = {result.name: result.accusations for result in results}
        for result in results:
            for kind in ("node", "model"):
                notes += [
                    f"{result.name}: {kind} {subject}: {', '.join(sorted(causes))}"
                    for subject, causes in said_of(result.found, kind).items()
                ]
        say("simulator, complaints")
        run = made("complaints", Path(name) / "complaints", share=min(lines / 10_000, 1.0))
        complained = complaints(run.out, run.result().found)
    tables: dict[str, list[dict[str, Any]]] = {}
    for name, score in scores.items():
        tables |= tables_of(name, score)
        notes += [f"{name}: {wrong}" for wrong in score.wrong[:5]]
    tables["what was said of settings"] = settings_table(said)
    tables |= complaint_tables(complained)
    notes += [f"{name}: finding {false}" for name, accused in said.items() for false in accused.false[:5]]
    return Report(tables, notes)
