//! Everything at once: several owners do whatever they can think of, some of it twice at the same moment, and after each step
//! every figure and every list is what a plain model says.

mod plain;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::{join, join_all};
use picup_domain::{
    AccountId, AccountRole, AlbumId, AlbumTitle, AssetId, ByteSize, CaptureSource, CaptureTime, DisplayName, Email,
    LocalDay, PasswordHash, Timestamp, UploadId,
};
use proptest::prelude::*;

use self::plain::{CONTENTS, Plain};
use crate::admin::{self, Changes};
use crate::audit::Actor;
use crate::process::{self, Look};
use crate::queue::{self, Task};
use crate::testing::TestApp;
use crate::timeline::{Page, Window};
use crate::upload::tests::{send, wish};
use crate::upload::{self, Reserved};
use crate::{Error, account, album, edit, favourite, timeline, trash, usage};

const OWNERS: usize = 3;
/// Beyond an owner's contents, numbers mean those of the next owner, which are not there.
const NAMES: usize = CONTENTS + 2;

/// What an owner does. Numbers are contents, and albums from the oldest on.
#[derive(Debug, Clone)]
enum Op {
    Reserve(usize),
    Send(usize),
    Complete(usize),
    Cancel(usize),
    /// All of an upload.
    Keep(usize),
    Trash(Vec<usize>),
    Restore(Vec<usize>),
    Delete(Vec<usize>),
    Empty,
    Favour(Vec<usize>, bool),
    Edit(usize, u8),
    Create,
    Add(usize, Vec<usize>),
    Remove(usize, Vec<usize>),
    Cover(usize, Option<usize>),
    Order(usize, Vec<usize>, Option<usize>),
    Drop(usize),
    Quota(Option<u64>),
}

/// What came of it that only the app can know.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Did {
    Upload(UploadId),
    Asset(AssetId),
    Album(AlbumId),
    Full,
    Other,
}

#[derive(Debug, Clone)]
enum Step {
    /// Each owner's, all at once; `true` for what is asked for twice at the same moment.
    Owners(Vec<(Op, bool)>),
    /// What waits in the queue is done; `Some` for the day that every file tells.
    Work(Option<u8>),
}

fn op() -> impl Strategy<Value = Op> {
    let (one, album) = (|| 0..CONTENTS, || 0..3usize);
    let some = || prop::collection::vec(0..NAMES, 1..4);
    prop_oneof![
        4 => one().prop_map(Op::Reserve),
        3 => one().prop_map(Op::Send),
        3 => one().prop_map(Op::Complete),
        3 => one().prop_map(Op::Cancel),
        6 => one().prop_map(Op::Keep),
        2 => some().prop_map(Op::Trash),
        1 => some().prop_map(Op::Restore),
        1 => some().prop_map(Op::Delete),
        1 => Just(Op::Empty),
        2 => (some(), any::<bool>()).prop_map(|(which, favourite)| Op::Favour(which, favourite)),
        2 => (0..NAMES, 1..4u8).prop_map(|(content, day)| Op::Edit(content, day)),
        2 => Just(Op::Create),
        4 => (album(), some()).prop_map(|(album, which)| Op::Add(album, which)),
        1 => (album(), some()).prop_map(|(album, which)| Op::Remove(album, which)),
        2 => (album(), prop::option::of(0..NAMES)).prop_map(|(album, cover)| Op::Cover(album, cover)),
        2 => (album(), some(), prop::option::of(0..NAMES))
            .prop_map(|(album, which, before)| Op::Order(album, which, before)),
        1 => album().prop_map(Op::Drop),
        1 => prop::option::of(0..900u64).prop_map(Op::Quota),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::collection::vec((op(), any::<bool>()), OWNERS).prop_map(Step::Owners),
        1 => prop::option::of(4..7u8).prop_map(Step::Work),
    ]
}

fn size(content: usize) -> u64 {
    50 * (content as u64 + 1)
}

/// The bytes of a content: of one size for every owner, and each owner's own.
fn bytes(owner: AccountId, content: usize) -> Vec<u8> {
    let mut bytes = format!("{content} of {owner}").into_bytes();
    bytes.resize(usize::try_from(size(content)).unwrap(), b'.');
    bytes
}

fn time(day: u8, source: CaptureSource) -> CaptureTime {
    CaptureTime { source, ..CaptureTime::edited(&format!("2024-01-0{day}T12:00:00"), None).unwrap() }
}

async fn owner(app: &TestApp, number: usize) -> AccountId {
    let id = AccountId::new(app.now());
    let mut write = app.database().write().await.unwrap();
    let new = picup_database::NewAccount {
        id,
        email: Email::new(&format!("{number}@example.com")).unwrap(),
        name: DisplayName::new("Ada").unwrap(),
        role: AccountRole::Admin,
        // Nobody signs in here, and hashing a password takes its time.
        password_hash: PasswordHash::new(String::new()),
        quota: Some(ByteSize::new(700).unwrap()),
        created_at: app.now(),
    };
    write.account_insert(&new).await.unwrap();
    write.commit().await.unwrap();
    id
}

/// Does it for real. Refusals are answers too: what is right to refuse, the state afterwards shows.
async fn act(app: &TestApp, plain: &Plain, foreign: &[AssetId], op: &Op) -> Did {
    let owner = plain.owner;
    let unknown = AssetId::new(app.now());
    let named = |content: &usize| match content.checked_sub(CONTENTS) {
        None => plain.assets.get(content).map_or(unknown, |kept| kept.id),
        Some(theirs) => foreign.get(theirs).copied().unwrap_or(unknown),
    };
    let all = |which: &[usize]| -> Vec<AssetId> { which.iter().map(named).collect() };
    let no_album = AlbumId::new(app.now());
    let number = |number: usize| plain.album(number).map_or(no_album, |album| album.id);
    let upload_of = |content: &usize| plain.uploads.get(content).map_or(UploadId::new(app.now()), |upload| upload.0);
    match op {
        Op::Reserve(content) => reserve(app, owner, *content).await,
        Op::Send(content) => done(send(app, owner, upload_of(content), &bytes(owner, *content)).await),
        Op::Complete(content) => complete(app, owner, upload_of(content)).await,
        Op::Cancel(content) => done(upload::cancel(app, owner, upload_of(content)).await),
        Op::Keep(content) => match reserve(app, owner, *content).await {
            Did::Upload(id) => {
                // Whoever comes second may find that it is all done.
                let _ = send(app, owner, id, &bytes(owner, *content)).await;
                complete(app, owner, id).await
            }
            other => other,
        },
        Op::Trash(which) => done(trash::put(app, owner, &all(which)).await),
        Op::Restore(which) => done(trash::restore(app, owner, &all(which)).await),
        Op::Delete(which) => done(trash::delete(app, owner, &all(which)).await),
        Op::Empty => done(trash::empty(app, owner).await),
        Op::Favour(which, favourite) => done(favourite::set(app, owner, &all(which), *favourite).await),
        Op::Edit(content, day) => {
            let capture = Some(time(*day, CaptureSource::Edited));
            done(edit::edit(app, owner, named(content), &edit::Edit { capture, ..edit::Edit::default() }).await)
        }
        Op::Create => Did::Album(album::create(app, owner, AlbumTitle::new("Holiday").unwrap()).await.unwrap().id),
        Op::Add(at, which) => done(album::add(app, owner, number(*at), &all(which)).await),
        Op::Remove(at, which) => done(album::remove(app, owner, number(*at), &all(which)).await),
        Op::Cover(at, cover) => {
            let change = album::Change { cover: Some(cover.as_ref().map(named)), ..album::Change::default() };
            done(album::change(app, owner, number(*at), &change).await)
        }
        Op::Order(at, which, before) => {
            done(album::order(app, owner, number(*at), &all(which), before.as_ref().map(named)).await)
        }
        Op::Drop(at) => done(album::delete(app, owner, number(*at)).await),
        Op::Quota(quota) => {
            let quota = Some(quota.map(|quota| ByteSize::new(quota).unwrap()));
            done(admin::update(app, Actor::Operator, owner, Changes { quota, ..Changes::default() }).await)
        }
    }
}

/// An answer, or a refusal of what a caller may well ask for; a failure of PicUp's own is neither.
fn done<T>(result: Result<T, Error>) -> Did {
    match result {
        Ok(_) | Err(Error::NotFound(_) | Error::Invalid(_) | Error::Conflict(_) | Error::PartsMissing(_)) => Did::Other,
        Err(error) => panic!("{}", error.story()),
    }
}

async fn reserve(app: &TestApp, owner: AccountId, content: usize) -> Did {
    match upload::reserve(app, owner, wish(&bytes(owner, content))).await {
        Ok(Reserved::Upload(upload)) => Did::Upload(upload.id),
        Ok(Reserved::Duplicate(asset)) => Did::Asset(asset),
        Err(Error::QuotaExceeded { .. }) => Did::Full,
        Err(error) => panic!("{}", error.story()),
    }
}

async fn complete(app: &TestApp, owner: AccountId, id: UploadId) -> Did {
    match upload::complete(app, owner, id).await {
        Ok(asset) => Did::Asset(asset),
        other => done(other),
    }
}

/// One owner's part of a step.
async fn part(app: &TestApp, plain: &Plain, foreign: &[AssetId], op: &Op, twice: bool) -> Did {
    // Two albums would be made.
    if !twice || matches!(op, Op::Create) {
        return act(app, plain, foreign, op).await;
    }
    match join(act(app, plain, foreign, op), act(app, plain, foreign, op)).await {
        (Did::Other, did) => did,
        (did, _) => did,
    }
}

async fn owners(app: &TestApp, plains: &mut [Plain], ops: &[(Op, bool)]) {
    let ids = |plain: &Plain| -> Vec<AssetId> { plain.assets.values().map(|kept| kept.id).collect() };
    let foreign: Vec<Vec<AssetId>> = (1..=plains.len()).map(|next| ids(&plains[next % plains.len()])).collect();
    let full: Vec<bool> = plains
        .iter()
        .zip(ops)
        .map(|(plain, (op, _))| matches!(op, Op::Reserve(content) | Op::Keep(content) if plain.is_full(*content)))
        .collect();
    let parts =
        plains.iter().zip(&foreign).zip(ops).map(|((plain, theirs), (op, twice))| part(app, plain, theirs, op, *twice));
    let did = join_all(parts).await;
    for (((plain, (op, _)), did), full) in plains.iter_mut().zip(ops).zip(did).zip(full) {
        assert_eq!(did == Did::Full, full, "{op:?}: {did:?} with a quota of {:?}", plain.quota);
        plain.take(op, did, app.now());
    }
}

/// Does what waits in the queue.
async fn work(app: &TestApp, plains: &mut [Plain], found: Option<u8>) {
    loop {
        let mut write = app.database().write().await.unwrap();
        let jobs = write.job_claim(&queue::KINDS, app.now(), Duration::from_secs(60), 10).await.unwrap();
        write.commit().await.unwrap();
        if jobs.is_empty() {
            break;
        }
        for job in jobs {
            match Task::read(&job.kind, &job.payload).unwrap() {
                Task::Process { owner, asset } => {
                    let plain = plains.iter_mut().find(|plain| plain.owner == owner).unwrap();
                    plain.processed(asset, found);
                    match found {
                        None => process::process(app, owner, asset, Look::Unseen, job.lease).await.unwrap(),
                        Some(day) => learn(app, owner, asset, day, job.lease).await,
                    }
                }
                Task::EmptyTrash { owner, until } => trash::work_empty(app, owner, until, job.lease).await.unwrap(),
                other => panic!("{other:?}"),
            }
        }
    }
    plains.iter_mut().for_each(Plain::empty);
}

/// What processing does at its end with a file that tells its time.
async fn learn(app: &TestApp, owner: AccountId, asset: AssetId, day: u8, lease: picup_database::JobLease) {
    let mut write = app.database().write().await.unwrap();
    assert!(write.job_complete(lease).await.unwrap());
    if let Some(row) = write.asset_by_id(owner, asset).await.unwrap() {
        let capture = time(day, CaptureSource::Exif);
        let facts = picup_database::AssetFacts { capture, ..row.facts };
        write.asset_make_unviewable(owner, asset, &facts).await.unwrap();
    }
    write.commit().await.unwrap();
}

async fn check(app: &TestApp, plain: &Plain) {
    let owner = plain.owner;
    let quota = account::fetch(app, owner).await.unwrap().quota;
    assert_eq!((quota.used.get(), quota.reserved.get()), (plain.used(), plain.reserved()), "used and reserved");
    let stands = app.database().read_fresh().await.unwrap().usage_stands(owner).await.unwrap().unwrap();
    assert_eq!(stands.open_uploads, plain.uploads.len() as u64, "uploads under way");
    assert_eq!(usage::verify(app, owner).await.unwrap().len(), 0, "figures that do not add up");

    let mut days: BTreeMap<LocalDay, u64> = BTreeMap::new();
    for kept in plain.assets.values().filter(|kept| kept.trashed.is_none()) {
        *days.entry(kept.capture.day()).or_default() += 1;
    }
    let counted = timeline::days(app, owner).await.unwrap();
    let counted: BTreeMap<LocalDay, u64> = counted.into_iter().map(|day| (day.day, day.assets)).collect();
    assert_eq!(counted, days, "the days of the timeline");

    let seen = |page: Page| -> Vec<AssetId> { page.assets.into_iter().map(|asset| asset.id).collect() };
    let list = |which: &dyn Fn(&plain::Kept) -> Option<Timestamp>| -> Vec<AssetId> {
        let mut list: Vec<_> =
            plain.assets.values().filter_map(|kept| Some(Reverse((which(kept)?, kept.id)))).collect();
        list.sort_unstable();
        list.into_iter().map(|Reverse((_, id))| id).collect()
    };
    let taken = |kept: &plain::Kept| kept.trashed.is_none().then_some(kept.capture.local);
    let page = timeline::assets(app, owner, Window::default(), None, 50).await.unwrap();
    assert_eq!(seen(page), list(&taken), "the timeline");
    let page = favourite::list(app, owner, None, 50).await.unwrap();
    assert_eq!(seen(page), list(&|kept| taken(kept).filter(|_| kept.favourite)), "the favourites");
    assert_eq!(seen(trash::list(app, owner, None, 50).await.unwrap()), list(&|kept| kept.trashed), "the trash");

    let albums = album::list(app, owner, None, 50).await.unwrap().albums;
    assert_eq!(albums.len(), plain.albums.len(), "albums");
    for known in &plain.albums {
        let (found, shown) = (album::fetch(app, owner, known.id).await.unwrap(), plain.shown(known));
        assert_eq!(found.asset_count, shown.len() as u64, "an album's count");
        assert_eq!(found.cover.map(|cover| cover.id), known.chosen.or(shown.first().copied()), "an album's cover");
        assert_eq!(seen(album::assets(app, owner, known.id, None, 50).await.unwrap()), shown, "an album's order");
    }
}

#[test]
fn whatever_several_owners_do_at_once_every_figure_is_exact() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = ProptestConfig { cases: 24, max_shrink_iters: 400, ..ProptestConfig::default() };
    proptest!(config, |(steps in prop::collection::vec(step(), 20..50))| {
        runtime.block_on(async {
            let app = TestApp::new().await;
            let mut plains = Vec::new();
            for number in 0..OWNERS {
                plains.push(Plain::new(owner(&app, number).await, Some(700)));
            }
            for step in &steps {
                app.clock.advance(Duration::from_secs(1));
                match step {
                    Step::Owners(ops) => owners(&app, &mut plains, ops).await,
                    Step::Work(found) => work(&app, &mut plains, *found).await,
                }
                for plain in &plains {
                    check(&app, plain).await;
                }
            }
        });
    });
}
