//! Which JSON file of a Takeout belongs to which photo, by their names.
//!
//! The rule, as its archives show it: to the photo's name `.supplemental-metadata` is added (older archives: nothing), the
//! whole is cut to 46 characters, then a counter follows, then `.json`. The counter of `IMG(1).jpg` moves:
//! `IMG.jpg(1).json`, `IMG.jpg.supplemental-metadata(1).json`. Edited copies have no file of their own and share the
//! original's, and so does the film of a live photo. Some archives cut at 47 to 51 instead, so cuts are found, not computed.

use std::collections::HashMap;

const SUPPLEMENT: &str = ".supplemental-metadata";
/// How many characters of a name Google keeps at the least and at the most, before counter and `.json`.
const CUTS: std::ops::RangeInclusive<usize> = 46..=51;
/// What Google adds to the name of an edited copy, in its languages; some of it may be cut off.
const EDITED: [&str; 20] = [
    "-edited",
    "-effects",
    "-smile",
    "-mix",
    "-edytowane",
    "-bearbeitet",
    "-bewerkt",
    "-編集済み",
    "-modificato",
    "-modifié",
    "-modifie\u{301}",
    "-ha editado",
    "-editado",
    "-editada",
    "-editat",
    "-redigeret",
    "-redigerad",
    "-redigert",
    "-düzenlendi",
    "-изменено",
];
/// What the still of a live photo's film may be called.
const STILLS: [&str; 10] = ["HEIC", "heic", "JPG", "jpg", "JPEG", "jpeg", "HEIF", "heif", "PNG", "png"];

/// The JSON files of one folder, by their names.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The name before counter and `.json`, with the counter, to the caller's number.
    by_base: HashMap<(String, Option<u32>), usize>,
}

impl Names {
    /// Adds the file called `name`, which ends in `.json`.
    pub(super) fn add(&mut self, name: &str, number: usize) {
        if let Some(base) = strip_json(name) {
            let (base, counter) = counter_at_end(base);
            self.by_base.entry((base.to_owned(), counter)).or_insert(number);
        }
    }

    /// The number of the file that belongs to the photo or video called `name`.
    pub(super) fn of(&self, name: &str) -> Option<usize> {
        if self.by_base.is_empty() {
            return None;
        }
        let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
        let (plain, counter) = counter_at_end(stem);
        let own = self.exact(&join(plain, ending), counter).or_else(|| self.exact(name, None));
        own.or_else(|| self.original(plain, ending, counter))
            .or_else(|| STILLS.iter().find_map(|still| self.exact(&join(plain, still), counter)))
            .or_else(|| self.get(plain, counter))
    }

    /// For an edited copy: the original's.
    fn original(&self, stem: &str, ending: &str, counter: Option<u32>) -> Option<usize> {
        let whole = EDITED.iter().filter_map(|edited| stem.strip_suffix(edited));
        let mut originals: Vec<&str> = whole.collect();
        if stem.chars().count() >= *CUTS.start() - ending.len() - 1 {
            // A name so long may have lost the end of `-edited`.
            let cut = stem.rfind('-').filter(|at| EDITED.iter().any(|edited| edited.starts_with(&stem[*at..])));
            originals.extend(cut.map(|at| &stem[..at]));
        }
        originals.into_iter().find_map(|original| {
            let same = self.exact(&join(original, ending), counter);
            same.or_else(|| STILLS.iter().find_map(|still| self.exact(&join(original, still), counter)))
        })
    }

    /// By the name itself: with the supplement, whole or cut, or without; then cut itself.
    fn exact(&self, name: &str, counter: Option<u32>) -> Option<usize> {
        let supplemented = (0..=SUPPLEMENT.len()).rev().find_map(|kept| {
            let base = format!("{name}{}", &SUPPLEMENT[..kept]);
            self.get(&base, counter)
        });
        supplemented.or_else(|| {
            CUTS.rev().find_map(|kept| {
                let (end, _) = name.char_indices().nth(kept)?;
                self.get(&name[..end], counter)
            })
        })
    }

    fn get(&self, base: &str, counter: Option<u32>) -> Option<usize> {
        self.by_base.get(&(base.to_owned(), counter)).copied()
    }
}

fn join(stem: &str, ending: &str) -> String {
    if ending.is_empty() { stem.to_owned() } else { format!("{stem}.{ending}") }
}

fn strip_json(name: &str) -> Option<&str> {
    let at = name.len().checked_sub(".json".len())?;
    name.is_char_boundary(at)
        .then(|| name.split_at(at))
        .filter(|(_, end)| end.eq_ignore_ascii_case(".json"))
        .map(|it| it.0)
}

/// Splits `IMG(1)` into `IMG` and 1.
fn counter_at_end(text: &str) -> (&str, Option<u32>) {
    let split = text.strip_suffix(')').and_then(|text| text.rsplit_once('('));
    match split {
        Some((base, digits)) if !base.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            match digits.parse() {
                Ok(counter) => (base, Some(counter)),
                Err(_) => (text, None),
            }
        }
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(files: &[&str]) -> Names {
        let mut names = Names::default();
        for (number, file) in files.iter().enumerate() {
            names.add(file, number);
        }
        names
    }

    fn found<'a>(files: &[&'a str], photo: &str) -> Option<&'a str> {
        names(files).of(photo).map(|number| files[number])
    }

    #[test]
    fn every_spelling_seen_in_archives() {
        for (photo, file) in [
            ("IMG_1.jpg", "IMG_1.jpg.json"),
            ("IMG_1.jpg", "IMG_1.jpg.supplemental-metadata.json"),
            ("IMG_1.jpg", "IMG_1.jpg.suppl.json"),
            ("IMG_1.jpg", "IMG_1.jpg..json"),
            ("IMG_1(1).jpg", "IMG_1.jpg(1).json"),
            ("IMG_1(1).jpg", "IMG_1.jpg.supplemental-metadata(1).json"),
            ("IMG_1(1).jpg", "IMG_1(1).jpg.json"),
            ("IMG_1-edited.jpg", "IMG_1.jpg.supplemental-metadata.json"),
            ("IMG_1-bearbeitet(2).jpg", "IMG_1.jpg(2).json"),
            ("IMG_1-edited.jpg", "IMG_1.HEIC.json"),
            ("IMG_1.MP4", "IMG_1.HEIC.supplemental-metadata.json"),
            ("IMG_1.mov", "IMG_1.JPG.json"),
            ("IMG_1.jpg", "IMG_1.json"),
            ("Screenshot_2017-07-05-10-05-26.png", "Screenshot_2017-07-05-10-05-26.png.supplementa.json"),
            (
                "Screenshot_20220207_102421_com.snapchat.android.jpg",
                "Screenshot_20220207_102421_com.snapchat.androi.json",
            ),
            ("D7157814-D2D5-4A62-AFCE-9CF465CB7D66.jpeg", "D7157814-D2D5-4A62-AFCE-9CF465CB7D66.jpeg.supp.json"),
            ("Urlaub in Knaufspesch in der Schneifel (38).JPG", "Urlaub in Knaufspesch in der Schneifel (38).JP.json"),
            (
                "123456789123456789123456789123456789_DSCN0091-ha edit.JPG",
                "123456789123456789123456789123456789_DSCN0091.JPG.json",
            ),
        ] {
            assert_eq!(found(&[file], photo), Some(file), "{photo}");
        }
    }

    #[test]
    fn neighbours_keep_their_own() {
        let files = ["IMG_1.jpg.json", "IMG_1.jpg(1).json", "IMG_10.jpg.json", "IMG_1.MP4.json", "metadata.json"];
        assert_eq!(found(&files, "IMG_1.jpg"), Some("IMG_1.jpg.json"));
        assert_eq!(found(&files, "IMG_1(1).jpg"), Some("IMG_1.jpg(1).json"));
        assert_eq!(found(&files, "IMG_1.MP4"), Some("IMG_1.MP4.json"));
        assert_eq!(found(&files, "IMG_10.jpg"), Some("IMG_10.jpg.json"));
        assert_eq!(found(&files, "IMG_2.jpg"), None);
        assert_eq!(found(&files, "IMG_1(2).jpg"), None, "another's notes are worse than none");
    }

    proptest! {
        #[test]
        fn no_name_is_too_odd(files in proptest::collection::vec("\\PC{0,60}(\\([0-9]{0,12}\\))?\\.(json|JSON)", 0..5), photo in "\\PC{0,70}(-edi)?(\\([0-9]{0,3}\\))?\\.\\PC{0,4}") {
            let files: Vec<&str> = files.iter().map(String::as_str).collect();
            let _ = names(&files).of(&photo);
        }

        #[test]
        fn the_rule_is_undone(stem in "[a-zA-Z0-9_ ]{1,60}", counter in proptest::option::of(1u32..99)) {
            let cut: String = format!("{stem}.jpg{SUPPLEMENT}").chars().take(46).collect();
            let counted = counter.map(|n| format!("({n})")).unwrap_or_default();
            let file = format!("{cut}{counted}.json");
            prop_assert_eq!(found(&[&file], &format!("{stem}{counted}.jpg")), Some(file.as_str()));
        }
    }
}
