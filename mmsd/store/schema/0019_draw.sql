-- Draws: what was committed to, which list was closed, who won. A draw goes on and never back, whoever writes here.

CREATE TABLE draw (
    campaign TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('committed', 'closing', 'closed', 'drawing', 'drawn')),
    terms TEXT NOT NULL,          -- JSON: as the campaign's file said when it was committed to
    commitment TEXT NOT NULL,     -- SHA-256, published before the entries are known
    secret BLOB NOT NULL,         -- seed number and key of the entries, sealed
    committed INTEGER NOT NULL,
    closed INTEGER NOT NULL,      -- 0 = not yet
    drawn INTEGER NOT NULL,       -- 0 = not yet
    entries INTEGER NOT NULL,
    people INTEGER NOT NULL,
    excluded TEXT NOT NULL,       -- JSON: reason → how many
    listing TEXT NOT NULL,        -- SHA-256 of the list
    beacon TEXT NOT NULL,
    PRIMARY KEY (campaign, name)
) STRICT;

CREATE TABLE draw_list (
    campaign TEXT NOT NULL,
    draw TEXT NOT NULL,
    entries BLOB NOT NULL,        -- 20 octets each: entry, person
    PRIMARY KEY (campaign, draw),
    FOREIGN KEY (campaign, draw) REFERENCES draw (campaign, name)
) STRICT;

CREATE TABLE winner (
    campaign TEXT NOT NULL,
    draw TEXT NOT NULL,
    place INTEGER NOT NULL,       -- 1 …, prizes first, then reserves
    prize TEXT NOT NULL,          -- empty: a reserve
    entry BLOB NOT NULL,
    forward INTEGER NOT NULL REFERENCES forward (id),
    PRIMARY KEY (campaign, draw, place),
    FOREIGN KEY (campaign, draw) REFERENCES draw (campaign, name)
) STRICT;

CREATE TRIGGER draw_goes_on BEFORE UPDATE ON draw
WHEN (old.state, new.state) NOT IN (VALUES ('committed', 'closing'), ('closing', 'closed'), ('closed', 'drawing'), ('drawing', 'drawn'))
    OR (old.campaign, old.name, old.terms, old.commitment, old.secret, old.committed)
        IS NOT (new.campaign, new.name, new.terms, new.commitment, new.secret, new.committed)
    OR (old.state <> 'closing' AND (old.entries, old.people, old.excluded, old.listing) IS NOT (new.entries, new.people, new.excluded, new.listing))
BEGIN
    SELECT raise(ABORT, 'a draw goes on and never back');
END;
CREATE TRIGGER draw_stays BEFORE DELETE ON draw BEGIN SELECT raise(ABORT, 'a draw stays'); END;
CREATE TRIGGER draw_list_as_closed BEFORE UPDATE ON draw_list BEGIN SELECT raise(ABORT, 'a list stays as it was closed'); END;
CREATE TRIGGER draw_list_stays BEFORE DELETE ON draw_list BEGIN SELECT raise(ABORT, 'a list stays'); END;
CREATE TRIGGER winner_once BEFORE INSERT ON winner
WHEN (SELECT state FROM draw WHERE campaign = new.campaign AND name = new.draw) IS NOT 'drawing'
BEGIN
    SELECT raise(ABORT, 'winners are drawn once');
END;
CREATE TRIGGER winner_as_drawn BEFORE UPDATE ON winner BEGIN SELECT raise(ABORT, 'a winner stays'); END;
CREATE TRIGGER winner_stays BEFORE DELETE ON winner BEGIN SELECT raise(ABORT, 'a winner stays'); END;
