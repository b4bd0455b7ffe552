-- Seeds and what they are made of, and the life of campaigns. Nobody's number is in any of it; what is secret about a seed is the key
-- its chips come from, which lies outside the database (docs/adr/0014-seeds-in-the-store.md).

CREATE TABLE seed (
    id INTEGER PRIMARY KEY,
    campaign TEXT NOT NULL,
    name TEXT NOT NULL,
    family TEXT NOT NULL,         -- siblings share it
    state TEXT NOT NULL,          -- live or retired
    weak INTEGER NOT NULL,        -- whether the admission check failed
    pictures INTEGER NOT NULL,
    octets INTEGER NOT NULL,      -- of the composed message
    subject TEXT NOT NULL,
    made INTEGER NOT NULL,        -- wall clock, µs
    who TEXT NOT NULL,            -- registered it, and took it although it is weak
    changed INTEGER NOT NULL,     -- of `state`
    registered BLOB NOT NULL,     -- seeds.seed.RegisteredSeed in octets
    UNIQUE (campaign, name)
) STRICT;

CREATE TABLE seed_part (
    seed INTEGER NOT NULL REFERENCES seed (id),
    place INTEGER NOT NULL,       -- in the order they are shown
    media TEXT NOT NULL,
    charset INTEGER NOT NULL,     -- MIBenum of a text, else 0
    body BLOB NOT NULL,           -- as it is sent: a picture marked
    original BLOB NOT NULL,       -- a picture before it was marked; empty for what is no picture
    PRIMARY KEY (seed, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE seed_learned (
    digest BLOB PRIMARY KEY,      -- SHA-256 of altered octets that were recognised
    seed INTEGER NOT NULL REFERENCES seed (id),
    picture INTEGER NOT NULL,     -- ordinal among the seed's
    at INTEGER NOT NULL           -- when last
) STRICT, WITHOUT ROWID;
CREATE INDEX seed_learned_at ON seed_learned (at);

CREATE TABLE campaign_step (
    id INTEGER PRIMARY KEY,
    campaign TEXT NOT NULL,
    at INTEGER NOT NULL,          -- wall clock, µs
    state TEXT NOT NULL,          -- draft, checked, running, paused, closed: from then on
    who TEXT NOT NULL,
    why TEXT NOT NULL,
    checked TEXT NOT NULL         -- digest of what was looked at, of a step to checked
) STRICT;
CREATE INDEX campaign_step_campaign ON campaign_step (campaign, id);
