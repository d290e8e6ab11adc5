use futures_util::{FutureExt, stream};
use proptest::prelude::*;

use super::*;

const TYPE: &str = "multipart/form-data; boundary=----x";

fn headers(content_type: &str) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, content_type.parse().unwrap())])
}

/// A body in pieces of that size.
fn pieces(body: &[u8], size: usize) -> impl Stream<Item = io::Result<Bytes>> + Unpin + use<> {
    let pieces: Vec<_> = body.chunks(size.max(1)).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces)
}

/// Everything that comes out of a body; all of it is there at once, so nothing is waited for.
fn read(body: &[u8], size: usize) -> Result<Vec<(Head, Vec<u8>)>, Broken> {
    let all = async {
        let mut multipart = Multipart::new(&headers(TYPE), pieces(body, size))?;
        let mut found = Vec::new();
        while let Some(head) = multipart.next().await? {
            let mut content = Vec::new();
            while let Some(bytes) = multipart.chunk().await? {
                assert!(!bytes.is_empty());
                content.extend_from_slice(&bytes);
            }
            found.push((head, content));
        }
        Ok(found)
    };
    all.now_or_never().expect("nothing is waited for")
}

fn write(parts: &[(Head, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (head, content) in parts {
        body.extend_from_slice(format!("------x\r\nContent-Disposition: form-data; name=\"{}\"", head.name).as_bytes());
        if let Some(name) = &head.file_name {
            body.extend_from_slice(format!("; filename=\"{}\"", name.replace('"', "%22")).as_bytes());
        }
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"------x--\r\n");
    body
}

fn part(name: &str, file_name: Option<&str>, content: &[u8]) -> (Head, Vec<u8>) {
    (Head { name: name.to_owned(), file_name: file_name.map(str::to_owned) }, content.to_vec())
}

#[test]
fn names_are_read_as_browsers_and_go_write_them() {
    let named =
        |written: &str| disposition(&format!("form-data; name=\"a\"; filename=\"{written}\"")).unwrap().file_name;
    for (written, name) in [
        ("IMG 1.jpg", "IMG 1.jpg"),
        ("바다.jpg", "바다.jpg"),
        ("a%22b%22.jpg", "a\"b\".jpg"),
        (r#"a\"b\".jpg"#, "a\"b\".jpg"),
        (r"C:\photos\a.jpg", r"C:\photos\a.jpg"),
        (r"a\\b.jpg", r"a\b.jpg"),
        ("a;b=c.jpg", "a;b=c.jpg"),
        ("100%.jpg", "100%.jpg"),
        ("", ""),
    ] {
        assert_eq!(named(written).as_deref(), Some(name), "{written}");
    }
    assert_eq!(disposition(" form-data; NAME=a").unwrap(), part("a", None, b"").0);
    for none in ["attachment; name=\"a\"", "form-data", "form-data; filename=\"a\"", ""] {
        assert_eq!(disposition(none), None, "{none}");
    }
}

#[test]
fn other_bodies_are_refused() {
    let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
    for wrong in [
        "application/json",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/mixed; boundary=x",
        &long,
    ] {
        assert!(matches!(Multipart::new(&headers(wrong), pieces(b"", 1)), Err(Broken::NotMultipart)), "{wrong}");
    }
    assert!(matches!(Multipart::new(&HeaderMap::new(), pieces(b"", 1)), Err(Broken::NotMultipart)));
    for broken in [
        &b""[..],
        b"no boundary at all",
        b"------x",
        b"------xyz\r\n\r\n",
        b"------x\r\n\r\ncontent\r\n------x--",
        b"------x\r\nContent-Type: a/b\r\n\r\ncontent\r\n------x--",
        b"------x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ncontent",
        b"------x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ncontent\r\n------",
    ] {
        assert!(read(broken, 7).is_err(), "{}", String::from_utf8_lossy(broken));
    }
}

#[test]
fn what_never_ends_is_not_kept() {
    let endless = |beginning: &'static [u8], filler: &'static [u8]| {
        let mut handed_out = 0;
        let filler = stream::repeat_with(move || {
            handed_out += filler.len();
            assert!(handed_out < 4 << 20, "it reads on and on");
            Ok(Bytes::from_static(filler))
        });
        let body = stream::iter([Ok(Bytes::from_static(beginning))]).chain(filler);
        let mut multipart = Multipart::new(&headers(TYPE), Box::pin(body)).unwrap();
        let mut read = async || {
            while multipart.next().await?.is_some() {}
            Ok::<_, Broken>(())
        };
        let outcome = read().now_or_never().expect("nothing is waited for").unwrap_err();
        assert!(matches!(outcome, Broken::TooLong(_)), "{outcome}");
    };
    endless(b"", &[b'x'; 10_000]);
    endless(b"------x\r\nContent-Disposition: form-data; name=\"", &[b'n'; 10_000]);
    endless(b"------x\r\n", b"A: b\r\n");
    endless(b"------x", &[b' '; 10_000]);
    endless(b"------x\r\nContent-Disposition: form-data; name=\"unused\"\r\n\r\n", &[0; 10_000]);
}

proptest! {
    /// Whatever the parts hold and however the network cuts them, they come out as they went in.
    #[test]
    fn parts_come_out_as_they_went_in(
        parts in proptest::collection::vec(
            ("[a-zA-Z]{1,12}", proptest::option::of("[a-zA-Z0-9 .\"-]{0,20}"), "([\r\n-]|x|-----|\r\n|\r\n------|[ab]){0,40}"),
            0..5,
        ),
        size in 1usize..200,
    ) {
        let parts: Vec<_> = parts.iter().map(|(name, file, content)| part(name, file.as_deref(), content.as_bytes())).collect();
        prop_assume!(parts.iter().all(|(_, content)| !String::from_utf8_lossy(content).contains("\r\n------x")));
        prop_assume!(parts.iter().all(|(_, content)| !content.starts_with(b"\r\n------x")));
        prop_assert_eq!(read(&write(&parts), size).unwrap(), parts);
    }

    /// A body that was cut anywhere is refused, so that no half of a file is taken for a whole one.
    #[test]
    fn a_truncated_body_is_never_whole(content: Vec<u8>, cut in 0usize..400, size in 1usize..50) {
        let body = write(&[part("a", None, b"b"), part("assetData", Some("a.jpg"), &content)]);
        let ends = body.len() - 2;
        prop_assume!(cut < ends);
        prop_assert!(read(&body[..cut], size).is_err());
    }

    #[test]
    fn never_panics(body: Vec<u8>, size in 1usize..50) {
        let _ = read(&body, size);
        let _ = disposition(&String::from_utf8_lossy(&body));
        let _ = parameters(&String::from_utf8_lossy(&body));
    }
}
