"""Sessions tell who has which handset; what they tell is remembered once it is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from mmsd.flow.handsets import Handsets
from mmsd.model import COLUMNS, SECOND, Kind, Records
from mmsd.rules.handsets import What
from mmsd.rules.models import Model, Models
from mmsd.store.known import Known
from tests.flow.rig import KEYS

ANN: Final = 8613800000001
OLD, NEW, SIM = 3512345678901201, 3598765432109801, 460001234567890
START: Final = 1_795_309_200_000_000


class Reference:
    """Nothing imported."""

    def __init__(self, directory: Path) -> None:
        self.known = Known(directory, KEYS)
        self.models = Models([Model("ZTE", "R750", mms=False)], {35123456: 0})

    def refresh(self) -> bool:
        return False


def session(kind: Kind, at: float, imei: int = 0, duration: int = -1) -> Records:
    """One record at `at` seconds; `duration` in seconds."""
    columns = {name: np.zeros(1, kind_of) for name, kind_of in COLUMNS.items()}
    values = {"kind": kind, "at": START + round(at * SECOND), "receiver": ANN, "imei": imei, "imsi": SIM}
    for name, value in {**values, "duration": duration * SECOND if duration > 0 else duration}.items():
        columns[name][0] = value
    return Records(1, columns)


def told(handsets: Handsets, *records: Records, stored: bool = True) -> list[tuple[float, int]]:
    """Changes as (seconds, what)."""
    for each in records:
        handsets.see(each)
    news = handsets.tell(1 << 61, START)
    if stored:
        handsets.committed()
    else:
        handsets.forget()
    return [((at - START) / SECOND, what) for _, at, what in news.changes]


def imei_of(handsets: Handsets) -> int:
    return int(handsets.find(np.array([ANN], np.uint64))["imei"][0])


def test_a_new_handset_is_told_once(tmp_path: Path) -> None:
    handsets = Handsets(Reference(tmp_path), 0, lambda: 0.0)
    assert told(handsets, session(Kind.SESSION_START, 1, OLD)) == []
    assert handsets.models.sign(imei_of(handsets)) == "no MMS"
    assert told(handsets, session(Kind.SESSION_START, 9, NEW)) == [(9, What.IMEI)]
    assert told(handsets, session(Kind.SESSION_START, 12, NEW)) == []
    assert imei_of(handsets) == NEW // 100


def test_a_session_that_stood_when_the_handset_changed_changes_nothing_back(tmp_path: Path) -> None:
    handsets = Handsets(Reference(tmp_path), 0, lambda: 0.0)
    told(handsets, session(Kind.SESSION_START, 1, OLD))
    assert told(handsets, session(Kind.SESSION_START, 9, NEW), session(Kind.SESSION_STOP, 20, OLD, duration=19)) == [(9, What.IMEI)]
    assert told(handsets, session(Kind.SESSION_STOP, 21, OLD)) == []  # nobody knows since when
    assert imei_of(handsets) == NEW // 100


def test_a_tick_sees_what_it_has_told(tmp_path: Path) -> None:
    handsets = Handsets(Reference(tmp_path), 0, lambda: 0.0)
    handsets.see(session(Kind.SESSION_START, 1, OLD))
    handsets.tell(1 << 61, START)
    assert imei_of(handsets) == OLD // 100
    handsets.forget()
    assert imei_of(handsets) == 0


def test_a_tick_that_failed_leaves_nothing(tmp_path: Path) -> None:
    handsets = Handsets(Reference(tmp_path), 0, lambda: 0.0)
    told(handsets, session(Kind.SESSION_START, 1, OLD))
    assert told(handsets, session(Kind.SESSION_START, 9, NEW), stored=False) == [(9, What.IMEI)]
    assert imei_of(handsets) == OLD // 100
    assert told(handsets, session(Kind.SESSION_START, 9, NEW)) == [(9, What.IMEI)]
