//! Properties of every page in every language.

use url::Url;

use super::*;
use crate::{
    i18n::Language,
    partner::{Entitlements, ShowUri},
    urls::PublicUrl,
    web::{Destination, Html, ReturnTo},
};

const ALL: [StatusPage; 21] = [
    StatusPage::SignedOut,
    StatusPage::SessionRejected,
    StatusPage::SignInRefused,
    StatusPage::SignInImpossible,
    StatusPage::SignInCancelled,
    StatusPage::SignInUnavailable,
    StatusPage::Cancelled,
    StatusPage::Expired,
    StatusPage::SessionChanged,
    StatusPage::UsedBefore,
    StatusPage::NoEntitlements,
    StatusPage::CouldNotLink,
    StatusPage::ConsentFailed,
    StatusPage::SpotifyUnavailable,
    StatusPage::Unavailable,
    StatusPage::InternalError,
    StatusPage::NotFound,
    StatusPage::Malformed,
    StatusPage::FormRefused,
    StatusPage::Unlinked,
    StatusPage::VisitEnded,
];

fn branding() -> Branding {
    let url = |url| Url::parse(url).ok();
    Branding {
        brand_name: "Wickerlight <&> Söhne".to_owned(),
        brand_logo_url: url("https://cdn.example.com/logo.svg"),
        brand_icon_url: url("https://cdn.example.com/icon.png"),
        brand_color: Color::parse("#123456"),
        spotify_logo_url: url("https://cdn.example.com/spotify.svg"),
        return_url: url("https://www.example.com/account"),
        support_url: url("https://www.example.com/help"),
        subscribe_url: url("https://www.example.com/plans?from=spotify"),
        content_access_url: url("https://content-access.spotify.com"),
    }
}

/// Every page in one language.
fn every_page(branding: &Branding, language: Language) -> Vec<Html> {
    let public_url = PublicUrl::parse("https://link.example.com").unwrap();
    let return_to = ReturnTo {
        show: ShowUri::parse("5CfCWKI5pZ28U0uOzXkDHe").ok(),
        ..ReturnTo::new(Destination::Unlink, None)
    };
    let relink = return_to.clone().for_relink();
    let shows = [Show {
        uri: return_to.show.clone().unwrap(),
        name: "The <Moss> Hour".to_owned(),
        unlocked_by: Entitlements::parse(["all-access"]).ok(),
    }];
    let entitlement_names = EntitlementNames::parse("all-access=All <access>").unwrap();
    let mut all = Vec::new();
    for return_to in [&return_to, &relink] {
        let context = PageContext {
            branding,
            public_url: &public_url,
            language,
            return_to,
            has_provider: return_to.relink,
            request_id: "r-1",
        };
        all.extend(ALL.map(|page| page.html(&context)));
        all.push(StatusPage::SignedOut.html_in_frame(&context));
        all.push(StatusPage::SessionRejected.html_in_frame(&context));
        for name in [Some("ada@example.com"), None] {
            let form_token = "form";
            all.push(UnlinkConfirmation { name, form_token }.html(&context));
        }
        let some = Entitlements::parse(["all-access"]).unwrap();
        for (link, has_pending_change, desired) in [
            (LinkStatus::Linked(some.clone()), true, Some(&some)),
            (LinkStatus::Linked(Entitlements::default()), false, None),
            (LinkStatus::NotLinked, false, Some(&some)),
            (LinkStatus::Unknown, false, None),
        ] {
            let account = AccountPage {
                name: Some("ada@example.com"),
                reference: "0123456789ab",
                link,
                linked_since: Some(1_767_225_600),
                has_pending_change,
                desired,
                shows: &shows,
                entitlement_names: &entitlement_names,
            };
            all.push(account.html(&context));
        }
    }
    all
}

/// A missing text would appear as its key.
#[test]
fn every_page_is_complete_in_every_language() {
    let source = include_str!("../../locales/en.ftl");
    let ids: Vec<_> = source
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(id, _)| id.trim())
        .collect();
    for language in Language::ALL {
        for page in every_page(&branding(), *language) {
            assert!(page.document.contains(&format!(
                "<html lang=\"{}\" dir=\"{}\">",
                language.tag(),
                language.direction()
            )));
            for id in ids.iter().filter(|id| id.contains('-')) {
                assert!(!page.document.contains(&format!(">{id}")), "{} {id}", language.tag());
            }
            assert!(page.document.contains("r-1"));
        }
    }
}

#[test]
fn configured_text_is_escaped_on_every_page() {
    for page in every_page(&branding(), Language::English) {
        assert!(
            ["<&>", "<Moss>", "<access>"]
                .iter()
                .all(|raw| !page.document.contains(raw)),
            "{}",
            page.document
        );
    }
}

#[test]
fn a_page_without_configuration_has_no_dead_link() {
    for page in every_page(&Branding::default(), Language::English) {
        assert!(
            !page.document.contains("href=\"\"")
                && !page.document.contains("src=")
                && !page.document.contains("support"),
            "{}",
            page.document
        );
    }
}

/// After a purchase the partner's site redirects to `return_to`, which is what the person came for.
#[test]
fn a_purchase_returns_to_the_same_show() {
    let branding = branding();
    let public_url = PublicUrl::parse("https://link.example.com").unwrap();
    let return_to = ReturnTo {
        show: ShowUri::parse("5CfCWKI5pZ28U0uOzXkDHe").ok(),
        language: Some(Language::Turkish),
        ..ReturnTo::new(Destination::Entrypoint, None)
    };
    let context = PageContext {
        branding: &branding,
        public_url: &public_url,
        language: Language::Turkish,
        return_to: &return_to,
        has_provider: false,
        request_id: "r-1",
    };
    let target = Url::parse(&StatusPage::NoEntitlements.target(&context).unwrap()).unwrap();
    let returned_to = target
        .query_pairs()
        .find(|(name, _)| name == "return_to")
        .unwrap()
        .1
        .into_owned();
    assert_eq!(ReturnTo::parse(&returned_to, &public_url), Some(return_to));
}

/// WCAG 2.2, 1.4.3: links and signs in the brand's colour are readable on paper and on its tint, in the light and in the dark scheme.
#[test]
fn the_accent_is_readable_for_every_brand_colour() {
    let backgrounds = [
        [Color::new(0xff, 0xff, 0xff), Color::new(0xf7, 0xf6, 0xf3)],
        [Color::new(0x16, 0x16, 0x16), Color::new(0x1f, 0x1e, 0x1d)],
    ];
    let accents = |document: &str| -> Vec<Color> {
        let after = document.split("--accent:").skip(1);
        let texts = after.map(|text| text.split(['}', ';']).next().unwrap());
        texts.filter_map(Color::parse).collect()
    };
    for number in (0..0x100_0000_u32).step_by(0x1357) {
        let brand_color = Color::parse(&format!("#{number:06x}"));
        let branding = Branding {
            brand_color,
            ..Branding::default()
        };
        let page = &every_page(&branding, Language::English)[0];
        let accents = accents(&page.document);
        // The first two are those of the style sheet, without a brand.
        let [.., light, dark] = accents.as_slice() else {
            panic!("{accents:?}")
        };
        for (accent, backgrounds) in [(light, backgrounds[0]), (dark, backgrounds[1])] {
            for background in backgrounds {
                assert!(
                    accent.contrast_with(background) >= 4.5,
                    "#{number:06x}: {accent} on {background}"
                );
            }
        }
    }
}

#[test]
fn a_readable_brand_colour_is_not_changed() {
    let white = Color::new(255, 255, 255);
    for readable in ["#000000", "#0b6e4f", "#7a1fa2"] {
        let color = Color::parse(readable).unwrap();
        assert_eq!(color.readable_on(white).to_string(), readable);
    }
    assert_ne!(
        Color::parse("#ffd400").unwrap().readable_on(white).to_string(),
        "#ffd400"
    );
}

/// Without an icon or a logo, the tab shows the first letter of the name, which needs no request.
#[test]
fn the_icon_of_the_tab_is_the_partners() {
    let icon = |branding: &Branding| {
        let page = every_page(branding, Language::English).remove(0);
        let href = page.document.split_once("rel=\"icon\" href=\"").unwrap().1;
        (href.split_once('"').unwrap().0.to_owned(), page.image_sources)
    };
    let (href, sources) = icon(&branding());
    assert_eq!(href, "https://cdn.example.com/icon.png");
    assert_eq!(sources, ["https://cdn.example.com"]);
    let named = Branding {
        brand_name: "wickerlight".to_owned(),
        ..Branding::default()
    };
    let (href, sources) = icon(&named);
    assert!(href.starts_with("data:image/svg+xml;base64,"), "{href}");
    assert_eq!(sources, ["data:"]);
    for page in every_page(&named, Language::English) {
        assert!(page.document.contains(" · wickerlight</title>"));
    }
}

#[test]
fn a_list_of_shows_or_names_is_read_or_rejected() {
    let id = "5CfCWKI5pZ28U0uOzXkDHe";
    let shows = Show::parse_list(&format!("{id}=Moss = Hour | basic, all-access ; {id}=Free;")).unwrap();
    assert_eq!(
        (shows[0].name.as_str(), shows[1].name.as_str()),
        ("Moss = Hour", "Free")
    );
    let held = |names: &[&str]| Entitlements::parse(names).unwrap();
    assert!(shows[0].is_unlocked_by(&held(&["basic"])) && shows[0].is_unlocked_by(&held(&["other", "all-access"])));
    assert!(!shows[0].is_unlocked_by(&held(&["other"])) && !shows[0].is_unlocked_by(&held(&[])));
    assert!(shows[1].is_unlocked_by(&held(&[])));
    for bad in [
        "x",
        "x=y",
        &format!("{id}="),
        &format!("{id}=|basic"),
        &format!("{id}=Moss|no good"),
        &format!("{id}=Moss|"),
    ] {
        assert_eq!(Show::parse_list(bad), None, "{bad}");
    }
    let names = EntitlementNames::parse("all-access=All = access; basic=Basic").unwrap();
    assert_eq!(
        (names.of("all-access"), names.of("basic"), names.of("gold")),
        ("All = access", "Basic", "gold")
    );
    for bad in ["basic", "basic=", "no good=x", "basic=a;basic=b"] {
        assert_eq!(EntitlementNames::parse(bad), None, "{bad}");
    }
}

/// The date of the link, as people of each country write it.
#[test]
fn the_date_of_the_link_is_written_in_every_language() {
    for (language, date) in [
        (Language::English, "Connected since January 9, 2026"),
        (Language::German, "9. Januar 2026"),
        (Language::Japanese, "2026年1月9日"),
    ] {
        let found = every_since(language, 1_767_916_800);
        assert!(found.contains(date), "{found}");
    }
    for language in Language::ALL {
        let all: Vec<_> = (0..12)
            .map(|month| every_since(*language, 1_768_000_000 + month * 30 * 86_400))
            .collect();
        assert!(all.iter().all(|since| since.contains("2026")), "{all:?}");
        let mut different = all.clone();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), 12, "{all:?}");
    }
}

fn every_since(language: Language, since: i64) -> String {
    let public_url = PublicUrl::parse("https://link.example.com").unwrap();
    let context = PageContext {
        branding: &Branding::default(),
        public_url: &public_url,
        language,
        return_to: &ReturnTo::new(Destination::Account, None),
        has_provider: false,
        request_id: "r-1",
    };
    let since = context.since(since).unwrap();
    since
        .chars()
        .filter(|character| !('\u{2068}'..='\u{2069}').contains(character))
        .collect()
}

/// WCAG 2.2, 1.4.3: a contrast of 4.5 to 1 for text.
#[test]
fn button_text_is_readable_on_every_brand_colour() {
    let luminance = |color: Color| {
        let text = color.contrasting_text();
        let text = if text == "#000" { 0.0 } else { 1.0 };
        (color.luminance(), text)
    };
    for number in (0..0x100_0000_u32).step_by(0x333) {
        let color = Color::parse(&format!("#{number:06x}")).unwrap();
        let (one, other) = luminance(color);
        let contrast = (f64::max(one, other) + 0.05) / (f64::min(one, other) + 0.05);
        assert!(contrast >= 4.5, "{color}: {contrast}");
    }
    for bad in [
        "",
        "#",
        "#12345",
        "#1234567",
        "123456",
        "#+12345",
        "#12345g",
        "red",
        "#１２３４５６",
    ] {
        assert_eq!(Color::parse(bad), None, "{bad}");
    }
}
