"""The table of handsets: what is put in is found, nobody else reads it, and whatever stops a merge leaves it as it was."""

from __future__ import annotations

import fcntl
import gzip
import os
import random
import resource
import signal
import struct
import threading
from datetime import UTC
from pathlib import Path

import numpy as np
import pytest

from mmsd.errors import ConfigError, StoreDamaged, StoreFull
from mmsd.model import DAY, HOUR, MINUTE, Batch
from mmsd.rules.handsets import HANDSET, What, sightings, unknown
from mmsd.store import Store
from mmsd.store import handsets as tables
from mmsd.store.handsets import Cipherer, Table, by_slice, change_files, locked, merge_tables, newest, read_changes
from mmsd.store.keys import Keys
from mmsd.store.known import Known, Overlay, fold
from mmsd.store.listing import Imported, Progress, import_list, start_of_day
from mmsd.store.reference import Imported as Noted
from mmsd.store.reference import Reference
from tests.store.conftest import NOW, put

LI, WANG, ZHAO = 8613812341234, 8613900005678, 8613700009999
NOKIA, ZTE = 35123456789012, 86432101234567
SIM, OTHER_SIM = 460001234567890, 460020987654321
MIDNIGHT = NOW - 12 * HOUR


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


def take(folder: Path, keys: Keys, text: str | bytes, *, as_of: int = MIDNIGHT, name: str = "list.csv", **options: object) -> Imported:
    path = folder.parent / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return import_list(path, folder, keys, as_of=as_of, now=NOW, zone=UTC, **options)  # type: ignore[arg-type]


def find(folder: Path, keys: Keys, *numbers: int) -> np.ndarray:
    table = newest(folder, keys)
    assert table is not None
    return table.find(np.array(numbers, np.uint64))


# ------------------------------------------------------------------------------------------------------------------- the list


def test_a_list_is_found_again(folder: Path, keys: Keys):
    done = take(folder, keys, f"msisdn,imei,imsi,city\n{LI},{NOKIA}1,{SIM},南京\n13900005678,{ZTE}07,,苏州\n+{ZHAO},,{OTHER_SIM},\n")
    assert (done.lines, done.numbers, done.repeated, done.bad.total(), done.written.added) == (3, 3, 0, 0, 3)
    rows = find(folder, keys, ZHAO, LI, 8613811111111, WANG)
    assert rows["imei"].tolist() == [0, NOKIA, 0, ZTE]
    assert rows["software"].tolist() == [-1, -1, -1, 7]
    assert rows["imsi"].tolist() == [OTHER_SIM, SIM, 0, 0]
    assert rows["imei_at"].tolist() == [0, MIDNIGHT, 0, MIDNIGHT]
    table = newest(folder, keys)
    assert table is not None
    assert [table.header.cities[place] for place in rows["city"]] == ["", "南京", "", "苏州"]
    assert (table.header.source, table.header.as_of, table.header.serial, len(table)) == ("list.csv", MIDNIGHT, 1, 3)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("no header", f"{LI},{NOKIA}1,{SIM},南京\n"),
        ("semicolons and quotes", f'"MSISDN";"IMEI";"IMSI";"City"\n"{LI}";"{NOKIA}1";"{SIM}";"南京"\n'),
        ("tabs, other columns, other order", f"name\tcity\timei\timsi\tphone number\nx\t南京\t{NOKIA}1\t{SIM}\t13812341234\n"),
        ("a byte order mark and CRLF", f"\ufeffmsisdn,imei,imsi,city\r\n{LI},{NOKIA}1,{SIM},南京\r\n"),
        ("no end of line", f"{LI}|{NOKIA}|{SIM}|南京"),
    ],
)
def test_lists_as_operators_write_them(folder: Path, keys: Keys, name: str, text: str):
    take(folder, keys, text)
    (row,) = find(folder, keys, LI)
    table = newest(folder, keys)
    assert table is not None
    assert (row["imei"], row["imsi"], table.header.cities[row["city"]]) == (NOKIA, SIM, "南京"), name


def test_a_list_in_another_encoding_and_packed(folder: Path, keys: Keys):
    text = f"手机号|IMEI|地市\n{LI}|{NOKIA}1|鄿镇\n".encode("gb18030")  # 鄿 ends in the octet of "|"
    take(folder, keys, gzip.compress(text), name="list.csv.gz", encoding="gb18030")
    table = newest(folder, keys)
    assert table is not None
    assert table.header.cities[1] == "鄿镇"


def test_bad_lines_are_counted_placed_and_masked(folder: Path, keys: Keys):
    good = "".join(f"{8613800000000 + n},{NOKIA}1,{SIM},南京\n" for n in range(100))
    done = take(folder, keys, good + f"10086,{NOKIA}1,{SIM},南京\nnobody\n{LI},35X,12,苏州\n")
    assert done.lines == 103
    assert sorted(done.bad.values()) == [1, 1]
    assert done.bad["no number"] == 1
    assert done.odd["imsi"] == 1
    assert {sample.octet for sample in done.samples} == {
        len(good.encode()),
        len(good.encode()) + len(f"10086,{NOKIA}1,{SIM},南京\n".encode()),
    }
    shown = " ".join(sample.line for sample in done.samples)
    assert str(NOKIA) not in shown
    assert str(SIM) not in shown
    assert find(folder, keys, LI)["imei"][0] == 0  # the line stands, its IMEI does not


@pytest.mark.parametrize("spoiled", [slice(0, -5), slice(0, 12)])
def test_a_torn_packed_list_changes_nothing(folder: Path, keys: Keys, spoiled: slice):
    packed = gzip.compress("".join(f"{8613800000000 + n},{NOKIA}1,{SIM + n}\n" for n in range(2000)).encode())
    with pytest.raises(ConfigError, match="cannot be read"):
        take(folder, keys, packed[spoiled])
    broken = bytearray(packed)
    broken[len(broken) // 2] ^= 0xFF
    with pytest.raises(ConfigError):
        take(folder, keys, bytes(broken))
    assert list(folder.glob("*.table")) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1"),
        ("msisdn,imei\n", "holds no subscriber"),
        ("name,town\nLi,Nanjing\n", "header"),
        ("nonsense\n" * 30, "line 1"),
        (f"{LI},{NOKIA},{SIM}\n" + "x\n" * 9, "9 of 10 lines"),
        (f"{LI},{NOKIA}," + "x" * 200_000 + "\n", None),
    ],
)
def test_what_is_no_list_changes_nothing(folder: Path, keys: Keys, text: str, says: str | None):
    take(folder, keys, f"{WANG},{ZTE}\n", as_of=MIDNIGHT - DAY)
    if says is None:
        assert take(folder, keys, text).odd["city"] == 1  # a long line is a line, and its city none
        return
    with pytest.raises(ConfigError, match=says):
        take(folder, keys, text)
    assert find(folder, keys, WANG)["imei"][0] == ZTE
    assert sorted(path.suffix for path in folder.iterdir()) == [".lock", ".table"]


def test_the_last_of_repeated_lines_counts(folder: Path, keys: Keys):
    done = take(folder, keys, f"{LI},{NOKIA}1\n{WANG},{ZTE}1\n{LI},{ZTE}1\n")
    assert (done.numbers, done.repeated) == (2, 1)
    assert find(folder, keys, LI)["imei"][0] == ZTE


def test_the_next_list_says_what_changed(folder: Path, keys: Keys):
    take(folder, keys, f"{LI},{NOKIA}1,{SIM}\n{WANG},{ZTE}1,{SIM}\n{ZHAO},{ZTE}1,{SIM}\n", as_of=MIDNIGHT - DAY)
    assert change_files(folder, 0) == []
    done = take(folder, keys, f"{LI},{ZTE}1,{SIM}\n{WANG},,{OTHER_SIM}\n{ZHAO},{ZTE}1,{SIM}\n")
    assert done.written.changes == {"imsi_changed": 1, "new_handset": 1, "new_owner": 0, "returned": 0}
    ((serial, path),) = change_files(folder, 0)
    changes = read_changes(path, keys)
    assert sorted(changes.tolist()) == [(LI, MIDNIGHT, What.IMEI), (WANG, MIDNIGHT, What.IMSI)]
    assert (serial, change_files(folder, serial)) == (2, [])
    assert find(folder, keys, WANG)["imei"][0] == ZTE  # what the list does not say stays


def test_a_list_that_names_a_new_owner(folder: Path, keys: Keys):
    take(folder, keys, f"msisdn,imei,since\n{LI},{NOKIA}1,2020-01-01\n{WANG},{NOKIA}1,\n", as_of=MIDNIGHT - 30 * DAY)
    newer = f"msisdn,imei,since\n{LI},{NOKIA}1,2026-11-20\n{WANG},{NOKIA}1,20200101\n{ZHAO},{NOKIA}1,soon\n"
    done = take(folder, keys, newer)
    assert done.written.changes["new_owner"] == 1
    assert done.odd["since"] == 1
    assert take(folder, keys, newer, as_of=MIDNIGHT + DAY).written.changes["new_owner"] == 0  # it is news once


def test_an_older_list_is_refused_and_the_same_taken_again(folder: Path, keys: Keys):
    take(folder, keys, f"{LI},{NOKIA}1\n")
    with pytest.raises(ConfigError, match="newer list"):
        take(folder, keys, f"{LI},{ZTE}1\n", as_of=MIDNIGHT - DAY)
    take(folder, keys, f"{LI},{ZTE}1\n")
    assert find(folder, keys, LI)["imei"][0] == ZTE


def test_a_complete_list_takes_out_whom_it_does_not_name(folder: Path, keys: Keys):
    take(folder, keys, f"{LI},{NOKIA}1\n{WANG},{ZTE}1\n{ZHAO},{ZTE}1\n", as_of=MIDNIGHT - DAY)
    heard = sightings(np.array([ZHAO], np.uint64), np.array([NOW]), np.zeros(1, np.uint64), np.zeros(1, np.uint64))
    fold(folder, keys, heard, now=NOW)
    done = take(folder, keys, f"{LI},{NOKIA}1\n8613800000001,{NOKIA}1\n", complete=True)
    assert done.written.forgotten == 1
    assert find(folder, keys, LI, WANG, ZHAO)["imei"].tolist() == [NOKIA, 0, ZTE]
    with pytest.raises(ConfigError, match="said to be complete"):
        take(folder, keys, f"{LI},{NOKIA}1\n", complete=True)


def test_who_is_not_heard_of_for_long_is_forgotten(folder: Path, keys: Keys):
    take(folder, keys, f"{LI},{NOKIA}1\n", as_of=MIDNIGHT - tables.FORGET - DAY)
    assert take(folder, keys, f"{WANG},{ZTE}1\n").written.forgotten == 1
    assert find(folder, keys, LI, WANG)["imei"].tolist() == [0, ZTE]


def test_progress_is_told(folder: Path, keys: Keys):
    read: list[int] = []
    merged: list[int] = []
    text = f"{LI},{NOKIA}1\n"
    take(folder, keys, text, progress=Progress(read.append, merged.append))
    assert read[-1] == len(text)
    assert merged == list(range(1, tables.SLICES + 1))


def test_a_date_is_its_beginning():
    assert start_of_day("1970-01-02", UTC) == DAY
    assert start_of_day("1970-01-01T08:00+08:00", UTC) == 0


# ------------------------------------------------------------------------------------------------------------------ at rest


def test_nobody_reads_a_number_without_the_key(folder: Path, keys: Keys):
    take(folder, keys, f"{LI},{NOKIA}1,{SIM}\n", as_of=MIDNIGHT - DAY)
    take(folder, keys, f"{LI},{ZTE}1,{OTHER_SIM}\n")
    data = b"".join(path.read_bytes() for path in folder.iterdir())
    for number in (LI, NOKIA, ZTE, SIM, OTHER_SIM):
        assert str(number).encode() not in data
        for word in (number, number << 8, number << 8 | 0):
            assert struct.pack("<Q", word)[:7] not in data
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())
    other = Keys(os.urandom(32), os.urandom)
    with pytest.raises(StoreDamaged):
        newest(folder, other)


def test_two_tables_hide_one_row_differently(folder: Path, keys: Keys):
    for day in (2, 1):
        take(folder, keys, f"{LI},{NOKIA}1,{SIM}\n", as_of=MIDNIGHT - day * DAY)
    one, other = (path.read_bytes()[-34:-18] for path in sorted(folder.glob("*.table")))
    assert one != other


@pytest.mark.parametrize("place", [0, 20, 60, (1 << 18) + 3, -1])
def test_a_damaged_table_is_told(folder: Path, keys: Keys, place: int):
    take(folder, keys, f"{LI},{NOKIA}1,{SIM},南京\n")
    (path,) = folder.glob("*.table")
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreDamaged):
        Table(path, keys).verify()
    with pytest.raises(StoreDamaged):
        take(folder, keys, f"{LI},{NOKIA}1\n")


@pytest.mark.parametrize("size", [0, 10, 1 << 18, -1])
def test_a_cut_table_does_not_open(folder: Path, keys: Keys, size: int):
    take(folder, keys, f"{LI},{NOKIA}1,{SIM},南京\n")
    (path,) = folder.glob("*.table")
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(StoreDamaged):
        Table(path, keys)


def test_cut_and_exchanged_changes_do_not_open(folder: Path, keys: Keys):
    take(folder, keys, f"{LI},{NOKIA}1\n", as_of=MIDNIGHT - DAY)
    take(folder, keys, f"{LI},{ZTE}1\n")
    ((_, path),) = change_files(folder, 0)
    data = path.read_bytes()
    for broken in (b"", data[:-1], data[:12]):
        path.write_bytes(broken)
        with pytest.raises(StoreDamaged):
            read_changes(path, keys)
    moved = path.with_name("handsets-000009.changes")
    moved.write_bytes(data)
    with pytest.raises(StoreDamaged):
        read_changes(moved, keys)


# ------------------------------------------------------------------------------------------------------------------- merging


def random_rows(chance: random.Random, count: int) -> np.ndarray:
    numbers = np.array(sorted(chance.sample(range(8613800000000, 8613800000000 + 3 * count), count)), np.uint64)
    rows = unknown(numbers)
    for row in rows:
        row["imei"], row["software"] = chance.choice([0, NOKIA, ZTE]), chance.randrange(-1, 100)
        row["imsi"] = chance.choice([0, SIM, OTHER_SIM])
        for name in ("imei_at", "imsi_at", "heard"):
            row[name] = NOW - chance.randrange(1000) * MINUTE
        row["city"] = chance.randrange(3)
        if not row["imei"]:
            row["software"], row["imei_at"] = -1, 0
        if not row["imsi"]:
            row["imsi_at"] = 0
    return rows


def test_a_table_is_a_map(folder: Path, keys: Keys, seed: int, effort: int):
    """Merge upon merge, a table says of every number what a dictionary of rows says."""
    chance = random.Random(seed)
    model: dict[int, np.void] = {}
    overlay = Overlay()
    for turn in range(3 * effort):
        rows = random_rows(chance, 200)
        fold(folder, keys, rows, now=NOW)
        overlay.add(rows)
        below = unknown(rows["number"])
        for number, row in zip(rows["number"].tolist(), rows, strict=True):
            model.setdefault(number, row.copy())
        asked = np.array([*chance.sample(sorted(model), min(len(model), 150)), 5, 7], np.uint64)
        found = find(folder, keys, *asked.tolist())
        expected = overlay.on_top(unknown(asked))
        expected["number"] = found["number"]
        assert (found == expected).all(), turn
        assert len(below) == 200
    table = newest(folder, keys)
    assert table is not None
    assert len(table) == len(model)


class _Stop(Exception):
    pass


def test_whatever_stops_a_merge_leaves_the_table(folder: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch):
    take(folder, keys, f"{LI},{NOKIA}1\n", as_of=MIDNIGHT - DAY)

    def stop_at(part: int) -> None:
        if part == 200:
            raise _Stop

    with pytest.raises(_Stop):
        take(folder, keys, f"{LI},{ZTE}1\n", progress=Progress(merging=stop_at))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tables._Draft, "finish", full)
    with pytest.raises(StoreFull, match="No space left"):
        take(folder, keys, f"{LI},{ZTE}1\n")
    monkeypatch.undo()
    assert find(folder, keys, LI)["imei"][0] == NOKIA
    assert change_files(folder, 0) == []  # the changes were written, their table was not
    take(folder, keys, f"{LI},{ZTE}1\n")
    assert [read_changes(path, keys)["what"].tolist() for _, path in change_files(folder, 0)] == [[What.IMEI]]


def test_a_full_disk_is_told_and_changes_nothing(folder: Path, keys: Keys):
    """Really full: files may not grow beyond a limit."""
    take(folder, keys, f"{LI},{NOKIA}1\n", as_of=MIDNIGHT - DAY)
    text = "".join(f"{8613800000000 + n},{NOKIA}1,{SIM}\n" for n in range(5000))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    (folder.parent / "list.csv").write_text(text)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, before[1]))
    try:
        with pytest.raises(StoreFull, match="the table of handsets is as it was"):
            import_list(folder.parent / "list.csv", folder, keys, as_of=MIDNIGHT, now=NOW, zone=UTC)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert find(folder, keys, LI)["imei"][0] == NOKIA
    assert sorted(path.name for path in folder.iterdir()) == ["handsets-000001.table", "handsets.lock"]


def test_what_root_imports_is_the_daemons(folder: Path, keys: Keys):
    owner = 54_321 if os.geteuid() == 0 else os.geteuid()
    os.chown(folder, owner, -1)
    take(folder, keys, f"{LI},{NOKIA}1\n", as_of=MIDNIGHT - DAY)
    take(folder, keys, f"{LI},{ZTE}1\n")
    Reference(folder).replace_prefixes([("86138", "Nanjing")], lambda: Noted("", "x", "", 1, 0, 0))
    Keys.load(folder / "state.key", os.urandom)
    assert {path.suffix for path in folder.iterdir()} == {".table", ".changes", ".lock", ".db", ".key"}
    assert {path.stat().st_uid for path in folder.iterdir()} == {owner}


def test_only_the_newest_two_tables_are_kept(folder: Path, keys: Keys):
    for day in range(5, 0, -1):
        take(folder, keys, f"{LI},{NOKIA}1\n", as_of=MIDNIGHT - day * DAY)
    assert [path.name for path in sorted(folder.glob("*.table"))] == ["handsets-000004.table", "handsets-000005.table"]


def test_slices_cover_every_hash(keys: Keys):
    numbers = np.arange(8613800000000, 8613800005000, dtype=np.uint64)
    key = Cipherer(keys).keys_of(numbers)
    source = by_slice(key, unknown(numbers))
    parts = [source(part) for part in range(tables.SLICES)]
    assert np.concatenate([part for part, _ in parts]).tolist() == sorted(key.tolist())
    assert sum(len(rows) for _, rows in parts) == len(numbers)
    assert len(set(key.tolist())) == len(numbers)


def test_one_writer_at_a_time(folder: Path):
    order: list[str] = []
    waiting = threading.Event()

    def second() -> None:
        waiting.set()
        with locked(folder):
            order.append("second")

    thread = threading.Thread(target=second)
    with locked(folder):
        thread.start()
        waiting.wait()
        descriptor = os.open(folder / "handsets.lock", os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


# ------------------------------------------------------------------------------------------------------------- known, from traffic


def seen(*facts: tuple[int, int, int, int]) -> np.ndarray:
    """Sightings: (number, at, IMEISV, IMSI)."""
    columns = list(zip(*facts, strict=True))
    return sightings(
        np.array(columns[0], np.uint64), np.array(columns[1], np.int64), np.array(columns[2], np.uint64), np.array(columns[3], np.uint64)
    )


def test_traffic_is_newer_than_the_list(folder: Path, keys: Keys):
    take(folder, keys, f"{LI},{NOKIA}1,{SIM},南京\n")
    known = Known(folder, keys)
    told = known.observe(seen((LI, NOW, int(f"{ZTE}07"), SIM), (WANG, NOW, 0, SIM)), watched=0)
    assert told.changes.tolist() == [(LI, NOW, What.IMEI)]
    assert known.find(np.array([LI], np.uint64))["imei"][0] == NOKIA  # nothing is remembered before the commit
    known.adopt(told.rows)
    (row, other) = known.find(np.array([LI, WANG], np.uint64))
    assert (row["imei"], row["software"], row["imei_since"], known.cities[row["city"]]) == (ZTE, 7, NOW, "南京")
    assert other["imsi"] == SIM
    again = known.observe(seen((LI, NOW + HOUR, int(f"{ZTE}07"), SIM)), watched=0)
    assert (len(again.rows), len(again.changes)) == (0, 0)  # no news


def test_a_list_made_while_we_run(folder: Path, keys: Keys):
    known = Known(folder, keys)
    assert (known.serial, known.refresh()) == (0, False)
    take(folder, keys, f"{LI},{NOKIA}1\n", as_of=MIDNIGHT - DAY)
    assert (known.refresh(), known.refresh(), known.serial) == (True, False, 1)
    take(folder, keys, f"{LI},{ZTE}1\n")
    assert known.find(np.array([LI], np.uint64))["imei"][0] == NOKIA  # the old one stays readable
    assert known.refresh()
    assert [(serial, changes["what"].tolist()) for serial, changes in known.changes(1)] == [(2, [What.IMEI])]
    assert known.changes(2) == []
    known.verify()


def test_a_list_repeats_nothing_that_traffic_told(folder: Path, keys: Keys):
    """LI's new handset was seen before the list came, WANG's after its day; ZHAO's is the list's own news."""
    take(folder, keys, "".join(f"{number},{NOKIA}1,{SIM}\n" for number in (LI, WANG, ZHAO)), as_of=MIDNIGHT - DAY)
    known = Known(folder, keys)
    third = 35999999123456
    told = known.observe(seen((LI, MIDNIGHT - HOUR, int(f"{ZTE}07"), SIM), (WANG, MIDNIGHT + HOUR, int(f"{third}07"), SIM)), watched=0)
    assert told.changes["number"].tolist() == [LI, WANG]
    known.adopt(told.rows)
    take(folder, keys, f"{LI},{ZTE}1,{SIM}\n{WANG},{ZTE}1,{OTHER_SIM}\n{ZHAO},{ZTE}1,{SIM}\n")
    ((_, path),) = change_files(folder, 0)
    assert len(read_changes(path, keys)) == 3
    known.refresh()
    ((serial, changes),) = known.changes(0)
    # WANG was heard with the old SIM card after the day of the list: it is the list that is behind
    assert (serial, sorted(changes.tolist())) == (2, [(ZHAO, MIDNIGHT, What.IMEI)])
    assert known.find(np.array([WANG], np.uint64))["imei"][0] == third


def test_what_traffic_told_goes_into_the_next_table(folder: Path, keys: Keys):
    take(folder, keys, f"{LI},{NOKIA}1,{SIM}\n")
    known = Known(folder, keys)
    known.adopt(known.observe(seen((LI, NOW, int(f"{ZTE}07"), SIM), (WANG, NOW, 0, SIM)), watched=0).rows)
    rows = known.snapshot()
    known.adopt(known.observe(seen((WANG, NOW + HOUR, 0, OTHER_SIM)), watched=0).rows)
    written = fold(folder, keys, rows, now=NOW)
    assert sum(written.changes.values()) == 0  # they were told when they were seen
    known.folded(rows)
    assert known.snapshot()["number"].tolist() == [WANG]
    found = known.find(np.array([LI, WANG], np.uint64))
    assert (found["imei"][0], found["imei_since"][0], found["imsi"][1]) == (ZTE, NOW, OTHER_SIM)
    assert find(folder, keys, WANG)["imsi"][0] == SIM
    assert fold(folder, keys, rows, now=NOW).rows == written.rows  # twice is once


def test_an_overlay_of_many(seed: int):
    chance = random.Random(seed)
    overlay = Overlay()
    whole = random_rows(chance, 20_000)
    for start in range(0, len(whole), 4_000):
        overlay.add(whole[start : start + 4_000])
    assert len(overlay) == len(whole)
    assert (overlay.rows() == whole).all()
    assert (overlay.on_top(unknown(whole["number"][::7])) == whole[::7]).all()


def test_the_tail_is_stored_sealed_and_dropped(store: Store, tmp_path: Path):
    rows = seen((LI, NOW, int(f"{ZTE}07"), SIM))
    put(store, Batch(at=NOW, handsets=rows, prefixes=[("861381234", 2)]))
    put(store, Batch(at=NOW, handsets=rows, handset_import=3, prefixes=[("861381234", 1), ("861390000", 1)]))
    put(store, Batch(at=NOW, handset_import=2))
    tail = store.handset_tail()
    assert [part.tolist() for part in tail.rows] == [rows.tolist()] * 2
    assert tail.rows[0].dtype == HANDSET
    assert store.handset_import() == 3
    assert dict(store.prefixes()) == {"861381234": 3, "861390000": 1}
    data = b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir())
    assert struct.pack("<Q", LI) not in data
    put(store, Batch(at=NOW, handsets=rows))
    assert store.drop_handset_tail(tail.last) == 2
    assert store.drop_handset_tail(tail.last) == 0
    assert len(store.handset_tail().rows) == 1


def test_an_interrupted_merge_leaves_no_file(folder: Path, keys: Keys):
    with pytest.raises(_Stop), locked(folder):
        merge_tables(folder, keys, _stopping, now=NOW, watched=0)
    assert [path.name for path in folder.iterdir()] == ["handsets.lock"]


def _stopping(part: int) -> tuple[np.ndarray, np.ndarray]:
    if part == 3:
        raise _Stop
    return np.zeros(0, np.uint64), unknown(np.zeros(0, np.uint64))
