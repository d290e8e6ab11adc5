//! XMP sidecars (`IMG.jpg.xmp`, `IMG.xmp`), as Immich, digiKam, darktable, Lightroom and exiftool write them.
//!
//! Read are the date, the place, the rating and the description. A property may stand as an attribute or as an element
//! (ISO 16684-1, section 7); both are taken, by local name within its namespace. Entities beyond XML's own five are not
//! resolved, so that a file cannot grow in memory.

use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

use super::facts::{Facts, Spot, Taken, description};

const EXIF: &str = "http://ns.adobe.com/exif/1.0/";
const PHOTOSHOP: &str = "http://ns.adobe.com/photoshop/1.0/";
const XMP: &str = "http://ns.adobe.com/xap/1.0/";
const DC: &str = "http://purl.org/dc/elements/1.1/";
/// The rating that means a favourite: the full five stars, which Immich also writes for one.
const FAVOURITE: f64 = 5.0;
/// Deeper than any XMP nests.
const DEEPEST: usize = 64;
/// As much of one property's text is kept.
const LONGEST_TEXT: usize = 64 * 1024;

/// The properties that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Property {
    DateTimeOriginal,
    DateCreated,
    CreateDate,
    Latitude,
    Longitude,
    Altitude,
    AltitudeRef,
    Rating,
    Description,
}

impl Property {
    fn of(namespace: &str, name: &str) -> Option<Self> {
        Some(match (namespace, name) {
            (EXIF, "DateTimeOriginal") => Self::DateTimeOriginal,
            (PHOTOSHOP, "DateCreated") => Self::DateCreated,
            (XMP, "CreateDate") => Self::CreateDate,
            (EXIF, "GPSLatitude") => Self::Latitude,
            (EXIF, "GPSLongitude") => Self::Longitude,
            (EXIF, "GPSAltitude") => Self::Altitude,
            (EXIF, "GPSAltitudeRef") => Self::AltitudeRef,
            (XMP, "Rating") => Self::Rating,
            (DC, "description") => Self::Description,
            _ => return None,
        })
    }
}

#[derive(Debug, Default)]
struct Found {
    dates: [Option<Taken>; 3],
    latitude: Option<f64>,
    longitude: Option<f64>,
    altitude: Option<f64>,
    below_sea: bool,
    favourite: bool,
    description: Option<String>,
}

impl Found {
    fn take(&mut self, property: Property, text: &str) {
        let text = text.trim();
        match property {
            Property::DateTimeOriginal => self.dates[0] = Taken::from_iso(text),
            Property::DateCreated => self.dates[1] = Taken::from_iso(text),
            Property::CreateDate => self.dates[2] = Taken::from_iso(text),
            Property::Latitude => self.latitude = degrees(text, ['N', 'S']),
            Property::Longitude => self.longitude = degrees(text, ['E', 'W']),
            Property::Altitude => self.altitude = rational(text),
            Property::AltitudeRef => self.below_sea = text == "1",
            Property::Rating => self.favourite = text.parse::<f64>() == Ok(FAVOURITE),
            // The first language of several is the default one.
            Property::Description if self.description.is_none() => self.description = description(text),
            Property::Description => {}
        }
    }

    fn facts(self) -> Facts {
        let altitude = self.altitude.map(|metres| if self.below_sea { -metres } else { metres });
        let spot = self.latitude.zip(self.longitude);
        Facts {
            taken: self.dates.into_iter().flatten().next(),
            spot: spot.and_then(|(latitude, longitude)| Spot::new(latitude, longitude, altitude)),
            favourite: self.favourite,
            description: self.description,
            ..Facts::default()
        }
    }
}

/// What an XMP sidecar tells; `None` when it is not well-formed XML.
pub(super) fn parse(text: &str) -> Option<Facts> {
    let mut reader = NsReader::from_str(text);
    let mut found = Found::default();
    let mut open: Option<(Property, usize, String)> = None;
    let mut depth = 0;
    loop {
        let (resolved, event) = reader.read_resolved_event().ok()?;
        match event {
            Event::Start(element) => {
                depth += 1;
                if depth > DEEPEST {
                    return None;
                }
                let property = property(&resolved, &element);
                attributes(&reader, &element, &mut found);
                if open.is_none()
                    && let Some(property) = property
                {
                    open = Some((property, depth, String::new()));
                }
            }
            Event::Empty(element) => attributes(&reader, &element, &mut found),
            Event::End(_) => {
                if let Some((property, _, text)) = open.take_if(|(_, at, _)| *at == depth) {
                    found.take(property, &text);
                } else if let Some((_, _, text)) = &mut open
                    && !text.trim().is_empty()
                {
                    // An alternative in another language would follow.
                    text.push('\n');
                }
                depth = depth.checked_sub(1)?;
            }
            Event::Text(piece) => add(&mut open, &piece.xml10_content()),
            Event::CData(piece) => add(&mut open, &piece),
            Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                Ok(Some(character)) => add(&mut open, character.encode_utf8(&mut [0; 4])),
                _ => add(&mut open, resolve_predefined_entity(&reference).unwrap_or_default()),
            },
            Event::Eof => return (depth == 0).then(|| found.facts()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

fn add(open: &mut Option<(Property, usize, String)>, piece: &str) {
    if let Some((_, _, text)) = open
        && text.len() + piece.len() <= LONGEST_TEXT
    {
        text.push_str(piece);
    }
}

fn property(resolved: &ResolveResult<'_>, element: &BytesStart<'_>) -> Option<Property> {
    let ResolveResult::Bound(namespace) = resolved else { return None };
    Property::of(namespace.as_ref(), element.local_name().as_ref())
}

fn attributes(reader: &NsReader<&[u8]>, element: &BytesStart<'_>, found: &mut Found) {
    for attribute in element.attributes().with_checks(false).flatten() {
        let (resolved, name) = reader.resolver().resolve_attribute(attribute.key);
        let ResolveResult::Bound(namespace) = resolved else { continue };
        if let Some(property) = Property::of(namespace.as_ref(), name.as_ref())
            && attribute.value.len() <= LONGEST_TEXT
            && let Ok(text) = unescape(&attribute.value)
        {
            found.take(property, &text);
        }
    }
}

/// `38,42.123N` or `38,42,7N` (XMP's own form), or plain degrees as some programs write them.
fn degrees(text: &str, [positive, negative]: [char; 2]) -> Option<f64> {
    let sign = match text.chars().next_back()? {
        c if c.eq_ignore_ascii_case(&positive) => 1.0,
        c if c.eq_ignore_ascii_case(&negative) => -1.0,
        _ => return text.parse().ok(),
    };
    let mut scale = 1.0;
    let mut sum = 0.0;
    for part in text[..text.len() - 1].split([',', ' ']).filter(|part| !part.is_empty()).take(3) {
        sum += part.parse::<f64>().ok()? / scale;
        scale *= 60.0;
    }
    Some(sign * sum)
}

/// `125/10`, or plain.
fn rational(text: &str) -> Option<f64> {
    match text.split_once('/') {
        Some((above, below)) => {
            let (above, below): (f64, f64) = (above.parse().ok()?, below.parse().ok()?);
            (below != 0.0).then(|| above / below)
        }
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(inside: &str) -> String {
        format!(
            r#"<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{inside}</rdf:RDF></x:xmpmeta><?xpacket end="w"?>"#
        )
    }

    const SPACES: &str = r#"xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:p="http://ns.adobe.com/photoshop/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/""#;

    #[test]
    fn properties_as_attributes_and_as_elements() {
        let attributes = packet(&format!(
            r#"<rdf:Description {SPACES} exif:DateTimeOriginal="2024-05-31T18:04:05+02:00" exif:GPSLatitude="38,42.5N" exif:GPSLongitude="9,6,36W" exif:GPSAltitude="125/10" exif:GPSAltitudeRef="1" xmp:Rating="5"><dc:description><rdf:Alt><rdf:li xml:lang="x-default">Sea &amp; s&#252;n</rdf:li></rdf:Alt></dc:description></rdf:Description>"#
        ));
        let elements = packet(&format!(
            r#"<rdf:Description {SPACES}><exif:DateTimeOriginal>2024-05-31T18:04:05+02:00</exif:DateTimeOriginal><exif:GPSLatitude>38,42.5N</exif:GPSLatitude><exif:GPSLongitude>9,6.6W</exif:GPSLongitude><exif:GPSAltitude>12.5</exif:GPSAltitude><exif:GPSAltitudeRef>1</exif:GPSAltitudeRef><xmp:Rating>5</xmp:Rating><dc:description><![CDATA[Sea & sün]]></dc:description></rdf:Description>"#
        ));
        for text in [attributes, elements] {
            let facts = parse(&text).unwrap();
            assert_eq!(facts.taken.unwrap().rfc3339(None).unwrap(), "2024-05-31T18:04:05+02:00");
            let spot = facts.spot.unwrap();
            assert!((spot.latitude - 38.708_333).abs() < 1e-5 && (spot.longitude + 9.11).abs() < 1e-5, "{spot:?}");
            assert_eq!(spot.altitude, Some(-12.5));
            assert_eq!(facts.description.as_deref(), Some("Sea & sün"));
            assert!(facts.favourite);
        }
    }

    #[test]
    fn the_date_of_the_taking_comes_before_that_of_the_file() {
        let text = packet(&format!(
            r#"<rdf:Description {SPACES} xmp:CreateDate="2020-01-01T00:00:00" p:DateCreated="2019-01-01T00:00:00" xmp:Rating="4"/>"#
        ));
        let facts = parse(&text).unwrap();
        assert_eq!(facts.taken.unwrap().rfc3339(None).unwrap(), "2019-01-01T00:00:00Z");
        assert!(!facts.favourite);
    }

    #[test]
    fn what_is_no_xml_is_none_and_bombs_stay_small() {
        for text in ["<a>", "<a></b>", "no < xml", &"<a>".repeat(100_000)] {
            assert_eq!(parse(text), None);
        }
        let bomb = format!(r#"<!DOCTYPE l [<!ENTITY l "{}">]>"#, "lol".repeat(1000))
            + &packet(&format!(r"<rdf:Description {SPACES}><dc:description>&l;&l;</dc:description></rdf:Description>"));
        assert_eq!(parse(&bomb).and_then(|facts| facts.description), None);
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text: String, inside in r#"(<[a-z:/! ="\[\]&;#0-9]{0,20}>?|[^<]{0,9}){0,8}"#, value in "\\PC{0,12}[NSEW]?") {
            let _ = parse(&text);
            let _ = parse(&packet(&inside));
            let _ = parse(&packet(&format!(r#"<rdf:Description {SPACES} exif:GPSLatitude="{value}" exif:GPSAltitude="{value}"/>"#)));
        }
    }
}
