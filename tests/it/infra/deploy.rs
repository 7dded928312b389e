//! `infra/deploy.sh`, which `make deploy` runs. `aws`, `sam` and `make` are replaced by programs that record their arguments.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::support::template::{ROOT, resources, template};

/// What one run of the script did.
struct Run {
    code: i32,
    errors: String,
    /// Each call: the program and its arguments, in one line.
    calls: Vec<String>,
}

impl Run {
    /// The programs that were called, in order.
    fn programs(&self) -> Vec<&str> {
        let words = self.calls.iter().map(|call| call.split(' ').next().unwrap());
        words.collect()
    }

    /// The stack policies that were set, in order. Checks the call's other arguments.
    fn policies(&self, options: &str) -> Vec<Value> {
        let set = format!("aws cloudformation set-stack-policy {options} --stack-policy-body ");
        let calls = self.calls.iter().filter(|call| call.starts_with("aws "));
        calls
            .map(|call| {
                let body = call.strip_prefix(&set).unwrap_or_else(|| panic!("{call}"));
                serde_json::from_str(body).unwrap()
            })
            .collect()
    }
}

fn program(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs the script for the stage `prod` in a folder of its own, with this `samconfig.toml`. `failing` is a program that fails.
fn deploy(test: &str, samconfig: &str, failing: &str, allow_key_update: bool) -> Run {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("deploy-{test}-{}", std::process::id()));
    let (bin, infra, calls) = (folder.join("bin"), folder.join("infra"), folder.join("calls"));
    fs::create_dir_all(&bin).unwrap();
    fs::create_dir_all(&infra).unwrap();
    symlink(format!("{ROOT}/.venv"), folder.join(".venv")).unwrap();
    for file in ["deploy.sh", "stack-policy.json"] {
        fs::copy(format!("{ROOT}/infra/{file}"), infra.join(file)).unwrap();
    }
    fs::write(infra.join("samconfig.toml"), samconfig).unwrap();
    for name in ["aws", "make", "sam"] {
        let record = r#"echo "${0##*/} $*" | tr -s '\n ' ' ' >>"$CALLS"; echo >>"$CALLS""#;
        let end = if name == failing { "exit 3" } else { "exit 0" };
        program(&bin.join(name), &format!("#!/bin/sh\n{record}\n{end}\n"));
    }
    let output = Command::new("bash")
        .args(["-c", r#"PATH="$1:$PATH" exec infra/deploy.sh prod"#, "bash"])
        .arg(&bin)
        .current_dir(&folder)
        .env("CALLS", &calls)
        .env("SAM", bin.join("sam"))
        .env("ALLOW_KEY_UPDATE", if allow_key_update { "1" } else { "" })
        .output()
        .unwrap();
    let calls = fs::read_to_string(&calls).unwrap_or_default();
    fs::remove_dir_all(&folder).unwrap();
    Run {
        code: output.status.code().unwrap(),
        errors: String::from_utf8(output.stderr).unwrap(),
        calls: calls.lines().map(|line| line.trim_end().to_owned()).collect(),
    }
}

/// A `samconfig.toml` with one stage, as SAM writes it.
fn samconfig(stack: &str) -> String {
    format!("version = 0.1\n[prod.global.parameters]\nstack_name = \"{stack}\"\n")
}

fn full_policy() -> Value {
    serde_json::from_str(&fs::read_to_string(format!("{ROOT}/infra/stack-policy.json")).unwrap()).unwrap()
}

#[test]
fn a_deployment_sets_the_stack_policy_afterwards() {
    let run = deploy("plain", &samconfig("soa-link-prod"), "", false);
    assert_eq!(run.code, 0, "{}", run.errors);
    assert_eq!(run.programs(), ["make", "sam", "aws"]);
    assert!(run.calls[0].ends_with(" build STAGE=prod"), "{}", run.calls[0]);
    // An unchanged stack is not an error, so that its policy is set as well.
    assert_eq!(
        run.calls[1],
        "sam deploy --config-env prod --no-fail-on-empty-changeset"
    );
    assert_eq!(run.policies("--stack-name soa-link-prod"), [full_policy()]);
    let failed = deploy("failed", &samconfig("soa-link-prod"), "sam", false);
    assert_eq!((failed.code, failed.programs()), (3, vec!["make", "sam"]));
    let not_built = deploy("not-built", &samconfig("soa-link-prod"), "make", true);
    assert_eq!((not_built.code, not_built.programs()), (3, vec!["make"]));
}

/// With the override the deployment may update the keys' tags and KMS key, and never replace the secret.
#[test]
fn an_override_relaxes_the_stack_policy_for_one_deployment_even_if_it_fails() {
    let mut relaxed = full_policy();
    let last = relaxed["Statement"].as_array_mut().unwrap().pop().unwrap();
    assert_eq!(last["Resource"], "LogicalResourceId/PartnerKeys");
    for (failing, code) in [("", 0), ("sam", 3)] {
        let run = deploy(&format!("override-{code}"), &samconfig("soa-link-prod"), failing, true);
        assert_eq!(run.code, code, "{}", run.errors);
        assert_eq!(run.programs(), ["make", "aws", "sam", "aws"]);
        assert_eq!(
            run.policies("--stack-name soa-link-prod"),
            [relaxed.clone(), full_policy()]
        );
    }
}

/// The stack policy goes to the region and account of the deployment.
#[test]
fn the_stack_policy_is_set_with_the_options_of_sam() {
    let samconfig = samconfig("not-this") + "region = \"us-east-1\"\n[prod.deploy.parameters]\n";
    let samconfig = samconfig + "stack_name = \"this\"\nregion = \"eu-west-1\"\nprofile = \"operator\"\n";
    let run = deploy("options", &samconfig, "", false);
    let options = "--stack-name this --region eu-west-1 --profile operator";
    assert_eq!(run.policies(options), [full_policy()], "{}", run.errors);
}

/// A name derived from a longer stack name would exceed a limit of AWS only after half of the stack exists.
#[test]
fn a_stack_name_that_is_too_long_is_rejected_before_the_build() {
    // Functions and schedules have names of at most 64 characters.
    let template = template();
    let functions = resources(&template, "AWS::Serverless::Function");
    let schedules = functions["SyncFunction"]["Events"].as_object().unwrap().values();
    let schedules = schedules.filter_map(|event| event["Properties"].get("Name"));
    let names = functions.values().map(|function| &function["FunctionName"]);
    let longest = names
        .chain(schedules)
        .map(|name| name["Fn::Sub"].as_str().unwrap().replace("${AWS::StackName}", "").len())
        .max()
        .unwrap();
    let limit = 64 - longest;
    assert_eq!(limit, 51);
    let run = deploy("longest", &samconfig(&"a".repeat(limit)), "", false);
    assert_eq!(run.code, 0, "{}", run.errors);
    let run = deploy("too-long", &samconfig(&"a".repeat(limit + 1)), "", false);
    assert_eq!((run.code, run.calls.len()), (2, 0));
    assert!(
        run.errors.contains("has 52 characters, and at most 51 are possible"),
        "{}",
        run.errors
    );
    let run = deploy("unnamed", "version = 0.1\n", "", false);
    assert_eq!((run.code, run.calls.len()), (2, 0));
    assert!(
        run.errors.contains("no stack_name for the stage prod"),
        "{}",
        run.errors
    );
}
