//! Files and children that mean harm or are broken: always an answer, in bounded time, never a panic.

use std::{fs::File, path::Path, time::Duration};

use image::ImageFormat;
use picup_media::{Error, Format, Media, Metrics, Outcome, RenditionName::*, Settings};
use prometheus_client::registry::Registry;

use crate::{
    Test,
    actors::{bell, cast, wait_for, wait_for_end},
    assert_alike, broken_with, encoded, original, outcome_with, process, process_with, quarters, reason, rendition,
    renditions, runtime, settings,
};

pub(crate) const TESTS: &[Test] = &[
    ("nothing_and_text_are_not_shown", nothing),
    ("jpeg_without_its_end_is_shown", cut_jpeg),
    ("cut_pictures_end_in_an_answer", cut_pictures),
    ("garbage_behind_every_magic_ends_in_an_answer", garbage),
    ("bombs_are_refused_by_their_header", bombs),
    ("memory_is_bounded", memory),
    ("hanging_child_is_killed_at_the_deadline", hanging),
    ("hanging_ffprobe_is_killed_with_its_child", hanging_ffprobe),
    ("dropping_the_future_kills_the_child", dropped),
    ("crash_is_tried_again", crash_once),
    ("second_crash_is_told_with_what_is_known", crash),
    ("what_the_machine_did_is_never_put_down_to_the_file", machine),
    ("limits_below_ours_are_no_failure", confined),
    ("ffprobe_that_is_killed_is_the_machines_fault", killed_ffprobe),
    ("child_that_shouts_is_heard_out", shout),
    ("missing_program_is_an_error", missing),
    ("doctor_checks", doctor),
    ("jobs_are_counted", counted),
];

fn nothing() {
    let empty = process(b"");
    assert_eq!((empty.format, reason(&empty)), (Format::Unknown, "is empty"));
    let text = process(b"<svg onload='alert(1)'>hello</svg>");
    assert_eq!((text.format, reason(&text)), (Format::Unknown, "is of no kind that can be shown"));
}

fn cut_jpeg() {
    let picture = quarters(1200, 800);
    let whole = encoded(picture, ImageFormat::Jpeg);
    let processed = process(&whole[..whole.len() * 3 / 4]);
    let preview = rendition(&processed, Preview).to_rgb8();
    assert_eq!(preview.dimensions(), (1200, 800));
    assert!(preview.get_pixel(300, 200).0[0] > 180, "the rows that arrived are there");
}

fn cut_pictures() {
    for (format, told) in [
        (ImageFormat::Jpeg, Format::Jpeg),
        (ImageFormat::Png, Format::Png),
        (ImageFormat::Gif, Format::Gif),
        (ImageFormat::WebP, Format::WebP),
    ] {
        let whole = encoded(quarters(300, 200), format);
        for eighth in 0..8 {
            let part = &whole[..whole.len() * eighth / 8];
            assert_eq!(process(part).format, if eighth == 0 { Format::Unknown } else { told });
        }
    }
}

fn garbage() {
    let magics: [(&[u8], Format); 9] = [
        (b"\xff\xd8\xff\xe0", Format::Jpeg),
        (b"\x89PNG\r\n\x1a\n", Format::Png),
        (b"GIF89a", Format::Gif),
        (b"RIFF\xff\0\0\0WEBPVP8 ", Format::WebP),
        (b"\0\0\0\x18ftypheic", Format::Heic),
        (b"\0\0\0\x18ftypisom", Format::Mp4),
        (b"\x1a\x45\xdf\xa3", Format::Mkv),
        (b"II*\0\x08\0\0\0", Format::Tiff),
        (b"RIFF\xff\0\0\0AVI LIST", Format::Avi),
    ];
    let mut noise = 1u32;
    for (magic, told) in magics {
        let mut bytes = magic.to_vec();
        bytes.extend((0..5000).map(|_| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 24) as u8
        }));
        let processed = process(&bytes);
        assert_eq!(processed.format, told);
        assert!(!reason(&processed).is_empty());
    }
}

/// A PNG's signature and header, with the checksum the decoder asks for.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let crc = header.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    });
    let idat = b"\0\0\0\0IDAT\x35\xaf\x06\x1e";
    [b"\x89PNG\r\n\x1a\n\0\0\0\x0d", header.as_slice(), &(!crc).to_be_bytes(), idat].concat()
}

fn bombs() {
    let processed = process(&png_header(65_536, 65_536));
    assert_eq!((processed.facts.width, processed.facts.height), (Some(65_536), Some(65_536)));
    assert!(reason(&processed).contains("pixels"), "{}", reason(&processed));
    let few = Settings { max_pixels: 10_000, ..settings() };
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP] {
        let bytes = encoded(quarters(101, 100), format);
        let refused = process_with(few.clone(), original(&bytes));
        assert!(reason(&refused).contains("more than the 10000 allowed"), "{}", reason(&refused));
        let allowed = process_with(few.clone(), original(&encoded(quarters(100, 100), format)));
        assert_eq!(renditions(&allowed).len(), 2);
    }
}

fn memory() {
    let bytes = encoded(quarters(4000, 3000), ImageFormat::Png);
    let little = Settings { max_memory: 64 << 20, ..settings() };
    let processed = process_with(little, original(&bytes));
    assert!(reason(&processed).contains("memory"), "{}", reason(&processed));
}

/// Settings under which the child is the actor of that part.
fn acted(folder: &Path, part: &str) -> Settings {
    Settings { program: cast(folder, part), ..settings() }
}

fn sound() -> File {
    original(&encoded(quarters(300, 200), ImageFormat::Png))
}

fn hanging() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { deadline: Duration::from_millis(300), ..acted(folder.path(), "hangs") };
    let program = settings.program.clone();
    let processed = broken_with(settings, sound());
    assert_eq!(processed.format, Format::Png);
    assert_eq!(reason(&processed), "took longer than 0.3 s to decode");
    if program.with_extension("lock").exists() {
        wait_for_end(&program);
    }
}

fn hanging_ffprobe() {
    let folder = tempfile::tempdir().unwrap();
    let ffprobe = cast(folder.path(), "hangs");
    // The child may write no file, so the lock is made for it.
    File::create(ffprobe.with_extension("lock")).unwrap();
    let told = bell(&ffprobe);
    let settings = Settings { ffprobe: ffprobe.clone(), deadline: Duration::from_secs(3), ..settings() };
    let listener = std::thread::spawn(move || wait_for(&told));
    let processed = broken_with(settings, original(b"\0\0\0\x18ftypisom\0\0\0\0isom"));
    listener.join().unwrap();
    assert_eq!((processed.format, reason(&processed)), (Format::Mp4, "took longer than 3 s to decode"));
    wait_for_end(&ffprobe);
}

fn dropped() {
    let folder = tempfile::tempdir().unwrap();
    let settings = acted(folder.path(), "hangs");
    let program = settings.program.clone();
    let told = bell(&program);
    let media = Media::new(settings, Metrics::register(&mut Registry::default()));
    let runtime = runtime();
    let job = runtime.spawn(async move { media.process(sound()).await });
    wait_for(&told);
    job.abort();
    assert!(runtime.block_on(job).unwrap_err().is_cancelled());
    wait_for_end(&program);
}

fn crash_once() {
    let folder = tempfile::tempdir().unwrap();
    let processed = process_with(acted(folder.path(), "crashes-once"), sound());
    assert!(folder.path().join("crashes-once.done").exists());
    assert_alike(&rendition(&processed, Preview), &quarters(300, 200), 12);
}

fn crash() {
    let folder = tempfile::tempdir().unwrap();
    for part in ["knows-and-crashes", "knows-and-babbles"] {
        let processed = broken_with(acted(folder.path(), part), sound());
        assert_eq!((processed.format, reason(&processed)), (Format::Png, "made its decoder crash"), "{part}");
        assert_eq!(processed.facts.iso, Some(100), "what was found before is kept");
    }
}

fn machine() {
    let folder = tempfile::tempdir().unwrap();
    for (part, cause) in [
        ("crashes", "broke off"),
        ("babbles", "broke off"),
        ("floods", "broke off"),
        ("is-killed", "was killed"),
        ("is-killed-late", "was killed"),
        ("gives-up", "gave up"),
    ] {
        let error = outcome_with(acted(folder.path(), part), sound()).unwrap_err();
        assert!(matches!(&error, Error::Child { cause: told } if told.starts_with(cause)), "{part}: {error}");
    }
}

/// Proves something only where the tests do not run as root, who may raise any limit.
fn confined() {
    let folder = tempfile::tempdir().unwrap();
    let processed = process_with(acted(folder.path(), "is-confined"), sound());
    assert_eq!(renditions(&processed).len(), 2);
}

fn killed_ffprobe() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { ffprobe: cast(folder.path(), "is-killed"), ..settings() };
    let error = outcome_with(settings, original(b"\0\0\0\x18ftypisom\0\0\0\0isom")).unwrap_err();
    assert!(matches!(&error, Error::Child { cause } if cause.starts_with("gave up")), "{error}");
}

fn shout() {
    let folder = tempfile::tempdir().unwrap();
    let processed = process_with(acted(folder.path(), "shouts"), sound());
    assert_eq!(renditions(&processed).len(), 2);
}

fn missing() {
    let settings = Settings { program: "/nonexistent/picup".into(), ..settings() };
    let media = Media::new(settings, Metrics::register(&mut Registry::default()));
    let error = runtime().block_on(media.process(sound())).unwrap_err();
    assert!(matches!(error, Error::Start { .. }), "{error}");
    assert!(error.to_string().contains("/nonexistent/picup"));
}

fn doctor() {
    let checks = |settings| {
        let media = Media::new(settings, Metrics::register(&mut Registry::default()));
        runtime().block_on(media.check())
    };
    let well = checks(settings());
    assert_eq!(well.iter().map(|check| check.name).collect::<Vec<_>>(), ["ffmpeg", "ffprobe", "media child"]);
    assert!(well.iter().all(|check| check.ok), "{well:?}");
    let folder = tempfile::tempdir().unwrap();
    let broken = checks(Settings { ffprobe: "/nonexistent/ffprobe".into(), ..acted(folder.path(), "crashes") });
    assert_eq!(broken.iter().map(|check| check.ok).collect::<Vec<_>>(), [true, false, false]);
    assert!(broken[1].advice.contains("Install the package ffmpeg"), "{broken:?}");

    // At a glance nobody waits for a child that is at work for long.
    let media = Media::new(
        Settings { concurrency: 1, ..acted(folder.path(), "hangs") },
        Metrics::register(&mut Registry::default()),
    );
    let (alive, checks) = runtime().block_on(async {
        let idle = media.children();
        let busy = tokio::spawn({
            let media = media.clone();
            async move { media.process(sound()).await }
        });
        while media.children() == idle {
            tokio::task::yield_now().await;
        }
        let found = (media.children().alive, media.check_at_a_glance().await);
        busy.abort();
        found
    });
    assert_eq!((alive, media.children().limit), (1, 1));
    assert_eq!(checks.iter().map(|check| check.name).collect::<Vec<_>>(), ["ffmpeg", "ffprobe"]);
}

fn counted() {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let media = Media::new(settings(), metrics.clone());
    let folder = tempfile::tempdir().unwrap();
    let crashing = Media::new(acted(folder.path(), "knows-and-crashes"), metrics.clone());
    let killed = Media::new(acted(folder.path(), "is-killed"), metrics);
    let runtime = runtime();
    let both = runtime.block_on(async { tokio::join!(media.process(sound()), media.process(original(b"text"))) });
    assert!(matches!(both.0.unwrap().outcome, Outcome::Shown { .. }));
    assert!(matches!(both.1.unwrap().outcome, Outcome::Undecodable { .. }));
    runtime.block_on(crashing.process(sound())).unwrap_err();
    runtime.block_on(killed.process(sound())).unwrap_err();
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for line in [
        r#"media_jobs_total{format="png",outcome="shown"} 1"#,
        r#"media_jobs_total{format="unknown",outcome="undecodable"} 1"#,
        r#"media_jobs_total{format="png",outcome="crashed"} 1"#,
        "media_seconds_count 3",
        "media_child_crashes_total 3",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}
