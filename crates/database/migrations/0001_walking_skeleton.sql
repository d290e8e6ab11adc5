-- The first schema. Written once for every engine: the few words an engine spells its own way stand in braces and are
-- filled in by dialect.rs. Ids are UUIDv7 in 16 bytes, times are microseconds UTC, sizes are bytes.

-- One row, made here and never deleted, so that "set-up happens once" is one conditional UPDATE of a row that exists.
CREATE TABLE installation (
    id SMALLINT NOT NULL PRIMARY KEY,
    setup_code_hash BINARY(32),
    completed_at BIGINT
) {table};

INSERT INTO installation (id) VALUES (1);

CREATE TABLE accounts (
    id BINARY(16) NOT NULL PRIMARY KEY,
    email VARCHAR(254) NOT NULL,
    name VARCHAR(100) NOT NULL,
    role VARCHAR(16) NOT NULL,
    password_hash VARCHAR(255) NOT NULL,
    -- NULL: no limit.
    quota_bytes BIGINT,
    used_bytes BIGINT NOT NULL,
    reserved_bytes BIGINT NOT NULL,
    disabled_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
) {table};

CREATE UNIQUE INDEX accounts_email ON accounts (email);

-- A row is a family of refresh tokens: the one that is good now, and the one before it, whose return means theft or a race.
CREATE TABLE sessions (
    id BINARY(16) NOT NULL PRIMARY KEY,
    account BINARY(16) NOT NULL,
    refresh_hash BINARY(32) NOT NULL,
    previous_refresh_hash BINARY(32),
    label VARCHAR(255) NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    FOREIGN KEY (account) REFERENCES accounts (id)
) {table};

CREATE INDEX sessions_account ON sessions (account, id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE assets (
    id BINARY(16) NOT NULL PRIMARY KEY,
    owner BINARY(16) NOT NULL,
    kind VARCHAR(16) NOT NULL,
    state VARCHAR(16) NOT NULL,
    file_name VARCHAR(255) NOT NULL,
    sha256 BINARY(32) NOT NULL,
    bytes BIGINT NOT NULL,
    captured_at BIGINT NOT NULL,
    captured_local BIGINT NOT NULL,
    offset_minutes SMALLINT,
    capture_source VARCHAR(16) NOT NULL,
    -- 20240531: what captured_local says, as timeline_days counts it.
    local_day INTEGER NOT NULL,
    width INTEGER,
    height INTEGER,
    duration_ms BIGINT,
    placeholder VARBINARY(64),
    camera_make TEXT,
    camera_model TEXT,
    lens TEXT,
    details TEXT,
    latitude DOUBLE,
    longitude DOUBLE,
    altitude DOUBLE,
    -- 0: none made yet.
    rendition_version INTEGER NOT NULL,
    thumbnail_extension VARCHAR(8),
    preview_extension VARCHAR(8),
    created_at BIGINT NOT NULL,
    trashed_at BIGINT,
    FOREIGN KEY (owner) REFERENCES accounts (id)
) {table};

-- Holds every column a page of the timeline shows, so that a page reads neighbouring entries and no table rows.
CREATE INDEX assets_timeline ON assets (
    owner, trashed_at, captured_local, id,
    local_day, kind, state, width, height, duration_ms, placeholder, offset_minutes,
    rendition_version, thumbnail_extension, preview_extension
);
CREATE INDEX assets_sha256 ON assets (owner, sha256, id);

-- How many untrashed assets an owner has on a day. Kept in the asset's own transaction; a row that reaches 0 goes.
CREATE TABLE timeline_days (
    owner BINARY(16) NOT NULL,
    local_day INTEGER NOT NULL,
    assets BIGINT NOT NULL,
    PRIMARY KEY (owner, local_day)
) {table};

CREATE TABLE albums (
    id BINARY(16) NOT NULL PRIMARY KEY,
    owner BINARY(16) NOT NULL,
    title VARCHAR(200) NOT NULL,
    cover_asset BINARY(16),
    asset_count BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    FOREIGN KEY (owner) REFERENCES accounts (id)
) {table};

CREATE INDEX albums_owner ON albums (owner, id);

CREATE TABLE album_assets (
    album BINARY(16) NOT NULL,
    asset BINARY(16) NOT NULL,
    position BIGINT NOT NULL,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (album, asset),
    FOREIGN KEY (album) REFERENCES albums (id) ON DELETE CASCADE,
    FOREIGN KEY (asset) REFERENCES assets (id)
) {table};

CREATE INDEX album_assets_order ON album_assets (album, position, asset);
CREATE INDEX album_assets_asset ON album_assets (asset);

-- Version and extension are in the key; asset and role stand beside it for looking up. No foreign key to assets: an
-- original is staged before its asset exists.
CREATE TABLE objects (
    object_key VARCHAR(190) NOT NULL PRIMARY KEY,
    asset BINARY(16) NOT NULL,
    role VARCHAR(16) NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 BINARY(32),
    state VARCHAR(16) NOT NULL,
    created_at BIGINT NOT NULL
) {table};

CREATE INDEX objects_asset ON objects (asset, object_key);
CREATE INDEX objects_state ON objects (state, created_at, object_key);

CREATE TABLE uploads (
    id BINARY(16) NOT NULL PRIMARY KEY,
    owner BINARY(16) NOT NULL,
    -- The id its asset will have, so that the key is known before the asset is.
    asset BINARY(16) NOT NULL,
    file_name VARCHAR(255) NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 BINARY(32) NOT NULL,
    file_modified_at BIGINT,
    offset_minutes SMALLINT,
    -- The store's own name for what is being put together.
    handle TEXT NOT NULL,
    state VARCHAR(16) NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    FOREIGN KEY (owner) REFERENCES accounts (id)
) {table};

CREATE INDEX uploads_state ON uploads (state, updated_at, id);
CREATE INDEX uploads_sha256 ON uploads (owner, sha256, state, id);
CREATE INDEX uploads_expiry ON uploads (expires_at, id);

-- A leased job has run_after = leased_until, so "may be claimed" is one comparison on one index, also when the holder died.
-- attempts counts the claims and is thereby the lease's token: whoever holds attempt 3 is refused once attempt 4 exists.
CREATE TABLE jobs (
    id BINARY(16) NOT NULL PRIMARY KEY,
    kind VARCHAR(64) NOT NULL,
    payload TEXT NOT NULL,
    dedupe_key VARCHAR(190),
    run_after BIGINT NOT NULL,
    leased_until BIGINT,
    attempts INTEGER NOT NULL,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    -- Set when given up: kept to be looked at, never claimed again.
    failed_at BIGINT
) {table};

CREATE UNIQUE INDEX jobs_dedupe ON jobs (dedupe_key);
CREATE INDEX jobs_due ON jobs (kind, failed_at, run_after, id, leased_until);

-- Numbers drawn by UPDATE, not by the engine's auto-increment: the row stays locked until the drawer commits, so
-- numbers become visible in their own order and a reader that polls "after n" misses none.
CREATE TABLE sequences (
    name VARCHAR(32) NOT NULL PRIMARY KEY,
    last BIGINT NOT NULL
) {table};

INSERT INTO sequences (name, last) VALUES ('events', 0);

CREATE TABLE events (
    position BIGINT NOT NULL PRIMARY KEY,
    kind VARCHAR(64) NOT NULL,
    account BINARY(16),
    payload TEXT NOT NULL,
    created_at BIGINT NOT NULL
) {table};

CREATE INDEX events_age ON events (created_at);
