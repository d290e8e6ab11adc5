//! API keys: what a program may do for an account without its password.

use crate::Invalid;
use crate::text::one_line;

/// One thing that a key may be made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Sends photos and puts them into albums; sees none.
    Upload,
    /// Sees everything in the library; changes nothing.
    Read,
    /// Changes and deletes what is in the library; sees only what its changes answer.
    Edit,
}

impl Scope {
    /// Every scope there is.
    pub const ALL: [Self; 3] = [Self::Upload, Self::Read, Self::Edit];

    /// The word stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Read => "read",
            Self::Edit => "edit",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Upload => 1,
            Self::Read => 2,
            Self::Edit => 4,
        }
    }
}

/// A set of scopes, in which each stands once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// One scope alone.
    #[must_use]
    pub const fn only(scope: Scope) -> Self {
        Self(scope.bit())
    }

    /// Those of either set.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The scopes a key is to be made for.
    ///
    /// # Errors
    /// When there are none: such a key could do nothing.
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Result<Self, Invalid> {
        let set = scopes.into_iter().fold(Self(0), |set, scope| set.or(Self::only(scope)));
        if set.0 == 0 { Err(Invalid::new("scopes", "name at least one of upload, read and edit")) } else { Ok(set) }
    }

    /// The scopes that stored words mean.
    ///
    /// # Errors
    /// For any other word, and for none.
    pub fn parse(words: &str) -> Result<Self, Invalid> {
        let known = |word| {
            let scope = Scope::ALL.into_iter().find(|scope| scope.as_str() == word);
            scope.ok_or_else(|| Invalid::new("scopes", "each is upload, read or edit"))
        };
        Self::new(words.split_whitespace().map(known).collect::<Result<Vec<_>, _>>()?)
    }

    /// Its scopes, in a fixed order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.0 & scope.bit() != 0)
    }

    /// The words stored, with spaces between them.
    #[must_use]
    pub fn words(self) -> String {
        self.iter().map(Scope::as_str).collect::<Vec<_>>().join(" ")
    }

    /// Whether they have a scope in common.
    #[must_use]
    pub const fn meet(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// What a person knows a key by: 1 to 100 characters, no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyName(String);

impl ApiKeyName {
    /// Trims and checks.
    ///
    /// # Errors
    /// When empty, longer than 100 characters, or with control characters.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        one_line("name", text, 100).map(Self)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_a_set_of_words() {
        let both = Scopes::new([Scope::Edit, Scope::Upload, Scope::Edit]).unwrap();
        assert_eq!(both.words(), "upload edit");
        assert_eq!(Scopes::parse("edit  upload"), Ok(both));
        for scope in Scope::ALL {
            assert_eq!(both.meet(Scopes::only(scope)), scope != Scope::Read);
            assert_eq!(Scopes::parse(scope.as_str()), Ok(Scopes::only(scope)));
        }
        for bad in ["", " ", "all", "Read", "read,edit"] {
            assert!(Scopes::parse(bad).is_err(), "{bad}");
        }
        assert!(Scopes::new([]).is_err());
    }
}
