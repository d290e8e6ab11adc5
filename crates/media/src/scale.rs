//! Sizes of renditions, and bringing pixels to them. Called by the child after decoding. Nothing is ever enlarged.

use fast_image_resize::{
    FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer,
    images::{Image, ImageRef},
};

use crate::{
    child::Broken,
    raster::{Bitmap, Planes, Raster},
};

/// How many times its short side a thumbnail's long side may be: panoramas would else be thousands of pixels long.
const LONGEST_THUMBNAIL: f64 = 4.0;

/// The share of the preview's long side below which a decoder's scaled picture is too coarse, and the next larger scale
/// is taken and resized instead. Pictures of 12, 24 and 48 megapixels stay above it without resizing.
const COARSEST_PREVIEW: f64 = 0.7;

/// Eighths by which libjpeg should scale while decoding: the most that keep the long side within `limit`.
pub(crate) fn eighths(width: u32, height: u32, limit: u32) -> u32 {
    let long = u64::from(width.max(height));
    let scaled = |eighths: u32| (long * u64::from(eighths)).div_ceil(8);
    let fitting = (1..=8).rev().find(|eighths| scaled(*eighths) <= u64::from(limit)).unwrap_or(1);
    if fitting < 8 && (scaled(fitting) as f64) < f64::from(limit) * COARSEST_PREVIEW { fitting + 1 } else { fitting }
}

/// The preview's size: long side at most `limit`.
pub(crate) fn preview_size(width: u32, height: u32, limit: u32) -> (u32, u32) {
    scaled(width, height, f64::from(limit) / f64::from(width.max(height)))
}

/// The thumbnail's size: short side `short`, unless that made the long side more than four times as long.
pub(crate) fn thumbnail_size(width: u32, height: u32, short: u32) -> (u32, u32) {
    let by_short = f64::from(short) / f64::from(width.min(height));
    let by_long = f64::from(short) * LONGEST_THUMBNAIL / f64::from(width.max(height));
    scaled(width, height, by_short.min(by_long))
}

fn scaled(width: u32, height: u32, factor: f64) -> (u32, u32) {
    let side = |side: u32| ((f64::from(side) * factor.min(1.0)).round() as u32).max(1);
    (side(width), side(height))
}

/// Resizes with Lanczos 3, the colour planes to half of the brightness.
pub(crate) fn resize(raster: Raster, (width, height): (u32, u32)) -> Result<Raster, Broken> {
    if raster.size() == (width, height) {
        return Ok(raster);
    }
    Ok(match raster {
        Raster::Planar(planes) => {
            let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
            Raster::Planar(Planes {
                y: resize_bitmap(&planes.y, width, height)?,
                u: resize_bitmap(&planes.u, half_width, half_height)?,
                v: resize_bitmap(&planes.v, half_width, half_height)?,
            })
        }
        Raster::Packed(bitmap) => Raster::Packed(resize_bitmap(&bitmap, width, height)?),
    })
}

/// Resizes one bitmap with Lanczos 3; colour does not bleed out of transparent pixels.
pub(crate) fn resize_bitmap(from: &Bitmap, width: u32, height: u32) -> Result<Bitmap, Broken> {
    if (from.width, from.height) == (width, height) {
        return Ok(from.clone());
    }
    let pixel = match from.channels {
        1 => PixelType::U8,
        3 => PixelType::U8x3,
        _ => PixelType::U8x4,
    };
    let failed = |error: &dyn std::fmt::Display| Broken(format!("could not be resized: {error}"));
    let source = ImageRef::new(from.width, from.height, &from.data, pixel).map_err(|error| failed(&error))?;
    let mut target = Image::new(width, height, pixel);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    Resizer::new().resize(&source, &mut target, &options).map_err(|error| failed(&error))?;
    Ok(Bitmap { width, height, channels: from.channels, data: target.into_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_cameras_need_no_resize_after_decoding() {
        assert_eq!(eighths(4032, 3024, 2048), 4);
        assert_eq!(eighths(8064, 6048, 2048), 2);
        assert_eq!(eighths(6000, 4000, 2048), 2);
        assert_eq!(eighths(2048, 1536, 2048), 8);
        assert_eq!(eighths(100, 50, 2048), 8);
    }

    #[test]
    fn a_scale_that_would_be_too_coarse_is_left_for_the_next() {
        assert_eq!(eighths(9504, 6336, 2048), 2);
        assert_eq!(eighths(30_000, 4000, 2048), 1);
    }

    #[test]
    fn sizes_keep_the_ratio_and_never_grow() {
        assert_eq!(preview_size(4000, 3000, 2048), (2048, 1536));
        assert_eq!(preview_size(640, 480, 2048), (640, 480));
        assert_eq!(thumbnail_size(2016, 1512, 250), (333, 250));
        assert_eq!(thumbnail_size(1512, 2016, 250), (250, 333));
        assert_eq!(thumbnail_size(100, 40, 250), (100, 40));
        assert_eq!(thumbnail_size(2048, 200, 250), (1000, 98));
        assert_eq!(thumbnail_size(2048, 1, 250), (1000, 1));
    }

    #[test]
    fn one_colour_stays_one_colour() {
        let bitmap = Bitmap::filled(64, 32, 3, 77);
        let small = resize_bitmap(&bitmap, 13, 7).unwrap();
        assert_eq!(small, Bitmap::filled(13, 7, 3, 77));
    }
}
