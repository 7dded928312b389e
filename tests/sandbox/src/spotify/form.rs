//! Parameters of queries and forms. Repeated parameters are invalid (RFC 6749, section 3.1).

use std::collections::BTreeMap;

/// Error of malformed parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    Repeated,
    NotText,
}

impl Malformed {
    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::Repeated => "A parameter was sent more than once",
            Self::NotText => "A parameter is not UTF-8 text",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    pub(super) fn parse(encoded: &[u8]) -> Result<Self, Malformed> {
        let mut parameters = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(encoded) {
            // The decoder replaces invalid UTF-8 with U+FFFD.
            if name.contains('\u{fffd}') || value.contains('\u{fffd}') {
                return Err(Malformed::NotText);
            }
            if parameters.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(Malformed::Repeated);
            }
        }
        Ok(Self(parameters))
    }

    /// Returns the value of a parameter. An empty value counts as absent (RFC 6749, section 3.1).
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_parameter_is_refused_and_an_empty_one_is_absent() {
        assert_eq!(Parameters::parse(b"a=1&a=1"), Err(Malformed::Repeated));
        assert_eq!(Parameters::parse(b"a=%ff"), Err(Malformed::NotText));
        let parameters = Parameters::parse(b"a=&b=x%20y").unwrap();
        assert_eq!(parameters.get("a"), None);
        assert_eq!(parameters.get("b"), Some("x y"));
    }
}
