"""What `/metrics` prints: Prometheus metrics in a registry of our own.

Fed with values that others return: the sequencer hands over each Batch after its commit, so what is counted here is what the store has.
Labels are names from the configuration, the evidence table or the code, never a number, a host or any other word a log line could bring.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest

from mmsd.model import Batch, ClocksApart, FeedCondition
from mmsd.rules.copies import SUBMITTED

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_COMMIT_SECONDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_TICK_SECONDS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_HTTP_SECONDS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)


class Telemetry:
    """All metrics of one process. Its methods only add up; they never wait, fail or ask anybody anything."""

    def __init__(self, *, version: str, twin: str, process: bool = True) -> None:
        """`twin`: which build of the scanner runs. `process`: also memory, CPU and descriptors of this process."""
        self.registry = registry = CollectorRegistry()
        if process:
            ProcessCollector(namespace="mmsd", registry=registry)
        build = Info("mmsd_build", "Version of mmsd and the scanner build that runs", registry=registry)
        build.info({"version": version, "twin": twin})

        self._lines = Counter("mmsd_lines", "Log records read", ["feed"], registry=registry)
        self._records = Counter("mmsd_records", "Rows made of them: one a record and receiver", ["feed"], registry=registry)
        self._octets = Counter("mmsd_read_octets", "Octets read, after decompression", ["feed"], registry=registry)
        self._rejects = Counter("mmsd_rejects", "Log records that did not fit their format", ["feed", "reason"], registry=registry)
        self._notes = Counter(
            "mmsd_notes", "What was passed over or missed: other records, files that never came", ["feed", "note"], registry=registry
        )
        self._unknown = Counter("mmsd_unknown_codes", "Lines with a status code that no table has", ["node", "code_set"], registry=registry)
        self._audits = Counter("mmsd_file_audits", "Files that shrank, were cut or lost", ["feed", "what"], registry=registry)
        self._behind = Gauge("mmsd_feed_behind_octets", "Octets written but not yet read", ["feed"], registry=registry)
        self._lag = Gauge("mmsd_feed_lag_seconds", "Wall clock minus the newest line's time", ["feed"], registry=registry)
        self._late = Gauge(
            "mmsd_feed_late_seconds", "Within this 99 of 100 lines came after what they tell, live", ["feed"], registry=registry
        )
        self._waits = Gauge("mmsd_feed_wait_seconds", "So long a feed read to its end is waited for", ["feed"], registry=registry)
        self._gaps = Gauge(
            "mmsd_feed_gaps", "Stretches of the last weeks in which something of the feed is missing", ["feed"], registry=registry
        )
        self._orphans = Gauge("mmsd_feed_orphans", "Deliveries known by the feed whose submit was never seen", ["feed"], registry=registry)
        self._ahead = Gauge(
            "mmsd_clock_ahead_seconds", "How far the second feed's clock is ahead of the first's", ["first", "second"], registry=registry
        )
        self._up = Gauge("mmsd_feed_up", "1 while the feed's files can be read", ["feed"], registry=registry)

        self._deliveries = Gauge(
            "mmsd_deliveries", "Deliveries judged since this process started, net of restatements", ["outcome", "cause"], registry=registry
        )
        self._open = Gauge("mmsd_open_deliveries", "Deliveries held in State", registry=registry)
        self._attempts = Counter("mmsd_attempts", "Subscribers' own requests kept as rows", ["verdict"], registry=registry)
        self._findings = Counter("mmsd_findings", "Findings raised or cleared", ["subject", "cause"], registry=registry)
        self._forwards = Counter("mmsd_forwards", "Forwards of seed messages decided", ["campaign", "counted"], registry=registry)
        self._copies = Counter("mmsd_copies", "Copies of messages, by tap and what became of them", ["tap", "what"], registry=registry)
        self._waiting = Gauge("mmsd_copies_waiting", "Copies whose sender is not known to hold a seed", registry=registry)
        self._mirrored = Gauge("mmsd_mirror_requests", "Requests to the mirror's door, since the start", ["what"], registry=registry)
        self._serials = Counter("mmsd_serials", "Serials issued", registry=registry)
        self._outbox = Counter("mmsd_outbox_rows", "Outgoing rows written", ["kind", "state"], registry=registry)
        self._moved = Counter("mmsd_outbox_moves", "Outgoing rows that came into a state", ["kind", "state"], registry=registry)
        self._link_up = Gauge("mmsd_link_up", "1 while the link to a centre is let in", ["link"], registry=registry)
        self._link_waiting = Gauge("mmsd_link_under_way", "Messages without answer", ["link"], registry=registry)
        self._link_events = Gauge(
            "mmsd_link_events", "What happened on a link since the start, by name", ["link", "what"], registry=registry
        )
        self._receipts = Gauge("mmsd_receipts", "Receipts since the start, by how each was known", ["how"], registry=registry)
        self._events = Counter("mmsd_events", "Event rows written", ["topic"], registry=registry)

        self._commits = Histogram("mmsd_commit_seconds", "One transaction, BEGIN to COMMIT", registry=registry, buckets=_COMMIT_SECONDS)
        self._ticks = Histogram("mmsd_tick_seconds", "One tick of the sequencer, read to commit", registry=registry, buckets=_TICK_SECONDS)
        self._recoveries = Counter("mmsd_recoveries", "Times State was dropped and loaded again", ["reason"], registry=registry)

        self._requests = Counter("mmsd_http_requests", "HTTP requests answered", ["route", "method", "status"], registry=registry)
        self._request_seconds = Histogram("mmsd_http_seconds", "Time to answer, streams excepted", registry=registry, buckets=_HTTP_SECONDS)
        self._clients = Gauge("mmsd_live_clients", "Live pages connected", registry=registry)
        self._dropped = Counter("mmsd_live_clients_dropped", "Live pages dropped because they read too slowly", registry=registry)

    def observe(self, batch: Batch, *, commit_seconds: float, tick_seconds: float, open_deliveries: int) -> None:
        """Count one Batch that *has committed*. Seconds by the monotonic clock; `open_deliveries` = slots of State in use."""
        for line in batch.lines:
            if line.reason:
                self._rejects.labels(line.feed, line.reason).inc(line.lines)
            else:
                self._lines.labels(line.feed).inc(line.lines)
                self._records.labels(line.feed).inc(line.records)
                self._octets.labels(line.feed).inc(line.octets)
        for name, note, n in batch.notes:
            self._notes.labels(name, note).inc(n)
        for code in batch.unknown:
            self._unknown.labels(code.node, code.code_set).inc(code.n)
        for audit in batch.audits:
            self._audits.labels(audit.feed, audit.what).inc()
        for hour in batch.hours:
            self._deliveries.labels(hour.outcome, hour.cause).inc(hour.n)
        for _, attempt in batch.attempts:
            self._attempts.labels(attempt.verdict).inc()
        for _, finding in batch.findings:
            self._findings.labels(finding.subject_kind, finding.cause).inc()
        for copied in batch.copied:
            if copied.tap and copied.what != SUBMITTED:  # what is joined is also taken back
                self._copies.labels(copied.tap, copied.what).inc(copied.n)
        for forward in batch.forwards:
            self._forwards.labels(forward.campaign, "yes" if forward.counted else "no").inc()
        self._serials.inc(len(batch.serials))
        self._leaving(batch)
        self._commits.observe(commit_seconds)
        self._ticks.observe(tick_seconds)
        self._open.set(open_deliveries)

    def _leaving(self, batch: Batch) -> None:
        for row in batch.outbox:
            self._outbox.labels(row.kind, row.state).inc()
        for row in batch.moved:
            self._moved.labels(row.kind, row.state).inc()
        for event in batch.events:
            self._events.labels(event.topic).inc()

    def dispatched(self, batch: Batch) -> None:
        """Count one Batch of the dispatcher's that *has committed*."""
        self._leaving(batch)

    def link(self, name: str, *, up: bool, under_way: int, counts: Mapping[str, int]) -> None:
        """A link to a centre: whether it is let in, messages without answer, what happened since the start."""
        self._link_up.labels(name).set(up)
        self._link_waiting.labels(name).set(under_way)
        for what, n in counts.items():
            self._link_events.labels(name, what).set(n)

    def receipts(self, counts: Mapping[str, int]) -> None:
        """By how each was known, since the start."""
        for how, n in counts.items():
            self._receipts.labels(how).set(n)

    def copies(self, *, waiting: int, mirrored: Mapping[str, int]) -> None:
        """Copies that wait for their sender to turn out a holder, and what became of requests to the mirror's door."""
        self._waiting.set(waiting)
        for what, n in mirrored.items():
            self._mirrored.labels(what).set(n)

    def feed(self, name: str, *, behind: int, lag_seconds: float, up: bool) -> None:
        """State of one feed: octets not yet read, age of its newest line, whether its files can be read."""
        self._behind.labels(name).set(behind)
        self._lag.labels(name).set(lag_seconds)
        self._up.labels(name).set(up)

    def condition(self, feed: FeedCondition) -> None:
        """How a feed does, as far as its lines tell."""
        self._late.labels(feed.name).set(feed.late.most / 1e6)
        self._waits.labels(feed.name).set(feed.waits / 1e6)
        self._gaps.labels(feed.name).set(len(feed.gaps))
        self._orphans.labels(feed.name).set(feed.orphans)

    def clocks(self, pairs: Iterable[ClocksApart]) -> None:
        """How far clocks of feeds are apart."""
        for apart in pairs:
            self._ahead.labels(apart.first, apart.second).set(apart.ahead / 1e6)

    def recovered(self, reason: str) -> None:
        """State was dropped and loaded again (rule R4). `reason`: name of the error class."""
        self._recoveries.labels(reason).inc()

    def answered(self, route: str, method: str, status: int, seconds: float | None) -> None:
        """One HTTP answer. `route` is the pattern, never the path; `seconds` None for a stream."""
        self._requests.labels(route, method, str(status)).inc()
        if seconds is not None:
            self._request_seconds.observe(seconds)

    def clients(self, connected: int) -> None:
        self._clients.set(connected)

    def dropped(self) -> None:
        self._dropped.inc()

    def exposition(self) -> bytes:
        """The text of `/metrics`, Prometheus text format 0.0.4."""
        return generate_latest(self.registry)
