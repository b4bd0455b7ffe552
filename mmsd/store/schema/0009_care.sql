-- Care: what is done about subscribers' trouble. The folder is the truth, sealed under its subscriber; the rows beside it are for counting
-- and finding, and hold no words of his.

CREATE TABLE care_folder (
    subscriber INTEGER PRIMARY KEY REFERENCES subscriber (id),
    due INTEGER,                  -- when time alone brings something; NULL = not before there is news
    body BLOB NOT NULL            -- sealed; empty once he is erased
) STRICT;
CREATE INDEX care_folder_due ON care_folder (due) WHERE due IS NOT NULL;

CREATE TABLE care_case (
    subscriber INTEGER NOT NULL REFERENCES subscriber (id),
    number INTEGER NOT NULL,      -- among his cases
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    origin TEXT NOT NULL,
    causes TEXT NOT NULL,         -- joined by commas
    city TEXT NOT NULL,
    model TEXT NOT NULL,
    held_back INTEGER NOT NULL,
    opened INTEGER NOT NULL,
    asked INTEGER,
    consented INTEGER,
    sent INTEGER,                 -- the last push left
    pushes INTEGER NOT NULL,
    listed INTEGER,
    closed INTEGER,
    moved INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (subscriber, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX care_case_state ON care_case (state, moved);
CREATE INDEX care_case_opened ON care_case (opened);

CREATE TABLE care_step (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    subscriber INTEGER NOT NULL REFERENCES subscriber (id),
    number INTEGER NOT NULL,
    event TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    reason TEXT NOT NULL,
    who TEXT NOT NULL             -- mmsd, subscriber, or the name of whoever acted
) STRICT;
CREATE INDEX care_step_subscriber ON care_step (subscriber);

CREATE TABLE consent (
    subscriber INTEGER NOT NULL REFERENCES subscriber (id),
    number INTEGER NOT NULL,      -- among his consents
    for_case INTEGER NOT NULL,
    at INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    revoked INTEGER,
    why TEXT NOT NULL,            -- it was revoked
    wording TEXT NOT NULL,        -- version of the text that was agreed to
    channel TEXT NOT NULL,        -- sms, keyword, staff
    who TEXT NOT NULL,            -- subscriber, or the name of whoever recorded it
    PRIMARY KEY (subscriber, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE handover (
    subscriber INTEGER NOT NULL REFERENCES subscriber (id),
    number INTEGER NOT NULL,      -- of the case
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (subscriber, number)
) STRICT, WITHOUT ROWID;

-- News for care, in the order it came, committed with what it tells of; care's cursor says how far it was taken in.

CREATE TABLE tiding (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    subscriber INTEGER NOT NULL REFERENCES subscriber (id),
    what TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;
