//! The page that asks for confirmation before unlinking.

use maud::html;

use super::PageContext;
use crate::web::Html;

/// The page that asks whether to unlink.
#[derive(Clone, Debug)]
pub struct UnlinkConfirmation<'a> {
    /// The sealed form, which the browser posts back unchanged.
    pub form_token: &'a str,
}

impl UnlinkConfirmation<'_> {
    /// The page. Its form is posted to the page's own URL.
    #[must_use]
    pub fn html(&self, context: &PageContext<'_>) -> Html {
        let (title, text) = if context.return_to.relink {
            ("unlink-to-relink", "unlink-to-relink.text")
        } else {
            ("unlink", "unlink.text")
        };
        let form = html! {
            p { (context.text(text)) }
            form method="post" action=(context.return_to.path()) {
                input type="hidden" name="form_token" value=(self.form_token);
                button.step type="submit" { (context.text("unlink.step")) }
            }
            @if let Some(url) = &context.branding.return_url { p { a.other href=(url) { (context.text("unlink.keep")) } } }
        };
        context.render(title, &form, true)
    }
}
