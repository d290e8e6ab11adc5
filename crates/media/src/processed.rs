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
        /// A photo's thumbnail and preview, or a video's thumbnail and poster; each name once.
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
    /// A video's still picture, as large as a preview: JPEG.
    Poster,
}

impl RenditionName {
    /// The format renditions of this name always have.
    pub(crate) fn format(self) -> Format {
        match self {
            RenditionName::Thumbnail => Format::WebP,
            RenditionName::Preview | RenditionName::Poster => Format::Jpeg,
        }
    }
}

impl Rendition {
    /// A rendition whose extension follows from its name.
    pub(crate) fn new(name: RenditionName, bytes: Vec<u8>) -> Rendition {
        Rendition { name, extension: name.format().extension(), bytes }
    }
}
