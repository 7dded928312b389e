//! Imports follow the table in `shared/README.md`, and there are no import cycles.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// External crates, and the modules of `shared` that may use them.
const EXTERNAL: [(&str, &[&str]); 6] = [
    ("lambda_http", &["web", "runtime"]),
    ("lambda_runtime", &["runtime"]),
    ("reqwest", &["http_client", "aws"]),
    ("rustls", &["http_client", "aws"]),
    ("aws_sdk_", &["aws", "secrets", "store"]),
    ("tracing", &["telemetry", "runtime"]),
];

type Imports = BTreeMap<String, BTreeSet<String>>;

/// The Rust files below a folder, except for pure test files, with their code. Paths are relative to the folder.
fn sources(folder: &str) -> Vec<(String, String)> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() && name != "tests" {
                walk(root, &path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests.rs" {
                let relative = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.push((relative, code(&std::fs::read_to_string(&path).unwrap())));
            }
        }
    }
    let root = Path::new(ROOT).join(folder);
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    found.sort();
    assert!(!found.is_empty(), "{folder}");
    found
}

/// Removes comments and unit tests from the text of a file.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn first_word(text: &str) -> String {
    text.trim_start()
        .chars()
        .take_while(|character| is_word(*character))
        .collect()
}

/// The names directly after `prefix`: `a` in `crate::a::X`, `a` and `b` in `crate::{a::X, b::{c, d}}`.
fn names_after(code: &str, prefix: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (place, _) in code.match_indices(prefix) {
        if code[..place].ends_with(|before: char| is_word(before) || "$:".contains(before)) {
            continue;
        }
        let rest = &code[place + prefix.len()..];
        if !rest.starts_with('{') {
            names.insert(first_word(rest));
            continue;
        }
        let mut depth = 0;
        for (at, character) in rest.char_indices() {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 1 && "{,".contains(character) {
                names.insert(first_word(&rest[at + 1..]));
            }
            if depth == 0 {
                break;
            }
        }
    }
    names.remove("");
    names
}

/// The top-level module or file of a path.
fn module_of(path: &str) -> &str {
    path.split('/').next().unwrap().trim_end_matches(".rs")
}

/// The imports of each module of a crate from the others.
fn imports(folder: &str) -> Imports {
    let files = sources(folder);
    let modules: BTreeSet<_> = files.iter().map(|(path, _)| module_of(path).to_owned()).collect();
    let mut imports = Imports::new();
    for (path, code) in &files {
        assert!(!code.contains("super::super"), "{path}");
        let own = module_of(path).to_owned();
        let mut names = names_after(code, "crate::");
        // The `log` macro of `telemetry` is exported at the crate root.
        if names.remove("log") || code.contains("log!(") {
            names.insert("telemetry".to_owned());
        }
        let others = names.into_iter().filter(|name| modules.contains(name) && *name != own);
        imports.entry(own.clone()).or_default().extend(others);
    }
    imports.retain(|module, _| !["lib", "main"].contains(&module.as_str()));
    imports
}

/// Returns a path that contains an import cycle, or `None` if there is no cycle.
fn circle(imports: &Imports) -> Option<Vec<String>> {
    fn visit(imports: &Imports, module: &str, path: &mut Vec<String>, done: &mut BTreeSet<String>) -> bool {
        path.push(module.to_owned());
        if path[..path.len() - 1].iter().any(|before| before == module) {
            return true;
        }
        if !done.contains(module) {
            for next in imports.get(module).into_iter().flatten() {
                if visit(imports, next, path, done) {
                    return true;
                }
            }
            done.insert(module.to_owned());
        }
        path.pop();
        false
    }
    let (mut path, mut done) = (Vec::new(), BTreeSet::new());
    imports
        .keys()
        .any(|module| visit(imports, module, &mut path, &mut done))
        .then_some(path)
}

/// The rows of the table "Allowed dependencies" in `shared/README.md`.
fn allowed() -> Vec<(String, BTreeSet<String>)> {
    let readme = std::fs::read_to_string(format!("{ROOT}/shared/README.md")).unwrap();
    let section = readme
        .split("## Allowed dependencies")
        .nth(1)
        .unwrap()
        .split("\n## ")
        .next()
        .unwrap();
    let table = section
        .split("| module | may import |")
        .nth(1)
        .unwrap()
        .split("\n\n")
        .next()
        .unwrap();
    let words = |cell: &str| {
        cell.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').collect();
        (words(cells[1])[0].clone(), words(cells[2]).into_iter().collect())
    })
    .collect()
}

#[test]
fn each_module_imports_exactly_what_the_table_allows() {
    let allowed = allowed();
    let imports = imports("shared/src");
    let table: Imports = allowed.iter().cloned().collect();
    assert_eq!(allowed.len(), table.len(), "a module has two rows");
    assert_eq!(
        table, imports,
        "left: the table in shared/README.md, right: the imports"
    );
    assert_eq!(circle(&imports), None);
    // The rows are ordered: a module imports only modules of rows above its own.
    for (place, (module, names)) in allowed.iter().enumerate() {
        let above: BTreeSet<_> = allowed[..place].iter().map(|(above, _)| above.clone()).collect();
        assert!(names.is_subset(&above), "{module} imports a module of a row below");
    }
}

#[test]
fn external_crates_are_used_only_where_they_are_allowed() {
    let uses = |code: &str, name: &str| {
        let mut places = code.match_indices(name);
        places.any(|(place, _)| {
            let rest = &code[place + name.len()..];
            let rest = if name.ends_with('_') {
                rest.trim_start_matches(is_word)
            } else {
                rest
            };
            rest.starts_with("::") && !code[..place].ends_with(|before: char| is_word(before) || before == ':')
        })
    };
    for (name, modules) in EXTERNAL {
        for (path, code) in sources("shared/src") {
            let may = modules.contains(&module_of(&path));
            assert!(may || !uses(&code, name), "{path} uses {name}");
        }
    }
    for function in ["callback", "entitlements", "entrypoint", "partners", "sync", "unlink"] {
        for (path, code) in sources(&format!("functions/{function}/src")) {
            for (name, _) in EXTERNAL {
                let adapters = ["dead_letters.rs", "event_bus.rs"];
                let is_adapter = function == "sync" && adapters.contains(&path.as_str()) && name == "aws_sdk_";
                let is_main = path == "main.rs" && name == "lambda_http";
                assert!(
                    is_adapter || is_main || !uses(&code, name),
                    "{function} {path} uses {name}"
                );
            }
            assert!(
                function == "partners" || !uses(&code, "imagesize"),
                "{function} uses imagesize"
            );
        }
    }
}

/// Files of one folder import each other by `super::file` or `crate::folder::file`. The folder's `mod.rs` is exempt, because all of them may import it.
#[test]
fn files_in_one_folder_have_no_import_cycle() {
    for root in ["shared/src", "infra/cli/src"] {
        let files = sources(root);
        let folders: BTreeSet<_> = files
            .iter()
            .filter_map(|(path, _)| Some(path.rsplit_once('/')?.0))
            .collect();
        for folder in folders {
            let module = folder.replace('/', "::");
            let mut imports = Imports::new();
            for (path, code) in &files {
                let Some(name) = path.strip_prefix(&format!("{folder}/")) else {
                    continue;
                };
                let own = module_of(name).to_owned();
                if own == "mod" {
                    continue;
                }
                let mut names = names_after(code, &format!("crate::{module}::"));
                if !name.contains('/') {
                    names.extend(names_after(code, "super::"));
                }
                imports.entry(own).or_default().extend(names);
            }
            let siblings: BTreeSet<_> = imports.keys().cloned().collect();
            for (own, names) in &mut imports {
                names.retain(|name| siblings.contains(name) && name != own);
            }
            assert_eq!(circle(&imports), None, "{root}/{folder}");
        }
    }
}

#[test]
fn the_modules_of_the_command_have_no_import_cycle() {
    assert_eq!(circle(&imports("infra/cli/src")), None);
}

/// A longer file is split by responsibility.
#[test]
fn no_source_file_has_more_than_460_lines_of_code() {
    for folder in ["shared/src", "functions", "infra/cli/src"] {
        for (path, code) in sources(folder) {
            let lines = code.lines().count();
            assert!(lines <= 460, "{folder}/{path} has {lines} lines of code");
        }
    }
}
