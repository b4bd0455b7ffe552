"""`python -m bench [NAME…] [--json PATH] [--lines N]`: runs benches, prints their tables, writes JSON.

A bench is a module with `run(lines, say) -> Report`. Plain scripts on seeded data; peers run in the same minute, in a process of their own,
on one thread. Numbers of different machines, or of a busy one, say nothing: compare ratios.
"""

from __future__ import annotations

import json
import platform
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench import cdr, hour, inflate, instructions, join, links, live, memory, pdu, pipeline, restart, scan, story
from mmsd import fast

BENCHES = {
    "cdr": cdr.run,
    "hour": hour.run,
    "inflate": inflate.run,
    "instructions": instructions.run,
    "join": join.run,
    "links": links.run,
    "live": live.run,
    "memory": memory.run,
    "pdu": pdu.run,
    "pipeline": pipeline.run,
    "restart": restart.run,
    "scan": scan.run,
    "story": story.run,
}


def processor() -> str:
    """The processor's name, as Linux tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    names = (
        [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        if cpuinfo.exists()
        else []
    )
    return names[0] if names else platform.machine()


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(sorted(BENCHES)))
@click.option("--json", "target", type=click.Path(path_type=Path), help="Write the numbers here, too.")
@click.option("--lines", default=100_000, show_default=True, help="Lines a format; the linear check takes ten times as many.")
def main(names: tuple[str, ...], target: Path | None, lines: int) -> None:
    """Time mmsd's hot paths beside their peers, on this machine, now."""
    console = Console(width=None if Console().is_terminal else 140)
    machine = {"processor": processor(), "python": platform.python_version(), "twin": fast.TWIN, "lines": lines}
    console.print(" · ".join(f"{name} {value}" for name, value in machine.items()))
    results = {}
    for name in names or sorted(BENCHES):
        with console.status(name) as status:
            report = BENCHES[name](lines, lambda what, name=name, status=status: status.update(f"{name}: {what}"))  # type: ignore[misc]  # bound at once
        for title, rows in report.tables.items():
            table = Table(title=title, title_justify="left")
            for heading in rows[0]:
                table.add_column(heading, justify="left" if isinstance(rows[0][heading], str) else "right")
            for row in rows:
                table.add_row(
                    *(
                        f"{value:,.2f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else value
                        for value in row.values()
                    )
                )
            console.print(table)
        for note in report.notes:
            console.print(f"  {note}", soft_wrap=True)
        results[name] = {"tables": report.tables, "notes": report.notes}
    if target is not None:
        target.write_text(json.dumps({"machine": machine, "benches": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
