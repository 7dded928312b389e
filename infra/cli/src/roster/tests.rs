//! Rosters of the world outside, read with the flags of the command line.

use std::sync::Arc;

use clap::Parser;
use serde_json::{Value, json};
use shared::{
    partner::{Entitlements, PartnerId, PartnerUserId},
    secrets::{SecretValue as _, Versions},
    sign_in::{PartnerKeys, subject_id},
};

use super::{
    import_args::ImportArgs,
    index::RosterIndex,
    rows::{RowFormat, Rows},
};

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    import: ImportArgs,
}

fn keys() -> Arc<Versions<PartnerKeys>> {
    let members = json!({"partner_user_id_key": "A".repeat(43)});
    let current = PartnerKeys::from_members(members.as_object().unwrap()).unwrap();
    Arc::new(Versions {
        current,
        previous: None,
    })
}

/// The subscriber with this account id.
fn person(sub: &str) -> PartnerUserId {
    let claims = json!({"sub": sub});
    subject_id(&keys(), &PartnerId::parse("p").unwrap(), claims.as_object().unwrap()).unwrap()
}

/// A temporary folder with a roster, and the command's settings for it.
struct Desk {
    folder: std::path::PathBuf,
    roster: std::path::PathBuf,
    reading: Result<RowFormat, String>,
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Desk {
    fn new(file: &str, content: &[u8], flags: &[&str], plans: Option<&str>) -> Self {
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("soa-link-roster-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (roster, plans_file) = (folder.join(file), folder.join("plans.toml"));
        std::fs::write(&roster, content).unwrap();
        let mut arguments = vec![
            "import",
            roster.to_str().unwrap(),
            "--partner-id",
            "p",
            "--subscribers-table",
            "t",
        ];
        if let Some(plans) = plans {
            std::fs::write(&plans_file, plans).unwrap();
            arguments.extend(["--plans", plans_file.to_str().unwrap()]);
        }
        arguments.extend(flags);
        let arguments = Arguments::try_parse_from(arguments).unwrap();
        let reading = arguments.import.reading().map_err(|error| error.to_string());
        let reading = reading.map(|(reading, _)| RowFormat {
            keys: Some(keys()),
            ..reading
        });
        Self {
            folder,
            roster,
            reading,
        }
    }

    fn open(&self) -> Result<Rows, String> {
        Rows::open(&self.roster, self.reading.clone()?).map_err(|error| error.to_string())
    }

    /// The rows as `line: sub=names` or `line: reason`. `subs` are the account ids to recognize.
    fn rows(&self, subs: &[&str]) -> Result<Vec<String>, String> {
        let name = |id: &PartnerUserId| {
            subs.iter()
                .copied()
                .find(|sub| person(sub) == *id)
                .unwrap_or_else(|| id.expose())
                .to_owned()
        };
        let mut rows = Vec::new();
        for row in self.open()? {
            rows.push(match row.map_err(|error| error.to_string())? {
                Ok(row) => format!(
                    "{}: {}={}",
                    row.line,
                    name(&row.partner_user_id),
                    text(&row.entitlements)
                ),
                Err(bad) => format!("{}: {}", bad.line, bad.what),
            });
        }
        Ok(rows)
    }

    fn index(&self) -> RosterIndex {
        let unite = self.reading.as_ref().unwrap().plans.is_some();
        RosterIndex::of(self.open().unwrap(), unite).unwrap()
    }

    /// What the import gives to each of these account ids; `None` if it leaves them alone.
    fn given(&self, subs: &[&str]) -> Vec<Option<String>> {
        let index = self.index();
        let mut given = vec![None; subs.len()];
        for (place, row) in (0..).zip(self.open().unwrap()) {
            if let Ok(row) = row.unwrap()
                && index.counts(place, &row.partner_user_id)
            {
                let who = subs.iter().position(|sub| person(sub) == row.partner_user_id).unwrap();
                given[who] = Some(text(&index.entitlements(row)));
            }
        }
        given
    }
}

fn text(names: &Entitlements) -> String {
    names.iter().collect::<Vec<_>>().join(" ")
}

fn csv(content: &str) -> Desk {
    Desk::new("roster.csv", content.as_bytes(), &[], None)
}

fn csv_with(content: &str, flags: &[&str]) -> Desk {
    Desk::new("roster.csv", content.as_bytes(), flags, None)
}

/// The lines of the bad rows.
fn bad_lines(desk: &Desk) -> Vec<u64> {
    desk.index().bad.iter().map(|bad| bad.line).collect()
}

#[test]
fn lines_are_counted_as_a_text_editor_counts_them() {
    let content = "sub,entitlements\nm-2,basic\nm-3,basic\nm-4,basic\nm-5,bad name!\nm-6,basic\nm-7,basic\n,basic\nm-9,basic,extra\n";
    for end in ["\n", "\r\n", "\r"] {
        assert_eq!(bad_lines(&csv(&content.replace('\n', end))), [5, 8, 9], "{end:?}");
    }
    for (content, bad) in [
        ("sub,entitlements\n\nm-3,basic\n\n\nm-6,bad!name\n", &[6][..]),
        ("\n\nsub,entitlements\n,basic\n", &[4]),
        ("sub,entitlements\r\n\r\n,basic\n\n,basic\r\r,basic\r\n", &[3, 5, 7]),
        ("sub,entitlements\n  \n,\n,basic\n", &[4]),
        // Cells of several lines: the line where the row begins.
        ("sub,entitlements\n\"a\",\"b\nc\r\n\nd\"\n,basic\n", &[6]),
        ("\"sub\",\"entitle\nments\"\n,a\n", &[3]),
        ("\u{feff}sub,entitlements\r\n,basic\r\n", &[2]),
        ("sep=;\r\nsub;entitlements\r\n;basic\r\n", &[3]),
        ("sub,entitlements\n,a\n,b", &[2, 3]),
        // Blank lines above the header.
        (" \n\t\n,,\nsub,entitlements\n,a\n", &[5]),
        ("\u{feff}\r\n;;\r\nsub;entitlements\r\n;a\r\n", &[4]),
        ("sep=;\n\n\nsub;entitlements\n;a\n", &[5]),
        ("sub,entitlements\n\r,a\n\r,b\n", &[3, 5]),
        ("sub,entitlements\r\r\n,a\r\r\n", &[3]),
    ] {
        assert_eq!(bad_lines(&csv(content)), bad, "{content:?}");
    }
    // Also beyond the parser's buffer.
    let many = "a,basic\r\n\r\n".repeat(30_000);
    assert_eq!(
        bad_lines(&csv(&format!("sub,entitlements\r\n{many},basic\r\n"))),
        [60_002]
    );
}

#[test]
fn lines_of_json_are_counted_alike() {
    let content = "\u{feff}{\"sub\":\"a\",\"entitlements\":[]}\n\n{}\r\n \r\n{\"sub\":1.5,\"entitlements\":[]}\n{\n";
    for end in ["\n", "\r\n", "\r"] {
        let content = content.replace("\r\n", "\n").replace('\n', end);
        let desk = Desk::new("roster.jsonl", content.as_bytes(), &[], None);
        let expected = [
            "1: a=",
            "3: no member partner_user_id or sub",
            "5: sub: neither text nor an integer",
        ];
        let rows = desk.rows(&["a"]).unwrap();
        assert_eq!(rows[..3], expected, "{end:?}");
        assert!(rows[3].starts_with("6: not a JSON object"), "{rows:?}");
    }
    let long = format!("{{\"sub\":\"{}\"}}\n{{}}\n", "x".repeat(300_000));
    let rows = Desk::new("roster.jsonl", long.as_bytes(), &[], None).rows(&[]).unwrap();
    assert_eq!(rows, ["1: too long", "2: no member partner_user_id or sub"]);
}

#[test]
fn the_separator_is_the_one_that_splits_the_header() {
    let rows = ["2: m-1=basic", "3: m-2=all-access basic"];
    for separator in [",", ";", "\t", "|"] {
        let content =
            format!("sub{separator}entitlements\r\nm-1{separator}basic\r\nm-2{separator}all-access basic\r\n");
        assert_eq!(csv(&content).rows(&["m-1", "m-2"]).unwrap(), rows, "{separator}");
        let excel = format!("\u{feff}sep={separator}\r\n{content}");
        let rows: Vec<_> = csv(&excel).rows(&["m-1", "m-2"]).unwrap();
        assert_eq!(rows, ["3: m-1=basic", "4: m-2=all-access basic"], "{separator}");
    }
    // The other separators stay in their cells.
    let rows = csv("sub;entitlements;Note\n\"a,b\";basic,all;x\n").open();
    assert!(rows.err().unwrap().contains("--ignore-other-columns"));
    assert_eq!(
        csv("sub;entitlements\na,b;basic,all\n").rows(&["a,b"]).unwrap(),
        ["2: a,b=all basic"]
    );
    let given = csv_with("sub^entitlements\na^basic\n", &["--separator", "^"]);
    assert_eq!(given.rows(&["a"]).unwrap(), ["2: a=basic"]);
    let wrong = csv_with("sub,entitlements\na,basic\n", &["--separator", ";"]);
    assert!(
        wrong
            .open()
            .err()
            .unwrap()
            .contains("separated by ','; pass --separator ','")
    );
    for (content, part) in [
        ("sub:entitlements\na:basic\n", "--separator ':'"),
        ("sub^entitlements\na^basic\n", "--separator '^'"),
        ("sub~entitlements~Note\na~basic~\n", "--separator '~'"),
        ("sep=;\nsub,entitlements\na,basic\n", "--separator ','"),
        ("sep=,\nsub\tentitlements\na\tbasic\n", "--separator tab"),
    ] {
        let said = csv(content).open().err().unwrap();
        assert!(said.contains(part), "{content:?}: {said}");
    }
    for content in [
        "sep=^\nsub^entitlements\na^basic\n",
        "\"sep=:\"\nsub:entitlements\na:basic\n",
    ] {
        assert_eq!(csv(content).rows(&["a"]).unwrap(), ["3: a=basic"], "{content:?}");
    }
    let rows = csv("sub;entitlements\na,basic\nb\tbasic\n").rows(&[]).unwrap();
    assert!(
        rows[0].contains("separated by ','") && rows[1].contains("separated by tab"),
        "{rows:?}"
    );
}

#[test]
fn encodings_are_read_or_named() {
    let text = "sub;entitlements\r\nmüller;basic\r\n";
    let utf_16: Vec<_> = "\u{feff}"
        .encode_utf16()
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let latin: Vec<_> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    assert_eq!(
        Desk::new("r.csv", &utf_16, &[], None).rows(&["müller"]).unwrap(),
        ["2: müller=basic"]
    );
    let named = ["--encoding", "windows-1252"];
    assert_eq!(
        Desk::new("r.csv", &latin, &named, None).rows(&["müller"]).unwrap(),
        ["2: müller=basic"]
    );
    let said = Desk::new("r.csv", &latin, &[], None).rows(&[]).unwrap();
    assert!(
        said[0].starts_with("2: not UTF-8") && said[0].contains("--encoding windows-1252"),
        "{said:?}"
    );
    let marked = [b"\xef\xbb\xbf", latin.as_slice()].concat();
    assert!(Desk::new("r.csv", &marked, &named, None).rows(&[]).unwrap()[0].starts_with("2: not UTF-8"));
    let header = Desk::new("r.csv", b"sub,entitlements,pr\xe9nom\n", &[], None).open();
    assert!(header.err().unwrap().contains("--encoding"));
    let json = Desk::new("r.jsonl", b"{\"sub\":\"m\xfcller\",\"entitlements\":[]}\n", &[], None)
        .rows(&[])
        .unwrap();
    assert!(json[0].contains("--encoding"), "{json:?}");
    // A wrong encoding loses characters, and the row is bad.
    let wrong = Desk::new(
        "r.csv",
        b"sub,entitlements\nm\xff,basic\n",
        &["--encoding", "shift_jis"],
        None,
    );
    assert!(wrong.rows(&[]).unwrap()[0].contains("lost in a conversion"));
}

#[test]
fn a_header_is_found_despite_case_and_space_or_described() {
    for header in [
        " Sub , Entitlements ",
        "SUB,ENTITLEMENTS",
        "\"Sub\",\"Entitlements\"",
        "Sub,Entitlements,,",
        "SUB:,Entitlements*",
        "\n,\n \nsub,entitlements",
    ] {
        assert_eq!(
            csv(&format!("{header}\nm-1,basic\n")).rows(&["m-1"]).map(|_| ()),
            Ok(()),
            "{header}"
        );
    }
    for (content, parts) in [
        (
            "Name;Email;Tier\n",
            &["separated by ';': Name, Email, Tier", "--columns"][..],
        ),
        ("email\tentitlements\n", &["separated by tab: email, entitlements"]),
        (
            "sub\nm-1\n",
            &["no column entitlements", "one column without a separator: sub"],
        ),
        (
            "sub,entitlements,plan\n",
            &["unknown columns", "--ignore-other-columns", "sub, entitlements, plan"],
        ),
        ("sub,sub,entitlements\n", &["the column sub more than once"]),
        ("sub,partner_user_id,entitlements\n", &["both columns"]),
        ("m-1,basic\nm-2,basic\n", &["no column", "not shown"]),
        ("ada@example.com;basic\n", &["2 columns, separated by ';'", "not shown"]),
        (
            "Benutzer,Rechte\n",
            &["2 columns, separated by ','", "--columns", "add a header"],
        ),
        (
            "Members of 2024\n\nsub,entitlements\nm-1,basic\n",
            &["the header is in line 3", "delete the lines above"],
        ),
        ("# sub is the id\nsub;entitlements\n", &["the header is in line 2"]),
        ("", &["no header"]),
        ("\n\n", &["no header"]),
        ("{\"sub\": \"a\"}\n", &["JSON", "--format jsonl"]),
        ("sub,\"entitlements\nm-1,basic\n", &["header", "line 1, column 2"]),
    ] {
        let said = csv(content).open().err().unwrap();
        assert!(parts.iter().all(|part| said.contains(part)), "{content:?}: {said}");
        assert!(!said.contains("m-1") && !said.contains("ada@"), "{said}");
    }
    // A header alone is an empty roster.
    assert_eq!(csv("sub,entitlements\n").rows(&[]).unwrap(), [""; 0]);
}

#[test]
fn mangled_ids_are_bad_rows_with_their_lines() {
    let content = "sub,entitlements\n'member-1002,basic\n=\"\"\"member-1003\"\"\",basic\n\"\tmember-1004\",basic\n=\"4711\",basic\n1.23457E+17,basic\nmem\u{200b}ber,basic\nTotal: 5,\n#N/A,basic\n";
    let desk = csv(content);
    assert_eq!(bad_lines(&desk), (2..=9).collect::<Vec<_>>());
    for row in desk.rows(&[]).unwrap() {
        assert!(
            row.contains(": sub: ") && !row.contains("member") && !row.contains("4711"),
            "{row}"
        );
    }
    let names = csv("sub,entitlements\na,1-Mar\nb,4711.0\nc,TRUE\nd,12:30\ne,1.2\n");
    assert_eq!(bad_lines(&names), [2, 3, 4, 5]);
    let taken = csv_with(
        "sub,entitlements\n+4917012345,1-Mar\nTotal,basic\n",
        &["--cells-as-they-are"],
    );
    assert_eq!(
        taken.rows(&["+4917012345", "Total"]).unwrap(),
        ["2: +4917012345=1-Mar", "3: Total=basic"]
    );
    // Ids of Spotify's form cannot look like a spreadsheet's numbers.
    let zeros = "0".repeat(32);
    let hex = csv(&format!("partner_user_id,entitlements\n{zeros},basic\n1.2E+31,basic\n"));
    assert_eq!(bad_lines(&hex), [3]);
}

#[test]
fn rows_of_separators_only_are_blank() {
    let desk = csv("sub,entitlements\r\nmember-1002,basic\r\n,\r\n,\r\n\r\n\r\n , \r\n,,,\r\n\u{a0},\r\n");
    assert_eq!(desk.rows(&["member-1002"]).unwrap(), ["2: member-1002=basic"]);
    let index = desk.index();
    assert_eq!((index.rows, index.bad_rows, index.blank), (1, 0, 5));
    // An id without entitlements is a row, and entitlements without an id are a bad one.
    assert_eq!(
        csv("sub,entitlements\nm-1,\n,basic\n").rows(&["m-1"]).unwrap(),
        ["2: m-1=", "3: sub: empty"]
    );
}

#[test]
fn fields_beyond_the_header_must_be_empty() {
    let rows = csv("sub,entitlements\nm-1,basic,,\nm-2,basic,x\nm-3\n")
        .rows(&["m-1"])
        .unwrap();
    assert_eq!(rows[0], "2: m-1=basic");
    assert!(rows[1].contains("the number of fields differs from the header: 3 instead of 2"));
    assert!(rows[2].contains("the number of fields differs from the header: 1 instead of 2"));
    let rows = csv("sub,entitlements,\nm-1,basic,\nm-2,basic,x\n")
        .rows(&["m-1"])
        .unwrap();
    assert_eq!(rows, ["2: m-1=basic", "3: a cell in a column without a name"]);
    let rows = csv("sub,entitlements,,\nm-1,basic,,\nm-1,basic\nm-1\n")
        .rows(&["m-1"])
        .unwrap();
    assert_eq!(rows[..2], ["2: m-1=basic", "3: m-1=basic"]);
    assert!(rows[2].contains("1 instead of 2"), "{rows:?}");
    let joined = csv("sub,entitlements\nm-1,basic\nsub,entitlements\nm-2,basic\n")
        .rows(&["m-1", "m-2"])
        .unwrap();
    assert!(joined[1].contains("the header again"), "{joined:?}");
}

#[test]
fn a_broken_quote_is_found_where_it_begins() {
    for (content, parts) in [
        (
            "sub,Note,entitlements\nm-2,\"6'2\"\" tall,basic\nm-3,x,basic\n",
            &["from line 2 on", "begins in line 2, column 2, is not closed"][..],
        ),
        (
            "sub,Note,entitlements\nm-2,x,basic\n\nm-4,x,\"basic\n",
            &["begins in line 4, column 3, is not closed"],
        ),
        (
            "sub,Note,entitlements\r\n\"m-2,x,basic\r\nm-3,x,basic\r\n",
            &["begins in line 2, column 1"],
        ),
        (
            "sub,Note,entitlements\n\"a\nb\",\"x\ny,basic\n",
            &["begins in line 3, column 2"],
        ),
    ] {
        let said = csv_with(content, &["--ignore-other-columns"]).rows(&[]).unwrap_err();
        assert!(parts.iter().all(|part| said.contains(part)), "{content:?}: {said}");
    }
    // Also if the header has unknown columns.
    let said = csv("sub,Note,entitlements\nm-2,\"6'2\"\" tall,basic\nm-3,x,basic\n")
        .open()
        .err()
        .unwrap();
    assert!(said.contains("begins in line 2, column 2"), "{said}");
    let long = format!("sub,entitlements\nm-2,\"basic\n{}", "m-3,basic\n".repeat(100_000));
    let said = csv(&long).rows(&[]).unwrap_err();
    assert!(
        said.contains("from line 2 on: the row is too long, because the quote that begins in line 2"),
        "{said}"
    );
    for content in [
        "sub,Note,entitlements\nm-2,\"tall,basic\nm-3,\"x\",basic\nm-4,x,basic\n",
        "sub,Note,entitlements\nm-2,\"6'2\" tall\",basic\nm-4,x,basic\n",
        "sub,Note,entitlements\nm-2,\"x\" ,basic\n",
    ] {
        let rows = csv_with(content, &["--ignore-other-columns"]).rows(&["m-4"]).unwrap();
        assert!(
            rows[0].starts_with("2: a quote that begins in line 2 is closed in the middle"),
            "{rows:?}"
        );
    }
    let hidden = csv_with(
        "sub,Note,entitlements\nm-2,\"x,basic\nm-3,y\",basic,\nm-4,x,basic\n",
        &["--ignore-other-columns"],
    );
    assert_eq!(hidden.index().multiline, 1);
    for content in [
        "sub,entitlements,Note\nm-2,basic,\"x\nm-3,basic,y\"\nm-4,basic,z\n",
        "sub,Note,entitlements\r\nm-2,\"x,basic\r\nm-3,y,basic\r\nm-4,z\",basic\r\n",
    ] {
        let flags = ["--ignore-other-columns", "--cells-as-they-are"];
        let rows = csv_with(content, &flags[..1]).rows(&[]).unwrap();
        assert!(rows[0].starts_with("2: each of its lines could be a row"), "{rows:?}");
        assert_eq!(csv_with(content, &flags).rows(&["m-2"]).unwrap()[0], "2: m-2=basic");
    }
    for content in [
        "sub,entitlements,Note\nm-2,basic,\"x\ny, z\"\n",
        "sub,Note,entitlements\nm-2,\"x\ny, z\",basic\n",
    ] {
        let rows = csv_with(content, &["--ignore-other-columns"]).rows(&["m-2"]).unwrap();
        assert_eq!(rows, ["2: m-2=basic"]);
    }
    // Quotes that are right.
    let right = csv_with(
        "sub,Note,entitlements\n\"m-2\",\"a \"\"b\"\"\nc\",\"basic\"\nm-4,6'2\" tall,basic",
        &["--ignore-other-columns"],
    );
    assert_eq!(right.rows(&["m-2", "m-4"]).unwrap(), ["2: m-2=basic", "4: m-4=basic"]);
}

#[test]
fn json_that_is_not_json_lines_is_named() {
    let object = "{\"sub\": \"member-1002\", \"entitlements\": [\"basic\"]}";
    for (file, content, part) in [
        ("array.json", format!("[\n  {object},\n  {object}\n]\n"), "jq -c '.[]'"),
        ("array.jsonl", format!("[{object}]\n"), "jq -c '.[]'"),
        (
            "pretty.json",
            "{\n  \"sub\": \"a\",\n  \"entitlements\": []\n}\n".to_owned(),
            "jq -c .",
        ),
        ("roster.json", "sub,entitlements\n".to_owned(), "--format csv"),
    ] {
        let said = Desk::new(file, content.as_bytes(), &[], None).open().err().unwrap();
        assert!(said.contains(part), "{file}: {said}");
    }
    for (line, reason) in [
        (format!("{object},"), "a comma after"),
        (format!("[{object}]"), "a JSON array"),
        (
            "{\"sub\":\"a\",\"sub\":\"b\",\"entitlements\":[]}".to_owned(),
            "the member sub is repeated",
        ),
        (
            "{\"sub\":\"a\",\"Sub\":\"b\",\"SUB\":\"c\",\"entitlements\":[]}".to_owned(),
            "unknown members",
        ),
        (
            "{\"sub\":\" a\",\"entitlements\":[]}".to_owned(),
            "begins or ends with a space",
        ),
        (
            "{\"sub\":9007199254740993,\"entitlements\":[]}".to_owned(),
            "neither text nor an integer",
        ),
        ("{\"sub\":\"a\",\"entitlements\":\"basic\"}".to_owned(), "not a list"),
        ("{\"sub\":\"a\",\"entitlements\":null}".to_owned(), "not a list"),
        (
            "{\"sub\":\"a\",\"entitlements\":[\"a b\"]}".to_owned(),
            "other characters",
        ),
        (
            "{\"sub\":\"a\",\"entitlements\":[],\"plan\":1}".to_owned(),
            "unknown members",
        ),
        ("{\"data\":[]}".to_owned(), "no member partner_user_id or sub"),
    ] {
        let content = format!("{object}\n{line}\n");
        let rows = Desk::new("roster.jsonl", content.as_bytes(), &[], None)
            .rows(&[])
            .unwrap();
        assert!(rows[1].contains(reason), "{line}: {rows:?}");
    }
    let content = "{\"Sub\":4711,\"Entitlements\":[\"basic\"]}\n";
    assert_eq!(
        Desk::new("r.ndjson", content.as_bytes(), &[], None)
            .rows(&["4711"])
            .unwrap(),
        ["1: 4711=basic"]
    );
}

const PLANS: &str = r#"
    [plans]
    "Gold" = ["basic", "all-access"]
    "Basic" = ["basic"]
    "News" = ["news"]
    12 = ["basic"]
    13 = ["news"]

    [statuses]
    active = ["active", "trialing", "Active patron", "wc-active", "true", "yes"]
    inactive = ["canceled", "Former patron", "wc-cancelled", "false", "no"]
"#;

#[test]
fn exports_of_platforms_are_read_as_they_are() {
    let without_statuses = PLANS.split("[statuses]").next().unwrap();
    for (columns, content, plans, expected) in [
        (
            "sub=Memberful ID,plan=Plan,status=Active",
            "Full Name,Email,Memberful ID,Plan,Active,Created at\nAda L,ada@x.org,1,Gold,yes,2024-01-05\nAda L,ada@x.org,1,News,yes,2024-01-05\nBo B,bo@x.org,2,Basic,no,2024-01-05\n",
            PLANS,
            [Some("all-access basic news"), Some("")],
        ),
        (
            "sub=User ID,plan=Tier,status=Patron Status",
            "Name,Email,Discord,Patron Status,Follows You,Tier,User ID,Last Updated\nAda,ada@x.org,,Active patron,No,Gold,1,x\nBo,bo@x.org,,Former patron,No,,2,x\n",
            PLANS,
            [Some("all-access basic"), Some("")],
        ),
        (
            "sub=email,plan=plan,status=active_subscription",
            "email,active_subscription,expiry,plan,email_disabled,created_at\n1,true,2027-01-05,Basic,false,x\n2,false,,other,false,x\n",
            PLANS,
            [Some("basic"), Some("")],
        ),
        (
            "sub=id,plan=tiers",
            "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,deleted_at,labels,tiers\n1,a@x.org,Ada,,true,false,cus_1,x,,,\"Gold,News\"\n2,b@x.org,Bo,,true,false,,x,,,\n",
            without_statuses,
            [Some("all-access basic news"), Some("")],
        ),
        (
            "sub=customer_id,plan=order_items,status=subscription_status",
            "subscription_id,subscription_status,customer_id,order_items\n9,wc-active,1,product_id:12|name:Basic|quantity:1|total:5.00|meta:|tax:0;product_id:13|name:News|quantity:1\n8,wc-cancelled,2,product_id:12|name:Basic|quantity:1\n",
            PLANS,
            [Some("basic news"), Some("")],
        ),
        (
            "sub=Customer ID,plan=Plan,status=Status",
            "id,Customer ID,Customer Email,Plan,Status\nsub_1,1,a@x.org,Basic,canceled\nsub_2,1,a@x.org,Gold,trialing\nsub_3,2,b@x.org,News,active\n",
            PLANS,
            [Some("all-access basic"), Some("news")],
        ),
    ] {
        let desk = Desk::new("export.csv", content.as_bytes(), &["--columns", columns], Some(plans));
        assert_eq!(desk.index().bad_rows, 0, "{columns}: {:?}", desk.index().bad);
        let expected = expected.map(|names| names.map(str::to_owned));
        assert_eq!(desk.given(&["1", "2"]), expected, "{columns}");
    }
    let supercast = [
        json!({"uuid": "1", "plan_name": "Gold", "state": "active", "subscriptions": []}),
        json!({"uuid": "1", "plan_name": ["News", 12], "state": "active"}),
        json!({"uuid": "2", "plan_name": null, "state": "canceled"}),
    ];
    let content: String = supercast.map(|object: Value| object.to_string() + "\n").concat();
    let columns = ["--columns", "sub=uuid,plan=plan_name", "--columns", "status=state"];
    let desk = Desk::new("export.jsonl", content.as_bytes(), &columns, Some(PLANS));
    assert_eq!(
        desk.given(&["1", "2"]),
        [Some("all-access basic news".to_owned()), Some(String::new())]
    );
}

#[test]
fn an_unknown_status_is_a_bad_row_and_leaves_its_subscriber_alone() {
    let content = "sub,plan,status\n1,Gold,active\n1,Basic,past_due\n2,Gold,active\n3,Gold,\n3,News,active\n";
    let desk = Desk::new("export.csv", content.as_bytes(), &[], Some(PLANS));
    let index = desk.index();
    assert_eq!((index.bad_rows, index.unreadable()), (2, 2));
    assert_eq!(index.unknown_statuses.lines(), [("past_due", 1), ("", 1)]);
    assert!(index.bad[0].what.starts_with("status: neither active nor inactive"));
    assert_eq!(
        desk.given(&["1", "2", "3"]),
        [None, Some("all-access basic".to_owned()), None]
    );
}

#[test]
fn a_bad_row_protects_its_subscriber_from_their_other_rows() {
    let desk = csv("sub,entitlements\n1,gold\n1,bad!name\n2,bad!name\n2,\n3,gold\n,gold\n");
    assert_eq!(desk.given(&["1", "2", "3"]), [None, None, Some("gold".to_owned())]);
}

#[test]
fn an_unknown_plan_is_reported_and_an_inactive_one_is_not() {
    let content = "sub,plan,status\n1,\"Gold, Extra\",active\n2,Extra,active\n3,Other,canceled\n";
    let desk = Desk::new("export.csv", content.as_bytes(), &[], Some(PLANS));
    let index = desk.index();
    assert_eq!((index.bad_rows, index.known_plans), (0, 1));
    assert_eq!(index.unknown_plans.lines(), [("Extra", 2)]);
    let names = ["all-access basic", "", ""].map(|names| Some(names.to_owned()));
    assert_eq!(desk.given(&["1", "2", "3"]), names);
}

#[test]
fn plans_and_columns_must_fit_together() {
    let read = |flags: &[&str], plans| {
        Desk::new("export.csv", b"sub,plan\n1,Gold\n", flags, plans)
            .open()
            .err()
            .unwrap()
    };
    assert!(read(&["--columns", "plan=plan"], None).contains("requires --plans"));
    let said = read(&[], Some(PLANS));
    assert!(
        said.contains("no column status") && said.contains("--columns 'status="),
        "{said}"
    );
    assert!(read(&["--columns", "status=plan"], Some("Gold = [\"a\"]")).contains("[statuses]"));
    assert!(read(&[], Some("Gold = 1")).contains("plans.toml: the plan Gold needs a list"));
    assert!(read(&["--columns", "sub=Customer ID"], Some("Gold = [\"a\"]")).contains("no column Customer ID"));
    assert!(read(&["--columns", "sub=plan,plan=plan"], Some("Gold = [\"a\"]")).contains("both for subscribers"));
}

#[test]
fn a_column_of_statuses_that_is_not_read_is_named() {
    let content = "sub,plan,Patron Status\n1,Gold,Former patron\n";
    let describe = |plans| {
        let desk = Desk::new("export.csv", content.as_bytes(), &["--columns", "sub=sub"], Some(plans));
        desk.open().unwrap().describe()
    };
    let said = describe("Gold = [\"a\"]");
    assert!(
        said.contains("every row counts as active") && said.contains("Patron Status is not read"),
        "{said}"
    );
    let said = Desk::new(
        "e.csv",
        content.as_bytes(),
        &["--columns", "status=Patron Status"],
        Some(PLANS),
    );
    let said = said.open().unwrap().describe();
    assert!(!said.contains("active"), "{said}");
}

#[test]
fn settings_that_change_the_reading_change_the_progress() {
    let hash = |flags: &[&str], plans: Option<&str>| {
        let folder = std::env::temp_dir().join(format!("soa-link-settings-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("plans.toml");
        let mut arguments = vec!["import", "r.csv", "--partner-id", "p", "--subscribers-table", "t"];
        if let Some(plans) = plans {
            std::fs::write(&file, plans).unwrap();
            arguments.extend(["--plans", file.to_str().unwrap()]);
        }
        arguments.extend(flags);
        Arguments::try_parse_from(arguments)
            .unwrap()
            .import
            .reading()
            .unwrap()
            .1
    };
    assert_eq!(hash(&[], None), "");
    assert_eq!(hash(&["--yes", "--skip-bad-rows", "--format", "csv"], None), "");
    let settings = [
        hash(&["--separator", ";"], None),
        hash(&["--separator", "tab"], None),
        hash(&["--encoding", "latin1"], None),
        hash(&["--columns", "sub=ID"], None),
        hash(&["--columns", "sub=Id"], None),
        hash(&["--cells-as-they-are"], None),
        hash(&[], Some("a = [\"b\"]")),
        hash(&[], Some("a = [\"c\"]")),
    ];
    let distinct: std::collections::HashSet<_> = settings.iter().collect();
    assert_eq!(distinct.len(), settings.len());
    assert_eq!(hash(&[], Some("a = [\"b\"]")), settings[6]);
}
