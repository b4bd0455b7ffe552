"""mmsd beside the simulator's truth: scenario by scenario, and feed by feed against what the feeds can show (`sim.cells`).

A scenario is generated, replayed and scored in a folder of its own. `verdicts` counts the causes of deliveries, `accusations` what is said
about settings: by verdicts (a delivery's cause or hint, a request's Z2 and Z3) and by findings.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from bench.judged import NOT_JUDGED, Judged, Lists, Score, Watch, judged, judged_in_stages
from mmsd import config
from mmsd.model import SECOND, Attempt, Delivery
from sim import cells
from sim.complaints import shares
from sim.pace import generate
from sim.scenario import Scenario, load
from sim.size import grown, part

GATEWAYS: Final = ("wapbox", "squid")
RADIUS: Final = ("radius1", "radius2")
MMSCS: Final = ("mmsc1", "mmsc2", "mmsc3")

LOST: Final = "SUBMIT_FAILED before the MMSC"
NEAR: Final = 5 * SECOND
"""A request is the one that was lost when it is no farther from it: clocks differ."""
CASES: Final = 4
"""So many cases of one shape must have raised a finding; one of them may be read weaker than it is."""
SETTINGS: Final = ("BAD_APN", "BAD_PROXY", "BAD_MMSC_URL")
"""Causes that accuse a handset's settings: to say one of a healthy subscriber is what must not happen."""

WIDER: Final[Mapping[str, frozenset[str]]] = {
    "BAD_APN": frozenset({"BAD_APN", "NO_PDP"}),  # every activation refused: from accounting alone the same as none tried
    "UNSUPPORTED": frozenset({"UNSUPPORTED", "NO_PDP"}),
}
"""Findings that a fault may raise, where it is not its own alone."""

# ------------------------------------------------------------------------------------------------------------- configuration


def settings_of(out: Path, without: Collection[str] = ()) -> config.Settings:
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
    judgement = {
        name: float(windows[key])
        for name, key in {
            "reaction": "T0", "session": "T1", "late": "T2", "grace": "grace", "repeat": "repeat", "skew": "skew", "window": "expiry",
        }.items()
    }  # fmt: skip
    if "fault_window" in windows:
        judgement["fault_window"] = float(windows["fault_window"])
    if "history" in windows:
        judgement["history_days"] = windows["history"] / 86400
    tables: dict[str, Any] = {
        "operator": {"mmsc": [mmsc], "mms_apns": [told["expected"]["mms_apn"]]},
        "own": {"senders": told["own"]["short_codes"]},
        "codes": {"*": {meaning: meanings[meaning] for meaning in ("absent", "barred", "full")}},
        "judgement": {"confirm": 30.0, "quiet": 300.0, **judgement},
        "campaigns": {"directory": "campaigns"},
        "sequencer": {"tick_seconds": 0.0},  # whole files in one tick would be judged before yesterday's sessions are history
        "cities": {"file": told["cities"]},
        "feeds": {feed["name"]: _feed(feed) for feed in told["feeds"]},
    }
    (out / "campaigns").mkdir(exist_ok=True)
    seed = {
        "id": campaign["seed"],
        "subjects": [campaign["subject"]],
        "size_min": campaign["size_min"],
        "size_max": campaign["size_max"],
    }
    torch = {
        "id": campaign["id"],
        "name": "Torch",
        "starts": "2026-11-01",
        "ends": "2026-12-31",
        "senders": [campaign["short_code"]],
        "hold": float(campaign["hold"]),
        "resends": campaign["resends"],
        "seeds": [seed],
    }
    (out / f"campaigns/{campaign['id']}.toml").write_text("".join(f"{key} = {_toml(value)}\n" for key, value in torch.items()))
    return "\n".join(
        f"[{name}]\n" + "".join(f"{_toml(key)} = {_toml(value)}\n" for key, value in table.items()) for name, table in tables.items()
    )


def _toml(value: object) -> str:
    """A value in TOML, tables in one line.

    >>> _toml({"paths": ["a.log"], "all": True})
    '{ "paths" = [ "a.log" ], "all" = true }'
    """
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_toml(key)} = {_toml(entry)}" for key, entry in value.items()) + " }"
    if isinstance(value, list):
        return "[ " + ", ".join(map(_toml, value)) + " ]"
    return json.dumps(value, ensure_ascii=False)


def _feed(told: Mapping[str, Any]) -> dict[str, Any]:
    feed: dict[str, Any] = {"dialect": told["dialect"], "paths": [told["glob"]], "node": told["node"]}
    if "role" in told:
        feed["role"] = told["role"]
    if "format" in told:
        feed["options"] = {"format": told["format"]}
    if "options" in told:
        feed["options"] = told["options"]
    if told["dialect"] == "radius":
        feed["covers"] = {"apns": told["apns"]} if "apns" in told else {"all": True}
    return feed


def kinds_of(settings: config.Settings) -> frozenset[str]:
    """The kinds of feed that a configuration reads, as `sim.cells` names them."""
    kinds: set[str] = {"radius-all" if (role := config.role(feed)) == "sessions" else role for feed in settings.feeds.values()}
    if any(feed.covers.apns for feed in settings.feeds.values()):
        kinds = (kinds - {"radius-all"}) | {"radius-mms"}
    return frozenset(kinds)


# ------------------------------------------------------------------------------------------------------------------- scoring


def truth_of(out: Path) -> list[dict[str, Any]]:
    """The legs that the truth ends."""
    rows = [json.loads(line) for line in (out / "truth.jsonl").read_text().splitlines()]
    return [row for row in rows if row["outcome"] != "open"]


def score_simulated(out: Path, found: Judged, kinds: Collection[str] = cells.KINDS, late: Collection[str] = ()) -> Score:
    """Every leg beside its cell; `kinds` of feed were read, of those that are `late` a part.

    Without SMS logs no leg has a name: then by message and receiver, where only
    one fits. A leg whose MMSC was not read has no verdict: one that is judged all the same is wrong."""
    score = Score()
    matches = _Matches(found.deliveries)
    for row in truth_of(out):
        cell = cells.known(row["cell"], kinds)
        columns = {cells.column(set(row["covered"]) & set(kinds))}
        columns.add(cells.column({*row["covered"], *row["partly"]} & set(kinds)))
        columns.add(cells.column(set(row["covered"]) & set(kinds) - set(late)))
        match = matches.of(row)
        judged_so = match is not None and not match.orphan and match.outcome in ("delivered", "failed")
        cause = match.cause if match is not None and judged_so else NOT_JUDGED
        told = f"leg {row['leg']} ({row['behaviour']}, {match.rule if match else '-'})"
        if "" in columns or ("sms" not in kinds and (row["forward"] or {}).get("method") == "m_forward"):
            score.add(NOT_JUDGED, cause, (NOT_JUDGED, *(cause for at in columns - {""} for cause in cells.readings(cell, at))), told)
            continue
        accepted = {reading for at in columns for reading in cells.readings(cell, at)}
        confidence = match.confidence if match is not None else 0.0
        if any(cells.right(cell, at, cause, confidence) for at in columns):
            score.add(cause, cause, (cause,), told)
        else:
            score.add(cells.readings(cell, min(columns))[0], cause, accepted, told)
    if {"mmsc", "gateway"} <= set(kinds) and not late:
        _score_lost(score, out, found)
    return score


def _score_lost(score: Score, out: Path, found: Judged) -> None:
    """Submits that got an answer and reached no MMSC: every request of which that was said, and every one of which it is true."""
    begun = max([0, *(told["begins"] for told in json.loads((out / "feeds.json").read_text())["feeds"] if "begins" in told)])
    said: dict[str, list[int]] = defaultdict(list)
    for attempt in found.attempts:
        if attempt.verdict == "Z6" and attempt.at > begun:
            said[attempt.subscriber].append(attempt.at)
    for line in (out / "lost.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["at"] <= begun:
            continue
        near = [at for at in said[row["number"]] if abs(at - row["at"]) <= NEAR]
        if near:
            said[row["number"]].remove(near[0])
        score.add(LOST, LOST if near else "not found", (LOST,), f"submit of {row['number']} at {row['at']}")
    for number, times in said.items():
        for at in times:
            score.add("not lost", LOST, (), f"submit of {number} at {at}")


class _Matches:
    """Which delivery a true leg is."""

    def __init__(self, deliveries: Sequence[Delivery]) -> None:
        self._by_leg = {(delivery.message, delivery.receiver, delivery.leg): delivery for delivery in deliveries}
        self._unnamed: dict[tuple[str, str], list[Delivery]] = defaultdict(list)
        for delivery in deliveries:
            if not delivery.leg:
                self._unnamed[delivery.message, delivery.receiver].append(delivery)

    def of(self, row: Mapping[str, Any]) -> Delivery | None:
        alike = [delivery for delivery in self._unnamed[row["message"], row["receiver"]] if delivery.node == row["node"]]
        return self._by_leg.get((row["message"], row["receiver"], row["leg"])) or (alike[0] if len(alike) == 1 else None)


@dataclass(slots=True)
class Accusations:
    """What was said about settings, by cause: verdicts and how many of them of whoever has no such fault (`accused`: each of these),
    findings right, wrong, missed."""

    verdicts: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    accused: list[str] = field(default_factory=list)
    findings: Counter[str] = field(default_factory=Counter)
    false: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def precision(self, cause: str) -> float | None:
        """Of the verdicts with this cause; None without any."""
        return 1 - self.wrong[cause] / self.verdicts[cause] if self.verdicts[cause] else None


class _Stays:
    """How each number behaved, and since when."""

    def __init__(self, out: Path) -> None:
        self._of: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for line in (out / "subscribers.jsonl").read_text().splitlines():
            row = json.loads(line)
            self._of[row["number"]].append(row)

    def last(self, number: str) -> dict[str, Any] | None:
        stays = self._of.get(number)
        return max(stays, key=lambda stay: int(stay["until"])) if stays else None

    def behaviour(self, number: str) -> str:
        """The last one; "" of somebody who has no MMS handset."""
        last = self.last(number)
        return str(last["behaviour"]) if last else ""

    def had(self, number: str, cause: str, since: int, until: int) -> bool:
        """Whether the number had a fault that may be called so, at some time between two."""
        return any(
            cause in WIDER.get(stay["fault"], {stay["fault"]}) and stay["since"] <= until and stay["until"] >= since
            for stay in self._of.get(number, ())
        )


def accusations(out: Path, found: Judged) -> Accusations:
    """Who was accused, rightly or not.

    A finding that still stands although the number's owner or handset has changed is wrong.
    """
    stays, said = _Stays(out), Accusations()
    for cause, number, since, until, told in _verdicts(found.deliveries, found.attempts):
        said.verdicts[cause] += 1
        if not stays.had(number, cause, since, until):
            said.wrong[cause] += 1
            said.accused.append(f"{number} {cause}, {told} ({stays.behaviour(number) or 'browses only'})")
    for finding in found.findings:
        if finding.subject_kind != "subscriber":
            continue
        last = stays.last(finding.subject)
        stands = not finding.cleared and last is not None
        true = stays.had(finding.subject, finding.cause, last["since"] if stands and last else 0, last["until"] if last else 0)
        said.findings[finding.cause] += 1
        if not true:
            said.false.append(f"{finding.subject} {finding.cause} ({last['behaviour'] if last else 'browses only'})")
    named = {(finding.subject, finding.cause) for finding in found.findings}
    repeat = json.loads((out / "feeds.json").read_text())["daemon"]["repeat"] * SECOND
    due: dict[tuple[str, str], list[int]] = defaultdict(list)  # times of cases; repeats are one, as the evidence table's section 4 counts
    for row in sorted(truth_of(out), key=lambda row: row["retrieved"] or row["expiry"]):
        at, cases = row["retrieved"] or row["expiry"], due[row["receiver"], row["hint"]]
        if row["hint"] and row["outcome"] != "open" and (not cases or at - cases[-1] >= repeat):
            cases.append(at)
    missed = [key for key, cases in due.items() if len(cases) >= CASES and key not in named]
    said.missed = sorted(f"{number} {cause}" for number, cause in missed)
    return said


def _verdicts(deliveries: Sequence[Delivery], attempts: Sequence[Attempt]) -> Iterator[tuple[str, str, int, int, str]]:
    """(cause, number, from, to, where it stands) of each verdict about settings."""
    for delivery in deliveries:
        if delivery.orphan or delivery.outcome not in ("delivered", "failed"):
            continue
        for cause in {delivery.cause, *delivery.hints} & set(SETTINGS):
            if cause == delivery.cause and delivery.confidence <= 0.5:
                continue
            yield cause, delivery.receiver, delivery.submitted, delivery.closed, f"leg {delivery.leg}, {delivery.rule}"
    for attempt in attempts:
        if attempt.verdict in ("Z2", "Z3"):
            yield "BAD_MMSC_URL", attempt.subscriber, attempt.at, attempt.at, f"{attempt.method} {attempt.host}, {attempt.verdict}"


def said_of(found: Judged, kind: str) -> dict[str, set[str]]:
    """Findings about nodes, or models: the causes by subject."""
    said: dict[str, set[str]] = defaultdict(set)
    for finding in found.findings:
        if finding.subject_kind == kind:
            said[finding.subject].add(finding.cause)
    return dict(said)


@dataclass(frozen=True, slots=True)
class Complaints:
    """What subscribers complained of, by group of causes: as it was, and as the verdicts say. Beside it the causes of all failures."""

    n: int
    true: Mapping[str, float]
    found: Mapping[str, float]
    failures: Counter[str]


def complaints(out: Path, found: Judged) -> Complaints:
    """Every complaint by the verdict of the delivery it is about."""
    drawn = [json.loads(line) for line in (out / "complaints.jsonl").read_text().splitlines()]
    groups = {(delivery.receiver, delivery.leg): delivery.group for delivery in found.deliveries}
    said = [groups.get((complaint["number"], complaint["leg"]), "") for complaint in drawn]
    failures = Counter(delivery.cause for delivery in found.deliveries if delivery.outcome == "failed" and not delivery.own)
    return Complaints(len(drawn), shares(complaint["group"] for complaint in drawn), shares(said), failures)


# ----------------------------------------------------------------------------------------------------------------- scenarios


@dataclass(frozen=True, slots=True)
class Result:
    """One scenario, with the feeds that were read."""

    name: str
    out: Path
    kinds: frozenset[str]
    found: Judged
    early: Judged | None = None  # what was said before the late files came
    late: frozenset[str] = frozenset()  # kinds of feed that were late

    @property
    def score(self) -> Score:
        return score_simulated(self.out, self.found, self.kinds)

    @property
    def early_score(self) -> Score | None:
        return score_simulated(self.out, self.early, self.kinds, self.late) if self.early is not None else None

    @property
    def accusations(self) -> Accusations:
        return accusations(self.out, self.found)

    @property
    def early_accusations(self) -> Accusations | None:
        return accusations(self.out, self.early) if self.early is not None else None


@dataclass(frozen=True, slots=True)
class Run:
    """A generated scenario in its folder."""

    scenario: Scenario
    out: Path

    def result(self, name: str = "", without: Collection[str] = (), *, listed: bool = False, watch: Watch | None = None) -> Result:
        """Replayed without some of its feeds, with the operator's lists or without, and scored; where files come late, in two stages."""
        settings = settings_of(self.out, without)
        campaigns = config.load_campaigns(self.out / "campaigns")
        name = name or self.scenario.name
        if not self.scenario.late:
            found = judged(settings, campaigns, to_the_end=True, lists=self._lists() if listed else None, watch=watch)
            return Result(name, self.out, kinds_of(settings) | ({"list"} if listed else set()), found)
        held = withheld(self.out, self.scenario)
        early, found = judged_in_stages(settings, campaigns, held, self._ends(), self._late(), watch=watch)
        return Result(name, self.out, kinds_of(settings), found, early, self._late_kinds(settings))

    def rows(self) -> list[dict[str, Any]]:
        return truth_of(self.out)

    def octets(self) -> int:
        """Of all logs, about: what is packed counts as it lies there."""
        told = json.loads((self.out / "feeds.json").read_text())["feeds"]
        return sum(path.stat().st_size for feed in told for path in self.out.glob(feed["glob"]))

    def _ends(self) -> int:
        totals = json.loads((self.out / "totals.json").read_text())
        return int(totals["now"])

    def _lists(self) -> Lists:
        """Last night's: of the beginning of the day."""
        told = json.loads((self.out / "feeds.json").read_text())["lists"]
        day = self.scenario.run.start.astimezone(ZoneInfo(self.scenario.run.zone)).replace(hour=0, minute=0, second=0, microsecond=0)
        return Lists(self.out / told["handsets"], self.out / told["tac"], round(day.timestamp()) * SECOND)

    def _late(self) -> int:
        return round(max(self.scenario.late.values()) * 1e6)

    def _late_kinds(self, settings: config.Settings) -> frozenset[str]:
        late = msgspec.structs.replace(settings, feeds={name: settings.feeds[name] for name in self.scenario.late})
        return kinds_of(late)


def made(
    name: str,
    out: Path,
    *,
    seed: int | None = None,
    messages: int | None = None,
    share: float = 1.0,
    people: float = 1.0,
    wrong: float = 1.0,
) -> Run:
    """A scenario generated in `out`; `share` of it, or grown to `people` times as many with wrong settings `wrong` times as often."""
    scenario = load(Path(name))
    if share < 1:
        scenario = part(scenario, share)
    if (people, wrong) != (1.0, 1.0):
        scenario = grown(scenario, people, wrong)
    shutil.rmtree(out, ignore_errors=True)
    generate(scenario, out, seed=seed, messages=messages)
    return Run(scenario, out)


def withheld(out: Path, scenario: Scenario) -> dict[Path, bytes]:
    """What comes late, by file: the second half of each late feed (its first was there in time), the file cut back to the first."""
    held: dict[Path, bytes] = {}
    told = {feed["name"]: feed for feed in json.loads((out / "feeds.json").read_text())["feeds"]}
    for name in scenario.late:
        for path in out.glob(told[name]["glob"]):
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            ends = b"\n\n" if told[name]["dialect"] == "radius" else b"\n"
            cut = data.find(ends, len(data) // 2) + len(ends)
            held[path] = data[cut:]
            path.write_bytes(data[:cut])
    return held


class Column(NamedTuple):
    """What is left out of the scenario `table`; whether the operator's lists are there."""

    without: Collection[str] = ()
    listed: bool = False


COLUMNS: Final[Mapping[str, Column]] = {
    "MMSC logs": Column(("sms", *GATEWAYS, *RADIUS, "sgsn")),
    "+ SMS": Column((*GATEWAYS, *RADIUS, "sgsn")),
    "+ gateways": Column((*RADIUS, "sgsn")),
    "+ RADIUS of all APNs": Column(("sgsn",)),
    "all feeds": Column(),
    "all but SMS": Column(("sms",)),
    "all but gateways": Column(GATEWAYS),
    "all but RADIUS": Column(RADIUS),
    "all but the MMSC": Column(MMSCS),
    "MMSC logs, lists": Column(("sms", *GATEWAYS, *RADIUS, "sgsn"), listed=True),
    "+ gateways, lists": Column((*RADIUS, "sgsn"), listed=True),
    "all feeds, lists": Column(listed=True),
}
"""The columns of "feeds × causes" one after the other, each kind of feed missing in turn, and with the list of handsets beside them."""

SCENARIOS: Final = ("radius-mms", "skewed", "late", "cold", "fault", "swaps", "defaults", "corrected", "always-on", "vendor")
"""Scored with all the feeds they write; `table` and `browsing` are scored beside them."""
