-- Backups: other stores that hold a copy of every object, and how each copy stands.
CREATE TABLE destinations (
    id BINARY(16) NOT NULL PRIMARY KEY,
    -- Its name in the configuration.
    name VARCHAR(32) NOT NULL,
    -- Where it is, as people are told.
    place VARCHAR(1200) NOT NULL,
    -- 1: copies are encrypted.
    sealed SMALLINT NOT NULL,
    -- active, paused, or retired: the configuration does not name it any more.
    state VARCHAR(16) NOT NULL,
    -- Objects up to this key have their row of a copy, and so have all that are committed from now on. NULL: all have.
    enrolled_to VARCHAR(190),
    -- When its place got its mark. NULL: not yet, and a folder without one may be made the destination's.
    claimed_at BIGINT,
    -- Somebody has said that what was deleted up to then may go there, too, however much it is.
    removals_confirmed_at BIGINT,
    -- When the newest catalogue was made that stands there.
    catalogue_at BIGINT,
    -- The last rehearsal of a restore: when it began, whether it went well, how long it took, of what moment, and what was said.
    drilled_at BIGINT,
    drill_ok SMALLINT,
    drill_seconds BIGINT,
    drill_of BIGINT,
    drill_note TEXT,
    -- When the last one began that went well.
    drilled_well_at BIGINT,
    -- What copying there was measured at: bytes a second, and how long a small copy takes, in microseconds.
    speed BIGINT,
    latency BIGINT,
    created_at BIGINT NOT NULL
) {table};

CREATE UNIQUE INDEX destinations_name ON destinations (name);

-- No foreign key to objects: a copy outlives its object by the retention.
CREATE TABLE object_copies (
    destination BINARY(16) NOT NULL,
    object_key VARCHAR(190) NOT NULL,
    -- waiting; failing: waiting after a failure; kept: stands there, proved; sourceless: nothing to copy; doomed: its object is gone.
    state VARCHAR(16) NOT NULL,
    -- 0: an original. 1: what can be made of one again.
    turn SMALLINT NOT NULL,
    -- waiting, failing: not to be tried before then. kept: when it was last proved. doomed: since when.
    state_at BIGINT NOT NULL,
    -- Of the object.
    bytes BIGINT NOT NULL,
    -- What is found broken is never overwritten: the next generation has another name.
    generation INTEGER NOT NULL,
    stored_bytes BIGINT,
    stored_sha256 BINARY(32),
    attempts INTEGER NOT NULL,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (destination, object_key),
    FOREIGN KEY (destination) REFERENCES destinations (id)
) {table};

CREATE INDEX object_copies_state ON object_copies (destination, state, turn, state_at, object_key);

-- How many copies are in a state, kept in the transactions that change it, so that nobody has to count them.
CREATE TABLE copy_counts (
    destination BINARY(16) NOT NULL,
    state VARCHAR(16) NOT NULL,
    copies BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (destination, state),
    FOREIGN KEY (destination) REFERENCES destinations (id)
) {table};

-- What stands in a store and in no row: looked at again before it goes. The primary store has an id of zeros.
CREATE TABLE orphans (
    destination BINARY(16) NOT NULL,
    name VARCHAR(190) NOT NULL,
    bytes BIGINT NOT NULL,
    found_at BIGINT NOT NULL,
    -- 1: somebody has said that it may go, however many there are.
    confirmed SMALLINT NOT NULL,
    PRIMARY KEY (destination, name)
) {table};

CREATE INDEX orphans_age ON orphans (destination, found_at, name);

-- When the object's bytes were last read back and proved; NULL: not since they were written.
ALTER TABLE objects ADD COLUMN verified_at BIGINT;
CREATE INDEX objects_verified ON objects (state, verified_at, object_key);
