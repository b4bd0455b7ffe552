"""Models: which one a handset is, what it can do, what it is called."""

from __future__ import annotations

import pytest

from mmsd.rules.models import CAPABILITIES, Agents, Model, Models, Rule, judged, parts_of

R750 = Model("ZTE", "R750", "Feature phone", mms=True)
MODEM = Model("Huawei", "E220", "Modem")
IPHONE = Model("Apple", "iPhone 3G", "Smartphone")


def test_the_sign_h():
    """No MMS only where somebody says so: unknown accuses nobody (evidence table §1)."""
    models = Models([R750, MODEM, Model("x", "y", mms=False)], {35000001: 0, 1234567: 1, 35000003: 2})
    assert models.sign(35000001_123456) == "MMS"
    assert models.sign(35000003_123456) == "no MMS"
    assert models.sign(1234567_123456) == "unknown"
    assert models.sign(35999999_123456) == "unknown"
    assert models.sign(0) == "unknown"


def test_rules_fill_what_tables_leave_open_and_change_nothing_they_say():
    rules = [Rule(kind="modem", mms=False), Rule(maker="z*", mms=False, oma_cp=True), Rule(name="*phone*", oma_cp=False), Rule(oma_cp=True)]
    models = Models([R750, MODEM, IPHONE], {1: 0, 2: 1, 3: 2}, rules=rules)
    found = [models.of_imei(tac * 10**6 + 1) for tac in (1, 2, 3)]
    assert [(model.mms, model.oma_cp) for model in found if model] == [(True, True), (False, True), (None, False)]
    assert judged(R750, []) == R750


def test_a_model_and_its_software_version_have_one_name():
    models = Models([R750], {35000001: 0})
    assert models.label(35000001_123456, 3) == "ZTE R750, software 03"
    assert models.label(35000001_999999, 3) == models.label(35000001_123456, 3)
    assert models.label(35000001_123456) == "ZTE R750"
    assert models.label(1000001_123456, 9) == "TAC 01000001, software 09"


@pytest.mark.parametrize(
    ("agent", "profile", "name"),
    [
        ("Nokia6120c/3.83 (SymbianOS/9.2; U; Series60/3.1)", "", "6120c"),
        ("nokia6120C", "", "6120c"),
        ("Nokia6120/1.0", "", "6120"),
        ("Nokia6120ci/1.0", "", None),
        ("Nokia6120c-2b/1.0", "", "6120c"),
        ("Nokia", "", None),
        ("", "http://nds1.nds.nokia.com/uaprof/N6120cr100.xml", "6120c"),
        ("Nokia6120/1.0", '"http://NDS1.nds.nokia.com/uaprof/N6120cr100.xml", "1-abc"', "6120c"),
        ("Nokia6120/1.0", "http://elsewhere/x.xml", "6120"),
        ("", "", None),
    ],
)
def test_what_a_handset_says_of_itself(agent: str, profile: str, name: str | None):
    table = {"Nokia6120c": "6120c", "Nokia6120": "6120", "http://nds1.nds.nokia.com/uaprof/N6120cr100.xml": "6120c"}
    found = Agents({text: Model("Nokia", model) for text, model in table.items()}).of(agent, profile)
    assert (found.name if found else None) == name


def test_agents_share_the_models_of_the_table():
    models = Models([R750], {35000001: 0}, {"ZTE-R750": 0}, [Rule(trackable=False)])
    assert models.of_agent("ZTE-R750/P1.0") is models.of_imei(35000001_123456)
    assert len(models) == 2
    assert len(Agents({})) == 0


def test_parts_of_an_agent():
    assert parts_of("") == ("", "")
    assert parts_of("Android-Mms/2.0") == ("Android-Mms", "2.0")
    assert parts_of("Opera/9.80 (J2ME/MIDP)") == ("", "")


def test_every_capability_is_a_field_of_models_and_of_rules():
    for name in CAPABILITIES:
        assert getattr(R750, name) in (None, True)
        assert getattr(Rule(), name) is None
