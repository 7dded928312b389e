//! Tokens of the partner's site and backend: keys, claims and signatures.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use sandbox::Key;
use serde_json::{Value, json};
use shared::jws::LEEWAY;

use crate::support::World;

/// The signing key of the partner's backend.
pub(crate) fn backend_key() -> Key {
    Key {
        kid: "backend".to_owned(),
        secret: b"the backend's key, 32 bytes or more".to_vec(),
    }
}

impl World {
    /// The claims of a session token of the site.
    pub(crate) fn session_claims(&self, person: &str) -> Value {
        let now = self.clock.now();
        json!({
            "iss": self.sandbox.options().site_issuer(self.sandbox.addresses()),
            "aud": self.sandbox.addresses().gateway,
            "sub": self.person(person).sub,
            "iat": now,
            "exp": now + 3600,
            "entitlements": self.person(person).entitlements,
        })
    }

    pub(crate) fn handoff_claims(&self, person: &str, nonce: &str, jti: &str) -> Value {
        let mut claims = self.session_claims(person);
        claims["exp"] = (self.clock.now() + 120).into();
        claims["jti"] = jti.into();
        claims["nonce"] = nonce.into();
        claims
    }

    pub(crate) fn request_claims(&self, person: &str, jti: &str) -> Value {
        let now = self.clock.now();
        json!({
            "iss": self.sandbox.options().site_issuer(self.sandbox.addresses()),
            "aud": self.gateway("/unlink"),
            "iat": now,
            "exp": now + 300,
            "jti": jti,
            "partner_id": self.sandbox.options().partner_id,
            "sub": self.person(person).sub,
        })
    }

    pub(crate) fn site_token(&self, typ: &str, claims: &Value) -> String {
        signed(&self.sandbox.options().site_key, typ, claims)
    }

    pub(crate) fn request_token(claims: &Value) -> String {
        signed(&backend_key(), "soa-request+jwt", claims)
    }
}

/// Clock difference that the verifier tolerates, in seconds; tests step over it.
pub(crate) const CLOCK_LEEWAY: i64 = LEEWAY;

pub(crate) fn signed(key: &Key, typ: &str, claims: &Value) -> String {
    let header = Header {
        typ: Some(typ.to_owned()),
        kid: Some(key.kid.clone()),
        ..Header::new(Algorithm::HS256)
    };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(&key.secret)).unwrap()
}
