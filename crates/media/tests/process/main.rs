//! Originals of every kind through a real child process. This program is both the parent that asserts and, started
//! with the right arguments or under another name, the child: a real one, or an actor that behaves badly.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod actors;
mod hostile;
mod pictures;
mod videos;

use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    process::ExitCode,
};

use image::{DynamicImage, Rgb, RgbImage, RgbaImage};
use libtest_mimic::{Arguments, Trial};
use picup_media::{
    CHILD_COMMAND, Error, Media, Metrics, Outcome, Processed, Rendition, RenditionName, Settings, child_main,
};
use prometheus_client::registry::Registry;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(end) = actors::play(&arguments) {
        return end;
    }
    if let [_, command, request] = arguments.as_slice()
        && command == CHILD_COMMAND
    {
        return child_main(request);
    }
    let tests = [pictures::TESTS, videos::TESTS, hostile::TESTS].concat();
    let trials = tests
        .into_iter()
        .map(|(name, test)| {
            Trial::test(name, move || {
                test();
                Ok(())
            })
        })
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

type Test = (&'static str, fn());

/// The usual settings, with this program as the child.
fn settings() -> Settings {
    Settings::new(std::env::current_exe().unwrap(), 2)
}

fn process_with(settings: Settings, original: File) -> Processed {
    outcome_with(settings, original).unwrap()
}

fn outcome_with(settings: Settings, original: File) -> Result<Processed, Error> {
    let media = Media::new(settings, Metrics::register(&mut Registry::default()));
    runtime().block_on(media.process(original))
}

/// What is to be recorded of a file that may be to blame, and that the reason is told twice alike.
#[track_caller]
fn broken_with(settings: Settings, original: File) -> Processed {
    match outcome_with(settings, original) {
        Err(Error::Broken { reason: told, known }) => {
            assert_eq!(reason(&known), told);
            *known
        }
        other => panic!("{other:?}"),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn process(bytes: &[u8]) -> Processed {
    process_with(settings(), original(bytes))
}

/// A file without a name whose position stands at its end, which must not matter.
fn original(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.seek(SeekFrom::End(0)).unwrap();
    file
}

#[track_caller]
fn renditions(processed: &Processed) -> &[Rendition] {
    match &processed.outcome {
        Outcome::Shown { renditions, placeholder } => {
            assert!((5..=32).contains(&placeholder.len()), "{placeholder:?}");
            renditions
        }
        Outcome::Undecodable { reason } => panic!("not shown: the file {reason}"),
    }
}

#[track_caller]
fn reason(processed: &Processed) -> &str {
    match &processed.outcome {
        Outcome::Shown { .. } => panic!("shown"),
        Outcome::Undecodable { reason } => reason,
    }
}

/// A rendition decoded by another library than the one that made it.
#[track_caller]
fn rendition(processed: &Processed, name: RenditionName) -> DynamicImage {
    let rendition = renditions(processed).iter().find(|rendition| rendition.name == name).unwrap();
    image::load_from_memory(&rendition.bytes).unwrap()
}

/// Red and green above blue and white, three by two so that no turn goes unseen.
fn quarters(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| match (x < width / 2, y < height / 2) {
        (true, true) => Rgb([220, 20, 20]),
        (false, true) => Rgb([20, 200, 20]),
        (true, false) => Rgb([20, 20, 220]),
        (false, false) => Rgb([240, 240, 240]),
    })
}

/// The colours in the middle of each quarter.
fn middles(picture: &RgbImage) -> [[u8; 3]; 4] {
    let (w, h) = picture.dimensions();
    [(w / 4, h / 4), (w * 3 / 4, h / 4), (w / 4, h * 3 / 4), (w * 3 / 4, h * 3 / 4)]
        .map(|(x, y)| picture.get_pixel(x, y).0)
}

#[track_caller]
fn assert_alike(found: &DynamicImage, expected: &RgbImage, tolerance: u8) {
    let (found, expected) = (middles(&found.to_rgb8()), middles(expected));
    let close = found.as_flattened().iter().zip(expected.as_flattened()).all(|(a, b)| a.abs_diff(*b) <= tolerance);
    assert!(close, "{found:?} is not {expected:?}");
}

fn encoded(picture: impl Into<DynamicImage>, format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A picture that is clear in its upper left quarter and opaque elsewhere.
fn with_clear_corner(picture: &RgbImage) -> RgbaImage {
    let (w, h) = picture.dimensions();
    RgbaImage::from_fn(w, h, |x, y| {
        let [r, g, b] = picture.get_pixel(x, y).0;
        image::Rgba([r, g, b, if x < w / 2 && y < h / 2 { 0 } else { 255 }])
    })
}
