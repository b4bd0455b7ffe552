-- What changed in State in a large tick stands in a file of its own, as a snapshot does.

ALTER TABLE state_delta ADD COLUMN file TEXT NOT NULL DEFAULT ''; -- its name, or '' where `body` holds it
