//! Published versions: a changed parameter publishes a version of exactly the functions whose configuration it changes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::support::template::{Transformed, template, transform};

/// Each parameter of the template, with a value other than its default or base value.
const OTHER_VALUES: [(&str, &str); 55] = [
    ("AlarmTopicArn", "arn:aws:sns:eu-west-1:123456789012:alarms"),
    ("Architecture", "x86_64"),
    ("BackendIssuer", "https://backend.example.com"),
    ("BackendJwksUrl", "https://backend.example.com/jwks"),
    ("BrandColor", "#1a2b3c"),
    ("BrandLogoUrl", "https://www.example.com/logo.png"),
    ("BrandIconUrl", "https://www.example.com/icon.png"),
    ("BrandName", "Example"),
    ("CertificateArn", "arn:aws:acm:eu-west-1:123456789012:certificate/0a1b"),
    ("DefaultEntitlements", "basic"),
    ("Deployment", "Canary10Percent5Minutes"),
    ("EventBusName", ""),
    ("FrameOrigin", "https://www.example.com"),
    ("GuardPeople", "50"),
    ("GuardPercent", "10"),
    ("KmsKeyArn", "arn:aws:kms:eu-west-1:123456789012:key/0a1b"),
    ("LinkWithoutEntitlements", "off"),
    ("MemorySize", "512"),
    ("OidcClientAuthentication", "none"),
    ("OidcClientId", "soa-link"),
    ("OidcEntitlementsClaim", "groups"),
    ("OidcEntitlementsPrefix", "podcast:"),
    ("OidcIssuer", "https://id.example.com"),
    ("OidcPartnerIdClaim", "partner"),
    ("OidcPartnerUserIdClaim", "spotify_id"),
    ("OidcScopes", "openid email"),
    ("OidcSubClaim", "member"),
    ("OidcTrustedAudiences", "another"),
    ("PartnerId", "1111111111111111111111"),
    ("PublicUrl", "https://link.example.com"),
    ("ReconcileHours", "12"),
    ("ReservedConcurrency", "5"),
    ("RetentionInDays", "90"),
    ("ReturnUrl", "https://www.example.com/account"),
    ("SessionCookie", "session"),
    ("Shows", "0MossHour0000000000002=Moss Hour|basic"),
    ("EntitlementNames", "basic=Basic plan"),
    ("SignIn", "oidc"),
    ("SignInUrl", "https://www.example.com/other-sign-in"),
    ("SiteIssuer", "https://other.example.com"),
    ("SiteJwksUrl", "https://www.example.com/jwks"),
    ("SpotifyAccountsUrl", "https://accounts.example.com"),
    ("SpotifyClientId", "another"),
    ("SpotifyContentAccessUrl", "https://content-access.example.com"),
    ("SpotifyJwsContentType", "application/jwt"),
    ("SpotifyLogoUrl", "https://www.example.com/spotify.svg"),
    ("SpotifyOpenAccessUrl", "https://open-access.example.com"),
    ("SpotifyPkce", "off"),
    ("SpotifyRate", "10"),
    ("SubscribeUrl", "https://www.example.com/subscribe"),
    ("SupportUrl", "https://www.example.com/help"),
    ("SyncReservedConcurrency", "6"),
    ("ThrottleBurst", "10"),
    ("ThrottleRate", "10"),
    ("Tracing", "Active"),
];

/// Parameters that are not part of a version. Lambda refuses to publish a version that equals the previous one.
const NOT_VERSIONED: [&str; 9] = [
    "AlarmTopicArn",
    "CertificateArn",
    "Deployment",
    "KmsKeyArn",
    "ReservedConcurrency",
    "RetentionInDays",
    "SyncReservedConcurrency",
    "ThrottleBurst",
    "ThrottleRate",
];

fn base() -> Map<String, Value> {
    let base = json!({
        "SpotifyClientId": "client", "PartnerId": "0000000000000000000000",
        "SignInUrl": "https://www.example.com/sign-in", "SiteIssuer": "https://www.example.com",
    });
    base.as_object().unwrap().clone()
}

/// The logical id of the version that each function's alias points to.
fn versions(of: &Transformed) -> BTreeMap<&str, String> {
    let version = |name: &str| {
        let alias = &of.template["Resources"][format!("{name}Aliaslive")]["Properties"];
        let version = alias["FunctionVersion"]["Fn::GetAtt"][0].as_str().unwrap().to_owned();
        assert_eq!(
            of.template["Resources"][&version]["Type"], "AWS::Lambda::Version",
            "{name}"
        );
        version
    };
    of.functions.keys().map(|name| (name.as_str(), version(name))).collect()
}

/// The properties of each function that are part of a version.
fn configurations(of: &Transformed) -> BTreeMap<&str, Map<String, Value>> {
    let versioned = |properties: &Value| {
        let mut properties = properties.as_object().unwrap().clone();
        for name in ["ReservedConcurrentExecutions", "Tags"] {
            properties.remove(name);
        }
        properties
    };
    of.functions
        .iter()
        .map(|(name, properties)| (name.as_str(), versioned(properties)))
        .collect()
}

/// The functions whose values differ between the two maps.
fn different<'a, T: PartialEq>(one: &BTreeMap<&'a str, T>, other: &BTreeMap<&str, T>) -> BTreeSet<&'a str> {
    one.iter()
        .filter(|(name, value)| other[*name] != **value)
        .map(|(name, _)| *name)
        .collect()
}

#[test]
fn a_parameter_publishes_versions_of_exactly_the_functions_it_changes() {
    let template = template();
    let parameters: BTreeSet<_> = template["Parameters"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        OTHER_VALUES.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>(),
        parameters
    );
    let unchanged = [base(), base()].into_iter();
    let changed = OTHER_VALUES.into_iter().map(|(name, value)| {
        let mut changed = base();
        changed.insert(name.to_owned(), value.into());
        changed
    });
    let sets: Vec<_> = unchanged.chain(changed).collect();
    for with_globals in [false, true] {
        let results = transform("bucket", "{}.zip", &sets, with_globals);
        let (before, after) = results.split_first().unwrap();
        let (again, after) = after.split_first().unwrap();
        assert_eq!((before.functions.len(), versions(before)), (6, versions(again)));
        let mut not_versioned = BTreeSet::new();
        for ((parameter, _), after) in OTHER_VALUES.iter().zip(after) {
            let published = different(&versions(before), &versions(after));
            let expected = different(&configurations(before), &configurations(after));
            assert_eq!(published, expected, "{parameter}");
            if published.is_empty() {
                not_versioned.insert(*parameter);
            }
        }
        assert_eq!(not_versioned, BTreeSet::from(NOT_VERSIONED));
    }
}

/// SAM ignores some versioned settings when it detects changes. The variable `FUNCTION_CONFIGURATION` repeats them, with each parameter resolved.
#[test]
fn other_versioned_settings_are_repeated_in_the_environment() {
    let results = transform("bucket", "{}.zip", &[base()], false);
    for (name, function) in &results[0].functions {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let expected = [
            &function["Runtime"],
            &function["Architectures"][0],
            &function["TracingConfig"]["Mode"],
        ]
        .map(text);
        let expected = format!("{} {}s", expected.join(" "), function["Timeout"]);
        assert_eq!(
            function["Environment"]["Variables"]["FUNCTION_CONFIGURATION"], expected,
            "{name}"
        );
        // The other properties change only with the name of a resource or with the program.
        let properties: BTreeSet<_> = function.as_object().unwrap().keys().map(String::as_str).collect();
        let known = BTreeSet::from([
            "Architectures",
            "Code",
            "Description",
            "Environment",
            "FunctionName",
            "Handler",
            "LoggingConfig",
            "MemorySize",
            "Role",
            "Runtime",
            "Tags",
            "Timeout",
            "TracingConfig",
        ]);
        assert_eq!(properties, known, "{name}");
    }
}

/// The domain uses the host of `PublicUrl`. Without a URL, the expression must not fail the transform.
#[test]
fn the_host_of_an_empty_public_url_is_empty() {
    let mut with_url = base();
    with_url.insert("PublicUrl".to_owned(), "https://link.example.com".into());
    let results = transform("bucket", "{}.zip", &[base(), with_url], false);
    let host = |of: &Transformed| of.template["Resources"]["ApiDomain"]["Properties"]["DomainName"].clone();
    assert_eq!(results.iter().map(host).collect::<Vec<_>>(), ["", "link.example.com"]);
}
