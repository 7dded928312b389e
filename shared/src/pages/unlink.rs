//! The page that asks for confirmation before unlinking.

use maud::html;

use super::{PageContext, icons::Tone};
use crate::web::Html;

/// The page that asks whether to unlink.
#[derive(Clone, Debug)]
pub struct UnlinkConfirmation<'a> {
    /// The person's name on the partner's site; `None` if unknown.
    pub name: Option<&'a str>,
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
            (context.identity(self.name))
            p { (context.text(text)) }
            form method="post" action=(context.return_to.path()) {
                input type="hidden" name="form_token" value=(self.form_token);
                button.danger type="submit" { (context.text("unlink.step")) }
            }
            @if let Some(url) = &context.branding.return_url { a.second href=(url) { (context.text("unlink.keep")) } }
        };
        context.render(title, Some(Tone::Warning), &form, true)
    }
}
