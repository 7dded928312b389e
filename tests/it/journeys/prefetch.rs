//! A prefetch or prerender uses up nothing: the navigation after it works.

use crate::support::{Browser, World, parameter};

/// The headers with which browsers mark a prefetch (Fetch §3.3.4), and their older forms.
const PREFETCHES: [(&str, &str); 6] = [
    ("sec-purpose", "prefetch"),
    ("sec-purpose", "prefetch;prerender"),
    ("sec-purpose", "prefetch; anonymous-client-ip"),
    ("purpose", "prefetch"),
    ("purpose", "Prefetch"),
    ("x-moz", "prefetch"),
];

/// Prefetches `path` in every way, and fails unless each is declined and leaves the browser as it was.
async fn must_decline(browser: &mut Browser<'_>, world: &World, path: &str) {
    let before = (
        world.stored().await,
        world.spotify().requests().all().len(),
        browser.cookies.clone(),
    );
    for header in PREFETCHES {
        let answer = browser.send("GET", &world.url(path), &[header], None).await;
        assert_eq!((answer.status, answer.body.as_str()), (425, ""), "{path} {header:?}");
        assert_eq!(answer.all("set-cookie"), Vec::<&str>::new(), "{path} {header:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path} {header:?}");
    }
    let after = (
        world.stored().await,
        world.spotify().requests().all().len(),
        browser.cookies.clone(),
    );
    assert_eq!(before, after, "{path}");
}

#[tokio::test]
async fn a_prefetch_of_entrypoint_or_callback_does_not_use_up_the_journey() {
    let world = World::new().await;
    let mut browser = world.signed_in("ada");
    must_decline(&mut browser, &world, "/entrypoint").await;
    let authorize = browser.begin().await;
    let callback = browser.agree(&authorize, "mara").await;
    must_decline(&mut browser, &world, &callback).await;
    assert!(world.linked("ada").is_none());
    assert_eq!(browser.get(&callback).await.status, 302);
    assert!(world.linked("ada").is_some());
}

#[tokio::test]
async fn a_prefetch_does_not_use_up_a_hand_off_token() {
    let world = World::handoff().await;
    for destination in ["/entrypoint", "/account", "/unlink"] {
        let mut browser = world.browser();
        let away = browser.get(destination).await;
        let nonce = parameter(away.location(), "nonce").unwrap();
        let claims = world.handoff_claims("ada", &nonce, destination);
        let arrival = format!("{destination}?token={}", world.site_token("soa-handoff+jwt", &claims));
        must_decline(&mut browser, &world, &arrival).await;
        let answer = browser.get(&arrival).await;
        assert_eq!(answer.status, 302, "{destination} {answer:?}");
    }
}

#[tokio::test]
async fn a_prefetch_does_not_use_up_a_sign_in_at_a_provider() {
    let (world, provider) = World::signing_in().await;
    let mut browser = world.browser();
    must_decline(&mut browser, &world, "/sign-in").await;
    let away = browser.get("/entrypoint").await;
    let back = browser
        .at_provider(&provider, away.location(), "account=member-1003")
        .await;
    must_decline(&mut browser, &world, &back).await;
    assert!(provider.requests("/token").await.is_empty());
    let consent = browser.get(&back).await;
    assert_eq!(consent.status, 302, "{consent:?}");
}

#[tokio::test]
async fn a_prefetch_of_a_partners_route_is_declined() {
    let world = World::new().await;
    let partner_id = world.sandbox.options().partner_id.clone();
    let mut browser = world.signed_in("ada");
    for route in ["entrypoint", "account", "unlink"] {
        must_decline(&mut browser, &world, &format!("/partners/{partner_id}/{route}")).await;
    }
}

/// It writes and consumes nothing, so that a browser may follow it ahead of time.
#[tokio::test]
async fn a_prefetch_of_a_listen_button_is_answered() {
    let world = World::new().await;
    let mut browser = world.browser();
    let url = world.gateway("/link?show=0MossHour0000000000002");
    for header in PREFETCHES {
        assert_eq!(
            browser.send("GET", &url, &[header], None).await.status,
            302,
            "{header:?}"
        );
    }
}

#[tokio::test]
async fn a_navigation_is_no_prefetch() {
    let world = World::new().await;
    let mut browser = world.signed_in("ada");
    for header in [
        ("sec-purpose", "navigate"),
        ("purpose", "prefetching"),
        ("sec-fetch-mode", "navigate"),
        ("x-moz", ""),
    ] {
        let answer = browser
            .send("GET", &world.gateway("/entrypoint"), &[header], None)
            .await;
        assert_eq!(answer.status, 302, "{header:?}");
    }
}
