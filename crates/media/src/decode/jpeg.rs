//! JPEG by libjpeg-turbo, scaled while decoding. It speaks to the C library itself and not through the safe wrapper,
//! because only the library's error code tells a warning from a failure: a photo whose last rows are missing decodes
//! with a warning and must be shown, and the wrapper turns both into the same error.

#![allow(unsafe_code, reason = "libjpeg-turbo's C interface; each call says why it is sound")]

use std::{ffi::CStr, ptr};

use turbojpeg::raw;

use super::{Decoded, check_pixels};
use crate::{
    child::{Broken, Limits},
    raster::{Bitmap, Planes, Raster},
    scale::{self, resize_bitmap},
};

/// Progressive scans beyond this many are an attack: libjpeg-turbo's authors advise a limit, real files have about ten.
const SCAN_LIMIT: i32 = 100;

/// The value of a colour plane where there is no colour.
const NEUTRAL: u8 = 128;

/// Chroma subsamplings whose planes are taken as they are, with the width and height of their sampling.
const PLANAR: [(raw::TJSAMP, u32, u32); 4] = [
    (raw::TJSAMP_TJSAMP_420, 2, 2),
    (raw::TJSAMP_TJSAMP_422, 2, 1),
    (raw::TJSAMP_TJSAMP_440, 1, 2),
    (raw::TJSAMP_TJSAMP_444, 1, 1),
];

/// A libjpeg-turbo decompressor.
struct Turbo(raw::tjhandle);

struct Header {
    width: u32,
    height: u32,
    subsampling: raw::TJSAMP,
    colorspace: raw::TJCS,
    lossless: bool,
}

/// Size in the frame header.
pub(super) fn stored_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let header = Turbo::new().ok()?.header(bytes).ok()?;
    Some((header.width, header.height))
}

/// Decodes at the scale that suits a preview; colour JPEGs stay planar.
pub(super) fn decode(bytes: &[u8], limits: &Limits, preview_long: u32) -> Result<Decoded, Broken> {
    let mut turbo = Turbo::new()?;
    let header = turbo.header(bytes)?;
    check_pixels(header.width, header.height, limits)?;
    let icc = turbo.icc();
    let eighths = if header.lossless { 8 } else { scale::eighths(header.width, header.height, preview_long) };
    let (width, height) = turbo.set_scale(&header, eighths)?;
    let planar = PLANAR.iter().find(|(subsampling, ..)| *subsampling == header.subsampling);
    let raster = match planar {
        Some((_, across, down)) if header.colorspace == raw::TJCS_TJCS_YCbCr && !header.lossless => {
            Raster::Planar(turbo.planes(bytes, width, height, *across, *down)?)
        }
        _ if matches!(header.colorspace, raw::TJCS_TJCS_CMYK | raw::TJCS_TJCS_YCCK) => {
            Raster::Packed(rgb_from_inverted_cmyk(&turbo.packed(bytes, width, height, raw::TJPF_TJPF_CMYK, 4)?))
        }
        _ => Raster::Packed(turbo.packed(bytes, width, height, raw::TJPF_TJPF_RGB, 3)?),
    };
    Ok(Decoded { raster, icc })
}

impl Turbo {
    fn new() -> Result<Turbo, Broken> {
        // SAFETY: takes no pointers; a null result is checked for.
        let handle = unsafe { raw::tj3Init(raw::TJINIT_TJINIT_DECOMPRESS as i32) };
        if handle.is_null() {
            return Err(Broken("no memory for a JPEG decoder".into()));
        }
        let turbo = Turbo(handle);
        // SAFETY: the handle is live; out-of-range values are refused, not acted on.
        unsafe { raw::tj3Set(turbo.0, raw::TJPARAM_TJPARAM_SCANLIMIT as i32, SCAN_LIMIT) };
        Ok(turbo)
    }

    fn get(&self, parameter: raw::TJPARAM) -> i32 {
        // SAFETY: the handle is live; unknown parameters give -1.
        unsafe { raw::tj3Get(self.0, parameter as i32) }
    }

    /// Ok also after a warning, in which case the pixels hold whatever could be decoded.
    fn checked(&self, result: i32) -> Result<(), Broken> {
        // SAFETY: the handle is live; the message belongs to it and is copied before any other call.
        let (code, message) =
            unsafe { (raw::tj3GetErrorCode(self.0), CStr::from_ptr(raw::tj3GetErrorStr(self.0)).to_string_lossy()) };
        match result {
            0 => Ok(()),
            _ if code == raw::TJERR_TJERR_WARNING as i32 => Ok(()),
            _ => Err(Broken(format!("is a broken JPEG: {message}"))),
        }
    }

    fn header(&mut self, bytes: &[u8]) -> Result<Header, Broken> {
        // SAFETY: the handle is live and the library reads within the slice.
        let result = unsafe { raw::tj3DecompressHeader(self.0, bytes.as_ptr(), bytes.len() as raw::size_t) };
        self.checked(result)?;
        let side = |parameter| u32::try_from(self.get(parameter)).ok().filter(|side| *side > 0);
        let (width, height) = side(raw::TJPARAM_TJPARAM_JPEGWIDTH)
            .zip(side(raw::TJPARAM_TJPARAM_JPEGHEIGHT))
            .ok_or_else(|| Broken("is a JPEG without a size".into()))?;
        Ok(Header {
            width,
            height,
            subsampling: self.get(raw::TJPARAM_TJPARAM_SUBSAMP),
            colorspace: self.get(raw::TJPARAM_TJPARAM_COLORSPACE) as raw::TJCS,
            lossless: self.get(raw::TJPARAM_TJPARAM_LOSSLESS) != 0,
        })
    }

    fn icc(&mut self) -> Option<Vec<u8>> {
        let (mut data, mut size) = (ptr::null_mut(), 0);
        // SAFETY: the handle is live and both places outlive the call, which sets them to an allocation or to null.
        let result = unsafe { raw::tj3GetICCProfile(self.0, &mut data, &mut size) };
        if result != 0 || data.is_null() {
            return None;
        }
        // SAFETY: the library allocated `size` bytes at `data` and left them to us, to be freed by its own function.
        unsafe {
            let icc = std::slice::from_raw_parts(data, size as usize).to_vec();
            raw::tj3Free(data.cast());
            Some(icc)
        }
    }

    /// Sets the scale and gives the size it leads to.
    fn set_scale(&mut self, header: &Header, eighths: u32) -> Result<(u32, u32), Broken> {
        let shared = 1 << eighths.trailing_zeros().min(3);
        let factor = raw::tjscalingfactor { num: (eighths / shared) as i32, denom: (8 / shared) as i32 };
        // SAFETY: the handle is live; factors the library does not have are refused.
        self.checked(unsafe { raw::tj3SetScalingFactor(self.0, factor) })?;
        let scaled = |side: u32| (u64::from(side) * u64::from(eighths)).div_ceil(8) as u32;
        Ok((scaled(header.width), scaled(header.height)))
    }

    /// The planes of a YCbCr picture, colour brought to half of the brightness both ways.
    fn planes(&mut self, bytes: &[u8], width: u32, height: u32, across: u32, down: u32) -> Result<Planes, Broken> {
        let (padded_width, padded_height) = (width.next_multiple_of(across), height.next_multiple_of(down));
        let (chroma_width, chroma_height) = (padded_width / across, padded_height / down);
        let mut y = vec![0; padded_width as usize * padded_height as usize];
        let mut u = vec![NEUTRAL; chroma_width as usize * chroma_height as usize];
        let mut v = u.clone();
        let mut planes = [y.as_mut_ptr(), u.as_mut_ptr(), v.as_mut_ptr()];
        let mut strides = [padded_width as i32, chroma_width as i32, chroma_width as i32];
        // SAFETY: the handle is live; the planes have the sizes of tj3YUVPlaneSize for the size and subsampling in the
        // header, which cannot change between the two calls because `bytes` cannot.
        let result = unsafe {
            raw::tj3DecompressToYUVPlanes8(
                self.0,
                bytes.as_ptr(),
                bytes.len() as raw::size_t,
                planes.as_mut_ptr(),
                strides.as_mut_ptr(),
            )
        };
        self.checked(result)?;
        let y = Bitmap::cropped(y, padded_width as usize, width, height, 1);
        let halved = |data| {
            let plane = Bitmap { width: chroma_width, height: chroma_height, channels: 1, data };
            resize_bitmap(&plane, width.div_ceil(2), height.div_ceil(2))
        };
        Ok(Planes { y, u: halved(u)?, v: halved(v)? })
    }

    fn packed(
        &mut self,
        bytes: &[u8],
        width: u32,
        height: u32,
        layout: raw::TJPF,
        channels: usize,
    ) -> Result<Bitmap, Broken> {
        let mut bitmap = Bitmap::filled(width, height, channels, NEUTRAL);
        let pitch = width as i32 * channels as i32;
        // SAFETY: the handle is live; the buffer holds the scaled size of the header, which cannot have changed.
        let result = unsafe {
            raw::tj3Decompress8(
                self.0,
                bytes.as_ptr(),
                bytes.len() as raw::size_t,
                bitmap.data.as_mut_ptr(),
                pitch,
                layout,
            )
        };
        self.checked(result)?;
        Ok(bitmap)
    }
}

impl Drop for Turbo {
    fn drop(&mut self) {
        // SAFETY: the handle is live and not used again.
        unsafe { raw::tj3Destroy(self.0) };
    }
}

/// CMYK JPEGs hold inverted values, as Adobe's programs write them: 255 is no ink. Their profiles are not applied, so
/// colours are as bright as on a screen without one.
fn rgb_from_inverted_cmyk(cmyk: &Bitmap) -> Bitmap {
    let mix = |ink: u8, black: u8| (u32::from(ink) * u32::from(black) / 255) as u8;
    let data = cmyk.data.as_chunks::<4>().0.iter().flat_map(|[c, m, y, k]| [c, m, y].map(|ink| mix(*ink, *k)));
    Bitmap { width: cmyk.width, height: cmyk.height, channels: 3, data: data.collect() }
}
