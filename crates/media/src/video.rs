//! Videos, by ffprobe and ffmpeg: facts and one still picture. Runs in the child, which is the parent of both programs;
//! they get the original as their standard input, the container that was sniffed and no other protocol than `file`, so
//! that a playlist or a reference inside a video cannot make them open anything else.

use std::{
    fs::File,
    io::{self, ErrorKind, Read},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Stdio},
};

use rustix::process::Signal;

use crate::{
    child::{Broken, Request},
    facts::{Facts, quicktime::Probe},
    raster::Bitmap,
    sniff::Format,
};

/// The most that ffprobe may print; a usual video's description has 3 KB.
const DESCRIPTION_LIMIT: u64 = 1 << 20;

/// The original as both programs see it. Opening it anew gives them a position of their own to seek with.
const ORIGINAL: &str = "/dev/stdin";

/// Why a video gave nothing.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The file is to blame, or the programs are not installed.
    Broken(Broken),
    /// The machine is: another time it may work.
    Machine(io::Error),
}

impl From<Broken> for Trouble {
    fn from(broken: Broken) -> Self {
        Trouble::Broken(broken)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Trouble::Machine(error)
    }
}

impl Trouble {
    /// What is wrong with the machine on the outside, what is wrong with the file inside.
    pub(crate) fn apart<T>(result: Result<T, Trouble>) -> io::Result<Result<T, Broken>> {
        match result {
            Ok(value) => Ok(Ok(value)),
            Err(Trouble::Broken(broken)) => Ok(Err(broken)),
            Err(Trouble::Machine(error)) => Err(error),
        }
    }
}

/// A video's facts; broken if it has no picture.
pub(crate) fn facts(original: &File, format: Format, request: &Request) -> Result<Facts, Trouble> {
    let arguments = ["-v", "error", "-of", "json", "-show_format", "-show_streams"];
    let mut command = command(&request.ffprobe, original, &arguments)?;
    command.args(input(format));
    let json = output(command, DESCRIPTION_LIMIT)?;
    let probe: Probe =
        serde_json::from_slice(&json).map_err(|error| Broken(format!("could not be described: {error}")))?;
    Ok(probe.facts().ok_or_else(|| Broken("has no moving picture".into()))?)
}

/// One frame in RGB, upright, long side at most as long as a preview's: a tenth into the video, one second at most, so
/// that it is not the black a video may begin with.
pub(crate) fn poster(original: &File, format: Format, facts: &Facts, request: &Request) -> Result<Bitmap, Trouble> {
    let milliseconds = (facts.duration_ms.unwrap_or(0) / 10).min(1000);
    match frame(original, format, milliseconds, request) {
        // A video that is cut short, or whose duration is a lie, may still have a first frame.
        Err(Trouble::Broken(_)) if milliseconds > 0 => frame(original, format, 0, request),
        result => result,
    }
}

fn frame(original: &File, format: Format, milliseconds: u64, request: &Request) -> Result<Bitmap, Trouble> {
    let long = request.preview_long;
    let start = format!("{milliseconds}ms");
    // Samples are made square first; then both sides are fitted.
    let filter = format!(
        "scale=w='max(1,round(iw*sar))':h=ih,setsar=1,\
         scale=w='min({long},iw)':h='min({long},ih)':force_original_aspect_ratio=decrease"
    );
    let mut command = command(&request.ffmpeg, original, &["-v", "error", "-nostdin", "-threads", "1", "-ss", &start])?;
    command.args(input(format));
    command.args(["-map", "0:V:0", "-frames:v", "1", "-vf", &filter]);
    command.args(["-c:v", "ppm", "-pix_fmt", "rgb24", "-f", "image2pipe", "pipe:1"]);
    let ppm = output(command, u64::from(long) * u64::from(long) * 3 + 64)?;
    Ok(parse_ppm(&ppm).ok_or_else(|| Broken("has no frame that can be shown".into()))?)
}

fn input(format: Format) -> [&'static str; 6] {
    let container = match format {
        Format::WebM | Format::Mkv => "matroska",
        Format::Avi => "avi",
        Format::MpegTs => "mpegts",
        Format::MpegPs => "mpeg",
        _ => "mov",
    };
    ["-protocol_whitelist", "file", "-f", container, "-i", ORIGINAL]
}

fn command(program: &Path, original: &File, arguments: &[&str]) -> io::Result<Command> {
    let original = original.try_clone()?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(original).stdout(Stdio::piped());
    Ok(command)
}

/// Runs `command` and gives what it printed, up to `limit` bytes.
fn output(mut command: Command, limit: u64) -> Result<Vec<u8>, Trouble> {
    let program = command.get_program().to_string_lossy().into_owned();
    let broken = |cause: &dyn std::fmt::Display| Broken(format!("could not be read by {program}: {cause}")).into();
    let mut child = command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::PermissionDenied => broken(&error),
        _ => error.into(),
    })?;
    let mut bytes = Vec::new();
    let read = match child.stdout.take() {
        Some(stdout) => stdout.take(limit + 1).read_to_end(&mut bytes),
        None => Ok(0),
    };
    // The pipe is closed by now: a program with more to say ends by that.
    let status = child.wait()?;
    read?;
    if bytes.len() as u64 > limit {
        Err(broken(&"it printed too much"))
    } else if status.signal() == Some(Signal::KILL.as_raw()) {
        // Nobody here did that: the system was short of memory, most likely.
        Err(io::Error::other(format!("{program} was killed")).into())
    } else if !status.success() {
        Err(broken(&status))
    } else {
        Ok(bytes)
    }
}

/// A binary pixmap with one byte a sample, as ffmpeg writes it: `P6`, width, height, 255, each ended by one blank.
fn parse_ppm(ppm: &[u8]) -> Option<Bitmap> {
    let mut parts = ppm.splitn(5, u8::is_ascii_whitespace);
    let mut word = || parts.next().and_then(|word| std::str::from_utf8(word).ok());
    let (magic, width, height, most) = (word()?, word()?.parse::<u32>(), word()?.parse::<u32>(), word()?);
    let (width, height) = (width.ok()?, height.ok()?);
    let data = parts.next()?;
    let expected = (width as usize).checked_mul(height as usize)?.checked_mul(3)?;
    let sound = magic == "P6" && most == "255" && expected > 0 && data.len() == expected;
    sound.then(|| Bitmap { width, height, channels: 3, data: data.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pixmaps() {
        let sound = parse_ppm(b"P6\n1 2\n255\n\n \nabc").unwrap();
        assert_eq!((sound.width, sound.height, sound.data.as_slice()), (1, 2, &b"\n \nabc"[..]));
        for broken in [&b""[..], b"P6\n1 2\n255\nabc", b"P5\n1 1\n255\nabc", b"P6\n0 1\n255\n", b"P6\n-1 1\n255\nabc"] {
            assert_eq!(parse_ppm(broken), None);
        }
    }

    proptest! {
        #[test]
        fn no_pixmap_makes_it_panic(text in "P6\n[0-9]{0,12}[ \n][0-9]{0,12}\n255\n.{0,9}") {
            let _ = parse_ppm(text.as_bytes());
        }
    }
}
