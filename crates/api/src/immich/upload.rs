//! One file in one request: its fields and its bytes, in whatever order, as `multipart/form-data`.

use axum::Json as Answer;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use picup_app::App;
use picup_app::upload::{self, NewStream, Received, Receiver, receive};
use picup_domain::{AccountId, ByteSize, FileName, Invalid, Timestamp};

use super::multipart::{Broken, Head, Multipart};
use super::wire::Uploaded;
use crate::extract::{Allowed, ForClient, Upload};
use crate::problem::ApiError;
use crate::views;

/// The longest value of a field that is not a file.
const LONGEST_FIELD: usize = 4 << 10;
/// A form with more fields is none of Immich's.
const MOST_FIELDS: usize = 64;
/// How much of a refused body is read all the same: most photos, so that their client hears why and not that the connection broke.
const DRAINED: usize = 32 << 20;

/// Takes a file. Answers once its bytes and what counts them survive a power cut: the client may delete its own then.
pub(super) async fn upload(
    ForClient(app): ForClient,
    caller: Allowed<Upload>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Answer<Uploaded>), ApiError> {
    let body = body.into_data_stream().map_err(std::io::Error::other);
    let mut form = Multipart::new(&headers, body)?;
    match take(&app, caller.account, &mut form).await {
        Ok(Received::Created(id)) => {
            Ok((StatusCode::CREATED, Answer(Uploaded { id: id.to_string(), status: "created" })))
        }
        Ok(Received::Duplicate(id)) => {
            Ok((StatusCode::OK, Answer(Uploaded { id: id.to_string(), status: "duplicate" })))
        }
        Err(error) => {
            form.drain(DRAINED).await;
            Err(error)
        }
    }
}

/// What the form tells of its file.
#[derive(Default)]
struct Told {
    bytes: Option<ByteSize>,
    created: Option<(Timestamp, Option<i16>)>,
    modified: Option<(Timestamp, Option<i16>)>,
    file_name: Option<String>,
    favourite: bool,
}

async fn take<S>(app: &App, owner: AccountId, form: &mut Multipart<S>) -> Result<Received, ApiError>
where
    S: Stream<Item = std::io::Result<Bytes>> + Unpin,
{
    let mut told = Told::default();
    let mut receiver = None;
    let mut fields = 0;
    while let Some(head) = form.next().await? {
        fields += 1;
        if fields > MOST_FIELDS {
            return Err(Broken::TooLong("the form").into());
        }
        match head.name.as_str() {
            "assetData" if receiver.is_some() => return Err(refused("assetData", "send one file in each request")),
            "assetData" => receiver = Some(receive_file(app, owner, form, head, &told).await?),
            "fileCreatedAt" => {
                told.created = views::told_moment("fileCreatedAt", Some(&form.text(LONGEST_FIELD).await?))?;
            }
            "fileModifiedAt" => {
                told.modified = views::told_moment("fileModifiedAt", Some(&form.text(LONGEST_FIELD).await?))?;
            }
            "filename" => told.file_name = Some(form.text(LONGEST_FIELD).await?),
            "fileSize" => {
                let bytes = form.text(LONGEST_FIELD).await?.trim().parse();
                let bytes = bytes.map_err(|_| refused("fileSize", "write the size in bytes"))?;
                told.bytes = Some(ByteSize::new(bytes)?);
            }
            "isFavorite" => told.favourite = favourite(&form.text(LONGEST_FIELD).await?)?,
            "visibility" => visible(&form.text(LONGEST_FIELD).await?)?,
            // Whatever else there is: PicUp has no use for it. A sidecar is not kept.
            _ => {}
        }
    }
    let receiver = receiver.ok_or_else(|| refused("assetData", "send the file in the field assetData"))?;
    let beside = upload::Told { favourite: told.favourite, ..upload::Told::default() };
    Ok(receiver.finish(told.created.or(told.modified), beside).await?)
}

async fn receive_file<S>(
    app: &App,
    owner: AccountId,
    form: &mut Multipart<S>,
    head: Head,
    told: &Told,
) -> Result<Receiver, ApiError>
where
    S: Stream<Item = std::io::Result<Bytes>> + Unpin,
{
    let name = head.file_name.filter(|name| !name.is_empty()).or_else(|| told.file_name.clone()).unwrap_or_default();
    let new = NewStream { file_name: FileName::new(&name)?, bytes: told.bytes };
    let mut receiver = receive(app, owner, new).await?;
    while let Some(bytes) = form.chunk().await? {
        receiver.write(bytes).await?;
    }
    Ok(receiver)
}

fn favourite(text: &str) -> Result<bool, ApiError> {
    text.trim().parse().map_err(|_| refused("isFavorite", "write true or false"))
}

/// Who asks for a photo to be hidden must not find it in the timeline.
fn visible(visibility: &str) -> Result<(), ApiError> {
    match visibility {
        "hidden" | "locked" => {
            Err(refused("visibility", "PicUp hides no photo from its owner; leave the visibility out"))
        }
        _ => Ok(()),
    }
}

fn refused(field: &'static str, advice: &str) -> ApiError {
    Invalid { field, advice: advice.to_owned() }.into()
}

impl From<Broken> for ApiError {
    fn from(broken: Broken) -> Self {
        let (status, name, title) = match broken {
            Broken::NotMultipart => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-multipart", "Not a form"),
            Broken::TooLong(_) => (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "Body too large"),
            Broken::Truncated | Broken::Malformed(_) | Broken::Sender(_) => {
                (StatusCode::BAD_REQUEST, "malformed", "Malformed request")
            }
        };
        Self::request(status, name, title, broken.to_string())
    }
}
