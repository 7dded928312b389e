//! The examples of the RFCs, S-JWS-17. They fail a check of the content, which shows that their signatures verify.

use serde_json::{Value, json};

use super::{AUDIENCE, Signer, Subject, flipped, key_set, session, verdict};
use crate::jws::{JwsError, TokenKind, UnverifiedJws, Verifier, sign};

/// The payload of RFC 7515 A.1 to A.3.
const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

fn example(jwk: &Value, token: &str, verdict: JwsError) {
    let keys = key_set(&[jwk]);
    let verifier = Verifier {
        keys: &keys,
        kind: TokenKind::Session,
        issuer: "joe",
        audience: AUDIENCE,
    };
    let verify = |token: &str| {
        let jws = UnverifiedJws::parse(token).unwrap();
        verifier.verify::<Subject>(&jws, 1_300_819_000).err()
    };
    assert_eq!(verify(token), Some(verdict));
    assert_eq!(verify(&flipped(token)), Some(JwsError::Signature));
    let longer = format!("{token}AAAA");
    assert_eq!(verify(&longer), Some(JwsError::Signature));
}

#[test]
fn the_hs256_example_of_rfc_7515_a_1_verifies() {
    let jwk = json!({
        "kty": "oct",
        "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    });
    let token = format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{JOE}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    example(&jwk, &token, JwsError::Claim("aud"));
}

#[test]
fn the_rs256_example_of_rfc_7515_a_2_verifies() {
    let jwk = json!({
        "kty": "RSA",
        "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2l\
            ZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2\
            R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDT\
            W9gb54h4FRWyuXpoQ",
        "e": "AQAB",
    });
    let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJ\
        dbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6\
        _dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN\
        _IoypGlUPQGe77Rw";
    example(
        &jwk,
        &format!("eyJhbGciOiJSUzI1NiJ9.{JOE}.{signature}"),
        JwsError::Claim("aud"),
    );
}

#[test]
fn the_es256_example_of_rfc_7515_a_3_verifies() {
    let jwk = json!({
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let token = format!("eyJhbGciOiJFUzI1NiJ9.{JOE}.{signature}");
    // 64 bytes need 86 characters, so four more characters are still valid base64url.
    example(&jwk, &token, JwsError::Claim("aud"));
}

#[test]
fn the_eddsa_example_of_rfc_8037_a_4_verifies() {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
        hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    // The payload is a sentence, not JSON.
    example(&jwk, token, JwsError::Payload);
}

#[test]
fn the_hs256_example_of_rfc_7520_4_4_verifies() {
    let jwk = json!({
        "kty": "oct",
        "kid": "018c0ae5-4d9b-471b-bfd6-eef314bc7037",
        "use": "sig",
        "alg": "HS256",
        "k": "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",
    });
    let token = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9.\
        SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlm\
        IHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.\
        s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0";
    example(&jwk, token, JwsError::Payload);
}

#[test]
fn the_examples_of_rfc_7515_a_5_and_appendix_e_are_rejected() {
    for token in [
        format!("eyJhbGciOiJub25lIn0.{JOE}."),
        "eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERUZJTkVEIl0sDQogImh0dHA6Ly9leGFtcGxlLmNvbS9VTkRFRk\
            lORUQiOnRydWUNCn0.RkFJTA."
            .to_owned(),
    ] {
        assert_eq!(session(&token), Err(JwsError::Malformed));
    }
}

#[test]
fn a_payload_signed_for_spotify_is_rejected_as_a_token() {
    // S-JWS-7: the payload lacks `iss`, so it is rejected even if the client secret is a site key.
    let secret = "00000000000000000000000000000000";
    let keys = Signer::hmac(secret.as_bytes()).keys();
    let payload = json!({
        "partner_id": "0000000000000000000000",
        "partner_user_id": "0123456789abcdef",
        "entitlements": ["gold"],
    });
    let jws = sign(&payload, secret).unwrap();
    assert_eq!(
        verdict(&keys, TokenKind::Session, jws.expose()),
        Err(JwsError::Claim("iss"))
    );
    for kind in [TokenKind::Handoff, TokenKind::Request] {
        assert_eq!(verdict(&keys, kind, jws.expose()), Err(JwsError::Typ));
    }
    // S-JWS-16: the key bytes are the characters of the secret, so only the changed signature fails.
    assert_eq!(
        verdict(&keys, TokenKind::Session, &flipped(jws.expose())),
        Err(JwsError::Signature)
    );
}
