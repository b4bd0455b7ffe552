-- What people have to look at of forwards, and said; copies a sender held; who is in another network.

ALTER TABLE forward ADD COLUMN review TEXT NOT NULL DEFAULT '';
ALTER TABLE forward ADD COLUMN parents INTEGER NOT NULL DEFAULT 0;
ALTER TABLE forward ADD COLUMN off_net TEXT NOT NULL DEFAULT '';
CREATE INDEX forward_reviewed ON forward (review, id) WHERE review <> '';
