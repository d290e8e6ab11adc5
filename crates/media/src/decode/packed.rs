//! PNG, GIF and WebP by the `image` crate's own decoders, to packed RGB. Of animations the first frame is taken.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder, ImageError, ImageResult,
    codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder},
};

use super::{Decoded, check_pixels};
use crate::{
    child::{Broken, Limits},
    raster::{Bitmap, Raster},
    sniff::Format,
};

fn open<'a>(format: Format, bytes: &'a [u8]) -> ImageResult<Box<dyn ImageDecoder + 'a>> {
    let reader = Cursor::new(bytes);
    Ok(match format {
        Format::Png => Box::new(PngDecoder::with_limits(reader, image::Limits::no_limits())?),
        Format::Gif => Box::new(GifDecoder::new(reader)?),
        _ => Box::new(WebPDecoder::new(reader)?),
    })
}

/// Size in the header.
pub(super) fn stored_size(format: Format, bytes: &[u8]) -> Option<(u32, u32)> {
    open(format, bytes).ok().map(|decoder| decoder.dimensions())
}

/// Decodes at full size.
pub(super) fn decode(format: Format, bytes: &[u8], limits: &Limits) -> Result<Decoded, Broken> {
    let failed = |error: ImageError| Broken(format!("is a broken {}: {error}", format.name()));
    let mut decoder = open(format, bytes).map_err(failed)?;
    let (width, height) = decoder.dimensions();
    check_pixels(width, height, limits)?;
    // Twice: while 16-bit or palette pixels are converted, both forms exist.
    if decoder.total_bytes().saturating_mul(2) > limits.max_memory {
        return Err(Broken(format!("has {width} × {height} pixels, more than fit into the memory allowed")));
    }
    let icc = decoder.icc_profile().ok().flatten();
    let alpha = decoder.color_type().has_alpha();
    let picture = DynamicImage::from_decoder(decoder).map_err(failed)?;
    let bitmap = if alpha {
        Bitmap { width, height, channels: 4, data: picture.into_rgba8().into_raw() }
    } else {
        Bitmap { width, height, channels: 3, data: picture.into_rgb8().into_raw() }
    };
    Ok(Decoded { raster: Raster::Packed(bitmap), icc })
}
