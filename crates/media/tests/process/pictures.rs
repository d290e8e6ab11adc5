//! Photographs: every format, every orientation, colours, profiles, and nothing but pixels in what comes out.

use std::io::Cursor;

use exif::{Field, In, Tag, Value, experimental::Writer};
use image::{
    DynamicImage, GrayImage, ImageEncoder, ImageFormat, RgbImage,
    codecs::{jpeg::JpegDecoder, png::PngEncoder, webp::WebPDecoder},
    metadata::Orientation as Oracle,
};
use picup_media::{Format, Orientation, RenditionName, RenditionName::*};
use turbojpeg::{Compressor, PixelFormat, Subsamp};

use crate::{Test, assert_alike, encoded, process, quarters, rendition, renditions, with_clear_corner};

pub(crate) const TESTS: &[Test] = &[
    ("jpeg_in_every_orientation_comes_out_upright", orientations),
    ("jpeg_of_every_subsampling_keeps_its_colours", subsamplings),
    ("large_jpeg_is_scaled_to_preview_and_thumbnail", large),
    ("cmyk_jpeg_is_shown_in_rgb", cmyk),
    ("grey_jpeg_and_sixteen_bit_png", grey_and_deep),
    ("png_gif_and_webp_keep_their_colours", packed_formats),
    ("transparency_is_white_in_the_preview_and_kept_in_the_thumbnail", transparency),
    ("profile_is_kept_and_everything_else_stripped", profile),
    ("heic_gives_facts_without_pixels", heic),
    ("one_pixel_is_enough", one_pixel),
];

fn jpeg(picture: &RgbImage, subsampling: Subsamp) -> Vec<u8> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let image = turbojpeg::Image {
        pixels: picture.as_raw().as_slice(),
        width,
        height,
        pitch: width * 3,
        format: PixelFormat::RGB,
    };
    turbojpeg::compress(image, 95, subsampling).unwrap().to_vec()
}

fn ascii(tag: Tag, text: &str) -> Field {
    Field { tag, ifd_num: In::PRIMARY, value: Value::Ascii(vec![text.as_bytes().to_vec()]) }
}

fn short(tag: Tag, value: u16) -> Field {
    Field { tag, ifd_num: In::PRIMARY, value: Value::Short(vec![value]) }
}

fn tiff(fields: &[Field]) -> Vec<u8> {
    let mut writer = Writer::new();
    fields.iter().for_each(|field| writer.push_field(field));
    let mut bytes = Cursor::new(Vec::new());
    writer.write(&mut bytes, true).unwrap();
    bytes.into_inner()
}

/// Puts a segment behind the start-of-image marker.
fn with_segment(jpeg: &[u8], marker: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8, 0xff, marker];
    bytes.extend((payload.len() as u16 + 2).to_be_bytes());
    bytes.extend(payload);
    bytes.extend(&jpeg[2..]);
    bytes
}

fn with_exif(jpeg: &[u8], fields: &[Field]) -> Vec<u8> {
    with_segment(jpeg, 0xe1, &[b"Exif\0\0".to_vec(), tiff(fields)].concat())
}

fn orientations() {
    let stored = quarters(480, 320);
    for value in 1..=8u8 {
        let mut expected = DynamicImage::from(stored.clone());
        expected.apply_orientation(Oracle::from_exif(value).unwrap());
        let bytes = with_exif(&jpeg(&stored, Subsamp::Sub2x2), &[short(Tag::Orientation, value.into())]);
        let processed = process(&bytes);
        assert_eq!(processed.facts.orientation, Orientation::from_exif(value.into()));
        assert_eq!((processed.facts.width, processed.facts.height), (Some(expected.width()), Some(expected.height())));
        for name in [Preview, Thumbnail] {
            assert_alike(&rendition(&processed, name), &expected.to_rgb8(), 12);
        }
        let png = encoded_png_with_exif(&stored, value);
        assert_alike(&rendition(&process(&png), Preview), &expected.to_rgb8(), 12);
    }
}

fn encoded_png_with_exif(picture: &RgbImage, orientation: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes);
    encoder.set_exif_metadata(tiff(&[short(Tag::Orientation, orientation.into())])).unwrap();
    encoder.write_image(picture, picture.width(), picture.height(), image::ExtendedColorType::Rgb8).unwrap();
    bytes
}

fn subsamplings() {
    let picture = quarters(301, 203);
    for subsampling in [Subsamp::Sub2x2, Subsamp::Sub2x1, Subsamp::Sub1x2, Subsamp::None, Subsamp::Sub4x1] {
        let processed = process(&jpeg(&picture, subsampling));
        assert_eq!(processed.format, Format::Jpeg);
        assert_eq!(rendition(&processed, Preview).to_rgb8().dimensions(), (301, 203), "{subsampling:?}");
        for name in [Preview, Thumbnail] {
            assert_alike(&rendition(&processed, name), &picture, 12);
        }
    }
}

fn large() {
    let picture = quarters(4000, 3000);
    let processed = process(&jpeg(&picture, Subsamp::Sub2x2));
    assert_eq!((processed.facts.width, processed.facts.height), (Some(4000), Some(3000)));
    assert_eq!(rendition(&processed, Preview).to_rgb8().dimensions(), (2000, 1500));
    assert_eq!(rendition(&processed, Thumbnail).to_rgb8().dimensions(), (333, 250));
    assert_alike(&rendition(&processed, Preview), &picture, 12);
    assert_alike(&rendition(&processed, Thumbnail), &picture, 12);
}

fn cmyk() {
    // Inverted as Adobe's programs write it: full red is all ink of none but cyan's opposite.
    let pixels = [200u8, 40, 60, 255].repeat(64 * 48);
    let image =
        turbojpeg::Image { pixels: pixels.as_slice(), width: 64, height: 48, pitch: 256, format: PixelFormat::CMYK };
    let mut compressor = Compressor::new().unwrap();
    compressor.set_colorspace(turbojpeg::Colorspace::YCCK).unwrap();
    compressor.set_quality(95).unwrap();
    let processed = process(&compressor.compress_to_vec(image).unwrap());
    assert_alike(&rendition(&processed, Preview), &RgbImage::from_pixel(64, 48, image::Rgb([200, 40, 60])), 8);
}

fn grey_and_deep() {
    let grey = GrayImage::from_fn(400, 300, |x, _| image::Luma([if x < 200 { 30 } else { 210 }]));
    let expected = DynamicImage::from(grey.clone()).to_rgb8();
    let deep = DynamicImage::from(grey.clone()).to_rgb16();
    let bytes = [encoded(grey, ImageFormat::Jpeg), encoded(deep, ImageFormat::Png)];
    for bytes in bytes {
        let processed = process(&bytes);
        assert_alike(&rendition(&processed, Preview), &expected, 6);
        assert_alike(&rendition(&processed, Thumbnail), &expected, 6);
    }
}

fn packed_formats() {
    let picture = quarters(600, 400);
    let cases = [(ImageFormat::Png, Format::Png), (ImageFormat::Gif, Format::Gif), (ImageFormat::WebP, Format::WebP)];
    for (encoding, format) in cases {
        let processed = process(&encoded(picture.clone(), encoding));
        assert_eq!(processed.format, format);
        assert_eq!((processed.facts.width, processed.facts.height), (Some(600), Some(400)));
        assert_eq!(rendition(&processed, Thumbnail).to_rgb8().dimensions(), (375, 250));
        for name in [Preview, Thumbnail] {
            assert_alike(&rendition(&processed, name), &picture, 12);
        }
    }
    let tall = process(&encoded(quarters(900, 3000), ImageFormat::Png));
    assert_eq!(rendition(&tall, Preview).to_rgb8().dimensions(), (614, 2048));
    assert_eq!(rendition(&tall, Thumbnail).to_rgb8().dimensions(), (250, 834));
}

fn transparency() {
    let picture = quarters(600, 400);
    let processed = process(&encoded(with_clear_corner(&picture), ImageFormat::Png));
    let preview = rendition(&processed, Preview).to_rgb8();
    assert!(preview.get_pixel(150, 100).0.iter().all(|value| *value > 250), "white where it was clear");
    assert!(preview.get_pixel(450, 100).0[1] > 180);
    let thumbnail = rendition(&processed, Thumbnail).to_rgba8();
    assert_eq!(thumbnail.get_pixel(94, 62).0[3], 0);
    assert_eq!(thumbnail.get_pixel(280, 62).0[3], 255);
}

/// Enough of a profile to be taken for one: size, colour space and signature.
fn profile_of(space: &[u8; 4]) -> Vec<u8> {
    let mut icc = vec![0u8; 555];
    icc[..4].copy_from_slice(&555u32.to_be_bytes());
    icc[16..20].copy_from_slice(space);
    icc[36..40].copy_from_slice(b"acsp");
    icc
}

fn profiles(bytes: &[u8], name: RenditionName) -> Option<Vec<u8>> {
    use image::ImageDecoder;
    match name {
        Thumbnail => WebPDecoder::new(Cursor::new(bytes)).unwrap().icc_profile().unwrap(),
        Preview | Poster => JpegDecoder::new(Cursor::new(bytes)).unwrap().icc_profile().unwrap(),
    }
}

fn profile() {
    let fields = [ascii(Tag::Make, "SecretMaker"), ascii(Tag::DateTimeOriginal, "2021:03:04 05:06:07")];
    for (space, kept) in [(b"RGB ", true), (b"CMYK", false)] {
        let icc = profile_of(space);
        let segment = [b"ICC_PROFILE\0\x01\x01".to_vec(), icc.clone()].concat();
        let plain = with_segment(&jpeg(&quarters(600, 400), Subsamp::Sub2x2), 0xe2, &segment);
        let processed = process(&with_exif(&with_segment(&plain, 0xfe, b"SecretComment"), &fields));
        assert_eq!(processed.facts.camera_make.as_deref(), Some("SecretMaker"));
        assert!(processed.facts.captured.is_some());
        for rendition in renditions(&processed) {
            assert_eq!(profiles(&rendition.bytes, rendition.name), kept.then(|| icc.clone()));
            for word in [&b"Secret"[..], b"Exif", b"2021:"] {
                assert!(!rendition.bytes.windows(word.len()).any(|part| part == word));
            }
        }
    }
}

/// A HEIF file of one item, its EXIF (ISO/IEC 23008-12, annex A).
fn heic_with(tiff: &[u8]) -> Vec<u8> {
    let sized =
        |name: &[u8; 4], payload: &[u8]| [&(payload.len() as u32 + 8).to_be_bytes()[..], name, payload].concat();
    let ftyp = sized(b"ftyp", b"heic\0\0\0\0mif1heic");
    let item = [&[0, 0, 0, 4][..], tiff].concat();
    let meta = |offset: u32| {
        let infe = sized(b"infe", b"\x02\0\0\0\0\x01\0\0Exif\0");
        let iinf = sized(b"iinf", &[b"\0\0\0\0\0\x01".to_vec(), infe].concat());
        let extent = [&offset.to_be_bytes()[..], &(item.len() as u32 + 2).to_be_bytes()].concat();
        let iloc = sized(b"iloc", &[b"\0\0\0\0\x44\0\0\x01\0\x01\0\0\0\x01".to_vec(), extent].concat());
        sized(b"meta", &[vec![0; 4], iinf, iloc].concat())
    };
    let start = ftyp.len() + meta(0).len() + 8;
    // The item's header may hold anything in front of the TIFF; two bytes show that its length is honoured.
    let padded = [&[0, 0, 0, 2, 0, 0][..], tiff].concat();
    [ftyp, meta(start as u32), sized(b"mdat", &padded)].concat()
}

fn heic() {
    let fields = [
        ascii(Tag::DateTimeOriginal, "2022:08:09 10:11:12"),
        ascii(Tag::OffsetTimeOriginal, "+09:00"),
        ascii(Tag::Model, "iPhone 13"),
        short(Tag::Orientation, 6),
        short(Tag::PixelXDimension, 4032),
        short(Tag::PixelYDimension, 3024),
    ];
    let processed = process(&heic_with(&tiff(&fields)));
    assert_eq!(processed.format, Format::Heic);
    assert_eq!(crate::reason(&processed), "heic pictures cannot be shown yet");
    assert_eq!((processed.facts.width, processed.facts.height), (Some(3024), Some(4032)));
    assert_eq!(processed.facts.camera_model.as_deref(), Some("iPhone 13"));
    assert_eq!(processed.facts.captured.and_then(|captured| captured.offset_minutes), Some(540));
}

fn one_pixel() {
    for (width, height) in [(1, 1), (1, 400), (400, 1)] {
        let picture = quarters(width, height);
        for bytes in [jpeg(&picture, Subsamp::Sub2x2), encoded(picture, ImageFormat::Png)] {
            assert_eq!(rendition(&process(&bytes), Preview).to_rgb8().dimensions(), (width, height));
        }
    }
}
