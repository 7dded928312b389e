//! The demo publisher's logo and icon: a lighthouse lamp in its colour.

use axum::{
    body::Body,
    http::header,
    response::{IntoResponse as _, Response},
};

const MARK: &str = r##"<rect width="32" height="32" rx="8" fill="#8a4b08"/><path d="M13 24l1.5-12h3L19 24z" fill="#fff"/><circle cx="16" cy="9.5" r="2.5" fill="#ffd166"/><path d="M19.5 8.5l6-2.5v7zM12.5 8.5l-6-2.5v7z" fill="#ffd166" opacity=".55"/>"##;

/// The square icon.
pub(super) async fn icon() -> Response<Body> {
    svg(format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">{MARK}</svg>"#
    ))
}

/// The logo: the mark and the name, readable on light and on dark paper.
pub(super) async fn logo() -> Response<Body> {
    svg(format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 168 32">{MARK}<text x="42" y="22.5" textLength="122" lengthAdjust="spacingAndGlyphs" font-family="Georgia,serif" font-size="20" font-weight="700" fill="#b8702a">Wickerlight</text></svg>"##
    ))
}

fn svg(image: String) -> Response<Body> {
    (
        [
            (header::CONTENT_TYPE, "image/svg+xml"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ],
        image,
    )
        .into_response()
}
