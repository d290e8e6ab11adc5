//! WebP at quality 80, method 2, by libwebp: a quarter of the time of its default method for two per cent more bytes.

#![allow(unsafe_code, reason = "libwebp's C interface; each call says why it is sound")]

use std::ptr;

use libwebp_sys as sys;

use crate::{
    child::Broken,
    raster::{Bitmap, Planes, Raster},
};

const QUALITY: f32 = 80.0;
const METHOD: i32 = 2;

/// The flag for a profile in the extended header (RFC 9649, 2.7).
const ICC_FLAG: u8 = 0x20;
const ALPHA_FLAG: u8 = 0x10;

/// Encodes `raster`, keeping transparency, with `icc` inside.
pub(crate) fn webp(raster: &Raster, icc: Option<&[u8]>) -> Result<Vec<u8>, Broken> {
    let bytes = encode(raster).ok_or_else(|| Broken("could not be encoded as WebP".into()))?;
    Ok(match icc {
        Some(icc) => with_profile(&bytes, raster, icc),
        None => bytes,
    })
}

fn encode(raster: &Raster) -> Option<Vec<u8>> {
    let mut config = sys::WebPConfig::new().ok()?;
    config.quality = QUALITY;
    config.method = METHOD;
    let mut picture = sys::WebPPicture::new().ok()?;
    let (width, height) = raster.size();
    picture.width = i32::try_from(width).ok()?;
    picture.height = i32::try_from(height).ok()?;
    match raster {
        Raster::Planar(planes) => {
            let narrow = narrow_range(planes);
            borrow_planes(&mut picture, &narrow);
            write(&config, &mut picture)
        }
        Raster::Packed(bitmap) => {
            import(&mut picture, bitmap)?;
            write(&config, &mut picture)
        }
    }
}

/// JPEG uses all 256 values, WebP's YUV is BT.601 as in television: 16 to 235, colour 16 to 240 (RFC 6386, 9.2).
fn narrow_range(planes: &Planes) -> Planes {
    let map = |plane: &Bitmap, curve: &dyn Fn(u32) -> u32| {
        let table: [u8; 256] = std::array::from_fn(|value| curve(value as u32) as u8);
        Bitmap { data: plane.data.iter().map(|value| table[usize::from(*value)]).collect(), ..*plane }
    };
    let brightness = |value: u32| 16 + (value * 219 + 127) / 255;
    let colour = |value: u32| 16 + (value * 224 + 127) / 255;
    Planes { y: map(&planes.y, &brightness), u: map(&planes.u, &colour), v: map(&planes.v, &colour) }
}

/// Points `picture` at the planes, which must outlive its use; libwebp only reads them.
fn borrow_planes(picture: &mut sys::WebPPicture, planes: &Planes) {
    picture.use_argb = 0;
    picture.colorspace = sys::WebPEncCSP::WEBP_YUV420;
    picture.y = planes.y.data.as_ptr().cast_mut();
    picture.u = planes.u.data.as_ptr().cast_mut();
    picture.v = planes.v.data.as_ptr().cast_mut();
    picture.y_stride = planes.y.width as i32;
    picture.uv_stride = planes.u.width as i32;
}

fn import(picture: &mut sys::WebPPicture, bitmap: &Bitmap) -> Option<()> {
    let stride = i32::try_from(bitmap.width as usize * bitmap.channels).ok()?;
    let pixels = bitmap.data.as_ptr();
    // SAFETY: the picture is initialised with the bitmap's size, and the bitmap holds `stride` bytes for each row.
    let imported = unsafe {
        if bitmap.channels == 4 {
            sys::WebPPictureImportRGBA(picture, pixels, stride)
        } else {
            sys::WebPPictureImportRGB(picture, pixels, stride)
        }
    };
    (imported != 0).then_some(())
}

fn write(config: &sys::WebPConfig, picture: &mut sys::WebPPicture) -> Option<Vec<u8>> {
    let mut writer = sys::WebPMemoryWriter { mem: ptr::null_mut(), size: 0, max_size: 0, pad: [0] };
    picture.writer = Some(sys::WebPMemoryWrite);
    picture.custom_ptr = (&raw mut writer).cast();
    // SAFETY: config and picture are initialised, the planes or imported pixels are alive, and the writer outlives the
    // call. Freeing the picture frees only what the library allocated itself, never borrowed planes.
    unsafe {
        let done = sys::WebPEncode(config, picture);
        sys::WebPPictureFree(picture);
        let bytes =
            (done != 0 && writer.size > 0).then(|| std::slice::from_raw_parts(writer.mem, writer.size).to_vec());
        sys::WebPMemoryWriterClear(&mut writer);
        bytes
    }
}

/// Rewrites the container with an extended header and the profile before the picture's own chunks (RFC 9649, 2.7).
fn with_profile(webp: &[u8], raster: &Raster, icc: &[u8]) -> Vec<u8> {
    const CONTAINER: usize = 12;
    const EXTENDED: usize = 18;
    let body = webp.get(CONTAINER..).unwrap_or_default();
    let (flags, chunks) = match body.strip_prefix(b"VP8X") {
        Some(header) => (header.get(4).copied().unwrap_or(0), &body[EXTENDED..]),
        None if matches!(raster, Raster::Packed(bitmap) if bitmap.channels == 4) => (ALPHA_FLAG, body),
        None => (0, body),
    };
    let (width, height) = raster.size();
    let mut new = b"WEBPVP8X\x0a\0\0\0".to_vec();
    new.extend([flags | ICC_FLAG, 0, 0, 0]);
    new.extend(&(width - 1).to_le_bytes()[..3]);
    new.extend(&(height - 1).to_le_bytes()[..3]);
    new.extend(b"ICCP");
    new.extend((icc.len() as u32).to_le_bytes());
    new.extend(icc);
    new.extend(&[0][..icc.len() % 2]);
    new.extend(chunks);
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((new.len() as u32).to_le_bytes());
    bytes.extend(new);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageDecoder, codecs::webp::WebPDecoder};
    use std::io::Cursor;

    fn check(raster: &Raster, expected: &[u8]) {
        let icc = vec![7u8; 545];
        let bytes = webp(raster, Some(&icc)).unwrap();
        assert_eq!(WebPDecoder::new(Cursor::new(&bytes)).unwrap().icc_profile().unwrap(), Some(icc));
        for bytes in [bytes, webp(raster, None).unwrap()] {
            let picture = image::load_from_memory(&bytes).unwrap();
            assert_eq!((picture.width(), picture.height()), raster.size());
            let pixels =
                if expected.len() == 4 { picture.into_rgba8().into_raw() } else { picture.into_rgb8().into_raw() };
            let close =
                pixels.chunks(expected.len()).all(|pixel| pixel.iter().zip(expected).all(|(a, b)| a.abs_diff(*b) < 6));
            assert!(close, "{:?} is not {expected:?}", &pixels[..expected.len()]);
        }
    }

    #[test]
    fn planes_keep_colour_and_profile() {
        let plane = |width, height, value| Bitmap::filled(width, height, 1, value);
        // Pure red in full-range BT.601.
        check(
            &Raster::Planar(Planes { y: plane(31, 17, 76), u: plane(16, 9, 85), v: plane(16, 9, 255) }),
            &[254, 0, 0],
        );
        check(
            &Raster::Planar(Planes { y: plane(8, 8, 255), u: plane(4, 4, 128), v: plane(4, 4, 128) }),
            &[255, 255, 255],
        );
    }

    #[test]
    fn packed_pixels_keep_colour_profile_and_transparency() {
        let rgb = Bitmap { width: 20, height: 11, channels: 3, data: [10, 200, 30].repeat(220) };
        check(&Raster::Packed(rgb), &[10, 200, 30]);
        let rgba = Bitmap { width: 20, height: 11, channels: 4, data: [10, 200, 30, 100].repeat(220) };
        check(&Raster::Packed(rgba), &[10, 200, 30, 100]);
    }
}
