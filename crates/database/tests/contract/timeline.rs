use std::collections::BTreeMap;

use picup_database::{Direction, TimelineAsset, TimelineCursor};
use picup_domain::{AssetId, LocalDay};
use proptest::prelude::*;

use crate::asset::facts;
use crate::fresh::{account, asset, at, capture, fresh, new_asset};

const DAY: i64 = 86_400;

fn ids(page: &[TimelineAsset]) -> Vec<AssetId> {
    page.iter().map(|asset| asset.id).collect()
}

#[tokio::test]
async fn days_are_counted_and_pages_carry_what_a_grid_needs() {
    let db = fresh().await;
    let (owner, other) = (account(&db, None).await, account(&db, None).await);
    let old = asset(&db, owner, 0).await;
    let new = asset(&db, owner, DAY).await;
    let newer = asset(&db, owner, DAY + 1).await;
    asset(&db, other, 5 * DAY).await;
    let mut tx = db.write().await.unwrap();
    assert!(tx.asset_make_ready(owner, new, &facts(DAY)).await.unwrap().is_some());
    tx.commit().await.unwrap();

    let mut read = db.read().await.unwrap();
    let days = read.timeline_days(owner).await.unwrap();
    let counts: Vec<_> = days.iter().map(|day| (day.day.to_string(), day.assets)).collect();
    assert_eq!(counts, [("2023-11-15".to_owned(), 2), ("2023-11-14".to_owned(), 1)]);

    let page = read.timeline_page(owner, None, Direction::Older, 10).await.unwrap();
    assert_eq!(ids(&page), [newer, new, old]);
    let shown = &page[1];
    assert_eq!((shown.width, shown.height), (Some(4000), Some(3000)));
    assert_eq!(shown.placeholder.as_deref(), Some([0, 1, 255].as_slice()));
    assert_eq!((shown.rendition_version, shown.thumbnail_extension.as_deref()), (1, Some("webp")));
    assert_eq!(shown.day, capture(DAY).day());

    let (first, last) = (capture(0).day(), capture(DAY).day());
    assert_eq!(ids(&read.timeline_range(owner, first, first, 10).await.unwrap()), [old]);
    assert_eq!(ids(&read.timeline_range(owner, last, first, 2).await.unwrap()), [newer, new]);
    assert_eq!(ids(&read.timeline_range(owner, last, last, 10).await.unwrap()), [newer, new]);
    assert!(read.timeline_range(owner, first, last, 10).await.unwrap().is_empty(), "backwards");
}

#[tokio::test]
async fn a_range_reaches_from_the_first_day_to_the_last() {
    let db = fresh().await;
    let owner = account(&db, None).await;
    let id = asset(&db, owner, 0).await;
    let day = |text: &str| text.parse::<LocalDay>().unwrap();
    let mut read = db.read().await.unwrap();
    let all = read.timeline_range(owner, day("9999-12-31"), day("0001-01-01"), 10).await.unwrap();
    assert_eq!(ids(&all), [id]);
}

#[tokio::test]
async fn pages_do_not_drop_assets_of_the_same_moment() {
    let db = fresh().await;
    let owner = account(&db, None).await;
    for _ in 0..7 {
        asset(&db, owner, 0).await;
    }
    let mut read = db.read().await.unwrap();
    let mut seen = Vec::new();
    let mut from = None;
    loop {
        let page = read.timeline_page(owner, from, Direction::Older, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        from = Some(last.cursor());
        seen.extend(ids(&page));
    }
    let mut expected = seen.clone();
    expected.sort_unstable_by(|a, b| b.cmp(a));
    expected.dedup();
    assert_eq!(seen, expected);
    assert_eq!(seen.len(), 7);
}

#[derive(Debug, Clone)]
enum Step {
    Insert(i64),
    Move(usize, i64),
    Page(Option<(i64, usize)>, bool, u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Few moments, so that many assets share one.
    let moment = || (-3i64..6).prop_map(|n| n * DAY / 2);
    let step = prop_oneof![
        4 => moment().prop_map(Step::Insert),
        2 => (any::<prop::sample::Index>(), moment()).prop_map(|(which, to)| Step::Move(which.index(1 << 16), to)),
        3 => (prop::option::of((moment(), 0usize..40)), any::<bool>(), 1u32..9)
            .prop_map(|(from, older, limit)| Step::Page(from, older, limit)),
    ];
    prop::collection::vec(step, 1..50)
}

/// The page by the plainest means: sort everything, skip, take.
fn naive(
    model: &BTreeMap<AssetId, i64>,
    from: Option<TimelineCursor>,
    direction: Direction,
    limit: usize,
) -> Vec<AssetId> {
    let mut all: Vec<_> = model.iter().map(|(id, captured)| (at(*captured), *id)).collect();
    all.sort_unstable();
    let place = from.map(|from| (from.captured_local, from.id));
    let mut page: Vec<AssetId> = match direction {
        Direction::Older => {
            all.iter().rev().filter(|it| place.is_none_or(|place| **it < place)).map(|it| it.1).take(limit).collect()
        }
        Direction::Newer => {
            all.iter().filter(|it| place.is_none_or(|place| **it > place)).map(|it| it.1).take(limit).collect()
        }
    };
    if direction == Direction::Newer {
        page.reverse();
    }
    page
}

#[test]
fn pages_and_counts_are_those_of_a_naive_model() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let db = runtime.block_on(fresh());
    proptest!(ProptestConfig::with_cases(60), |(steps in steps())| {
        runtime.block_on(async {
            let owner = account(&db, None).await;
            let mut model: BTreeMap<AssetId, i64> = BTreeMap::new();
            let mut waiting: Vec<AssetId> = Vec::new();
            let mut tx = db.write().await.unwrap();
            for step in steps {
                match step {
                    Step::Insert(captured) => {
                        let new = new_asset(owner, captured);
                        tx.asset_insert(&new).await.unwrap();
                        model.insert(new.id, captured);
                        waiting.push(new.id);
                    }
                    Step::Move(which, to) if !waiting.is_empty() => {
                        let id = waiting.swap_remove(which % waiting.len());
                        prop_assert!(tx.asset_make_ready(owner, id, &facts(to)).await.unwrap().is_some());
                        model.insert(id, to);
                    }
                    Step::Move(..) => {}
                    Step::Page(from, older, limit) => {
                        let from = from.map(|(captured, which)| TimelineCursor {
                            captured_local: at(captured),
                            // An asset that is there as often as one that is not.
                            id: model.keys().nth(which).copied().unwrap_or_else(|| AssetId::new(at(captured.max(0)))),
                        });
                        let direction = if older { Direction::Older } else { Direction::Newer };
                        let page = tx.timeline_page(owner, from, direction, limit).await.unwrap();
                        prop_assert_eq!(ids(&page), naive(&model, from, direction, limit as usize));
                    }
                }
            }
            let mut days: BTreeMap<LocalDay, u64> = BTreeMap::new();
            for captured in model.values() {
                *days.entry(capture(*captured).day()).or_default() += 1;
            }
            let expected: Vec<_> = days.into_iter().rev().collect();
            let counted = tx.timeline_days(owner).await.unwrap();
            prop_assert_eq!(counted.iter().map(|day| (day.day, day.assets)).collect::<Vec<_>>(), expected);
            Ok(())
        })?;
    });
}
