//! The partner's backend: signed requests to the functions.

use serde_json::{Value, json};
use shared::secret::sha256_hex;

use crate::support::{TestResponse, World};

impl World {
    /// Sends `POST /unlink` as the partner's backend.
    pub(crate) async fn backend_unlink(&self, jws: &str) -> TestResponse {
        self.backend_call("/unlink", jws).await
    }

    /// Sends a signed `POST` as the partner's backend.
    pub(crate) async fn backend_call(&self, path: &str, jws: &str) -> TestResponse {
        let request = self
            .http
            .post(self.gateway(path))
            .header("content-type", "application/jwt")
            .body(jws.to_owned());
        self.answered(request).await
    }
}

impl World {
    /// Replaces the entitlements of several people in one request. Each has the members of a person in a batch.
    pub(crate) async fn replace_for_many(&self, people: &[Value]) {
        let mut claims = self.request_claims("ada", &format!("batch at {}", self.clock.now()));
        claims.as_object_mut().unwrap().remove("sub");
        claims["people"] = json!(people);
        claims["aud"] = self.gateway("/replace-entitlements").into();
        let answer = self
            .backend_call("/replace-entitlements", &Self::request_token(&claims))
            .await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        self.advance(1);
    }

    /// The claims of a signed request to `path` about a demo person. `more` adds claims; a null removes one.
    pub(crate) fn to(&self, path: &str, person: &str, more: &Value) -> Value {
        let jti = sha256_hex(&format!("{path} {person} {more} {}", self.clock.now()));
        let mut claims = self.request_claims(person, &jti);
        claims["aud"] = self.gateway(path).into();
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    }

    pub(crate) async fn asks(&self, path: &str, claims: &Value) -> TestResponse {
        self.backend_call(path, &World::request_token(claims)).await
    }

    /// Changes entitlements as the backend; fails unless the response is 202. Returns its body.
    pub(crate) async fn write_entitlements(&self, operation: &str, person: &str, entitlements: &[&str]) -> Value {
        self.advance(1);
        let path = format!("/{operation}-entitlements");
        let answer = self
            .asks(&path, &self.to(&path, person, &json!({"entitlements": entitlements})))
            .await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (202, Some("application/json")),
            "{}",
            answer.body
        );
        serde_json::from_str(&answer.body).unwrap()
    }

    pub(crate) async fn read_entitlements(&self, person: &str) -> Value {
        self.advance(1);
        let answer = self
            .asks("/get-entitlements", &self.to("/get-entitlements", person, &json!({})))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }
}
