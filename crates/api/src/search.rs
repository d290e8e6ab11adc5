//! Searching the library.

use axum::Json as Answer;
use picup_app::search;
use picup_app::search::Search;
use picup_domain::{AssetKind, Invalid, LocalDay, Place, Vicinity, Words};

use crate::extract::{Allowed, ForClient, Query, Read};
use crate::problem::ApiError;
use crate::views;
use crate::wire::{Problem, SearchKind, SearchQuery, SearchResults, SearchSuggestions};

/// How far "near" is when nobody says.
const NEAR_KM: f64 = 5.0;

/// The assets that meet every condition, newest first.
///
/// One answer comes after a bounded look: it may hold nothing and yet not be the last. Go on with `cursor` until there is no
/// `next`; `searched_to` tells how far it has come.
#[utoipa::path(get, path = "/api/search", operation_id = "search", params(SearchQuery),
    responses((status = 200, body = SearchResults), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, description = "The album is not there", body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn find(
    ForClient(app): ForClient,
    caller: Allowed<Read>,
    Query(query): Query<SearchQuery>,
) -> Result<Answer<SearchResults>, ApiError> {
    let limit = views::limit(query.limit)?;
    let cursor = query.cursor.clone();
    let found = search::find(&app, caller.account, &wanted(query)?, cursor.as_deref(), limit).await?;
    let searched_to = found.searched_to.map(|day| day.to_string());
    Ok(Answer(SearchResults { assets: views::columns(found.page), searched_to }))
}

/// What there is to search by.
///
/// The cameras are those of the newest photos: enough to offer, and looked up without reading the whole library.
#[utoipa::path(get, path = "/api/search/suggestions", operation_id = "search_suggestions",
    responses((status = 200, body = SearchSuggestions), (status = 401, body = Problem)))]
pub(crate) async fn suggestions(
    ForClient(app): ForClient,
    caller: Allowed<Read>,
) -> Result<Answer<SearchSuggestions>, ApiError> {
    Ok(Answer(SearchSuggestions { cameras: search::cameras(&app, caller.account).await? }))
}

fn wanted(query: SearchQuery) -> Result<Search, Invalid> {
    let words = |field, text: Option<String>| {
        Ok::<_, Invalid>(text.map(|text| Words::new(field, &text)).transpose()?.flatten())
    };
    Ok(Search {
        text: words("text", query.text)?,
        from: day("from", query.from)?,
        to: day("to", query.to)?,
        kind: query.kind.map(kind),
        camera: words("camera", query.camera)?,
        album: query.album.map(Into::into),
        favourite: query.favourite,
        located: query.located,
        near: near(query.near.as_deref(), query.within_km)?,
    })
}

fn day(field: &'static str, text: Option<String>) -> Result<Option<LocalDay>, Invalid> {
    let named = |invalid: Invalid| Invalid { field, ..invalid };
    text.map(|text| text.parse().map_err(named)).transpose()
}

const fn kind(kind: SearchKind) -> picup_domain::SearchKind {
    use picup_domain::SearchKind::{Is, Live};
    match kind {
        SearchKind::Photo => Is(AssetKind::Photo),
        SearchKind::Video => Is(AssetKind::Video),
        SearchKind::Other => Is(AssetKind::Other),
        SearchKind::Live => Live,
    }
}

/// A place written `48.85,2.29` and how far around it.
fn near(place: Option<&str>, km: Option<f64>) -> Result<Option<Vicinity>, Invalid> {
    let Some(place) = place else {
        let refusal = Invalid { field: "within_km", advice: "say near which place, in `near`".to_owned() };
        return km.map_or(Ok(None), |_| Err(refusal));
    };
    let unreadable = || Invalid {
        field: "near",
        advice: "write a place as LATITUDE,LONGITUDE in degrees, like 48.85,2.29".to_owned(),
    };
    let (latitude, longitude) = place.split_once(',').ok_or_else(unreadable)?;
    let degrees = |text: &str| text.trim().parse::<f64>().map_err(|_| unreadable());
    let named = |invalid: Invalid| Invalid { field: "near", ..invalid };
    let centre = Place::new(degrees(latitude)?, degrees(longitude)?, None).map_err(named)?;
    Vicinity::new(centre, km.unwrap_or(NEAR_KM)).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_two_numbers() {
        assert!(near(Some("48.85,2.29"), None).unwrap().is_some());
        assert!(near(Some(" -48.85 , 180 "), Some(0.5)).unwrap().is_some());
        assert_eq!(near(None, None), Ok(None));
        for bad in ["", "1", "1,", "1,2,3", "a,b", "91,0", "0,181", "NaN,0", "inf,0"] {
            assert_eq!(near(Some(bad), None).unwrap_err().field, "near", "{bad}");
        }
        assert_eq!(near(None, Some(1.0)).unwrap_err().field, "within_km");
        assert_eq!(near(Some("1,1"), Some(0.0)).unwrap_err().field, "within_km");
    }
}
