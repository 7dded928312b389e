//! `infra/template.yaml` as JSON, before and after its transforms.

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::{Map, Value, json};

pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The template as JSON, decoded by cfn-lint: short forms such as `!Ref` are expanded.
pub(crate) fn template() -> Value {
    told(
        "import json; from cfnlint.decode import decode; t, errors = decode('infra/template.yaml'); assert not errors, errors; print(json.dumps(t))",
    )
}

/// Runs a Python script in SAM's environment. Returns the JSON that it prints.
pub(crate) fn told(script: &str) -> Value {
    let python = format!("{ROOT}/.venv/sam/bin/python");
    let output = Command::new(python)
        .args(["-c", script])
        .current_dir(ROOT)
        .output()
        .expect(".venv/sam is not installed: run `make setup`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The template after its transforms, for one set of parameters.
pub(crate) struct Transformed {
    /// The template from which CloudFormation creates resources.
    pub(crate) template: Value,
    /// Properties of each function, with every parameter and condition resolved.
    pub(crate) functions: BTreeMap<String, Value>,
}

/// Transforms the template for each set of parameters. `with_globals`: whether the first transform resolves `Globals` too.
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
        .expect(".venv/sam is not installed: run `make setup`");
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

/// The transformed template with the default parameters.
pub(crate) fn transformed() -> Value {
    transform("bucket", "{}.zip", &[Map::new()], false).remove(0).template
}

pub(crate) fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

/// The statements of a policy, including conditional ones.
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

/// Whether a record of the stream matches a filter pattern of Lambda, for the operators that the template uses.
pub(crate) fn matches(pattern: &Value, record: &Value) -> bool {
    match pattern {
        Value::Object(members) => members.iter().all(|(name, pattern)| matches(pattern, &record[name])),
        Value::Array(alternatives) => alternatives.iter().any(|alternative| match alternative.as_object() {
            None => alternative == record,
            Some(operator) => match (operator.get("exists"), operator.get("prefix")) {
                (Some(exists), None) => exists == !record.is_null(),
                (None, Some(prefix)) => record
                    .as_str()
                    .is_some_and(|value| value.starts_with(prefix.as_str().unwrap())),
                _ => panic!("{alternative}"),
            },
        }),
        _ => panic!("{pattern}"),
    }
}

/// The records of a stream event that Lambda passes to `sync`, by the template's filter. Returns `None` if there are none, so that `sync` is not invoked.
pub(crate) fn filtered(event: &Value) -> Option<Value> {
    static PATTERNS: std::sync::LazyLock<Vec<Value>> = std::sync::LazyLock::new(|| {
        let stream = &template()["Resources"]["SyncFunction"]["Properties"]["Events"]["Stream"]["Properties"];
        let patterns = list(&stream["FilterCriteria"]["Filters"]);
        let patterns = patterns.iter().map(|filter| filter["Pattern"].as_str().unwrap());
        patterns.map(|pattern| serde_json::from_str(pattern).unwrap()).collect()
    });
    let records = event["Records"].as_array().unwrap().iter();
    let records = records.filter(|record| PATTERNS.iter().any(|pattern| matches(pattern, record)));
    let records: Vec<_> = records.cloned().collect();
    (!records.is_empty()).then(|| serde_json::json!({ "Records": records }))
}
