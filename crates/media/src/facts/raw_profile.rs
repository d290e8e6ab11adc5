//! EXIF in the way ImageMagick and ExifTool wrote it into PNGs before the format had a chunk for it (2017): as
//! hexadecimal text in a text chunk named "Raw profile type exif" or "… APP1". Called by `exif` when nothing else is there.

/// What a text may unpack to: EXIF has at most 64 KiB, in hexadecimal twice that, and the rest is line ends.
const TEXT_LIMIT: usize = 256 << 10;
const NAMES: [&[u8]; 2] = [b"Raw profile type exif", b"Raw profile type APP1"];
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The TIFF block of a PNG's raw profile.
pub(crate) fn find(png: &[u8]) -> Option<Vec<u8>> {
    let mut rest = png.strip_prefix(SIGNATURE)?;
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let length = usize::try_from(u32::from_be_bytes([head[0], head[1], head[2], head[3]])).ok()?;
        let content = after.get(..length)?;
        if let Some(block) = text(&head[4..], content).as_deref().and_then(decode) {
            return Some(block);
        }
        // Behind the content stands a checksum of 4 bytes.
        rest = after.get(length.checked_add(4)?..)?;
    }
    None
}

/// The text of a chunk that holds a raw profile of EXIF.
fn text(kind: &[u8], content: &[u8]) -> Option<Vec<u8>> {
    let end = content.iter().take(80).position(|byte| *byte == 0)?;
    let (name, rest) = (&content[..end], &content[end + 1..]);
    if !NAMES.contains(&name) {
        return None;
    }
    match kind {
        b"tEXt" => Some(rest.to_vec()),
        // One byte says how it is packed, always 0.
        b"zTXt" => miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(rest.get(1..)?, TEXT_LIMIT).ok(),
        _ => None,
    }
}

/// A profile is a line with its name, one with its length, and lines of hexadecimal digits.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let (_name, length) = (lines.next()?, lines.next()?);
    let length: usize = std::str::from_utf8(length).ok()?.trim().parse().ok()?;
    let digits: Vec<u8> = lines.flatten().filter_map(|byte| nibble(*byte)).collect();
    let mut block: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    block.truncate(length);
    let tiff = block.strip_prefix(b"Exif\0\0").unwrap_or(&block);
    (tiff.starts_with(b"II*\0") || tiff.starts_with(b"MM\0*")).then(|| tiff.to_vec())
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn png(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let chunk = |kind: &[u8], content: &[u8]| {
            let length = u32::try_from(content.len()).unwrap().to_be_bytes();
            [&length[..], kind, content, &[0; 4]].concat()
        };
        [SIGNATURE, &chunk(b"IHDR", &[0; 13]), &chunk(kind, content), &chunk(b"IEND", &[])].concat()
    }

    fn profile(block: &[u8]) -> Vec<u8> {
        let digits: String = block.iter().map(|byte| format!("{byte:02x}")).collect();
        let lines: Vec<&str> = digits.as_bytes().chunks(72).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("\nexif\n    {}\n{}\n", block.len(), lines.join("\n")).into_bytes()
    }

    const TIFF: &[u8] = b"II*\0\x08\0\0\0\0\0\0\0\0\0";

    #[test]
    fn packed_or_plain_with_or_without_the_prefix_of_jpeg() {
        let prefixed = [b"Exif\0\0", TIFF].concat();
        let packed = miniz_oxide::deflate::compress_to_vec_zlib(&profile(&prefixed), 6);
        let z = png(b"zTXt", &[b"Raw profile type APP1\0\0", packed.as_slice()].concat());
        assert_eq!(find(&z).as_deref(), Some(TIFF));
        let plain = png(b"tEXt", &[b"Raw profile type exif\0", profile(TIFF).as_slice()].concat());
        assert_eq!(find(&plain).as_deref(), Some(TIFF));
        assert_eq!(find(&png(b"tEXt", &[b"Comment\0", profile(TIFF).as_slice()].concat())), None);
        assert_eq!(find(&png(b"tEXt", b"Raw profile type exif\0\nexif\n  4\nnone")), None);
    }

    #[test]
    fn a_text_that_unpacks_to_too_much_is_left() {
        let packed = miniz_oxide::deflate::compress_to_vec_zlib(&vec![b'0'; TEXT_LIMIT + 1], 6);
        assert_eq!(find(&png(b"zTXt", &[b"Raw profile type exif\0\0", packed.as_slice()].concat())), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(content: Vec<u8>, cut in 0usize..64, named: bool) {
            let name: &[u8] = if named { b"Raw profile type exif\0" } else { b"" };
            for kind in [b"tEXt", b"zTXt"] {
                let mut bytes = png(kind, &[name, &content].concat());
                bytes.truncate(bytes.len().saturating_sub(cut));
                find(&bytes);
            }
        }
    }
}
