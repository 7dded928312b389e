//! The demo site, tested as a browser and as the functions.

mod plans;
mod provider;
mod sessions;
mod visit;

use jsonwebtoken::{DecodingKey, Validation};
use sandbox::{Endpoint, SignIn};
use serde_json::Value;

use self::visit::{Visit, visit_at};

async fn visit() -> Visit {
    visit_with(SignIn::Session).await
}

async fn visit_with(sign_in: SignIn) -> Visit {
    visit_at(Endpoint::Local(0), sign_in).await
}

impl Visit {
    fn session(&self) -> Option<&str> {
        self.cookies
            .iter()
            .find_map(|cookie| cookie.strip_prefix("wickerlight_session="))
    }

    fn claims(&self, token: &str) -> Value {
        let options = self.sandbox.options();
        let mut validation = Validation::new(jsonwebtoken::Algorithm::HS256);
        validation.set_audience(&[options.public_url(self.sandbox.addresses())]);
        validation.set_issuer(&[&self.sandbox.addresses().site]);
        jsonwebtoken::decode(token, &DecodingKey::from_secret(&options.site_key.secret), &validation)
            .unwrap()
            .claims
    }
}
