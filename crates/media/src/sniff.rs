//! What a file is, told by its first bytes and never by its name or by what the sender declared: a name can lie, and
//! what is decided here chooses the decoder that will be trusted with the bytes. Called by the child before anything
//! else, and by the parent, for a file whose child gave no facts and for what a child calls a rendition. It never reads
//! past the slice it is given.

use serde::{Deserialize, Serialize};

/// How many leading bytes [`sniff`] wants to see. Fewer is allowed; formats that cannot be told apart then come out
/// as the more general one or as [`Format::Unknown`].
pub(crate) const HEAD_BYTES: usize = 4096;

/// Whether an original is a still picture, a moving one, or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One picture (an animated GIF or WebP counts as one: its first frame is shown).
    Photo,
    /// A video, with or without sound.
    Video,
    /// Neither, as far as the bytes tell.
    Other,
}

/// A file format, as told by magic bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// JPEG, of any flavour.
    Jpeg,
    /// PNG, also animated.
    Png,
    /// GIF, also animated.
    Gif,
    /// WebP, also animated.
    WebP,
    /// HEIC and other HEIF pictures (not AVIF).
    Heic,
    /// AVIF.
    Avif,
    /// JPEG XL.
    Jxl,
    /// TIFF that shows no sign of being a camera's raw file.
    Tiff,
    /// A camera's raw file: DNG, CR2, CR3, NEF, ARW, RAF, ORF, RW2 and kin.
    Raw,
    /// Windows bitmap.
    Bmp,
    /// MPEG-4 and 3GPP videos.
    Mp4,
    /// QuickTime videos.
    Mov,
    /// WebM videos.
    WebM,
    /// Matroska videos.
    Mkv,
    /// AVI videos.
    Avi,
    /// MPEG transport streams, also those of camcorders (MTS).
    MpegTs,
    /// MPEG program streams.
    MpegPs,
    /// Anything else.
    Unknown,
}

impl Format {
    /// A short lower-case name, for labels and logs.
    pub(crate) fn name(self) -> &'static str {
        self.row().0
    }

    /// The usual file name extension, without a dot.
    pub(crate) fn extension(self) -> &'static str {
        self.row().1
    }

    /// Photo, video or neither.
    pub fn kind(self) -> Kind {
        self.row().2
    }

    fn row(self) -> (&'static str, &'static str, Kind) {
        use Kind::{Other, Photo, Video};
        match self {
            Format::Jpeg => ("jpeg", "jpg", Photo),
            Format::Png => ("png", "png", Photo),
            Format::Gif => ("gif", "gif", Photo),
            Format::WebP => ("webp", "webp", Photo),
            Format::Heic => ("heic", "heic", Photo),
            Format::Avif => ("avif", "avif", Photo),
            Format::Jxl => ("jxl", "jxl", Photo),
            Format::Tiff => ("tiff", "tif", Photo),
            Format::Raw => ("raw", "raw", Photo),
            Format::Bmp => ("bmp", "bmp", Photo),
            Format::Mp4 => ("mp4", "mp4", Video),
            Format::Mov => ("mov", "mov", Video),
            Format::WebM => ("webm", "webm", Video),
            Format::Mkv => ("mkv", "mkv", Video),
            Format::Avi => ("avi", "avi", Video),
            Format::MpegTs => ("mpegts", "ts", Video),
            Format::MpegPs => ("mpegps", "mpg", Video),
            Format::Unknown => ("unknown", "bin", Other),
        }
    }
}

/// Tells the format from the first bytes of a file ([`HEAD_BYTES`] of them, or the whole file if it is shorter).
pub(crate) fn sniff(head: &[u8]) -> Format {
    let starts = |magic: &[u8]| head.starts_with(magic);
    let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    if starts(b"\xff\xd8\xff") {
        Format::Jpeg
    } else if starts(b"\x89PNG\r\n\x1a\n") {
        Format::Png
    } else if starts(b"GIF87a") || starts(b"GIF89a") {
        Format::Gif
    } else if starts(b"RIFF") && at(8, b"WEBP") {
        Format::WebP
    } else if starts(b"RIFF") && at(8, b"AVI ") {
        Format::Avi
    } else if at(4, b"ftyp") {
        iso_media(head)
    } else if [b"moov", b"mdat", b"wide", b"free", b"skip"].iter().any(|name| at(4, *name)) {
        Format::Mov
    } else if starts(b"\x1a\x45\xdf\xa3") {
        if head[..head.len().min(64)].windows(4).any(|word| word == b"webm") { Format::WebM } else { Format::Mkv }
    } else if starts(b"\xff\x0a") || starts(b"\0\0\0\x0cJXL \r\n\x87\n") {
        Format::Jxl
    } else if is_raw(head) {
        Format::Raw
    } else if starts(b"II*\0") || starts(b"MM\0*") {
        Format::Tiff
    } else if starts(b"BM") && at(6, &[0; 4]) {
        Format::Bmp
    } else if starts(b"\0\0\x01\xba") {
        Format::MpegPs
    } else if (at(0, b"G") && at(188, b"G") && at(376, b"G")) || (at(4, b"G") && at(196, b"G") && at(388, b"G")) {
        Format::MpegTs
    } else {
        Format::Unknown
    }
}

/// ISO base media files name their brands in the first box (ISO/IEC 14496-12, 4.3): the major one, then compatible ones.
fn iso_media(head: &[u8]) -> Format {
    let declared = head.first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes) as usize);
    let end = declared.clamp(16, 256).min(head.len());
    let major = head.get(8..12).unwrap_or_default();
    let compatible = head.get(16..end).unwrap_or_default();
    let names = |brand: &[u8]| major == brand || compatible.chunks_exact(4).any(|word| word == brand);
    match major {
        b"qt  " => Format::Mov,
        b"crx " => Format::Raw,
        b"M4A " | b"M4B " | b"M4P " | b"F4A " => Format::Unknown,
        _ if names(b"avif") || names(b"avis") => Format::Avif,
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => Format::Heic,
        _ if names(b"isom") || names(b"iso2") || names(b"mp41") || names(b"mp42") => Format::Mp4,
        _ if names(b"heic") || names(b"mif1") => Format::Heic,
        _ if names(b"qt  ") => Format::Mov,
        _ => Format::Mp4,
    }
}

fn is_raw(head: &[u8]) -> bool {
    const OWN_MAGIC: [&[u8]; 5] = [b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0"];
    OWN_MAGIC.iter().any(|magic| head.starts_with(magic))
        || (head.starts_with(b"II*\0") && head.get(8..10) == Some(b"CR"))
        || tiff_directory_is_raw(head).unwrap_or(false)
}

/// Raw files that are TIFF carry DNGVersion (DNG specification 1.7, tag 50706) or keep the sensor's data in a SubIFD
/// (tag 330), which finished TIFF pictures hardly ever use.
fn tiff_directory_is_raw(head: &[u8]) -> Option<bool> {
    let little = match head.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let u16_at = |at: usize| {
        let bytes: [u8; 2] = head.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let offset: [u8; 4] = head.get(4..8)?.try_into().ok()?;
    let start = if little { u32::from_le_bytes(offset) } else { u32::from_be_bytes(offset) } as usize;
    let entries = usize::from(u16_at(start)?);
    Some((0..entries).map_while(|n| u16_at(start + 2 + n * 12)).any(|tag| tag == 330 || tag == 50706))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ftyp(major: &[u8; 4], compatible: &[&[u8; 4]]) -> Vec<u8> {
        let size = 16 + 4 * compatible.len() as u32;
        let mut head = size.to_be_bytes().to_vec();
        head.extend(b"ftyp");
        head.extend(major);
        head.extend([0; 4]);
        compatible.iter().for_each(|brand| head.extend(*brand));
        head
    }

    #[test]
    fn every_format_is_told_by_its_magic() {
        let mut packets = vec![0u8; 600];
        [0, 188, 376].iter().for_each(|at| packets[*at] = b'G');
        let cases: Vec<(Vec<u8>, Format)> = vec![
            (b"\xff\xd8\xff\xe0".to_vec(), Format::Jpeg),
            (b"\x89PNG\r\n\x1a\n".to_vec(), Format::Png),
            (b"GIF89a".to_vec(), Format::Gif),
            (b"RIFF\x10\0\0\0WEBPVP8 ".to_vec(), Format::WebP),
            (b"RIFF\x10\0\0\0AVI LIST".to_vec(), Format::Avi),
            (ftyp(b"heic", &[b"mif1", b"heic"]), Format::Heic),
            (ftyp(b"mif1", &[b"mif1", b"avif"]), Format::Avif),
            (ftyp(b"avif", &[]), Format::Avif),
            (ftyp(b"crx ", &[b"crx ", b"isom"]), Format::Raw),
            (ftyp(b"qt  ", &[b"qt  "]), Format::Mov),
            (ftyp(b"isom", &[b"isom", b"avc1"]), Format::Mp4),
            (ftyp(b"M4A ", &[b"mp42"]), Format::Unknown),
            (b"\0\0\0\x08wide\0\0\0\x10mdat".to_vec(), Format::Mov),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm".to_vec(), Format::WebM),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska".to_vec(), Format::Mkv),
            (b"II*\0\x08\0\0\0\x01\0\0\x01".to_vec(), Format::Tiff),
            (b"MM\0*\0\0\0\x08\0\x01\xc6\x12".to_vec(), Format::Raw),
            (b"II*\0\x10\0\0\0CR\x02\0".to_vec(), Format::Raw),
            (b"FUJIFILMCCD-RAW 0201".to_vec(), Format::Raw),
            (b"\xff\x0a\x00".to_vec(), Format::Jxl),
            (b"\0\0\x01\xba".to_vec(), Format::MpegPs),
            (packets, Format::MpegTs),
            (b"<svg xmlns=".to_vec(), Format::Unknown),
            (b"".to_vec(), Format::Unknown),
        ];
        for (head, expected) in cases {
            assert_eq!(sniff(&head), expected, "{:?}", String::from_utf8_lossy(&head));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(magic in 0usize..6, tail in proptest::collection::vec(any::<u8>(), 0..512)) {
            let mut head = [&b""[..], b"II*\0", b"MM\0*", b"\x1a\x45\xdf\xa3", b"RIFF", b"\xff\xff\xff\xffftyp"][magic].to_vec();
            head.extend(tail);
            let _ = sniff(&head);
        }
    }
}
