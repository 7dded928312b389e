//! A value of an episode that can be missing, readable or unreadable.

/// What the texts of an element say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reading<T> {
    /// There is no text.
    Missing,
    Read(T),
    /// No text can be read without guessing, or two texts differ.
    Unreadable,
}

impl<T: PartialEq> Reading<T> {
    /// Reads the texts that are not empty with `read`. A text that cannot be read does not matter if another one can.
    pub(super) fn of(texts: &[String], read: impl Fn(&str) -> Option<T>) -> Self {
        let filled: Vec<_> = texts.iter().filter(|text| !text.trim().is_empty()).collect();
        let mut values = filled.iter().filter_map(|text| read(text));
        match values.next() {
            Some(first) if values.all(|value| value == first) => Self::Read(first),
            None if filled.is_empty() => Self::Missing,
            Some(_) | None => Self::Unreadable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Reading<u32> {
        let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
        Reading::of(&texts, |text| text.parse().ok())
    }

    #[test]
    fn a_value_is_read_if_all_readable_texts_agree() {
        assert_eq!(read(&["2"]), Reading::Read(2));
        assert_eq!(read(&["", "2", "two", "2"]), Reading::Read(2));
        assert_eq!(read(&["2", "3"]), Reading::Unreadable);
        assert_eq!(read(&["two"]), Reading::Unreadable);
        assert_eq!(read(&[" ", ""]), Reading::Missing);
        assert_eq!(read(&[]), Reading::Missing);
    }
}
