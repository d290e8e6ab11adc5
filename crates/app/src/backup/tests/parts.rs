//! A part of what comes back, and what another PicUp's place is to it.

use picup_database::{Place, Settings};
use picup_domain::{AccountRole, AlbumTitle, Email};

use super::*;
use crate::account::NewAccount;
use crate::backup::{catalogue_now, enlist, reconcile_everything, removal};
use crate::restore::part::{Part, keep_only};
use crate::restore::plain::readers;
use crate::session::sign_in;
use crate::{Error, album, api_key, restore, trash};

impl Stage {
    /// What comes back of the first destination on an empty machine, before anything is made of it.
    async fn back(&self) -> TestApp {
        let folder = tempfile::tempdir().unwrap();
        let backup = backup_in(self.folders[0].path(), false, None, &self.recovery);
        let name = restore::newest(&backup, None).await.unwrap();
        let file = folder.path().join("picup.db");
        restore::database(&backup, &name, Some(&self.recovery), &Place::Sqlite(file.clone()), folder.path())
            .await
            .unwrap();
        TestApp::on(folder, Settings::sqlite(file)).await
    }

    /// With Bob, who has two files, an album with a file of Ada's and one that lies in the trash, and a catalogue.
    async fn furnished() -> (Self, AccountId, Vec<(AssetId, ObjectKey)>) {
        let it = Self::new(&[true]).await;
        let bob = NewAccount { role: AccountRole::Member, ..TestApp::account("bob@example.com") };
        let bob = account::create(&it, bob).await.unwrap();
        for content in ["b1", "b2"] {
            keep(&it, bob, content.as_bytes()).await;
        }
        let files = it.upload(0..4).await;
        let sea = album::create(&it, it.owner, AlbumTitle::new("Sea").unwrap()).await.unwrap();
        let other = album::create(&it, it.owner, AlbumTitle::new("Other").unwrap()).await.unwrap();
        album::add(&it, it.owner, sea.row.id, &[files[0].0, files[1].0]).await.unwrap();
        album::add(&it, it.owner, other.row.id, &[files[1].0, files[2].0]).await.unwrap();
        trash::put(&it, it.owner, &[files[0].0]).await.unwrap();
        it.copied().await;
        catalogue_now(&it, "one").await.unwrap();
        (it, bob, files)
    }
}

fn part(accounts: &[&str], albums: &[&str]) -> Part {
    let accounts = accounts.iter().map(|email| Email::new(email).unwrap()).collect();
    Part { accounts, albums: albums.iter().map(ToString::to_string).collect() }
}

async fn assets(app: &TestApp, owner: AccountId) -> Vec<AssetId> {
    app.database().read_fresh().await.unwrap().asset_ids(owner, 100).await.unwrap()
}

#[tokio::test]
async fn only_what_is_asked_for_is_kept_and_no_copy_is_known_any_more() {
    let (it, bob, files) = Stage::furnished().await;
    let back = it.back().await;
    for (unknown, told) in [
        (part(&["ada@example.com", "eve@example.com"], &[]), "no account eve@example.com"),
        (part(&["ada@example.com"], &["Sea", "See"]), "no album 'See'"),
        (part(&["ada@example.com", "bob@example.com"], &["Sea"]), "of one account"),
    ] {
        let error = keep_only(&back, &unknown).await.unwrap_err();
        assert!(error.story().contains(told), "{}", error.story());
    }
    assert_eq!((assets(&back, it.owner).await.len(), assets(&back, bob).await.len()), (4, 2), "nothing was removed");

    keep_only(&back, &part(&["ada@example.com"], &[])).await.unwrap();
    assert_eq!((assets(&back, it.owner).await.len(), account::list(&back).await.unwrap().len()), (4, 1));
    let mut read = back.database().read_fresh().await.unwrap();
    assert!(read.destination_list().await.unwrap().is_empty());
    assert!(read.copy_page(it.targets()[0].1, "", 100).await.unwrap().is_empty());
    assert!(read.copy_counts(it.targets()[0].1).await.unwrap().is_empty());
    drop(read);
    keep_only(&back, &part(&["ada@example.com"], &["Sea"])).await.unwrap();
    assert_eq!(assets(&back, it.owner).await, [files[1].0], "not what lay in the trash");
    assert_eq!(account::fetch(&back, it.owner).await.unwrap().quota.used.get(), 2);
    let left = album::list(&back, it.owner, None, 10).await.unwrap().albums;
    assert_eq!(
        left.iter().map(|album| (album.row.title.as_str(), album.row.asset_count)).collect::<Vec<_>>(),
        [("Sea", 1)]
    );
    let days = back.database().read_fresh().await.unwrap().timeline_days(it.owner).await.unwrap();
    assert_eq!(days.iter().map(|day| day.assets).sum::<u64>(), 1);
}

/// Its keys are those of the copies there, so nothing may be written or removed before the place is its own.
#[tokio::test]
async fn a_part_that_names_the_place_it_came_from_touches_nothing_there() {
    let (it, _, files) = Stage::furnished().await;
    let back = it.back().await;
    keep_only(&back, &part(&["ada@example.com"], &[])).await.unwrap();
    let backup = backup_in(it.folders[0].path(), true, Some(&it.server), &it.recovery);
    let back = back.again_with(vec![Target::new("one".to_owned(), backup)]).await;
    enlist(&back).await.unwrap();
    let before = it.there(0);
    let (target, id) = back.inner.targets.enlisted().next().unwrap();
    // A row for each copy, as the copier makes it before it asks for the place.
    let mut write = back.database().write().await.unwrap();
    while write.copy_enrol(id, 100, back.now()).await.unwrap() {}
    write.commit().await.unwrap();
    asset::delete_forever(&back, it.owner, &[files[2].0], None).await.unwrap();
    for _ in 0..2 {
        back.clock.advance(RETENTION + DAY);
        let results = [
            copier::Line::new((*back).clone(), Arc::clone(target), id).step(&CancellationToken::new()).await.err(),
            removal::round(&back, target, id).await.err(),
            reconcile_everything(&back).await.pop().unwrap().1.err(),
            catalogue_now(&back, "one").await.err(),
        ];
        for result in results {
            let told = result.map(|error| error.story()).unwrap_or_default();
            assert!(told.contains("are another PicUp's"), "{told}");
        }
    }
    assert_eq!(it.there(0), before);
}

#[tokio::test]
async fn nobody_gets_into_what_is_read_once_but_by_the_keys_made_for_that() {
    let (it, bob, _) = Stage::furnished().await;
    let scopes = picup_domain::Scopes::new(picup_domain::Scope::ALL).unwrap();
    let name = picup_domain::ApiKeyName::new("sync").unwrap();
    let new = api_key::NewApiKey { name, scopes, expires_at: None };
    let (_, old) = api_key::create(&it, bob, new).await.unwrap();
    crate::admin::update(
        &it,
        crate::audit::Actor::Operator,
        bob,
        crate::admin::Changes { disabled: Some(true), ..Default::default() },
    )
    .await
    .unwrap();
    it.clock.advance(DAY);
    catalogue_now(&it, "one").await.unwrap();
    let back = it.back().await;
    let found = readers(&back).await.unwrap();
    assert_eq!(
        found.iter().map(|reader| reader.email.as_str()).collect::<Vec<_>>(),
        ["ada@example.com", "bob@example.com"]
    );
    let email = Email::new("ada@example.com").unwrap();
    let signed_in = sign_in(&back, &email, &TestApp::password(), &TestApp::visitor()).await;
    assert!(matches!(signed_in.err(), Some(Error::WrongCredentials)));
    assert!(matches!(api_key::authenticate(&back, &old).await, Err(Error::NotSignedIn)));
    let key = api_key::authenticate(&back, &found[1].key).await.unwrap();
    assert_eq!((key.account, key.scopes.words().as_str()), (bob, "read"));
}
