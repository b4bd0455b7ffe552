"""Format strings of other programs, cut into literals and fields: Squid's `logformat`, nginx's `log_format`, Kannel's `access-log-format`.

Each `parse_*` returns `Token`s in order. It knows the syntax alone; what a field means is the dialect's business.
All raise `ConfigError` that quotes the place in the format; the caller puts the key's path in front.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from mmsd.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Token:
    """A literal (`field` empty) or a field of a format.

    `escape` says how the program wrote the field's value: "" raw, `"` backslash-escaped inside quotes that stand in the literals.
    """

    text: str = ""
    field: str = ""
    argument: str = ""
    escape: str = ""


_SQUID = re.compile(
    r"%(?:(?P<percent>%)"
    r"|(?P<quote>[\"'\[#/]?)-?\d*(?:\.\d+)?(?:\{(?P<before>[^}]*)\})?"
    r"(?:(?:http|ssl|tls|icap|adapt|note|proxy_protocol|transport)::)?(?P<code>[<>]?[A-Za-z][A-Za-z0-9_]*)(?:\{(?P<after>[^}]*)\})?)",
    re.ASCII,
)
_SQUID_CODES = (
    "ts", "tu", "tl", "tg", "tr", "dt", "tS", "sn", "un", "ul", "ui", "us", "ue", "rm", "ru", "rp", "rP", "rv", "rG", ">rm", ">ru",
    ">rp", ">rP", ">rs", ">rd", ">rv", "<rm", "<ru", "<rp", "<rP", "<rs", "<rd", "<rv", ">a", ">A", ">p", ">la", ">lp", ">eui",
    ">qos", ">nfmark", "<a", "<A", "<p", "<la", "<lp", "<qos", "<nfmark", "la", "lp", ">h", "<h", ">ha", "Hs", ">Hs", "<Hs", "st",
    ">st", "<st", ">sh", "<sh", "<bs", "<sH", "<pt", "<tt", "mt", "Ss", "Sh", "et", "ea", "ssl_bump", "err_code", "err_detail",
    "request_attempts", "master_xaction", "busy_time", "credentials", "external_acl",
)  # fmt: skip
"""Squid's codes. Letters may follow one at once ("%rmx"): the longest code counts."""


def parse_squid(form: str) -> list[Token]:
    r"""Squid's `logformat`: `%ts`, `%>a`, `%03tu`, `%{Header}>h`, `%[un`, `%%`. A header inside double quotes is backslash-escaped.

    >>> [(t.text, t.field, t.argument, t.escape) for t in parse_squid('%ts.%03tu "%{User-Agent}>h"')]
    [('', 'ts', '', ''), ('.', '', '', ''), ('', 'tu', '', ''), (' "', '', '', ''), ('', '>h', 'User-Agent', '"'), ('"', '', '', '')]
    """
    tokens: list[Token] = []
    at = 0
    quoted = False
    while at < len(form):
        if form[at] != "%":
            stop = form.find("%", at)
            text = form[at:] if stop < 0 else form[at:stop]
            quoted ^= text.count('"') % 2 == 1
            _append(tokens, text)
            at += len(text)
            continue
        found = _SQUID.match(form, at)
        if found is None:
            raise ConfigError(f"no such field at {form[at : at + 12]!r} of the format")
        at = found.end()
        if found["percent"]:
            _append(tokens, "%")
            continue
        code = found["code"]
        if code not in _SQUID_CODES and not found["after"]:
            shorter = next((code[:length] for length in range(len(code) - 1, 0, -1) if code[:length] in _SQUID_CODES), None)
            if shorter is None:
                raise ConfigError(f"%{code} is no field of a Squid logformat")
            at -= len(code) - len(shorter)
            code = shorter
        escape = '"' if quoted and code.endswith("h") else ""
        tokens.append(Token(field=code, argument=found["before"] or found["after"] or "", escape=escape))
    return tokens


_NGINX = re.compile(r"\$(?:\{(\w+)\}|(\w+))", re.ASCII)


def parse_nginx(form: str) -> list[Token]:
    """nginx's `log_format`: `$remote_addr`, `${status}`; an `escape=json` or `escape=none` in front is honoured.

    By default nginx writes a quote inside a value as `\\x22`, so a field ends at the literal behind it.

    >>> [(t.text, t.field) for t in parse_nginx('$remote_addr [$time_local]')]
    [('', 'remote_addr'), (' [', ''), ('', 'time_local'), (']', '')]
    """
    escape = ""
    if form.startswith("escape="):
        word, _, form = form.partition(" ")
        if word not in ("escape=default", "escape=json", "escape=none"):
            raise ConfigError(f"{word} is not one of escape=default, escape=json, escape=none")
        escape = {"escape=json": '"'}.get(word, "")
    tokens: list[Token] = []
    at = 0
    for found in _NGINX.finditer(form):
        _append(tokens, form[at : found.start()])
        behind = tokens[-1].text if tokens else ""
        tokens.append(Token(field=found[1] or found[2], escape=escape if behind.endswith('"') else ""))
        at = found.end()
    _append(tokens, form[at:])
    return tokens


_KANNEL = "ltTinABIFxpPmcMCdLbakssrSUuRDN"


def parse_kannel(form: str) -> list[Token]:
    """Kannel's `access-log-format`: `%` and one letter; `%%` is a percent sign. Nothing is quoted or escaped.

    >>> [(t.text, t.field) for t in parse_kannel("%l %%|%F")]
    [('', 'l'), (' %|', ''), ('', 'F')]
    """
    tokens: list[Token] = []
    at = 0
    while at < len(form):
        stop = form.find("%", at)
        if stop < 0:
            stop = len(form)
        _append(tokens, form[at:stop])
        if stop == len(form):
            break
        letter = form[stop + 1 : stop + 2]
        if letter == "%":
            _append(tokens, "%")
        elif letter and letter in _KANNEL:
            tokens.append(Token(field=letter))
        else:
            raise ConfigError(f"%{letter} is no field of Kannel's access-log-format")
        at = stop + 2
    return tokens


def _append(tokens: list[Token], text: str) -> None:
    """Adds a literal, joined to one that stands before it."""
    if not text:
        return
    if tokens and not tokens[-1].field:
        text = tokens.pop().text + text
    tokens.append(Token(text=text))


def refuse_touching(tokens: list[Token], sign: str) -> None:
    """ConfigError where two fields touch: nobody could say where the first one ends. `sign` is what a field begins with."""
    for left, right in pairwise(tokens):
        if left.field and right.field:
            raise ConfigError(f"{sign}{left.field} and {sign}{right.field} stand side by side: put a separator between them")
