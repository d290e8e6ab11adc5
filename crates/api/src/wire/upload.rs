//! Uploads and their parts.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{CapturedEdit, Place, Problem};

/// Asks to upload one file.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadRequest {
    /// The file's name; folders in it are cut off.
    pub file_name: String,
    /// Its size.
    pub bytes: u64,
    /// Its hash.
    pub sha256: String,
    /// When it was last changed, RFC 3339 with the offset of the place if known (`2024-05-31T18:04:05+02:00`); the capture
    /// time when the file itself has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_at: Option<String>,
    /// When it was taken by another program's notes, written like `modified_at`; used when the file itself does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured_at: Option<String>,
    /// When it was taken by its owner's own word, as an edit would say it: counts more than the file and `captured_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured: Option<CapturedEdit>,
    /// Where it was taken by another program's notes; used when the file itself does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Whether it is to be among the favourites.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub favourite: bool,
    /// What is written about it: at most 5,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The asset whose live photo these bytes are the moving part of. They become no asset of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub motion_of: Option<Uuid>,
}

/// The answer to a wish to upload.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum UploadAnswer {
    /// You have this one already, verified; nothing needs to be sent.
    Duplicate {
        /// Which one it is.
        asset: Uuid,
    },
    /// Send the parts of this upload.
    Upload {
        /// How.
        upload: Upload,
        /// Where its part goes, for a file of one part that has not arrived.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<PartTarget>,
    },
}

/// Asks to upload many small files.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadsRequest {
    /// 1 to 100 of them.
    pub files: Vec<UploadRequest>,
}

/// The answers to a wish to upload many files.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UploadAnswers {
    /// One for each file, in the same order.
    pub answers: Vec<UploadManyAnswer>,
}

/// The answer for one of many files.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum UploadManyAnswer {
    /// You have this one already, verified; nothing needs to be sent.
    Duplicate {
        /// Which one it is.
        asset: Uuid,
    },
    /// Send the parts of this upload.
    Upload {
        /// How.
        upload: Upload,
        /// Where its part goes, for a file of one part that has not arrived.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<PartTarget>,
    },
    /// It cannot be uploaded.
    Refused {
        /// Why.
        problem: Problem,
    },
}

impl From<UploadAnswer> for UploadManyAnswer {
    fn from(answer: UploadAnswer) -> Self {
        match answer {
            UploadAnswer::Duplicate { asset } => Self::Duplicate { asset },
            UploadAnswer::Upload { upload, target } => Self::Upload { upload, target },
        }
    }
}

/// Names uploads that have arrived.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadIds {
    /// 1 to 100 of them.
    pub uploads: Vec<Uuid>,
}

/// What uploads became.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CompletionAnswers {
    /// One for each upload, in the same order.
    pub answers: Vec<CompletionAnswer>,
}

/// What one of many uploads became.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum CompletionAnswer {
    /// An asset.
    Completed {
        /// Which one.
        asset: Uuid,
    },
    /// It could not be completed.
    Refused {
        /// Why.
        problem: Problem,
    },
}

/// An upload under way.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Upload {
    /// Its id.
    pub id: Uuid,
    /// The size of every part but the last.
    pub part_size: u64,
    /// How many parts there are.
    pub part_count: u32,
    /// The parts that have arrived.
    pub arrived: Vec<PartHash>,
    /// When it is given up and its reservation released.
    pub expires_at: String,
    /// The asset it became, once completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<Uuid>,
}

/// A part and its content.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartHash {
    /// From 1.
    pub number: u32,
    /// The part's own hash.
    pub sha256: String,
}

/// Asks where to send parts.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartTargetsRequest {
    /// 1 to 100 of them.
    pub parts: Vec<PartHash>,
}

/// Where to send parts.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PartTargets {
    /// One for each part asked for, in the same order.
    pub parts: Vec<PartTarget>,
}

/// Where to send one part: a request that carries its own right, so send no credentials with it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PartTarget {
    /// The part.
    pub number: u32,
    /// The HTTP method.
    pub method: String,
    /// The address; relative to this host, or another host's.
    pub url: String,
    /// Headers to send as they are.
    pub headers: Vec<Header>,
    /// When the address ends; ask again after that.
    pub expires_at: String,
}

/// A header.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// What a completed upload became.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Completed {
    /// The asset.
    pub asset: Uuid,
}
