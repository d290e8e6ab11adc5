//! Which files are here already.

use axum::Json as Answer;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use picup_app::immich;
use picup_domain::{Invalid, Sha1};

use super::wire::{CheckRequest, CheckResult, CheckResults};
use crate::extract::{Allowed, ForClient, Json, Upload};
use crate::problem::ApiError;

/// As Immich's own.
const CHECKED_AT_ONCE: usize = 5_000;

/// For each file by its SHA-1: send it, or it is safely here. The uploaders delete their own copy of what is here.
pub(super) async fn check(
    ForClient(app): ForClient,
    caller: Allowed<Upload>,
    Json(request): Json<CheckRequest>,
) -> Result<Answer<CheckResults>, ApiError> {
    if request.assets.len() > CHECKED_AT_ONCE {
        let detail = format!("Ask for at most {CHECKED_AT_ONCE} files at once.");
        return Err(ApiError::request(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Too many at once", detail));
    }
    let hashes = request.assets.iter().map(|item| sha1(&item.checksum)).collect::<Result<Vec<_>, _>>()?;
    let kept = immich::kept(&app, caller.account, &hashes).await?;
    let result = |(item, kept): (super::wire::CheckItem, Option<picup_domain::AssetId>)| CheckResult {
        id: item.id,
        action: if kept.is_some() { "reject" } else { "accept" },
        reason: kept.map(|_| "duplicate"),
        asset_id: kept.map(|asset| asset.to_string()),
    };
    Ok(Answer(CheckResults { results: request.assets.into_iter().zip(kept).map(result).collect() }))
}

/// A SHA-1 in either of the spellings that Immich takes.
fn sha1(text: &str) -> Result<Sha1, Invalid> {
    if let Ok(bytes) = STANDARD.decode(text)
        && let Ok(sha1) = Sha1::from_slice(&bytes)
    {
        return Ok(sha1);
    }
    text.to_ascii_lowercase().parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_read() {
        let empty = Sha1::of(b"");
        for text in [&empty.to_string(), &empty.to_string().to_uppercase(), &STANDARD.encode(empty.as_bytes())] {
            assert_eq!(sha1(text), Ok(empty), "{text}");
        }
        assert!(sha1("").is_err() && sha1("abc").is_err() && sha1(&"0".repeat(39)).is_err());
    }
}
