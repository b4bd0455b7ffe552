-- The desk: what a caller's key was answered, who shall be forgotten, and what the funnel counts of a case.

CREATE TABLE replied (
    key BLOB PRIMARY KEY,         -- keyed hash of token, address and Idempotency-Key
    at INTEGER NOT NULL,
    asked BLOB NOT NULL,          -- keyed hash of the body
    answer TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX replied_at ON replied (at);

CREATE TABLE erasure (
    subscriber INTEGER PRIMARY KEY REFERENCES subscriber (id),
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX tiding_subscriber ON tiding (subscriber);

ALTER TABLE care_case ADD COLUMN helped INTEGER;
ALTER TABLE care_case ADD COLUMN missed INTEGER NOT NULL DEFAULT 0;
UPDATE care_case SET helped = sent;
