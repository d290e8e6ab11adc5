//! The variables that anything is made of: only these are kept of a line.

/// Names and their places, in the order in which they were asked for.
#[derive(Debug, Default, Clone)]
pub(crate) struct Wanted(Vec<String>);

impl Wanted {
    /// The place of a variable; a new one when nobody has asked for it.
    pub(crate) fn add(&mut self, name: &str) -> usize {
        self.slot(name).unwrap_or_else(|| {
            self.0.push(name.to_owned());
            self.0.len() - 1
        })
    }

    /// The place of a variable that somebody has asked for.
    pub(crate) fn slot(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|known| known == name)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
