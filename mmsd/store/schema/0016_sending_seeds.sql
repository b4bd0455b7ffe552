-- Multimedia messages that leave by MM7.

CREATE TABLE composed (
    name BLOB PRIMARY KEY,        -- digest of subject and body; rows of the outbox refer to it
    at INTEGER NOT NULL,
    subject TEXT NOT NULL,
    body BLOB NOT NULL            -- MIME headers, a blank line, the parts: nobody's number is in it
) STRICT;

-- Group sending: lists, mailings, and who has a seed or is compared with those who have.

CREATE TABLE audience (
    id INTEGER PRIMARY KEY,
    campaign TEXT NOT NULL,
    name TEXT NOT NULL,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    parts INTEGER NOT NULL,       -- taken in; the next one has this number
    UNIQUE (campaign, name)
) STRICT;

CREATE TABLE audience_member (
    audience INTEGER NOT NULL REFERENCES audience (id),
    subscriber INTEGER NOT NULL REFERENCES subscriber (id),
    label TEXT NOT NULL,
    city TEXT NOT NULL,
    PRIMARY KEY (audience, subscriber)
) STRICT, WITHOUT ROWID;
CREATE INDEX audience_member_subscriber ON audience_member (subscriber);

CREATE TABLE audience_fault (
    audience INTEGER NOT NULL REFERENCES audience (id),
    line INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (audience, line)
) STRICT, WITHOUT ROWID;

CREATE TABLE mailing (
    id INTEGER PRIMARY KEY,
    campaign TEXT NOT NULL,
    seed TEXT NOT NULL,
    audience INTEGER NOT NULL REFERENCES audience (id),
    plan TEXT NOT NULL,           -- JSON: rules.audience.Plan
    content BLOB NOT NULL REFERENCES composed (name),
    state TEXT NOT NULL,
    after INTEGER NOT NULL,       -- the subscriber who was looked at last
    counts TEXT NOT NULL,         -- JSON: who would get it, who is left out
    counted INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    who TEXT NOT NULL
) STRICT;
CREATE INDEX mailing_state ON mailing (state) WHERE state IN ('counting', 'running');

CREATE TABLE holder (
    campaign TEXT NOT NULL,
    seed TEXT NOT NULL,
    subscriber INTEGER NOT NULL REFERENCES subscriber (id),
    how TEXT NOT NULL,            -- group, keyword
    arm TEXT NOT NULL,            -- of the draw: sent, control; asked = by himself
    at INTEGER NOT NULL,
    mailing INTEGER NOT NULL,     -- 0 = none
    label TEXT NOT NULL,
    city TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    key BLOB NOT NULL,            -- of the row of the outbox; empty = none
    drawn INTEGER NOT NULL,       -- when the group sending came to him; 0 = none did
    ended INTEGER NOT NULL,       -- 1: the number became somebody else's
    PRIMARY KEY (campaign, seed, subscriber)
) STRICT, WITHOUT ROWID;
CREATE INDEX holder_subscriber ON holder (subscriber);
CREATE INDEX holder_mailing ON holder (mailing);
