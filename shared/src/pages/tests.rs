//! Properties of every page in every language.

use url::Url;

use super::*;
use crate::{
    i18n::Language,
    partner::{Entitlements, ShowUri},
    urls::PublicUrl,
    web::{Destination, Html, ReturnTo},
};

const ALL: [StatusPage; 15] = [
    StatusPage::SignedOut,
    StatusPage::SignInRefused,
    StatusPage::SignInCancelled,
    StatusPage::SignInUnavailable,
    StatusPage::Cancelled,
    StatusPage::Expired,
    StatusPage::NoEntitlements,
    StatusPage::CouldNotLink,
    StatusPage::SpotifyUnavailable,
    StatusPage::Unavailable,
    StatusPage::InternalError,
    StatusPage::NotFound,
    StatusPage::Malformed,
    StatusPage::FormRefused,
    StatusPage::Unlinked,
];

fn branding() -> Branding {
    let url = |url| Url::parse(url).ok();
    Branding {
        brand_name: "Wickerlight <&> Söhne".to_owned(),
        brand_logo_url: url("https://cdn.example.com/logo.svg"),
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
    }];
    let mut all = Vec::new();
    for return_to in [&return_to, &relink] {
        let context = PageContext {
            branding,
            public_url: &public_url,
            language,
            return_to,
            request_id: "r-1",
        };
        all.extend(ALL.map(|page| page.html(&context)));
        all.push(StatusPage::signed_out_in_frame(&context));
        all.push(UnlinkConfirmation { form_token: "form" }.html(&context));
        let some = Entitlements::parse(["all-access"]).unwrap();
        for link in [
            LinkStatus::Linked(some),
            LinkStatus::Linked(Entitlements::default()),
            LinkStatus::NotLinked,
            LinkStatus::Unknown,
        ] {
            let account = AccountPage {
                name: Some("ada@example.com"),
                reference: "0123456789ab",
                link,
                shows: &shows,
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
            !page.document.contains("<&>") && !page.document.contains("<Moss>"),
            "{}",
            page.document
        );
    }
}

#[test]
fn a_page_without_configuration_has_no_dead_link() {
    for page in every_page(&Branding::default(), Language::English) {
        assert!(
            !page.document.contains("href=\"\"") && !page.document.contains("src="),
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
