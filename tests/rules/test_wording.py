"""Texts that subscribers read: both languages whole, versions that tell exact words, what an own text has to keep."""

from __future__ import annotations

import string

import pytest

from mmsd.codec import gsm7
from mmsd.rules.cases import Case, Kind, State
from mmsd.rules.wording import LANGUAGES, MOST_SEGMENTS, TEMPLATES, WHAT, Wording, fault_of, question_name, segments


def case(*causes: str, kind: Kind = Kind.SETTINGS) -> Case:
    return Case(number=1, kind=kind, state=State.FOUND, opened=0, origin="finding", causes=causes)


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("name", TEMPLATES)
def test_both_languages_say_the_same_things_and_are_sound(name: str):
    template = TEMPLATES[name]
    assert fields(template.zh) == fields(template.en) == template.needs | template.may
    assert gsm7.fits(template.en)  # a seventh of the letters would halve what fits into an SMS
    for language in LANGUAGES:
        assert fault_of(f"{name}_{language}", getattr(template, language)) == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_names_what_is_wrong_and_what_a_yes_does(language: str):
    for cause, words in WHAT.items():
        text = Wording().question(case(cause), language, 48)
        assert words[language] in text.text
        assert "Y" in text.text
        assert "48" in text.text
        assert text.version == Wording().question_version(case(cause), language)
    both = Wording().question(case("BAD_APN", "BAD_PROXY"), language, 48).text
    assert all(WHAT[cause][language] in both for cause in ("BAD_APN", "BAD_PROXY"))


def test_which_question_fits():
    assert question_name(case("BAD_APN")) == "question"
    assert question_name(case("NO_PDP", kind=Kind.ACTIVATION)) == "question_activation"
    assert question_name(case()) == "question_offer"


def test_a_version_is_of_exact_words():
    assert Wording().version("thanks", "en") == Wording({"thanks_zh": "好。"}).version("thanks", "en")
    versions = {Wording({"thanks_en": text} if text else {}).version("thanks", "en") for text in ("", "Done.", "Done!", "done.")}
    assert len(versions) == 4
    assert all(version.startswith("thanks_en:") for version in versions)
    every = [Wording().version(name, language) for name in TEMPLATES for language in LANGUAGES]
    assert len(set(every)) == len(every)


def test_a_text_is_rendered_with_its_version_and_length():
    text = Wording({"sent_pin_en": "PIN {pin}"}).render("sent_pin", "en", pin="4711")
    assert (text.text, text.segments) == ("PIN 4711", 1)
    assert text.version.startswith("sent_pin_en:")
    with pytest.raises(KeyError):
        Wording().render("sent_pin", "en")
    with pytest.raises(KeyError):
        Wording().render("goodbye", "en")


def test_a_value_is_no_template():
    assert Wording().render("manual", "en", settings="{pin} {0} %s").text.count("{pin} {0} %s") == 1


@pytest.mark.parametrize(
    ("text", "length"),
    [("a" * 160, 1), ("a" * 161, 2), ("€" * 80, 1), ("€" * 81, 2), ("彩" * 70, 1), ("彩" * 71, 2), ("彩" * 134, 2), ("彩" * 135, 3)],
)
def test_length_in_sms(text: str, length: int):
    assert segments(text) == length


@pytest.mark.parametrize(
    ("key", "text", "fault"),
    [
        ("question_zh", "回复Y。", "{what} is missing"),
        ("sent_pin_en", "Look.", "{pin} is missing"),
        ("thanks_en", "Thanks {pin}", "{pin} has no place in it"),
        ("thanks_en", "Thanks {}", "{} has no place in it"),
        ("thanks_en", "Thanks {what.__class__}", "{what.__class__} has no place in it"),
        ("sent_pin_en", "{pin!r}", "{pin} has no place in it"),
        ("sent_pin_en", "{pin:>9}", "{pin} has no place in it"),
        ("sent_pin_en", "{pin", "is no template: expected '}' before end of string"),
        ("thanks_en", " ", "is empty"),
        ("thanks_zh", "谢" * (67 * MOST_SEGMENTS + 1), f"takes {MOST_SEGMENTS + 1} SMS, {MOST_SEGMENTS} are the most"),
        ("thanks_fr", "Merci", "there is no such text"),
        ("farewell_en", "Bye", "there is no such text"),
        ("thanks", "Bye", "there is no such text"),
    ],
)
def test_an_own_text_at_fault(key: str, text: str, fault: str):
    assert fault_of(key, text) == fault
    with pytest.raises(ValueError, match=f"^{key}: "):
        Wording({key: text})
