"""`[governor]` in a configuration: caps and hours as people write them, and what is at fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmsd.config import check, load
from mmsd.rules.settings import ClassSettings, GovernorSettings

FEED = '[feeds.mmsc1]\ndialect = "mbuni"\npaths = ["mmsc-access.log*"]\n'


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "mmsd.toml"
        path.write_text(FEED + text)
        return path

    return write


def test_unset_is_no_limit_and_zero_is_one(written):
    path = written('[governor]\nquiet_hours = []\n[governor.service]\nswitch = "on"\ndaily = 0\n[governor.marketing]\nswitch = "off"\n')
    assert load(path).governor == GovernorSettings(
        quiet_hours=(), service=ClassSettings("on", daily=0, canary=None), marketing=ClassSettings("off")
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[governor]\nquiet_hours = ["9pm-8am"]', "governor.quiet_hours[0]: '9pm-8am' are no hours"),
        ('[governor]\nquiet_hours = ["25:00-08:00"]', "governor.quiet_hours[0]: '25:00-08:00' are no hours"),
        ('[governor]\nquiet_hours = ["08:00-08:00"]', "governor.quiet_hours: leave no hour of the day"),
        ('[governor]\ncaps = ["3 a day"]', "governor.caps[0]: '3 a day' is no cap"),
        (
            '[governor.service]\ncaps = ["5 in 1 day", "9 in 400 days"]',
            "governor.service.caps[1]: '9 in 400 days' is no cap: a stretch is a year",
        ),
        ('[governor.service]\nswitch = "yes"', "governor.service.switch: the text 'yes' is not one of them"),
        ("[governor.service]\ndaily = -1", "governor.service.daily: -1 is out of range"),
        ("[governor]\nconversation = 90000", "governor.conversation: 90000.0 is out of range"),
    ],
)
def test_one_fault(written, text: str, fault: str):
    (found,) = check(written(text + "\n"))
    assert f"{found.key}: {found.what}".startswith(fault)
    assert found.remedy
