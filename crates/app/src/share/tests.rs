use picup_delivery::{Fetch, KeyId, Keyring, authorise};
use picup_domain::AlbumTitle;

use super::*;
use crate::testing::TestApp;
use crate::upload::tests::keep;
use crate::{account, admin, album_member, trash};

struct Stage {
    app: TestApp,
    owner: AccountId,
    album: AlbumId,
    first: AssetId,
}

impl Stage {
    /// Somebody with an album of one asset, and with another asset outside.
    async fn new() -> Self {
        let app = TestApp::new().await;
        let owner = account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
        let album = album::create(&app, owner, AlbumTitle::new("Holiday").unwrap()).await.unwrap().row.id;
        let first = keep(&app, owner, b"first").await;
        album::add(&app, owner, album, &[first]).await.unwrap();
        Self { app, owner, album, first }
    }

    async fn person(&self, name: &str) -> AccountId {
        account::create(&self.app, TestApp::account(&format!("{name}@example.com"))).await.unwrap()
    }

    async fn member(&self, name: &str, role: AlbumRole) -> AccountId {
        let id = self.person(name).await;
        let email = picup_domain::Email::new(&format!("{name}@example.com")).unwrap();
        album_member::add(&self.app, self.owner, self.album, &email, role, &TestApp::visitor()).await.unwrap();
        id
    }

    fn new_link(&self) -> New {
        New { what: What::Album(self.album), password: None, download: false, end: None }
    }

    async fn link(&self, new: New) -> Link {
        create(&self.app, self.owner, new).await.unwrap()
    }

    async fn open(&self, link: &Link, password: Option<&str>) -> Result<Opened, Error> {
        let password = password.map(|text| Password::attempt(text).unwrap());
        open(&self.app, token_of(link), password.as_ref(), &TestApp::visitor()).await
    }

    async fn shown(&self, opened: &Opened) -> Result<Vec<AssetId>, Error> {
        let page = assets(&self.app, &opened.access_token, None, 10).await?.page;
        Ok(page.assets.iter().map(|asset| asset.id).collect())
    }
}

fn token_of(link: &Link) -> &str {
    link.link.as_deref().unwrap().rsplit('/').next().unwrap()
}

fn over<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::LinkOver))
}

#[tokio::test]
async fn a_link_shows_its_album_and_what_comes_into_it_and_its_media_alone() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let link = stage.link(stage.new_link()).await;
    assert_eq!(
        link.row.expires_at,
        Some(app.now().plus(Duration::from_secs(30 * DAY))),
        "it ends unless said otherwise"
    );
    let opened = stage.open(&link, None).await.unwrap();
    assert_eq!((opened.by.as_str(), opened.row.title.as_deref()), ("Ada", Some("Holiday")));
    assert_eq!(stage.shown(&opened).await.unwrap(), [stage.first]);
    let (second, outside) = (keep(app, stage.owner, b"second").await, keep(app, stage.owner, b"outside").await);
    album::add(app, stage.owner, stage.album, &[second]).await.unwrap();
    assert_eq!(stage.shown(&opened).await.unwrap(), [stage.first, second]);
    let none = asset(app, &opened.access_token, outside).await;
    assert!(matches!(none, Err(Error::NotFound("asset"))));
    trash::put(app, stage.owner, &[second]).await.unwrap();
    assert_eq!(stage.shown(&opened).await.unwrap(), [stage.first]);
    assert!(asset(app, &opened.access_token, second).await.is_err());

    let opens = |right: &str, asset: AssetId, below: &str| {
        opens(app, right, &format!("/media/{}/{asset}/{below}", stage.owner))
    };
    let look = assets(app, &opened.access_token, None, 10).await.unwrap().rights[0].clone().unwrap();
    assert!(opens(&look, stage.first, "view/preview.1.jpg"));
    assert!(!opens(&look, stage.first, "file/original.1.jpg"), "without downloads the original stays shut");
    assert!(!opens(&look, outside, "view/preview.1.jpg"), "nothing but what is shared");
    let allowed = Change { download: Some(true), ..Change::default() };
    change(app, stage.owner, link.row.id, allowed).await.unwrap();
    let (_, download) = asset(app, &opened.access_token, stage.first).await.unwrap();
    let all = assets(app, &opened.access_token, None, 10).await.unwrap().rights[0].clone().unwrap();
    assert!(
        download && opens(&all, stage.first, "file/original.1.jpg") && opens(&all, stage.first, "view/preview.1.jpg")
    );
    assert!(!opens(&all, outside, "file/original.1.jpg"));
    app.clock.advance(Duration::from_secs(2 * WINDOW_SECONDS));
    assert!(!opens(&all, stage.first, "file/original.1.jpg"), "an address that was given out ends within minutes");
}

fn opens(app: &TestApp, right: &str, path: &str) -> bool {
    let key = app.inner.secrets.media_key.borrow().clone();
    let pem = key.public_key_pem();
    let keyring = Keyring::from_pems([(KeyId::parse(key.id().as_str()).unwrap(), pem.as_str())]).unwrap();
    let fetch = Fetch {
        public_base: &app.settings().public_base,
        path_and_query: &format!("{path}?{right}"),
        client: [192, 0, 2, 9].into(),
        now_epoch_s: app.now().seconds().unsigned_abs(),
        may_verify: true,
    };
    authorise(&keyring, &http::HeaderMap::new(), &fetch).is_ok()
}

#[tokio::test]
async fn a_link_of_assets_shows_them_in_order_and_takes_ones_own_alone() {
    let stage = Stage::new().await;
    let (app, owner) = (&stage.app, stage.owner);
    let (a, b) = (keep(app, owner, b"a").await, keep(app, owner, b"b").await);
    let stranger = stage.person("bob").await;
    let theirs = keep(app, stranger, b"theirs").await;
    let of = |assets: Vec<AssetId>| New { what: What::Assets(assets), ..stage.new_link() };
    for bad in [vec![a, theirs], vec![AssetId::new(app.now())]] {
        let refused = create(app, owner, of(bad)).await;
        assert!(matches!(refused, Err(Error::Invalid(Invalid { field: "assets", .. }))));
    }
    assert!(list(app, owner, None).await.unwrap().is_empty(), "nothing is left of what was refused");
    let link = stage.link(of(vec![b, stage.first, a])).await;
    assert_eq!((link.row.asset_count, link.row.album), (3, None));
    let opened = stage.open(&link, None).await.unwrap();
    let first = assets(app, &opened.access_token, None, 2).await.unwrap().page;
    assert_eq!(first.assets.iter().map(|asset| asset.id).collect::<Vec<_>>(), [b, stage.first]);
    let rest = assets(app, &opened.access_token, first.next.as_deref(), 2).await.unwrap().page;
    assert_eq!((rest.assets[0].id, rest.next), (a, None));
    trash::put(app, owner, &[b]).await.unwrap();
    trash::delete(app, owner, &[b]).await.unwrap();
    assert_eq!(stage.shown(&opened).await.unwrap(), [stage.first, a]);
    assert!(matches!(asset(app, &opened.access_token, b).await, Err(Error::NotFound("asset"))));
}

#[tokio::test]
async fn what_ends_a_link_ends_what_it_opened() {
    let stage = Stage::new().await;
    let (app, owner) = (&stage.app, stage.owner);
    let soon = app.now().plus(Duration::from_secs(60));
    let link = stage.link(New { end: Some(End::At(soon)), ..stage.new_link() }).await;
    let opened = stage.open(&link, None).await.unwrap();
    assert_eq!(opened.expires_at, soon, "what was opened ends with the link");
    app.clock.advance(Duration::from_secs(60));
    assert!(over(&stage.open(&link, None).await) && over(&stage.shown(&opened).await));
    assert!(list(app, owner, None).await.unwrap()[0].over);
    let behind = change(app, owner, link.row.id, Change { end: Some(End::At(soon)), ..Change::default() }).await;
    assert!(matches!(behind, Err(Error::Invalid(Invalid { field: "expires_at", .. }))));
    change(app, owner, link.row.id, Change { end: Some(End::Never), ..Change::default() }).await.unwrap();
    let opened = stage.open(&link, None).await.unwrap();

    app.clock.advance(ACCESS_LIFE);
    assert!(over(&stage.shown(&opened).await), "what was opened has an end of its own");
    let opened = stage.open(&link, None).await.unwrap();
    revoke(app, owner, link.row.id).await.unwrap();
    assert!(over(&stage.open(&link, None).await) && over(&stage.shown(&opened).await));
    assert!(matches!(revoke(app, owner, link.row.id).await, Err(Error::NotFound(_))));

    let link = stage.link(stage.new_link()).await;
    let opened = stage.open(&link, None).await.unwrap();
    let other = stage.person("bob").await;
    let off = admin::Changes { disabled: Some(true), ..admin::Changes::default() };
    admin::update(app, Actor::Account(other), owner, off).await.unwrap();
    assert!(over(&stage.open(&link, None).await) && over(&stage.shown(&opened).await), "of somebody who is shut out");
}

#[tokio::test]
async fn a_password_is_asked_for_and_another_one_ends_what_the_first_opened() {
    let stage = Stage::new().await;
    let (app, owner) = (&stage.app, stage.owner);
    let password = |text| Some(Password::for_a_link(text).unwrap());
    let link = stage.link(New { password: password("seashell"), ..stage.new_link() }).await;
    assert!(matches!(stage.open(&link, None).await, Err(Error::LinkPasswordNeeded)));
    assert!(matches!(stage.open(&link, Some("seashore")).await, Err(Error::WrongLinkPassword)));
    let opened = stage.open(&link, Some("seashell")).await.unwrap();
    assert_eq!(stage.shown(&opened).await.unwrap(), [stage.first]);
    change(app, owner, link.row.id, Change { password: Some(password("mountain")), ..Change::default() })
        .await
        .unwrap();
    assert!(over(&stage.shown(&opened).await));
    let opened = stage.open(&link, Some("mountain")).await.unwrap();
    change(app, owner, link.row.id, Change { password: Some(None), ..Change::default() }).await.unwrap();
    assert!(over(&stage.shown(&opened).await));
    assert!(stage.open(&link, None).await.is_ok());
    change(app, owner, link.row.id, Change { password: Some(password("mountain")), ..Change::default() })
        .await
        .unwrap();
    for _ in 0..9 {
        assert!(matches!(stage.open(&link, Some("seashore")).await, Err(Error::WrongLinkPassword)));
    }
    assert!(
        matches!(stage.open(&link, Some("mountain")).await, Err(Error::TooManyGuesses { .. })),
        "guessing is limited"
    );
    // Of one link, from wherever: the same address opens others, and other addresses have few tries left.
    let other = stage.link(New { password: password("seashell"), ..stage.new_link() }).await;
    assert!(stage.open(&other, Some("seashell")).await.is_ok());
    let from = |number: u8| Visitor { address: [198, 51, 100, number].into(), ..TestApp::visitor() };
    let wrong = Password::attempt("seashore").unwrap();
    let mut tried = 0;
    for number in 0..100 {
        for _ in 0..9 {
            match open(app, token_of(&link), Some(&wrong), &from(number)).await {
                Err(Error::WrongLinkPassword) => tried += 1,
                Err(Error::TooManyGuesses { .. }) => {}
                _ => panic!("neither wrong nor limited"),
            }
        }
    }
    assert!(tried <= 100, "{tried} guesses from a hundred addresses");
}

#[tokio::test]
async fn a_link_is_managed_by_its_maker_and_the_albums_managers_and_dies_with_its_makers_right() {
    let stage = Stage::new().await;
    let (app, owner, id) = (&stage.app, stage.owner, stage.album);
    let manager = stage.member("mona", AlbumRole::Manager).await;
    let contributor = stage.member("carl", AlbumRole::Contributor).await;
    let stranger = stage.person("sid").await;
    let refused = create(app, contributor, stage.new_link()).await;
    assert!(matches!(refused, Err(Error::AlbumRoleNeeded(AlbumRole::Manager))));
    assert!(matches!(create(app, stranger, stage.new_link()).await, Err(Error::NotFound("album"))));
    let hers = stage.link(stage.new_link()).await;
    let of_manager = create(app, manager, stage.new_link()).await.unwrap();
    let opened = stage.open(&of_manager, None).await.unwrap();
    assert_eq!(list(app, manager, Some(id)).await.unwrap().len(), 2);
    assert_eq!(list(app, manager, None).await.unwrap().len(), 1, "one's own");
    assert!(matches!(list(app, contributor, Some(id)).await, Err(Error::AlbumRoleNeeded(_))));
    assert!(matches!(list(app, stranger, Some(id)).await, Err(Error::NotFound("album"))));
    for wrong in [contributor, stranger] {
        let changed = change(app, wrong, hers.row.id, Change { download: Some(true), ..Change::default() }).await;
        assert!(matches!(changed, Err(Error::NotFound("share link"))));
        assert!(matches!(revoke(app, wrong, hers.row.id).await, Err(Error::NotFound("share link"))));
    }
    assert!(change(app, manager, hers.row.id, Change { download: Some(true), ..Change::default() }).await.is_ok());

    album_member::change(app, owner, id, manager, AlbumRole::Contributor).await.unwrap();
    assert!(over(&stage.open(&of_manager, None).await) && over(&stage.shown(&opened).await));
    assert!(stage.open(&hers, None).await.is_ok());
    album_member::change(app, owner, id, manager, AlbumRole::Manager).await.unwrap();
    assert!(over(&stage.open(&of_manager, None).await), "it does not come back with the role");
    let again = create(app, manager, stage.new_link()).await.unwrap();
    album_member::remove(app, owner, id, manager).await.unwrap();
    assert!(over(&stage.open(&again, None).await) && list(app, manager, None).await.unwrap().is_empty());
    album::delete(app, owner, id).await.unwrap();
    assert!(over(&stage.open(&hers, None).await));
}

#[tokio::test]
async fn an_altered_token_opens_nothing_and_guessing_one_is_limited() {
    let stage = Stage::new().await;
    let link = stage.link(stage.new_link()).await;
    let token = token_of(&link).to_owned();
    assert_eq!(token.len(), 43);
    for at in 0..40 {
        let mut altered = token.clone().into_bytes();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).unwrap();
        assert!(over(&open(&stage.app, &altered, None, &TestApp::visitor()).await), "character {at}");
    }
    for _ in 0..10 {
        assert!(over(&open(&stage.app, "", None, &TestApp::visitor()).await));
    }
    assert!(matches!(stage.open(&link, None).await, Err(Error::TooManyGuesses { .. })));
}

#[tokio::test]
async fn a_link_that_has_been_over_for_long_is_forgotten() {
    let stage = Stage::new().await;
    stage.link(stage.new_link()).await;
    let kept = stage.link(New { end: Some(End::Never), ..stage.new_link() }).await;
    stage.app.clock.advance(Duration::from_secs(61 * DAY));
    prune(&stage.app).await.unwrap();
    let left = list(&stage.app, stage.owner, None).await.unwrap();
    assert_eq!(left.iter().map(|link| link.row.id).collect::<Vec<_>>(), [kept.row.id]);
}
