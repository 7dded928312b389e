//! Several partners in one deployment, one of them hostile: its sign-in must not be able to borrow another partner's.

use sandbox::deployment;
use serde_json::{Value, json};
use url::Url;

use crate::support::{Provider, TestResponse, World, parameter};

const ADA: &str = "account=member-1003";
const HONEST: &str = "1111111111111111111111";
const HOSTILE: &str = "2222222222222222222222";

/// The settings of a partner whose people sign in at a provider of its own.
fn at(provider: &Provider) -> Value {
    json!({
        "SIGN_IN": "oidc", "OIDC_ISSUER": provider.issuer, "OIDC_CLIENT_ID": sandbox::Oidc::default().client_id,
        "OIDC_CLIENT_AUTHENTICATION": "none",
    })
}

/// A partner's own provider, which knows us as a public client with that partner's redirect URI.
fn provider_of(world: &World, partner_id: &str) -> Provider {
    let client = json!({"client_secret": null, "partner_id": partner_id});
    Provider::start(&world.gateway(""), &client)
}

/// A provider that does not name itself in its responses, as most do not (RFC 9207 is optional): nothing but the redirect URI tells it from another.
async fn silent(provider: &Provider) {
    let without = json!({"authorization_response_iss_parameter_supported": null});
    let tampered = json!({"authorize": {"iss": null}, "discovery": {"set": without}});
    provider.tamper(tampered).await;
}

/// What a hostile provider makes of the authorization request that it was sent: one to the honest provider, for the honest client, with the attacker's own nonce
/// and PKCE challenge, and the victim's state.
fn redirected_on(to_hostile: &str, attackers: &str) -> String {
    let mut url = Url::parse(attackers).unwrap();
    let state = parameter(to_hostile, "state").unwrap();
    let parameters: Vec<_> = url.query_pairs().into_owned().collect();
    url.query_pairs_mut()
        .clear()
        .extend_pairs(parameters.iter().map(|(name, value)| {
            let value = if name == "state" { &state } else { value };
            (name, value)
        }));
    url.into()
}

/// The whole attack of RFC 9700 §4.4: the code of a victim who is signed in at `honest` is to reach `hostile`.
async fn mix_up(world: &World, honest: &Provider, page: &str, hostile: &Provider, hostile_page: &str) -> TestResponse {
    let begun_by_attacker = world.browser().get(page).await;
    assert!(begun_by_attacker.location().starts_with(&honest.issuer));
    let mut victim = world.browser();
    let to_hostile = victim.get(hostile_page).await;
    assert!(
        to_hostile.location().starts_with(&hostile.issuer),
        "{}",
        to_hostile.location()
    );
    let to_honest = redirected_on(to_hostile.location(), begun_by_attacker.location());
    let back = victim.at_provider(honest, &to_honest, ADA).await;
    assert!(parameter(&back, "code").is_some(), "{back}");
    assert_eq!(parameter(&back, "iss"), None);
    let answer = victim.get(&back).await;
    // The state was not used up by a response that was not for it: the victim can still finish at the provider that was asked.
    let own = victim.at_provider(hostile, to_hostile.location(), ADA).await;
    assert_eq!(victim.get(&own).await.status, 302);
    answer
}

/// S-MIX-2: the deployment's own provider against a partner's.
#[tokio::test]
async fn a_hostile_partners_provider_never_gets_a_code_of_the_deployments_provider() {
    let (world, honest) = World::oidc(&json!({}), &[("PARTNERS_TABLE", deployment::PARTNERS_TABLE)], json!({})).await;
    silent(&honest).await;
    let hostile = provider_of(&world, HOSTILE);
    silent(&hostile).await;
    world.put_partner(HOSTILE, at(&hostile), 0).await;
    let hostile_page = format!("/partners/{HOSTILE}/entrypoint");
    let answer = mix_up(&world, &honest, "/entrypoint", &hostile, &hostile_page).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    // The one code that the hostile provider was sent is its own, of the victim's own sign-in there.
    assert_eq!(hostile.requests("/token").await.len(), 1);
    assert_eq!(honest.requests("/token").await.len(), 0);
}

/// S-MIX-2: a partner's provider against another partner's.
#[tokio::test]
async fn a_hostile_partners_provider_never_gets_a_code_of_another_partners_provider() {
    let session = [("PARTNERS_TABLE", deployment::PARTNERS_TABLE), ("SIGN_IN", "session")];
    let (world, honest) = World::oidc(
        &json!({"client_secret": null, "partner_id": HONEST}),
        &session,
        json!({}),
    )
    .await;
    silent(&honest).await;
    let hostile = provider_of(&world, HOSTILE);
    silent(&hostile).await;
    world.put_partner(HONEST, at(&honest), 0).await;
    world.put_partner(HOSTILE, at(&hostile), 0).await;
    let [page, hostile_page] = [HONEST, HOSTILE].map(|partner_id| format!("/partners/{partner_id}/entrypoint"));
    let answer = mix_up(&world, &honest, &page, &hostile, &hostile_page).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(hostile.requests("/token").await.len(), 1);
    assert_eq!(honest.requests("/token").await.len(), 0);
    // Each provider signs people in at its own partner.
    for (provider, page) in [(&honest, &page), (&hostile, &hostile_page)] {
        assert_eq!(
            world.browser().signs_in(provider, page, ADA).await.status,
            302,
            "{page}"
        );
    }
}

/// A partner is given another provider while a browser is away at the first: the code of the first is not sent to the second.
#[tokio::test]
async fn a_code_does_not_follow_a_partner_to_its_new_provider() {
    let (world, deployments) =
        World::oidc(&json!({}), &[("PARTNERS_TABLE", deployment::PARTNERS_TABLE)], json!({})).await;
    silent(&deployments).await;
    // Without a provider of its own, the partner shares the deployment's.
    world.put_partner(HOSTILE, json!({}), 0).await;
    let mut browser = world.browser();
    let away = browser.get(&format!("/partners/{HOSTILE}/entrypoint")).await;
    assert!(away.location().starts_with(&deployments.issuer));
    let back = browser.at_provider(&deployments, away.location(), ADA).await;
    let own = provider_of(&world, HOSTILE);
    silent(&own).await;
    world.put_partner(HOSTILE, at(&own), 1).await;
    world.advance(61);
    assert_eq!(browser.get(&back).await.status, 400);
    assert_eq!(own.requests("/token").await.len(), 0);
    assert_eq!(deployments.requests("/token").await.len(), 0);
}

/// A hostile partner's sign-in page learns the nonce that its own entrypoint sends, has the home site sign the attacker in with it, and sends the victim's browser
/// to the home partner with the token. S-MIX-3.
#[tokio::test]
async fn a_nonce_of_a_hostile_partner_links_nobody_at_another_partner() {
    let world = World::handoff().await;
    let hostile_site = json!({
        "SIGN_IN": "handoff", "SIGN_IN_URL": "https://hostile.example/sign-in", "SITE_ISSUER": "https://hostile.example",
    });
    world.put_partner(HOSTILE, hostile_site, 0).await;
    for page in ["entrypoint", "account", "unlink"] {
        let mut victim = world.browser();
        let away = victim.get(&format!("/partners/{HOSTILE}/{page}")).await;
        assert!(away.location().starts_with("https://hostile.example/sign-in?"));
        let nonce = parameter(away.location(), "nonce").unwrap();
        // The attacker is Bela, who has an account with the home partner.
        let token = world.site_token(
            "soa-handoff+jwt",
            &world.handoff_claims("bela", &nonce, &format!("jti-{page}")),
        );
        let answer = victim.get(&format!("/{page}?token={token}")).await;
        assert_eq!((answer.status, answer.title()), (401, "Please sign in again"), "{page}");
        assert_eq!(
            (answer.header("location"), victim.cookies.get("__Host-soa_visit")),
            (None, None)
        );
    }
    assert_eq!(world.calls(), (0, 0, 0));
}

/// The other way round: a nonce of the home partner counts at no other. By whatever path, the home partner is the same.
#[tokio::test]
async fn a_nonce_counts_at_the_partner_it_was_made_for_however_the_path_names_it() {
    let world = World::handoff().await;
    let shares_the_site = json!({"SIGN_IN": "handoff", "SIGN_IN_URL": "https://hostile.example/sign-in"});
    world.put_partner(HOSTILE, shares_the_site, 0).await;
    let home = &world.sandbox.options().partner_id;
    for (begun, ended, partner_id, status) in [
        (
            "/entrypoint".to_owned(),
            format!("/partners/{HOSTILE}/entrypoint"),
            HOSTILE,
            401,
        ),
        (
            format!("/partners/{HOSTILE}/entrypoint"),
            format!("/partners/{HOSTILE}/entrypoint"),
            HOSTILE,
            302,
        ),
        (
            "/entrypoint".to_owned(),
            format!("/partners/{home}/entrypoint"),
            home.as_str(),
            302,
        ),
        (
            format!("/partners/{home}/entrypoint"),
            "/entrypoint".to_owned(),
            home.as_str(),
            302,
        ),
    ] {
        let mut browser = world.browser();
        let away = browser.get(&begun).await;
        let nonce = parameter(away.location(), "nonce").unwrap();
        let mut claims = world.handoff_claims("ada", &nonce, &format!("{begun} {ended}"));
        claims["partner_id"] = partner_id.into();
        let token = world.site_token("soa-handoff+jwt", &claims);
        let answer = browser.get(&format!("{ended}?token={token}")).await;
        assert_eq!(answer.status, status, "{begun} {ended}: {}", answer.body);
    }
}
