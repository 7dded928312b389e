//! Owns which deployment a command is about, and what its functions are told: a stack, whose functions Lambda knows, or a file of variables. Needs the operator's
//! access to AWS. Refuses to judge any of it.

use std::{collections::BTreeMap, path::PathBuf};

use aws_config::SdkConfig;
use clap::Args;

use crate::error::CliError;

/// The functions, as the template names them after the stack.
pub(crate) const FUNCTIONS: [&str; 6] = ["entrypoint", "callback", "unlink", "entitlements", "sync", "partners"];

/// Variables of a function, by their names.
pub(crate) type Variables = BTreeMap<String, String>;

/// Which deployment.
#[derive(Args)]
pub(crate) struct StackArgs {
    /// The stack.
    #[arg(long, env = "STACK", required_unless_present = "variables")]
    stack: Option<String>,
    /// In place of a stack: a file of lines NAME=VALUE, as the sandbox prints them.
    #[arg(long)]
    variables: Option<PathBuf>,
}

impl StackArgs {
    /// The stack's name, where there is one.
    pub(crate) fn stack(&self) -> Option<&str> {
        self.stack.as_deref().filter(|_| self.variables.is_none())
    }

    /// Each function's variables.
    ///
    /// # Errors
    /// [`CliError`] when they cannot be had.
    pub(crate) async fn functions(&self, aws: &SdkConfig) -> Result<Vec<(String, Variables)>, CliError> {
        match (&self.variables, &self.stack) {
            (Some(file), _) => of_file(file),
            (None, Some(stack)) => of_stack(aws, stack).await,
            (None, None) => Err(CliError::new("either --stack or --variables is needed")),
        }
    }

    /// All variables that are set: what one function lacks another may have.
    ///
    /// # Errors
    /// As [`Self::functions`].
    pub(crate) async fn merged_variables(&self, aws: &SdkConfig) -> Result<Variables, CliError> {
        Ok(merged_variables(self.functions(aws).await?))
    }
}

/// As [`StackArgs::merged_variables`], of variables that are had.
pub(crate) fn merged_variables(functions: Vec<(String, Variables)>) -> Variables {
    let all = functions.into_iter().flat_map(|(_, variables)| variables);
    all.filter(|(_, value)| !value.is_empty()).collect()
}

/// As Lambda has them.
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
        let got = got.map_err(|error| CliError::aws(&format!("the function {name} cannot be looked at"), &error))?;
        let variables = got.environment().and_then(|environment| environment.variables());
        let variables = variables.into_iter().flatten();
        let variables = variables.map(|(name, value)| (name.clone(), value.clone()));
        functions.push((function.to_owned(), variables.collect()));
    }
    Ok(functions)
}

/// All functions with the same variables.
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
