-- Prizes that somebody did not get after all, and which reserve took them. A place is out once, and stays out.

CREATE TABLE forfeit (
    id INTEGER PRIMARY KEY,       -- in this order they are repeated
    campaign TEXT NOT NULL,
    draw TEXT NOT NULL,
    place INTEGER NOT NULL,
    prize TEXT NOT NULL,          -- what he held; empty: a reserve
    reason TEXT NOT NULL CHECK (reason IN ('disqualified', 'declined', 'no_answer', 'erased', 'won_before')),
    taker INTEGER NOT NULL,       -- place of the reserve that took it; 0 = nobody
    at INTEGER NOT NULL,
    UNIQUE (campaign, draw, place),
    FOREIGN KEY (campaign, draw, place) REFERENCES winner (campaign, draw, place)
) STRICT;
CREATE UNIQUE INDEX forfeit_taker ON forfeit (campaign, draw, taker) WHERE taker > 0;

-- Who was drawn for a place, and how it stands now.
CREATE VIEW placed AS
SELECT w.campaign, w.draw, w.place, w.prize, w.entry, w.forward,
    CASE WHEN o.place IS NULL THEN coalesce(t.prize, w.prize) ELSE '' END AS held, o.reason AS out, o.taker
FROM winner w
LEFT JOIN forfeit o ON (o.campaign, o.draw, o.place) = (w.campaign, w.draw, w.place)
LEFT JOIN forfeit t ON t.taker > 0 AND (t.campaign, t.draw, t.taker) = (w.campaign, w.draw, w.place);

CREATE TRIGGER forfeit_of_a_winner BEFORE INSERT ON forfeit
WHEN new.taker > 0 AND NOT EXISTS (
    SELECT 1 FROM winner w WHERE (w.campaign, w.draw, w.place, w.prize) = (new.campaign, new.draw, new.taker, '')
    AND NOT EXISTS (SELECT 1 FROM forfeit o WHERE (o.campaign, o.draw, o.place) = (w.campaign, w.draw, w.place))
)
BEGIN
    SELECT raise(ABORT, 'a prize goes to a reserve');
END;
CREATE TRIGGER forfeit_as_said BEFORE UPDATE ON forfeit BEGIN SELECT raise(ABORT, 'who is out stays out'); END;
CREATE TRIGGER forfeit_stays BEFORE DELETE ON forfeit BEGIN SELECT raise(ABORT, 'who is out stays out'); END;
