//! Several partners in one deployment, one of them hostile: it must get neither a code nor a sign-in of another partner.

use sandbox::deployment;
use serde_json::{Value, json};
use url::Url;

use crate::support::{Provider, TestResponse, World, parameter};

const ADA: &str = "account=member-1003";
const HONEST: &str = "1111111111111111111111";
const HOSTILE: &str = "2222222222222222222222";

/// The settings of a partner with its own provider.
fn at(provider: &Provider) -> Value {
    json!({
        "SIGN_IN": "oidc", "OIDC_ISSUER": provider.issuer, "OIDC_CLIENT_ID": sandbox::Oidc::default().client_id,
        "OIDC_CLIENT_AUTHENTICATION": "none",
    })
}

/// A partner's own provider. Its client is public and has the redirect URI of that partner.
fn provider_of(world: &World, partner_id: &str) -> Provider {
    let client = json!({"client_secret": null, "partner_id": partner_id});
    Provider::start(&world.gateway(""), &client)
}

/// Removes `iss` from the provider's responses: RFC 9207 is optional, and without it only the redirect URI identifies the provider.
async fn silent(provider: &Provider) {
    let without = json!({"authorization_response_iss_parameter_supported": null});
    let tampered = json!({"authorize": {"iss": null}, "discovery": {"set": without}});
    provider.tamper(tampered).await;
}

/// The authorization URL to which a hostile provider redirects its victim: the attacker's own request to the honest provider, with the victim's state.
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

/// The mix-up attack of RFC 9700 §4.4: tries to send the code of a victim at `honest` to `hostile`. Returns the response to the victim's callback.
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
    // The rejected callback did not consume the state: the victim can still finish at the hostile provider.
    let own = victim.at_provider(hostile, to_hostile.location(), ADA).await;
    assert_eq!(victim.get(&own).await.status, 302);
    answer
}

/// S-MIX-2: the deployment's own provider against a partner's.
#[tokio::test]
async fn a_hostile_provider_gets_no_code_of_the_deployments_provider() {
    let (world, honest) = World::oidc(&json!({}), &[("PARTNERS_TABLE", deployment::PARTNERS_TABLE)], json!({})).await;
    silent(&honest).await;
    let hostile = provider_of(&world, HOSTILE);
    silent(&hostile).await;
    world.put_partner(HOSTILE, at(&hostile), 0).await;
    let hostile_page = format!("/partners/{HOSTILE}/entrypoint");
    let answer = mix_up(&world, &honest, "/entrypoint", &hostile, &hostile_page).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    // The hostile provider was sent one code: its own, from the victim's own sign-in there.
    assert_eq!(hostile.requests("/token").await.len(), 1);
    assert_eq!(honest.requests("/token").await.len(), 0);
}

/// S-MIX-2: a partner's provider against another partner's.
#[tokio::test]
async fn a_hostile_provider_gets_no_code_of_another_partners_provider() {
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
    // Each provider works for its own partner.
    for (provider, page) in [(&honest, &page), (&hostile, &hostile_page)] {
        assert_eq!(
            world.browser().signs_in(provider, page, ADA).await.status,
            302,
            "{page}"
        );
    }
}

/// The partner's provider changes while a browser is at the old one: the code of the old provider is not sent to the new one.
#[tokio::test]
async fn a_code_is_not_sent_to_a_partners_new_provider() {
    let (world, deployments) =
        World::oidc(&json!({}), &[("PARTNERS_TABLE", deployment::PARTNERS_TABLE)], json!({})).await;
    silent(&deployments).await;
    // Without its own provider, the partner uses the deployment's.
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

/// S-MIX-3. The attack: the hostile sign-in page reads the nonce of the victim's browser and uses it at the home site as the attacker. It then opens the
/// home partner in the victim's browser with the attacker's token.
#[tokio::test]
async fn a_hostile_partners_nonce_is_rejected_at_another_partner() {
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
        // The attacker is Bela, a subscriber of the home partner.
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

/// A nonce of the home partner is not valid at another partner. Both paths of the home partner share their nonces.
#[tokio::test]
async fn a_nonce_is_valid_only_at_its_partner_on_either_path() {
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
