-- One row, written by the primary's clients once a second: its age on a replica is how far behind that is.
CREATE TABLE heartbeat (
    id SMALLINT NOT NULL PRIMARY KEY,
    beat_at BIGINT NOT NULL
) {table};

INSERT INTO heartbeat (id, beat_at) VALUES (1, 0);
