//! Accounts: who may sign in.

use std::fmt;

use crate::Invalid;
use crate::text::one_line;

/// What an account may do beyond its own library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountRole {
    /// May manage other accounts.
    Admin,
    /// Has a library and nothing more.
    Member,
}

impl AccountRole {
    /// The word stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }

    /// The role a stored word means.
    ///
    /// # Errors
    /// For any other word.
    pub fn parse(word: &str) -> Result<Self, Invalid> {
        match word {
            "admin" => Ok(Self::Admin),
            "member" => Ok(Self::Member),
            _ => Err(Invalid::new("role", "either admin or member")),
        }
    }
}

/// An e-mail address, kept in lower case: one account per address however it is typed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Checks the shape only (one `@`, something on both sides, no spaces, at most 254 bytes as RFC 5321 limits it).
    ///
    /// # Errors
    /// When the shape is wrong.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        let text = text.trim().to_lowercase();
        let shaped = text.split_once('@').is_some_and(|(local, host)| {
            !local.is_empty()
                && !host.is_empty()
                && !host.contains('@')
                && !host.starts_with('.')
                && !host.ends_with('.')
        });
        if shaped && text.len() <= 254 && !text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            Ok(Self(text))
        } else {
            Err(Invalid::new("email", "write an address such as name@example.com"))
        }
    }

    /// The address in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name a person goes by: 1 to 100 characters, no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
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

/// A password as typed: 10 characters or more (NIST SP 800-63B asks for length and no composition rules), at most
/// 1,000 bytes so that hashing stays bounded. Never shown, not even by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Checks a new password's length.
    ///
    /// # Errors
    /// When too short or too long.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        if text.chars().count() < 10 {
            return Err(Invalid::new("password", "use at least 10 characters; a short sentence works well"));
        }
        Self::attempt(text)
    }

    /// A password for a share link, which is told to others and opens little: without the link's own token nobody can even guess.
    ///
    /// # Errors
    /// When too short or too long.
    pub fn for_a_link(text: &str) -> Result<Self, Invalid> {
        if text.chars().count() < 6 {
            return Err(Invalid::new("password", "use at least 6 characters"));
        }
        Self::attempt(text)
    }

    /// A password offered at sign-in, where only the upper bound matters.
    ///
    /// # Errors
    /// When longer than 1,000 bytes.
    pub fn attempt(text: &str) -> Result<Self, Invalid> {
        if text.len() > 1000 {
            return Err(Invalid::new("password", "a password has at most 1,000 bytes"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The characters, for the hasher alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A hashed password: the text of a PHC string (`$argon2id$v=19$…`), which names its own algorithm and salt. Made and
/// understood by the hasher alone, stored as it is, and never shown, not even by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Takes what the hasher or the database gave; whether it is a PHC string is found out when a password is compared.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the hasher and the database alone.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(Email::new(" Ada@Example.COM ").unwrap().as_str(), "ada@example.com");
        for bad in [
            "",
            "ada",
            "@x",
            "ada@",
            "a b@x.org",
            "a@b@c",
            "a@.x",
            "a@x.",
            "a\n@x.org",
            &format!("a@{}", "x".repeat(260)),
        ] {
            assert!(Email::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn passwords_are_long_and_never_shown() {
        assert!(Password::new("123456789").is_err());
        assert!(Password::new(&"x".repeat(1001)).is_err());
        let password = Password::new("correct horse").unwrap();
        assert!(!format!("{password:?}").contains("horse"));
        assert!(Password::attempt("short").is_ok());
    }

    #[test]
    fn hashes_are_kept_as_they_are_and_never_shown() {
        let hash = PasswordHash::new("$argon2id$v=19$salt$digest".to_owned());
        assert_eq!(hash.as_str(), "$argon2id$v=19$salt$digest");
        assert_eq!(format!("{hash:?}"), "PasswordHash(…)");
    }
}
