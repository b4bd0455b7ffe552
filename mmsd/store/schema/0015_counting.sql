-- Roll-ups of forwards beside the totals of step 1, and what was said of each day at its closes. docs/counting.md defines every figure.

ALTER TABLE forward ADD COLUMN model TEXT NOT NULL DEFAULT '';          -- the sender's handset when it was decided
ALTER TABLE forward ADD COLUMN received INTEGER NOT NULL DEFAULT 0;     -- when the copy came that was passed on; 0: not seen
ALTER TABLE forward ADD COLUMN root INTEGER NOT NULL DEFAULT 0;         -- who began the tree: `subscriber`
UPDATE forward SET root = sender;                                       -- of earlier versions each stands for itself

ALTER TABLE campaign_day ADD COLUMN people INTEGER NOT NULL DEFAULT 0;  -- senders with a forward that counts
ALTER TABLE campaign_sender ADD COLUMN parts BLOB NOT NULL DEFAULT x''; -- his forwards by (day, city, model), packed

CREATE TABLE campaign_part (
    campaign TEXT NOT NULL,
    part TEXT NOT NULL,           -- what it is split by
    day TEXT NOT NULL,            -- local date; empty: over all days
    name TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (campaign, part, day, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE campaign_tree (
    campaign TEXT NOT NULL,
    root INTEGER NOT NULL REFERENCES subscriber (id),
    n INTEGER NOT NULL,
    levels BLOB NOT NULL,         -- forwards by generation, packed
    PRIMARY KEY (campaign, root)
) STRICT, WITHOUT ROWID;
CREATE INDEX campaign_tree_size ON campaign_tree (campaign, n DESC, root) WHERE n >= 5; -- the many small ones move without it

CREATE TABLE campaign_close (
    campaign TEXT NOT NULL,
    day TEXT NOT NULL,            -- local date
    stage TEXT NOT NULL,          -- provisional, final
    people INTEGER NOT NULL,
    horizon INTEGER NOT NULL,     -- event time up to which every feed had been read
    at INTEGER NOT NULL,
    PRIMARY KEY (campaign, day, stage)
) STRICT, WITHOUT ROWID;

CREATE TABLE campaign_close_city (
    campaign TEXT NOT NULL,
    day TEXT NOT NULL,
    stage TEXT NOT NULL,
    city TEXT NOT NULL,
    counted INTEGER NOT NULL,
    other INTEGER NOT NULL,
    people INTEGER NOT NULL,
    PRIMARY KEY (campaign, day, stage, city)
) STRICT, WITHOUT ROWID;

CREATE TABLE campaign_late (
    id INTEGER PRIMARY KEY,
    campaign TEXT NOT NULL,
    day TEXT NOT NULL,
    city TEXT NOT NULL,
    forward BLOB NOT NULL,        -- its key
    counted INTEGER NOT NULL,     -- what it would have changed: 1, 0, −1
    other INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX campaign_late_day ON campaign_late (campaign, id);
