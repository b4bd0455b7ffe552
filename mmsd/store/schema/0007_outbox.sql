-- Rows that leave: sealed bodies, who has them in hand, what was reserved for them, what the centres said. Until now nothing was sent and
-- bodies stood in the clear: those of older rows are emptied, and a row that was only ever shown stays so.

CREATE TABLE outbox_rows (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    purpose TEXT NOT NULL,
    campaign TEXT NOT NULL,
    subscriber INTEGER NOT NULL REFERENCES subscriber (id),
    body BLOB NOT NULL,           -- sealed under its subscriber; empty once it is of no use any more
    octets INTEGER NOT NULL,      -- 1: user data in octets, no text
    state TEXT NOT NULL,
    reason TEXT NOT NULL,         -- of the state
    due INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    asked INTEGER,                -- when the subscriber's own message came that this answers
    at INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    tries INTEGER NOT NULL,       -- submits whose outcome is not certainly "not taken"
    refusals INTEGER NOT NULL,    -- in a row, for now
    link TEXT NOT NULL,           -- of the last try …
    reference INTEGER NOT NULL,   -- … its user_message_reference
    submitted INTEGER NOT NULL,   -- … when it was claimed
    parts INTEGER NOT NULL,       -- … how many; 0 = not known yet
    fence INTEGER NOT NULL,       -- … by which start of the daemon
    reserved INTEGER NOT NULL     -- since when it counts towards caps and ceilings; 0 = it does not
) STRICT;
INSERT INTO outbox_rows SELECT id, key, kind, purpose, '', subscriber, X'', 0, CASE state WHEN 'ready' THEN 'expired' ELSE state END, '',
    due, expires, priority, NULL, at, at, 0, 0, '', 0, 0, 0, 0, 0 FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_rows RENAME TO outbox;
CREATE INDEX outbox_ready ON outbox (kind, octets, priority, due, id) WHERE state = 'ready';
CREATE INDEX outbox_waiting ON outbox (expires) WHERE state IN ('ready', 'held');
CREATE INDEX outbox_uncertain ON outbox (due) WHERE state = 'uncertain';
CREATE INDEX outbox_state ON outbox (state, id);
CREATE INDEX outbox_subscriber ON outbox (subscriber, reserved);
CREATE INDEX outbox_body ON outbox (changed) WHERE body <> X'';

CREATE TABLE outbox_part (
    link TEXT NOT NULL,
    message TEXT NOT NULL,        -- the centre's id, spelt as the link compares it
    outbox INTEGER NOT NULL REFERENCES outbox (id),
    part INTEGER NOT NULL,
    state TEXT NOT NULL,          -- of its last receipt; empty = none yet
    final INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (link, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_part_of ON outbox_part (outbox);

CREATE TABLE outbox_day (
    kind TEXT NOT NULL,
    day TEXT NOT NULL,            -- local date
    sent INTEGER NOT NULL,
    shadow INTEGER NOT NULL,
    PRIMARY KEY (kind, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE canary (
    kind TEXT NOT NULL,
    campaign TEXT NOT NULL,
    sent INTEGER NOT NULL,
    approved INTEGER NOT NULL,
    PRIMARY KEY (kind, campaign)
) STRICT, WITHOUT ROWID;

CREATE TABLE stop (
    name TEXT PRIMARY KEY,        -- a class, "all", "campaign:NAME"
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE opt_out (
    subscriber INTEGER NOT NULL REFERENCES subscriber (id),
    kind TEXT NOT NULL,           -- a class, or "all"
    at INTEGER NOT NULL,
    PRIMARY KEY (subscriber, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE incoming (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,          -- when it came
    link TEXT NOT NULL,
    subscriber INTEGER NOT NULL REFERENCES subscriber (id),
    service TEXT NOT NULL,        -- our number
    sub_code TEXT NOT NULL,
    body BLOB NOT NULL            -- sealed under its subscriber
) STRICT;
CREATE INDEX incoming_subscriber ON incoming (subscriber);
CREATE INDEX incoming_at ON incoming (at);

CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    subject TEXT NOT NULL,
    why TEXT NOT NULL,
    chain BLOB NOT NULL           -- HMAC-SHA-256 over the row and the chain of the row before
) STRICT;
