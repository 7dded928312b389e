//! Dependencies of the functions: one TLS stack, one crypto back end (except for the OpenID provider's client), no test support and no unused crates.

use std::process::Command;

use crate::support::lambda::bootstrap;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const FUNCTIONS: [&str; 6] = ["entrypoint", "callback", "unlink", "entitlements", "sync", "partners"];
/// The variable that a function reads only if it was built with the feature `measure`.
const MEASURE_CA: &str = "SOA_LINK_MEASURE_CA";

fn tree(arguments: &[&str]) -> String {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--offline",
            "--manifest-path",
            manifest,
            "-e",
            "normal",
        ])
        .args(arguments)
        .output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_functions_have_one_tls_stack_and_no_test_support() {
    for function in FUNCTIONS {
        let crates = tree(&["-p", function, "--prefix", "none", "--format", "{p} {f}"]);
        let has = |name: &str| crates.lines().any(|line| line.split(' ').next() == Some(name));
        assert!(has("aws-lc-rs") && has("rustls") && has("webpki-roots"));
        // Crates that a wrong feature would add: other back ends of reqwest and jsonwebtoken, the SDK's HTTP client and configuration, reqwest's DNS resolver
        // and HTTP/2. `hmac` and `sha2` are allowed, because the SDK signs its requests (SigV4) with them.
        for other in [
            "ring",
            "openssl",
            "openssl-sys",
            "native-tls",
            "aws-config",
            "aws-smithy-http-client",
            "hickory-resolver",
            "h2",
        ] {
            assert!(!has(other), "{function} has {other}");
        }
        // aws-lc verifies every signature.
        for of_rust_crypto in ["rsa", "p256", "ed25519-dalek"] {
            assert!(!has(of_rust_crypto), "{function} has {of_rust_crypto}");
        }
        // A crate that a single function needs is not a dependency of `shared`.
        for (name, user) in [("imagesize", "partners"), ("aws-sdk-eventbridge", "sync")] {
            assert_eq!(has(name), function == user, "{function} and {name}");
        }
        assert!(!crates.contains("test-support"), "{function} has test support");
        assert_eq!(
            crates
                .lines()
                .filter(|line| line.starts_with("rustls v"))
                .map(|line| line.split(' ').nth(1))
                .collect::<std::collections::BTreeSet<_>>()
                .len(),
            1
        );
    }
}

/// reqwest always depends on its platform verifier, which depends on the platform's certificate store. The HTTP client has its own roots and calls neither, and
/// the functions under cargo-lambda start with an empty store.
#[test]
fn only_reqwest_depends_on_the_platform_certificate_store() {
    let paths = tree(&["-p", "callback", "-i", "rustls-native-certs", "--prefix", "depth"]);
    let direct: Vec<_> = paths.lines().filter(|line| line.starts_with('1')).collect();
    assert!(
        matches!(direct[..], [only] if only.starts_with("1rustls-platform-verifier ")),
        "{paths}"
    );
    let above: Vec<_> = paths.lines().filter(|line| line.starts_with('2')).collect();
    assert!(matches!(above[..], [only] if only.starts_with("2reqwest ")), "{paths}");
}

/// aws-lc's jitter entropy costs some 30 ms of processor time in the first handshake. This program is built as the functions are, with
/// `.cargo/config.toml`, and links the same aws-lc.
#[test]
fn aws_lc_is_built_without_jitter_entropy() {
    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    // Joined at run time, or this program would contain the symbol it looks for.
    let has = |parts: [&str; 2]| {
        let symbol = parts.concat();
        program.windows(symbol.len()).any(|window| window == symbol.as_bytes())
    };
    assert!(
        has(["RAND", "_bytes"]),
        "no symbols to look in: is the test built stripped?"
    );
    for symbol in [["jent", "_read_entropy"], ["jent", "_entropy_collector_alloc"]] {
        assert!(
            !has(symbol),
            "AWS_LC_SYS_NO_JITTER_ENTROPY did not reach the build: {}",
            symbol.concat()
        );
    }
}

/// The feature `measure` trusts a CA that the environment names. Only the benchmark builds with it.
#[test]
fn no_release_trusts_the_ca_of_the_benchmark() {
    let features = |more: &[&str]| {
        let arguments = [&["-p", "callback", "--prefix", "none", "--format", "{p} {f}"], more].concat();
        let crates = tree(&arguments);
        let shared = crates.lines().find(|line| line.starts_with("shared v"));
        shared.unwrap().to_owned()
    };
    assert!(!features(&[]).contains("measure"));
    assert!(features(&["--features", "callback/measure"]).contains("measure"));
    // What builds releases names no feature, so that they have the default ones.
    let read = |file: &str| std::fs::read_to_string(format!("{ROOT}/{file}")).unwrap();
    for file in [
        "infra/release.sh",
        "infra/deploy.sh",
        "infra/template.yaml",
        "infra/samconfig.toml",
    ] {
        assert!(!read(file).contains("features"), "{file}");
    }
    let makefile = read("Makefile");
    let targets = makefile
        .split("\n\n")
        .filter(|target| target.contains("--features") || target.contains("/measure"));
    for target in targets {
        assert!(target.contains("\nbench-functions:"), "{target}");
    }
    for function in FUNCTIONS {
        let manifest = read(&format!("functions/{function}/Cargo.toml"));
        assert!(!manifest.contains("default = "), "{function}");
    }
    // The script of releases looks for the same name.
    assert!(read("infra/release.sh").contains(MEASURE_CA));
    assert!(read("shared/src/http_client.rs").contains(MEASURE_CA));
    for function in FUNCTIONS {
        let program = std::fs::read(bootstrap(function)).unwrap();
        let has_ca = program
            .windows(MEASURE_CA.len())
            .any(|window| window == MEASURE_CA.as_bytes());
        assert!(!has_ca, "{function}");
    }
}
