//! Requests that are answered before the function sees them: they write, consume and call nothing.

use crate::{
    errors::Error,
    telemetry::Code,
    web::{Request, Resource, Response},
};

/// The answer to an unknown path, a method that the path does not have, a `HEAD`, or a prefetch; `None` for a request that the function answers.
pub(super) fn answer(request: &Request) -> Option<Result<Response, Error>> {
    if let Some(mapping) = request.path_mapping() {
        return Some(Err(Error::PathMapped(mapping.to_owned())));
    }
    let Some(resource) = request.route().and_then(|route| route.resource()) else {
        return Some(Err(Error::NotFound));
    };
    match request.method().as_str() {
        "HEAD" => Some(Ok(Response::no_content(Code::HeadAnswered))),
        method if !resource.methods().split(", ").any(|known| known == method) => {
            Some(Err(Error::MethodNotAllowed(resource.methods())))
        }
        // It would use up a state, a code or a token that the navigation after it needs.
        "GET" if resource != Resource::Redirect && request.is_prefetch() => {
            Some(Ok(Response::too_early(Code::PrefetchDeclined)))
        }
        _ => None,
    }
}
