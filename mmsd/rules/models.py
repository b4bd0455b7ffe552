"""Which model a handset is and what it can do: by type allocation code, by User-Agent, by its profile's address (evidence table §1, H).

A capability is yes, no or unknown. The operator's own tables say it, then rules by maker, model and kind of device; what nobody says stays
unknown, and unknown accuses nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from mmsd.rules.handsets import NO_SOFTWARE, tac

CAPABILITIES: Final[Mapping[str, str]] = {
    "mms": "receives and sends MMS",
    "oma_cp": "takes settings by OMA Client Provisioning",
    "legacy_ota": "takes settings by the Nokia/Ericsson OTA format",
    "trackable": "keeps what marks a seed message when it sends one on",
}


class Model(msgspec.Struct, frozen=True):
    """A model, and what is known of its capabilities (None = unknown)."""

    maker: str
    name: str
    kind: str = ""  # kind of device, as the operator's table calls it
    mms: bool | None = None
    oma_cp: bool | None = None
    legacy_ota: bool | None = None
    trackable: bool | None = None

    @property
    def label(self) -> str:
        """Maker and model as people say them.

        >>> Model("Nokia", "Nokia 6120c").label, Model("ZTE", "R750").label
        ('Nokia 6120c', 'ZTE R750')
        """
        if self.name.casefold().startswith(self.maker.casefold()):
            return self.name or self.maker
        return f"{self.maker} {self.name}".strip()

    @property
    def sign(self) -> str:
        """H of the evidence table: "MMS", "no MMS" or "unknown"."""
        return {True: "MMS", False: "no MMS", None: "unknown"}[self.mms]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all models of a maker, a name or a kind can do, where no table says it. Patterns (`*`, `?`) are compared without case."""

    maker: str = "*"
    name: str = "*"
    kind: str = "*"
    mms: bool | None = None
    oma_cp: bool | None = None
    legacy_ota: bool | None = None
    trackable: bool | None = None

    def fits(self, model: Model) -> bool:
        pairs = ((model.maker, self.maker), (model.name, self.name), (model.kind, self.kind))
        return all(fnmatchcase(text.casefold(), pattern.casefold()) for text, pattern in pairs)


class Agents:
    """Models by what handsets say of themselves: a User-Agent's beginning or a profile's address, the longest that fits.

    >>> nokia = Model("Nokia", "6120c")
    >>> agents = Agents({"Nokia6120c": nokia, "http://nds1.nds.nokia.com/uaprof/N6120cr100.xml": nokia})
    >>> agents.of("Nokia6120c/3.83 (SymbianOS/9.2)") is nokia, agents.of("Nokia6120/1"), agents.of("")
    (True, None, None)
    >>> agents.of("", '"http://nds1.nds.nokia.com/uaprof/N6120cr100.xml"') is nokia
    True
    """

    def __init__(self, models: Mapping[str, Model]) -> None:
        self._models = {text.casefold(): model for text, model in models.items()}
        self._lengths = sorted({len(text) for text in self._models}, reverse=True)

    def __len__(self) -> int:
        return len(self._models)

    def of(self, agent: str, profile: str = "") -> Model | None:
        """The model of a request; `profile` is its x-wap-profile, which says it more exactly."""
        address = profile.partition(",")[0].strip().strip('"<>').casefold()
        found = self._models.get(address) if address else None
        if found is not None:
            return found
        text = agent.casefold()
        for length in self._lengths:
            if length <= len(text) and _ends_word(text, length):
                found = self._models.get(text[:length])
                if found is not None:
                    return found
        return None


def _ends_word(text: str, length: int) -> bool:
    """Whether a beginning of so many characters ends a word: `Nokia6120` is not the beginning of `Nokia6120c`."""
    return length == len(text) or not (text[length - 1].isalnum() and text[length].isalnum())


class Models:
    """Everything known of models. `by_tac` maps a type allocation code to a place in `models`, so that 200,000 codes stay small."""

    def __init__(
        self, models: Sequence[Model] = (), by_tac: Mapping[int, int] | None = None, agents: Mapping[str, int] | None = None,
        rules: Iterable[Rule] = (),
    ) -> None:  # fmt: skip
        known = tuple(rules)
        self._models = tuple(judged(model, known) for model in models)
        self._by_tac = by_tac or {}
        self._agents = Agents({text: self._models[place] for text, place in (agents or {}).items()})

    def __len__(self) -> int:
        return len(self._by_tac) + len(self._agents)

    def of_imei(self, imei: int) -> Model | None:
        """The model of an IMEI (14 digits, as in HANDSET rows); None when its TAC is in no table, or the IMEI is 0.

        >>> models = Models([Model("ZTE", "R750", mms=True)], {35123456: 0})
        >>> models.of_imei(35123456789012).sign, models.of_imei(0)
        ('MMS', None)
        """
        place = self._by_tac.get(tac(imei)) if imei else None
        return None if place is None else self._models[place]

    def of_agent(self, agent: str, profile: str = "") -> Model | None:
        return self._agents.of(agent, profile)

    def sign(self, imei: int) -> str:
        """H by the IMEI alone."""
        model = self.of_imei(imei)
        return model.sign if model is not None else "unknown"

    def label(self, imei: int, software: int = NO_SOFTWARE) -> str:
        """Model and software version as counters and findings of models name them; "" without an IMEI.

        Models differ by software version in what they get wrong, so both are the name. A code in no table names itself.

        >>> models = Models([Model("ZTE", "R750")], {35123456: 0})
        >>> models.label(35123456789012, 7), models.label(35123457000000), models.label(0)
        ('ZTE R750, software 07', 'TAC 35123457', '')
        """
        if not imei:
            return ""
        model = self.of_imei(imei)
        name = model.label if model is not None else f"TAC {tac(imei):08}"
        return name if software == NO_SOFTWARE else f"{name}, software {software:02}"


def judged(model: Model, rules: Sequence[Rule]) -> Model:
    """The model with what the rules say where its table says nothing; the first rule that says something wins.

    >>> judged(Model("Apple", "iPhone 3G"), [Rule(maker="apple", oma_cp=False), Rule(oma_cp=True, mms=True)])
    Model(maker='Apple', name='iPhone 3G', kind='', mms=True, oma_cp=False, legacy_ota=None, trackable=None)
    """
    fitting = [rule for rule in rules if rule.fits(model)]
    said = {}
    for name in CAPABILITIES:
        if getattr(model, name) is None:
            said[name] = next((getattr(rule, name) for rule in fitting if getattr(rule, name) is not None), None)
    return msgspec.structs.replace(model, **said)


_FIRST: Final = re.compile(r"\s*([^/\s(;]+)(?:/([^\s(;]+))?")
_ANDROID: Final = re.compile(r";\s*([^;()]+?)\s+Build/([^\s;)]+)")


def parts_of(agent: str) -> tuple[str, str]:
    """(model, software version) as a User-Agent itself tells them; "" for what it does not tell.

    >>> parts_of("Nokia6120c/3.83; Profile/MIDP-2.0"), parts_of("SonyEricssonK750i/R1L Browser/SEMC")
    (('Nokia6120c', '3.83'), ('SonyEricssonK750i', 'R1L'))
    >>> parts_of("Mozilla/5.0 (Linux; U; Android 2.3.5; zh-cn; HTC Desire Build/GRJ90) AppleWebKit"), parts_of("Mozilla/5.0 (X11)")
    (('HTC Desire', 'GRJ90'), ('', ''))
    """
    built = _ANDROID.search(agent)
    if built is not None:
        return built[1], built[2]
    first = _FIRST.match(agent)
    if first is None or first[1].casefold() in ("mozilla", "opera", "dalvik"):
        return "", ""
    return first[1], first[2] or ""
