//! Three hundred real photographs with real EXIF: all shown, in the right order, the right way up, at the right time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use futures_util::{StreamExt as _, stream};
use picup_api::wire::{Albums, Asset, AssetColumns, AssetState, Timeline};
use picup_testkit::samples;

use crate::app::TestApp;
use crate::client::{Client, hash};
use crate::exiftool;

/// Photographs that no picture can be made from yet, each with its reason. Empty is the aim.
const NOT_SHOWN: [(&str, &str); 0] = [];

/// The photographs under one name each, so that a file and its asset find each other.
fn photographs() -> BTreeMap<String, Vec<u8>> {
    let folder = samples::photographs().expect("scripts/fetch-samples was run");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (name(&path), std::fs::read(path).unwrap())).collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn counts(stdout: &str) -> BTreeMap<String, u64> {
    serde_json::from_str::<BTreeMap<String, u64>>(stdout.lines().last().unwrap()).unwrap()
}

async fn all_assets(ada: &Client, timeline: &AssetColumns) -> Vec<Asset> {
    // So many at once: of all at once, the last would wait for the database for longer than anybody does.
    stream::iter(&timeline.id).map(|id| ada.asset(*id)).buffered(8).collect().await
}

#[tokio::test]
async fn three_hundred_real_photographs() {
    let files = photographs();
    assert!(files.len() >= 300, "{}", files.len());
    let folder = samples::photographs().unwrap();
    let app = TestApp::builder().account("ada").start().await;
    let (done, said) = tokio::join!(app.import("ada", &folder, None, &["--album", "Real"]), exiftool::ask(&folder));
    assert!(done.status.success(), "{}\n{}", done.stdout, done.stderr);
    let first = counts(&done.stdout);
    let hashes: BTreeSet<String> = files.values().map(|content| hash(content)).collect();
    assert_eq!(first["found"], first["uploaded"] + first["duplicate"] + first["skipped"] + first["failed"]);
    assert_eq!((first["found"], first["failed"], first["skipped"]), (files.len() as u64, 0, 0), "{first:?}");
    assert_eq!(first["uploaded"], hashes.len() as u64);
    app.settle().await;

    let ada = app.sign_in_browser("ada").await;
    let timeline = ada.timeline().await;
    let assets = all_assets(&ada, &timeline).await;
    assert_eq!(assets.iter().map(|asset| asset.sha256.clone()).collect::<BTreeSet<_>>(), hashes);
    all_are_shown(&assets);
    in_order(&assets, &timeline);
    days_add_up(&ada, &assets).await;
    at_the_time_exiftool_says(&files, &assets, &said);
    the_right_way_up(&ada, &assets, &said).await;
    in_the_album(&ada, &assets).await;

    let before = (ada.get("/api/timeline").await.text(), ada.get("/api/account").await.text());
    let again = app.import("ada", &folder, None, &["--album", "Real"]).await;
    let second = counts(&again.stdout);
    assert_eq!((second["uploaded"], second["bytes"], second["failed"]), (0, 0, 0), "{second:?}");
    assert_eq!(second["duplicate"], files.len() as u64);
    assert_eq!((ada.get("/api/timeline").await.text(), ada.get("/api/account").await.text()), before);
    in_the_album(&ada, &assets).await;
    app.finish().await;
}

fn all_are_shown(assets: &[Asset]) {
    let not_shown: BTreeMap<&str, String> = assets
        .iter()
        .filter(|asset| asset.state != AssetState::Ready)
        .map(|asset| {
            (asset.file_name.as_str(), format!("{:?}: {}", asset.state, asset.reason.clone().unwrap_or_default()))
        })
        .collect();
    let expected: BTreeSet<&str> = NOT_SHOWN.iter().map(|(name, _)| *name).collect();
    assert_eq!(not_shown.keys().copied().collect::<BTreeSet<_>>(), expected, "{not_shown:#?}");
}

/// Newest first by the time on the wall, then by id, exactly.
fn in_order(assets: &[Asset], timeline: &AssetColumns) {
    // To the second only over the API: what falls into one second may stand in the order of fractions.
    let ordered = assets.windows(2).all(|pair| pair[0].captured.local >= pair[1].captured.local);
    assert!(ordered, "the timeline is not in the order of capture");
    for (asset, day) in assets.iter().zip(&timeline.day) {
        assert_eq!(&asset.captured.local[..10], day);
    }
    let distinct: BTreeSet<_> = timeline.id.iter().collect();
    assert_eq!(distinct.len(), timeline.id.len(), "a page repeats what the last one had");
}

async fn days_add_up(ada: &Client, assets: &[Asset]) {
    let timeline: Timeline = ada.get("/api/timeline").await.json(200);
    let mut days: BTreeMap<&str, u64> = BTreeMap::new();
    for asset in assets {
        *days.entry(&asset.captured.local[..10]).or_default() += 1;
    }
    let told: Vec<(&str, u64)> = timeline.days.iter().map(|day| (day.day.as_str(), day.count)).collect();
    assert_eq!(told, days.into_iter().rev().collect::<Vec<_>>());
    assert_eq!(timeline.total, assets.len() as u64);
    // One day alone has exactly its own.
    let day = &timeline.days[timeline.days.len() / 2];
    let page: AssetColumns = ada.get(&format!("/api/timeline/assets?newest={0}&oldest={0}", day.day)).await.json(200);
    assert_eq!((page.id.len() as u64, page.day.iter().all(|on| on == &day.day)), (day.count, true));
}

fn at_the_time_exiftool_says(files: &BTreeMap<String, Vec<u8>>, assets: &[Asset], said: &[exiftool::Said]) {
    let by_hash: BTreeMap<&str, &Asset> = assets.iter().map(|asset| (asset.sha256.as_str(), asset)).collect();
    let (mut compared, mut wrong) = (0, Vec::new());
    for file in said {
        let name = name(Path::new(&file.source_file));
        let asset = by_hash[hash(&files[&name]).as_str()];
        let Some(taken) = file.taken() else { continue };
        compared += 1;
        let ours =
            exiftool::Taken { local: asset.captured.local.clone(), offset_minutes: asset.captured.offset_minutes };
        if ours != taken || asset.captured.source != "exif" {
            wrong.push(format!("{name}: ours {ours:?} by {}, exiftool's {taken:?}", asset.captured.source));
        }
    }
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared >= 200, "only {compared} have a time: are these the right photographs?");
}

/// Sizes are those of the picture as shown, and the pictures made from it have the same shape.
async fn the_right_way_up(ada: &Client, assets: &[Asset], said: &[exiftool::Said]) {
    let folder = samples::photographs().unwrap();
    let turned: BTreeSet<String> =
        said.iter().filter(|file| file.turned()).map(|file| name(Path::new(&file.source_file))).collect();
    assert!(turned.len() >= 3, "too few turned photographs to tell: {turned:?}");
    let ready = assets.iter().filter(|asset| asset.state == AssetState::Ready);
    stream::iter(ready)
        .for_each_concurrent(8, async |asset| {
            let turned = turned.contains(&asset.file_name);
            let (width, height) = (f64::from(asset.width.unwrap()), f64::from(asset.height.unwrap()));
            if let Some((stored_width, stored_height)) =
                imagesize(&std::fs::read(folder.join(&asset.file_name)).unwrap())
            {
                let expected = if turned { (stored_height, stored_width) } else { (stored_width, stored_height) };
                assert_eq!((asset.width, asset.height), (Some(expected.0), Some(expected.1)), "{}", asset.file_name);
            }
            for path in [&asset.media.thumbnail, &asset.media.preview].map(|path| path.as_ref().unwrap()) {
                let picture = ada.get(path).await;
                let (shown_width, shown_height) =
                    imagesize(&picture.body).unwrap_or_else(|| panic!("{path} is no picture"));
                let (shown_width, shown_height) = (f64::from(shown_width), f64::from(shown_height));
                // Within a pixel of the exact shape.
                let scale = (shown_width / width).max(shown_height / height);
                let off = (shown_width - width * scale).abs().max((shown_height - height * scale).abs());
                assert!(off <= 1.5, "{}: {path} is {shown_width}×{shown_height} of {width}×{height}", asset.file_name);
            }
        })
        .await;
}

async fn in_the_album(ada: &Client, assets: &[Asset]) {
    let albums: Albums = ada.get("/api/albums").await.json(200);
    assert_eq!(albums.albums.len(), 1);
    let album = &albums.albums[0];
    assert_eq!((album.title.as_str(), album.count), ("Real", assets.len() as u64));
    assert!(album.cover.as_ref().is_some_and(|cover| cover.thumbnail.is_some()), "{album:?}");
    let (mut inside, mut path) = (BTreeSet::new(), format!("/api/albums/{}/assets?limit=150", album.id));
    loop {
        let page: AssetColumns = ada.get(&path).await.json(200);
        inside.extend(page.id);
        match page.next {
            Some(next) => path = format!("/api/albums/{}/assets?limit=150&cursor={next}", album.id),
            None => break,
        }
    }
    assert_eq!(inside, assets.iter().map(|asset| asset.id).collect());
}

/// Width and height as the file's own header has them: JPEG, PNG, GIF and the three kinds of WebP.
fn imagesize(bytes: &[u8]) -> Option<(u32, u32)> {
    let be16 = |at: usize| Some(u32::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    let le16 = |at: usize| Some(u32::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    let be32 = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    if bytes.starts_with(b"\x89PNG") {
        return Some((be32(16)?, be32(20)?));
    }
    if bytes.starts_with(b"GIF8") {
        return Some((le16(6)?, le16(8)?));
    }
    if bytes.starts_with(b"RIFF") {
        let le24 = |at: usize| Some(le16(at)? | u32::from(*bytes.get(at + 2)?) << 16);
        return match bytes.get(12..16)? {
            b"VP8X" => Some((le24(24)? + 1, le24(27)? + 1)),
            b"VP8 " => Some((le16(26)? & 0x3fff, le16(28)? & 0x3fff)),
            b"VP8L" => {
                let bits = u32::from_le_bytes(bytes.get(21..25)?.try_into().ok()?);
                Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
            }
            _ => None,
        };
    }
    let mut at = 2;
    while bytes.starts_with(&[0xff, 0xd8]) {
        while *bytes.get(at + 1)? == 0xff {
            at += 1;
        }
        match *bytes.get(at + 1)? {
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => return Some((be16(at + 7)?, be16(at + 5)?)),
            0xda | 0xd9 => return None,
            _ => at += 2 + be16(at + 2)? as usize,
        }
    }
    None
}
