"""What subscribers read: every text of care in Chinese and English, each under a version that tells its exact words (docs/care.md).

A text is a template. Its version is a digest of the template, so no two wordings can share one and none can be changed unseen; a consent
keeps the version of what was agreed to. An operator's own wording is checked like ours: it may use the same placeholders, has to use those
without which it would not say what it is for, and fits into a few SMS.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from mmsd.codec import sms
from mmsd.rules.cases import Case, Kind

LANGUAGES: Final = ("zh", "en")
NO_SUCH_TEXT: Final = "there is no such text"
MOST_SEGMENTS: Final = 4
"""A text that would take more SMS than these is refused."""


class Template(NamedTuple):
    """A text in both languages; `needs` has to stand in it, `may` can."""

    zh: str
    en: str
    needs: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()


TEMPLATES: Final[Mapping[str, Template]] = {
    "question": Template(
        "您的手机彩信{what}设置有误，可能无法正常收发彩信。回复Y，我们将把正确的设置免费发送到您的手机；回复N不需要。{hours}小时内有效。退订请回T。",
        "The MMS {what} set in your phone is wrong, so picture messages may fail. Reply Y and we will send the right settings to it,"
        " free of charge; N if you do not want them. Valid for {hours} hours. T to stop such messages.",
        frozenset({"what"}),
        frozenset({"hours"}),
    ),
    "question_activation": Template(
        "您的手机未开通或未打开数据业务，因此无法接收彩信。回复Y，我们将为您办理开通；回复N不需要。{hours}小时内有效。退订请回T。",
        "Mobile data is off or not enabled for your phone, so it cannot receive picture messages. Reply Y and we will have it enabled;"
        " N if you do not want it. Valid for {hours} hours. T to stop such messages.",
        may=frozenset({"hours"}),
    ),
    "question_offer": Template(
        "您换了新手机？回复Y，我们将把彩信设置免费发送到您的新手机；回复N不需要。{hours}小时内有效。退订请回T。",
        "A new phone? Reply Y and we will send the settings for picture messages to it, free of charge; N if you do not want them."
        " Valid for {hours} hours. T to stop such messages.",
        may=frozenset({"hours"}),
    ),
    "sent": Template(
        "彩信设置已发送到您的手机，请打开收到的设置并保存。之前未收到的彩信，请让对方重发。",
        "The MMS settings have been sent to your phone. Please open what arrives and save it. For a message you missed, ask for it again.",
    ),
    "sent_pin": Template(
        "彩信设置已发送到您的手机，请打开收到的设置，输入PIN码{pin}并保存。之前未收到的彩信，请让对方重发。",
        "The MMS settings have been sent to your phone. Please open what arrives, enter the PIN {pin} and save it."
        " For a message you missed, ask for it again.",
        frozenset({"pin"}),
    ),
    "sent_again": Template(
        "彩信设置已发送到您的手机，请打开收到的设置并保存。之前未收到的彩信，稍后会再次送达。",
        "The MMS settings have been sent to your phone. Please open what arrives and save it. A message you missed will come again soon.",
    ),
    "sent_pin_again": Template(
        "彩信设置已发送到您的手机，请打开收到的设置，输入PIN码{pin}并保存。之前未收到的彩信，稍后会再次送达。",
        "The MMS settings have been sent to your phone. Please open what arrives, enter the PIN {pin} and save it."
        " A message you missed will come again soon.",
        frozenset({"pin"}),
    ),
    "manual": Template(
        "请在手机的彩信设置中填写：{settings}。保存后，之前未收到的彩信请让对方重发。",
        "Please enter in the MMS settings of your phone: {settings}. Save them; for a message you missed, ask for it again.",
        frozenset({"settings"}),
    ),
    "thanks": Template("您的手机彩信已恢复正常，感谢您的配合。", "Picture messages work on your phone again. Thank you."),
    "listed": Template(
        "已收到您的回复，我们将尽快为您办理数据业务，开通后即可收发彩信。",
        "Thank you. We will have mobile data enabled for you soon; then picture messages will work.",
    ),
    "sorry": Template(
        "已收到您的回复。暂时无法向您的手机发送彩信设置，我们会尽快处理。",
        "Thank you. We cannot send MMS settings to your phone just now; somebody will look at it.",
    ),
    "test_title": Template("彩信测试", "MMS test"),
    "test": Template(
        "这是一条测试彩信。您能看到它，说明手机的彩信设置正确，无需回复。",
        "This is a test message. That you can read it shows that the MMS settings of your phone are right. No answer is needed.",
    ),
    "stopped": Template(
        "已收到，您将不再收到此类短信。今后如需彩信设置，请回复“设置”。",
        "Understood: you will get no more such messages. Should you want MMS settings one day, reply SETTINGS.",
    ),
}
"""Every text by its name. An operator's own is set as name_language, such as question_zh."""

WHAT: Final[Mapping[str, Mapping[str, str]]] = {
    "BAD_APN": {"zh": "接入点", "en": "access point"},
    "BAD_PROXY": {"zh": "代理地址", "en": "proxy address"},
    "BAD_MMSC_URL": {"zh": "彩信中心地址", "en": "message centre address"},
}
"""{what}: findings as subscribers read them."""
_AND: Final = {"zh": "、", "en": " and "}
_PARTS: Final = {
    "zh": {"apn": "接入点{}", "mmsc": "彩信中心{}", "proxy": "代理{}", "port": "端口{}", "user": "用户名{}", "password": "密码{}"},
    "en": {
        "apn": "access point {}",
        "mmsc": "MMSC {}",
        "proxy": "proxy {}",
        "port": "port {}",
        "user": "user {}",
        "password": "password {}",
    },
}
_COMMA: Final = {"zh": "，", "en": ", "}
_SAMPLES: Final = {
    "what": ("接入点、代理地址、彩信中心地址", "access point and proxy address and message centre address"),
    "hours": ("48", "48"),
    "pin": ("0000", "0000"),
    "settings": (
        "接入点mmsnet，彩信中心http://mmsc.example.com/servlets/mms，代理10.100.100.172，端口9201，用户名ctwap@mycdma.cn，密码vnet.mobi",
        "access point mmsnet, MMSC http://mmsc.example.com/servlets/mms, proxy 10.100.100.172, port 9201, user ctwap@mycdma.cn, password x",
    ),
}
"""The longest that placeholders are likely to hold: by them a text is measured."""


class Text(NamedTuple):
    """A text as it leaves."""

    text: str
    version: str  # of its wording
    segments: int  # SMS that it takes


class Wording:
    """The texts in force: mmsd's, or an operator's own.

    >>> Wording().render("sent_pin", "en", pin="4711").text[:86]
    'The MMS settings have been sent to your phone. Please open what arrives, enter the PIN'
    >>> Wording({"thanks_en": "It works, {pin}"})
    Traceback (most recent call last):
    ...
    ValueError: thanks_en: {pin} has no place in it
    """

    def __init__(self, own: Mapping[str, str] | None = None) -> None:
        """Raises ValueError for the first text at fault, named."""
        self._texts = {f"{name}_{language}": getattr(template, language) for name, template in TEMPLATES.items() for language in LANGUAGES}
        for key, text in (own or {}).items():
            fault = fault_of(key, text)
            if fault:
                raise ValueError(f"{key}: {fault}")
            self._texts[key] = text

    def version(self, name: str, language: str) -> str:
        """Name, language and a digest of the exact words.

        >>> Wording().version("thanks", "en"), Wording({"thanks_en": "Done."}).version("thanks", "en")
        ('thanks_en:4f6b1bd0', 'thanks_en:50ab55d9')
        """
        key = f"{name}_{language}"
        return f"{key}:{hashlib.blake2b(self._texts[key].encode(), digest_size=4).hexdigest()}"

    def render(self, name: str, language: str, **values: str) -> Text:
        """A text with its placeholders filled in. KeyError for a text there is not, or a value that is missing."""
        text = self._texts[f"{name}_{language}"].format(**values)
        return Text(text, self.version(name, language), segments(text))

    def question_version(self, case: Case, language: str) -> str:
        """The version of the question about a case."""
        return self.version(question_name(case), language)

    def question(self, case: Case, language: str, hours: int) -> Text:
        """The question about a case; `hours`: so long an answer counts."""
        what = _AND[language].join(WHAT[cause][language] for cause in case.causes if cause in WHAT)
        return self.render(question_name(case), language, what=what, hours=str(hours))


def question_name(case: Case) -> str:
    """Which question fits a case."""
    if case.kind is Kind.ACTIVATION:
        return "question_activation"
    return "question" if any(cause in WHAT for cause in case.causes) else "question_offer"


def settings_in_words(language: str, values: Iterable[tuple[str, str]]) -> str:
    """{settings}: what has to be typed in, by hand; `values`: of apn, mmsc, proxy, port, user, password those that there are.

    >>> settings_in_words("zh", [("apn", "cmwap"), ("proxy", "10.0.0.172"), ("port", "80")])
    '接入点cmwap，代理10.0.0.172，端口80'
    """
    return _COMMA[language].join(_PARTS[language][name].format(value) for name, value in values)


def segments(text: str) -> int:
    """How many SMS a text takes. EncodeError above 255."""
    return len(sms.compose(text, 0))


def fault_of(key: str, text: str) -> str:
    """What is wrong with an operator's own text, "" = nothing.

    >>> fault_of("question_zh", "Y/N?"), fault_of("thanks_zh", "谢谢！"), fault_of("thanks_fr", "Merci")
    ('{what} is missing', '', 'there is no such text')
    """
    name, _, language = key.rpartition("_")
    template = TEMPLATES.get(name)
    if template is None or language not in LANGUAGES:
        return NO_SUCH_TEXT
    try:
        fields = [(field, spec, conversion) for _, field, spec, conversion in string.Formatter().parse(text) if field is not None]
    except ValueError as error:
        return f"is no template: {error}"
    used = {field for field, _, _ in fields}
    for field, spec, conversion in fields:
        if spec or conversion or field not in template.needs | template.may:
            return f"{{{field}}} has no place in it"
    for field in sorted(template.needs - used):
        return f"{{{field}}} is missing"
    if not text.strip():
        return "is empty"
    longest = text.format(**{field: _SAMPLES[field][LANGUAGES.index(language)] for field in used})
    taken = segments(longest)
    return f"takes {taken} SMS, {MOST_SEGMENTS} are the most" if taken > MOST_SEGMENTS else ""
