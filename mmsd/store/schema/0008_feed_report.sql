-- How the feeds do, as the daemon last told it (`model.FeedReport` as JSON): one row.

CREATE TABLE feed_report (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
