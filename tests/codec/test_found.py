"""What fuzzing found once: every input kept in tests/data/fuzz breaks no promise any more, and costs no more memory than it may.

How long one takes is measured by `make fuzz`; here the time-out of the suite is the judge.
"""

from __future__ import annotations

import pytest

from tests.fuzz import costs, found, seeds
from tests.fuzz.targets import TARGETS

KEPT = [(target, path) for target, path in found.kept()]


@pytest.mark.parametrize(("target", "path"), KEPT, ids=[f"{target}/{path.stem}" for target, path in KEPT])
def test_what_was_found_is_mended(target, path):
    data = found.read(path.read_text())
    if len(data) < 1 << 16:
        TARGETS[target].check(data)
    assert costs.memory(TARGETS[target].read, data) <= costs.MEMORY


@pytest.mark.parametrize("target", TARGETS)
def test_every_seed_keeps_its_targets_promises(target):
    """Else the search would begin with what it looks for."""
    octets = seeds.own(target)
    assert octets
    for data in octets:
        TARGETS[target].check(data)


def test_kept_inputs_belong_to_a_target():
    assert {target for target, _ in KEPT} <= TARGETS.keys() == seeds.OWN.keys()


def test_a_broken_promise_is_found_told_apart_and_made_small():
    def check(data: bytes) -> None:
        if b"\x8c" in data:
            raise ValueError("none")
        assert len(data) < 30

    one, other = found.broken(check, b"any\x8coctets"), found.broken(check, bytes(30))
    assert one is not None
    assert one.kind == "ValueError"
    assert other is not None
    assert not one.same(other)
    assert found.broken(check, b"") is None
    assert found.minimised(b"any\x8coctets", lambda data: one.same(found.broken(check, data))) == b"\x8c"


def test_a_kept_input_is_read_as_it_was_written(tmp_path):
    runs = ((b"\x8c\x80", 1), (b"\0", 1000), (b"end", 2))
    path = found.keep(tmp_path / "mms", runs, "took 3 s\nand more", "slow")
    assert found.read(path.read_text()) == b"\x8c\x80" + bytes(1000) + b"endend" == found.joined(runs)
