//! What is shared, over the wire: albums between accounts, and links for people who have none. What opens what was shared opens
//! nothing else.

use picup_api::wire::{
    Album, AlbumMembers, AlbumRole, Albums, Asset, AssetColumns, ItemOutcome, ItemResults, ShareLink, ShareLinks,
    ShareOpened, SharedAsset,
};
use picup_testkit::samples;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{TestApp, email};
use crate::client::{Answer, Client, Who};

/// Ada with an album of one photo, and with a photo outside of it.
struct Stage {
    app: TestApp,
    ada: Client,
    album: Uuid,
    inside: Uuid,
    outside: Uuid,
}

impl Stage {
    async fn set() -> Self {
        let app = TestApp::builder().account("ada").account("bob").account("eve").start().await;
        let ada = app.sign_in_browser("ada").await;
        let inside = ada.upload("in.jpg", samples::JPEG).await;
        let outside = ada.upload("out.jpg", &samples::jpeg(1)).await;
        for asset in [inside, outside] {
            ada.processed(asset).await;
        }
        let album: Album = ada.post("/api/albums", &json!({"title": "Holiday"})).await.json(201);
        let stage = Self { app, ada, album: album.id, inside, outside };
        stage.ada.post(&stage.path("/assets"), &json!({"assets": [inside]})).await.json::<ItemResults>(200);
        stage
    }

    fn path(&self, below: &str) -> String {
        format!("/api/albums/{}{below}", self.album)
    }

    async fn share(&self, with: &str, role: &str) -> AlbumMembers {
        self.ada.post(&self.path("/members"), &json!({"email": email(with), "role": role})).await.json(200)
    }

    async fn link(&self, wish: Value) -> ShareLink {
        self.ada.post("/api/share-links", &wish).await.json(201)
    }

    /// Opens a link as somebody without an account.
    async fn open(&self, link: &ShareLink, password: Option<&str>) -> Answer {
        let token = link.link.as_ref().unwrap().rsplit('/').next().unwrap();
        self.app.stranger().post("/api/share/open", &json!({"token": token, "password": password})).await
    }

    /// Whoever has opened a link.
    async fn guest(&self, link: &ShareLink) -> Client {
        let opened: ShareOpened = self.open(link, None).await.json(200);
        Client { who: Who::Bearer(opened.access_token), ..self.app.stranger() }
    }

    /// What an address opens for somebody without any cookie.
    async fn status(&self, address: &str) -> u16 {
        self.app.stranger().get(address).await.status
    }
}

/// The address of one asset's preview, as a page makes it from columns.
pub(crate) fn preview(columns: &AssetColumns, at: usize) -> String {
    let right = columns.right[at].as_ref().unwrap();
    format!("/media/{}/{}/view/preview.{}.jpg?{right}", columns.owner[at], columns.id[at], columns.version[at])
}

#[tokio::test]
async fn a_link_opens_what_was_shared_to_anybody_and_nothing_else_to_anybody() {
    let stage = Stage::set().await;
    let link = stage.link(json!({"album": stage.album})).await;
    assert!(link.expires_at.is_some() && !link.download && !link.password && !link.over);
    let opened: ShareOpened = stage.open(&link, None).await.json(200);
    assert_eq!((opened.title.as_deref(), opened.count, opened.download), (Some("Holiday"), 1, false));
    let guest = stage.guest(&link).await;
    let shown = guest.get("/api/share/assets").await;
    assert_eq!(shown.header("cache-control"), "no-store");
    let columns: AssetColumns = shown.json(200);
    assert_eq!(columns.id, [stage.inside]);
    let view: SharedAsset = guest.get(&format!("/api/share/assets/{}", stage.inside)).await.json(200);
    assert!(view.original.is_none(), "{:?}", view.original);
    guest.get(&format!("/api/share/assets/{}", stage.outside)).await.refused(404);

    // The pictures, without any cookie; and nothing else by the same signature.
    let address = preview(&columns, 0);
    assert_eq!(stage.status(&address).await, 200);
    assert_eq!(stage.status(view.thumbnail.as_ref().unwrap()).await, 200);
    let (path, right) = address.split_once('?').unwrap();
    let own: Asset = stage.ada.get(&format!("/api/assets/{}", stage.inside)).await.json(200);
    let other: Asset = stage.ada.get(&format!("/api/assets/{}", stage.outside)).await.json(200);
    for shut in [
        path.to_owned(),
        format!("{}?{right}", own.media.original),
        format!("{}?{right}", other.media.preview.as_ref().unwrap()),
        format!("{}?{right}", other.media.original),
        format!("{path}/../../../{}/view/preview.1.jpg?{right}", stage.outside),
    ] {
        assert_eq!(stage.status(&shut).await, 403, "{shut}");
    }
    // What opens the link opens nothing of the account.
    for path in ["/api/account", "/api/timeline", "/api/albums", "/api/share-links"] {
        guest.get(path).await.refused(401);
    }
    guest.post("/api/assets/trash", &json!({"assets": [stage.inside]})).await.refused(401);
    stage.app.finish().await;
}

#[tokio::test]
async fn downloads_are_open_where_they_are_allowed_and_a_revoked_link_shows_nothing() {
    let stage = Stage::set().await;
    let link = stage
        .link(json!({"assets": [stage.outside, stage.inside, stage.outside], "download": true, "expires_at": null}))
        .await;
    assert_eq!((link.expires_at.as_ref(), link.count), (None, 2));
    let guest = stage.guest(&link).await;
    let view: SharedAsset = guest.get(&format!("/api/share/assets/{}", stage.outside)).await.json(200);
    let original = view.original.unwrap();
    assert_eq!(original.file_name, "out.jpg");
    let fetched = stage.app.stranger().get(&original.url).await;
    assert_eq!((fetched.status, fetched.body.len() as u64), (200, original.bytes));
    assert_eq!(fetched.header("content-disposition"), "attachment; filename=\"out.jpg\"");
    // No longer allowed: what is given out from now on leaves the original shut.
    let path = format!("/api/share-links/{}", link.id);
    stage.ada.patch(&path, &json!({"download": false})).await.json::<ShareLink>(200);
    let columns: AssetColumns = guest.get("/api/share/assets").await.json(200);
    assert_eq!(columns.id, [stage.outside, stage.inside]);
    let (original, _) = original.url.split_once('?').unwrap();
    assert_eq!(stage.status(&format!("{original}?{}", columns.right[0].as_ref().unwrap())).await, 403);
    assert_eq!(stage.status(&preview(&columns, 0)).await, 200);

    stage.ada.delete(&path).await;
    assert_eq!(guest.get("/api/share/assets").await.refused(404).r#type, "urn:picup:link-over");
    assert_eq!(stage.open(&link, None).await.refused(404).r#type, "urn:picup:link-over");
    assert!(stage.ada.get("/api/share-links").await.json::<ShareLinks>(200).links.is_empty());
    stage.app.finish().await;
}

#[tokio::test]
async fn a_link_with_a_password_asks_for_it_and_tells_nothing_before() {
    let stage = Stage::set().await;
    stage.ada.post("/api/share-links", &json!({"album": stage.album, "password": "short"})).await.refused(422);
    let link = stage.link(json!({"album": stage.album, "password": "seashell"})).await;
    assert!(link.password);
    let asked = stage.open(&link, None).await;
    assert_eq!(asked.refused(401).r#type, "urn:picup:link-password-needed");
    assert!(!asked.text().contains("Holiday"));
    assert_eq!(stage.open(&link, Some("seashore")).await.refused(401).r#type, "urn:picup:wrong-link-password");
    stage.open(&link, Some("seashell")).await.json::<ShareOpened>(200);
    let log = stage.app.finish().await;
    assert!(!log.contains("seashell") && !log.contains(link.link.unwrap().rsplit('/').next().unwrap()));
}

#[tokio::test]
async fn a_link_that_is_asked_for_wrongly_is_refused_with_what_to_change() {
    let stage = Stage::set().await;
    let of_album = |more: Value| {
        let mut wish = json!({"album": stage.album});
        wish.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        wish
    };
    for (wish, status) in [
        (json!({}), 422),
        (of_album(json!({"assets": [stage.inside]})), 422),
        (json!({"assets": []}), 422),
        (json!({"assets": [Uuid::now_v7()]}), 422),
        (json!({"album": Uuid::now_v7()}), 404),
        (of_album(json!({"expires_at": "2020-01-01T00:00:00Z"})), 422),
        (of_album(json!({"expires_at": "soon"})), 422),
        (of_album(json!({"colour": "red"})), 422),
        (of_album(json!({"password": "x".repeat(2_000)})), 422),
    ] {
        let answer = stage.ada.post("/api/share-links", &wish).await;
        assert_eq!(answer.refused_somehow().status, status, "{wish}");
    }
    for bad in [json!({}), json!({"token": 1}), json!({"token": "x".repeat(100_000)})] {
        stage.app.stranger().post("/api/share/open", &bad).await.refused_somehow();
    }
    assert!(stage.ada.get("/api/share-links").await.json::<ShareLinks>(200).links.is_empty());
    stage.app.finish().await;
}

#[tokio::test]
async fn an_album_is_shared_with_its_members_alone_and_each_sees_whose_photos_they_are() {
    let stage = Stage::set().await;
    let (bob, eve) = (stage.app.sign_in_browser("bob").await, stage.app.sign_in_browser("eve").await);
    assert_eq!(stage.share("bob", "contributor").await.members[0].role, AlbumRole::Contributor);
    let seen: Albums = bob.get("/api/albums").await.json(200);
    let album = &seen.albums[0];
    assert_eq!(
        (album.id, album.role, album.owner, album.members),
        (stage.album, AlbumRole::Contributor, stage.ada.account(), 1)
    );
    assert_eq!(stage.status(album.cover.as_ref().unwrap().thumbnail.as_ref().unwrap()).await, 200);
    let his = bob.upload("his.jpg", &samples::jpeg(2)).await;
    bob.processed(his).await;
    let added: ItemResults = bob.post(&stage.path("/assets"), &json!({"assets": [his]})).await.json(200);
    assert_eq!(added.results[0].outcome, ItemOutcome::Done);

    for (who, others) in [(&stage.ada, 1), (&bob, 0)] {
        let columns: AssetColumns = who.get(&stage.path("/assets")).await.json(200);
        assert_eq!(
            (columns.id.as_slice(), columns.owner.as_slice()),
            (&[stage.inside, his][..], &[stage.ada.account(), bob.account()][..])
        );
        assert!(columns.right[1 - others].is_none(), "one's own need none");
        assert_eq!(stage.status(&preview(&columns, others)).await, 200);
        let asset: Asset = who.get(&format!("/api/assets/{}", columns.id[others])).await.json(200);
        assert_eq!(stage.status(&asset.media.original).await, 200, "members may download");
        assert_ne!(asset.owner, who.account());
    }
    // Seeing is not owning.
    bob.patch(&format!("/api/assets/{}", stage.inside), &json!({"description": "Mine"})).await.refused(404);
    let trashed: ItemResults = bob.post("/api/assets/trash", &json!({"assets": [stage.inside]})).await.json(200);
    assert_eq!(trashed.results[0].outcome, ItemOutcome::NotFound);
    bob.get(&format!("/api/assets/{}", stage.outside)).await.refused(404);
    for path in [stage.path(""), stage.path("/assets"), stage.path("/members"), format!("/api/assets/{}", stage.inside)]
    {
        eve.get(&path).await.refused(404);
    }
    assert_eq!(bob.delete(&stage.path("")).await.refused(403).r#type, "urn:picup:album-role-needed");
    assert_eq!(
        bob.post("/api/share-links", &json!({"album": stage.album})).await.refused(403).r#type,
        "urn:picup:album-role-needed"
    );
    let nobody =
        stage.ada.post(&stage.path("/members"), &json!({"email": "nobody@example.org", "role": "viewer"})).await;
    assert_eq!(nobody.refused(404).r#type, "urn:picup:no-such-person");
    for bad in [json!({"email": email("eve"), "role": "owner"}), json!({"email": "eve", "role": "viewer"})] {
        stage.ada.post(&stage.path("/members"), &bad).await.refused(422);
    }

    bob.delete(&format!("{}/{}", stage.path("/members"), bob.account())).await;
    bob.get(&stage.path("")).await.refused(404);
    let left: AssetColumns = stage.ada.get(&stage.path("/assets")).await.json(200);
    assert_eq!(left.id, [stage.inside], "who leaves takes along what was theirs");
    assert!(bob.get(&format!("/api/assets/{his}")).await.status == 200);
    stage.app.finish().await;
}

#[tokio::test]
async fn programs_that_go_by_an_albums_title_keep_to_ones_own() {
    let stage = Stage::set().await;
    stage.share("bob", "contributor").await;
    let bob = stage.app.sign_in_browser("bob").await;
    let photos = stage.app.path("photos");
    std::fs::create_dir(&photos).unwrap();
    std::fs::write(photos.join("his.jpg"), samples::jpeg(7)).unwrap();
    let done = stage.app.import("bob", &photos, None, &["--album", "Holiday"]).await;
    assert!(done.status.success(), "{}", done.stderr);
    assert_eq!(stage.ada.get(&stage.path("")).await.json::<Album>(200).count, 1, "nobody's photos but hers are in it");
    let albums = bob.get("/api/albums").await.json::<Albums>(200).albums;
    let titles: Vec<_> = albums.iter().map(|album| (album.title.as_str(), album.role, album.count)).collect();
    assert_eq!(titles, [("Holiday", AlbumRole::Owner, 1), ("Holiday", AlbumRole::Contributor, 1)]);
    let immich = bob.api_key(&["upload", "read"]).await.token;
    let request = bob.http.get(bob.url("/api/immich/albums")).header("x-api-key", &immich);
    assert_eq!(request.send().await.unwrap().json::<Vec<Value>>().await.unwrap().len(), 1);

    let his = bob.timeline().await.id;
    bob.post(&stage.path("/assets"), &json!({"assets": his})).await.json::<ItemResults>(200);
    for (who, found) in [(&stage.ada, 2), (&bob, 1)] {
        let key = who.api_key(&["read"]).await.token;
        let folder = stage.app.path(&format!("export-{found}"));
        let done = stage.app.export(&key, &folder, &["--by", "album"]).await;
        assert!(done.status.success(), "{}", done.stderr);
        let told: Value = serde_json::from_str(done.stdout.lines().last().unwrap()).unwrap();
        assert_eq!((&told["found"], &told["failed"]), (&json!(found), &json!(0)));
    }
    stage.app.finish().await;
}
