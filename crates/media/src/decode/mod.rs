//! From compressed bytes to pixels, one decoder per format. Called by the child only: this is the code that meets
//! hostile bytes. It decodes each original once, at the smallest size that will do, and looks at the size in the header
//! before it allocates anything.

mod jpeg;
mod packed;

use crate::{
    child::{Broken, Limits},
    raster::Raster,
    sniff::Format,
};

/// The largest ICC profile that is worth repeating in every rendition. Display profiles have hundreds of bytes.
const ICC_LIMIT: usize = 256 << 10;

/// A picture, decoded but not yet turned upright.
pub(crate) struct Decoded {
    /// At the original's size or smaller.
    pub(crate) raster: Raster,
    /// The profile its RGB values are to be read with.
    pub(crate) icc: Option<Vec<u8>>,
}

/// Size of the stored pixels, from the header alone. Separate from [`decode`] so that the size is known of pictures
/// that turn out too large or broken.
pub(crate) fn stored_size(format: Format, bytes: &[u8]) -> Option<(u32, u32)> {
    match format {
        Format::Jpeg => jpeg::stored_size(bytes),
        Format::Png | Format::Gif | Format::WebP => packed::stored_size(format, bytes),
        _ => None,
    }
}

/// Decodes `bytes` to a raster whose long side is `preview_long` or the next that the format offers without loss.
pub(crate) fn decode(format: Format, bytes: &[u8], limits: &Limits, preview_long: u32) -> Result<Decoded, Broken> {
    let mut decoded = match format {
        Format::Jpeg => jpeg::decode(bytes, limits, preview_long),
        Format::Png | Format::Gif | Format::WebP => packed::decode(format, bytes, limits),
        _ => Err(Broken(format!("{} pictures cannot be shown yet", format.name()))),
    }?;
    decoded.icc = decoded.icc.filter(|icc| is_rgb_profile(icc));
    Ok(decoded)
}

/// Refuses headers that announce more pixels than allowed.
fn check_pixels(width: u32, height: u32, limits: &Limits) -> Result<(), Broken> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 {
        Err(Broken("has no pixels".into()))
    } else if pixels > limits.max_pixels {
        Err(Broken(format!("has {width} × {height} pixels, more than the {} allowed", limits.max_pixels)))
    } else {
        Ok(())
    }
}

/// Renditions are always RGB (or its YCbCr), so a profile for CMYK or grey would make them wrong. The signature and
/// the colour space of the data stand at 36 and 16 of the header (ICC.1:2022, 7.2).
fn is_rgb_profile(icc: &[u8]) -> bool {
    icc.len() <= ICC_LIMIT && icc.get(16..20) == Some(b"RGB ") && icc.get(36..40) == Some(b"acsp")
}
