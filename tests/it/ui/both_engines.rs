//! Pages that a person comes back to, in Chromium and in WebKitGTK: the remedies for a conflict, the end of a visit, the account page.

use fantoccini::Locator;
use sandbox::{Link, Options};

use super::person::Person;
use crate::support::World;

/// Turns each function into one test for each engine.
macro_rules! in_both_engines {
    ($($name:ident)*) => {
        mod chromium {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let world = super::world().await;
                super::$name(&world, super::Person::at(&world, stringify!($name)).await).await;
            })*
        }
        mod webkit {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let world = super::world().await;
                super::$name(&world, super::Person::in_webkit(&world, concat!("webkit-", stringify!($name))).await).await;
            })*
        }
    };
}

in_both_engines! {
    the_remedies_for_a_conflict_survive_a_reload
    not_you_ends_the_visit_of_the_first_person
    the_account_page_says_what_each_plan_unlocks
}

/// The demo as `make demo` starts it: with the publisher's logo and colour, and the names of its plans.
async fn world() -> World {
    let options = Options {
        is_branded: true,
        ..Options::default()
    };
    World::with(options, &[]).await
}

fn linked(world: &World, person: &str, entitlements: &[&str]) {
    world.spotify().force_link(Link {
        partner_id: world.sandbox.options().partner_id.clone(),
        partner_user_id: world.partner_user_id(person),
        account: "mara".to_owned(),
        entitlements: entitlements.iter().map(|name| (*name).to_owned()).collect(),
        ..Link::default()
    });
}

async fn the_remedies_for_a_conflict_survive_a_reload(world: &World, mut ada: Person<'_>) {
    linked(world, "bela", &["basic"]);
    ada.signs_in("ada", "session").await;
    ada.open(&world.gateway("/entrypoint")).await;
    ada.press("#account-mara").await;
    ada.press("#agree").await;
    let title = "Spotify could not connect your account";
    ada.sees(title, 409).await;
    // As after the browser has discarded the tab.
    ada.page.refresh().await.unwrap();
    ada.sees(title, 400).await;
    ada.press("#other-account").await;
    ada.agrees("jonas").await;
    ada.is_linked_to(Some("jonas")).await;
    ada.leaves().await;
}

async fn not_you_ends_the_visit_of_the_first_person(world: &World, mut people: Person<'_>) {
    people.signs_in("ada", "handoff").await;
    people.open(&world.gateway("/account")).await;
    people.sees("Your connection with Spotify", 200).await;
    let first = people.find("#reference").await.text().await.unwrap();
    people.press("#not-you").await;
    // The partner's site, where Ada signs out.
    people.site("/").await;
    people.press("#sign-out").await;
    people.find("#sign-in").await;
    people.open(&world.gateway("/account")).await;
    people.press("#sign-in-as-bela").await;
    people.sees("Your connection with Spotify", 200).await;
    assert_ne!(people.find("#reference").await.text().await.unwrap(), first);
    // Back does not show the first person either.
    for _ in 0..3 {
        people.page.back().await.unwrap();
        assert!(!people.text().await.contains(&first));
    }
    people.leaves().await;
}

async fn the_account_page_says_what_each_plan_unlocks(world: &World, mut bela: Person<'_>) {
    linked(world, "bela", &["basic"]);
    bela.signs_in("bela", "session").await;
    // The demo's account page leads there.
    bela.site("/account").await;
    bela.press("#connection").await;
    bela.sees("Your connection with Spotify", 200).await;
    bela.find("#link-state[data-state=linked]").await;
    let logo = bela.asks("document.querySelector('header img').naturalWidth > 0").await;
    assert_eq!(logo, true);
    let rows = bela.page.find_all(Locator::Css(".shows > li")).await.unwrap();
    let mut texts = Vec::new();
    for row in rows {
        // Engines put white space between elements in different places.
        let text = row.text().await.unwrap();
        texts.push(text.split_whitespace().collect::<String>());
    }
    assert_eq!(
        texts,
        [
            "TheSlowTideLedgerListen",
            "TheMossHourListen",
            "Brass&BarnacleIncludedinAllaccess"
        ]
    );
    bela.leaves().await;
}
