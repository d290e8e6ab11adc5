//! Pixels between decoding and encoding, in the two shapes the codecs like: planes of brightness and colour, as JPEG
//! and WebP keep them inside, and packed RGB for everything else. Used by the decoders, scaler and encoders of the
//! child. It owns bytes and moves them about; it knows no file format.

use crate::facts::Orientation;

/// Pixels of `channels` interleaved bytes without padding: `data` holds exactly `width * height * channels` of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bitmap {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// 1 for a plane, 3 for RGB, 4 for RGB with unassociated alpha.
    pub(crate) channels: usize,
    pub(crate) data: Vec<u8>,
}

/// Full-range BT.601 brightness and two colour planes of half its width and height, rounded up: JPEG's 4:2:0 (JFIF).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Planes {
    pub(crate) y: Bitmap,
    pub(crate) u: Bitmap,
    pub(crate) v: Bitmap,
}

/// One decoded picture.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Raster {
    Planar(Planes),
    /// RGB, or RGBA if any pixel may be transparent.
    Packed(Bitmap),
}

impl Raster {
    pub(crate) fn size(&self) -> (u32, u32) {
        match self {
            Raster::Planar(planes) => (planes.y.width, planes.y.height),
            Raster::Packed(bitmap) => (bitmap.width, bitmap.height),
        }
    }

    pub(crate) fn oriented(self, orientation: Orientation) -> Raster {
        if orientation == Orientation::Upright {
            return self;
        }
        match self {
            Raster::Planar(Planes { y, u, v }) => Raster::Planar(Planes {
                y: y.oriented(orientation),
                u: u.oriented(orientation),
                v: v.oriented(orientation),
            }),
            Raster::Packed(bitmap) => Raster::Packed(bitmap.oriented(orientation)),
        }
    }
}

impl Bitmap {
    /// All bytes of one value.
    pub(crate) fn filled(width: u32, height: u32, channels: usize, value: u8) -> Bitmap {
        Bitmap { width, height, channels, data: vec![value; width as usize * height as usize * channels] }
    }

    /// The upper left part of rows that are `stride` bytes long.
    pub(crate) fn cropped(data: Vec<u8>, stride: usize, width: u32, height: u32, channels: usize) -> Bitmap {
        let row = width as usize * channels;
        let mut data = data;
        if stride == row {
            data.truncate(row * height as usize);
        } else {
            data = data.chunks(stride).take(height as usize).flat_map(|line| &line[..row]).copied().collect();
        }
        Bitmap { width, height, channels, data }
    }

    /// The same with the last column or row repeated where a side is odd: encoders of 4:2:0 read pixels in pairs.
    pub(crate) fn padded_even(&self) -> Bitmap {
        let (width, height) = (self.width.next_multiple_of(2), self.height.next_multiple_of(2));
        let mut data = Vec::with_capacity(width as usize * height as usize * self.channels);
        let row = self.width as usize * self.channels;
        let lines = self.data.chunks_exact(row);
        for line in lines.clone().chain(lines.last().filter(|_| height > self.height)) {
            data.extend_from_slice(line);
            if width > self.width {
                data.extend_from_slice(&line[row - self.channels..]);
            }
        }
        Bitmap { width, height, channels: self.channels, data }
    }

    /// RGB as seen before a white wall; RGB stays as it is.
    pub(crate) fn flattened_on_white(&self) -> Bitmap {
        if self.channels != 4 {
            return self.clone();
        }
        let blend = |value: u8, alpha: u8| {
            let (value, alpha) = (u32::from(value), u32::from(alpha));
            ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
        };
        let data =
            self.data.as_chunks::<4>().0.iter().flat_map(|[r, g, b, a]| [r, g, b].map(|value| blend(*value, *a)));
        Bitmap { width: self.width, height: self.height, channels: 3, data: data.collect() }
    }

    /// RGB instead of RGBA if no pixel is transparent.
    pub(crate) fn without_idle_alpha(self) -> Bitmap {
        if self.channels == 4 && self.data.as_chunks::<4>().0.iter().all(|pixel| pixel[3] == 255) {
            self.flattened_on_white()
        } else {
            self
        }
    }

    fn oriented(self, orientation: Orientation) -> Bitmap {
        match self.channels {
            1 => self.turned::<1>(orientation),
            3 => self.turned::<3>(orientation),
            _ => self.turned::<4>(orientation),
        }
    }

    /// Every orientation is a walk over the source with one step per column and one per row of the result. It goes in
    /// small squares, so that quarter turns stay in the processor's cache.
    fn turned<const N: usize>(&self, orientation: Orientation) -> Bitmap {
        const SQUARE: usize = 32;
        let (w, h) = (self.width as isize, self.height as isize);
        let (start, column, row) = match orientation {
            Orientation::Upright => (0, 1, w),
            Orientation::FlipHorizontal => (w - 1, -1, w),
            Orientation::Rotate180 => (w * h - 1, -1, -w),
            Orientation::FlipVertical => (w * (h - 1), 1, -w),
            Orientation::Transpose => (0, w, 1),
            Orientation::Rotate90 => (w * (h - 1), -w, 1),
            Orientation::Transverse => (w * h - 1, -w, -1),
            Orientation::Rotate270 => (w - 1, w, -1),
        };
        let swap = orientation.swaps_sides();
        let (width, height) = if swap { (self.height, self.width) } else { (self.width, self.height) };
        let mut turned = Bitmap::filled(width, height, N, 0);
        let from = self.data.as_chunks::<N>().0;
        let to = turned.data.as_chunks_mut::<N>().0;
        let (width, height) = (width as usize, height as usize);
        for top in (0..height).step_by(SQUARE) {
            for left in (0..width).step_by(SQUARE) {
                for y in top..(top + SQUARE).min(height) {
                    for x in left..(left + SQUARE).min(width) {
                        to[y * width + x] = from[(start + column * x as isize + row * y as isize) as usize];
                    }
                }
            }
        }
        turned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The letters of two rows, as they come out.
    fn turn(orientation: u32) -> (u32, String) {
        let bitmap = Bitmap { width: 3, height: 2, channels: 1, data: b"abcdef".to_vec() };
        let turned = bitmap.oriented(Orientation::from_exif(orientation));
        (turned.width, String::from_utf8(turned.data).unwrap())
    }

    #[test]
    fn the_eight_orientations() {
        let expected = [(3, "abcdef"), (3, "cbafed"), (3, "fedcba"), (3, "defabc")];
        let swapped = [(2, "adbecf"), (2, "daebfc"), (2, "fcebda"), (2, "cfbead")];
        for (n, (width, letters)) in expected.into_iter().chain(swapped).enumerate() {
            assert_eq!(turn(n as u32 + 1), (width, letters.to_owned()), "orientation {}", n + 1);
        }
    }

    #[test]
    fn turning_a_large_bitmap_and_back_changes_nothing() {
        let data: Vec<u8> = (0..70 * 45 * 3).map(|n| (n % 251) as u8).collect();
        let bitmap = Bitmap { width: 70, height: 45, channels: 3, data };
        let there = bitmap.clone().oriented(Orientation::Rotate90);
        assert_ne!(there, bitmap);
        assert_eq!(there.oriented(Orientation::Rotate270), bitmap);
    }

    #[test]
    fn odd_sides_are_padded_by_repeating() {
        let bitmap = Bitmap { width: 3, height: 1, channels: 1, data: b"abc".to_vec() };
        assert_eq!(bitmap.padded_even().data, b"abccabcc");
    }

    #[test]
    fn cropping_drops_what_lies_beyond_the_stride() {
        assert_eq!(Bitmap::cropped(b"ab_cd_ef_".to_vec(), 3, 2, 2, 1).data, b"abcd");
        assert_eq!(Bitmap::cropped(b"abcdef".to_vec(), 2, 2, 2, 1).data, b"abcd");
    }

    #[test]
    fn transparency_shows_white() {
        let clear = Bitmap { width: 2, height: 1, channels: 4, data: vec![9, 9, 9, 0, 0, 0, 0, 128] };
        assert_eq!(clear.flattened_on_white().data, vec![255, 255, 255, 127, 127, 127]);
        assert_eq!(clear.clone().without_idle_alpha(), clear);
        let opaque = Bitmap { width: 1, height: 1, channels: 4, data: vec![1, 2, 3, 255] };
        assert_eq!(opaque.without_idle_alpha().data, vec![1, 2, 3]);
    }
}
