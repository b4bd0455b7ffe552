"""What running a campaign begins, as a person sees it before he says yes."""

from __future__ import annotations

import msgspec
import pytest

from mmsd.model import Mailing
from mmsd.rules.audience import State
from mmsd.rules.settings import CampaignSettings, SendingSettings
from mmsd.store.campaign_orders import plan_of

TORCH = CampaignSettings("torch", "Torch", "2026-11-01", "2026-11-30", sending=SendingSettings(price=0.3, currency="CNY"))


def mailing(state: State, sent: int = 1000, counted: int = 7) -> Mailing:
    counts = {"sent": sent, "left": {"control": 100, "no_mms": 3}, "groups": {}, "unknown": 0}
    return Mailing(1, "torch", "leg-1", 1, {}, b"", state, counts=counts, counted=counted)


def test_its_group_sendings_are_its_audience() -> None:
    plan = plan_of(TORCH, [mailing(State.COUNTED), mailing(State.RUNNING, 500), mailing(State.DONE), mailing(State.STOPPED)])
    assert (plan.audience, plan.left_out, plan.cost) == (1500, {"control": 200, "no_mms": 6}, "450.00 CNY")


@pytest.mark.parametrize("mailings", [[], [mailing(State.COUNTING, counted=0)], [mailing(State.STOPPED)]])
def test_without_one_there_is_no_list(mailings: list[Mailing]) -> None:
    plan = plan_of(TORCH, mailings)
    assert (plan.audience, plan.left_out, plan.cost) == (None, {}, "")


def test_the_sms_of_forwarders_cost_too() -> None:
    priced = msgspec.structs.replace(TORCH, sending=SendingSettings(price=0.3, sms_price=0.05), target=20_000)
    assert plan_of(priced, []).cost == "1,000.00 CNY for the SMS of 20,000 forwards"
    assert plan_of(priced, [mailing(State.COUNTED)]).cost == "300.00 CNY; 1,000.00 CNY for the SMS of 20,000 forwards"
    long = msgspec.structs.replace(priced, target=0, sms_zh="您" * 80 + "{serial}")
    assert plan_of(long, []).cost == "100.00 CNY for the SMS of 1,000 forwards"


def test_what_has_no_price_has_no_cost() -> None:
    free = msgspec.structs.replace(TORCH, sending=SendingSettings())
    assert plan_of(free, [mailing(State.COUNTED)]).cost == ""
