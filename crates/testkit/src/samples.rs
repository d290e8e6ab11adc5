//! Pictures for tests: tiny ones of each kind, as many different JPEGs as wanted, and real photographs when fetched.

use std::path::PathBuf;

use crate::Error;

/// A JPEG of 64 × 48 pixels without metadata.
pub const JPEG: &[u8] = include_bytes!("../samples/tiny.jpg");
/// A PNG of 64 × 48 pixels.
pub const PNG: &[u8] = include_bytes!("../samples/tiny.png");
/// A GIF of 32 × 24 pixels.
pub const GIF: &[u8] = include_bytes!("../samples/tiny.gif");
/// A WebP of 64 × 48 pixels.
pub const WEBP: &[u8] = include_bytes!("../samples/tiny.webp");

/// The `number`th of any number of JPEGs that show the same and differ in their bytes.
#[must_use]
pub fn jpeg(number: u64) -> Vec<u8> {
    with_segment(JPEG, 0xfe, format!("sample {number}").as_bytes())
}

/// As [`jpeg`], taken at a time (`2024:05:06 07:08:09`, as EXIF writes it), at an offset (`+09:00`) if given, in an
/// orientation from 1 to 8.
#[must_use]
pub fn jpeg_taken(number: u64, time: &str, offset: Option<&str>, orientation: u16) -> Vec<u8> {
    with_segment(&jpeg(number), 0xe1, &exif(time, offset, orientation))
}

/// Where the real photographs are: at least 300 different JPEG, PNG, GIF and WebP files, with a `manifest.json` beside
/// the folder that says where each is from.
///
/// # Errors
/// [`Error::NoPhotographs`] when they were not fetched yet; it names the command.
pub fn photographs() -> Result<PathBuf, Error> {
    fetched("photographs")
}

/// Where the hostile files are: broken and malicious ones that must do no harm.
///
/// # Errors
/// As for [`photographs`].
pub fn hostile() -> Result<PathBuf, Error> {
    fetched("hostile")
}

/// Where the odd files are: valid in ways few programs expect.
///
/// # Errors
/// As for [`photographs`].
pub fn odd() -> Result<PathBuf, Error> {
    fetched("odd")
}

fn fetched(kind: &str) -> Result<PathBuf, Error> {
    let version = include_str!("../samples/version").trim();
    let home = std::env::home_dir().unwrap_or_default();
    let folder = home.join(format!(".cache/picup-tools/samples-{version}")).join(kind);
    if folder.is_dir() { Ok(folder) } else { Err(Error::NoPhotographs(folder)) }
}

/// A JPEG with a segment put right after its beginning.
fn with_segment(jpeg: &[u8], marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).expect("a segment of a sample is short");
    let (start, rest) = jpeg.split_at(2);
    [start, &[0xff, marker], &length.to_be_bytes(), content, rest].concat()
}

/// An EXIF block (TIFF 6.0, big-endian): orientation in the first directory, times in the one for photographs.
fn exif(time: &str, offset: Option<&str>, orientation: u16) -> Vec<u8> {
    const TEXT: u16 = 2;
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    /// Where the second directory begins: after the header (8), the first with its two entries (2 + 24 + 4).
    const PHOTOGRAPH: u32 = 38;
    let texts: Vec<(u16, String)> = [(0x9003, Some(time)), (0x9011, offset)]
        .into_iter()
        .filter_map(|(tag, text)| Some((tag, format!("{}\0", text?))))
        .collect();
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value.to_be_bytes()].concat()
    };
    let length = |value: usize| u32::try_from(value).expect("a sample's times are short");
    let mut block = b"Exif\0\0MM\0*\0\0\0\x08\0\x02".to_vec();
    block.extend(entry(0x0112, SHORT, 1, u32::from(orientation) << 16));
    block.extend(entry(0x8769, LONG, 1, PHOTOGRAPH));
    block.extend([0; 4]);
    block.extend([0, u8::try_from(texts.len()).expect("there are two at most")]);
    let mut at = PHOTOGRAPH + 2 + 12 * length(texts.len()) + 4;
    for (tag, text) in &texts {
        block.extend(entry(*tag, TEXT, length(text.len()), at));
        at += length(text.len());
    }
    block.extend([0; 4]);
    texts.iter().for_each(|(_, text)| block.extend(text.as_bytes()));
    block
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::process::Command;

    use super::*;

    #[test]
    fn jpegs_differ_and_stay_jpegs() {
        let many: HashSet<Vec<u8>> = (0..1000).map(jpeg).collect();
        assert_eq!(many.len(), 1000);
        assert!(many.iter().all(|jpeg| jpeg.starts_with(&[0xff, 0xd8, 0xff]) && jpeg.ends_with(&[0xff, 0xd9])));
    }

    /// Read by the program that photographers trust, where it is installed; `make test` installs it.
    #[test]
    fn metadata_says_what_was_asked() {
        let folder = crate::fresh_folder();
        let file = folder.path().join("a.jpg");
        std::fs::write(&file, jpeg_taken(7, "2024:05:06 07:08:09", Some("+09:00"), 6)).unwrap();
        let exiftool = Command::new("exiftool")
            .args(["-s3", "-n", "-validate", "-DateTimeOriginal", "-OffsetTimeOriginal", "-Orientation"])
            .arg(&file)
            .output();
        let Ok(answer) = exiftool else { return };
        let lines: Vec<_> = std::str::from_utf8(&answer.stdout).unwrap().lines().collect();
        assert_eq!(lines[1..], ["2024:05:06 07:08:09", "+09:00", "6"], "{lines:?}");
    }
}
