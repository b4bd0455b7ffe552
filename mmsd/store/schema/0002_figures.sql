-- The row of the table of causes joins the hourly cube: a regulator asks whose fault a failure was, and a cause alone does not tell.
-- Beside it: what was measured in ms, subscribers' own requests that went astray, and codes as the nodes wrote them.

CREATE TABLE hour_count_by_rule (
    hour INTEGER NOT NULL,
    node TEXT NOT NULL,
    city TEXT NOT NULL,
    outcome TEXT NOT NULL,
    cause TEXT NOT NULL,
    rule TEXT NOT NULL,           -- empty: counted before this step
    n INTEGER NOT NULL,
    PRIMARY KEY (hour, node, city, outcome, cause, rule)
) STRICT, WITHOUT ROWID;
INSERT INTO hour_count_by_rule (hour, node, city, outcome, cause, rule, n)
    SELECT hour, node, city, outcome, cause, '', n FROM hour_count;
DROP TABLE hour_count;
ALTER TABLE hour_count_by_rule RENAME TO hour_count;

CREATE TABLE measure_count (
    hour INTEGER NOT NULL,
    node TEXT NOT NULL,
    city TEXT NOT NULL,
    measure TEXT NOT NULL,
    n INTEGER NOT NULL,
    total INTEGER NOT NULL,       -- ms, 0 where only the number counts
    PRIMARY KEY (hour, node, city, measure)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempt_count (
    hour INTEGER NOT NULL,
    node TEXT NOT NULL,
    city TEXT NOT NULL,
    type TEXT NOT NULL,
    verdict TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (hour, node, city, type, verdict)
) STRICT, WITHOUT ROWID;

CREATE TABLE code_count (
    hour INTEGER NOT NULL,
    node TEXT NOT NULL,
    code_set TEXT NOT NULL,
    code TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (hour, node, code_set, code)
) STRICT, WITHOUT ROWID;

CREATE TABLE unknown_code (
    node TEXT NOT NULL,
    code_set TEXT NOT NULL,
    code TEXT NOT NULL,
    n INTEGER NOT NULL,
    first INTEGER NOT NULL,       -- event times
    last INTEGER NOT NULL,
    PRIMARY KEY (node, code_set, code)
) STRICT, WITHOUT ROWID;
