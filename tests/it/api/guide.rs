//! `functions/GETTING_STARTED.md`: its example of a site, run as the guide says, ends with a linked account.

use std::{net::TcpListener, path::PathBuf, time::Duration};

use sandbox::{Addresses, Options, Sandbox, deployment};
use shared::{clock::Clock, rng::Rng};
use tokio::process::Command;

use super::snippets::{ROOT, code_blocks, key, section};
use crate::support::{World, environment};

const MAX_STEPS: usize = 15;

fn guide() -> String {
    std::fs::read_to_string(format!("{ROOT}/functions/GETTING_STARTED.md")).unwrap()
}

#[test]
fn the_guide_has_at_most_fifteen_steps() {
    let guide = guide();
    let steps: Vec<usize> = guide
        .lines()
        .filter_map(|line| line.strip_prefix("**")?.split_once(". ")?.0.parse().ok())
        .collect();
    assert!(steps.len() > 9 && steps.len() <= MAX_STEPS, "{steps:?}");
    assert!(steps.iter().copied().eq(1..=steps.len()), "{steps:?}");
}

#[tokio::test]
async fn the_guide_ends_with_a_linked_account() {
    World::prepare();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("guide-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let of_languages = code_blocks(&section("Python"), "py");
    for (name, code) in code_blocks(&guide(), "py").iter().chain(&of_languages) {
        std::fs::write(folder.join(name), code).unwrap();
    }

    // The guide's site has a fixed port; here another process may use it.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let site = format!("http://127.0.0.1:{port}");
    let options = deployment::with_secrets(Options {
        site_key: key("site-1"),
        ..Options::default()
    });
    let changes = [
        ("SIGN_IN", "handoff"),
        ("SESSION_COOKIE", ""),
        ("SIGN_IN_URL", &format!("{site}/spotify")),
        ("SITE_ISSUER", &site),
    ];
    let sandbox = Sandbox::start(options.clone(), async |addresses: Addresses| {
        let environment = environment(&options, &addresses, &changes);
        deployment::create_tables(&environment).await?;
        deployment::routes(&environment, &Clock::System, &Rng::System).await
    });
    let world = World::of(sandbox.await.unwrap(), Clock::System);
    let mut process = Command::new(format!("{ROOT}/.venv/snippets/bin/python"))
        .args(["-B", "own_site.py"])
        .current_dir(&folder)
        .envs([
            ("PORT", &port.to_string()),
            ("PUBLIC_URL", &world.gateway("")),
            ("SITE_ISSUER", &site),
            ("SITE_KEY", &options.site_key.jwk().to_string()),
        ])
        .kill_on_drop(true)
        .spawn()
        .expect("Python does not start: run `make setup`");
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert_eq!(process.try_wait().unwrap(), None, "the site ended");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let mut browser = world.browser();
    let home = browser.get(&site).await;
    let button = format!("<a href=\"{}/entrypoint\">", world.gateway(""));
    assert!(home.body.contains(&button), "{}", home.body);
    let away = browser.get("/entrypoint").await;
    // Signed out: the page keeps what it was sent.
    let page = browser.get(away.location()).await;
    let kept = page.body.matches("type=\"hidden\"").count();
    assert!(
        page.status == 200 && kept == 2 && page.body.contains("anna"),
        "{}",
        page.body
    );
    let back = browser.get(&format!("{}&account=anna", away.location())).await;
    let consent = browser.get(back.location()).await;
    let callback = browser.agree(&consent.location().parse().unwrap(), "mara").await;
    assert_eq!(browser.get(&callback).await.status, 302);
    let links = world.spotify().links();
    let link = links.first().unwrap();
    assert_eq!(
        (links.len(), link.account.as_str(), &link.entitlements[..]),
        (1, "mara", &["gold".to_owned()][..])
    );
    let _ = std::fs::remove_dir_all(&folder);
}
