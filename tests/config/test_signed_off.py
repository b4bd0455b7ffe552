"""Who signed off the settings of an operator: a name and a day in his file, or nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmsd.config.expected import load_profiles, profiles_as_toml, read_profiles

FILE = '[[operators]]\nname = "China Mobile"\nplmns = ["460-00"]\n[[operators.mms]]\napn = "cmwap"\n'
WHOLE = FILE + 'mmsc = "http://mmsc.monternet.com"\n'


@pytest.mark.parametrize("day", ["2026-11-20", '"2026-11-20"'], ids=["a date", "a text"])
def test_a_name_and_a_day(tmp_path: Path, day: str):
    path = tmp_path / "own.toml"
    path.write_text(f'{WHOLE}signed_by = "desk 4"\nsigned_on = {day}\n')
    (profile,) = load_profiles(path)
    assert (profile.mms[0].signed, profile.mms[0].signed_by, profile.mms[0].signed_on) == (True, "desk 4", "2026-11-20")
    again = tmp_path / "own2.toml"
    again.write_text(profiles_as_toml([profile]))
    assert load_profiles(again)[0].mms == profile.mms


def test_nobody_signed_what_says_nothing(tmp_path: Path):
    path = tmp_path / "own.toml"
    path.write_text(WHOLE)
    assert not load_profiles(path)[0].mms[0].signed


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (WHOLE + 'signed_by = "desk 4"\n', "operators[0].mms[0].signed_on: is missing"),
        (WHOLE + "signed_on = 2026-11-20\n", "operators[0].mms[0].signed_by: is missing"),
        (WHOLE + 'signed_by = "desk 4"\nsigned_on = "yesterday"\n', "operators[0].mms[0].signed_on: 'yesterday' is no day"),
        (FILE + 'signed_by = "desk 4"\nsigned_on = 2026-11-20\n', "operators[0].mms[0].signed_by: signs settings that are not whole"),
    ],
)
def test_half_a_sign_off(tmp_path: Path, text: str, fault: str):
    path = tmp_path / "own.toml"
    path.write_text(text)
    (found,) = read_profiles(path)[1]
    assert f"{found.key}: {found.what}" == fault
    assert found.remedy
