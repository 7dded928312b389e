//! The codes of the log: each event has one.

use std::fmt;

/// Declares the codes, each with the sentence that says what it means.
macro_rules! codes {
    ($($(#[$documentation:meta])* $name:ident = $code:literal, $sentence:literal;)*) => {
        /// A registered code. Alarms count them and the runbook explains them, so they stay as they are.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $($(#[$documentation])* #[doc = $sentence] $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code, as it stands in the log.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What it means.
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
    PartnerIdUnusual = "PARTNER_ID_UNUSUAL", "the partner id does not look like Spotify's: 22 characters of base 62";
    PartnerUnusable = "PARTNER_SETTINGS_UNUSABLE", "a partner's settings in the partners table are not what they must be; its people cannot be served";
    PartnerCreating = "PARTNER_CREATING", "an operator has Spotify create a partner";
    PartnerCreated = "PARTNER_CREATED", "Spotify has created a partner";
    PartnerUncertain = "PARTNER_CREATION_UNCERTAIN", "it is not known whether Spotify has created a partner: an operator has to find out";
    OperatorCommand = "OPERATOR_COMMAND", "an operator had something done";
    SignInNeeded = "SIGN_IN_NEEDED", "nobody is signed in: they were sent to the partner's sign-in, or told to go there";
    SignInSent = "SIGN_IN_SENT", "a person was sent to the partner's OpenID provider";
    SignedIn = "SIGN_IN_DONE", "a person signed in, and went on to where they had come for";
    SignInCancelled = "SIGN_IN_CANCELLED", "a person turned back at the partner's OpenID provider";
    SignInDown = "SIGN_IN_UNAVAILABLE", "the partner's OpenID provider is in trouble, silent, or answers nonsense";
    SignInRefused = "SIGN_IN_CLIENT_REFUSED", "the partner's OpenID provider refused us as its client";
    SignInClaims = "SIGN_IN_CLAIMS_UNUSABLE", "an ID token of the partner's OpenID provider lacks a claim that is configured, or has it in another form";
    KeysUnavailable = "KEYS_UNAVAILABLE", "the keys that the partner publishes cannot be had";
    NoEntitlements = "ENTRYPOINT_NO_ENTITLEMENTS", "a person has no entitlement yet, and was told what to buy";
    ConsentSent = "ENTRYPOINT_CONSENT_SENT", "a person was sent to Spotify's consent";
    ShowChosen = "ENTRYPOINT_SHOW_CHOSEN", "a person was sent to Spotify's link starter with a show";
    Completed = "CALLBACK_COMPLETED", "a link was registered and the person sent to Spotify's completion URL";
    Cancelled = "CALLBACK_CONSENT_REFUSED", "the person refused consent at Spotify";
    ConsentFailed = "CALLBACK_CONSENT_FAILED", "Spotify's consent ended in an error";
    StateRejected = "CALLBACK_STATE_REJECTED", "a state is unknown, spent, expired or another browser's";
    SessionChanged = "CALLBACK_SESSION_CHANGED", "the person signed out, or is another one, since the journey began";
    CodeRefused = "CALLBACK_CODE_REFUSED", "Spotify refused the authorization code";
    Conflict = "CALLBACK_CONFLICT", "Spotify refused the link: probably one of the two accounts is linked to another";
    AccountShown = "ACCOUNT_SHOWN", "a person was shown how they are linked";
    EntitlementsRead = "ENTITLEMENTS_READ", "the partner's backend asked what people may hear";
    EntitlementsWritten = "ENTITLEMENTS_WRITTEN", "the partner's backend said what people may hear, and it is durable";
    EntitlementsPartlyWritten = "ENTITLEMENTS_PARTLY_WRITTEN", "the partner's backend said what people may hear; it is durable of those alone of whom the answer says so";
    VersionMismatch = "ENTITLEMENTS_VERSION_MISMATCH", "a change was meant for another version than there is";
    SyncDone = "SYNC_DONE", "a run of sync ended; what it did is counted";
    SyncFailed = "SYNC_FAILED", "Spotify did not follow somebody; they will be tried again";
    SyncStopped = "SYNC_STOPPED", "Spotify refused our client, asked us to slow down or does not answer: a run of sync stopped before its end";
    GuardHeld = "GUARD_HELD", "rights would be taken away from more people than usual: further removals wait for an operator's release";
    EventsUnsent = "EVENTS_UNSENT", "EventBridge has not taken what was to be told; it is tried again";
    LinkConfirmed = "LINK_CONFIRMED", "Spotify has said that somebody is linked";
    LinkLost = "LINK_LOST", "Spotify has said that somebody is no longer linked";
    UnlinkAsked = "UNLINK_CONFIRMATION_SHOWN", "a person was asked to confirm unlinking";
    Unlinked = "UNLINK_DONE", "a link was removed, or there was none";
    FormRejected = "UNLINK_FORM_REJECTED", "an unlink form did not come from our page";
    TokenRejected = "TOKEN_REJECTED", "a token of the partner's was not good";
    RequestMalformed = "REQUEST_MALFORMED", "a request was malformed";
    SpotifyRefused = "SPOTIFY_REFUSED", "Spotify refused our client: secret, allow-list or scope";
    SpotifyLimited = "SPOTIFY_RATE_LIMITED", "Spotify asked us to slow down";
    SpotifyUnavailable = "SPOTIFY_UNAVAILABLE", "Spotify is in trouble or silent";
    SpotifyInvalidResponse = "SPOTIFY_INVALID_RESPONSE", "Spotify answered something that its API does not";
    CompletionRefused = "SPOTIFY_COMPLETION_URL_REFUSED", "Spotify's completion URL is not on a host of Spotify's";
    StoreUnavailable = "STORE_UNAVAILABLE", "DynamoDB is in trouble or silent";
    SecretsUnavailable = "SECRETS_UNAVAILABLE", "Secrets Manager is in trouble or silent";
    OutOfTime = "OUT_OF_TIME", "the function ran out of time";
    Fault = "FAULT", "a fault of ours or of the configuration";
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
    fn each_code_is_one_word_and_its_own() {
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
