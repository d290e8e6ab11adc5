//! What processing an original gives: the words `app` and this crate share. Plain data, no behaviour beyond names.

use crate::{facts::Facts, sniff::Format};

/// Everything that was found out about one original and made from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Processed {
    /// What it is.
    pub format: Format,
    /// What it says about itself.
    pub facts: Facts,
    /// What was made from it.
    pub outcome: Outcome,
}

/// Whether there is anything to look at.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was decoded.
    Shown {
        /// A photo's thumbnail and preview, or a film's thumbnail and poster; each name once.
        renditions: Vec<Rendition>,
        /// A thumbhash, at most 32 bytes.
        placeholder: Vec<u8>,
    },
    /// It cannot be shown. The original is still to be kept, listed and handed out.
    Undecodable {
        /// Why, for people: the end of a sentence that begins with "the file".
        reason: String,
    },
}

/// One picture made from an original: upright, with the original's colour profile and no other metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendition {
    /// What it is for.
    pub name: RenditionName,
    /// File name extension, without a dot.
    pub extension: &'static str,
    /// Media type.
    pub mime: &'static str,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The file.
    pub bytes: Vec<u8>,
}

/// What a rendition is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RenditionName {
    /// Small, for the timeline: WebP.
    Thumbnail,
    /// Large, for the viewer: JPEG.
    Preview,
    /// A film's still picture, as large as a preview: JPEG.
    Poster,
}

impl RenditionName {
    /// The name as it stands in object keys.
    pub fn as_str(self) -> &'static str {
        match self {
            RenditionName::Thumbnail => "thumbnail",
            RenditionName::Preview => "preview",
            RenditionName::Poster => "poster",
        }
    }

    /// The format renditions of this name always have.
    pub fn format(self) -> Format {
        match self {
            RenditionName::Thumbnail => Format::WebP,
            RenditionName::Preview | RenditionName::Poster => Format::Jpeg,
        }
    }
}

impl Rendition {
    /// A rendition whose extension and media type follow from its name.
    pub(crate) fn new(name: RenditionName, width: u32, height: u32, bytes: Vec<u8>) -> Rendition {
        let format = name.format();
        Rendition { name, extension: format.extension(), mime: format.mime(), width, height, bytes }
    }
}
