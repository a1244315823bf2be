-- From schema version 2 to 3: checksums of rows. schema.sql explains them; the code gives each row that is there its
-- own. Rows that break a CHECK are no obstacle: they are told of by who reads them. (A value of a wrong
-- type is one: SQLite refuses the step.)

PRAGMA ignore_check_constraints = 1;

ALTER TABLE opportunity ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;

ALTER TABLE opportunity_change ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;

ALTER TABLE idempotency_key ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;

PRAGMA ignore_check_constraints = 0;
