//! Where bytes live: `media/{owner}/{asset}/{view|file}/{role}.{version}.{ext}`.
//!
//! One type owns every path, so a traversal cannot be spelled. `view/` holds what may be looked at and `file/` the originals:
//! a right to look without a right to download is a signature on `view/` alone. Keys are immutable: nothing is renamed or
//! overwritten after its commit, and a rendition made anew gets a new version.

use std::fmt;
use std::str::FromStr;

use crate::{AccountId, AssetId, Invalid};

/// What an object is to its asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectRole {
    /// The file as it was uploaded.
    Original,
    /// The moving part of a live photo, as it was uploaded.
    Motion,
    /// The small picture of the timeline.
    Thumbnail,
    /// The large picture of the viewer; for a video its poster.
    Preview,
}

impl ObjectRole {
    /// The word in the key and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Motion => "motion",
            Self::Thumbnail => "thumbnail",
            Self::Preview => "preview",
        }
    }

    /// The role a word means.
    ///
    /// # Errors
    /// For any other word.
    pub fn parse(word: &str) -> Result<Self, Invalid> {
        match word {
            "original" => Ok(Self::Original),
            "motion" => Ok(Self::Motion),
            "thumbnail" => Ok(Self::Thumbnail),
            "preview" => Ok(Self::Preview),
            _ => Err(Invalid::new("key", "unknown role")),
        }
    }

    const fn folder(self) -> &'static str {
        match self {
            Self::Original | Self::Motion => "file",
            Self::Thumbnail | Self::Preview => "view",
        }
    }
}

/// The key of one object in a store; also its path under `/` at the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectKey {
    owner: AccountId,
    asset: AssetId,
    role: ObjectRole,
    version: u32,
    extension: String,
}

impl ObjectKey {
    /// The key of `asset`'s object in `role`. An extension that is not 1 to 8 lower-case letters or digits becomes `bin`.
    #[must_use]
    pub fn new(owner: AccountId, asset: AssetId, role: ObjectRole, version: u32, extension: &str) -> Self {
        let extension = if is_extension(extension) { extension } else { "bin" };
        Self { owner, asset, role, version, extension: extension.to_owned() }
    }

    /// Whose it is.
    #[must_use]
    pub const fn owner(&self) -> AccountId {
        self.owner
    }

    /// The asset it belongs to.
    #[must_use]
    pub const fn asset(&self) -> AssetId {
        self.asset
    }

    /// What it is to its asset.
    #[must_use]
    pub const fn role(&self) -> ObjectRole {
        self.role
    }

    /// The version within its role, from 1.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The folder that holds all of an owner's media, as a signed policy names it.
    #[must_use]
    pub fn owner_prefix(owner: AccountId) -> String {
        format!("media/{owner}/")
    }

    /// The folder that holds all of an asset's media.
    #[must_use]
    pub fn asset_prefix(owner: AccountId, asset: AssetId) -> String {
        format!("media/{owner}/{asset}/")
    }

    /// The folder that holds what of an asset may be looked at, and not its originals.
    #[must_use]
    pub fn view_prefix(owner: AccountId, asset: AssetId) -> String {
        format!("media/{owner}/{asset}/view/")
    }

    /// The media type a reader is told. Only types a browser shows safely are named; everything else is plain bytes.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        match self.extension.as_str() {
            "jpg" | "jpeg" => "image/jpeg",
            "png" => "image/png",
            "gif" => "image/gif",
            "webp" => "image/webp",
            "avif" => "image/avif",
            "heic" => "image/heic",
            "heif" => "image/heif",
            "mp4" | "m4v" => "video/mp4",
            "mov" => "video/quicktime",
            "webm" => "video/webm",
            _ => "application/octet-stream",
        }
    }
}

fn is_extension(text: &str) -> bool {
    (1..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, asset, role, version, extension } = self;
        write!(f, "media/{owner}/{asset}/{}/{}.{version}.{extension}", role.folder(), role.as_str())
    }
}

impl FromStr for ObjectKey {
    type Err = Invalid;

    /// Reads exactly what `Display` writes and nothing else.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::new("key", "not a media key");
        let mut segments = text.split('/');
        let mut next = || segments.next().ok_or_else(invalid);
        let (media, owner, asset, _folder, file) = (next()?, next()?, next()?, next()?, next()?);
        let mut pieces = file.splitn(3, '.');
        let mut piece = || pieces.next().ok_or_else(invalid);
        let (role, version, extension) = (piece()?, piece()?, piece()?);
        let version: u32 = version.parse().map_err(|_| invalid())?;
        let key = Self::new(owner.parse()?, asset.parse()?, ObjectRole::parse(role)?, version, extension);
        if media == "media" && version > 0 && key.to_string() == text { Ok(key) } else { Err(invalid()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Timestamp;

    fn key(role: ObjectRole, extension: &str) -> ObjectKey {
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        ObjectKey::new(AccountId::new(now), AssetId::new(now), role, 1, extension)
    }

    #[test]
    fn originals_lie_in_file_and_renditions_in_view() {
        assert!(key(ObjectRole::Original, "jpg").to_string().ends_with("/file/original.1.jpg"));
        assert!(key(ObjectRole::Thumbnail, "webp").to_string().ends_with("/view/thumbnail.1.webp"));
        assert!(key(ObjectRole::Original, "../x").to_string().ends_with("/file/original.1.bin"));
    }

    #[test]
    fn only_our_own_spelling_is_read() {
        let good = key(ObjectRole::Preview, "jpg");
        let text = good.to_string();
        assert_eq!(text.parse(), Ok(good));
        for bad in [
            text.replace("/view/", "/file/"),
            text.replace("media/", "Media/"),
            text.replace(".1.", ".0."),
            text.replace(".1.", ".01."),
            text.replace(".1.", ".+1."),
            format!("/{text}"),
            format!("{text}/x"),
            format!("{text}/../x"),
            text.replace(".jpg", ".JPG"),
            text.replace(".jpg", ".tar.gz"),
            text.replace(".jpg", "."),
            String::new(),
        ] {
            assert!(bad.parse::<ObjectKey>().is_err(), "{bad}");
        }
    }

    #[test]
    fn markup_is_never_given_its_own_type() {
        assert_eq!(key(ObjectRole::Original, "svg").content_type(), "application/octet-stream");
        assert_eq!(key(ObjectRole::Original, "html").content_type(), "application/octet-stream");
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_written_the_same(text in "(media/)?[a-z0-9./-]{0,120}") {
            if let Ok(key) = text.parse::<ObjectKey>() {
                prop_assert_eq!(key.to_string(), text);
            }
        }
    }
}
