//! Pages state what actually happened, also when they are loaded again.

use sandbox::{Fault, Link, Options};
use serde_json::json;

use crate::support::{Browser, World, parameter};

/// Bela's account is connected with Mara's Spotify account, which Ada then chooses.
async fn conflict(world: &World) -> (Browser<'_>, String) {
    world.spotify().force_link(Link {
        partner_id: world.sandbox.options().partner_id.clone(),
        partner_user_id: world.partner_user_id("bela"),
        account: "mara".to_owned(),
        ..Link::default()
    });
    let mut ada = world.signed_in("ada");
    let authorize = ada.begin().await;
    let callback = ada.agree(&authorize, "mara").await;
    (ada, callback)
}

/// A tab that the browser discarded is loaded again, with or without its cookies.
#[tokio::test]
async fn the_remedies_for_a_conflict_survive_a_reload() {
    let world = World::new().await;
    let (mut ada, callback) = conflict(&world).await;
    let title = "Spotify could not connect your account";
    let page = ada.get(&callback).await;
    assert_eq!((page.status, page.title()), (409, title));
    let calls = world.calls();
    for mut browser in [ada.clone(), world.browser()] {
        let again = browser.get(&callback).await;
        assert_eq!((again.status, again.title()), (400, title));
        for remedy in ["other-account", "content-access", "unlink"] {
            assert!(again.body.contains(&format!("id=\"{remedy}\"")), "{}", again.body);
        }
    }
    assert_eq!(world.calls(), calls);
    // The likely case in one sentence, and one button.
    assert_eq!(page.body.matches("class=\"step\"").count(), 1);
    let (_, first) = page.body.split_once("</h1><p>").unwrap();
    assert!(
        first.starts_with("Most likely, the Spotify account that you chose"),
        "{first}"
    );
}

/// A failure that could not be recorded is unknown on the second load.
#[tokio::test]
async fn a_second_load_without_a_recorded_failure_says_that_the_account_may_be_connected() {
    let world = World::new().await;
    let mut ada = world.signed_in("ada");
    let authorize = ada.begin().await;
    let callback = ada.agree(&authorize, "mara").await;
    assert_eq!(ada.get(&callback).await.status, 302);
    crate::support::used_before(&ada.get(&callback).await);
}

/// The site signs its tokens with a key that we do not have, or for another audience: a new sign-in brings the same mistake.
#[tokio::test]
async fn a_hand_off_that_can_never_succeed_offers_no_sign_in() {
    let world = World::handoff().await;
    for claim in ["aud", "iss", "exp"] {
        let mut browser = world.browser();
        let away = browser.get("/entrypoint").await;
        let nonce = parameter(away.location(), "nonce").unwrap();
        let mut claims = world.handoff_claims("ada", &nonce, claim);
        claims[claim] = match claim {
            "exp" => json!(world.clock.now() + 3600),
            _ => json!("https://elsewhere.example"),
        };
        let token = world.site_token("soa-handoff+jwt", &claims);
        let page = browser.get(&format!("/entrypoint?token={token}")).await;
        assert_eq!(
            (page.status, page.title()),
            (401, "Signing in does not work here"),
            "{claim}"
        );
        assert!(
            !page.body.contains("Sign in again") && !page.body.contains("href=\"/entrypoint"),
            "{}",
            page.body
        );
    }
    // One that came too late is worth another try.
    let mut browser = world.browser();
    let away = browser.get("/entrypoint").await;
    let nonce = parameter(away.location(), "nonce").unwrap();
    let token = world.site_token("soa-handoff+jwt", &world.handoff_claims("ada", &nonce, "late"));
    world.advance(300);
    let page = browser.get(&format!("/entrypoint?token={token}")).await;
    assert_eq!((page.status, page.title()), (401, "Please sign in again"));
    assert!(page.body.contains("href=\"/entrypoint\""));
}

/// `SIGN_IN=session` without a sign-in URL.
#[tokio::test]
async fn a_rejected_session_is_not_called_signed_out() {
    let world = World::with(Options::default(), &[("SIGN_IN_URL", "")]).await;
    let mut browser = world.browser();
    let page = browser.get("/account").await;
    assert_eq!((page.status, page.title()), (401, "Please sign in first"));
    assert!(page.body.contains("You are not signed in"), "{}", page.body);
    let cookie = world.sandbox.options().session_cookie.clone();
    let mut claims = world.session_claims("ada");
    claims["aud"] = json!("https://elsewhere.example");
    browser.cookies.insert(cookie, world.site_token("JWT", &claims));
    for path in ["/account", "/entrypoint", "/unlink"] {
        let page = browser.get(path).await;
        assert_eq!((page.status, page.title()), (401, "Please sign in again"), "{path}");
        assert!(
            page.body.contains("has expired, or cannot be used here"),
            "{}",
            page.body
        );
        let line = &crate::support::logged_of(page.header("apigw-requestid").unwrap())[0];
        assert_eq!(
            (&line["code"], &line["level"]),
            (&json!("SESSION_REJECTED"), &json!("WARN"))
        );
        assert_eq!(line["reason"], "claim aud");
    }
}

#[tokio::test]
async fn an_unlink_form_of_a_changed_session_says_so() {
    let world = World::new().await;
    let mut ada = world.signed_in("ada");
    let form = format!("form_token={}", ada.get("/unlink").await.form_token());
    for next in [None, Some("bela")] {
        let mut browser = ada.clone();
        browser.sign_out();
        if let Some(next) = next {
            browser.sign_in(next);
        }
        let page = browser.post("/unlink", &form).await;
        assert_eq!((page.status, page.title()), (403, "Your sign-in has changed"));
    }
}

/// Support is named only where there is one.
#[tokio::test]
async fn a_page_about_a_problem_names_support_only_if_there_is_one() {
    for (url, named) in [("", false), ("https://www.example.com/help", true)] {
        let world = World::with(Options::default(), &[("SUPPORT_URL", url)]).await;
        world.spotify().faults().add(Fault {
            times: None,
            ..Fault::answer("/api/v1/register-user", 403, "")
        });
        let page = world.signed_in("ada").link("mara").await;
        assert_eq!((page.status, page.title()), (502, "Something went wrong"));
        assert_eq!(page.body.contains("tell support"), named, "{}", page.body);
    }
}
