//! Accessibility checks by axe.

use fantoccini::Client;
use serde_json::json;

/// The source of axe.
pub(super) fn axe_source() -> String {
    let peers = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(peers).expect("axe-core is not installed: run `make setup`")
}

/// The violations that axe finds by the rules of WCAG 2.2 A and AA and its best practices.
pub(super) async fn axe(page: &Client, source: &str) -> Vec<String> {
    page.execute(source, Vec::new()).await.unwrap();
    let tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    let options = json!({"runOnly": tags, "rules": {"target-size": {"enabled": true}}});
    let script = "const done = arguments[arguments.length - 1]; \
        axe.run(document, arguments[0]).then(found => done(found.violations.concat(found.incomplete.filter(rule => rule.id === 'color-contrast'))\
        .map(rule => rule.id + ': ' + rule.nodes.map(node => node.html).join(' '))), error => done(['axe: ' + error]));";
    let found = page.execute_async(script, vec![options]).await.unwrap();
    serde_json::from_value(found).unwrap()
}
