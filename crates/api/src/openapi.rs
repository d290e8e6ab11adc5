//! The description of the API: every endpoint is listed here once, and a route that is not listed does not exist.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use bytes::Bytes;
use picup_app::App;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{
    account, admin, album, album_member, api_key, asset, events, favourite, health, invitation, search, session, setup,
    share, system, timeline, trash, upload,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "PicUp",
        description = "A private photo and video cloud. Errors are application/problem+json (RFC 9457). Signed-in endpoints \
            take an access token, from the cookie `picup_access` or as `Authorization: Bearer`; what does not concern \
            security itself takes an API key with the right scope as well, as `Authorization: Bearer picup_…` or in `x-api-key`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(crate::wire::Problem, crate::wire::Change))
)]
struct Description;

/// The endpoints with their descriptions.
pub(crate) fn endpoints() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(setup::status, setup::complete))
        .routes(routes!(session::sign_in, session::sign_out))
        .routes(routes!(session::refresh))
        .routes(routes!(session::media))
        .routes(routes!(session::list, session::revoke_all))
        .routes(routes!(session::revoke))
        .routes(routes!(api_key::list, api_key::create))
        .routes(routes!(api_key::revoke))
        .routes(routes!(account::fetch, account::change))
        .routes(routes!(account::change_password))
        .routes(routes!(account::delete, account::keep))
        .routes(routes!(admin::list))
        .routes(routes!(admin::update))
        .routes(routes!(admin::delete, admin::keep))
        .routes(routes!(admin::password_link))
        .routes(routes!(system::report))
        .routes(routes!(system::retry))
        .routes(routes!(invitation::list, invitation::invite))
        .routes(routes!(invitation::withdraw))
        .routes(routes!(invitation::look))
        .routes(routes!(invitation::accept))
        .routes(routes!(timeline::days))
        .routes(routes!(timeline::assets))
        .routes(routes!(search::find))
        .routes(routes!(search::suggestions))
        .routes(routes!(asset::fetch, asset::change))
        .routes(routes!(asset::states))
        .routes(routes!(favourite::set))
        .routes(routes!(favourite::list))
        .routes(routes!(trash::put))
        .routes(routes!(trash::restore))
        .routes(routes!(trash::delete))
        .routes(routes!(trash::list, trash::empty))
        .routes(routes!(trash::summary))
        .routes(routes!(album::list, album::create))
        .routes(routes!(album::fetch, album::change, album::delete))
        .routes(routes!(album::assets, album::add))
        .routes(routes!(album::remove))
        .routes(routes!(album::order))
        .routes(routes!(album_member::list, album_member::add))
        .routes(routes!(album_member::change, album_member::remove))
        .routes(routes!(share::list, share::create))
        .routes(routes!(share::change, share::revoke))
        .routes(routes!(share::open))
        .routes(routes!(share::assets))
        .routes(routes!(share::asset))
        .routes(routes!(upload::reserve))
        .routes(routes!(upload::reserve_many))
        .routes(routes!(upload::fetch, upload::cancel))
        .routes(routes!(upload::part_targets))
        .routes(routes!(upload::part))
        .routes(routes!(upload::complete))
        .routes(routes!(upload::complete_many))
        .routes(routes!(events::stream))
        .routes(routes!(serve_document))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
}

/// The OpenAPI 3.1 document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    endpoints().into_openapi()
}

/// This description.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    operation_id = "openapi",
    responses((status = 200, description = "The OpenAPI 3.1 document", content_type = "application/json"))
)]
async fn serve_document() -> impl IntoResponse {
    // The same for everybody and for the life of the process: written once.
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| serde_json::to_vec(&document()).unwrap_or_default().into());
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.clone())
}
