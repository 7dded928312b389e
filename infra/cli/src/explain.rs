//! `soa-link explain`: why somebody can, or cannot, play an episode. What is wanted, what was last seen, and what Spotify says now are asked of the `partners`
//! function, so that whoever asks needs the right to invoke it and no secret; what an episode asks for is in the feed.

use std::{collections::BTreeSet, io::Write};

use clap::Args;
use serde::Deserialize;
use serde_json::json;

use crate::{
    aws,
    error::CliError,
    feed::{self, Episode},
};

/// Says why somebody can, or cannot, play an episode.
#[derive(Args)]
#[command(after_help = "Example: soa-link explain --sub 4711 --feed feed.xml --episode \"The long night\"")]
pub(crate) struct ExplainArgs {
    /// The account id by which the partner knows the person, the `sub` of its tokens.
    #[arg(
        long,
        required_unless_present = "partner_user_id",
        conflicts_with = "partner_user_id"
    )]
    sub: Option<String>,
    /// The person's Partner User ID, as Spotify knows them.
    #[arg(long)]
    partner_user_id: Option<String>,
    /// The partner; without it the deployment's own.
    #[arg(long, env = "PARTNER_ID")]
    partner_id: Option<String>,
    /// The stack's output PartnersFunctionName.
    #[arg(long, env = "PARTNERS_FUNCTION")]
    partners_function: String,
    /// The podcast's feed, for what the episode asks for; `-` is standard input.
    #[arg(long, requires = "episode")]
    feed: Option<String>,
    /// The episode: its guid, or a part of its title.
    #[arg(long, requires = "feed")]
    episode: Option<String>,
    /// For programs: one JSON document.
    #[arg(long)]
    json: bool,
}

/// What the function knows of a person.
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
    partner_disabled: bool,
    now: i64,
}

#[derive(Debug, Deserialize)]
struct Link {
    state: String,
    since: Option<i64>,
    evidence: Option<String>,
}

/// What Spotify says now.
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

/// Asks and tells.
///
/// # Errors
/// [`CliError`] when the function or the feed cannot be asked.
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
    let explained: Explained = serde_json::from_value(answer.clone())
        .map_err(|_| CliError::new("the function answers something else than this version of the command expects"))?;
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
    tell("person in the log", explained.person.clone())?;
    tell(
        "is to hear",
        explained
            .desired
            .as_ref()
            .map_or_else(|| "nothing was said".to_owned(), names),
    )?;
    tell(
        "version",
        format!("{}, synced {}", explained.version, explained.synced_version),
    )?;
    tell("last told Spotify", ago(explained.synced_at))?;
    let evidence = link
        .evidence
        .as_deref()
        .map_or_else(String::new, |call| format!(", by {call}"));
    tell(
        "link, as last seen",
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
            format!("; next try in {}", human_duration((at - explained.now).max(0)))
        });
        tell("last try", format!("{}{next}", describe_error(failure)))?;
    }
    if let Some(episode) = episode {
        tell("episode", episode.title.clone())?;
        tell(
            "opens with",
            if episode.entitlements.is_empty() {
                "nothing: it is free".to_owned()
            } else {
                names(&episode.entitlements)
            },
        )?;
    }
    Ok(())
}

/// The one sentence that answers "why can't she play it?".
fn diagnosis(explained: &Explained, episode: Option<&Episode>) -> String {
    let none = BTreeSet::new();
    let wanted = explained.desired.as_ref().unwrap_or(&none);
    if episode.is_some_and(|episode| episode.entitlements.is_empty()) {
        return "This episode is free: Spotify plays it to everybody. If it does not, it is not about this link; look at the episode on Spotify.".to_owned();
    }
    if let Some(episode) = episode.filter(|episode| wanted.is_disjoint(&episode.entitlements)) {
        return format!(
            "They are not to hear it: the episode opens with {}, and the partner has given them {}. If they have paid for it, the partner's backend has not said so.",
            names(&episode.entitlements),
            names(wanted)
        );
    }
    let held = match &explained.spotify {
        Spotify::Silent { error } => {
            return format!(
                "Spotify does not say just now what they have ({error}); what we last saw is above. Ask again in a while."
            );
        }
        Spotify::Linked { linked: false, .. } => return not_linked(explained),
        Spotify::Linked { entitlements, .. } => entitlements,
    };
    let opens = episode.map_or_else(|| held == wanted, |episode| !held.is_disjoint(&episode.entitlements));
    if opens {
        return match episode {
            Some(_) => "They can play it: Spotify has what it takes. If the app says otherwise, give it a few minutes, and see that it is signed in to the Spotify account they linked (content-access.spotify.com shows that).".to_owned(),
            None => format!("Spotify has what they are to hear: {}.", names(held)),
        };
    }
    if explained.guard_held_since.is_some() && held.is_superset(wanted) {
        return "Spotify still has more than they are to hear: the guard holds what would be taken away until an operator releases it.".to_owned();
    }
    let why = explained
        .last_error
        .as_deref()
        .map_or("it is about to be told", describe_error);
    let next = explained.next_try_at.map_or_else(String::new, |at| {
        format!(", and is told again in {}", human_duration((at - explained.now).max(0)))
    });
    format!(
        "Spotify has {} and not yet what they are to hear, {}: {why}{next}.",
        names(held),
        names(wanted)
    )
}

fn not_linked(explained: &Explained) -> String {
    let again = if explained.partner_disabled {
        " That they cannot just now: the partner is disabled."
    } else {
        ""
    };
    let young = explained.registered_at.is_some_and(|at| explained.now - at < 300);
    let why = match explained.link.state.as_str() {
        "pending" if young => return "They are linking their Spotify account at this moment: Spotify has not finished. Ask again in a few minutes.".to_owned(),
        "none" => "They have never linked their Spotify account.",
        "unlinked" => "They are no longer linked: they, or somebody for them, unlinked.",
        "pending" => "They began to link their Spotify account and did not finish.",
        _ => "Spotify knows no link of theirs any more: they unlinked there, of which nobody tells us.",
    };
    format!(
        "{why} They have to link, starting at the partner's entry point; what they are to hear goes with it.{again}"
    )
}

/// Why Spotify does not follow, in words.
fn describe_error(failure: &str) -> &str {
    match failure {
        "no_answer" | "unavailable" => "Spotify does not answer",
        "rate_limited" => "Spotify has asked us to slow down",
        "partner_refused" => "Spotify refuses our calls for this partner",
        "client_refused" => "Spotify refuses our client: its secret, or what it is allowed",
        "request_refused" => "Spotify refuses what is to be said about this person",
        "guard_unavailable" => {
            "it cannot be told whether what would be taken away is meant: DynamoDB does not answer for the guard"
        }
        "guard_held" => "the guard holds what would be taken away until an operator releases it",
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

/// A time in the largest unit that says enough.
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
            "next_try_at": null, "registered_at": 1, "guard_held_since": null, "partner_disabled": false, "now": 1000,
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
    fn whoever_has_what_the_episode_asks_for_can_play_it() {
        assert!(says(json!({}), Some(&["gold", "silver"])).starts_with("They can play it"));
        assert!(says(json!({}), None).starts_with("Spotify has what they are to hear: gold"));
        assert!(says(json!({}), Some(&[])).starts_with("This episode is free"));
    }

    #[test]
    fn whoever_has_not_paid_is_not_to_hear_it_linked_or_not() {
        for spotify in [
            json!({"linked": true, "entitlements": []}),
            json!({"linked": false}),
            json!({"error": "x"}),
        ] {
            let says = says(json!({"spotify": spotify}), Some(&["diamond"]));
            assert!(
                says.starts_with("They are not to hear it: the episode opens with diamond"),
                "{says}"
            );
        }
        assert!(says(json!({"desired": null}), Some(&["gold"])).contains("has given them nothing"));
    }

    #[test]
    fn whoever_is_not_linked_is_told_how_that_came() {
        let with = |state: &str, registered_at: i64| {
            says(
                json!({"spotify": {"linked": false}, "link": {"state": state, "since": 1, "evidence": "x"}, "registered_at": registered_at}),
                Some(&["gold"]),
            )
        };
        assert!(with("none", 1).starts_with("They have never linked"));
        assert!(with("unlinked", 1).starts_with("They are no longer linked"));
        assert!(with("linked", 1).starts_with("Spotify knows no link of theirs any more"));
        assert!(with("pending", 990).starts_with("They are linking their Spotify account at this moment"));
        assert!(with("pending", 100).starts_with("They began to link"));
        assert!(
            says(json!({"spotify": {"linked": false}, "partner_disabled": true}), None)
                .ends_with("the partner is disabled.")
        );
    }

    #[test]
    fn whoever_spotify_does_not_follow_yet_is_told_why_and_until_when() {
        let behind =
            json!({"spotify": {"linked": true, "entitlements": []}, "last_error": "unavailable", "next_try_at": 1060});
        let said = says(behind, Some(&["gold"]));
        assert_eq!(
            said,
            "Spotify has nothing and not yet what they are to hear, gold: Spotify does not answer, and is told again in 60 s."
        );
        let held = json!({"desired": [], "guard_held_since": 5, "spotify": {"linked": true, "entitlements": ["gold"]}, "last_error": "guard_held"});
        assert!(says(held, None).contains("the guard holds"));
        assert!(says(json!({"spotify": {"error": "timeout"}}), Some(&["gold"])).contains("Ask again in a while"));
    }
}
