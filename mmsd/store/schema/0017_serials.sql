-- Serials are found by a keyed hash and sealed; those of an older store wait in `serial_plain` until it is opened. They are redeemed once.

ALTER TABLE serial RENAME TO serial_plain;
CREATE TABLE serial (
    lookup BLOB PRIMARY KEY,      -- HMAC-SHA-256 of the serial without its hyphens
    forward BLOB NOT NULL UNIQUE REFERENCES forward (key),
    sealed BLOB NOT NULL,         -- the serial as it was issued, under the forward's sender
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE redemption (
    serial BLOB PRIMARY KEY REFERENCES serial (lookup),
    at INTEGER NOT NULL,
    who TEXT NOT NULL
) STRICT, WITHOUT ROWID;
ALTER TABLE campaign_total ADD COLUMN redeemed INTEGER NOT NULL DEFAULT 0;
