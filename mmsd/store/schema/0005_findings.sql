-- Findings: how urgent, on which model, and what a node's or a model's rests on.

ALTER TABLE finding ADD COLUMN urgency TEXT NOT NULL DEFAULT 'normal';
ALTER TABLE finding ADD COLUMN model TEXT NOT NULL DEFAULT '';
ALTER TABLE finding ADD COLUMN detail TEXT NOT NULL DEFAULT '';

CREATE INDEX finding_model ON finding (model, cause) WHERE model != '';
