"""From log lines to findings that depend on the handset: which model it is, what it can do, that it changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mmsd import app, config
from mmsd.model import SECOND, DayCount
from mmsd.rules.models import Model
from mmsd.rules.settings import Judgement, Operator
from mmsd.store.reference import Imported, Reference
from mmsd.store.sqlite import Settings, SqliteStore
from tests.flow.rig import KEYS, PACE

ANN, BOB = 8613800000001, 8613800000002
FIVE: Final = 1_795_338_000_000_000  # 17:00 in Shanghai
OLD, NEW = "3512345678901201", "3598765432109802"


class Province:
    """One MMSC and one GGSN, whose lines are written by hand; seconds after 17:00."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = FIVE
        (folder / "radius").mkdir()

    def message(self, at: int, number: int = ANN) -> None:
        line = (
            f"2026-11-22 17:{at // 60:02}:{at % 60:02} Received MMS [INT:MM1] [ACT:] [MMSC:] [from:+{BOB}] [to:+{number}] [msgid:m{at}] "
            "[size=150] [UA:] [MMBox:]\n"
        )
        with (self.folder / "mmsc.log").open("a") as file:
            file.write(line)

    def session(self, at: int, imei: str, number: int = ANN) -> None:
        values = {
            "User-Name": '"ann"', "Acct-Status-Type": "Start", "Acct-Session-Id": f'"s{at}-{number}"', "Calling-Station-Id": f'"{number}"',
            "Called-Station-Id": '"cmwap"', "3GPP-GGSN-Address": "10.36.255.1", "Framed-IP-Address": "10.1.2.3",
            "3GPP-IMSI": '"460001234567890"', "3GPP-IMEISV": f'"{imei}"',
        }  # fmt: skip
        lines = "".join(f"\t{name} = {value}\n" for name, value in values.items())
        with (self.folder / "radius/detail-20261122").open("a") as file:
            file.write(f"Sun Nov 22 17:{at // 60:02}:{at % 60:02} 2026\n{lines}\n")

    @contextmanager
    def followed(self) -> Iterator[tuple[SqliteStore, Callable[[int], None]]]:
        """The daemon's store, and what reads on and lets the clock come to so many seconds after 17:00."""
        settings = config.Settings(
            feeds={
                "mmsc": config.Feed("mbuni", (self.folder / "mmsc.log",)),
                "aaa": config.Feed("radius", (self.folder / "radius/detail-*",), covers=config.Covers(all=True)),
            },
            judgement=Judgement(window=60.0, grace=0.0, skew=0.0),
            operator=Operator(),
            sequencer=PACE,
        )
        state = self.folder / "state"
        with SqliteStore.open(state, settings=Settings(durable=False), keys=KEYS, wall=app.wall) as store:
            nokia = Model("Nokia", "3310", mms=False)
            Reference(state).replace_models("tac", [("35123456", nokia)], lambda: Imported("tac", "by hand", "2026-11-22", 1, 1, 0))
            world = app.World(wall=lambda: self.now, monotonic=lambda: self.now / SECOND)
            with app.intake(settings, store, KEYS, world) as sequencer:

                def reach(seconds: int) -> None:
                    self.now = FIVE + seconds * SECOND
                    while sequencer.tick():
                        pass

                yield store, reach


def test_a_handset_without_mms_is_why(tmp_path: Path) -> None:
    province = Province(tmp_path)
    province.session(1, OLD)
    province.message(10)
    province.message(20, BOB)  # whose handset nobody knows
    with province.followed() as (store, reach):
        reach(3600)
        rules = {row.receiver: (row.rule, row.cause) for row in store.all_deliveries()}
        assert rules[str(ANN)] == ("U1", "UNSUPPORTED")
        assert rules[str(BOB)][0] != "U1"
        (found,) = store.all_findings()
        assert (found.cause, found.subject, found.model) == ("UNSUPPORTED", str(ANN), "Nokia 3310, software 01")
        assert DayCount("2026-11-22", "Nokia 3310, software 01", "UNSUPPORTED", 1) in store.models("2026-11-22", "2026-11-23")


def test_a_new_handset_ends_what_was_found_and_is_told(tmp_path: Path) -> None:
    province = Province(tmp_path)
    province.session(1, OLD)
    province.message(10)
    with province.followed() as (store, reach):
        reach(1200)
        (found,) = store.all_findings()
        assert not found.cleared
        province.session(1210, NEW)
        reach(1300)
        (found,) = store.all_findings()
        assert found.cause == "UNSUPPORTED"
        assert found.cleared - found.evidence[0].at > 0
        assert found.evidence[-1].kind == "CHANGE"
        told = [event for event in store.events(0, 100) if event.topic == "handset"]
        assert [(event.subject, event.data) for event in told] == [("new_handset", {"subject": "86138****0001"})]
