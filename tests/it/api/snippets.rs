//! The examples in `functions/README.md`, section "In your language": each file is taken from that page and run against the functions, through a proxy that loses
//! requests.

use std::{
    path::{Path, PathBuf},
    process::Output,
};

use sandbox::{Addresses, Key, Options, Sandbox, deployment};
use serde_json::{Value, json};
use shared::{clock::Clock, rng::Rng};
use tokio::process::Command;

use crate::support::{
    World, environment, logged, parameter,
    proxy::{Proxy, Step},
};

pub(super) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const PUBLIC_FUNCTIONS: [&str; 5] = [
    "session_cookie",
    "hand_off",
    "replace_entitlements",
    "get_entitlements",
    "unlink",
];

/// How a language runs its files.
struct Language {
    heading: &'static str,
    ending: &'static str,
    /// Command that runs a program given as text, in the folder of the files.
    interpreter: &'static [&'static str],
    /// Program that prints an expression as JSON: `{module}` is a file without its ending, `{expression}` the expression.
    program: &'static str,
    /// The expression that calls `{function}`.
    call: &'static str,
    /// Names of [`PUBLIC_FUNCTIONS`].
    functions: [&'static str; 5],
    /// An account with the members `id` and `entitlements`.
    account: &'static str,
    /// Program that prints the versions of what the heading names: interpreter first, then libraries.
    versions: &'static str,
    names: &'static [&'static str],
}

const TYPESCRIPT: Language = Language {
    heading: "TypeScript",
    ending: "ts",
    interpreter: &["node", "--input-type=module", "--eval"],
    program: "const soa = await import('./{module}.js'); console.log(JSON.stringify(await ({expression}) ?? null))",
    call: "soa.{function}",
    functions: [
        "sessionCookie",
        "handOff",
        "replaceEntitlements",
        "getEntitlements",
        "unlink",
    ],
    account: r#"{"id": "member-1002", "entitlements": ["basic"]}"#,
    versions: "import { readFileSync } from 'node:fs';
        const library = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version;
        console.log(process.versions.node, library('typescript'), library('jose'))",
    names: &["Node", "TypeScript", "jose"],
};

const PYTHON: Language = Language {
    heading: "Python",
    ending: "py",
    interpreter: &["{root}/.venv/snippets/bin/python", "-c"],
    program: "import json, types, {module} as soa; print(json.dumps({expression}))",
    call: "soa.{function}",
    functions: PUBLIC_FUNCTIONS,
    account: r#"types.SimpleNamespace(id="member-1002", entitlements=["basic"])"#,
    versions: "import jwt, platform; print(platform.python_version(), jwt.__version__)",
    names: &["Python", "PyJWT"],
};

const RUBY: Language = Language {
    heading: "Ruby",
    ending: "rb",
    interpreter: &["ruby", "-I.", "-e"],
    program: "require '{module}'; soa = '{module}' == 'soa_site' ? Site : Backend; puts JSON.generate({expression})",
    call: "soa.{function}",
    functions: PUBLIC_FUNCTIONS,
    account: r#"Struct.new(:id, :entitlements).new("member-1002", ["basic"])"#,
    versions: "require 'jwt'; puts RUBY_VERSION, JWT::VERSION::STRING",
    names: &["Ruby", "jwt"],
};

const PHP: Language = Language {
    heading: "PHP",
    ending: "php",
    // Warnings fail the program: they are mistakes in the example.
    interpreter: &["php", "-d", "display_errors=stderr", "-r"],
    program: "set_error_handler(fn ($no, $text) => error_reporting() & $no ? throw new ErrorException($text) : false);
        require './{module}.php'; echo json_encode({expression});",
    call: r"SoaLink\{function}",
    functions: [
        "session_cookie",
        "hand_off",
        "replace_entitlements",
        "get_entitlements",
        "unlink_subscriber",
    ],
    account: r#"(object) ["id" => "member-1002", "entitlements" => ["basic"]]"#,
    versions: "echo PHP_VERSION;",
    names: &["PHP"],
};

/// The files of a language in a temporary folder, with the functions behind a proxy.
struct Example<'a> {
    language: &'a Language,
    folder: PathBuf,
    world: World,
    public: Proxy,
}

impl Drop for Example<'_> {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub(super) fn key(kid: &str) -> Key {
    Key {
        kid: kid.to_owned(),
        secret: format!("a key of 32 bytes or more: {kid:>16}").into_bytes(),
    }
}

/// The section of `functions/README.md` below a third-level heading.
pub(super) fn section(heading: &str) -> String {
    let page = std::fs::read_to_string(format!("{ROOT}/functions/README.md")).unwrap();
    let (_, section) = page.split_once(&format!("\n### {heading}\n")).unwrap();
    let end = section.find("\n##").unwrap_or(section.len());
    section[..end].to_owned()
}

/// The code blocks of a text that are files with this ending, by the names in their first lines.
pub(super) fn code_blocks(section: &str, ending: &str) -> Vec<(String, String)> {
    let blocks = section.split("\n```").skip(1).step_by(2);
    let files = blocks.filter_map(|block| {
        let (_, code) = block.split_once('\n')?;
        let (comment, name) = code.lines().next()?.rsplit_once(' ')?;
        if !["//", "#", "<?php //"].contains(&comment) {
            return None;
        }
        let of_language = name.ends_with(&format!(".{ending}"));
        of_language.then(|| (name.to_owned(), format!("{code}\n")))
    });
    let files: Vec<_> = files.collect();
    assert!(!files.is_empty(), "no file *.{ending}");
    files
}

impl<'a> Example<'a> {
    async fn of(language: &'a Language) -> Self {
        World::prepare();
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!(
            "snippets-{}-{}",
            language.ending,
            std::process::id()
        ));
        std::fs::create_dir_all(&folder).unwrap();
        let files = code_blocks(&section(language.heading), language.ending);
        for (name, code) in &files {
            std::fs::write(folder.join(name), code).unwrap();
        }
        let options = deployment::with_secrets(Options {
            site_key: key("site-1"),
            backend_key: key("backend-1"),
            session_cookie: "site_session".to_owned(),
            // Any port of the loopback address: the public URL is the proxy's.
            redirect_uris: vec!["http://127.0.0.1/callback".to_owned()],
            ..Options::default()
        });
        let mut public = None;
        let started = &mut public;
        let sandbox = Sandbox::start(options.clone(), async |addresses: Addresses| {
            let proxy = started.insert(Proxy::in_front_of(&addresses.gateway).await);
            let environment = environment(&options, &addresses, &[("PUBLIC_URL", proxy.origin())]);
            deployment::create_tables(&environment).await?;
            deployment::routes(&environment, &Clock::System, &Rng::System).await
        });
        let world = World::of(sandbox.await.unwrap(), Clock::System);
        let example = Self {
            language,
            folder,
            world,
            public: public.unwrap(),
        };
        if language.ending == "ts" {
            let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
            example.compile(&names).await;
        }
        example
    }

    /// Checks the types strictly, and writes JavaScript beside each file.
    async fn compile(&self, names: &[&str]) {
        let peers = Path::new(ROOT).join("tests/peers/node_modules");
        std::os::unix::fs::symlink(&peers, self.folder.join("node_modules")).unwrap();
        std::fs::write(self.folder.join("package.json"), r#"{"type": "module"}"#).unwrap();
        let compiled = Command::new("node")
            .arg(peers.join("typescript/bin/tsc"))
            .args([
                "--strict",
                "--noUnusedLocals",
                "--target",
                "es2022",
                "--module",
                "nodenext",
            ])
            .args(names)
            .current_dir(&self.folder)
            .output()
            .await
            .expect("node does not start: run `make setup`");
        let said = String::from_utf8_lossy(&compiled.stdout);
        assert!(compiled.status.success(), "run `make setup`, or see: {said}");
    }

    async fn run(&self, program: &str) -> Output {
        let (interpreter, arguments) = self.language.interpreter.split_first().unwrap();
        let options = self.world.sandbox.options();
        let issuer = options.site_issuer(self.world.sandbox.addresses());
        Command::new(interpreter.replace("{root}", ROOT))
            .args(arguments)
            .arg(program)
            .current_dir(&self.folder)
            .envs([
                ("PUBLIC_URL", self.public.origin()),
                ("SITE_ISSUER", &issuer),
                ("BACKEND_ISSUER", &issuer),
                ("PARTNER_ID", &options.partner_id),
                ("SITE_KEY", &options.site_key.jwk().to_string()),
                ("BACKEND_KEY", &options.backend_key.jwk().to_string()),
                ("PYTHONDONTWRITEBYTECODE", "1"),
            ])
            .kill_on_drop(true)
            .output()
            .await
            .unwrap_or_else(|error| panic!("{interpreter}: {error}: run `make setup`"))
    }

    /// Calls a function, by its index in [`PUBLIC_FUNCTIONS`]. Returns its result, or what the failed program said.
    async fn call(&self, function: usize, arguments: &str) -> Result<Value, String> {
        let language = self.language;
        let module = if function < 2 { "soa_site" } else { "soa_backend" };
        let call = language.call.replace("{function}", language.functions[function]);
        let program = language.program.replace("{module}", module);
        let output = self
            .run(&program.replace("{expression}", &format!("{call}({arguments})")))
            .await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            assert_eq!(said, "", "{program}");
            Ok(serde_json::from_slice(&output.stdout).unwrap())
        } else {
            Err(said)
        }
    }

    /// The path of a linked account: a journey that begins with the site's function, changes of the entitlements, and the end of the link.
    async fn works(&self) {
        let (language, world) = (self.language, &self.world);
        let linked = || world.linked("bela");
        let now = world.clock.now();
        let entrypoint = format!("{}/entrypoint", self.public.origin());

        // A session links with the entitlements of its token.
        let cookie = self.call(0, language.account).await.unwrap();
        let cookie = cookie.as_str().unwrap().strip_prefix("site_session=").unwrap();
        let token = cookie.split(';').next().unwrap().to_owned();
        let mut browser = world.browser();
        browser.cookies.insert("site_session".to_owned(), token);
        let consent = browser.get(&entrypoint).await;
        let callback = browser.agree(&consent.location().parse().unwrap(), "mara").await;
        assert_eq!(browser.get(&callback).await.status, 302);
        assert_eq!(linked(), Some(("mara".to_owned(), vec!["basic".to_owned()])));

        // The first response is lost: the identical request comes again, and has no second effect.
        self.public.then(&[Step::Lose]);
        let replaced = self
            .call(2, &format!(r#""member-1002", ["all-access", "basic"], {now}"#))
            .await;
        let (names, seen) = (json!(["all-access", "basic"]), self.public.seen());
        assert_eq!(replaced.unwrap(), json!({"entitlements": names, "version": 1}));
        assert_eq!(logged().matches("\"REQUEST_REPEATED\"").count(), 1);

        // An older state that arrives late changes nothing.
        let late = self
            .call(2, &format!(r#""member-1002", [], {}"#, now - 60))
            .await
            .unwrap();
        assert_eq!((&late["superseded"], &late["entitlements"]), (&json!(true), &names));

        // A 503 is tried again, and a 400 is not.
        self.public.then(&[Step::Answer(503, "{}".to_owned())]);
        let known = self.call(3, r#""member-1002""#).await.unwrap();
        assert_eq!(
            (&known["entitlements"], &known["link"]["state"]),
            (&names, &json!("pending"))
        );
        assert_eq!(self.public.seen(), seen + 3);
        let failed = self
            .call(2, &format!(r#""member-1002", ["not a name"], {now}"#))
            .await
            .unwrap_err();
        assert!(
            failed.contains("/replace-entitlements: 400") && failed.contains("entitlements[0]"),
            "{failed}"
        );
        assert_eq!(self.public.seen(), seen + 4);

        self.public.then(&[Step::Lose]);
        assert_eq!(self.call(4, r#""member-1002""#).await.unwrap(), Value::Null);
        assert_eq!(linked(), None);

        // A hand-off links again, with what the backend has set. Another site's URL gets no token.
        let mut browser = world.browser();
        let away = browser.get(&entrypoint).await;
        let (return_to, nonce) = ["return_to", "nonce"]
            .map(|name| parameter(away.location(), name).unwrap())
            .into();
        let account = language.account;
        let elsewhere = format!(r#"{account}, "https://evil.example/?a={return_to}", "{nonce}""#);
        let failed = self.call(1, &elsewhere).await.unwrap_err();
        assert!(failed.contains("return_to is not soa-link's"), "{failed}");
        let back = self
            .call(1, &format!(r#"{account}, "{return_to}", "{nonce}""#))
            .await
            .unwrap();
        let consent = browser.get(back.as_str().unwrap()).await;
        let callback = browser.agree(&consent.location().parse().unwrap(), "jonas").await;
        assert_eq!(browser.get(&callback).await.status, 302);
        let names = vec!["all-access".to_owned(), "basic".to_owned()];
        assert_eq!(linked(), Some(("jonas".to_owned(), names)));
    }

    /// Compares the versions that the page names with those that run. An interpreter may be newer, a library has the same major version.
    async fn names_its_versions(&self) {
        let output = self.run(self.language.versions).await;
        let ran = String::from_utf8(output.stdout).unwrap();
        let ran: Vec<_> = ran.split_whitespace().collect();
        let section = section(self.language.heading);
        let line = section.lines().find(|line| line.starts_with("Run with ")).unwrap();
        assert_eq!(ran.len(), self.language.names.len(), "{ran:?}");
        for (place, (name, ran)) in self.language.names.iter().zip(&ran).enumerate() {
            let named = named_version(line, name);
            let (named, ran) = (parts(&named), parts(ran));
            let agrees = if place == 0 { ran >= named } else { ran[0] == named[0] };
            assert!(agrees, "{line} {name} ran with {ran:?}");
        }
    }
}

/// The version that follows a name, which may be a link.
fn named_version(line: &str, name: &str) -> String {
    let (_, after) = line.split_once(name).unwrap_or_else(|| panic!("{line} lacks {name}"));
    let after = after
        .strip_prefix("](")
        .map_or(after, |link| link.split_once(')').unwrap().1);
    let version = after.trim_start().split([',', ' ']).next().unwrap();
    version.trim_end_matches('.').to_owned()
}

fn parts(version: &str) -> Vec<u32> {
    version.split('.').map_while(|part| part.parse().ok()).collect()
}

#[tokio::test]
async fn the_typescript_example_links_changes_and_unlinks() {
    let example = Example::of(&TYPESCRIPT).await;
    example.names_its_versions().await;
    example.works().await;
}

#[tokio::test]
async fn the_python_example_links_changes_and_unlinks() {
    let example = Example::of(&PYTHON).await;
    example.names_its_versions().await;
    example.works().await;
}

#[tokio::test]
async fn the_ruby_example_links_changes_and_unlinks() {
    let example = Example::of(&RUBY).await;
    example.names_its_versions().await;
    example.works().await;
}

#[tokio::test]
async fn the_php_example_links_changes_and_unlinks() {
    let example = Example::of(&PHP).await;
    example.names_its_versions().await;
    example.works().await;
}

#[test]
fn a_version_is_found_after_its_name() {
    let line = "Run with Node 20, TypeScript 5.9 and [jose](https://example.com/jose-9) 6.2.";
    for (name, version) in [("Node", "20"), ("TypeScript", "5.9"), ("jose", "6.2")] {
        assert_eq!(named_version(line, name), version);
    }
    assert!(parts("3.11.7") >= parts("3.11") && parts("3.9") < parts("3.11"));
}
