//! The variables of the functions: whether each would start with its own.

use std::collections::BTreeMap;

use shared::config::{
    CallbackConfig, Config, EntitlementsConfig, EntrypointConfig, Environment, PartnersConfig, SyncConfig, UnlinkConfig,
};

use super::Findings;
use crate::stack::Variables;

/// Whether each function would start with its variables; what is wrong with several is said once.
pub(super) fn configuration(functions: &[(String, Variables)], findings: &mut Findings) {
    let mut of_functions: BTreeMap<Option<String>, Vec<&str>> = BTreeMap::new();
    for (function, variables) in functions {
        of_functions
            .entry(problems(function, variables))
            .or_default()
            .push(function);
    }
    for (problems, functions) in of_functions {
        let functions = functions.join(", ");
        match problems {
            None => findings.ok(format!("{functions}: the variables are what they must be")),
            Some(problems) => findings.fail(
                format!("{functions}: {problems}"),
                "Change the stack's parameters, and deploy. functions/README.md, Variables, says what each is.",
            ),
        }
    }
}

/// Why a function would not start with these, if it would not.
fn problems(function: &str, variables: &Variables) -> Option<String> {
    // Lambda's own, which its configuration does not show.
    let lambdas_own =
        ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| (name.to_owned(), "x".to_owned()));
    let environment: Environment = lambdas_own.into_iter().chain(variables.clone()).collect();
    let problems = match function {
        "entrypoint" => EntrypointConfig::from_environment(environment).err(),
        "callback" => CallbackConfig::from_environment(environment).err(),
        "unlink" => UnlinkConfig::from_environment(environment).err(),
        "entitlements" => EntitlementsConfig::from_environment(environment).err(),
        "sync" => SyncConfig::from_environment(environment).err(),
        _ => PartnersConfig::from_environment(environment).err(),
    };
    problems.map(|problems| problems.to_string())
}
