-- What traffic shows of handsets since the table `handsets-NNNNNN.table` was written, which imports took effect, prefixes without a city.

CREATE TABLE handset_tail (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again, so what was folded into a table can be dropped at any time
    n INTEGER NOT NULL,
    rows BLOB NOT NULL
) STRICT;

CREATE TABLE handset_import (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    serial INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE TABLE prefix_count (
    prefix TEXT PRIMARY KEY,
    n INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
