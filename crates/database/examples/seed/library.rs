//! A library such as a family has after twenty years: few photos a day at first and more with each better phone, more on
//! weekends, a great many on journeys, none on many days. Chance is drawn from a fixed seed, so that every run makes the same.

use std::time::Duration;

use picup_domain::{CaptureSource, CaptureTime, Timestamp};

const DAYS: u64 = 20 * 365 + 5;
/// 1 July 2006, a Saturday; the last day is 30 June 2026.
const FIRST_DAY_SECONDS: i64 = 1_151_712_000;
const DAY_SECONDS: i64 = 86_400;
const OFFSET_MINUTES: i16 = 60;
const BETWEEN_TWO_BROUGHT: Duration = Duration::from_millis(30);
/// As photos are looked at: width and height, and how many of a hundred have them.
const SHAPES: [(u32, u32, u64); 8] = [
    (4032, 3024, 38),
    (3024, 4032, 26),
    (6000, 4000, 10),
    (4000, 6000, 4),
    (1920, 1080, 8),
    (1080, 1920, 8),
    (2048, 2048, 5),
    (9000, 2700, 1),
];

/// Which library is made. Each has its own days and its own chance.
#[derive(Clone, Copy)]
pub(crate) struct Library {
    pub(crate) assets: u64,
    /// From 0.
    pub(crate) number: u64,
    /// When its first asset was brought to PicUp, and the others after it; without it, each when it was taken.
    pub(crate) brought_at: Option<Timestamp>,
}

/// A day and how many assets it has.
#[derive(Clone, Copy)]
pub(crate) struct Day {
    /// As a database stores it: 20240531.
    pub(crate) number: i32,
    pub(crate) assets: u64,
    /// Its midnight on the wall, in seconds since 1970.
    midnight: i64,
}

/// What a row of the table says.
pub(crate) struct Asset {
    /// From 1, oldest first.
    pub(crate) number: u64,
    pub(crate) id: [u8; 16],
    pub(crate) sha256: [u8; 32],
    pub(crate) bytes: u64,
    pub(crate) captured_at: i64,
    pub(crate) captured_local: i64,
    pub(crate) offset_minutes: i16,
    pub(crate) day: i32,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Of videos.
    pub(crate) duration_ms: Option<u64>,
    pub(crate) placeholder: [u8; 25],
    pub(crate) favourite: bool,
    pub(crate) created_at: i64,
}

/// The days of a library, oldest first, with exactly its assets together.
pub(crate) fn days(library: Library) -> Vec<Day> {
    let assets = library.assets;
    let mut chance = Chance::of(library.number, 1);
    let mut journey = 0;
    let weights: Vec<u64> = (0..DAYS)
        .map(|index| {
            journey = if journey > 0 {
                journey - 1
            } else if chance.below(60) == 0 {
                4 + chance.below(12)
            } else {
                0
            };
            let usual = if matches!(index % 7, 0 | 1) { 14 } else { 5 };
            let growth = 20 + index * 80 / DAYS;
            let busy = if journey > 0 { 10 } else { 1 };
            if journey == 0 && chance.below(6) == 0 { 0 } else { (1 + chance.below(usual)) * growth * busy }
        })
        .collect();
    let all: u64 = weights.iter().sum();
    let mut passed = 0;
    // The share of the weights passed so far, rounded, so that the counts add up to the very number.
    let share =
        |weight: u64| u64::try_from(u128::from(weight) * u128::from(assets) / u128::from(all)).unwrap_or(assets);
    let day = |(index, weight): (usize, &u64)| {
        let before = share(passed);
        passed += weight;
        let midnight = FIRST_DAY_SECONDS + i64::try_from(index).unwrap_or_default() * DAY_SECONDS;
        Day { number: wall(midnight * 1_000_000).day().as_number(), assets: share(passed) - before, midnight }
    };
    weights.iter().enumerate().map(day).collect()
}

/// The assets of a library on these days, oldest first.
pub(crate) fn assets(library: Library, days: &[Day]) -> impl Iterator<Item = Asset> {
    let mut chance = Chance::of(library.number, 2);
    let mut number = 0;
    days.iter().flat_map(|day| (0..day.assets).map(move |index| (day, index))).map(move |(day, index)| {
        number += 1;
        asset(&mut chance, library.brought_at, number, day, index)
    })
}

fn asset(chance: &mut Chance, brought_at: Option<Timestamp>, number: u64, day: &Day, index: u64) -> Asset {
    // From eight in the morning until ten at night, one after the other.
    let into_day = 8 * 3_600_000_000 + 14 * 3_600_000_000 * index / day.assets;
    let local = day.midnight * 1_000_000 + i64::try_from(into_day).unwrap_or_default();
    let time = wall(local);
    let video = chance.below(100) < 6;
    let (width, height) = shape(chance, video);
    let created =
        brought_at.map_or(time.at, |first| first.plus(BETWEEN_TWO_BROUGHT * u32::try_from(number).unwrap_or(0)));
    let pixels = u64::from(width) * u64::from(height);
    Asset {
        number,
        id: id(created, chance),
        sha256: chance.bytes(),
        bytes: if video { 20_000_000 + chance.below(80_000_000) } else { pixels / 5 + chance.below(pixels / 5) },
        captured_at: time.at.micros(),
        captured_local: local,
        offset_minutes: OFFSET_MINUTES,
        day: day.number,
        width,
        height,
        duration_ms: video.then(|| 1_000 + chance.below(90_000)),
        placeholder: placeholder(chance, width, height),
        favourite: chance.below(50) == 0,
        created_at: created.micros(),
    }
}

fn shape(chance: &mut Chance, video: bool) -> (u32, u32) {
    let mut left = if video { 86 - chance.below(16).min(8) } else { chance.below(100) };
    for (width, height, of_a_hundred) in SHAPES {
        if left < of_a_hundred {
            return (width, height);
        }
        left -= of_a_hundred;
    }
    (SHAPES[0].0, SHAPES[0].1)
}

/// A UUIDv7 (RFC 9562, 5.7) born then.
pub(crate) fn id(at: Timestamp, chance: &mut Chance) -> [u8; 16] {
    let millis = u64::try_from(at.micros() / 1_000).unwrap_or_default();
    let mut id: [u8; 16] = chance.bytes();
    id[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    id[6] = 0x70 | (id[6] & 0x0f);
    id[8] = 0x80 | (id[8] & 0x3f);
    id
}

/// A thumbhash of some soft picture: middling light, little colour, few waves (its form: the reference implementation of
/// thumbhash, `rgbaToThumbHash`).
fn placeholder(chance: &mut Chance, width: u32, height: u32) -> [u8; 25] {
    let mut hash: [u8; 25] = chance.bytes();
    let (light, warm, green) = (24 + chance.below(24), 26 + chance.below(12), 27 + chance.below(10));
    let whole = light | warm << 6 | green << 12 | chance.below(9) << 18;
    hash[..3].copy_from_slice(&whole.to_le_bytes()[..3]);
    let landscape = width > height;
    let waves = u64::from((7 * width.min(height) / width.max(height)).max(1));
    let shape = waves | chance.below(7) << 3 | chance.below(5) << 9 | u64::from(landscape) << 15;
    hash[3..5].copy_from_slice(&shape.to_le_bytes()[..2]);
    hash
}

fn wall(local_micros: i64) -> CaptureTime {
    let at = Timestamp::from_micros(local_micros - i64::from(OFFSET_MINUTES) * 60_000_000);
    CaptureTime::from_moment(at, Some(OFFSET_MINUTES), CaptureSource::Exif)
        .expect("these twenty years are on every calendar")
}

/// Numbers that look drawn by chance and are the same at every run: SplitMix64 (Steele, Lea, Flood, 2014).
pub(crate) struct Chance(u64);

impl Chance {
    /// Of a library, for one purpose.
    pub(crate) fn of(library: u64, purpose: u64) -> Self {
        Self(library << 32 | purpose)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
        bytes
    }
}
