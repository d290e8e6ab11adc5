//! Videos made by ffmpeg, in the containers people have.

use std::{fs::File, io::Read, process::Command};

use image::RgbImage;
use jiff::civil::date;
use picup_media::{CaptureSource, Format, Orientation, Processed, RenditionName::*};

use crate::{Test, assert_alike, process_with, reason, rendition, settings};

pub(crate) const TESTS: &[Test] = &[
    ("video_gives_facts_poster_and_thumbnail", video),
    ("turned_video_has_an_upright_poster", turned),
    ("webm_and_avi_have_posters", containers),
    ("sound_alone_is_not_shown", sound),
    ("video_cut_short_keeps_nothing_but_its_format", cut),
];

/// Runs ffmpeg with a synthetic input and gives the file it made.
fn made(source: &str, name: &str, arguments: &[&str]) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", source])
        .args(arguments)
        .arg(&path)
        .status()
        .unwrap();
    assert!(status.success());
    File::open(&path).unwrap()
}

fn shown(video: File) -> Processed {
    process_with(settings(), video)
}

/// Black, from a fifth of a second on red on the left and blue on the right.
const SCENE: &str = "color=c=black:s=320x240:r=25:d=3,\
    drawbox=x=0:y=0:w=160:h=240:color=red:t=fill:enable='gte(t,0.2)',\
    drawbox=x=160:y=0:w=160:h=240:color=blue:t=fill:enable='gte(t,0.2)'";

fn scene() -> RgbImage {
    RgbImage::from_fn(320, 240, |x, _| image::Rgb(if x < 160 { [253, 0, 0] } else { [0, 0, 254] }))
}

fn video() {
    let metadata = ["-metadata", "creation_time=2020-05-06T07:08:09Z", "-metadata", "location=+37.5665+126.9780/"];
    let processed = shown(made(SCENE, "video.mp4", &metadata));
    assert_eq!(processed.format, Format::Mp4);
    let facts = &processed.facts;
    assert_eq!((facts.width, facts.height, facts.duration_ms), (Some(320), Some(240), Some(3000)));
    let captured = facts.captured.unwrap();
    assert_eq!(captured.local, date(2020, 5, 6).at(7, 8, 9, 0));
    assert_eq!((captured.offset_minutes, captured.source), (Some(0), CaptureSource::Quicktime));
    assert_eq!((facts.latitude, facts.longitude), (Some(37.5665), Some(126.978)));
    assert_alike(&rendition(&processed, Poster), &scene(), 40);
    assert_alike(&rendition(&processed, Thumbnail), &scene(), 40);
}

/// A quarter turn clockwise, as phones held upright write it into the track header (ISO/IEC 14496-12, 8.3.2).
fn turn_clockwise(video: &mut [u8]) {
    const MATRIX_BEHIND_NAME: usize = 4 + 40;
    let one = 1i32 << 16;
    let name = video.windows(4).position(|word| word == b"tkhd").unwrap();
    let matrix = [0, one, 0, -one, 0, 0, 240 * one, 0, 1 << 30];
    for (value, place) in matrix.iter().zip(video[name + MATRIX_BEHIND_NAME..].chunks_exact_mut(4)) {
        place.copy_from_slice(&value.to_be_bytes());
    }
}

fn turned() {
    let mut flat = Vec::new();
    made(SCENE, "flat.mov", &[]).read_to_end(&mut flat).unwrap();
    turn_clockwise(&mut flat);
    let processed = crate::process(&flat);
    assert_eq!(processed.format, Format::Mov);
    assert_eq!(processed.facts.orientation, Orientation::Rotate90);
    assert_eq!((processed.facts.width, processed.facts.height), (Some(240), Some(320)));
    let expected = image::imageops::rotate90(&scene());
    assert_alike(&rendition(&processed, Poster), &expected, 40);
    assert_eq!(processed.facts.captured, None);
}

fn containers() {
    for (name, format) in [
        ("video.webm", Format::WebM),
        ("video.avi", Format::Avi),
        ("video.mkv", Format::Mkv),
        ("video.ts", Format::MpegTs),
    ] {
        let small = SCENE.replace("d=3", "d=1").replace("0.2", "0.05");
        let processed = shown(made(&small, name, &["-b:v", "2M"]));
        assert_eq!(processed.format, format);
        assert_alike(&rendition(&processed, Poster), &scene(), 40);
    }
}

fn sound() {
    let processed = shown(made("sine=d=1", "sound.mp4", &[]));
    assert_eq!(processed.format, Format::Mp4);
    assert_eq!(reason(&processed), "has no moving picture");
}

fn cut() {
    use std::os::unix::fs::FileExt;
    let video = made(SCENE, "video.mp4", &[]);
    let mut start = vec![0; 600];
    video.read_exact_at(&mut start, 0).unwrap();
    let processed = crate::process(&start);
    assert_eq!(processed.format, Format::Mp4);
    assert!(reason(&processed).starts_with("could not be read by"), "{processed:?}");
}
