"""The nodes' own programs write, our dialects read what they wrote a moment ago: every record, with the fields that were sent."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mmsd.codec.push import encode_notification
from mmsd.logs.http import KNOWN
from mmsd.model import SECOND, Content, Kind, Method, Records
from tests.e2e.running import until
from tests.e2e.servers import SHANGHAI, account, origin, server, word
from tests.logs.tables import rows

NUMBER = "8613900000031"
MMS = "application/vnd.wap.mms-message"
PHONE = 'Nokia6230/2.0 "quoted" [x]'
HOUR = 3600 * SECOND


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not under pytest's own, which nobody but its user may enter: started by root these programs become somebody else."""
    with tempfile.TemporaryDirectory(prefix="mmsd-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


def written(path: Path, records: int, dialect: str, options: Mapping[str, Any] | None = None) -> Records:
    """Waits until a log holds so many whole records, and reads them: none rejected, none missing."""

    def there() -> bool:
        return path.exists() and path.read_bytes().endswith(b"\n") and rows(dialect, path.read_bytes(), options).rows >= records

    until(there, f"{records} records in {path.name}: {path.read_text() if path.exists() else 'no file'}")
    found = rows(dialect, path.read_bytes(), options)
    assert found.rows == records, path.read_text()
    now = time.time_ns() // 1000
    assert all(now - HOUR < at < now + 10 * SECOND for at in found["at"].tolist())  # its time zone is ours too
    return found


def request(url: str, headers: Mapping[str, str], body: bytes | None = None, *, proxy: int = 0) -> int:
    """The status of a GET, or of a POST of `body`."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": f"http://127.0.0.1:{proxy}"} if proxy else {}))
    try:
        with opener.open(urllib.request.Request(url, body, dict(headers)), timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


# ------------------------------------------------------------------------------------------------------------------- proxies


@pytest.fixture
def squid(folder: Path, debian: Callable[[str], str], shared: Path, free_port: Callable[[], int]) -> Iterator[int]:
    """The proxy whose logs are the samples."""
    program, port = debian("squid"), free_port()
    if os.geteuid() == 0:
        shutil.chown(folder, "proxy")  # whom it becomes
    text = (shared / "samples/http-proxy/squid.conf").read_text().replace("127.0.0.1:3128", f"127.0.0.1:{port}")
    text += "shutdown_lifetime 0 seconds\npinger_enable off\nstrip_query_terms off\n"
    (folder / "squid.conf").write_text(text)
    with server([program, "-N", "-f", str(folder / "squid.conf")], folder, port):
        yield port


HEADERS = {"X-Up-Calling-Line-ID": f"+{NUMBER}", "User-Agent": PHONE}
SUBMIT = {**HEADERS, "Content-Type": MMS}
BODY = b"\x8c\x80"


def drive(base: str, *, proxy: int = 0) -> list[tuple[Method, int, str]]:
    """A retrieval, a submit, a page that is not there, a node at fault; (method, status, path) of each."""
    sent = [
        (Method.GET, request(f"{base}/mms?id=1", HEADERS, proxy=proxy), "/mms?id=1"),
        (Method.POST, request(f"{base}/", SUBMIT, BODY, proxy=proxy), "/"),
        (Method.GET, request(f"{base}/none", HEADERS, proxy=proxy), "/none"),
        (Method.GET, request(f"{base}/fault", HEADERS, proxy=proxy), "/fault"),
    ]
    assert [status for _, status, _ in sent] == [200, 204, 404, 500]
    return sent


def seen(records: Records) -> list[tuple[Method, int, str]]:
    """The same of what was logged."""
    methods, statuses = records["method"].tolist(), records["status"].tolist()
    return [(Method(methods[row]), statuses[row], records.text("path", row).decode()) for row in range(records.rows)]


def test_squid(squid: int, folder: Path, free_port: Callable[[], int]) -> None:
    with origin() as behind:
        sent = drive(f"http://127.0.0.1:{behind}", proxy=squid)
        nobody = request(f"http://127.0.0.1:{free_port()}/wrong", SUBMIT, BODY, proxy=squid)
    assert nobody == 503
    sent.append((Method.POST, nobody, "/wrong"))
    for form in ("native", "combined", "mms"):
        found = written(folder / f"access-{form}.log", len(sent), "http", {"format": {"native": "squid"}.get(form, form)})
        assert seen(found) == sent
        assert set(found["kind"].tolist()) == {Kind.ATTEMPT}
        assert found.text("host", 0) == f"127.0.0.1:{behind}".encode()
        assert found["address"].tolist() == [0x7F000001] * 5
    assert found["receiver"].tolist() == [int(NUMBER)] * 5
    assert {found.text("agent", row) for row in range(5)} == {PHONE.replace('"', r"\"").encode()}  # as it stands in the log
    assert [found["request_type"].tolist()[row] for row in (1, 4)] == [Content.MMS, Content.MMS]
    assert found["answer_type"].tolist()[0] == Content.MMS


REWRITER = """\
#!/bin/sh
while read -r url rest; do
    case "$url" in
        http://mmsc.wrong.example/*) echo 'OK rewrite-url="http://127.0.0.1:{behind}/"' ;;
        *) echo ERR ;;
    esac
done
"""


def test_squid_that_puts_addresses_right(folder: Path, debian: Callable[[str], str], free_port: Callable[[], int]) -> None:
    """Both addresses stand in its log: where a request went, and what was asked for."""
    program, port, form = debian("squid"), free_port(), KNOWN["mms"] + " %>ru"
    if os.geteuid() == 0:
        shutil.chown(folder, "proxy")
    rewriter = folder / "rewriter"
    with origin() as behind:
        rewriter.write_text(REWRITER.format(behind=behind))
        rewriter.chmod(0o755)
        (folder / "squid.conf").write_text(
            f"http_port 127.0.0.1:{port}\nhttp_access allow all\ncache deny all\npid_filename {folder}/squid.pid\n"
            f"cache_log {folder}/cache.log\ncoredump_dir {folder}\nshutdown_lifetime 0 seconds\npinger_enable off\n"
            f"url_rewrite_program {rewriter}\nurl_rewrite_children 1\nlogformat asked {form}\naccess_log stdio:{folder}/access.log asked\n"
        )
        with server([program, "-N", "-f", str(folder / "squid.conf")], folder, port):
            wrong = request("http://mmsc.wrong.example/", SUBMIT, BODY, proxy=port)
            right = request(f"http://127.0.0.1:{behind}/", SUBMIT, BODY, proxy=port)
            found = written(folder / "access.log", 2, "http", {"format": form})
    assert (wrong, right) == (204, 204)
    assert seen(found) == [(Method.POST, 204, "/")] * 2
    assert [found.text("host", row) for row in range(2)] == [f"127.0.0.1:{behind}".encode()] * 2
    assert [found.text("asked", row) for row in range(2)] == [b"mmsc.wrong.example", f"127.0.0.1:{behind}".encode()]
    assert (found["asked"] == found["authority"]).tolist() == [False, True]


NGINX = """\
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log;
{user}
events {{ }}
http {{
    {paths}
    log_format mms {form};
    access_log {folder}/access.log mms;
    access_log {folder}/access-combined.log combined;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://127.0.0.1:ORIGIN; }}
    }}
}}
"""
NGINX_FORM = (
    '$msec $remote_addr "$http_x_up_calling_line_id" $request_method $host$request_uri $status $bytes_sent $request_length '
    '"$http_user_agent" "$content_type" "$sent_http_content_type" $request_time'
)


def test_nginx(folder: Path, debian: Callable[[str], str], free_port: Callable[[], int]) -> None:
    program, port = debian("nginx"), free_port()
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    text = NGINX.format(
        folder=folder,
        user="user root;" if os.geteuid() == 0 else "",
        paths=" ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds),
        form=f"'{NGINX_FORM}'",
        port=port,
    )
    with origin() as behind:
        (folder / "nginx.conf").write_text(text.replace("ORIGIN", str(behind)))
        with server([program, "-p", str(folder), "-c", str(folder / "nginx.conf")], folder, port):
            sent = drive(f"http://127.0.0.1:{port}")
            own = written(folder / "access.log", len(sent), "http", {"format": NGINX_FORM})
            combined = written(folder / "access-combined.log", len(sent), "http", {"format": "nginx"})
    assert seen(own) == seen(combined) == sent
    assert own["receiver"].tolist() == [int(NUMBER)] * 4
    assert own["request_type"].tolist()[1] == own["answer_type"].tolist()[0] == Content.MMS
    assert own.text("host", 0) == b"127.0.0.1"
    agents = {records.text("agent", row) for records in (own, combined) for row in range(4)}
    assert agents == {PHONE.replace('"', r"\x22").encode()}  # as it stands in the log


# -------------------------------------------------------------------------------------------------------------------- Kannel

KANNEL = """\
group = core
admin-port = {admin}
admin-password = loop
admin-interface = 127.0.0.1
smsbox-port = {box}
smsbox-interface = 127.0.0.1
box-allow-ip = "127.0.0.1"
box-deny-ip = "*.*.*.*"
log-file = "bearerbox.log"
access-log = "bearerbox-access.log"
store-type = file
store-location = "kannel.store"
dlr-storage = internal

group = smsc
smsc = fake
smsc-id = fake1
port = {smsc}
connect-allow-ip = 127.0.0.1

group = smsbox
smsbox-id = box1
bearerbox-host = 127.0.0.1
sendsms-port = {send}
sendsms-interface = 127.0.0.1
global-sender = 10086
log-file = "smsbox.log"
access-log = "smsbox-access.log"

group = sendsms-user
username = loop
password = loop
concatenation = true
max-messages = 10
user-allow-ip = 127.0.0.1

group = sms-service
keyword = help
accepted-smsc = "fake1"
text = "Send MMS"
"""


def test_kannel(folder: Path, debian: Callable[[str], str], free_port: Callable[[], int]) -> None:
    bearerbox, fakesmsc = debian("kannel"), debian("kannel-extras")
    smsbox = str(Path(bearerbox).with_name("smsbox"))
    ports = {name: free_port() for name in ("admin", "box", "smsc", "send")}
    (folder / "kannel.conf").write_text(KANNEL.format(**ports))
    udh, push = encode_notification(
        transaction=b"T-1", location=b"http://mms.example/a?b", size=30500, sender=b"+8613900000021/TYPE=PLMN", subject=b"#HJ01",
        expiry_relative=259200,
    )  # fmt: skip
    at_once = signal.SIGKILL  # in order both take five seconds
    with (
        server([bearerbox, "kannel.conf"], folder, ports["smsc"], by=at_once),
        server([smsbox, "kannel.conf"], folder, ports["send"], by=at_once),
    ):
        centre = subprocess.Popen(
            [fakesmsc, "-r", str(ports["smsc"]), "-m", "1", f"{NUMBER} 10086 text help me"],
            cwd=folder, env=SHANGHAI, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            log = folder / "bearerbox-access.log"
            until(lambda: log.exists() and b"Receive SMS" in log.read_bytes(), "the SMS centre's own message has come")
            for fields in ({"text": "您好 [x]\nline 2", "coding": "2", "charset": "UTF-8"}, {"text": "", "dlr-mask": "31"}):
                values: dict[str, str | bytes] = {"username": "loop", "password": "loop", "to": f"+{NUMBER}", **fields}
                if not fields["text"]:
                    values |= {"text": push, "udh": udh, "coding": "1"}
                answer = request(f"http://127.0.0.1:{ports['send']}/cgi-bin/sendsms?{urllib.parse.urlencode(values)}", {})
                assert answer == 202
            until(lambda: log.read_bytes().count(b"Receive DLR") == 2, "it was sent, and its report has come")
        finally:
            centre.kill()
            centre.wait()
        sent = len(re.findall(rb"^[-\d]+ [:\d]+ (?:Sent|Receive) ", log.read_bytes(), re.MULTILINE))
        found = written(log, sent, "kannel-sms")
        box = rows("kannel-smsbox", (folder / "smsbox-access.log").read_bytes())
    kinds = [Kind(kind) for kind in found["kind"].tolist()]
    assert kinds[0] == Kind.MO
    assert {Kind.SMS, Kind.PUSH, Kind.PUSH_REPORT} <= set(kinds)
    assert found["receiver"].tolist() == [int(NUMBER)] * sent
    row = kinds.index(Kind.PUSH)
    assert (found.text("transaction", row), found.text("location", row)) == (b"T-1", b"http://mms.example/a?b")
    assert (found["size"][row], found["sender"][row], found.text("subject", row)) == (30500, 8613900000021, b"#HJ01")
    assert box.rows >= 2


# -------------------------------------------------------------------------------------------------------------------- RADIUS


def test_freeradius(folder: Path, debian: Callable[[str], str], shared: Path, free_port: Callable[[], int]) -> None:
    program, port = debian("freeradius"), free_port()
    text = (shared / "samples/real-day/config/radiusd.conf").read_text().replace("/var/mms/radius", str(folder))
    text = text.replace("port = 28813", f"port = {port}").replace("ipaddr = 10.36.255.1", "ipaddr = 127.0.0.1")
    (folder / "radiusd.conf").write_text(text)
    (folder / "radacct").mkdir()
    common = {
        "NAS-IP-Address": bytes([10, 36, 255, 1]),
        "Framed-IP-Address": bytes([10, 36, 2, 237]),
        "Called-Station-Id": b"CMWAP.mnc002.mcc460.gprs",
        "Calling-Station-Id": f"+{NUMBER}".encode(),
        "Acct-Session-Id": b"61C00002",
    }
    of_3gpp = {
        "IMSI": b"460028287396062",
        "SGSN-Address": bytes([10, 36, 254, 1]),
        "GGSN-Address": bytes([10, 36, 255, 9]),
        "Selection-Mode": b"0",
        "IMEISV": b"3590530069479401",
        "User-Location-Info": bytes.fromhex("0164f020112233"),
    }
    ended = {
        "Acct-Input-Octets": word(745),
        "Acct-Output-Octets": word(208),
        "Acct-Session-Time": word(3),
        "Acct-Terminate-Cause": word(1),
    }
    now = int(time.time())
    with server([program, "-f", "-l", "stdout", "-d", str(folder), "-n", "radiusd"], folder, port, udp=True):
        account(port, b"loopnas", {"Acct-Status-Type": word(1), **common, "Event-Timestamp": word(now)}, of_3gpp)
        account(port, b"loopnas", {"Acct-Status-Type": word(2), **common, **ended, "Event-Timestamp": word(now + 3)}, of_3gpp)
        account(port, b"loopnas", {"Acct-Status-Type": word(8), "NAS-IP-Address": common["NAS-IP-Address"], "Acct-Session-Id": b"0"}, {})
        (detail,) = (folder / "radacct/127.0.0.1").glob("detail-*")
        found = written(detail, 3, "radius")
    assert [Kind(kind) for kind in found["kind"].tolist()] == [Kind.SESSION_START, Kind.SESSION_STOP, Kind.SESSION_OFF]
    assert found["at"].tolist()[:2] == [now * SECOND, (now + 3) * SECOND]
    for row in (0, 1):
        assert int(found["receiver"][row]) == int(NUMBER)
        assert (int(found["address"][row]), int(found["sgsn"][row]), int(found["ggsn"][row])) == (0x0A2402ED, 0x0A24FE01, 0x0A24FF09)
        assert (int(found["imsi"][row]), int(found["imei"][row]), int(found["selection"][row])) == (460028287396062, 3590530069479401, 0)
        assert (found.text("apn", row), found.text("cell", row)) == (b"CMWAP.mnc002.mcc460.gprs", b"0x0164f020112233")
    assert [int(found[name][1]) for name in ("octets_in", "octets_out", "duration", "cause")] == [745, 208, 3 * SECOND, 1]
    assert found["apn"][0] == found["apn"][1]
