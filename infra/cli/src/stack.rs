//! Selects the deployment of a command, and reads the variables of its functions from Lambda or from a file. This module must not judge the values.

use std::{collections::BTreeMap, path::PathBuf};

use aws_config::SdkConfig;
use clap::Args;

use crate::error::CliError;

/// Names of the functions. The template prefixes them with the stack's name.
pub(crate) const FUNCTIONS: [&str; 6] = ["entrypoint", "callback", "unlink", "entitlements", "sync", "partners"];

/// Environment variables of a function, by name.
pub(crate) type Variables = BTreeMap<String, String>;

/// Arguments that select a deployment.
#[derive(Args)]
pub(crate) struct StackArgs {
    /// Name of the CloudFormation stack.
    #[arg(long, env = "STACK", required_unless_present = "variables")]
    stack: Option<String>,
    /// File of NAME=VALUE lines to read instead of a stack, such as the sandbox's.
    #[arg(long)]
    variables: Option<PathBuf>,
}

impl StackArgs {
    /// The stack's name. Returns `None` if the variables come from a file.
    pub(crate) fn stack(&self) -> Option<&str> {
        self.stack.as_deref().filter(|_| self.variables.is_none())
    }

    /// Reads the variables of each function.
    ///
    /// # Errors
    /// [`CliError`] if the file or a function's configuration cannot be read. A retry is safe.
    pub(crate) async fn functions(&self, aws: &SdkConfig) -> Result<Vec<(String, Variables)>, CliError> {
        match (&self.variables, &self.stack) {
            (Some(file), _) => of_file(file),
            (None, Some(stack)) => of_stack(aws, stack).await,
            (None, None) => Err(CliError::new("--stack or --variables is required")),
        }
    }

    /// Reads the variables of all functions as one map: a variable may be set for some functions only.
    ///
    /// # Errors
    /// The errors of [`Self::functions`].
    pub(crate) async fn merged_variables(&self, aws: &SdkConfig) -> Result<Variables, CliError> {
        Ok(merged_variables(self.functions(aws).await?))
    }
}

/// Merges the variables of all functions, without empty ones.
pub(crate) fn merged_variables(functions: Vec<(String, Variables)>) -> Variables {
    let all = functions.into_iter().flat_map(|(_, variables)| variables);
    all.filter(|(_, value)| !value.is_empty()).collect()
}

/// Reads the variables from Lambda, at the alias `live`.
async fn of_stack(aws: &SdkConfig, stack: &str) -> Result<Vec<(String, Variables)>, CliError> {
    let lambda = aws_sdk_lambda::Client::new(aws);
    let mut functions = Vec::new();
    for function in FUNCTIONS {
        let name = format!("{stack}-{function}");
        let got = lambda
            .get_function_configuration()
            .function_name(&name)
            .qualifier("live")
            .send()
            .await;
        let got = got
            .map_err(|error| CliError::aws(&format!("cannot read the configuration of the function {name}"), &error))?;
        let variables = got.environment().and_then(|environment| environment.variables());
        let variables = variables.into_iter().flatten();
        let variables = variables.map(|(name, value)| (name.clone(), value.clone()));
        functions.push((function.to_owned(), variables.collect()));
    }
    Ok(functions)
}

/// Reads the variables from a file; all functions get the same.
fn of_file(file: &PathBuf) -> Result<Vec<(String, Variables)>, CliError> {
    let text = std::fs::read_to_string(file).map_err(|error| CliError::new(format!("{}: {error}", file.display())))?;
    let lines = text.lines().filter_map(|line| line.split_once('='));
    let variables: Variables = lines
        .map(|(name, value)| (name.trim().to_owned(), value.to_owned()))
        .collect();
    Ok(FUNCTIONS
        .map(|function| (function.to_owned(), variables.clone()))
        .into())
}
