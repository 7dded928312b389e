//! `soa-link explain`: why a subscriber can or cannot play an episode. The `partners` function returns the stored record and Spotify's current answer, so support
//! staff need the permission to invoke it and no secret. The entitlements of an episode come from the feed.

use std::{collections::BTreeSet, io::Write};

use clap::Args;
use serde::Deserialize;
use serde_json::json;

use crate::{
    aws,
    error::CliError,
    feed::{self, Episode},
};

/// Explain why a subscriber can or cannot play an episode.
#[derive(Args)]
#[command(after_help = "Example: soa-link explain --sub 4711 --feed feed.xml --episode \"The long night\"")]
pub(crate) struct ExplainArgs {
    /// The partner's account id of the subscriber: `sub` of its tokens.
    #[arg(
        long,
        required_unless_present = "partner_user_id",
        conflicts_with = "partner_user_id"
    )]
    sub: Option<String>,
    /// Partner User ID of the subscriber.
    #[arg(long)]
    partner_user_id: Option<String>,
    /// Partner id. The default is the deployment's partner.
    #[arg(long, env = "PARTNER_ID")]
    partner_id: Option<String>,
    /// Name of the partners function: stack output PartnersFunctionName.
    #[arg(long, env = "PARTNERS_FUNCTION")]
    partners_function: String,
    /// Feed with the episode; `-` reads standard input.
    #[arg(long, requires = "episode")]
    feed: Option<String>,
    /// Guid of the episode, or a part of its title.
    #[arg(long, requires = "feed")]
    episode: Option<String>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// The answer of the `partners` function: a subscriber's record and Spotify's current answer.
#[derive(Debug, Deserialize)]
struct Explained {
    partner_id: String,
    person: String,
    desired: Option<BTreeSet<String>>,
    version: i64,
    synced_version: i64,
    synced_at: Option<i64>,
    link: Link,
    spotify: Spotify,
    last_error: Option<String>,
    next_try_at: Option<i64>,
    registered_at: Option<i64>,
    guard_held_since: Option<i64>,
    unlinks_held_since: Option<i64>,
    partner_disabled: bool,
    now: i64,
}

#[derive(Debug, Deserialize)]
struct Link {
    state: String,
    since: Option<i64>,
    evidence: Option<String>,
}

/// Spotify's current answer.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Spotify {
    Silent {
        error: String,
    },
    Linked {
        linked: bool,
        #[serde(default)]
        entitlements: BTreeSet<String>,
    },
}

/// Prints the state of a subscriber and a diagnosis.
///
/// # Errors
/// [`CliError`] if the feed cannot be read, the episode is not found or the function fails. A retry is safe.
pub(crate) async fn run(args: &ExplainArgs, out: &mut dyn Write) -> Result<bool, CliError> {
    let episode = match (&args.feed, &args.episode) {
        (Some(feed), Some(episode)) => Some(feed::episode(feed, episode)?),
        _ => None,
    };
    let mut command = json!({"command": "explain"});
    let members = [
        ("sub", &args.sub),
        ("partner_user_id", &args.partner_user_id),
        ("partner_id", &args.partner_id),
    ];
    if let Some(command) = command.as_object_mut() {
        command.extend(
            members
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?.into()))),
        );
    }
    let answer = aws::invoke(&args.partners_function, &command).await?;
    let explained: Explained = serde_json::from_value(answer.clone()).map_err(|_| {
        CliError::new("unexpected answer of the partners function; deploy the same version as this command")
    })?;
    let verdict = diagnosis(&explained, episode.as_ref());
    if args.json {
        let episode = episode.map(|episode| json!({"title": episode.title, "entitlements": episode.entitlements}));
        writeln!(
            out,
            "{}",
            json!({"explained": answer, "episode": episode, "verdict": verdict})
        )?;
    } else {
        print_report(&explained, episode.as_ref(), out)?;
        writeln!(out, "\n{verdict}")?;
    }
    Ok(true)
}

fn print_report(explained: &Explained, episode: Option<&Episode>, out: &mut dyn Write) -> std::io::Result<()> {
    let ago = |at: Option<i64>| at.map_or_else(|| "never".to_owned(), |at| human_duration(explained.now - at) + " ago");
    let link = &explained.link;
    let mut tell = |name: &str, value: String| writeln!(out, "{name:<22}{value}");
    tell("partner", explained.partner_id.clone())?;
    tell("name in the log", explained.person.clone())?;
    tell(
        "entitlements",
        explained.desired.as_ref().map_or_else(|| "not set".to_owned(), names),
    )?;
    tell(
        "version",
        format!("{}, synced {}", explained.version, explained.synced_version),
    )?;
    tell("last synced", ago(explained.synced_at))?;
    let evidence = link
        .evidence
        .as_deref()
        .map_or_else(String::new, |call| format!(", by {call}"));
    tell(
        "last known link",
        format!(
            "{}{evidence}, {}",
            link.state,
            link.since.map_or_else(String::new, |at| "since ".to_owned()
                + &human_duration(explained.now - at))
        )
        .trim_end_matches(", ")
        .to_owned(),
    )?;
    tell(
        "Spotify says now",
        match &explained.spotify {
            Spotify::Silent { error } => error.clone(),
            Spotify::Linked { linked: false, .. } => "not linked".to_owned(),
            Spotify::Linked { entitlements, .. } => format!("linked, {}", names(entitlements)),
        },
    )?;
    if let Some(failure) = &explained.last_error {
        let next = explained.next_try_at.map_or_else(String::new, |at| {
            format!("; next attempt in {}", human_duration((at - explained.now).max(0)))
        });
        tell("last error", format!("{}{next}", describe_error(failure)))?;
    }
    if let Some(episode) = episode {
        tell("episode", episode.title.clone())?;
        tell(
            "requires one of",
            if episode.entitlements.is_empty() {
                "nothing, it is free".to_owned()
            } else {
                names(&episode.entitlements)
            },
        )?;
    }
    Ok(())
}

/// Why the subscriber can or cannot play the episode, in full sentences for support staff.
fn diagnosis(explained: &Explained, episode: Option<&Episode>) -> String {
    let none = BTreeSet::new();
    let wanted = explained.desired.as_ref().unwrap_or(&none);
    if episode.is_some_and(|episode| episode.entitlements.is_empty()) {
        return "This episode is free: it requires no entitlement. If it does not play, the link is not the cause; check the episode on Spotify.".to_owned();
    }
    if let Some(episode) = episode.filter(|episode| wanted.is_disjoint(&episode.entitlements)) {
        return format!(
            "The subscriber is not entitled to this episode: it requires one of {}, and the partner has granted {}. If they have paid, the partner's backend has not reported it.",
            names(&episode.entitlements),
            names(wanted)
        );
    }
    let held = match &explained.spotify {
        Spotify::Silent { error } => {
            return format!(
                "Spotify could not be asked for the current entitlements ({error}). The last known state is above. Try again later."
            );
        }
        Spotify::Linked { linked: false, .. } => return not_linked(explained),
        Spotify::Linked { entitlements, .. } => entitlements,
    };
    let opens = episode.map_or_else(|| held == wanted, |episode| !held.is_disjoint(&episode.entitlements));
    if opens {
        return match episode {
            Some(_) => "The subscriber can play this episode: Spotify has a required entitlement. If it is still locked, wait a few minutes, and check at content-access.spotify.com that the app uses the linked Spotify account.".to_owned(),
            None => format!("Spotify has the subscriber's current entitlements: {}.", names(held)),
        };
    }
    if explained.guard_held_since.is_some() && held.is_superset(wanted) {
        return "Spotify still has entitlements that the partner has revoked. The revocation guard holds the change until an operator releases the guard.".to_owned();
    }
    let why = explained
        .last_error
        .as_deref()
        .map_or("the next sync is about to run", describe_error);
    let next = explained.next_try_at.map_or_else(String::new, |at| {
        format!(
            " The next attempt is in {}.",
            human_duration((at - explained.now).max(0))
        )
    });
    format!("Spotify has {} instead of {}: {why}.{next}", names(held), names(wanted))
}

fn not_linked(explained: &Explained) -> String {
    let again = if explained.partner_disabled {
        " Linking is not possible at the moment, because the partner is disabled."
    } else {
        ""
    };
    let young = explained.registered_at.is_some_and(|at| explained.now - at < 300);
    let why = match explained.link.state.as_str() {
        "pending" if young => return "The subscriber is linking their Spotify account right now, and Spotify has not finished. Try again in a few minutes.".to_owned(),
        "none" => "The subscriber has never linked their Spotify account.",
        "unlinked" => "The subscriber is no longer linked: the link was removed, here or at Spotify.",
        "pending" => "The subscriber began to link their Spotify account and did not finish.",
        _ if explained.unlinks_held_since.is_some() => return "Spotify reports many subscribers of this partner as not linked, so the cause is probably not this one: see UnlinksHeld in infra/RUNBOOK.md. The links are checked every ten minutes.".to_owned(),
        _ => "Spotify no longer has the link: the subscriber probably removed it there, which Spotify does not report.",
    };
    format!(
        "{why} They have to link at the partner's entry point; this also sends their entitlements to Spotify.{again}"
    )
}

/// The cause of a failed sync, as a clause of a sentence.
fn describe_error(failure: &str) -> &str {
    match failure {
        "no_answer" | "unavailable" => "Spotify is unavailable",
        "rate_limited" => "Spotify has limited the rate of calls",
        "partner_refused" => "Spotify refuses calls for this partner",
        "client_refused" => "Spotify refuses the client because of its secret or its permissions",
        "request_refused" => "Spotify refuses the request for this subscriber",
        "guard_unavailable" => "the revocation guard cannot be read from DynamoDB",
        "guard_held" => "the revocation guard holds the change until an operator releases the guard",
        "not_linked_yet" => "Spotify has not finished the link",
        other => other,
    }
}

fn names(entitlements: &BTreeSet<String>) -> String {
    if entitlements.is_empty() {
        "nothing".to_owned()
    } else {
        entitlements.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// A duration in the largest unit that is precise enough.
fn human_duration(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn explained(change: &Value) -> Explained {
        let mut known = json!({
            "partner_id": "p", "person": "0123", "desired": ["gold"], "version": 3, "synced_version": 3, "synced_at": 900, "last_error": null,
            "next_try_at": null, "registered_at": 1, "guard_held_since": null, "unlinks_held_since": null, "partner_disabled": false, "now": 1000,
            "link": {"state": "linked", "since": 1, "evidence": "get-entitlements"}, "spotify": {"linked": true, "entitlements": ["gold"]},
        });
        known
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        serde_json::from_value(known).unwrap()
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "the changes are written where they are used"
    )]
    fn says(change: Value, opens_with: Option<&[&str]>) -> String {
        let episode = opens_with.map(|names| Episode {
            title: "One".to_owned(),
            entitlements: names.iter().map(|name| (*name).to_owned()).collect(),
        });
        let explained = explained(&change);
        let mut out = Vec::new();
        print_report(&explained, episode.as_ref(), &mut out).unwrap();
        assert!(!String::from_utf8(out).unwrap().contains("null"));
        diagnosis(&explained, episode.as_ref())
    }

    #[test]
    fn a_subscriber_with_a_required_entitlement_can_play_the_episode() {
        assert!(says(json!({}), Some(&["gold", "silver"])).starts_with("The subscriber can play this episode"));
        assert!(says(json!({}), None).starts_with("Spotify has the subscriber's current entitlements: gold"));
        assert!(says(json!({}), Some(&[])).starts_with("This episode is free"));
    }

    #[test]
    fn a_subscriber_without_the_entitlement_is_not_entitled_linked_or_not() {
        for spotify in [
            json!({"linked": true, "entitlements": []}),
            json!({"linked": false}),
            json!({"error": "x"}),
        ] {
            let says = says(json!({"spotify": spotify}), Some(&["diamond"]));
            assert!(
                says.starts_with("The subscriber is not entitled to this episode: it requires one of diamond"),
                "{says}"
            );
        }
        assert!(says(json!({"desired": null}), Some(&["gold"])).contains("has granted nothing"));
    }

    #[test]
    fn the_cause_of_a_missing_link_is_explained() {
        let with = |state: &str, registered_at: i64| {
            says(
                json!({"spotify": {"linked": false}, "link": {"state": state, "since": 1, "evidence": "x"}, "registered_at": registered_at}),
                Some(&["gold"]),
            )
        };
        assert!(with("none", 1).starts_with("The subscriber has never linked"));
        assert!(with("unlinked", 1).starts_with("The subscriber is no longer linked"));
        assert!(with("linked", 1).starts_with("Spotify no longer has the link"));
        assert!(with("suspect", 1).starts_with("Spotify no longer has the link"));
        let held = json!({"spotify": {"linked": false}, "link": {"state": "suspect", "since": 1, "evidence": "x"}, "unlinks_held_since": 5});
        assert!(says(held, None).starts_with("Spotify reports many subscribers of this partner as not linked"));
        assert!(with("pending", 990).starts_with("The subscriber is linking their Spotify account right now"));
        assert!(with("pending", 100).starts_with("The subscriber began to link"));
        assert!(
            says(json!({"spotify": {"linked": false}, "partner_disabled": true}), None)
                .ends_with("because the partner is disabled.")
        );
    }

    #[test]
    fn a_sync_that_is_behind_is_explained_with_its_cause_and_next_attempt() {
        let behind =
            json!({"spotify": {"linked": true, "entitlements": []}, "last_error": "unavailable", "next_try_at": 1060});
        let said = says(behind, Some(&["gold"]));
        assert_eq!(
            said,
            "Spotify has nothing instead of gold: Spotify is unavailable. The next attempt is in 60 s."
        );
        let held = json!({"desired": [], "guard_held_since": 5, "spotify": {"linked": true, "entitlements": ["gold"]}, "last_error": "guard_held"});
        assert!(says(held, None).contains("revocation guard holds"));
        assert!(says(json!({"spotify": {"error": "timeout"}}), Some(&["gold"])).contains("Try again later"));
    }
}
