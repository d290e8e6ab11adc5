-- Accounts a family lives in, a trash, live photos, and what other programs tell of a photo.

-- When an account's owner or an admin wants it gone: the end of the grace. NULL: it stays.
ALTER TABLE accounts ADD COLUMN delete_after BIGINT;
-- Counted beside reserved_bytes, in the same statements, so that uploads of nothing are bounded too.
ALTER TABLE accounts ADD COLUMN open_uploads BIGINT NOT NULL DEFAULT 0;
UPDATE accounts SET open_uploads =
    (SELECT COUNT(*) FROM uploads WHERE uploads.owner = accounts.id AND uploads.state <> 'committed');
CREATE INDEX accounts_deletion ON accounts (delete_after, id);

-- A right to act for an account without its password, within its scopes. Known by the hash of its token alone.
CREATE TABLE api_keys (
    id BINARY(16) NOT NULL PRIMARY KEY,
    account BINARY(16) NOT NULL,
    name VARCHAR(100) NOT NULL,
    token_hash BINARY(32) NOT NULL,
    -- Words with spaces between them.
    scopes VARCHAR(100) NOT NULL,
    created_at BIGINT NOT NULL,
    -- To the minute or so: not every use is a write.
    last_used_at BIGINT,
    -- NULL: until it is revoked.
    expires_at BIGINT,
    FOREIGN KEY (account) REFERENCES accounts (id)
) {table};

CREATE UNIQUE INDEX api_keys_token ON api_keys (token_hash);
CREATE INDEX api_keys_account ON api_keys (account, id);

-- A link that makes one account, or sets a new password for one. Its row goes when it is used.
CREATE TABLE invitations (
    id BINARY(16) NOT NULL PRIMARY KEY,
    token_hash BINARY(32) NOT NULL,
    -- Set: a new password for this account. NULL: a new account.
    account BINARY(16),
    -- The address the new account must have; NULL: the guest chooses.
    email VARCHAR(254),
    role VARCHAR(16) NOT NULL,
    quota_bytes BIGINT,
    created_by BINARY(16),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    FOREIGN KEY (account) REFERENCES accounts (id)
) {table};

CREATE UNIQUE INDEX invitations_token ON invitations (token_hash);
CREATE INDEX invitations_expiry ON invitations (expires_at, id);
CREATE INDEX invitations_account ON invitations (account, id);

ALTER TABLE assets ADD COLUMN favourite SMALLINT NOT NULL DEFAULT 0;
-- Known once the original was read back; NULL before. What Immich's programs compare by.
ALTER TABLE assets ADD COLUMN sha1 BINARY(20);
ALTER TABLE assets ADD COLUMN description TEXT;
-- A live photo's moving part: a second original under the same asset. All NULL, or none but the name's.
ALTER TABLE assets ADD COLUMN motion_bytes BIGINT;
ALTER TABLE assets ADD COLUMN motion_sha256 BINARY(32);
ALTER TABLE assets ADD COLUMN motion_file_name VARCHAR(255);
-- processing, verified or damaged.
ALTER TABLE assets ADD COLUMN motion_state VARCHAR(16);

DROP INDEX assets_timeline {on assets};
-- The day is told by captured_local, and an index of MySQL's has sixteen columns at most.
CREATE INDEX assets_by_time ON assets (
    owner, trashed_at, captured_local, id,
    kind, state, width, height, duration_ms, placeholder, offset_minutes,
    rendition_version, thumbnail_extension, preview_extension, favourite, motion_state
);
CREATE INDEX assets_favourites ON assets (owner, favourite, trashed_at, captured_local, id);
CREATE INDEX assets_trash ON assets (owner, trashed_at, id);
CREATE INDEX assets_trash_age ON assets (trashed_at, id);
CREATE INDEX assets_sha1 ON assets (owner, sha1, id);
CREATE INDEX assets_motion ON assets (owner, motion_sha256, id);

-- 1: the owner chose the cover, and it stays while its asset is in the album and out of the trash.
ALTER TABLE albums ADD COLUMN cover_chosen SMALLINT NOT NULL DEFAULT 0;

-- Set: these bytes become the moving part of this asset, which exists, and no asset of their own.
ALTER TABLE uploads ADD COLUMN motion_of BINARY(16);
-- What its client told beside the bytes (from a sidecar, say), as JSON in app's form.
ALTER TABLE uploads ADD COLUMN told TEXT;
CREATE INDEX uploads_owner ON uploads (owner, id);
