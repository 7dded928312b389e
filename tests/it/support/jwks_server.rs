//! A server of a partner's JWK set, and test key pairs.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::{
    rsa::{KeySize, PrivateDecryptingKey},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::support::World;

/// What the URL serves.
#[derive(Clone)]
pub(crate) enum There {
    Keys(Vec<Value>),
    Answer(&'static str, String),
    /// The connection is closed without a response.
    Nothing,
    /// No response within any client's timeout.
    Silence,
}

/// A server of one JWK set.
pub(crate) struct JwksServer {
    pub(crate) url: String,
    there: Arc<Mutex<There>>,
    asked: Arc<AtomicUsize>,
}

impl JwksServer {
    pub(crate) async fn at_first(keys: &[&TestKey]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let there = Arc::new(Mutex::new(There::Nothing));
        let asked = Arc::new(AtomicUsize::new(0));
        let (at, count) = (there.clone(), asked.clone());
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let (at, count) = (at.clone(), count.clone());
                tokio::spawn(async move {
                    let mut request = vec![0; 4096];
                    let _ = connection.read(&mut request).await;
                    count.fetch_add(1, Ordering::SeqCst);
                    let there = at.lock().unwrap().clone();
                    let (status, body) = match there {
                        There::Keys(keys) => ("200 OK", json!({"keys": keys}).to_string()),
                        There::Answer(status, body) => (status, body),
                        There::Nothing => return,
                        There::Silence => {
                            tokio::time::sleep(Duration::from_secs(30)).await;
                            return;
                        }
                    };
                    let head = format!(
                        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                        body.len()
                    );
                    let _ = connection.write_all(format!("{head}{body}").as_bytes()).await;
                });
            }
        });
        let published = Self { url, there, asked };
        published.now_has(keys);
        published
    }

    /// Closes every connection without a response from now on.
    pub(crate) fn is_down(&self) {
        self.now(There::Nothing);
    }

    pub(crate) fn now(&self, there: There) {
        *self.there.lock().unwrap() = there;
    }

    pub(crate) fn now_has(&self, keys: &[&TestKey]) {
        self.now(There::Keys(keys.iter().map(|key| key.jwk.clone()).collect()));
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(crate) async fn world(&self) -> World {
        let variables = [("SITE_JWKS_URL", self.url.as_str()), ("BACKEND_JWKS_URL", &self.url)];
        World::with(sandbox::Options::default(), &variables).await
    }
}

/// A key pair of the partner.
pub(crate) struct TestKey {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: String,
    pub(crate) signing: EncodingKey,
    pub(crate) jwk: Value,
}

impl TestKey {
    pub(crate) fn new(algorithm: Algorithm, kid: &str) -> Self {
        let signing = match algorithm {
            Algorithm::ES256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
                EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref())
            }
            Algorithm::EdDSA => {
                let pair = Ed25519KeyPair::generate().unwrap();
                assert_eq!(pair.public_key().as_ref().len(), 32);
                EncodingKey::from_ed_der(pair.to_pkcs8v1().unwrap().as_ref())
            }
            _ => {
                let pair = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
                let pkcs8 = aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
                // The PKCS #1 key inside PKCS #8 (RFC 5958 §2: version and algorithm come first).
                EncodingKey::from_rsa_der(&pkcs8.as_ref()[26..])
            }
        };
        let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&signing, algorithm).unwrap()).unwrap();
        jwk["kid"] = kid.into();
        jwk["alg"] = format!("{algorithm:?}").into();
        jwk["use"] = "sig".into();
        Self {
            algorithm,
            kid: kid.to_owned(),
            signing,
            jwk,
        }
    }

    pub(crate) fn sign(&self, typ: &str, claims: &Value) -> String {
        let header = Header {
            typ: Some(typ.to_owned()),
            kid: Some(self.kid.clone()),
            ..Header::new(self.algorithm)
        };
        jsonwebtoken::encode(&header, claims, &self.signing).unwrap()
    }
}
