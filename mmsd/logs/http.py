"""Access logs of HTTP proxies and gateways: Squid (native, combined, any `logformat`) and nginx (any `log_format`).

Traps: Squid logs connections that never became a request as `error:…` where the URL belongs: known, and no rows. It cuts queries off logged
URLs unless `strip_query_terms off` is set. Of a request that a rewriter sent elsewhere `%ru` is where it went, `%>ru` what was asked
for. Its octets are those of the whole answer, headers included. Its built-in combined format escapes nothing, so a User-Agent may hold
quotes. A proxy that does not log the *request's* type leaves a POST's nature open.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import ClassVar, Final, Self

import numpy as np
import numpy.typing as npt

from mmsd.errors import ConfigError
from mmsd.fast.values_py import authority as as_authority
from mmsd.logs import formats
from mmsd.logs.dialect import Arena, Columns, Key, LineDialect, Texts
from mmsd.logs.formats import Token
from mmsd.logs.kannel_wap import METHODS, method
from mmsd.logs.options import Options
from mmsd.logs.plan import (
    IGNORED,
    Field,
    Form,
    Numbering,
    Plan,
    address,
    authority,
    content_type,
    integer,
    ipv4,
    moment,
    one_of,
    text,
    url,
)
from mmsd.model import CodeSet, Kind, Method, TextColumn

MSISDN_HEADERS: Final = (
    "x-up-calling-line-id",
    "x-wap-network-client-msisdn",
    "x-msisdn",
    "x-nokia-msisdn",
    "x-network-info",
    "msisdn",
)
"""Headers in which gateways give the subscriber's number."""

KNOWN: Final = {
    "squid": "%ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %[un %Sh/%<a %mt",
    "combined": '%>a %[ui %[un [%tl] "%rm %ru HTTP/%rv" %>Hs %<st "%{Referer}>h" "%{User-Agent}>h" %Ss:%Sh',
    "common": '%>a %[ui %[un [%tl] "%rm %ru HTTP/%rv" %>Hs %<st %Ss:%Sh',
    "mms": (
        '%ts.%03tu %6tr %>a "%{X-Up-Calling-Line-ID}>h" %rm %ru %>Hs %<st %>st "%{User-Agent}>h" "%{x-wap-profile}>h"'
        ' "%{Content-Type}>h" "%mt" %Ss/%Sh/%<a %err_code/%err_detail'
    ),
    "nginx": '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"',
}
"""Formats known by name: Squid's own three, one that keeps what MMS diagnosis needs, and nginx's (and Apache's) combined."""

_CLF: Final = "%d/%b/%Y:%H:%M:%S %z"
_CONSTANTS: Final = {"kind": Kind.ATTEMPT, "code_set": CodeSet.HTTP}

_SQUID: Final = {
    ">a": ipv4("address"),
    "Hs": integer("status"),
    "st": integer("octets"),
    ">st": integer("sent"),
    "mt": content_type("answer_type"),
    "rm": method(),
    "ru": url().keep("host", "path"),
    ">ru": url("asked", "_asked_path").keep("asked"),
    "tr": integer("latency"),
    "tl": moment(_CLF),
    "tg": moment(_CLF),
    "ts": moment("%s"),
}
_SQUID_SAME: Final = {">Hs": "Hs", "<st": "st", ">rm": "rm", ">ru": "ru", "<rm": "rm", "<ru": "ru"}
"""Codes that say the same here; `%>ru` does where it stands alone."""

_SQUID_HEADERS: Final = {
    (">h", "user-agent"): text("agent"),
    (">h", "content-type"): content_type("request_type"),
    ("<h", "content-type"): content_type("answer_type"),
    (">h", "host"): authority("_authority").keep("_host"),
}

_NGINX: Final = {
    "remote_addr": ipv4("address"),
    "time_local": moment(_CLF),
    "time_iso8601": moment("%Y-%m-%dT%H:%M:%S%z"),
    "msec": moment("%s.%f"),
    "request_method": method(),
    "request_uri": url().keep("host", "path"),
    "host": authority("_authority").keep("_host"),
    "http_host": authority("_authority").keep("_host"),
    "status": integer("status"),
    "body_bytes_sent": integer("octets"),
    "bytes_sent": integer("octets"),
    "request_length": integer("sent"),
    "request_time": moment("%s.%f", "_latency"),
    "http_user_agent": text("agent"),
    "http_content_type": content_type("request_type"),
    "content_type": content_type("request_type"),
    "sent_http_content_type": content_type("answer_type"),
    "upstream_http_content_type": content_type("answer_type"),
}

_SQUID_METHOD: Final = one_of({**METHODS, "-": IGNORED, "NONE": IGNORED}, column="method", default=Method.OTHER)
"""Without a method Squid had no request to log."""


@dataclasses.dataclass(slots=True)
class _Template:
    """A form under construction: its text, its fields, and where its URL stands (−1: not yet)."""

    text: str = ""
    fields: dict[str, Field] = dataclasses.field(default_factory=dict)
    url_at: int = -1

    def literal(self, value: str) -> None:
        self.text += value.replace("{", "{{").replace("}", "}}")

    def add(self, name: str, made: Field | None, *, quoted: bool = False) -> None:
        """A field; one seen before, or of no use, is passed over. `quoted`: the quote before it, already there, becomes part of it."""
        if made is None or name in self.fields or _fills(made) & _filled(self.fields.values()):
            made, name = Field(), f"_{len(self.fields)}"
        if quoted:
            self.text = self.text[:-1]
            made = made.quoted()
        if name == "url":
            self.url_at = len(self.text)
        self.text += f"{{{name}}}"
        self.fields[name] = made


def _fills(made: Field) -> set[str]:
    names = {made.column, made.second, made.text, made.second_text}
    return {name for name in names | {name for _, values in made.table if values for name in values} if name}


def _filled(fields: Iterable[Field]) -> set[str]:
    return set().union(*map(_fills, fields))


def _plan(template: _Template, extra: Sequence[Form] = ()) -> Plan:
    have = _filled(template.fields.values())
    for column, what in (("at", "no time"), ("path", "no URL"), ("method", "no method")):
        if column not in have:
            raise ConfigError(f"the format has {what}: a line so written says nothing")
    return Plan("http", Form(template.text, template.fields, set=_CONSTANTS), *extra)


def squid_plan(form: str, headers: Sequence[str] = MSISDN_HEADERS) -> Plan:
    """The plan for a Squid `logformat`; `headers` are those that hold the number, lower case. ConfigError when it cannot be read."""
    raw = form in (KNOWN["combined"], KNOWN["common"])  # built in, and nothing in them is escaped
    tokens = formats.parse_squid(form)
    both = {">ru"} < {token.field for token in tokens if token.field in (">ru", "ru", "<ru")}
    template = _Template()
    at = 0
    while at < len(tokens):
        token, following = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else Token()
        at += 1
        if not token.field:
            template.literal(token.text)
            continue
        name = token.field if both and token.field == ">ru" else _SQUID_SAME.get(token.field, token.field)
        if name == "ts" and [each.field or each.text for each in tokens[at : at + 2]] == [".", "tu"]:
            at += 2
            template.add("ts", moment("%s.%f"))
            continue
        if following.field:
            raise ConfigError(f"%{token.field} and %{following.field} stand side by side: put a separator between them")
        made = _SQUID.get(name)
        if name in (">h", "<h"):
            header = token.argument.lower()
            made = _SQUID_HEADERS.get((name, header))
            if name == ">h" and header in headers:
                made = address("receiver").keep("receiver")
            name += header
        elif name in ("tl", "tg") and token.argument:
            made = _moment(token.argument)
        elif name == "rm":
            made = _SQUID_METHOD
        elif name == "ru":
            name = "url"
        elif name in ("tr", "Hs", "st", ">st"):
            template.text += "{~}"  # %6tr is filled with blanks on the left
        if raw and made is not None and made.text == "agent":
            made = made.last()
        at += _add(template, re.sub(r"\W", "_", name), made, token, following, quoted=bool(token.escape) and not raw)
    ignored = Form(template.text[: template.url_at] + "error:{*}", _before(template), ignore=True)
    return _plan(template, (ignored,) if template.url_at >= 0 else ())


def _add(template: _Template, name: str, made: Field | None, token: Token, following: Token, *, quoted: bool) -> int:
    """Add a field, with the quotes around it when its program escapes inside them. How many of the following tokens are used up."""
    if not quoted:
        template.add(name, made)
        return 0
    if not template.text.endswith('"') or not following.text.startswith('"'):
        raise ConfigError(f"{token.argument or token.field}: its quotes must stand right beside it")
    template.add(name, made, quoted=True)
    template.literal(following.text[1:])
    return 1


def _before(template: _Template) -> dict[str, Field]:
    """The fields that stand before the URL."""
    return {name: made for name, made in template.fields.items() if 0 <= template.text.find(f"{{{name}}}") < template.url_at}


def _moment(form: str) -> Field:
    """A time by a strftime format of the operator's."""
    if re.search("%[^YmdeHMSfbazZs]", form) or not re.search("%[YsH]", form):
        raise ConfigError(f"{form!r}: a time is written with %Y %m %d %e %H %M %S %b %a %z %Z %s")
    return moment(form)


def nginx_plan(form: str, headers: Sequence[str] = MSISDN_HEADERS) -> Plan:
    """The plan for an nginx `log_format`; `headers` are those that hold the number, lower case. ConfigError when it cannot be read."""
    tokens = formats.parse_nginx(form)
    numbers = {"http_" + header.replace("-", "_") for header in headers}
    template = _Template()
    odd = ""  # the same line with something else where "$request" is: a connection that never became a request
    at = 0
    while at < len(tokens):
        token, following = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else Token()
        at += 1
        name = token.field
        if not name:
            template.literal(token.text)
            continue
        if following.field in ("request_uri", "uri") and name in ("host", "http_host", "server_name"):
            at += 1  # the two together are a URL without its scheme
            name, following = "request_uri", tokens[at] if at < len(tokens) else Token()
        if following.field:
            raise ConfigError(f"${token.field} and ${following.field} stand side by side: put a separator between them")
        if name == "request":
            odd = template.text
            template.add("request_method", method())
            template.text += " "
            template.add("url", _NGINX["request_uri"])
            template.text += " {}"
            continue
        if name == "request_uri":
            template.add("url", _NGINX[name])
            continue
        made = address("receiver").keep("receiver") if name in numbers else _NGINX.get(name)
        at += _add(template, name, made, token, following, quoted=bool(token.escape))
    extra: tuple[Form, ...] = ()
    if odd:
        rest = template.text[len(odd) :].removeprefix("{request_method} {url} {}")
        fields = {name: made for name, made in template.fields.items() if name not in ("request_method", "url")}
        extra = (Form(odd + "{}" + rest, fields, ignore=True),)
    return _plan(template, extra)


class Http(LineDialect):
    """`http`. Options: `format` (a name in `KNOWN`, or its own format string), `syntax` ("squid" or "nginx"; the format tells when it
    is missing), `msisdn` (the headers that hold the number), `host` (whose log it is, for lines that hold only a path).
    """

    name: ClassVar[str] = "http"
    summary: ClassVar[str] = "HTTP proxy or gateway access log: Squid, nginx"

    _host = b""  # option `host`
    _local = False  # times are wall clock of the feed's zone

    @classmethod
    def build(cls, options: Options, *, zone: tzinfo, key: Key, numbering: Numbering) -> Self:
        form = options.text("format", "squid")
        syntax = options.text("syntax", among=("squid", "nginx"))
        headers = [header.lower() for header in options.texts("msisdn", MSISDN_HEADERS)]
        host = options.text("host")
        if not form.strip():
            raise options.fault("format", f"must be a format, or one of {', '.join(KNOWN)}")
        if form.isidentifier() and form not in KNOWN:
            raise options.fault("format", f"{form} is not one of the known formats: {', '.join(KNOWN)}")
        form = KNOWN.get(form, form)
        try:
            make = nginx_plan if (syntax or ("nginx" if "$" in form and "%" not in form else "squid")) == "nginx" else squid_plan
            plan = make(form, headers)
        except ConfigError as fault:
            raise options.fault("format", str(fault)) from None
        dialect = cls(plan, zone=zone, key=key, numbering=numbering)
        dialect._host = host.encode()
        times = [made.form for made in plan.forms[0].fields.values() if made.column == "at"]
        dialect._local = not any(b"%z" in form or b"%s" in form for form in times)
        return dialect

    def refine(self, columns: Columns, texts: Texts) -> None:
        if self._local:
            super().refine(columns, texts)
        if "_latency" in columns:
            columns["latency"] = columns["_latency"] // 1000
        columns["kind"][_begins(texts["host"], b"error:")] = Kind.NONE
        bare = columns["authority"] == 0
        if "_authority" in columns:
            columns["authority"] = np.where(bare, columns["_authority"].astype(np.uint64), columns["authority"])
            here, there = texts["host"], texts["_host"]
            texts["host"] = TextColumn(here.data, np.where(bare, there.start, here.start), np.where(bare, there.stop, here.stop))
            bare = columns["authority"] == 0
        if self._host and bare.any():
            columns["authority"] = np.where(bare, np.uint64(as_authority(self._host, self.key)), columns["authority"])
            arena = Arena(texts["host"].data, len(bare))
            arena.begin("host", texts["host"])
            arena.fill("host", np.flatnonzero(bare), self._host)
            texts.update(arena.columns())


def _begins(column: TextColumn, word: bytes) -> npt.NDArray[np.bool_]:
    """Which texts begin so."""
    octets = np.frombuffer(column.data, np.uint8)
    begins = column.stop - column.start >= len(word)
    for place, octet in enumerate(word):
        begins &= octets[np.minimum(column.start + place, len(octets) - 1)] == octet
    return begins
