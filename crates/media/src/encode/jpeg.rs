//! JPEG at quality 80 by libjpeg-turbo, colour at half size. Planes go in as they are, without a way through RGB.

use turbojpeg::{Compressor, Image, PixelFormat, Subsamp, YuvPlanesImage};

use crate::{
    child::Broken,
    raster::{Bitmap, Planes, Raster},
};

/// libjpeg's scale of 1 to 100.
const QUALITY: i32 = 80;

/// What fits into one APP2 segment beside its own header (ICC.1:2022, annex B.4).
const ICC_SEGMENT: usize = 65_519;

/// Encodes `raster`, transparent parts before white, with `icc` inside.
pub(crate) fn jpeg(raster: &Raster, icc: Option<&[u8]>) -> Result<Vec<u8>, Broken> {
    let bytes = match raster {
        Raster::Planar(planes) => from_planes(planes),
        Raster::Packed(bitmap) if bitmap.channels == 3 => from_rgb(bitmap),
        Raster::Packed(bitmap) => from_rgb(&bitmap.flattened_on_white()),
    }
    .map_err(|error| Broken(format!("could not be encoded as JPEG: {error}")))?;
    Ok(match icc {
        Some(icc) => with_profile(&bytes, icc),
        None => bytes,
    })
}

fn compressor() -> turbojpeg::Result<Compressor> {
    let mut compressor = Compressor::new()?;
    compressor.set_quality(QUALITY)?;
    compressor.set_subsamp(Subsamp::Sub2x2)?;
    Ok(compressor)
}

fn from_planes(planes: &Planes) -> turbojpeg::Result<Vec<u8>> {
    let brightness = planes.y.padded_even();
    let image = YuvPlanesImage {
        y_plane: brightness.data.as_slice(),
        u_plane: planes.u.data.as_slice(),
        v_plane: planes.v.data.as_slice(),
        width: planes.y.width as usize,
        height: planes.y.height as usize,
        y_stride: brightness.width as usize,
        u_stride: planes.u.width as usize,
        v_stride: planes.v.width as usize,
        subsamp: Subsamp::Sub2x2,
    };
    compressor()?.compress_yuv_planes_to_vec(&image)
}

fn from_rgb(bitmap: &Bitmap) -> turbojpeg::Result<Vec<u8>> {
    let (width, height) = (bitmap.width as usize, bitmap.height as usize);
    let pixels = bitmap.data.as_slice();
    compressor()?.compress_to_vec(Image { pixels, width, height, pitch: width * 3, format: PixelFormat::RGB })
}

/// Puts the profile behind the start-of-image marker and the JFIF segment that must follow it.
fn with_profile(jpeg: &[u8], icc: &[u8]) -> Vec<u8> {
    let jfif = match jpeg {
        [_, _, 0xff, 0xe0, high, low, ..] => 2 + usize::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    };
    let (start, rest) = jpeg.split_at((2 + jfif).min(jpeg.len()));
    let mut bytes = start.to_vec();
    let parts = icc.chunks(ICC_SEGMENT);
    let count = parts.len() as u8;
    for (part, number) in parts.zip(1u8..) {
        bytes.extend([0xff, 0xe2]);
        bytes.extend((part.len() as u16 + 16).to_be_bytes());
        bytes.extend(b"ICC_PROFILE\0");
        bytes.extend([number, count]);
        bytes.extend(part);
    }
    bytes.extend(rest);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageDecoder, codecs::jpeg::JpegDecoder};
    use std::io::Cursor;

    #[test]
    fn a_profile_of_several_segments_comes_back_whole() {
        let icc: Vec<u8> = (0..150_000u32).map(|n| (n % 253) as u8).collect();
        let raster = Raster::Packed(Bitmap::filled(16, 16, 3, 50));
        let bytes = jpeg(&raster, Some(&icc)).unwrap();
        let mut decoder = JpegDecoder::new(Cursor::new(&bytes)).unwrap();
        assert_eq!(decoder.icc_profile().unwrap(), Some(icc));
    }

    #[test]
    fn odd_planes_keep_their_size() {
        let y = Bitmap::filled(5, 3, 1, 120);
        let (u, v) = (Bitmap::filled(3, 2, 1, 128), Bitmap::filled(3, 2, 1, 128));
        let bytes = jpeg(&Raster::Planar(Planes { y, u, v }), None).unwrap();
        let picture = image::load_from_memory(&bytes).unwrap().into_rgb8();
        assert_eq!(picture.dimensions(), (5, 3));
        assert!(picture.pixels().all(|pixel| pixel.0.iter().all(|value| value.abs_diff(120) < 3)));
    }
}
