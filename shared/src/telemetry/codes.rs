//! Log codes. Each event has exactly one.

use std::fmt;

/// Declares the codes: variant, text in the log, and a sentence that says what happened.
macro_rules! codes {
    ($($(#[$documentation:meta])* $name:ident = $code:literal, $sentence:literal;)*) => {
        /// A registered log code. Its text never changes, because alarms count it and the runbook explains it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $($(#[$documentation])* #[doc = $sentence] $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as the log contains it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// A sentence that says what happened.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self { $(Self::$name => $sentence,)* }
            }
        }
    };
}

codes! {
    Started = "FUNCTION_STARTED", "the function is ready";
    NotStarted = "FUNCTION_NOT_STARTED", "the function cannot start";
    PartnerIdUnusual = "PARTNER_ID_UNUSUAL", "the Partner ID does not have the usual length of 22 characters";
    PartnerUnusable = "PARTNER_SETTINGS_UNUSABLE", "a partner's settings in the partners table are invalid; requests for this partner fail";
    PartnerCreating = "PARTNER_CREATING", "Spotify is asked to create a partner";
    PartnerCreated = "PARTNER_CREATED", "Spotify has created a partner";
    PartnerUncertain = "PARTNER_CREATION_UNCERTAIN", "the outcome of a partner creation is unknown or not stored; an operator must resolve it";
    OperatorCommand = "OPERATOR_COMMAND", "an operator sent a command";
    SignInNeeded = "SIGN_IN_NEEDED", "the person is not signed in and is redirected to the partner's sign-in, or asked to sign in";
    SessionRejected = "SESSION_REJECTED", "a session cookie is invalid, so the person counts as signed out; the reason says why";
    SignInSent = "SIGN_IN_SENT", "the person is redirected to the partner's OpenID provider";
    SignedIn = "SIGN_IN_DONE", "the person has signed in and is redirected to the page they came for";
    SignInCancelled = "SIGN_IN_CANCELLED", "the person cancelled at the partner's OpenID provider";
    SignInDown = "SIGN_IN_UNAVAILABLE", "the partner's OpenID provider is unavailable, too slow, or sends an invalid response";
    SignInRefused = "SIGN_IN_CLIENT_REFUSED", "the partner's OpenID provider refused our client";
    SignInClaims = "SIGN_IN_CLAIMS_UNUSABLE", "an ID token of the partner's OpenID provider lacks a configured claim, or the claim is malformed";
    SignInNamesIgnored = "SIGN_IN_ENTITLEMENTS_IGNORED", "an ID token has names that are no entitlements, for example because of a comma; the others are used";
    KeysUnavailable = "KEYS_UNAVAILABLE", "the partner's published keys are not available";
    NoEntitlements = "ENTRYPOINT_NO_ENTITLEMENTS", "the person has no entitlements and is not linked";
    ConsentSent = "ENTRYPOINT_CONSENT_SENT", "the person is redirected to Spotify's consent";
    ShowChosen = "ENTRYPOINT_SHOW_CHOSEN", "the person is redirected to Spotify's link starter with a show";
    Completed = "CALLBACK_COMPLETED", "Spotify has registered the link; the person is redirected to its completion URL";
    Cancelled = "CALLBACK_CONSENT_REFUSED", "the person refused consent at Spotify";
    ConsentFailed = "CALLBACK_CONSENT_FAILED", "Spotify's consent ended in an error";
    StateRejected = "CALLBACK_STATE_REJECTED", "the state is unknown, used, expired, or another browser's or provider's";
    SessionChanged = "CALLBACK_SESSION_CHANGED", "the person signed out, or another person signed in, since the journey began";
    CodeRefused = "CALLBACK_CODE_REFUSED", "the authorization code was refused, by Spotify or by the partner's OpenID provider";
    Conflict = "CALLBACK_CONFLICT", "Spotify refused the link, most likely because one of the two accounts is linked already";
    AccountShown = "ACCOUNT_SHOWN", "the account page shows the state of the link";
    EntitlementsRead = "ENTITLEMENTS_READ", "the partner's backend read entitlements";
    EntitlementsWritten = "ENTITLEMENTS_WRITTEN", "the partner's backend wrote entitlements; the write is durable";
    EntitlementsPartlyWritten = "ENTITLEMENTS_PARTLY_WRITTEN", "the partner's backend wrote entitlements, but some of the writes failed";
    EntitlementsSuperseded = "ENTITLEMENTS_SUPERSEDED", "the partner's backend sent a state that is older than the stored one, so it was not applied";
    RequestRepeated = "REQUEST_REPEATED", "the partner's backend repeated a signed request; it has had its effect, so nothing was done";
    VersionMismatch = "ENTITLEMENTS_VERSION_MISMATCH", "the partner's backend named a version that is not the current one";
    SyncDone = "SYNC_DONE", "a sync run has ended, with these counts";
    SyncFailed = "SYNC_FAILED", "the sync of a subscriber, or a whole run, failed and will be retried";
    SyncStopped = "SYNC_STOPPED", "a sync run stopped early, for all partners or for one; the reason says what Spotify did";
    GuardHeld = "GUARD_HELD", "the revocation guard holds further removals of this partner until an operator releases it";
    EventsUnsent = "EVENTS_UNSENT", "EventBridge did not accept all events; they will be sent again";
    LinkConfirmed = "LINK_CONFIRMED", "Spotify has confirmed a link";
    RecordSetAside = "RECORD_SET_ASIDE", "a stream record can never succeed, so it is in the dead-letter queue; the reason says why";
    UnlinksHeld = "UNLINKS_HELD", "Spotify reports many links of this partner as missing; none is marked unlinked until an operator releases the brake";
    LinkSuspect = "LINK_SUSPECT", "Spotify answered 404 for a linked subscriber; the link is checked again after ten minutes";
    LinkRestored = "LINK_RESTORED", "Spotify has a link again that it had reported as missing";
    LinkLost = "LINK_LOST", "Spotify answered 404 twice for a subscriber who was linked";
    LinkEnded = "LINK_ENDED", "Spotify confirmed an unlink that was made here";
    LinkNotCompleted = "LINK_NOT_COMPLETED", "a link was registered, but Spotify never completed it";
    UnlinkAsked = "UNLINK_CONFIRMATION_SHOWN", "the person is asked to confirm unlinking";
    Unlinked = "UNLINK_DONE", "the subscriber is no longer linked, or was not linked";
    VisitEnded = "VISIT_ENDED", "a person's visit to our pages has ended, at their request or at that of the partner's site";
    FormRejected = "UNLINK_FORM_REJECTED", "an unlink form did not come from our page, or has expired";
    HeadAnswered = "HEAD_ANSWERED", "a HEAD request of a known path was answered without a body";
    RootRedirected = "ROOT_REDIRECTED", "a visitor of / is redirected to the partner's site";
    PathMapped = "PATH_MAPPING_UNSUPPORTED", "the custom domain maps a path to the API, which must have a domain of its own; the reason names the path";
    PrefetchDeclined = "PREFETCH_DECLINED", "a browser's prefetch was declined; nothing was read, written or consumed";
    TokenRejected = "TOKEN_REJECTED", "a token or signed request of the partner is invalid or already used";
    RequestMalformed = "REQUEST_MALFORMED", "the request is malformed or too large, or its path or method does not exist";
    SpotifyRefused = "SPOTIFY_REFUSED", "Spotify refused our client: secret, allow-list or scope";
    SpotifyLimited = "SPOTIFY_RATE_LIMITED", "Spotify limits our rate";
    SpotifyUnavailable = "SPOTIFY_UNAVAILABLE", "Spotify is unavailable or does not answer in time";
    SpotifyInvalidResponse = "SPOTIFY_INVALID_RESPONSE", "Spotify's response does not match its API";
    CompletionRefused = "SPOTIFY_COMPLETION_URL_REFUSED", "Spotify's completion URL is malformed or not on a Spotify host";
    StoreUnavailable = "STORE_UNAVAILABLE", "DynamoDB is unavailable or does not answer in time";
    SecretsUnavailable = "SECRETS_UNAVAILABLE", "Secrets Manager is unavailable, and no cached secret may be used";
    OutOfTime = "OUT_OF_TIME", "the function ran out of time";
    Fault = "FAULT", "an internal or configuration error occurred";
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_a_unique_upper_case_word() {
        let mut codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert!(
            codes
                .iter()
                .all(|code| code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'))
        );
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Code::ALL.len());
    }
}
