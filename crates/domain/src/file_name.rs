//! The name a file had where it came from: shown, searched and given back on download, never used as a path.

use crate::Invalid;

/// A file name: the last path segment, without control characters, 1 to 255 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName(String);

impl FileName {
    /// Keeps what can be kept of any text: folders are cut off, control characters become `_`, long names keep their
    /// ending.
    ///
    /// # Errors
    /// When nothing is left.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        let last = text.rsplit(['/', '\\']).next().unwrap_or_default().trim();
        let clean: Vec<char> = last.chars().map(|c| if is_unsafe(c) { '_' } else { c }).collect();
        let kept: String = clean[clean.len().saturating_sub(255)..].iter().collect();
        // Cutting may have bared a space: trimmed again, so that a name read back is the same name.
        let kept = kept.trim().to_owned();
        if kept.is_empty() || kept == "." || kept == ".." {
            return Err(Invalid::new("file_name", "the file needs a name"));
        }
        Ok(Self(kept))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name with what some file system does not take replaced by `_`, and nothing that a file manager hides.
    #[must_use]
    pub fn for_saving(&self) -> String {
        let unfit = |c: char| matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '\u{061C}');
        let mut name: String = self.0.chars().map(|c| if unfit(c) { '_' } else { c }).collect();
        if name.starts_with('.') {
            name.replace_range(..1, "_");
        }
        if name.ends_with('.') {
            name.replace_range(name.len() - 1.., "_");
        }
        name
    }

    /// The ending in lower case when it is 1 to 8 ASCII letters or digits, else `bin`. It only names the object; what a
    /// file is, its bytes decide.
    #[must_use]
    pub fn extension(&self) -> String {
        match self.0.rsplit_once('.') {
            Some((stem, ending))
                if !stem.is_empty()
                    && (1..=8).contains(&ending.len())
                    && ending.bytes().all(|b| b.is_ascii_alphanumeric()) =>
            {
                ending.to_ascii_lowercase()
            }
            _ => "bin".to_owned(),
        }
    }
}

/// Control characters, and the ones that reorder text on screen so that `exe.jpg` can be made to look like `gpj.exe`.
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keeps_the_name_and_drops_the_path() {
        assert_eq!(FileName::new("a/b\\IMG 1.JPG").unwrap().as_str(), "IMG 1.JPG");
        assert_eq!(FileName::new("IMG 1.JPG").unwrap().extension(), "jpg");
        assert_eq!(FileName::new(".hidden").unwrap().extension(), "bin");
        assert_eq!(FileName::new("a.tar-gz").unwrap().extension(), "bin");
        assert_eq!(FileName::new("x\u{202E}gpj.exe").unwrap().as_str(), "x_gpj.exe");
        for bad in ["", "/", "..", "a/..", "  "] {
            assert!(FileName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_long_name_read_back_is_the_same_name() {
        for text in [format!("a{}.jpg", " ".repeat(251)), format!("{} x", "y".repeat(300))] {
            let name = FileName::new(&text).unwrap();
            assert_eq!(FileName::new(name.as_str()), Ok(name.clone()));
        }
        assert!(FileName::new(&format!("a{}.", " ".repeat(254))).is_err(), "what is left is a dot");
    }

    proptest! {
        #[test]
        fn any_text_gives_a_safe_name_or_none(text in ".*") {
            if let Ok(name) = FileName::new(&text) {
                prop_assert!((1..=255).contains(&name.as_str().chars().count()));
                prop_assert_eq!(FileName::new(name.as_str()), Ok(name.clone()));
                prop_assert!(!name.as_str().contains(['/', '\\', '\0', '\n']));
                prop_assert!(name.extension().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
            }
        }
    }
}
