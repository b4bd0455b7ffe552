-- Multimedia messages that leave by MM7.

CREATE TABLE composed (
    name BLOB PRIMARY KEY,        -- digest of subject and body; rows of the outbox refer to it
    at INTEGER NOT NULL,
    subject TEXT NOT NULL,
    body BLOB NOT NULL            -- MIME headers, a blank line, the parts: nobody's number is in it
) STRICT;
