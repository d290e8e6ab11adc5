//! Asks each engine how it means to find the rows of every statement, and refuses plans that grow with the library: reading a
//! whole table, or sorting what an index should have had in order.

use std::time::Duration;

use picup_domain::{
    AccountId, AlbumId, AlbumRole, ApiKeyId, AssetId, AssetKind, ByteSize, CaptureSource, CaptureTime, DestinationId,
    Email, JobId, MotionState, ObjectKey, ObjectRole, SearchKind, SessionId, Sha1, Sha256, ShareLinkId, Timestamp,
    UploadId, Vicinity, Words,
};

use crate::{
    AlbumCursor, Database, Direction, Error, Metrics, ObjectState, Search, Settings, TimelineCursor, UploadState, Walk,
    Write,
};

/// Statements that may read a whole table, each with the reason.
const ALLOWED: [(&str, &str); 17] = [
    ("copy_waits_since", "reads a thousand entries of an index at most"),
    ("copy_count_doomed", "counts what an index has found, and no more of it than it is told"),
    ("orphan_count", "adds up what should not be there, by its store"),
    ("destination_list", "as many rows as destinations"),
    ("destination_ids", "as many rows as destinations"),
    ("destination_every_id", "as many rows as destinations"),
    ("account_count", "as many rows as people"),
    ("account_list", "as many rows as people"),
    ("account_has_other_admin", "as many rows as people"),
    ("account_last_seen", "as many rows as people have signed in"),
    ("invitation_delete_by", "as many rows as people are invited"),
    ("trash_owners_due", "reads what is due, which every round makes less, and sorts out as many owners as people"),
    ("usage_assets", "counts everything an account has, for an operator who asks for just that"),
    ("usage_days", "counts everything an account has, for an operator who asks for just that"),
    ("asset_counts", "counts from an index that has only the assets that are not ready"),
    ("assets_on_days", "as many rows as days with photos"),
    ("job_counts", "counts every queue from an index alone, for the metrics"),
];

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// Somebody who has much, where there is anything.
fn somebody() -> AccountId {
    AccountId::from_slice(&[1; 16]).unwrap()
}

fn newcomer(id: AccountId, email: &str) -> Result<crate::NewAccount, Error> {
    Ok(crate::NewAccount {
        id,
        email: Email::new(email)?,
        name: picup_domain::DisplayName::new("Somebody")?,
        role: picup_domain::AccountRole::Member,
        password_hash: picup_domain::PasswordHash::new(String::new()),
        quota: None,
        created_at: NOW,
    })
}

/// What is done to accounts by others, and to their books.
async fn administer(tx: &mut Write) -> Result<(), Error> {
    let (account, hash) = (somebody(), Sha256::of(b""));
    let day = CaptureTime::from_moment(NOW, None, CaptureSource::File)?.day();
    tx.account_last_seen().await?;
    tx.account_has_other_admin(account).await?;
    tx.account_forget_rights(account).await?;
    tx.account_delete(AccountId::new(NOW)).await?;

    tx.invitation_by_token(&hash, NOW).await?;
    tx.invitation_list(NOW).await?;
    tx.invitation_take(&hash, NOW).await?;
    tx.invitation_prune(NOW).await?;

    tx.usage_stands(account).await?;
    tx.usage_counted(account).await?;
    tx.usage_trash(account).await?;
    tx.usage_days(account).await?;
    tx.usage_albums(account).await?;
    tx.usage_correct_day(account, day, 0).await?;

    tx.asset_counts().await?;
    tx.asset_damaged_owners().await?;
    tx.asset_reopen(account, AssetId::new(NOW)).await?;
    Ok(())
}

/// Moves an asset that has places in albums into the trash, out of it, and away: lists of 73 are a run of 64, one of 8 and a
/// single one.
async fn throw_away(tx: &mut Write) -> Result<(), Error> {
    let owner = AccountId::new(NOW);
    tx.account_insert(&newcomer(owner, "bob@example.com")?).await?;
    tx.quota_reserve(owner, 1, ByteSize::new(73)?).await?;
    tx.quota_move(owner, 1, ByteSize::new(73)?).await?;
    let new = |_| {
        Ok::<_, Error>(crate::NewAsset {
            id: AssetId::new(NOW),
            owner,
            kind: AssetKind::Other,
            file_name: picup_domain::FileName::new("a.jpg")?,
            sha256: Sha256::of(b""),
            bytes: ByteSize::new(1)?,
            capture: CaptureTime::from_moment(NOW, None, CaptureSource::File)?,
            place: None,
            favourite: false,
            description: None,
            created_at: NOW,
        })
    };
    let assets: Vec<crate::NewAsset> = (0..73).map(new).collect::<Result<_, _>>()?;
    for new in &assets {
        tx.asset_insert(new).await?;
    }
    let ids: Vec<AssetId> = assets.iter().map(|new| new.id).collect();
    let album = AlbumId::new(NOW);
    let title = picup_domain::AlbumTitle::new("Holiday")?;
    tx.album_insert(&crate::NewAlbum { id: album, owner, title, created_at: NOW }).await?;
    tx.album_add(owner, album, owner, &ids, NOW).await?;
    assert_eq!(tx.album_set_cover(owner, album, Some(ids[5]), NOW).await?, Some(true));
    let ordered = tx.album_order(owner, album, &ids[6..8], Some(ids[3]), NOW).await?;
    assert_eq!(ordered, crate::Ordered::Moved(vec![true, true]));
    tx.album_remove(owner, album, &ids[..1], NOW).await?;
    assert_eq!(tx.asset_standings(owner, &ids).await?.len(), 73);
    tx.asset_favour(owner, &ids, true).await?;
    tx.favourite_page(owner, None, 10).await?;
    tx.favourite_page(owner, Some(TimelineCursor { captured_local: NOW, id: ids[0] }), 10).await?;
    tx.asset_edit(owner, ids[0], &crate::AssetEdit::default()).await?;
    tx.asset_trash(owner, &ids, NOW).await?;
    tx.trash_page(owner, None, 10).await?;
    tx.trash_page(owner, Some(crate::TrashCursor { trashed_at: NOW, id: ids[0] }), 10).await?;
    tx.trash_count(owner, NOW).await?;
    tx.trash_list(owner, NOW, 10).await?;
    tx.trash_owners_due(NOW).await?;
    tx.asset_restore(owner, &ids).await?;
    assert_eq!(tx.asset_erase(owner, &ids, None).await?.done.len(), 73);
    tx.object_list_unfinished(NOW, 10).await?;
    let key = ObjectKey::new(owner, ids[0], ObjectRole::Original, 1, "jpg");
    tx.object_delete_all(&vec![key; 73], NOW).await?;
    Ok(())
}

async fn live_photos(tx: &mut Write) -> Result<(), Error> {
    let (account, asset, hash) = (somebody(), AssetId::new(NOW), Sha256::of(b""));
    tx.motion_known_sha256(account, &[hash; 73]).await?;
    tx.asset_by_motion_sha256(account, &hash).await?;
    tx.upload_by_sha256(account, &hash, Some(asset), UploadState::Open).await?;
    tx.motion_finish(account, asset, MotionState::Verified).await?;
    tx.motion_reopen(account, asset).await?;
    Ok(())
}

/// Searches by everything at once, and by the one condition that an index of its own might be taken for.
async fn search(tx: &mut Write) -> Result<(), Error> {
    let (owner, album) = (somebody(), AlbumId::new(NOW));
    let title = picup_domain::AlbumTitle::new("Café")?;
    if tx.account_by_id(owner).await?.is_none() {
        tx.account_insert(&newcomer(owner, "eve@example.com")?).await?;
    }
    // The title is what makes a search look at the albums of an asset.
    tx.album_insert(&crate::NewAlbum { id: album, owner, title, created_at: NOW }).await?;
    let day = CaptureTime::from_moment(NOW, None, CaptureSource::File)?.day();
    let everything = Search {
        text: Words::new("text", "a café")?,
        from: Some(day),
        to: Some(day),
        kind: Some(SearchKind::Live),
        camera: Words::new("camera", "a")?,
        album: Some(album),
        favourite: Some(true),
        located: Some(true),
        near: Some(Vicinity::new(picup_domain::Place::new(0.0, 180.0, None)?, 1.0)?),
    };
    tx.search_cameras(owner, 10).await?;
    let favourites = Search { favourite: Some(true), ..Search::default() };
    let photos = Search { kind: Some(SearchKind::Is(AssetKind::Photo)), ..Search::default() };
    let cursor = TimelineCursor { captured_local: NOW, id: AssetId::new(NOW) };
    for search in [everything, favourites, photos, Search::default()] {
        for after in [None, Some(cursor)] {
            tx.search_page(owner, &search, after, Walk { inspect: 10, find: 10 }).await?;
        }
    }
    Ok(())
}

/// What is shared, with whom, and by which links.
async fn share(tx: &mut Write) -> Result<(), Error> {
    let (owner, member, album, asset) =
        (AccountId::new(NOW), AccountId::new(NOW), AlbumId::new(NOW), AssetId::new(NOW));
    for (id, email) in [(owner, "dora@example.com"), (member, "carl@example.com")] {
        tx.account_insert(&newcomer(id, email)?).await?;
    }
    let title = picup_domain::AlbumTitle::new("Holiday")?;
    tx.album_insert(&crate::NewAlbum { id: album, owner, title, created_at: NOW }).await?;
    for role in [AlbumRole::Viewer, AlbumRole::Manager] {
        tx.album_member_set(album, member, role, NOW).await?;
    }
    assert_eq!(tx.album_standing(member, album).await?.map(|standing| standing.role), Some(AlbumRole::Manager));
    assert_eq!((tx.album_members(album).await?.len(), tx.album_people(album).await?.len()), (1, 2));
    tx.album_shared_by_id(member, album).await?;
    tx.album_shared_list(somebody(), None, 10).await?;
    tx.album_shared_list(somebody(), Some(album), 10).await?;
    tx.album_assets_of(album, member).await?;
    tx.album_shows_to(member, asset).await?;
    tx.asset_watchers(asset).await?;

    for place in [crate::SharedPlace::Album(album), crate::SharedPlace::Assets(Vec::new())] {
        let id = ShareLinkId::new(NOW);
        let token = Sha256::of(id.as_bytes());
        let (account, created_at) = (owner, NOW);
        let new = crate::NewShareLink {
            id,
            account,
            token,
            place,
            password: None,
            download: false,
            created_at,
            expires_at: None,
        };
        tx.share_link_insert(&new).await?;
        tx.share_link_by_token(&token).await?;
        let link = tx.share_link_by_id(id).await?.ok_or(Error::Conflict("link"))?;
        tx.share_link_shows(&link, asset).await?;
        tx.share_link_page(id, None, 10).await?;
        tx.share_link_page(id, Some(AlbumCursor { position: 1, asset }), 10).await?;
        let change = crate::ShareLinkChange { password: Some(None), download: Some(true), expires_at: Some(Some(NOW)) };
        tx.share_link_change(id, &change).await?;
    }
    tx.share_link_list(somebody()).await?;
    tx.share_link_list_of(album).await?;
    tx.share_link_delete_by(somebody(), album).await?;
    tx.share_link_prune(NOW).await?;
    tx.album_member_remove(album, member).await?;
    Ok(())
}

/// Calls every reading method, and the writing ones that look rows up by more than their id.
async fn call_everything(tx: &mut Write) -> Result<(), Error> {
    let (account, asset, hash) = (somebody(), AssetId::new(NOW), Sha256::of(b""));
    let day = CaptureTime::from_moment(NOW, None, CaptureSource::File)?.day();
    let key = ObjectKey::new(account, asset, ObjectRole::Original, 1, "jpg");

    tx.setup_is_open().await?;
    tx.setup_code_hash().await?;
    tx.account_by_id(account).await?;
    tx.account_by_email(&Email::new("ada@example.com")?).await?;
    tx.account_list().await?;
    tx.account_count().await?;

    let session = SessionId::new(NOW);
    tx.session_by_id(session).await?;
    tx.session_list(account, NOW).await?;
    tx.session_by_refresh(session, &hash, NOW).await?;
    tx.session_rotate(session, &hash, &hash, NOW, NOW).await?;
    tx.session_revoke_all(account, NOW).await?;
    tx.session_revoke_others(account, session, NOW).await?;
    tx.session_prune(NOW).await?;

    let key_id = ApiKeyId::new(NOW);
    tx.api_key_by_token(&hash, NOW).await?;
    tx.api_key_list(account).await?;
    tx.api_key_used(key_id, NOW, NOW).await?;
    tx.api_key_delete(account, key_id).await?;

    tx.asset_by_id(account, asset).await?;
    tx.asset_ids(account, 10).await?;
    tx.asset_verified_by_sha256(account, &hash).await?;
    tx.asset_unproved_by_sha256(account, &hash).await?;
    tx.asset_trashed_by_sha256(account, &hash).await?;
    tx.asset_verified_by_sha1(account, &Sha1::of(b"")).await?;
    tx.asset_count(account, AssetKind::Photo).await?;
    tx.timeline_days(account).await?;
    tx.timeline_range(account, day, day, 10).await?;
    for direction in [Direction::Older, Direction::Newer] {
        for from in [None, Some(TimelineCursor { captured_local: NOW, id: asset })] {
            tx.timeline_page(account, from, direction, 10).await?;
        }
    }

    let album = AlbumId::new(NOW);
    tx.album_by_id(account, album).await?;
    tx.album_list(account, None, 10).await?;
    tx.album_list(account, Some(album), 10).await?;
    tx.album_page(album, None, 10).await?;
    tx.album_page(album, Some(AlbumCursor { position: 1, asset }), 10).await?;
    tx.album_delete(account, album).await?;

    tx.object_by_key(&key).await?;
    tx.object_list(asset).await?;
    tx.object_list_stale(ObjectState::Staged, NOW, 10).await?;

    let upload = UploadId::new(NOW);
    tx.upload_by_id(account, upload).await?;
    tx.upload_by_address(upload).await?;
    tx.upload_by_sha256(account, &hash, None, UploadState::Open).await?;
    // 73 are a run of 64, one of 8 and a single one.
    tx.upload_list_by_sha256(account, &[hash; 73]).await?;
    tx.upload_list_by_id(account, &[upload; 73]).await?;
    tx.upload_set_states(&[upload; 73], UploadState::Open, UploadState::Completing, NOW).await?;
    tx.asset_known_sha256(account, &[hash; 73]).await?;
    tx.upload_list_completing(NOW, 10).await?;
    tx.upload_list_receiving(NOW, 10).await?;
    tx.upload_list_expired(NOW, 10).await?;
    tx.upload_list_of(account, 10).await?;
    call_the_queue(tx).await
}

/// What keeps copies asks.
async fn keep_copies(tx: &mut Write) -> Result<(), Error> {
    let (id, key) =
        (DestinationId::new(NOW), ObjectKey::new(somebody(), AssetId::new(NOW), ObjectRole::Original, 1, "jpg"));
    tx.destination_insert(id, "disk", "/mnt/disk", true, NOW).await?;
    tx.destination_list().await?;
    while tx.copy_enrol(id, 500, NOW).await? {}
    let object = crate::Object {
        key: key.clone(),
        bytes: ByteSize::new(1)?,
        sha256: None,
        state: ObjectState::Staged,
        created_at: NOW,
    };
    tx.object_insert(&object).await?;
    tx.object_commit_all(&[(key.clone(), object.bytes, Sha256::of(b""))], NOW).await?;
    tx.copy_is_due(id, NOW).await?;
    tx.copy_is_leased(id, NOW).await?;
    tx.destination_claimed(id, NOW).await?;
    let claims = tx.copy_claim(id, NOW, NOW, 73).await?;
    tx.copy_extend(id, &claims, NOW).await?;
    tx.copy_release(id, NOW).await?;
    tx.copy_failed(id, &claims[0], "", NOW, crate::CopyFailure::Occupied).await?;
    let claim = crate::CopyClaim { generation: claims[0].generation + 1, ..claims[0].clone() };
    let made = crate::CopyMade { claim, stored_bytes: object.bytes, stored_sha256: Sha256::of(b"") };
    tx.copy_made(id, &[made], NOW).await?;
    let later = NOW.plus(Duration::from_secs(1));
    let kept = tx.copy_list_unproved(id, later, 10).await?;
    tx.copy_proved(id, &kept, NOW).await?;
    tx.copy_kept(id, &key).await?;
    tx.copy_places(std::slice::from_ref(&key)).await?;
    tx.copy_page(id, "", 10).await?;
    tx.asset_called(&[key.asset()]).await?;
    tx.copy_counts(id).await?;
    tx.copy_waits_since(id).await?;
    tx.copy_proved_since(id).await?;
    tx.copy_broken(id, &kept[0], "", NOW).await?;
    tx.copy_list_failing(id, 10).await?;
    tx.object_doom(&key).await?;
    tx.object_delete(&key, NOW).await?;
    tx.copy_doomed_since(id, NOW).await?;
    tx.copy_count_doomed(id, NOW, later, 10).await?;
    let doomed = tx.copy_list_doomed(id, later, 10).await?;
    tx.copy_forget(id, &doomed).await?;
    tx.object_list_unproved(NOW, 10).await?;
    tx.object_page("", 10).await?;
    tx.object_known(std::slice::from_ref(&key)).await?;
    tx.object_proved(&[key], NOW).await?;
    let orphan = ("media/x".to_owned(), ByteSize::new(1)?);
    tx.orphan_note(id, std::slice::from_ref(&orphan), NOW).await?;
    tx.orphan_list(id, NOW, true, 10).await?;
    tx.orphan_count(id).await?;
    tx.orphan_confirm(id).await?;
    tx.orphan_forget(id, &[orphan.0]).await?;
    Ok(())
}

/// The same for jobs and events.
async fn call_the_queue(tx: &mut Write) -> Result<(), Error> {
    tx.job_counts(NOW).await?;
    tx.job_next_due(&["a"]).await?;
    let job = crate::NewJob {
        id: JobId::new(NOW),
        kind: "a".to_owned(),
        payload: String::new(),
        dedupe_key: Some("key".to_owned()),
        run_after: NOW,
        created_at: NOW,
    };
    tx.job_enqueue(&job).await?;
    tx.job_enqueue(&job).await?;
    tx.job_claim(&["a"], NOW, Duration::ZERO, 10).await?;
    tx.job_release(&["a"], NOW).await?;
    tx.job_list_failed("a", 10).await?;
    tx.job_failed_by_id(job.id).await?;
    tx.job_revive(job.id, NOW).await?;
    tx.job_forget("key").await?;
    tx.event_append("a", None, "", NOW).await?;
    tx.event_list(0, 10).await?;
    tx.event_prune(NOW).await?;
    Ok(())
}

impl From<picup_domain::Invalid> for Error {
    fn from(invalid: picup_domain::Invalid) -> Self {
        Self::Corrupt { column: invalid.field, reason: invalid.advice }
    }
}

/// The plans of all statements, by their names.
async fn plans(database: &Database) -> Vec<(&'static str, String)> {
    let mut tx = database.write().await.unwrap();
    call_everything(&mut tx).await.unwrap();
    administer(&mut tx).await.unwrap();
    throw_away(&mut tx).await.unwrap();
    share(&mut tx).await.unwrap();
    live_photos(&mut tx).await.unwrap();
    search(&mut tx).await.unwrap();
    keep_copies(&mut tx).await.unwrap();
    let plans = database.inner.plans.lock().unwrap().clone();
    assert!(plans.len() > 50, "{}", plans.len());
    plans
}

#[tokio::test]
async fn no_statement_reads_a_whole_table_or_sorts() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::sqlite(folder.path().join("picup.db"));
    let database = Database::open(&settings, Metrics::default()).await.unwrap();
    let plans = plans(&database).await;
    let bad: Vec<_> = plans
        .iter()
        .filter(|(name, _)| ALLOWED.iter().all(|(allowed, _)| name != allowed))
        .filter(|(_, step)| step.starts_with("SCAN") && step != "SCAN CONSTANT ROW" || step.contains("TEMP B-TREE"))
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
    let pages = plans.iter().filter(|(name, _)| name.starts_with("timeline_"));
    for (name, step) in pages {
        assert!(step.contains("COVERING INDEX assets_timeline") || step.contains("timeline_days"), "{name}: {step}");
    }
    let pages = plans.iter().filter(|(name, _)| name.starts_with("favourite_page"));
    for (name, step) in pages {
        assert!(step.contains("COVERING INDEX assets_favourites"), "{name}: {step}");
    }
    // However rare what is looked for: both ends of the walk bound what is read, and what depends on an asset is found by it.
    let walks = plans.iter().filter(|(name, _)| ["search_page", "search_end"].contains(name));
    for (name, step) in walks.filter(|(_, step)| step.starts_with("SEARCH")) {
        let bounds = ["captured_local>? AND captured_local<?)", "album_assets", "albums_owner (owner=? AND id=?)"];
        assert!(bounds.iter().any(|bound| step.contains(bound)), "{name}: {step}");
    }
    for (name, step) in plans.iter().filter(|(name, _)| ["asset_standings", "favourite_list"].contains(name)) {
        assert!(step.contains("(id=?)"), "{name}: {step}");
    }
    for (name, index) in [
        ("job_counts", "COVERING INDEX jobs_due"),
        ("asset_counts", "COVERING INDEX assets_state"),
        ("asset_damaged_owners", "COVERING INDEX assets_state"),
        ("motions_damaged", "COVERING INDEX assets_motion_state"),
        ("assets_in_trashes", "COVERING INDEX assets_trash_age"),
    ] {
        let plan = plans.iter().find(|(planned, _)| *planned == name).unwrap();
        assert!(plan.1.contains(index), "{name}: {}", plan.1);
    }
}

/// What makes a server's planner take its indexes seriously: tables with thousands of rows, a fifth of them somebody's. `n` runs
/// through the numbers of a helper table, which has an id and a hash of each, and its account and album.
const MUCH: [&str; 14] = [
    "SET SESSION foreign_key_checks = 0",
    "INSERT INTO accounts (id, email, name, role, password_hash, used_bytes, reserved_bytes, created_at, updated_at) \
     SELECT IF(n = 1, REPEAT(0x01, 16), id), CONCAT(n, '@example.com'), 'A', 'member', 'x', 0, 0, n, n \
     FROM numbers WHERE n <= 500",
    "INSERT INTO sessions (id, account, refresh_hash, label, created_at, last_used_at, expires_at) \
     SELECT id, account, REPEAT(0x01, 32), '', n, n, 1800000000000000 + n FROM numbers",
    "INSERT INTO assets (id, owner, kind, state, file_name, sha256, bytes, captured_at, captured_local, capture_source, \
     local_day, rendition_version, created_at, trashed_at, sha1, motion_sha256) \
     SELECT id, IF(n % 5 = 0, REPEAT(0x01, 16), account), 'photo', 'ready', 'a.jpg', \
     hash, 1, n, n * 1000000000, 'file', 20200101 + n % 28, 1, n, IF(n % 9 = 0, n, NULL), LEFT(hash, 20), \
     IF(n % 8 = 1, UNHEX(SHA2(n + 1000000, 256)), NULL) FROM numbers",
    "INSERT INTO timeline_days (owner, local_day, assets) \
     SELECT owner, local_day, COUNT(*) FROM assets GROUP BY owner, local_day",
    "INSERT INTO albums (id, owner, title, asset_count, created_at, updated_at) \
     SELECT id, IF(n % 2 = 0, REPEAT(0x01, 16), account), 'A', 0, n, n FROM numbers WHERE n <= 2000",
    "INSERT INTO album_assets (album, asset, position, added_at) \
     SELECT album, id, n, n FROM numbers",
    "INSERT INTO album_members (album, account, role, added_at) \
     SELECT album, account, 'viewer', n FROM numbers WHERE n <= 1000",
    "INSERT INTO share_links (id, account, token_hash, album, download, created_at, expires_at) \
     SELECT id, account, hash, IF(n % 2 = 0, album, NULL), 0, n, 2000000000000000 + n FROM numbers",
    "INSERT INTO share_link_assets (link, asset, position) SELECT album, id, n FROM numbers",
    "INSERT INTO objects (object_key, asset, role, bytes, state, created_at) \
     SELECT CONCAT('media/01890000-0000-7000-8000-000000000000/', LOWER(INSERT(INSERT(INSERT(INSERT(HEX(id), 9, 0, '-'), 14, 0, '-'), \
     19, 0, '-'), 24, 0, '-')), '/file/original.1.jpg'), id, 'original', 1, 'committed', n FROM numbers",
    "INSERT INTO uploads (id, owner, asset, file_name, bytes, sha256, handle, state, created_at, updated_at, expires_at) \
     SELECT id, account, id, 'a', 1, hash, '', 'committed', n, n, n FROM numbers",
    "INSERT INTO jobs (id, kind, payload, run_after, attempts, created_at) \
     SELECT id, ELT(1 + n % 4, 'a', 'b', 'c', 'd'), '', 2000000000000000 + n, 0, n FROM numbers",
    "INSERT INTO events (position, kind, payload, created_at) SELECT n + 1000000, 'a', '', 1800000000000000 + n FROM numbers",
];

/// A server's plans have what SQLite's have: nothing grows with the library. A type of `ALL` reads a table, one of `index` an index
/// from end to end (unless a limit ends it), and a sort is named for itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_reads_no_whole_table_either() {
    // What it knows of the tables is what ANALYZE says of all of each, whenever its own thread comes by.
    let exact = ["--innodb-stats-auto-recalc=OFF", "--innodb-stats-persistent-sample-pages=100000"];
    let server = picup_testkit::DatabaseServer::start(&exact).unwrap();
    server.say("CREATE DATABASE picup").unwrap();
    let database = Database::open(&Settings::mysql(server.url("picup")), Metrics::default()).await.unwrap();
    let twenty: Vec<String> = (0..20).map(|n| format!("SELECT {n} AS n")).collect();
    let twenty = twenty.join(" UNION ALL ");
    let id = |n: &str| format!("LEFT(UNHEX(SHA2({n}, 256)), 16)");
    let numbers = format!(
        "CREATE TABLE numbers (n BIGINT PRIMARY KEY) \
         WITH twenty AS ({twenty}), n AS (SELECT 1 + a.n + 20 * b.n + 400 * c.n AS n FROM twenty a, twenty b, twenty c) \
         SELECT n, {} AS id, {} AS account, {} AS album, UNHEX(SHA2(n, 256)) AS hash FROM n",
        id("n"),
        id("n % 500"),
        id("n % 200"),
    );
    let tables = "SELECT CONCAT('ANALYZE TABLE ', GROUP_CONCAT(table_name)) FROM information_schema.tables WHERE table_schema = 'picup'";
    server.say(&format!("USE picup; {numbers}; {}; DROP TABLE numbers", MUCH.join("; "))).unwrap();
    server.say(&format!("USE picup; {}", server.say(tables).unwrap())).unwrap();
    let plans = plans(&database).await;
    let bad: Vec<_> = plans
        .iter()
        .filter(|(name, _)| ALLOWED.iter().all(|(allowed, _)| name != allowed))
        .filter(|(_, step)| step.starts_with("ALL ") || step.contains("filesort") || step.contains("temporary"))
        // What changes the entries that it is found by is noted down first, on MySQL.
        .filter(|(name, step)| *name != "job_release" || step != "range jobs jobs_due Using where; Using temporary")
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
    let pages = plans.iter().filter(|(name, step)| name.starts_with("timeline_") && step != "adds");
    for (name, step) in pages {
        let covered = step.contains("assets_timeline") && step.contains("Using index");
        assert!(covered || step.contains(" timeline_days PRIMARY "), "{name}: {step}");
    }
}
