-- Times are µs since 1970 UTC, hours and days since 1970 UTC, unless a column says "local". Numbers never stand here in the clear:
-- `subscriber` seals them, other tables refer to its id. docs/schema.md says what each table is for; a test compares the two.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- ------------------------------------------------------------------------------------------------------ numbers

CREATE TABLE subscriber (
    id INTEGER PRIMARY KEY,
    lookup BLOB UNIQUE,           -- HMAC-SHA-256 of the digits; NULL once erased
    sealed BLOB,                  -- salt and authenticated encryption of the digits; NULL once erased
    key_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    erased INTEGER NOT NULL DEFAULT 0
) STRICT;

-- ----------------------------------------------------------------------------------------------- positions, state

CREATE TABLE mark (
    feed TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    head BLOB NOT NULL,
    head_length INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    guard BLOB NOT NULL,
    path TEXT NOT NULL,
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    done INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (feed, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE extent (
    id INTEGER PRIMARY KEY,
    feed TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    head BLOB NOT NULL,
    head_length INTEGER NOT NULL,
    start INTEGER NOT NULL,
    stop INTEGER NOT NULL CHECK (stop > start),
    path TEXT NOT NULL,
    guard BLOB NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX extent_file ON extent (feed, ordinal, stop);

CREATE TABLE state_delta (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE state_snapshot (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL,
    file TEXT NOT NULL
) STRICT;

CREATE TABLE interned (
    family TEXT NOT NULL,
    id INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (family, id),
    UNIQUE (family, text)
) STRICT, WITHOUT ROWID;

CREATE TABLE cold (
    lookup BLOB PRIMARY KEY,
    sealed BLOB NOT NULL,
    keep_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX cold_keep_until ON cold (keep_until);

-- ------------------------------------------------------------------------------------------------------ verdicts

CREATE TABLE delivery (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    domain TEXT NOT NULL,
    node TEXT NOT NULL,
    message TEXT NOT NULL,
    receiver INTEGER REFERENCES subscriber (id),
    sender INTEGER REFERENCES subscriber (id),
    submitted INTEGER NOT NULL,
    closed INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    cause TEXT NOT NULL,
    rule TEXT NOT NULL,
    at INTEGER NOT NULL,
    body BLOB NOT NULL            -- the whole row, sealed under its receiver
) STRICT;
CREATE INDEX delivery_receiver ON delivery (receiver);
CREATE INDEX delivery_sender ON delivery (sender);
CREATE INDEX delivery_message ON delivery (message);
CREATE INDEX delivery_submitted ON delivery (submitted);
CREATE INDEX delivery_outcome ON delivery (outcome);
CREATE INDEX delivery_cause ON delivery (cause);

CREATE TABLE attempt (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    subscriber INTEGER REFERENCES subscriber (id),
    node TEXT NOT NULL,
    at INTEGER NOT NULL,
    status INTEGER NOT NULL,
    strength TEXT NOT NULL,
    verdict TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX attempt_subscriber ON attempt (subscriber);
CREATE INDEX attempt_at ON attempt (at);

CREATE TABLE finding (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    subject_kind TEXT NOT NULL,
    subscriber INTEGER REFERENCES subscriber (id),
    subject TEXT NOT NULL,        -- model or node; empty when `subscriber` is set
    cause TEXT NOT NULL,
    confidence REAL NOT NULL,
    at INTEGER NOT NULL,
    cleared INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX finding_subscriber ON finding (subscriber);
CREATE INDEX finding_open ON finding (id) WHERE cleared = 0;

-- Every judged delivery of the last days, packed rows of model.CLOSED: first as they came, then by a slice of the receiver's hash.

CREATE TABLE closed_tail (
    id INTEGER PRIMARY KEY,
    n INTEGER NOT NULL,
    rows BLOB NOT NULL
) STRICT;

CREATE TABLE closed_cell (
    id INTEGER PRIMARY KEY,
    day INTEGER NOT NULL,
    slice INTEGER NOT NULL,       -- top bits of the receiver's hash
    level INTEGER NOT NULL,       -- 0 as compacted, 1 … merged from FAN cells of the level below
    n INTEGER NOT NULL,
    rows BLOB NOT NULL
) STRICT;
CREATE INDEX closed_cell_day ON closed_cell (day, slice, level);

-- ----------------------------------------------------------------------------------------------------- campaigns

CREATE TABLE forward (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    campaign TEXT NOT NULL,
    seed TEXT NOT NULL,
    message TEXT NOT NULL,
    sender INTEGER NOT NULL REFERENCES subscriber (id),
    receiver INTEGER NOT NULL REFERENCES subscriber (id),
    generation INTEGER NOT NULL,
    parent BLOB,
    submitted INTEGER NOT NULL,
    retrieved INTEGER NOT NULL,
    city TEXT NOT NULL,
    day TEXT NOT NULL,            -- local date of the retrieval
    method TEXT NOT NULL,
    score REAL NOT NULL,
    counted INTEGER NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX forward_campaign ON forward (campaign, id);
CREATE INDEX forward_sender ON forward (sender);
CREATE INDEX forward_receiver ON forward (receiver);

CREATE TABLE serial (
    number TEXT PRIMARY KEY,
    forward BLOB NOT NULL UNIQUE REFERENCES forward (key),
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE campaign_total (
    campaign TEXT PRIMARY KEY,
    forwards INTEGER NOT NULL,
    people INTEGER NOT NULL,
    serials INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE campaign_day (
    campaign TEXT NOT NULL,
    day TEXT NOT NULL,            -- local date
    city TEXT NOT NULL,
    counted INTEGER NOT NULL,
    other INTEGER NOT NULL,       -- recognised and retrieved, not counted
    PRIMARY KEY (campaign, day, city)
) STRICT, WITHOUT ROWID;

CREATE TABLE campaign_city (
    campaign TEXT NOT NULL,
    city TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (campaign, city)
) STRICT, WITHOUT ROWID;

CREATE TABLE campaign_sender (
    campaign TEXT NOT NULL,
    sender INTEGER NOT NULL REFERENCES subscriber (id),
    n INTEGER NOT NULL,
    PRIMARY KEY (campaign, sender)
) STRICT, WITHOUT ROWID;

-- ------------------------------------------------------------------------------------------- what leaves the house

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    purpose TEXT NOT NULL,
    subscriber INTEGER NOT NULL REFERENCES subscriber (id),
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    due INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_state ON outbox (state);
CREATE INDEX outbox_subscriber ON outbox (subscriber);

CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again, so a cursor never skips
    at INTEGER NOT NULL,
    topic TEXT NOT NULL,
    subject TEXT NOT NULL,
    data TEXT NOT NULL            -- JSON
) STRICT;

CREATE TABLE cursor (
    name TEXT PRIMARY KEY,
    id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- ------------------------------------------------------------------------------------------------------ counters

CREATE TABLE hour_count (
    hour INTEGER NOT NULL,
    node TEXT NOT NULL,
    city TEXT NOT NULL,
    outcome TEXT NOT NULL,
    cause TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (hour, node, city, outcome, cause)
) STRICT, WITHOUT ROWID;

CREATE TABLE day_count (
    day TEXT NOT NULL,            -- local date
    model TEXT NOT NULL,
    cause TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (day, model, cause)
) STRICT, WITHOUT ROWID;

CREATE TABLE delay_count (
    hour INTEGER NOT NULL,
    node TEXT NOT NULL,
    cause TEXT NOT NULL,
    bin INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (hour, node, cause, bin)
) STRICT, WITHOUT ROWID;

CREATE TABLE line_count (
    feed TEXT NOT NULL,
    reason TEXT NOT NULL,         -- empty: not a reject
    lines INTEGER NOT NULL,
    records INTEGER NOT NULL,
    octets INTEGER NOT NULL,
    PRIMARY KEY (feed, reason)
) STRICT, WITHOUT ROWID;

CREATE TABLE reject (
    id INTEGER PRIMARY KEY,
    feed TEXT NOT NULL,
    reason TEXT NOT NULL,
    step TEXT NOT NULL,
    place INTEGER NOT NULL,       -- model.where
    head BLOB NOT NULL,           -- sealed: a log line holds numbers
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX reject_feed ON reject (feed, reason, id);

CREATE TABLE file_audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    feed TEXT NOT NULL,
    what TEXT NOT NULL,
    path TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
