//! What a child does with the one original it is given. It binds itself first, then answers on standard output in
//! frames, and ends. It is single-threaded, short-lived and may be killed at any moment: it holds nothing that another
//! process would miss.

use std::{
    fs::File,
    io::{self, Write},
    os::{fd::AsFd, unix::fs::FileExt},
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

use rustix::process::{Resource, Rlimit, nice, setrlimit};

use super::{
    Broken, Limits, Request,
    frame::{self, Known},
};
use crate::{
    decode,
    encode::{jpeg, webp},
    facts::{Facts, exif},
    placeholder::placeholder,
    processed::{Rendition, RenditionName},
    raster::Raster,
    scale::{preview_size, resize, thumbnail_size},
    sniff::{Format, HEAD_BYTES, Kind, sniff},
    video,
};

/// Pictures larger than this in bytes are not read; the largest raw files have a fifth of it.
const PICTURE_LIMIT: u64 = 512 << 20;

/// How much less attention of the processor a child asks for than those who answer requests.
const NICENESS: i32 = 10;

/// What one original gives to look at.
struct Look {
    renditions: [Rendition; 2],
    placeholder: Vec<u8>,
}

/// The whole life of a child. `request` is the argument after [`crate::CHILD_COMMAND`]; the original is standard input,
/// a regular file, and standard output belongs to the answer, so nothing else may write to it. Call it first in `main`,
/// before any runtime or thread is started. Fails if the answer could not be given; a file that cannot be shown is an
/// answer, not a failure.
pub fn child_main(request: &str) -> ExitCode {
    let result = serde_json::from_str::<Request>(request).map_err(io::Error::other).and_then(|request| {
        bind(&request.limits)?;
        let original = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        answer(&original, &request, &mut io::stdout().lock())
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("media child: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Limits that hold for this process and every program it starts.
fn bind(limits: &Limits) -> io::Result<()> {
    let both = |most| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::Core, both(0))?;
    setrlimit(Resource::Fsize, both(0))?;
    setrlimit(Resource::As, both(limits.max_memory))?;
    // The soft limit sends a signal that tells the parent what happened; a second later the hard one kills.
    let seconds = limits.cpu_seconds;
    setrlimit(Resource::Cpu, Rlimit { current: Some(seconds), maximum: Some(seconds + 1) })?;
    // Being nice is a courtesy; where it is refused the work is done all the same.
    let _ = nice(NICENESS);
    Ok(())
}

fn answer(original: &File, request: &Request, out: &mut impl Write) -> io::Result<()> {
    let head = read_start(original, HEAD_BYTES as u64)?;
    let format = sniff(&head);
    match format.kind() {
        Kind::Photo => answer_photo(original, format, request, out),
        Kind::Video => answer_video(original, format, request, out),
        Kind::Other => {
            frame::write_known(out, &Known { format, facts: Facts::default() })?;
            let reason = if head.is_empty() { "is empty" } else { "is of no kind that can be shown" };
            frame::write_undecodable(out, reason)
        }
    }?;
    out.flush()
}

fn answer_photo(original: &File, format: Format, request: &Request, out: &mut impl Write) -> io::Result<()> {
    let size = original.metadata()?.len();
    if size > PICTURE_LIMIT.min(request.limits.max_memory / 2) {
        frame::write_known(out, &Known { format, facts: Facts::default() })?;
        return frame::write_undecodable(out, "is too large to be decoded");
    }
    let bytes = read_start(original, size)?;
    let mut facts = exif::read(&bytes);
    if let Ok(Some((width, height))) = caught(|| Ok(decode::stored_size(format, &bytes))) {
        facts.set_stored_size(width, height);
    }
    let orientation = facts.orientation;
    frame::write_known(out, &Known { format, facts })?;
    let look = caught(|| {
        let decoded = decode::decode(format, &bytes, &request.limits, request.preview_long)?;
        // Small first, then turned: turning all pixels would cost more than decoding them.
        let (width, height) = decoded.raster.size();
        let raster = resize(decoded.raster, preview_size(width, height, request.preview_long))?.oriented(orientation);
        look_at(raster, RenditionName::Preview, decoded.icc.as_deref(), request)
    });
    answer_look(look, out)
}

fn answer_video(original: &File, format: Format, request: &Request, out: &mut impl Write) -> io::Result<()> {
    let facts = caught(|| video::facts(original, format, request));
    let known = Known { format, facts: facts.clone().unwrap_or_default() };
    frame::write_known(out, &known)?;
    let look = facts.and_then(|facts| {
        caught(|| {
            let poster = video::poster(original, format, &facts, request)?;
            look_at(Raster::Packed(poster), RenditionName::Poster, None, request)
        })
    });
    answer_look(look, out)
}

fn answer_look(look: Result<Look, Broken>, out: &mut impl Write) -> io::Result<()> {
    match look {
        Ok(look) => {
            look.renditions.iter().try_for_each(|rendition| frame::write_rendition(out, rendition))?;
            frame::write_shown(out, &look.placeholder)
        }
        Err(Broken(reason)) => frame::write_undecodable(out, &reason),
    }
}

/// Renditions of an upright raster that already has the size of the large one.
fn look_at(raster: Raster, large: RenditionName, icc: Option<&[u8]>, request: &Request) -> Result<Look, Broken> {
    let raster = match raster {
        Raster::Packed(bitmap) => Raster::Packed(bitmap.without_idle_alpha()),
        planar @ Raster::Planar(_) => planar,
    };
    let (width, height) = raster.size();
    let preview = Rendition::new(large, width, height, jpeg(&raster, icc)?);
    let (width, height) = thumbnail_size(width, height, request.thumbnail_short);
    let small = resize(raster, (width, height))?;
    let thumbnail = Rendition::new(RenditionName::Thumbnail, width, height, webp(&small, icc)?);
    Ok(Look { renditions: [thumbnail, preview], placeholder: placeholder(&small)? })
}

/// Runs a decoder; its panic is one more way for a file to be broken, and would only repeat if the child were restarted.
fn caught<T>(decode: impl FnOnce() -> Result<T, Broken>) -> Result<T, Broken> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| Err(Broken("made its decoder fail".into())))
}

/// The first `size` bytes of `file`, or all if it has fewer. The position is left alone: the parent shares it.
fn read_start(file: &File, size: u64) -> io::Result<Vec<u8>> {
    let size = usize::try_from(size).map_err(io::Error::other)?;
    let mut bytes = vec![0; size];
    let mut filled = 0;
    while filled < size {
        match file.read_at(&mut bytes[filled..], filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
