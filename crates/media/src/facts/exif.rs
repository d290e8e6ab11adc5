//! Facts from EXIF (CIPA DC-008), wherever a picture keeps it: JPEG, PNG, WebP, HEIF and AVIF, TIFF and the raw formats
//! built on it. Called by the child for photos only. A damaged block gives what can still be read of it, never an error.

use std::{
    io::Cursor,
    panic::{AssertUnwindSafe, catch_unwind},
};

use exif::{Context, DateTime, Exif, Field, In, Reader, Tag, Value};
use jiff::civil;

use super::{CaptureSource, Captured, Facts, Orientation, clean, offset, place, raw_profile};
use crate::sniff::{Format, sniff};

/// Reads the facts of the picture in `bytes`; all empty if it has no EXIF.
pub(crate) fn read(bytes: &[u8]) -> Facts {
    // A panic in the parser must not cost the picture its renditions.
    let parsed = catch_unwind(AssertUnwindSafe(|| {
        let mut reader = Reader::new();
        reader.continue_on_error(true);
        let partial = |error: exif::Error| error.distill_partial_result(|_| ());
        let whole = reader.read_from_container(&mut Cursor::new(before_pixels(bytes))).or_else(partial).ok();
        let odd = || misplaced(bytes).map(<[u8]>::to_vec).or_else(|| raw_profile::find(bytes));
        whole.or_else(|| reader.read_raw(odd()?).or_else(partial).ok()).map(|exif| facts(&exif))
    }));
    parsed.ok().flatten().unwrap_or_default()
}

/// EXIF behind the prefix it has in JPEG. In WebP and HEIF the prefix does not belong, but some phones and programs
/// write it, and the parser then takes the block for broken.
fn misplaced(bytes: &[u8]) -> Option<&[u8]> {
    const PREFIX: usize = 6;
    const LIMIT: usize = 1 << 20;
    let misplacing = matches!(sniff(bytes), Format::WebP | Format::Heic | Format::Avif);
    let starts = |window: &[u8]| window == b"Exif\0\0II*\0" || window == b"Exif\0\0MM\0*";
    let start = misplacing.then(|| bytes.windows(PREFIX + 4).position(starts)).flatten()? + PREFIX;
    Some(&bytes[start..bytes.len().min(start + LIMIT)])
}

/// A JPEG up to its first scan, which EXIF must precede; the parser would else search megabytes of pixels of a photo that
/// has none. Anything that is not a sound row of segments is given whole.
fn before_pixels(bytes: &[u8]) -> &[u8] {
    const START_OF_SCAN: u8 = 0xda;
    let mut at = 2;
    while let Some([0xff, marker, high, low]) = bytes.get(at..at + 4).filter(|_| bytes.starts_with(b"\xff\xd8")) {
        if *marker == START_OF_SCAN {
            return &bytes[..at];
        }
        at += 2 + usize::from(u16::from_be_bytes([*high, *low]));
    }
    bytes
}

fn facts(exif: &Exif) -> Facts {
    let orientation = uint(exif, Tag::Orientation).map_or(Orientation::Upright, Orientation::from_exif);
    let latitude = degrees(exif, Tag::GPSLatitude, Tag::GPSLatitudeRef, b'S');
    let longitude = degrees(exif, Tag::GPSLongitude, Tag::GPSLongitudeRef, b'W');
    let place = place(latitude, longitude);
    let mut facts = Facts {
        captured: camera_clock(exif, Tag::DateTimeOriginal, Tag::SubSecTimeOriginal, Tag::OffsetTimeOriginal)
            .or_else(|| camera_clock(exif, Tag::DateTimeDigitized, Tag::SubSecTimeDigitized, Tag::OffsetTimeDigitized))
            .or_else(|| satellite_clock(exif)),
        orientation,
        camera_make: text(exif, Tag::Make),
        camera_model: text(exif, Tag::Model),
        lens: text(exif, Tag::LensModel),
        f_number: positive(exif, Tag::FNumber),
        exposure_time: positive(exif, Tag::ExposureTime),
        iso: uint(exif, Tag::PhotographicSensitivity).filter(|iso| *iso > 0),
        focal_length: positive(exif, Tag::FocalLength),
        latitude: place.map(|place| place.0),
        longitude: place.map(|place| place.1),
        altitude: place.and_then(|_| altitude(exif)),
        ..Facts::default()
    };
    // What EXIF says of the size serves only where the picture itself is not decoded; the decoder's word goes before it.
    if let (Some(width @ 1..), Some(height @ 1..)) =
        (uint(exif, Tag::PixelXDimension), uint(exif, Tag::PixelYDimension))
    {
        facts.set_stored_size(width, height);
    }
    facts
}

/// The field, also where it stands in the picture's own directory instead of the one EXIF has for it, as some old
/// cameras and programs wrote it.
fn field(exif: &Exif, tag: Tag) -> Option<&Field> {
    let astray = || (tag.context() == Context::Exif).then(|| Tag(Context::Tiff, tag.number()));
    exif.get_field(tag, In::PRIMARY).or_else(|| exif.get_field(astray()?, In::PRIMARY))
}

fn ascii(exif: &Exif, tag: Tag) -> Option<&[u8]> {
    match &field(exif, tag)?.value {
        Value::Ascii(lines) => lines.first().map(Vec::as_slice),
        _ => None,
    }
}

fn text(exif: &Exif, tag: Tag) -> Option<String> {
    clean(ascii(exif, tag)?)
}

fn uint(exif: &Exif, tag: Tag) -> Option<u32> {
    field(exif, tag)?.value.get_uint(0)
}

fn rational(exif: &Exif, tag: Tag, index: usize) -> Option<f64> {
    match &field(exif, tag)?.value {
        Value::Rational(values) => values.get(index).filter(|value| value.denom != 0).map(|value| value.to_f64()),
        _ => None,
    }
}

fn positive(exif: &Exif, tag: Tag) -> Option<f64> {
    rational(exif, tag, 0).filter(|value| *value > 0.0)
}

fn degrees(exif: &Exif, tag: Tag, reference: Tag, negative: u8) -> Option<f64> {
    let part = |index| rational(exif, tag, index);
    let value = part(0)? + part(1).unwrap_or(0.0) / 60.0 + part(2).unwrap_or(0.0) / 3600.0;
    let first = ascii(exif, reference)?.first()?.to_ascii_uppercase();
    Some(if first == negative { -value } else { value })
}

fn altitude(exif: &Exif) -> Option<f64> {
    let metres = rational(exif, Tag::GPSAltitude, 0)?;
    let below_sea = uint(exif, Tag::GPSAltitudeRef) == Some(1);
    Some(if below_sea { -metres } else { metres })
}

/// The camera's own clock. A date that no calendar has (0000:00:00, blanks) counts as not set.
fn camera_clock(exif: &Exif, time: Tag, fraction: Tag, zone: Tag) -> Option<Captured> {
    let mut parsed = DateTime::from_ascii(ascii(exif, time)?).ok()?;
    if let Some(digits) = ascii(exif, fraction) {
        // A fraction that cannot be read leaves whole seconds.
        let _ = parsed.parse_subsec(digits);
    }
    let zone = ascii(exif, zone).or_else(|| ascii(exif, Tag::OffsetTime));
    let offset_minutes = zone.and_then(|zone| parsed.parse_offset(zone).ok()).and(parsed.offset).and_then(offset);
    Some(Captured { local: civil_time(&parsed)?, offset_minutes, source: CaptureSource::Exif })
}

/// GPSDateStamp and GPSTimeStamp, which are UTC by definition.
fn satellite_clock(exif: &Exif) -> Option<Captured> {
    let mut stamp = ascii(exif, Tag::GPSDateStamp)?.to_vec();
    stamp.extend(b" 00:00:00");
    let mut parsed = DateTime::from_ascii(&stamp).ok()?;
    let part = |index, limit: f64| rational(exif, Tag::GPSTimeStamp, index).filter(|part| *part < limit);
    let seconds = part(2, 60.0)?;
    parsed.hour = part(0, 24.0)? as u8;
    parsed.minute = part(1, 60.0)? as u8;
    parsed.second = seconds as u8;
    Some(Captured { local: civil_time(&parsed)?, offset_minutes: Some(0), source: CaptureSource::Gps })
}

fn civil_time(time: &DateTime) -> Option<civil::DateTime> {
    let small = |value: u8| i8::try_from(value).ok();
    let year = i16::try_from(time.year).ok().filter(|year| *year > 0)?;
    civil::DateTime::new(
        year,
        small(time.month)?,
        small(time.day)?,
        small(time.hour)?,
        small(time.minute)?,
        small(time.second)?,
        i32::try_from(time.nanosecond.unwrap_or(0)).ok()?,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use exif::{Rational, experimental::Writer};
    use proptest::prelude::*;

    fn ascii_field(tag: Tag, text: &str) -> Field {
        Field { tag, ifd_num: In::PRIMARY, value: Value::Ascii(vec![text.as_bytes().to_vec()]) }
    }

    fn rational_field(tag: Tag, parts: &[(u32, u32)]) -> Field {
        let parts = parts.iter().map(|(num, denom)| Rational { num: *num, denom: *denom }).collect();
        Field { tag, ifd_num: In::PRIMARY, value: Value::Rational(parts) }
    }

    fn tiff(fields: &[Field]) -> Vec<u8> {
        let mut writer = Writer::new();
        fields.iter().for_each(|field| writer.push_field(field));
        let mut bytes = Cursor::new(Vec::new());
        writer.write(&mut bytes, false).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn camera_time_keeps_fraction_and_offset() {
        let facts = read(&tiff(&[
            ascii_field(Tag::DateTimeOriginal, "2024:02:29 23:59:58"),
            ascii_field(Tag::SubSecTimeOriginal, "125"),
            ascii_field(Tag::OffsetTimeOriginal, "-03:30"),
            ascii_field(Tag::DateTimeDigitized, "2001:01:01 00:00:00"),
        ]));
        let captured = facts.captured.unwrap();
        assert_eq!(captured.local, civil::date(2024, 2, 29).at(23, 59, 58, 125_000_000));
        assert_eq!(captured.offset_minutes, Some(-210));
        assert_eq!(captured.source, CaptureSource::Exif);
    }

    #[test]
    fn unset_original_time_falls_back_to_digitized_then_to_the_satellite() {
        let unset = ascii_field(Tag::DateTimeOriginal, "0000:00:00 00:00:00");
        let digitized = ascii_field(Tag::DateTimeDigitized, "2019:07:01 10:11:12");
        let stamp = ascii_field(Tag::GPSDateStamp, "2019:07:01");
        let clock = rational_field(Tag::GPSTimeStamp, &[(8, 1), (11, 1), (1250, 100)]);
        let both = read(&tiff(&[unset.clone(), digitized, stamp.clone(), clock.clone()])).captured.unwrap();
        assert_eq!((both.local, both.offset_minutes), (civil::date(2019, 7, 1).at(10, 11, 12, 0), None));
        let gps = read(&tiff(&[unset.clone(), stamp, clock])).captured.unwrap();
        assert_eq!((gps.local, gps.offset_minutes), (civil::date(2019, 7, 1).at(8, 11, 12, 0), Some(0)));
        assert_eq!(gps.source, CaptureSource::Gps);
        assert_eq!(read(&tiff(&[unset])).captured, None);
        assert_eq!(read(&tiff(&[ascii_field(Tag::DateTimeOriginal, "2023:02:30 01:01:01")])).captured, None);
    }

    #[test]
    fn place_camera_and_exposure() {
        let facts = read(&tiff(&[
            ascii_field(Tag::Make, "Maker  "),
            ascii_field(Tag::Model, "Model 1"),
            rational_field(Tag::FNumber, &[(28, 10)]),
            rational_field(Tag::ExposureTime, &[(1, 250)]),
            rational_field(Tag::FocalLength, &[(0, 0)]),
            rational_field(Tag::GPSLatitude, &[(33, 1), (30, 1), (0, 1)]),
            ascii_field(Tag::GPSLatitudeRef, "S"),
            rational_field(Tag::GPSLongitude, &[(151, 1), (0, 1), (36, 1)]),
            ascii_field(Tag::GPSLongitudeRef, "E"),
            Field { tag: Tag::GPSAltitudeRef, ifd_num: In::PRIMARY, value: Value::Byte(vec![1]) },
            rational_field(Tag::GPSAltitude, &[(125, 10)]),
            Field { tag: Tag::Orientation, ifd_num: In::PRIMARY, value: Value::Short(vec![6]) },
            Field { tag: Tag::PixelXDimension, ifd_num: In::PRIMARY, value: Value::Long(vec![4000]) },
            Field { tag: Tag::PixelYDimension, ifd_num: In::PRIMARY, value: Value::Long(vec![3000]) },
        ]));
        assert_eq!(facts.camera_make.as_deref(), Some("Maker"));
        assert_eq!(facts.camera_model.as_deref(), Some("Model 1"));
        assert_eq!((facts.f_number, facts.exposure_time, facts.focal_length), (Some(2.8), Some(0.004), None));
        assert_eq!((facts.latitude, facts.longitude, facts.altitude), (Some(-33.5), Some(151.01), Some(-12.5)));
        assert_eq!((facts.width, facts.height), (Some(3000), Some(4000)));
    }

    #[test]
    fn jpegs_are_searched_up_to_their_pixels() {
        let exif = [&b"Exif\0\0"[..], &tiff(&[ascii_field(Tag::Make, "Maker")])].concat();
        let length = (exif.len() as u16 + 2).to_be_bytes();
        let segment = [&[0xff, 0xe1][..], &length, &exif].concat();
        let scan = b"\xff\xda\0\x02pixels";
        let before = [&b"\xff\xd8\xff\xe0\0\x03x"[..], &segment, scan].concat();
        assert_eq!(before_pixels(&before).len(), before.len() - scan.len());
        assert_eq!(read(&before).camera_make.as_deref(), Some("Maker"));
        let out_of_step = [&b"\xff\xd8\xff\xe0\0\x03xyz"[..], &segment, scan].concat();
        assert_eq!(read(&out_of_step).camera_make.as_deref(), Some("Maker"));
    }

    #[test]
    fn webp_with_the_prefix_of_jpeg() {
        let tiff = tiff(&[Field { tag: Tag::Orientation, ifd_num: In::PRIMARY, value: Value::Short(vec![8]) }]);
        for prefix in [&b""[..], b"Exif\0\0"] {
            let chunk = [prefix, &tiff].concat();
            let size = |length: usize| (length as u32).to_le_bytes();
            let body = [&b"WEBPEXIF"[..], &size(chunk.len()), &chunk].concat();
            let webp = [&b"RIFF"[..], &size(body.len()), &body].concat();
            assert_eq!(read(&webp).orientation, Orientation::Rotate270);
        }
    }

    #[test]
    fn fields_in_the_directory_of_the_picture_count() {
        let astray = Tag(Context::Tiff, Tag::DateTimeOriginal.number());
        let captured = read(&tiff(&[ascii_field(astray, "2006:05:27 12:37:03")])).captured.unwrap();
        assert_eq!(captured.local, civil::date(2006, 5, 27).at(12, 37, 3, 0));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(flip in any::<prop::sample::Index>(), value in any::<u8>(), cut in 0usize..200) {
            let mut bytes = tiff(&[
                ascii_field(Tag::DateTimeOriginal, "2024:02:29 23:59:58"),
                ascii_field(Tag::OffsetTimeOriginal, "+09:00"),
                rational_field(Tag::GPSLatitude, &[(33, 1), (30, 1), (0, 1)]),
            ]);
            let at = flip.index(bytes.len());
            bytes[at] = value;
            bytes.truncate(bytes.len().saturating_sub(cut));
            let exif = Reader::new()
                .continue_on_error(true)
                .read_raw(bytes)
                .or_else(|error| error.distill_partial_result(|_| ()));
            if let Ok(exif) = exif {
                let _ = facts(&exif);
            }
        }
    }
}
