-- Copies of messages: what became of them, and those recognised that count for nothing yet.

CREATE TABLE copy_count (
    hour INTEGER NOT NULL,        -- since 1970, UTC: of the copy; of what was joined with the logs, of the submission
    tap TEXT NOT NULL,            -- '' = joined with the logs, for each receiver
    what TEXT NOT NULL,
    campaign TEXT NOT NULL,       -- '' = none
    n INTEGER NOT NULL,
    PRIMARY KEY (hour, tap, what, campaign)
) STRICT, WITHOUT ROWID;

CREATE TABLE copy_held (
    key BLOB PRIMARY KEY,         -- keyed hash of receiver and copy, or of the delivery
    at INTEGER NOT NULL,
    what TEXT NOT NULL,           -- ambiguous, no_log
    campaign TEXT NOT NULL,
    seed TEXT NOT NULL,
    sender INTEGER REFERENCES subscriber (id),
    receiver INTEGER REFERENCES subscriber (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX copy_held_at ON copy_held (at);
