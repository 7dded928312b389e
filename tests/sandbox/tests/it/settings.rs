//! Settings of an engineer's own site: the file, the environment, and what is rejected.

use std::path::PathBuf;

use sandbox::{Addresses, Endpoint, Options, Settings, SignIn, deployment};
use shared::config::Environment;

const FILE: &str = r##"
SIGN_IN = "session"
SIGN_IN_URL = "http://127.0.0.1:3000/login?from=spotify"
SITE_ISSUER = "https://site.example"
SESSION_COOKIE = "sid"
BRAND_NAME = "Harbour Radio"
BRAND_COLOR = "#0b6e4f"
SPOTIFY_RATE = 7

[[plans]]
name = "Supporter"
entitlements = ["bonus"]

[[shows]]
id = "https://open.spotify.com/show/0HarbourNews0000000001"
name = "Harbour News"

[[shows]]
id = "0HarbourNights00000002"
name = "Harbour Nights"
entitlements = ["bonus", "archive"]

[[people]]
sub = "u-1"
plan = "Supporter"
"##;

/// A folder of one test, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("sandbox-settings-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.0.join(name);
        std::fs::write(&file, text).unwrap();
        file
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What remains is in the temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn read(name: &str, file: &str, environment: &[(&str, &str)]) -> Result<Options, String> {
    let folder = Folder::new(name);
    let file = folder.write("site.toml", file);
    let variable = |wanted: &str| {
        let found = environment.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| (*value).to_owned())
    };
    let settings = Settings::read(Some(&file), variable).map_err(|error| error.to_string())?;
    settings.apply(Options::default()).map_err(|error| error.to_string())
}

fn addresses(options: &Options) -> Addresses {
    let site = match &options.site {
        Endpoint::External(origin) => origin.clone(),
        Endpoint::Local(_) => "http://127.0.0.1:9200".to_owned(),
    };
    Addresses {
        gateway: "http://127.0.0.1:9000".to_owned(),
        spotify: "http://127.0.0.1:9100".to_owned(),
        site,
        dynamodb: "http://127.0.0.1:9300".to_owned(),
        secrets: "http://127.0.0.1:9400".to_owned(),
    }
}

fn variable(options: &Options, name: &str) -> Option<String> {
    let variables = deployment::variables(options, &addresses(options));
    let found = variables.into_iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value).filter(|value| !value.is_empty())
}

/// Checks the functions' variables, as the program does before it starts them.
fn checked(options: &Options) -> Result<(), String> {
    let environment: Environment = deployment::variables(options, &addresses(options))
        .into_iter()
        .collect();
    deployment::check_variables(&environment).map_err(|error| error.to_string())
}

#[test]
fn the_file_sets_the_site_the_keys_the_brand_the_shows_and_the_plans() {
    let options = read("file", FILE, &[]).unwrap();
    checked(&options).unwrap();
    assert_eq!(options.site, Endpoint::External("http://127.0.0.1:3000".to_owned()));
    for (name, value) in [
        ("SIGN_IN_URL", "http://127.0.0.1:3000/login?from=spotify"),
        ("SITE_ISSUER", "https://site.example"),
        ("BACKEND_ISSUER", "https://site.example"),
        ("SESSION_COOKIE", "sid"),
        ("BRAND_NAME", "Harbour Radio"),
        ("BRAND_COLOR", "#0b6e4f"),
        ("SPOTIFY_RATE", "7"),
        ("RETURN_URL", "http://127.0.0.1:3000/"),
        ("FRAME_ORIGIN", "http://127.0.0.1:3000"),
        (
            "SHOWS",
            "0HarbourNews0000000001=Harbour News;0HarbourNights00000002=Harbour Nights",
        ),
    ] {
        assert_eq!(variable(&options, name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(variable(&options, "SUBSCRIBE_URL"), None, "a page of the demo site");
    let unlocked: Vec<_> = options
        .publisher
        .shows
        .iter()
        .map(|show| show.entitlements.join(" "))
        .collect();
    assert_eq!(unlocked, ["bonus", "bonus archive"]);
    let [person] = &options.publisher.people[..] else {
        panic!("one person: {:?}", options.publisher.people)
    };
    assert_eq!(
        (person.sub.as_str(), &person.entitlements[..]),
        ("u-1", &["bonus".to_owned()][..])
    );
}

#[test]
fn the_example_of_the_guide_is_valid() {
    let guide = include_str!("../../README.md");
    let (_, example) = guide.split_once("```toml").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let options = read("guide", example, &[]).unwrap();
    checked(&options).unwrap();
    assert_eq!(options.publisher.people[0].entitlements, ["bonus"]);
}

#[test]
fn the_environment_wins_over_the_file() {
    let environment = [
        ("SIGN_IN", "handoff"),
        ("BRAND_NAME", "Quay FM"),
        ("PLANS", "Basic=news;All=news,nights"),
        ("SHOWS", "0HarbourNights00000002=Nights"),
        ("BACKEND_ISSUER", "https://backend.example"),
    ];
    // Without the lists, whose people have a plan of the file.
    let (file, _) = FILE.split_once("[[plans]]").unwrap();
    let options = read("wins", file, &environment).unwrap();
    checked(&options).unwrap();
    assert_eq!(options.sign_in, SignIn::Handoff);
    assert_eq!(options.publisher.name, "Quay FM");
    assert_eq!(variable(&options, "BRAND_COLOR").as_deref(), Some("#0b6e4f"));
    assert_eq!(
        variable(&options, "BACKEND_ISSUER").as_deref(),
        Some("https://backend.example")
    );
    assert_eq!(
        variable(&options, "SHOWS").as_deref(),
        Some("0HarbourNights00000002=Nights")
    );
    assert_eq!(options.publisher.plans.len(), 2);
    assert_eq!(options.publisher.shows[0].entitlements, ["news", "nights"]);
}

#[test]
fn shows_and_plans_of_the_environment_replace_the_lists_of_the_file() {
    let environment = [("PLANS", "Supporter=extra"), ("SHOWS", "0HarbourNights00000002=Nights")];
    let options = read("lists", FILE, &environment).unwrap();
    assert_eq!(options.publisher.plans[0].entitlements, ["extra"]);
    assert_eq!(options.publisher.shows.len(), 1);
    assert_eq!(options.publisher.people[0].entitlements, ["extra"]);
}

#[test]
fn without_settings_the_sandbox_is_the_demo() {
    let options = read("demo", "", &[]).unwrap();
    checked(&options).unwrap();
    assert_eq!(options.publisher, Options::default().publisher);
    assert_eq!(options.site, Endpoint::Local(0));
    assert_eq!(
        variable(&options, "SIGN_IN_URL").as_deref(),
        Some("http://127.0.0.1:9200/sign-in")
    );
}

#[test]
fn demo_people_have_the_configured_plans_at_the_demo_site() {
    let options = read("people", "", &[("PLANS", "One=a;Two=b,c")]).unwrap();
    let plans: Vec<_> = options
        .publisher
        .people
        .iter()
        .map(|person| person.plan.as_deref())
        .collect();
    assert_eq!(plans, [None, Some("One"), Some("Two"), Some("One")]);
    assert_eq!(options.publisher.people[2].entitlements, ["b", "c"]);
}

#[test]
fn unknown_names_in_the_file_are_rejected_by_name() {
    let error = read(
        "unknown",
        "BRAND_COLOUR = \"#000000\"\nSIGN_IN_UR = \"\"\n[server]\nport = 1\n",
        &[],
    )
    .unwrap_err();
    for name in ["BRAND_COLOUR", "SIGN_IN_UR", "server"] {
        assert!(error.contains(&format!("{name} is no setting")), "{error}");
    }
    for (list, member) in [("shows", "title"), ("plans", "price"), ("people", "email")] {
        let file = format!("[[{list}]]\n{member} = \"x\"\n");
        let error = read(list, &file, &[]).unwrap_err();
        assert!(error.contains(list) && error.contains(member), "{error}");
    }
}

#[test]
fn variables_that_the_sandbox_itself_sets_are_rejected_in_the_file() {
    for name in [
        "SUBSCRIBERS_TABLE",
        "PARTNER_KEYS_ID",
        "AWS_REGION",
        "SPOTIFY_CLIENT_SECRET_ID",
    ] {
        let error = read(name, &format!("{name} = \"x\"\n"), &[]).unwrap_err();
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn wrong_values_are_rejected_with_the_name_of_the_setting() {
    for (name, value) in [
        ("SIGN_IN", "cookie"),
        ("SIGN_IN_URL", "login"),
        ("PLANS", "Basic"),
        ("PLANS", "=basic"),
        ("SHOWS", "0HarbourNews0000000001"),
        ("SHOWS", "too-short=Harbour News"),
        ("SITE_JWKS_FILE", "/nowhere/keys.json"),
    ] {
        let error = read("wrong", &format!("{name} = \"{value}\"\n"), &[]).unwrap_err();
        assert!(error.contains(name), "{name}: {error}");
        let error = read("wrong-environment", "", &[(name, value)]).unwrap_err();
        assert!(error.contains(name), "{name}: {error}");
    }
    let error = read("type", "BRAND_NAME = true\n", &[]).unwrap_err();
    assert!(error.contains("BRAND_NAME must be text"), "{error}");
    let error = read("toml", "BRAND_NAME\n", &[]).unwrap_err();
    assert!(error.contains("site.toml"), "{error}");
    let error = read("plan", "[[people]]\nsub = \"x\"\nplan = \"Gold\"\n", &[]).unwrap_err();
    assert!(error.contains("people") && error.contains("Gold"), "{error}");
}

#[test]
fn wrong_values_of_the_functions_are_rejected_together_and_by_name() {
    let file = "SIGN_IN_URL = \"http://localhost:3000/login\"\nBRAND_COLOR = \"green\"\nBACKEND_JWKS_URL = \"http://10.0.0.1/jwks\"\nSPOTIFY_RATE = \"fast\"\n";
    let error = checked(&read("functions", file, &[]).unwrap()).unwrap_err();
    for name in [
        "SIGN_IN_URL",
        "BRAND_COLOR",
        "BACKEND_JWKS_URL",
        "SPOTIFY_RATE",
        "127.0.0.1",
    ] {
        assert!(error.contains(name), "{name}: {error}");
    }
    assert!(!error.contains("BRAND_NAME"), "{error}");
}

#[test]
fn a_key_file_is_relative_to_the_settings_file_and_must_be_a_key_set() {
    let folder = Folder::new("keys");
    let file = folder.write("site.toml", "SITE_JWKS_FILE = \"keys.json\"\n");
    let apply = || {
        let settings = Settings::read(Some(&file), |_| None).unwrap();
        settings.apply(Options::default()).map_err(|error| error.to_string())
    };
    for (text, fault) in [
        ("[]", "JWK set"),
        ("{", "JSON"),
        (r#"{"keys": [{"kty": "oct"}]}"#, "JWK"),
    ] {
        folder.write("keys.json", text);
        let error = apply().unwrap_err();
        assert!(error.contains("SITE_JWKS_FILE") && error.contains(fault), "{error}");
    }
    let jwks = format!("{{\"keys\": [{}]}}", Options::default().site_key.jwk());
    folder.write("keys.json", &jwks);
    assert!(apply().unwrap().key_sets.site.is_some());
    folder.write(
        "site.toml",
        "SITE_JWKS_FILE = \"keys.json\"\nSITE_JWKS_URL = \"http://127.0.0.1:3000/jwks\"\n",
    );
    assert!(apply().unwrap_err().contains("cannot both be set"));
}
