"""`mmsd import`, `mmsd settings`, `mmsd handset`, as the operator meets them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from mmsd import config
from mmsd.cli import EXIT_CONFIG, main
from mmsd.config.reference import ReferenceData, cities_of, models_of, operators_of
from mmsd.model import Batch
from mmsd.rules.handsets import sightings
from mmsd.store import Needs
from mmsd.store.handsets import newest
from mmsd.store.keys import Keys
from mmsd.store.sqlite import Settings, SqliteStore

CONFIG = """
[feeds.mmsc]
dialect = "mbuni"
paths = ["mmsc-access.log"]
[state]
directory = "state"
[cities]
file = "cities.csv"
"""
LI, WANG = 8613812341234, 8613900005678
LIST = f"msisdn,imei,imsi,city\n13812341234,350000010000011,460001234567890,南京\n{WANG},3500000200000107,460021234567890,\n"
TACS = "tac,manufacturer,model,mms,oma_cp\n35000001,ZTE,R750,yes,no\n35000002,Nokia,3310,no,\n12,x,y,,\n"

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("import", "list")`: a command of the two, with a configuration behind its words."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    Path("mmsd.toml").write_text(CONFIG)
    Path("cities.csv").write_text("86138,Nanjing\n")
    Path("list-20261121.csv").write_text(LIST)
    Path("tac.csv").write_text(TACS)

    def invoke(*arguments: str) -> Result:
        words = 1 if arguments[0] == "handset" else 2
        return CliRunner().invoke(main, [*arguments[:words], "mmsd.toml", *arguments[words:]])

    return invoke


def said(result: Result, code: int = 0) -> str:
    assert result.exit_code == code, result.output
    return result.output


def test_a_day_of_imports(run: Run):
    assert "nothing was imported yet" in said(run("import", "list"))
    told = said(run("import", "handsets", "list-20261121.csv"))
    assert "2 numbers of 2 lines, as of 2026-11-21; 2 were not known before" in told
    told = said(run("import", "tac", "tac.csv", "--as-of", "2026-11-20"))
    assert "2 models of 3 rows" in told
    assert "line 4: TAC without its eight digits" in told
    Path("agents.csv").write_text("agent,maker,model,mms\nZTE-R750,ZTE,R750,1\n")
    assert "1 models of 1 rows" in said(run("import", "agents", "agents.csv", "--as-of", "2026-11-20"))
    Path("prefixes.csv").write_text("prefix,city\n1390000,Xuzhou\nx,y\n")
    assert "1 prefixes of 2 rows" in said(run("import", "cities", "prefixes.csv", "--country", "86"))
    listed = said(run("import", "list"))
    for word in ("list-20261121.csv", "2026-11-21", "tac.csv", "2026-11-20", "agents.csv", "prefixes.csv"):
        assert word in listed
    settings = config.load(Path("mmsd.toml"))
    assert models_of(settings).sign(35000002_000001) == "no MMS"
    assert (cities_of(settings).of(8613800000000), cities_of(settings).of(8613900001234)) == ("Nanjing", "Xuzhou")


def test_the_second_list_tells_what_changed(run: Run):
    run("import", "handsets", "list-20261121.csv")
    Path("list.csv").write_text(LIST.replace("350000010000011", "350000020000011").replace("460021234567890", "460029999999999"))
    told = said(run("import", "handsets", "list.csv", "--as-of", "2026-11-22"))
    assert "imsi_changed: 1" in told
    assert "new_handset: 1" in told


def test_what_is_known_of_a_number(run: Run):
    run("import", "handsets", "list-20261121.csv")
    run("import", "tac", "tac.csv", "--as-of", "2026-11-20")
    told = said(run("handset", "138 1234 1234"))
    for line in (
        "86138****1234", "ZTE R750 (TAC 35000001)", "mms: yes, oma_cp: no, legacy_ota: unknown", "China Mobile 460-00", "南京",
        "cmwap, http://mmsc.monternet.com, 10.0.0.172:80",
    ):  # fmt: skip
        assert line in told
    assert "Nokia 3310, software 07" in said(run("handset", f"+{WANG}"))
    told = said(run("handset", "13855551234"))
    assert "handset:      unknown" in told
    assert "Nanjing" in told
    assert "nothing: no settings" in told
    result = CliRunner().invoke(main, ["handset", "mmsd.toml", "-"], input="13812341234\n")
    assert "ZTE R750" in said(result)
    for secret in (str(LI), "350000010000011", "460001234567890"):
        assert secret not in result.output
    refused = said(run("handset", "nobody"), EXIT_CONFIG)
    assert "nobody" not in refused


def test_what_traffic_told_the_daemon_is_known_too(run: Run):
    run("import", "handsets", "list-20261121.csv")
    keys = Keys.load(Path("state/state.key"), os.urandom)
    at = 1_795_348_800_000_000
    seen = sightings(*(np.array([value], kind) for value, kind in ((LI, "u8"), (at, "i8"), (3500000200000109, "u8"), (0, "u8"))))
    with SqliteStore.open(Path("state"), settings=Settings(), keys=keys, wall=lambda: at) as store:
        store.transact(Needs(), lambda _: Batch(at=at, handsets=seen, prefixes=[("861501234", 7)]))
    run("import", "tac", "tac.csv", "--as-of", "2026-11-20")
    assert "Nokia 3310, software 09" in said(run("handset", str(LI)))
    told = said(run("import", "cities", "--unknown"))
    assert "861501234" in told
    assert "1 prefixes without a city, 7 deliveries" in told


def test_a_running_process_takes_up_what_is_imported(run: Run):
    said(run("import", "handsets", "list-20261121.csv"))
    settings, keys = config.load(Path("mmsd.toml")), Keys.load(Path("state/state.key"), os.urandom)
    data = ReferenceData(settings, keys)
    numbers = np.array([LI, WANG, 8613800000000], np.uint64)
    assert data.cities_of(numbers) == ["南京", "", "Nanjing"]
    assert (data.models.sign(35000002_000001), data.refresh()) == ("unknown", False)
    said(run("import", "tac", "tac.csv", "--as-of", "2026-11-20"))
    assert data.refresh()
    assert data.models.sign(35000002_000001) == "no MMS"
    Path("prefixes.csv").write_text("prefix,city\n86139,Xuzhou\n")
    Path("list.csv").write_text(LIST.replace("南京", "苏州"))
    said(run("import", "cities", "prefixes.csv"))
    said(run("import", "handsets", "list.csv", "--as-of", "2026-11-22"))
    Path("world.toml").write_text('[[operators]]\nname = "T"\nplmns = ["262-01"]\n')
    said(run("settings", "import", "world.toml"))
    assert data.refresh()
    assert data.cities_of(numbers) == ["苏州", "Xuzhou", "Nanjing"]
    assert data.operators.plmn_of(262011234567890) == "262-01"
    assert not data.refresh()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("import", "handsets", "gone-20261121.csv"), "gone-20261121.csv: cannot be read"),
        (("import", "handsets", "undated.csv"), "say which day it speaks of: --as-of"),
        (("import", "handsets", "undated.csv", "--as-of", "yesterday"), "'yesterday' is no date"),
        (("import", "handsets", "undated.csv", "--as-of", "2999-01-01"), "still to come"),
        (("import", "handsets", "tac-20261121.csv"), "neither a header with msisdn"),
        (("import", "tac", "list-20261121.csv"), "names no column tac"),
        (("import", "tac", "bad-20261121.csv"), "none of 1 rows can be used; nothing was imported; line 2"),
        (("import", "agents", "tac-20261121.csv"), "names no column agent"),
        (("import", "cities", "bad-20261121.csv"), "names no column prefix"),
        (("import", "cities", "--unknown"), "not there"),
        (("settings", "import", "tac.csv"), "not XML"),
        (("settings", "import", "gone.xml"), "cannot be read"),
        (("settings", "import", "empty.toml"), "names no operator"),
        (("settings", "show", "460"), "no MCC-MNC"),
        (("settings", "show", "999-99"), "nobody says"),
    ],
)
def test_what_cannot_be_is_told_and_changes_nothing(run: Run, arguments: tuple[str, ...], says: str):
    run("import", "handsets", "list-20261121.csv")
    before = said(run("import", "list"))
    Path("undated.csv").write_text(LIST)
    Path("tac-20261121.csv").write_text(TACS)
    Path("bad-20261121.csv").write_text("tac,maker\nx,y\n")
    Path("empty.toml").write_text("")
    result = run(*arguments)
    assert says in said(result, EXIT_CONFIG)
    assert said(run("import", "list")) == before


def test_bad_lines_are_shown_masked(run: Run):
    lines = "".join(f"{8613800000000 + n},350000010000011\n" for n in range(50)) + "13812349999;350000010000011\n"
    Path("list-20261122.csv").write_text(lines)
    told = said(run("import", "handsets", "list-20261122.csv"))
    assert "1 left out" in told
    assert f"octet {50 * 30}" in told
    assert "13812349999" not in told
    Path("worse-20261122.csv").write_text(lines)
    assert "nothing was imported" in said(run("import", "handsets", "worse-20261122.csv", "--bad", "0"), EXIT_CONFIG)


def test_settings(run: Run):
    told = said(run("settings", "list", "--mcc", "460"))
    assert "12 codes" in told
    shown = said(run("settings", "show", "46001"))
    Path("own.toml").write_text(shown.replace("3gwap", "mygroup"))
    Path("mmsd.toml").write_text(CONFIG + '[reference]\noperators = ["own.toml"]\n')
    told = said(run("settings", "show", "460-01"))
    assert 'apn = "mygroup"' in told
    assert "# china.toml says something too; it does not count" in told
    Path("world.toml").write_text('[[operators]]\nname = "T"\nplmns = ["262-01", "460-01"]\n[[operators.mms]]\napn = "mms"\n')
    assert "settings: 1 operators with 2 codes" in said(run("settings", "import", "world.toml"))
    operators = operators_of(config.load(Path("mmsd.toml")))
    assert [operators.by_plmn[code].source for code in ("262-01", "460-00", "460-01")] == ["world.toml", "china.toml", "own.toml"]


def test_the_public_list(run: Run):
    path = Path("/usr/share/mobile-broadband-provider-info/serviceproviders.xml")
    if not path.exists():
        pytest.skip("Debian's mobile-broadband-provider-info is not installed")
    told = said(run("settings", "import", str(path)))
    assert "access points have an MMSC and a proxy" in told
    assert "passed over: provider without an MMSC" in told
    assert "262-01" in said(run("settings", "list", "--mcc", "262"))


def test_the_phone_package(run: Run):
    assert "from the package phone" in said(run("import", "cities"))
    assert cities_of(config.load(Path("mmsd.toml"))).of(8613900001234)


def test_a_killed_import_is_begun_again(run: Run, tmp_path: Path):
    """kill -9 in the middle: the table is what it was, nothing is left lying about, and the next import does it all."""
    run("import", "handsets", "list-20261121.csv")
    big = Path("big-20261122.csv")
    with big.open("w") as file:
        file.writelines(f"{8613800000000 + n},350000020000011,460001234567890,苏州\n" for n in range(300_000))
    before = sorted(path.name for path in Path("state").iterdir())
    command = [sys.executable, "-m", "mmsd", "import", "handsets", "mmsd.toml", str(big)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path)
    folder = Path("state").resolve()
    while process.poll() is None and not _has_open(process.pid, folder):
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert sorted(path.name for path in Path("state").iterdir()) == before
    assert "300,000 numbers" in said(run("import", "handsets", str(big)))
    table = newest(Path("state"), Keys.load(Path("state/state.key"), os.urandom))
    assert table is not None
    assert (table.header.serial, len(table)) == (2, 300_002)


def _has_open(pid: int, folder: Path) -> bool:
    """Whether the process writes a file without a name in the folder."""
    try:
        links = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return False
    return any(link.startswith(str(folder)) and link.endswith("(deleted)") for link in links)
