//! The few bytes that paint a blur of a picture before it has loaded: a thumbhash. Called by the child with the
//! thumbnail's pixels.

use crate::{
    child::Broken,
    raster::{Bitmap, Planes, Raster},
    scale::{preview_size, resize_bitmap},
};

/// Long side of the pixels that are hashed. The hash keeps at most 7 × 7 waves, so more would be blurred away.
const SIDE: u32 = 32;

/// The thumbhash of `raster`, 5 to 25 bytes.
pub(crate) fn placeholder(raster: &Raster) -> Result<Vec<u8>, Broken> {
    let (width, height) = raster.size();
    let (width, height) = preview_size(width, height, SIDE);
    let rgba = match raster {
        Raster::Planar(planes) => rgba_of_planes(planes, width, height)?,
        Raster::Packed(bitmap) => {
            let small = resize_bitmap(bitmap, width, height)?;
            let opaque = |pixel: &[u8]| [pixel[0], pixel[1], pixel[2], pixel.get(3).copied().unwrap_or(255)];
            small.data.chunks_exact(small.channels).flat_map(opaque).collect()
        }
    };
    Ok(thumbhash::rgba_to_thumb_hash(width as usize, height as usize, &rgba))
}

/// Full-range BT.601 to RGB (JFIF 1.02, page 3).
fn rgba_of_planes(planes: &Planes, width: u32, height: u32) -> Result<Vec<u8>, Broken> {
    let small = |plane: &Bitmap| resize_bitmap(plane, width, height);
    let (y, u, v) = (small(&planes.y)?, small(&planes.u)?, small(&planes.v)?);
    let pixels = y.data.iter().zip(&u.data).zip(&v.data).flat_map(|((y, u), v)| {
        let (y, u, v) = (f32::from(*y), f32::from(*u) - 128.0, f32::from(*v) - 128.0);
        [y + 1.402 * v, y - 0.344_136 * u - 0.714_136 * v, y + 1.772 * u, 255.0].map(|value| value.round() as u8)
    });
    Ok(pixels.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_colour_survives_from_planes_and_from_rgb() {
        let plane = |width, height, value| Bitmap::filled(width, height, 1, value);
        let red = Raster::Planar(Planes { y: plane(200, 100, 76), u: plane(100, 50, 85), v: plane(100, 50, 255) });
        let packed = Raster::Packed(Bitmap { width: 40, height: 20, channels: 3, data: [254, 0, 0].repeat(800) });
        for raster in [red, packed] {
            let hash = placeholder(&raster).unwrap();
            let (r, g, b, a) = thumbhash::thumb_hash_to_average_rgba(&hash).unwrap();
            assert!(r > 0.9 && g < 0.1 && b < 0.1 && a == 1.0, "{r} {g} {b} {a}");
            let ratio = thumbhash::thumb_hash_to_approximate_aspect_ratio(&hash).unwrap();
            assert!((1.5..2.5).contains(&ratio), "{ratio}");
        }
    }
}
