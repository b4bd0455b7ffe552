"""`python -m bench.scorecard [CORPUS…]`: how right the verdicts are, corpus by corpus, each printed as soon as it is judged.

A corpus is met when every cause has recall and precision of .98 against what its feeds can show, when of what was said of handsets'
settings at most one in a thousand is wrong, and when no finding names anybody whose settings are right. At full size every scenario
is grown until it has ten thousand such verdicts, among twenty lines of browsing for each of MMS. The command ends with 1 when a corpus is
not met. `--small` is for tests: as many corpora, and few messages.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import queue
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.judged import Score, judged
from bench.relayed import Relayed, relayed
from bench.score import accused_real, chain_settings, real_day, real_day_settings, score_chain, score_real
from bench.simulated import COLUMNS, SETTINGS, Accusations, Complaints, Result, complaints, made, said_of, settings_of
from mmsd import config
from sim.complaints import GROUPS, PUBLISHED, error

PRECISE: Final = 0.999
"""Precision of what is said of settings."""
MANY: Final = 10_000
"""Such verdicts that a scenario of full size must have."""
WRONG: Final = 4.0
"""At full size wrong settings are so many times as frequent as in the scenario's file."""
GROWN: Final[Mapping[str, float]] = {
    "table": 19, "radius-mms": 29, "skewed": 19, "late": 19, "cold": 31, "fault": 23, "swaps": 13, "defaults": 11, "corrected": 37,
    "always-on": 19, "vendor": 21,
}  # fmt: skip
"""Scenarios, and how many times their people make ten thousand verdicts about settings. `browsing` has them as it is."""
FORWARDS: Final = range(1, 6)
"""Seeds of the draws of the scenario `forwards`."""
SMALL: Final = 80
"""Messages of a scenario in the small size."""
MOST_WRONG: Final = 8
"""Wrong readings told of one corpus."""

Say = Callable[[str, int, int], None]
"""(what is being done, how much of it, of how much)."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is generated: everything, or as little as shows that it works."""

    small: bool

    def of(self, name: str) -> dict[str, Any]:
        """Arguments of `bench.simulated.made`."""
        if name == "browsing":
            return {"share": 0.01} if self.small else {}
        if name == "complaints":
            return {"share": 0.1} if self.small else {}
        return {"messages": SMALL} if self.small else {"people": GROWN[name], "wrong": WRONG}

    @property
    def least(self) -> int:
        return 0 if self.small else MANY


@dataclass(slots=True)
class Sheet:
    """What was found in one corpus. `least`: so many verdicts about settings it must have. `gated` False: told, and nothing rests on it."""

    name: str
    score: Score
    said: Accusations | None = None
    least: int = 0
    gated: bool = True
    notes: list[str] = field(default_factory=list)
    complained: Complaints | None = None
    relayed: Relayed | None = None
    seconds: float = 0.0

    def shortfalls(self) -> list[str]:
        """Why it is not met."""
        short = [f"{cause}: {how}" for cause, how in self.score.shortfalls().items()]
        if self.said is not None:
            for cause in SETTINGS:
                precision = self.said.precision(cause)
                if precision is not None and precision < PRECISE:
                    short.append(f"{cause} said of {self.said.wrong[cause]} who have no such fault, of {self.said.verdicts[cause]}")
            short += [f"finding of {false}" for false in self.said.false]
            if self.said.verdicts.total() < self.least:
                short.append(f"{self.said.verdicts.total():,} verdicts about settings, not {self.least:,}")
        short += self.relayed.shortfalls() if self.relayed is not None else []
        if self.complained is not None:
            found, n = self.complained, max(self.complained.n, 1)
            short += [
                f"{group}: {found.found[group]:.1%} of complaints, drawn {found.true[group]:.1%}, published {PUBLISHED[group]:.0%}"
                for group in GROUPS
                if abs(found.found[group] - found.true[group]) > 0.02
                or abs(found.true[group] - PUBLISHED[group]) > error(PUBLISHED[group], n)
            ]
        return short


# ------------------------------------------------------------------------------------------------------------------- corpora


def _chain(size: Size, say: Say, folder: Path) -> Iterator[Sheet]:
    yield Sheet("chain", score_chain(judged(chain_settings())))


def _real_day(size: Size, say: Say, folder: Path) -> Iterator[Sheet]:
    day = real_day()
    if day.is_dir():
        found = judged(real_day_settings(day), to_the_end=True)
        yield Sheet("real day", score_real(day, found), accused_real(day, found))
    else:
        yield Sheet("real day", Score(), notes=[f"{day} is not there (MMSD_SHARED names another place)"])


def _feeds(size: Size, say: Say, folder: Path) -> Iterator[Sheet]:
    """The scenario `table` with the columns of "feeds × causes" one after the other, and each kind of feed missing in turn."""
    run = made("table", folder, messages=SMALL if size.small else None)
    for number, (name, column) in enumerate(COLUMNS.items()):
        say(name, number, len(COLUMNS))
        yield from _sheets(run.result(f"table, {name}", column.without, listed=column.listed))


def _scenario(name: str, size: Size, say: Say, folder: Path) -> Iterator[Sheet]:
    say("generating", 0, 1)
    run = made(name, folder, **size.of(name))
    octets = run.octets()
    yield from _sheets(run.result(watch=lambda read: say("judging", read, octets)), size.least)


def _complaints(size: Size, say: Say, folder: Path) -> Iterator[Sheet]:
    run = made("complaints", folder, **size.of("complaints"))
    result = run.result()
    (sheet,) = _sheets(result)
    sheet.complained = complaints(run.out, result.found)
    yield sheet


def _forwards(size: Size, say: Say, folder: Path) -> Iterator[Sheet]:
    """Seeds that are sent on, sent again by handsets, sent again by people."""
    every = Relayed.none()
    for seed in FORWARDS[:1] if size.small else FORWARDS:
        say("draw", seed, max(FORWARDS))
        run = made("forwards", folder, seed=seed, share=0.1 if size.small else 1.0)
        found = judged(settings_of(run.out), config.load_campaigns(run.out / "campaigns"), to_the_end=True)
        every += relayed(run.rows(), found.forwards)
    yield Sheet("forwards", Score(), relayed=every)


def _sheets(result: Result, least: int = 0) -> Iterator[Sheet]:
    if (early := result.early_score) is not None:
        yield Sheet(f"{result.name}, before the files came", early, result.early_accusations, gated=False)
    notes = [
        f"{kind} {subject}: {', '.join(sorted(causes))}"
        for kind in ("node", "model")
        for subject, causes in sorted(said_of(result.found, kind).items())
    ]
    yield Sheet(result.name, result.score, result.accusations, least, notes=notes)


def _of(name: str) -> Callable[[Size, Say, Path], Iterator[Sheet]]:
    return lambda size, say, folder: _scenario(name, size, say, folder)


CORPORA: Final[Mapping[str, Callable[[Size, Say, Path], Iterator[Sheet]]]] = {
    "chain": _chain,
    "real-day": _real_day,
    "feeds": _feeds,
    **{name: _of(name) for name in (*GROWN, "browsing")},
    "complaints": _complaints,
    "forwards": _forwards,
}


# -------------------------------------------------------------------------------------------------------------------- tables


def matrix(title: str, score: Score) -> Table:
    """The confusion matrix, true causes down and found causes across, with recall and precision of each at its right; `n!` marks readings
    that the truth does not accept."""
    table = Table(title=f"{title}: {score.right.total():,} of {score.pairs.total():,} right", title_justify="left")
    causes = score.causes()
    letters = {cause: "abcdefghijklmnopqrstuvwxyz"[place] for place, cause in enumerate(causes)}
    table.add_column("true cause")
    for heading in (*(f"→{letters[cause]}" for cause in causes), "recall", "precision"):
        table.add_column(heading, justify="right")
    for true in causes:
        cells = []
        for cause in causes:
            n, right = score.pairs[true, cause], score.right[true, cause]
            cells.append("·" if not n else str(n) if n == right else f"{n}!" if not right else f"{n} ({n - right}!)")
        table.add_row(f"{letters[true]} {true}", *cells, _share(score.recall(true), 3), _share(score.precision(true), 3))
    return table


def complaint_table(found: Complaints) -> Table:
    """Shares of complaints, beside those that a province published."""
    table = Table(title=f"{found.n:,} complaints by group", title_justify="left")
    for heading in ("group", "published", "drawn", "found", "chance"):
        table.add_column(heading)
    for group in GROUPS:
        chance = error(PUBLISHED[group], max(found.n, 1))
        table.add_row(group, f"{PUBLISHED[group]:.0%}", f"{found.true[group]:.1%}", f"{found.found[group]:.1%}", f"± {chance:.1%}")
    return table


def failure_table(found: Complaints) -> Table:
    """The causes of all failures: another table, not to be compared with complaints."""
    total = max(found.failures.total(), 1)
    table = Table(title=f"{total:,} failures by cause", title_justify="left")
    for heading in ("cause", "failures", "share"):
        table.add_column(heading)
    for cause, n in found.failures.most_common():
        table.add_row(cause, f"{n:,}", f"{n / total:.1%}")
    return table


def summary(sheets: Sequence[Sheet]) -> Table:
    """A line for each corpus: its weakest cause, what was said of settings, whether it is met."""
    table = Table(title="summary", title_justify="left")
    table.add_column("corpus")
    for heading in ("rows", "right", "weakest cause", "recall", "precision", "of settings", "precise", "false findings", "missed", "s", ""):
        table.add_column(heading, justify="left" if heading == "weakest cause" else "right")
    for sheet in sheets:
        score, said = sheet.score, sheet.said
        weakest = min(score.causes(), key=lambda cause: _weaker(score, cause), default="–")
        weakest = weakest if _weaker(score, weakest) < 1 else "–"
        verdicts = said.verdicts.total() if said is not None else 0
        precise = 1 - said.wrong.total() / verdicts if said is not None and verdicts else None
        table.add_row(
            sheet.name,
            f"{score.pairs.total():,}",
            f"{score.right.total():,}",
            weakest,
            _share(score.recall(weakest), 3),
            _share(score.precision(weakest), 3),
            f"{verdicts:,}" if verdicts else "–",
            _share(precise, 4),
            str(len(said.false)) if said is not None else "–",
            str(len(said.missed)) if said is not None else "–",
            f"{sheet.seconds:.0f}",
            _met(sheet),
        )
    return table


def settings_table(sheets: Sequence[Sheet]) -> Table:
    """What was said of handsets' settings: verdicts of each cause and their precision; findings."""
    table = Table(title="what was said of settings", title_justify="left")
    for heading in ("corpus", *SETTINGS, "findings"):
        table.add_column(heading)
    for sheet in sheets:
        if sheet.said is not None:
            said = sheet.said
            verdicts = (
                f"{said.verdicts[cause]:,}" + (f" at {_share(said.precision(cause), 4)}" * bool(said.verdicts[cause])) for cause in SETTINGS
            )
            table.add_row(sheet.name, *verdicts, ", ".join(f"{cause} {n}" for cause, n in sorted(said.findings.items())) or "–")
    return table


def _met(sheet: Sheet) -> str:
    return "–" if not sheet.gated or not (sheet.score.pairs or sheet.relayed) else "not met" if sheet.shortfalls() else "met"


def _weaker(score: Score, cause: str) -> float:
    """Of recall and precision."""
    return min(1.0 if share is None else share for share in (score.recall(cause), score.precision(cause)))


def _share(share: float | None, digits: int) -> str:
    return "–" if share is None else f"{share:.{digits}f}"


def show(console: Console, sheet: Sheet) -> None:
    """One corpus in full."""
    if sheet.score.pairs:
        console.print(matrix(sheet.name, sheet.score), soft_wrap=True)
    if sheet.relayed is not None:
        console.print(f"  {sheet.relayed}", soft_wrap=True, highlight=False, markup=False)
    if sheet.complained is not None:
        console.print(complaint_table(sheet.complained), failure_table(sheet.complained))
    wrong = [f"wrong: {each}" for each in sheet.score.wrong[:MOST_WRONG]]
    wrong += [f"accused: {each}" for each in (sheet.said.accused[:MOST_WRONG] if sheet.said is not None else ())]
    for note in (*sheet.notes, *wrong, *(f"not met: {each}" for each in sheet.shortfalls() if sheet.gated)):
        console.print(f"  {note}", soft_wrap=True, highlight=False, markup=False)


def written(sheets: Sequence[Sheet]) -> str:
    """All figures as JSON."""
    rows = []
    for sheet in sheets:
        score, said = sheet.score, sheet.said
        row: dict[str, Any] = {"corpus": sheet.name, "rows": score.pairs.total(), "right": score.right.total(), "gated": sheet.gated}
        row["causes"] = {cause: {"recall": score.recall(cause), "precision": score.precision(cause)} for cause in score.causes()}
        if said is not None:
            row["settings"] = {cause: {"verdicts": said.verdicts[cause], "precision": said.precision(cause)} for cause in SETTINGS}
            row["accused"], row["false_findings"], row["missed"] = said.accused, said.false, said.missed
        if sheet.relayed is not None:
            row["forwards"] = {name: getattr(sheet.relayed, name) for name in ("due", "lost", "again", "paid", "caught", "exchanged")}
        rows.append({**row, "shortfalls": sheet.shortfalls(), "seconds": round(sheet.seconds, 1)})
    return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"


# ------------------------------------------------------------------------------------------------------------------- command


def _work(name: str, size: Size, folder: Path, told: Any) -> list[Sheet]:
    """One corpus, in a process of its own. What it is doing goes to the queue `told`."""
    began = time.process_time()
    own = folder / name
    sheets = []
    for sheet in CORPORA[name](size, lambda what, done, of: told.put((name, what, done, of)), own):
        sheet.seconds, began = time.process_time() - began, time.process_time()
        sheets.append(sheet)
    shutil.rmtree(own, ignore_errors=True)
    return sheets


def scored(names: Collection[str], size: Size, jobs: int, console: Console) -> list[Sheet]:
    """Every corpus named, `jobs` at a time, each shown when it is done; their sheets in the order of the names."""
    context = multiprocessing.get_context("spawn")
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    done: dict[str, list[Sheet]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="mmsd-score-") as folder,
        context.Manager() as manager,
        ProcessPoolExecutor(jobs, mp_context=context) as pool,
        Progress(*columns, console=console, transient=True) as progress,
    ):
        told = manager.Queue()
        tasks = {name: progress.add_task(name, total=None, visible=False) for name in names}
        whole = progress.add_task("all", total=len(tasks))
        waiting = {pool.submit(_work, name, size, Path(folder), told): name for name in names}
        while waiting:
            _follow(told, progress, tasks)
            for future in [each for each in waiting if each.done()]:
                name = waiting.pop(future)
                done[name] = _sheets_of(future, waiting)
                progress.update(tasks[name], visible=False)
                progress.advance(whole)
                for sheet in done[name]:
                    show(progress.console, sheet)
    return [sheet for name in names for sheet in done[name]]


def _sheets_of(future: Future[list[Sheet]], waiting: Collection[Future[list[Sheet]]]) -> list[Sheet]:
    """What broke in one corpus ends all."""
    try:
        return future.result()
    except BaseException:
        for other in waiting:
            other.cancel()
        raise


def _follow(told: queue.Queue[tuple[str, str, int, int]], progress: Progress, tasks: Mapping[str, TaskID]) -> None:
    """Shows what the corpora have told of themselves within a moment."""
    try:
        name, what, done, of = told.get(timeout=0.2)
        progress.update(tasks[name], visible=True, description=f"{name}: {what}", completed=done, total=of)
    except queue.Empty:
        return


@click.command()
@click.argument("corpora", nargs=-1, type=click.Choice(sorted(CORPORA)))
@click.option("--small", is_flag=True, help="few messages: whether it works, not how right it is")
@click.option(
    "--jobs", type=click.IntRange(min=1), default=min(os.cpu_count() or 1, 4), help="corpora at a time  [default: as there are cores]"
)
@click.option("--json", "target", type=click.Path(dir_okay=False, path_type=Path), help="write the figures here, too")
def main(corpora: tuple[str, ...], jobs: int, target: Path | None, *, small: bool) -> None:
    """Scores each CORPUS, or all of them, beside its truth; ends with 1 when one is not met."""
    console = Console(width=None if Console().is_terminal else 200)
    sheets = scored(corpora or tuple(CORPORA), Size(small), jobs, console)
    total = Score()
    for sheet in sheets:
        if sheet.gated:
            total.pairs.update(sheet.score.pairs)
            total.right.update(sheet.score.right)
    console.print(matrix("all corpora", total), settings_table(sheets), summary(sheets))
    if target is not None:
        target.write_text(written(sheets))
    missed = [sheet.name for sheet in sheets if sheet.gated and sheet.shortfalls()]
    console.print(f"not met: {', '.join(missed)}" if missed else "every corpus is met")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
