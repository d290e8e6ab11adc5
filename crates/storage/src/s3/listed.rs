//! The answer of a service that is asked which parts of an upload it has.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::Event;

use crate::PartStored;

/// A part as the service has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Listed {
    /// Its length, in bytes.
    pub(super) bytes: u64,
    /// What the service wants to be told when the parts are put together.
    pub(super) tag: String,
    /// Its SHA-256 in base64, where the service tells.
    pub(super) sha256: Option<String>,
}

impl Listed {
    /// Whether this is the part that was announced, as far as the service tells.
    pub(super) fn is(&self, announced: &PartStored) -> bool {
        let sha256 = BASE64_STANDARD.encode(announced.sha256.as_bytes());
        self.bytes == announced.bytes && self.sha256.as_ref().is_none_or(|listed| *listed == sha256)
    }
}

/// One page of the list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// By part number.
    pub(super) parts: BTreeMap<u32, Listed>,
    /// What the next page is asked with, if there is one.
    pub(super) next: Option<String>,
}

impl Page {
    /// Reads one; `None` for what is no such list.
    pub(super) fn parse(xml: &[u8]) -> Option<Self> {
        let mut reader = Reader::from_str(std::str::from_utf8(xml).ok()?);
        let (mut page, mut path, mut text) = (Self::default(), Vec::new(), String::new());
        let (mut is_list, mut truncated, mut marker, mut number, mut part) =
            (false, false, None, None, Listed::default());
        loop {
            match reader.read_event().ok()? {
                Event::Start(start) => {
                    path.push(start.local_name().as_ref().to_owned());
                    text.clear();
                }
                Event::Text(piece) => text.push_str(&piece),
                Event::GeneralRef(reference) => text.push_str(&unescape(&format!("&{};", &*reference)).ok()?),
                Event::End(_) => {
                    let names: Vec<&str> = path.iter().map(String::as_str).collect();
                    match names[..] {
                        ["ListPartsResult"] => is_list = true,
                        ["ListPartsResult", "IsTruncated"] => truncated = text.trim() == "true",
                        ["ListPartsResult", "NextPartNumberMarker"] => marker = Some(text.trim().to_owned()),
                        ["ListPartsResult", "Part", "PartNumber"] => number = text.trim().parse().ok(),
                        ["ListPartsResult", "Part", "Size"] => part.bytes = text.trim().parse().ok()?,
                        ["ListPartsResult", "Part", "ETag"] => part.tag = text.trim().to_owned(),
                        ["ListPartsResult", "Part", "ChecksumSHA256"] => {
                            part.sha256 = Some(text.trim().to_owned()).filter(|told| !told.is_empty());
                        }
                        ["ListPartsResult", "Part"] => {
                            page.parts.insert(number.take()?, std::mem::take(&mut part));
                        }
                        _ => {}
                    }
                    path.pop()?;
                    text.clear();
                }
                Event::Eof => break,
                _ => {}
            }
        }
        page.next = marker.filter(|_| truncated);
        is_list.then_some(page)
    }
}

#[cfg(test)]
mod tests {
    use picup_domain::Sha256;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_list_is_read() {
        let xml = r#"<?xml version="1.0" encoding="UTF-8"?>
            <ListPartsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>b</Bucket><Key>k</Key>
            <Owner><ID>1</ID></Owner><NextPartNumberMarker>2</NextPartNumberMarker><IsTruncated>true</IsTruncated>
            <Part><PartNumber>1</PartNumber><ETag>&quot;abc-1&quot;</ETag><Size>5</Size>
            <ChecksumSHA256>c2hh</ChecksumSHA256></Part>
            <Part><Size>0</Size><ChecksumSHA256/><ETag>"d&#38;"</ETag><PartNumber>2</PartNumber><LastModified>x</LastModified></Part>
            </ListPartsResult>"#;
        let listed = |bytes, tag: &str, sha256| Listed { bytes, tag: tag.to_owned(), sha256 };
        let parts =
            BTreeMap::from([(1, listed(5, "\"abc-1\"", Some("c2hh".to_owned()))), (2, listed(0, "\"d&\"", None))]);
        assert_eq!(Page::parse(xml.as_bytes()), Some(Page { parts, next: Some("2".to_owned()) }));
        let last = xml.replace("true", "false");
        assert_eq!(Page::parse(last.as_bytes()).unwrap().next, None);
        for other in [
            "",
            "<Error><Code>NoSuchUpload</Code></Error>",
            "<ListPartsResult><Part><Size>1</Size></Part></ListPartsResult>",
        ] {
            assert_eq!(Page::parse(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn a_part_is_the_announced_one_by_its_length_and_where_it_is_told_its_hash() {
        let announced = PartStored { number: 1, bytes: 5, sha256: Sha256::of(b"bytes") };
        let told = |bytes, of: Option<&[u8]>| {
            let sha256 = of.map(|of| BASE64_STANDARD.encode(Sha256::of(of).as_bytes()));
            Listed { bytes, tag: String::new(), sha256 }.is(&announced)
        };
        assert!(told(5, None) && told(5, Some(b"bytes")));
        assert!(!told(4, None) && !told(4, Some(b"bytes")) && !told(5, Some(b"other")));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(pieces in proptest::collection::vec("<[/]?(ListPartsResult|Part|PartNumber|Size|ETag)>|[0-9&;\"<>]{0,4}|.{0,3}", 0..30)) {
            let _ = Page::parse(pieces.concat().as_bytes());
        }
    }
}
