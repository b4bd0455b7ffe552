-- Whether the business system was told of a case on the hand-over list.

ALTER TABLE handover ADD COLUMN told INTEGER;                        -- when; NULL = not yet
ALTER TABLE handover ADD COLUMN refused TEXT NOT NULL DEFAULT '';    -- why it would not take it
CREATE INDEX handover_untold ON handover (at) WHERE told IS NULL;
