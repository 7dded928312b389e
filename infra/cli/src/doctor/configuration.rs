//! Checks of the functions' variables.

use std::collections::BTreeMap;

use shared::config::{
    CallbackConfig, Config, EntitlementsConfig, EntrypointConfig, Environment, PartnersConfig, SyncConfig, UnlinkConfig,
};

use super::Findings;
use crate::stack::Variables;

/// Checks whether each function would start with its variables. Functions with the same problems share one finding.
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
            None => findings.ok(format!("{functions}: variables are valid")),
            Some(problems) => findings.fail(
                format!("{functions}: {problems}"),
                "change the stack's parameters and deploy. functions/README.md, Variables, describes each one.",
            ),
        }
    }
}

/// The problems that would keep a function from starting. Returns `None` if there are no problems.
fn problems(function: &str, variables: &Variables) -> Option<String> {
    // Lambda sets these itself, so they are missing from a function's configuration.
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
