-- What became of notifications, and where fetches broke.

CREATE TABLE notification_count (
    hour INTEGER NOT NULL,
    node TEXT NOT NULL,
    gateway TEXT NOT NULL,
    nth INTEGER NOT NULL,
    gap INTEGER NOT NULL,
    result TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (hour, node, gateway, nth, gap, result)
) STRICT, WITHOUT ROWID;

CREATE TABLE place_count (
    day TEXT NOT NULL,
    place TEXT NOT NULL,
    cause TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (day, place, cause)
) STRICT, WITHOUT ROWID;
