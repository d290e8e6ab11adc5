//! Uploads: reserve, ask where parts go, send them, complete. See the upload flow in `ARCHITECTURE.md`.

use axum::Json as Answer;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use picup_app::upload::{NewUpload, PartAddress, Reserved, Told};
use picup_app::{App, upload};
use picup_domain::{AssetId, ByteSize, CaptureTime, Description, FileName, Place, Sha256, UploadId};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::extract::{self, Allowed, ForClient, Json, Path, Query, bounded};
use crate::problem::ApiError;
use crate::views;
use crate::wire::{
    Completed, CompletionAnswer, CompletionAnswers, PartTargets, PartTargetsRequest, Problem, Upload, UploadAnswer,
    UploadAnswers, UploadIds, UploadManyAnswer, UploadRequest, UploadsRequest,
};

/// Files that one request may speak of.
const MANY: usize = 100;
/// How many of them are asked for at once where their parts go.
const AT_ONCE: usize = 16;

/// Reserves room for one file, or says that it is here already.
#[utoipa::path(post, path = "/api/uploads", operation_id = "upload_reserve", request_body = UploadRequest,
    responses(
        (status = 200, body = UploadAnswer, description = "A verified copy is in this account already"),
        (status = 201, body = UploadAnswer, description = "Send the parts"),
        (status = 401, body = Problem),
        (status = 404, body = Problem, description = "No such photo to be the moving part of"),
        (status = 409, body = Problem, description = "That photo takes no moving part, or the account takes no more uploads"),
        (status = 413, body = Problem, description = "Quota exceeded"),
        (status = 422, body = Problem)))]
pub(crate) async fn reserve(
    ForClient(app): ForClient,
    caller: Allowed<extract::Upload>,
    Json(request): Json<UploadRequest>,
) -> Result<(StatusCode, Answer<UploadAnswer>), ApiError> {
    let new = wish(&request)?;
    let sha256 = new.sha256;
    let reserved = upload::reserve(&app, caller.account, new).await?;
    let status = if matches!(reserved, Reserved::Duplicate(_)) { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Answer(answer(&app, reserved, sha256).await)))
}

/// Reserves room for many small files, or says which are here already: as one by one, in one request.
#[utoipa::path(post, path = "/api/uploads/many", operation_id = "upload_reserve_many", request_body = UploadsRequest,
    responses((status = 200, body = UploadAnswers), (status = 401, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn reserve_many(
    ForClient(app): ForClient,
    caller: Allowed<extract::Upload>,
    headers: HeaderMap,
    Json(request): Json<UploadsRequest>,
) -> Result<Answer<UploadAnswers>, ApiError> {
    bounded("files", request.files.len(), MANY)?;
    let wishes: Vec<Result<NewUpload, ApiError>> = request.files.iter().map(wish).collect();
    let asked: Vec<NewUpload> = wishes.iter().filter_map(|wish| wish.as_ref().ok().cloned()).collect();
    let mut reserved = upload::reserve_many(&app, caller.account, asked).await?.into_iter();
    let answer_to = |wish: Result<NewUpload, ApiError>| {
        let reserved = wish.and_then(|new| match reserved.next() {
            Some(reserved) => Ok((reserved?, new.sha256)),
            None => Err(picup_app::Error::Internal("a file without an answer".to_owned()).into()),
        });
        let (app, headers) = (&app, &headers);
        async move {
            match reserved {
                Ok((reserved, sha256)) => answer(app, reserved, sha256).await.into(),
                Err(error) => UploadManyAnswer::Refused { problem: error.of_item(headers) },
            }
        }
    };
    let answers: Vec<_> = wishes.into_iter().map(answer_to).collect();
    Ok(Answer(UploadAnswers { answers: stream::iter(answers).buffered(AT_ONCE).collect().await }))
}

fn wish(request: &UploadRequest) -> Result<NewUpload, ApiError> {
    let edited = request.captured.as_ref();
    let edited = edited.map(|captured| CaptureTime::edited(&captured.local, captured.offset_minutes)).transpose()?;
    let captured = views::told_moment("captured_at", request.captured_at.as_deref())?;
    let place = request.place.as_ref().map(|place| Place::new(place.latitude, place.longitude, place.altitude));
    Ok(NewUpload {
        file_name: FileName::new(&request.file_name)?,
        bytes: ByteSize::new(request.bytes)?,
        sha256: request.sha256.parse()?,
        modified: views::told_moment("modified_at", request.modified_at.as_deref())?,
        motion_of: request.motion_of.map(AssetId::from),
        told: Told {
            captured: edited.map(|time| (time.at, time.offset_minutes)).or(captured),
            edited: edited.is_some(),
            place: place.transpose()?,
            favourite: request.favourite,
            description: request.description.as_deref().map(Description::new).transpose()?.flatten(),
        },
    })
}

async fn answer(app: &App, reserved: Reserved, sha256: Sha256) -> UploadAnswer {
    match reserved {
        Reserved::Duplicate(asset) => UploadAnswer::Duplicate { asset: asset.into() },
        Reserved::Upload(upload) => {
            let target = upload::only_target(app, &upload, sha256).await.map(views::part_target);
            UploadAnswer::Upload { upload: views::upload(upload), target }
        }
    }
}

/// What has arrived of an upload.
#[utoipa::path(get, path = "/api/uploads/{id}", operation_id = "upload", params(("id" = Uuid, Path)),
    responses((status = 200, body = Upload), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn fetch(
    ForClient(app): ForClient,
    caller: Allowed<extract::Upload>,
    Path(id): Path<Uuid>,
) -> Result<Answer<Upload>, ApiError> {
    Ok(Answer(views::upload(upload::fetch(&app, caller.account, id.into()).await?)))
}

/// Where to send parts.
#[utoipa::path(post, path = "/api/uploads/{id}/parts", operation_id = "part_targets", params(("id" = Uuid, Path)),
    request_body = PartTargetsRequest,
    responses((status = 200, body = PartTargets), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn part_targets(
    ForClient(app): ForClient,
    caller: Allowed<extract::Upload>,
    Path(id): Path<Uuid>,
    Json(request): Json<PartTargetsRequest>,
) -> Result<Answer<PartTargets>, ApiError> {
    let mut wanted = Vec::with_capacity(request.parts.len());
    for part in &request.parts {
        wanted.push((part.number, part.sha256.parse::<Sha256>()?));
    }
    let targets = upload::part_targets(&app, caller.account, id.into(), &wanted).await?;
    Ok(Answer(PartTargets { parts: targets.into_iter().map(views::part_target).collect() }))
}

/// What a part's address carries.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PartQuery {
    /// The part's size.
    bytes: u64,
    /// The second of the epoch at which the address ends.
    expires: i64,
    /// The part's hash.
    sha256: String,
    /// Signs all of it.
    signature: String,
}

/// Takes one part. The address, as given by `part_targets`, is the right to send it: no session is looked at.
#[utoipa::path(put, path = "/api/uploads/{id}/parts/{number}", operation_id = "part",
    params(("id" = Uuid, Path), ("number" = u32, Path), PartQuery),
    request_body(content_type = "application/octet-stream"),
    responses((status = 204, description = "Stored"), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem), (status = 507, body = Problem),
        (status = 503, body = Problem, description = "The store or the database is away; see Retry-After")))]
pub(crate) async fn part(
    ForClient(app): ForClient,
    Path((id, number)): Path<(Uuid, u32)>,
    Query(query): Query<PartQuery>,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let address = PartAddress {
        upload: id.into(),
        number,
        bytes: query.bytes,
        sha256: query.sha256.parse()?,
        expires: query.expires,
    };
    let chunks = body.into_data_stream().map_err(std::io::Error::other);
    upload::part(&app, address, &query.signature, chunks).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes an asset of an upload whose parts have all arrived. Asking twice gives the same answer.
#[utoipa::path(post, path = "/api/uploads/{id}/complete", operation_id = "upload_complete",
    params(("id" = Uuid, Path)),
    responses((status = 201, body = Completed), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem, description = "Parts are missing"),
        (status = 503, body = Problem, description = "The store or the database is away; see Retry-After")))]
pub(crate) async fn complete(
    ForClient(app): ForClient,
    caller: Allowed<extract::Upload>,
    Path(id): Path<Uuid>,
) -> Result<(StatusCode, Answer<Completed>), ApiError> {
    let asset = upload::complete(&app, caller.account, id.into()).await?;
    Ok((StatusCode::CREATED, Answer(Completed { asset: asset.into() })))
}

/// Makes assets of many uploads whose parts have all arrived: as one by one, in one request.
#[utoipa::path(post, path = "/api/uploads/complete", operation_id = "upload_complete_many", request_body = UploadIds,
    responses((status = 200, body = CompletionAnswers), (status = 401, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn complete_many(
    ForClient(app): ForClient,
    caller: Allowed<extract::Upload>,
    headers: HeaderMap,
    Json(request): Json<UploadIds>,
) -> Result<Answer<CompletionAnswers>, ApiError> {
    bounded("uploads", request.uploads.len(), MANY)?;
    let ids: Vec<UploadId> = request.uploads.into_iter().map(UploadId::from).collect();
    let answers = upload::complete_many(&app, caller.account, &ids).await?;
    let answer = |completed: Result<AssetId, picup_app::Error>| match completed {
        Ok(asset) => CompletionAnswer::Completed { asset: asset.into() },
        Err(error) => CompletionAnswer::Refused { problem: ApiError::from(error).of_item(&headers) },
    };
    Ok(Answer(CompletionAnswers { answers: answers.into_iter().map(answer).collect() }))
}

/// Gives an upload up and frees its reservation.
#[utoipa::path(delete, path = "/api/uploads/{id}", operation_id = "upload_cancel", params(("id" = Uuid, Path)),
    responses((status = 204, description = "Given up"), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem, description = "It is completed, or being completed")))]
pub(crate) async fn cancel(
    ForClient(app): ForClient,
    caller: Allowed<extract::Upload>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    upload::cancel(&app, caller.account, id.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}
