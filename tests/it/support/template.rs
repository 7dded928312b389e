//! `infra/template.yaml` as JSON: as it is written, and as it is after its transforms.

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::{Map, Value, json};

pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The template as JSON, its short forms (`!Ref`) written out, by the decoder of cfn-lint.
pub(crate) fn template() -> Value {
    told(
        "import json; from cfnlint.decode import decode; t, errors = decode('infra/template.yaml'); assert not errors, errors; print(json.dumps(t))",
    )
}

/// The JSON that a script writes, by the Python of SAM.
pub(crate) fn told(script: &str) -> Value {
    let python = format!("{ROOT}/.venv/sam/bin/python");
    let output = Command::new(python)
        .args(["-c", script])
        .current_dir(ROOT)
        .output()
        .expect("`make setup` installs .venv/sam");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The template as it is after its transforms, with one set of parameters.
pub(crate) struct Transformed {
    /// What CloudFormation makes resources of.
    pub(crate) template: Value,
    /// Each function's properties, with every parameter and condition resolved.
    pub(crate) functions: BTreeMap<String, Value>,
}

/// The template as it is after its transforms, for each set of parameters. `with_globals`: whether the first transform resolves `Globals` too.
pub(crate) fn transform(
    bucket: &str,
    key: &str,
    parameters: &[Map<String, Value>],
    with_globals: bool,
) -> Vec<Transformed> {
    let asked = json!({"bucket": bucket, "key": key, "parameters": parameters, "globals": with_globals});
    let mut python = Command::new(format!("{ROOT}/.venv/sam/bin/python"))
        .args(["-c", include_str!("transform.py")])
        .env("AWS_DEFAULT_REGION", "eu-west-1")
        .current_dir(ROOT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("`make setup` installs .venv/sam");
    python
        .stdin
        .take()
        .unwrap()
        .write_all(asked.to_string().as_bytes())
        .unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let results: Vec<Map<String, Value>> = serde_json::from_slice(&output.stdout).unwrap();
    let results = results.into_iter().map(|mut result| Transformed {
        template: result.remove("template").unwrap(),
        functions: result["functions"].as_object().unwrap().clone().into_iter().collect(),
    });
    results.collect()
}

/// As CloudFormation gets it, with the parameters' defaults.
pub(crate) fn transformed() -> Value {
    transform("bucket", "{}.zip", &[Map::new()], false).remove(0).template
}

pub(crate) fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

/// A policy's statements, those of a condition too.
pub(crate) fn statements(policy: &Value) -> Vec<Value> {
    let all = list(&policy["PolicyDocument"]["Statement"]).into_iter();
    all.map(|statement| match statement.get("Fn::If") {
        Some(either) => either[1].clone(),
        None => statement,
    })
    .collect()
}

pub(crate) fn resources<'a>(template: &'a Value, kind: &str) -> BTreeMap<&'a str, &'a Map<String, Value>> {
    let all = template["Resources"].as_object().unwrap();
    let of_kind = all.iter().filter(|(_, resource)| resource["Type"] == kind);
    of_kind
        .map(|(name, resource)| (name.as_str(), resource["Properties"].as_object().unwrap()))
        .collect()
}

pub(crate) const FUNCTIONS: [&str; 6] = [
    "EntrypointFunction",
    "CallbackFunction",
    "UnlinkFunction",
    "EntitlementsFunction",
    "SyncFunction",
    "PartnersFunction",
];
