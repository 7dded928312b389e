//! The paths of the API and their methods, as in `infra/template.yaml`. The route `$default` gets every request that has no route of its own.

use crate::partner::PartnerId;

/// A path, split into partner and route.
#[derive(Debug, PartialEq, Eq)]
pub struct Route<'a> {
    /// The partner of `/partners/{partner_id}/…`.
    pub partner_id: Option<PartnerId>,
    /// The rest of the path, without the slash; empty for `/`.
    pub name: &'a str,
}

/// What is served at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A redirect that writes and consumes nothing, so that a browser may follow it ahead of time.
    Redirect,
    /// A page or redirect that writes, consumes or calls upstream.
    Page,
    /// The page and form of an unlink, and the call of a backend.
    PageAndForm,
    /// A call of a backend.
    Call,
}

impl Resource {
    /// The methods, as in `Allow`. `HEAD` is answered without asking the function (RFC 9110 §9.3.2).
    #[must_use]
    pub fn methods(self) -> &'static str {
        match self {
            Self::Redirect | Self::Page => "GET, HEAD",
            Self::PageAndForm => "GET, HEAD, POST",
            Self::Call => "HEAD, POST",
        }
    }
}

impl<'a> Route<'a> {
    /// Splits a path. Returns `None` if no route can match it.
    pub(super) fn parse(path: &'a str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        match path.strip_prefix("partners/") {
            Some(path) => {
                let (partner_id, name) = path.split_once('/')?;
                Some(Self {
                    partner_id: Some(PartnerId::parse(partner_id).ok()?),
                    name,
                })
            }
            None => Some(Self {
                partner_id: None,
                name: path,
            }),
        }
    }

    /// What is served at the path; `None` if there is no such path.
    #[must_use]
    pub fn resource(&self) -> Option<Resource> {
        let has_partner = self.partner_id.is_some();
        match self.name {
            "" | "callback" | "sign-in" if has_partner => None,
            "" | "link" => Some(Resource::Redirect),
            "entrypoint" | "callback" | "sign-in" | "sign-in/callback" | "account" | "sign-out" => Some(Resource::Page),
            "unlink" => Some(Resource::PageAndForm),
            "get-entitlements" | "add-entitlements" | "replace-entitlements" | "delete-entitlements" => {
                Some(Resource::Call)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn methods(path: &str) -> Option<&'static str> {
        Some(Route::parse(path)?.resource()?.methods())
    }

    #[test]
    fn a_known_path_has_methods_and_any_other_has_none() {
        for (path, expected) in [
            ("/", "GET, HEAD"),
            ("/link", "GET, HEAD"),
            ("/callback", "GET, HEAD"),
            ("/partners/abc/entrypoint", "GET, HEAD"),
            ("/partners/abc/sign-in/callback", "GET, HEAD"),
            ("/sign-out", "GET, HEAD"),
            ("/partners/abc/sign-out", "GET, HEAD"),
            ("/unlink", "GET, HEAD, POST"),
            ("/partners/abc/get-entitlements", "HEAD, POST"),
        ] {
            assert_eq!(methods(path), Some(expected), "{path}");
        }
        for path in [
            "",
            "//",
            "/partners",
            "/partners/abc",
            "/partners/abc/",
            "/partners/abc/callback",
            "/partners/abc/sign-in",
            "/Entrypoint",
            "/entrypoint/",
            "/favicon.ico",
            "/base/entrypoint",
        ] {
            assert_eq!(methods(path), None, "{path}");
        }
    }
}
