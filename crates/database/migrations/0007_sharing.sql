-- Albums that other accounts see, and links that open what was shared to people without one.

-- The owner of an album has no row.
CREATE TABLE album_members (
    album BINARY(16) NOT NULL,
    account BINARY(16) NOT NULL,
    -- viewer, contributor or manager.
    role VARCHAR(16) NOT NULL,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (album, account),
    FOREIGN KEY (album) REFERENCES albums (id) ON DELETE CASCADE,
    FOREIGN KEY (account) REFERENCES accounts (id)
) {table};

CREATE INDEX album_members_account ON album_members (account, album);

-- Known by the hash of its token alone.
CREATE TABLE share_links (
    id BINARY(16) NOT NULL PRIMARY KEY,
    -- Who made it.
    account BINARY(16) NOT NULL,
    token_hash BINARY(32) NOT NULL,
    -- Set: what is in this album. NULL: the assets in share_link_assets.
    album BINARY(16),
    -- NULL: whoever has the link gets in.
    password_hash VARCHAR(200),
    -- 1: the originals, too.
    download SMALLINT NOT NULL,
    created_at BIGINT NOT NULL,
    -- NULL: until it is revoked.
    expires_at BIGINT,
    FOREIGN KEY (account) REFERENCES accounts (id),
    FOREIGN KEY (album) REFERENCES albums (id) ON DELETE CASCADE
) {table};

CREATE UNIQUE INDEX share_links_token ON share_links (token_hash);
CREATE INDEX share_links_account ON share_links (account, id);
CREATE INDEX share_links_album ON share_links (album, id);
CREATE INDEX share_links_expiry ON share_links (expires_at, id);

CREATE TABLE share_link_assets (
    link BINARY(16) NOT NULL,
    asset BINARY(16) NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (link, asset),
    FOREIGN KEY (link) REFERENCES share_links (id) ON DELETE CASCADE,
    FOREIGN KEY (asset) REFERENCES assets (id)
) {table};

CREATE INDEX share_link_assets_order ON share_link_assets (link, position, asset);
CREATE INDEX share_link_assets_asset ON share_link_assets (asset);
