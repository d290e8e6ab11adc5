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

use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};

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
    video::{self, Trouble},
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
/// before any runtime or thread is started. Fails, with [`ExitCode::FAILURE`] and before it has answered in full, for what
/// is wrong with the machine; a file that cannot be shown is an answer, not a failure.
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
    let (memory, seconds) = (limits.max_memory, limits.cpu_seconds);
    limit(Resource::Core, 0, 0)?;
    limit(Resource::Fsize, 0, 0)?;
    limit(Resource::As, memory, memory)?;
    // The soft limit sends a signal that tells the parent what happened; a second later the hard one kills.
    limit(Resource::Cpu, seconds, seconds.saturating_add(1))?;
    // Being nice is a courtesy; where it is refused the work is done all the same.
    let _ = nice(NICENESS);
    Ok(())
}

fn limit(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    Ok(setrlimit(resource, within(getrlimit(resource), soft, hard))?)
}

/// The wanted limits, as far as the hard one that holds already (none: unlimited) lets them: whoever set it, a service
/// manager or a person, wanted less than we allow, and raising it is refused.
fn within(now: Rlimit, soft: u64, hard: u64) -> Rlimit {
    let most = now.maximum.unwrap_or(u64::MAX);
    Rlimit { current: Some(soft.min(most)), maximum: Some(hard.min(most)) }
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
    let mut facts = caught::<_, Broken>(|| Ok(exif::read(&bytes))).unwrap_or_default();
    if let Ok(Some((width, height))) = caught::<_, Broken>(|| Ok(decode::stored_size(format, &bytes))) {
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
    let facts = Trouble::apart(caught(|| video::facts(original, format, request)))?;
    let known = Known { format, facts: facts.clone().unwrap_or_default() };
    frame::write_known(out, &known)?;
    let look = facts.map_err(Trouble::Broken).and_then(|facts| {
        caught(|| {
            let poster = video::poster(original, format, &facts, request)?;
            Ok(look_at(Raster::Packed(poster), RenditionName::Poster, None, request)?)
        })
    });
    answer_look(Trouble::apart(look)?, out)
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
    let preview = Rendition::new(large, jpeg(&raster, icc)?);
    let (width, height) = thumbnail_size(width, height, request.thumbnail_short);
    let small = resize(raster, (width, height))?;
    let thumbnail = Rendition::new(RenditionName::Thumbnail, webp(&small, icc)?);
    Ok(Look { renditions: [thumbnail, preview], placeholder: placeholder(&small)? })
}

/// Runs a decoder; its panic is one more way for a file to be broken, and would only repeat if the child were restarted.
fn caught<T, E: From<Broken>>(decode: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| Err(Broken("made its decoder fail".into()).into()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_hold_already_are_never_raised() {
        let now = |maximum| Rlimit { current: Some(1), maximum };
        let limits = |limit: Rlimit| (limit.current, limit.maximum);
        assert_eq!(limits(within(now(None), 60, 61)), (Some(60), Some(61)));
        assert_eq!(limits(within(now(Some(100)), 60, 61)), (Some(60), Some(61)));
        assert_eq!(limits(within(now(Some(60)), 60, 61)), (Some(60), Some(60)));
        assert_eq!(limits(within(now(Some(5)), 60, 61)), (Some(5), Some(5)));
    }
}
