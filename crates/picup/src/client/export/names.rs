//! Names for exported files and folders: what every file system takes, and what an import does not leave out.
//!
//! A photo's name comes from outside and may be anything. The name it came with is kept in the notes beside it; here only
//! what can stand on a disk, also one that Windows reads. Called by [`super::plan`].

use std::collections::HashSet;

use super::super::source::own;
use super::super::walk::SYSTEM;

/// As many bytes as a name may have, so that what is put after it (`.picup.json`, `.changed (2)`) still fits into 255.
pub(super) const LONGEST: usize = 236;
/// A longer ending is part of the name.
const LONGEST_ENDING: usize = 16;
/// What Windows keeps for itself, with any ending.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
const NUMBERED_DEVICES: [&str; 2] = ["com", "lpt"];
/// The endings of a live photo's film.
const FILMS: [&str; 2] = ["mov", "mp4"];

/// A name for one step of a path, made of any text.
pub(super) fn safe(text: &str) -> String {
    let name: String = text.chars().map(|c| if is_unsafe(c) { '_' } else { c }).collect();
    let name = name.trim();
    // Room for the two characters that may come.
    let mut name = cut(name, LONGEST - 2, "");
    if name.is_empty() {
        "unnamed".clone_into(&mut name);
    }
    if name.starts_with('.') {
        name.replace_range(..1, "_");
    }
    let lower = name.to_lowercase();
    if is_device(&lower) || SYSTEM.contains(&lower.as_str()) {
        name.insert(0, '_');
    }
    if lower.ends_with(own::ENDING) {
        name.push('_');
    }
    name
}

/// The name with a number before its ending; 1 is the name itself.
pub(super) fn numbered(name: &str, number: usize) -> String {
    if number <= 1 { name.to_owned() } else { cut(name, LONGEST, &format!(" ({number})")) }
}

/// Names for folders beside one another, each another one on every disk, in the order of the texts.
pub(crate) fn folder_names<'t>(texts: impl Iterator<Item = &'t str>) -> Vec<String> {
    let mut taken = HashSet::new();
    texts
        .map(|text| {
            let wanted = safe(text);
            let mut names = (1..).map(|number| numbered(&wanted, number));
            names.find(|name| taken.insert(key(name))).unwrap_or(wanted)
        })
        .collect()
}

/// The name for a film beside its still, so that an import finds the two again.
pub(super) fn film(still: &str, film: &str) -> String {
    let (stem, ending) = split(still);
    let own = split(film).1.trim_start_matches('.');
    let own = if FILMS.contains(&own.to_lowercase().as_str()) { own } else { FILMS[0] };
    // Something that is a film already, with another as its moving part.
    let other = if own.eq_ignore_ascii_case(FILMS[0]) { FILMS[1] } else { FILMS[0] };
    let ending = if ending.trim_start_matches('.').eq_ignore_ascii_case(own) { other } else { own };
    // The stem leaves room for the longest ending.
    format!("{stem}.{ending}")
}

/// What tells whether two names are one on a disk that takes capitals and small letters for the same; and for an import,
/// which finds notes that way.
pub(super) fn key(name: &str) -> String {
    name.to_lowercase()
}

/// The name cut to so many bytes, with `mark` before its ending.
fn cut(name: &str, longest: usize, mark: &str) -> String {
    let (stem, ending) = split(name);
    // A film's ending may be longer than its still's.
    let room = longest.saturating_sub(ending.len().max(4) + mark.len());
    let mut end = stem.len().min(room);
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    let whole = format!("{}{mark}{ending}", stem[..end].trim_end());
    // Windows drops dots and spaces at the end.
    whole.trim_end_matches(|c: char| c == '.' || c.is_whitespace()).to_owned()
}

/// Stem and ending with its dot.
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 && name.len() - at <= LONGEST_ENDING => name.split_at(at),
        _ => (name, ""),
    }
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*')
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}')
}

fn is_device(lower: &str) -> bool {
    let stem = lower.split('.').next().unwrap_or_default().trim_end();
    let digit = |rest: &str| rest.chars().count() == 1 && rest.ends_with(char::is_numeric);
    let numbered = |device: &str| stem.strip_prefix(device).is_some_and(digit);
    DEVICES.contains(&stem) || NUMBERED_DEVICES.into_iter().any(numbered)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_stay_as_they_are_when_every_disk_takes_them() {
        for name in ["IMG_1234.HEIC", "Müller & Söhne (1).jpg", "a.tar.gz", "no ending", "夏休み.jpg"] {
            assert_eq!(safe(name), name);
        }
    }

    #[test]
    fn what_some_disk_does_not_take_becomes_something_it_does() {
        for (text, name) in [
            ("../../etc/passwd", "_._.._etc_passwd"),
            (".hidden.jpg", "_hidden.jpg"),
            ("..", "unnamed"),
            ("", "unnamed"),
            ("a:b?.jpg", "a_b_.jpg"),
            ("CON", "_CON"),
            ("con.jpg", "_con.jpg"),
            ("Com1.tar.gz", "_Com1.tar.gz"),
            ("comma.jpg", "comma.jpg"),
            ("trailing. . ", "trailing"),
            ("Thumbs.db", "_Thumbs.db"),
            ("@eaDir", "_@eaDir"),
            ("1.jpg.picup.json", "1.jpg.picup.json_"),
        ] {
            assert_eq!(safe(text), name, "{text:?}");
        }
        let long = safe(&format!("{}.jpg", "ü".repeat(300)));
        assert!(long.len() <= LONGEST && long.ends_with("ü.jpg"), "{long}");
    }

    #[test]
    fn numbers_and_films_keep_the_stem() {
        assert_eq!(numbered("a.jpg", 1), "a.jpg");
        assert_eq!(numbered("a.jpg", 2), "a (2).jpg");
        assert_eq!(numbered("a", 12), "a (12)");
        assert_eq!(film("IMG_1 (2).HEIC", "IMG_1.MOV"), "IMG_1 (2).MOV");
        assert_eq!(film("IMG_1.HEIC", "x.avi"), "IMG_1.mov");
        assert_eq!(film("IMG_1.mov", "IMG_1.MOV"), "IMG_1.mp4");
    }

    #[test]
    fn folders_beside_one_another_never_have_one_name() {
        let names = folder_names(["ada@example.org", "a*b@x.org", "a_b@x.org", "A_B@x.org"].into_iter());
        assert_eq!(names, ["ada@example.org", "a_b@x.org", "a_b@x (2).org", "A_B@x (3).org"]);
    }

    fn well(name: &str) -> Result<(), TestCaseError> {
        prop_assert!(!name.is_empty() && name.len() <= LONGEST, "{:?}", name);
        prop_assert!(!name.contains(['/', '\\', '\0', ':']) && !name.chars().any(char::is_control), "{:?}", name);
        prop_assert!(!name.starts_with(['.', ' ']) && !name.ends_with(['.', ' ']), "{:?}", name);
        let lower = name.to_lowercase();
        prop_assert!(!is_device(&lower) && !SYSTEM.contains(&lower.as_str()) && !lower.ends_with(own::ENDING));
        Ok(())
    }

    proptest! {
        #[test]
        fn any_text_gives_a_name_that_every_disk_takes(text in "(\\PC|[./\\\\ :a-cA-C\u{0}-\u{1f}]|CON|com1|\\.picup\\.json|\u{202E}){0,300}", number in 1usize..10_000, other: String) {
            let name = safe(&text);
            well(&name)?;
            let second = numbered(&name, number);
            well(&second)?;
            let film = film(&second, &other);
            well(&film)?;
            prop_assert_ne!(key(&film), key(&second));
            if number > 1 {
                prop_assert_ne!(key(&second), key(&name));
            }
        }
    }
}
