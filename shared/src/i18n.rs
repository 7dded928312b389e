//! The languages of our pages, and their texts: one Fluent file for each language in `shared/locales`; English is the source.

use std::sync::OnceLock;

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use fluent_langneg::{NegotiationStrategy, negotiate_languages};
use unic_langid::LanguageIdentifier;

/// Declares the languages, each with its tag (BCP 47).
macro_rules! languages {
    ($($name:ident = $tag:literal;)*) => {
        /// A supported language.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Language {
            $(#[doc = $tag] $name,)*
        }

        impl Language {
            /// Every language.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The tag of the language (BCP 47).
            #[must_use]
            pub fn tag(self) -> &'static str {
                match self { $(Self::$name => $tag,)* }
            }

            /// The Fluent file of the language.
            fn source(self) -> &'static str {
                match self { $(Self::$name => include_str!(concat!("../locales/", $tag, ".ftl")),)* }
            }
        }
    };
}

languages! {
    English = "en";
    Spanish = "es";
    BrazilianPortuguese = "pt-BR";
    French = "fr";
    German = "de";
    Italian = "it";
    Swedish = "sv";
    Polish = "pl";
    Turkish = "tr";
    Japanese = "ja";
    Hindi = "hi";
    Arabic = "ar";
    Dutch = "nl";
    Danish = "da";
    Norwegian = "nb";
    Korean = "ko";
}

impl Language {
    /// The supported language with this tag, or the nearest one. Returns `None` if the tag is malformed or no supported language is near.
    #[must_use]
    pub fn parse(tag: &str) -> Option<Self> {
        Self::nearest(&[identifier(tag)?])
    }

    /// The supported language that an `Accept-Language` header (RFC 9110 §12.5.4) prefers; English if it names no supported one.
    #[must_use]
    pub fn accepted(header: &str) -> Self {
        let mut wanted: Vec<(f32, LanguageIdentifier)> = header.split(',').take(32).filter_map(weighted).collect();
        wanted.retain(|(weight, _)| *weight > 0.0);
        // A stable sort, because the header's order decides between equal weights.
        wanted.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        let wanted: Vec<_> = wanted.into_iter().map(|(_, tag)| tag).collect();
        Self::nearest(&wanted).unwrap_or(Self::English)
    }

    fn nearest(wanted: &[LanguageIdentifier]) -> Option<Self> {
        static SPOKEN: OnceLock<Vec<LanguageIdentifier>> = OnceLock::new();
        let wanted: Vec<_> = wanted.iter().cloned().map(in_bokmal).collect();
        let spoken = SPOKEN.get_or_init(|| {
            Self::ALL
                .iter()
                .filter_map(|language| language.tag().parse().ok())
                .collect()
        });
        let found = negotiate_languages(&wanted, spoken, None, NegotiationStrategy::Lookup);
        let tag = found.first()?.to_string();
        Self::ALL.iter().copied().find(|language| language.tag() == tag)
    }

    /// The direction of the script: `rtl` or `ltr`.
    #[must_use]
    pub fn direction(self) -> &'static str {
        match self {
            Self::Arabic => "rtl",
            _ => "ltr",
        }
    }

    /// The text with this key: a message id, or a message id, `.` and an attribute name. A text that is missing in this language is English.
    #[must_use]
    pub fn text(self, key: &str, arguments: &[(&str, &str)]) -> String {
        let found = self.find(key, arguments).or_else(|| Self::English.find(key, arguments));
        debug_assert!(found.is_some(), "no text: {key}");
        // Tests ensure that every key exists in every language.
        found.unwrap_or_else(|| key.to_owned())
    }

    fn find(self, key: &str, arguments: &[(&str, &str)]) -> Option<String> {
        let words = self.words()?;
        let (id, attribute) = key.split_once('.').map_or((key, None), |(id, name)| (id, Some(name)));
        let message = words.get_message(id)?;
        let pattern = match attribute {
            Some(name) => message.get_attribute(name)?.value(),
            None => message.value()?,
        };
        let arguments: FluentArgs<'_> = arguments.iter().copied().collect();
        let mut errors = Vec::new();
        let text = words
            .format_pattern(pattern, Some(&arguments), &mut errors)
            .into_owned();
        errors.is_empty().then_some(text)
    }

    /// The texts, parsed on first use, because most requests are redirects and need none.
    fn words(self) -> Option<&'static FluentBundle<FluentResource>> {
        static WORDS: [OnceLock<Option<FluentBundle<FluentResource>>>; Language::ALL.len()] =
            [const { OnceLock::new() }; Language::ALL.len()];
        WORDS.get(self as usize)?.get_or_init(|| self.read()).as_ref()
    }

    fn read(self) -> Option<FluentBundle<FluentResource>> {
        let mut words = FluentBundle::new_concurrent(vec![self.tag().parse().ok()?]);
        let resource = FluentResource::try_new(self.source().to_owned()).ok()?;
        words.add_resource(resource).ok()?;
        Some(words)
    }
}

/// Norwegian in Bokmål, for a tag of Norwegian (`no`) or of Nynorsk (`nn`), whose readers read both. Every other tag unchanged.
fn in_bokmal(mut tag: LanguageIdentifier) -> LanguageIdentifier {
    if ["no", "nn"].contains(&tag.language.as_str())
        && let Ok(bokmal) = "nb".parse()
    {
        tag.language = bokmal;
    }
    tag
}

/// Weight and tag of one entry of `Accept-Language`, such as `de-AT;q=0.8`.
fn weighted(entry: &str) -> Option<(f32, LanguageIdentifier)> {
    let (tag, parameter) = entry.split_once(';').unwrap_or((entry, "q=1"));
    let weight = parameter
        .trim()
        .strip_prefix("q=")?
        .parse()
        .ok()
        .filter(|weight: &f32| weight.is_finite())?;
    Some((weight, identifier(tag.trim())?))
}

/// The part of a tag (BCP 47) that names the language, without extensions such as `-u-nu-latn`, which begin with a subtag of one letter.
fn identifier(tag: &str) -> Option<LanguageIdentifier> {
    let subtags = tag.split('-').take_while(|subtag| subtag.len() != 1);
    subtags.collect::<Vec<_>>().join("-").parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};
    use proptest::prelude::*;

    use super::*;

    /// Adds the arguments that a text uses to `used`.
    fn add_arguments(pattern: &Pattern<&str>, used: &mut BTreeSet<String>) {
        for element in &pattern.elements {
            let PatternElement::Placeable { expression } = element else {
                continue;
            };
            let (Expression::Inline(inline) | Expression::Select { selector: inline, .. }) = expression;
            let InlineExpression::VariableReference { id } = inline else {
                panic!("a placeable of another kind")
            };
            used.insert(id.name.to_owned());
            if let Expression::Select { variants, .. } = expression {
                for variant in variants {
                    add_arguments(&variant.value, used);
                }
            }
        }
    }

    /// Every key of a language's file, with the arguments that its text uses.
    fn keys(language: Language) -> BTreeSet<(String, Vec<String>)> {
        let arguments = |pattern: &Pattern<&str>| -> Vec<String> {
            let mut used = BTreeSet::new();
            add_arguments(pattern, &mut used);
            used.into_iter().collect()
        };
        let file = fluent_syntax::parser::parse(language.source());
        let file = file.unwrap_or_else(|(_, errors)| panic!("{}.ftl: {errors:?}", language.tag()));
        let mut keys = BTreeSet::new();
        for entry in &file.body {
            let Entry::Message(message) = entry else { continue };
            let value = message.value.as_ref().expect("each message has a text of its own");
            assert!(keys.insert((message.id.name.to_owned(), arguments(value))));
            for attribute in &message.attributes {
                let key = format!("{}.{}", message.id.name, attribute.id.name);
                assert!(keys.insert((key, arguments(&attribute.value))), "twice");
            }
        }
        keys
    }

    #[test]
    fn every_language_has_all_texts_with_the_same_arguments() {
        let english = keys(Language::English);
        assert!(english.len() > 40);
        for language in Language::ALL {
            let theirs = keys(*language);
            let missing: Vec<_> = english.symmetric_difference(&theirs).collect();
            assert!(missing.is_empty(), "{}: {missing:?}", language.tag());
            for (key, arguments) in &theirs {
                let arguments: Vec<_> = arguments.iter().map(|name| (name.as_str(), "Wickerlight")).collect();
                let text = language.find(key, &arguments).unwrap();
                assert!(
                    !text.trim().is_empty() && !text.contains('{'),
                    "{} {key}: {text}",
                    language.tag()
                );
            }
        }
    }

    /// A text that equals the English one was probably not translated.
    #[test]
    fn no_translation_equals_the_english_text() {
        for language in Language::ALL.iter().filter(|language| **language != Language::English) {
            for (key, arguments) in keys(*language) {
                let arguments: Vec<_> = arguments.iter().map(|name| (name.as_str(), "x")).collect();
                assert_ne!(
                    language.find(&key, &arguments),
                    Language::English.find(&key, &arguments),
                    "{}: {key}",
                    language.tag()
                );
            }
        }
    }

    /// An unused text would be translated in vain.
    #[test]
    fn every_text_is_used_by_a_page() {
        let page = concat!(
            include_str!("pages/account.rs"),
            include_str!("pages/layout.rs"),
            include_str!("pages/status.rs"),
            include_str!("pages/unlink.rs")
        );
        for (key, _) in keys(Language::English) {
            // A page with a message as its title also shows the attributes `text` and `step`.
            let title = key.strip_suffix(".text").or_else(|| key.strip_suffix(".step"));
            let is_used = |key: &str| page.contains(&format!("\"{key}\""));
            assert!(is_used(&key) || title.is_some_and(is_used), "{key}");
        }
    }

    #[test]
    fn the_preferred_supported_language_is_chosen() {
        for (header, language) in [
            ("ja", Language::Japanese),
            ("de-AT,de;q=0.9,en;q=0.8", Language::German),
            ("zh-CN,zh;q=0.9,fr;q=0.8,en;q=0.7", Language::French),
            ("en;q=0.1, ar-EG;q=0.9", Language::Arabic),
            ("pt-PT", Language::BrazilianPortuguese),
            ("pt-PT,pt;q=0.9,es;q=0.8", Language::BrazilianPortuguese),
            ("de-CH", Language::German),
            ("fr-CA", Language::French),
            ("en-GB,en;q=0.9,de;q=0.8", Language::English),
            ("nl-BE", Language::Dutch),
            ("da-DK", Language::Danish),
            ("sv-FI", Language::Swedish),
            ("nb-NO", Language::Norwegian),
            ("no", Language::Norwegian),
            ("no-NO,no;q=0.9,en;q=0.8", Language::Norwegian),
            ("nn-NO,nn;q=0.9,en;q=0.8", Language::Norwegian),
            ("ko-KR", Language::Korean),
            ("ko-KP", Language::Korean),
            ("zh-TW,ja;q=0.5", Language::Japanese),
            ("es-MX", Language::Spanish),
            ("ar-SA-u-nu-latn", Language::Arabic),
            ("pt", Language::BrazilianPortuguese),
            ("es-419,es;q=0.9", Language::Spanish),
            ("tr;q=0, pl", Language::Polish),
            ("zh", Language::English),
            ("*", Language::English),
            ("", Language::English),
            (";;;,,,q=1,\u{1f980}", Language::English),
        ] {
            assert_eq!(Language::accepted(header), language, "{header}");
        }
        assert_eq!(Language::parse("hi-IN"), Some(Language::Hindi));
        assert_eq!(Language::parse("zh"), None);
        assert_eq!(Language::parse("<script>"), None);
    }

    proptest! {
        #[test]
        fn no_accept_language_header_panics(header in ".{0,200}") {
            let _ = Language::accepted(&header);
            let _ = Language::parse(&header);
        }
    }
}
