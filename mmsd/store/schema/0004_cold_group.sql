-- Quiet deliveries of the express lane leave memory many subscribers at a time.

CREATE TABLE cold_group (
    id INTEGER PRIMARY KEY,
    members BLOB NOT NULL, -- keyed hash of each number, 8 octets, 0 = erased: finds whom to erase
    sealed BLOB NOT NULL,
    keep_until INTEGER NOT NULL
) STRICT;
CREATE INDEX cold_group_keep_until ON cold_group (keep_until);
