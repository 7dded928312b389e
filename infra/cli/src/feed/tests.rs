//! Well-formedness, compared with expat: what it refuses, feeds are rejected for.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use super::{
    document::Feed,
    fault::{Fault, FeedError},
};

/// Reads one document in hexadecimal a line, and answers `ok` or expat's reason.
const EXPAT: &str = r"
import sys
from xml.parsers import expat
for line in sys.stdin:
    parser = expat.ParserCreate(namespace_separator=' ')
    try:
        parser.Parse(bytes.fromhex(line.strip()), True)
        print('ok')
    except (expat.ExpatError, LookupError, ValueError) as error:
        print('no', str(error).replace('\n', ' '))
";

/// What expat says of each document: `ok`, or its reason.
fn expat(documents: &[Vec<u8>]) -> Vec<String> {
    let mut python = Command::new("python3")
        .args(["-c", EXPAT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("these tests need python3, whose standard library has the independent parser expat");
    let mut input = python.stdin.take().unwrap();
    let mut lines = String::new();
    for document in documents {
        lines.extend(document.iter().map(|byte| format!("{byte:02x}")));
        lines.push('\n');
    }
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let answers: Vec<_> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(
        answers.len(),
        documents.len(),
        "python3 with expat answers for each document"
    );
    answers
}

/// Reads a feed to its end.
fn read(document: &[u8]) -> Result<(), Fault> {
    let read = || {
        let mut feed = Feed::new(document)?;
        while feed.next()?.is_some() {}
        Ok(())
    };
    read().map_err(|error| match error {
        FeedError::Fault(fault) => fault,
        FeedError::Io(error) => panic!("{error}"),
    })
}

fn text(document: &[u8]) -> String {
    String::from_utf8_lossy(document).into_owned()
}

/// What both accept.
const WELL_FORMED: [&str; 52] = [
    "<a/>",
    "<a></a >",
    "<a b='\"' c=\"'\"/>",
    "<a\nb\t=\r\n\"c\" />",
    "<a b=\"x>y\">x>y</a>",
    "<a>]] ></a>",
    "<a><![CDATA[<&]]></a>",
    "<a><![CDATA[x]]]]><![CDATA[>]]></a>",
    "<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x1F600;</a>",
    "<a b=\"&lt;&#10;&amp;\"/>",
    "<a>\u{7f}\u{85}\u{10ffff}\u{1fffe}</a>",
    "<a>\u{feff}</a>",
    "\u{feff}<a/>",
    "\u{feff}<?xml version=\"1.0\"?><a/>",
    "\n <a/> \n",
    "<!----><a/>",
    "<!-- - --><a/><!-- x -->\n<?p?> ",
    "<?p?><a/>",
    "<?xml-stylesheet href=\"x\"?><a/>",
    "<a><?p q ?r?></a>",
    "<a.b-c_d/>",
    "<\u{e4} \u{e4}=\"x\"/>",
    "<a\u{b7}/>",
    "<a xmlns=\"\"/>",
    "<a xmlns=\"u\"><b xmlns=\"\"/></a>",
    "<a xmlns:p=\"u\" xmlns=\"u\" p:b=\"1\" b=\"2\"/>",
    "<a xmlns:b=\"u\"><b:c xmlns:b=\"v\"/></a>",
    "<a p:b=\"1\" xmlns:p=\"u\"/>",
    "<p:a xmlns:p=\"u\"></p:a>",
    "<a xml:lang=\"de\" xml:b=\"c\"/>",
    "<a xmlns:xml=\"http://www.w3.org/XML/1998/namespace\"/>",
    "<a xmlns:xmlfoo=\"u\"/>",
    "<?xml version=\"1.0\"?><a/>",
    "<?xml version='1.0' encoding='utf-8'?><a/>",
    "<?xml version=\"1.0\" encoding=\"UTF8\"?><a/>",
    "<?xml version=\"1.0\" encoding=\"utf8\"?><a>&#233;</a>",
    "<?xml version=\"1.0\" encoding=\"ASCII\"?><a/>",
    "<?xml version=\"1.0\" encoding=\"us-ascii\"?><a>&#233;</a>",
    "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>&#233;</a>",
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\" ?><a/>",
    "<?xml  version = \"1.1\" standalone='yes'?><a/>",
    "<!DOCTYPE a:b><a/>",
    "<!DOCTYPE a[]><a/>",
    "<!DOCTYPE b SYSTEM \"x\"><a/>",
    "<!DOCTYPE rss PUBLIC \"-//Netscape Communications//DTD RSS 0.91//EN\" \"http://my.netscape.com/publish/formats/rss-0.91.dtd\"><rss/>",
    "<!DOCTYPE a [<!ENTITY nbsp \"&#160;\">]><a b=\"&nbsp;\">&nbsp;</a>",
    "<!DOCTYPE a[<!ENTITY x \"y\"> <!ENTITY z '&x;&x;'>]><a>&z;</a>",
    "<!DOCTYPE a [<!ENTITY lt \"&#38;#60;\">]><a>&lt;</a>",
    "<!DOCTYPE a [<!ENTITY x \"&x;\">]><a/>",
    "<!DOCTYPE a [<!ENTITY x \"<\">]><a/>",
    "<!DOCTYPE a [<!-- c --><?p?><!ENTITY % x SYSTEM 'y'>]>\n<a/>",
    "<!DOCTYPE a [<!ENTITY x SYSTEM 'y'>]><a/>",
];

/// What both reject.
const MALFORMED: [&str; 130] = [
    "",
    " ",
    "text",
    "<a>",
    "<a></a",
    "</a>",
    "<a></b>",
    "<a><b></a></b>",
    "<a></a></a>",
    "<a/>x",
    "x<a/>",
    "<a/><b/>",
    "<a/>&#32;",
    "&#32;<a/>",
    "\n<?xml version=\"1.0\"?><a/>",
    " <?xml version=\"1.0\"?><a/>",
    "<?xml version=\"1.0\"?><?xml version=\"1.0\"?><a/>",
    "<!-- c --><?xml version=\"1.0\"?><a/>",
    "\u{feff}\n<?xml version=\"1.0\"?><a/>",
    "\u{feff}\u{feff}<a/>",
    "<a/>\u{feff}",
    "<a>&nbsp;</a>",
    "<a b=\"&eacute;\"/>",
    "<a>a & b</a>",
    "<a>a&b</a>",
    "<a>&;</a>",
    "<a>&lt</a>",
    "<a>&amp ;</a>",
    "<a>& amp;</a>",
    "<a b=\"&\"/>",
    "<a b=\"?x=1&y=2\"/>",
    "<a>?x=1&y=2</a>",
    "<a>?x=1&y=2; z</a>",
    "<a>&AMP;</a>",
    "<a>&#;</a>",
    "<a>&#x;</a>",
    "<a>&#1;</a>",
    "<a>&#x0;</a>",
    "<a>&#xFFFE;</a>",
    "<a>&#xD800;</a>",
    "<a>&#x110000;</a>",
    "<a>&#X41;</a>",
    "<a>&#xFFFFFFFFF;</a>",
    "<a b=\"&#8;\"/>",
    "<a>&#-1;</a>",
    "<a>\u{1}</a>",
    "<a>\u{8}</a>",
    "<a>\u{b}</a>",
    "<a>\u{c}</a>",
    "<a>\u{1f}</a>",
    "<a>\u{fffe}</a>",
    "<a>\u{ffff}</a>",
    "<a>\0</a>",
    "<a/>\0",
    "<a\u{feff}/>",
    "<a b\u{feff}=\"c\"/>",
    "<a\u{feff}:b xmlns:a\u{feff}=\"u\"/>",
    "<\u{1f600}/>",
    "<a\u{200d}/>",
    "<?p\u{feff} q?><a/>",
    "<a b=\"\u{2}\"/>",
    "<!--\u{3}--><a/>",
    "<?p \u{4}?><a/>",
    "<a><![CDATA[\u{5}]]></a>",
    "<a b=\"1\"c=\"2\"/>",
    "<a><b c='1'd='2'/></a>",
    "<a b=\"1\" b=\"2\"/>",
    "<a xmlns:p=\"u\" xmlns:q=\"u\" p:b=\"1\" q:b=\"2\"/>",
    "<a xmlns:p=\"u\" xmlns:p=\"v\"/>",
    "<a xmlns=\"u\" xmlns=\"v\"/>",
    "<a xmlns:p=\"u\" xmlns:q=\"&#117;\" p:b=\"1\" q:b=\"2\"/>",
    "<p:a/>",
    "<a p:b=\"1\"/>",
    "<a><b xmlns:p=\"u\"/><p:c/></a>",
    "<a xmlns:b=\"u\" xmlns:c=\"u\"><b:d></c:d></a>",
    "<a b=\"<\"/>",
    "<a b=\"<c>\"/>",
    "<a b=\"</c>\"/>",
    "<a b=\"<!c>\"/>",
    "<a b='<?c?>'/>",
    "<a b='<![CDATA['/>",
    "<a b:=\"c\" xmlns:b=\"u\"/>",
    "<a>]]></a>",
    "<a>1 < 2</a>",
    "<a><3</a>",
    "<!-- a -- b --><a/>",
    "<!-- a ---><a/>",
    "<!---><a/>",
    "<?xml?><a/>",
    "<a><?xml version=\"1.0\"?></a>",
    "<a><?XML a?></a>",
    "<a><?1?></a>",
    "<a><??></a>",
    "<a><? p?></a>",
    "<a><?p:q r?></a>",
    "<a><![CDATA[x]]",
    "<a><![CDATA[x]></a>",
    "<a><![cdata[x]]></a>",
    "<![CDATA[x]]><a/>",
    "<a/><![CDATA[x]]>",
    "< a/>",
    "<1a/>",
    "<-a/>",
    "<a:b:c xmlns:a=\"u\"/>",
    "<:a/>",
    "<a:/>",
    "<a 1b=\"x\"/>",
    "<a b=c/>",
    "<a b/>",
    "<a b=\"c/>",
    "<a b=\"c\"/ >",
    "<a xmlns:xml=\"u\"/>",
    "<a xmlns:p=\"http://www.w3.org/XML/1998/namespace\"/>",
    "<a xmlns=\"http://www.w3.org/XML/1998/namespace\"/>",
    "<a xmlns:xmlns=\"u\"/>",
    "<a xmlns:p=\"http://www.w3.org/2000/xmlns/\"/>",
    "<a xmlns:p=\"\"/>",
    "<xmlns:a/>",
    "<a xmlns:p=\"u v\"/>",
    "<?XML version=\"1.0\"?><a/>",
    "<?xml version=\"1.0\" standalone=\"maybe\"?><a/>",
    "<?xml encoding=\"UTF-8\"?><a/>",
    "<?xml version=\"1.0\"encoding=\"UTF-8\"?><a/>",
    "<?xml version=\"1.0\" encoding=\"\"?><a/>",
    "<?xml version=\"1.0\" encoding=\"UTF-16\"?><a/>",
    "<?xml version=\"1.0\"><a/>",
    "<!doctype a><a/>",
    "<a/><!DOCTYPE a>",
    "<!DOCTYPE a><!DOCTYPE a><a/>",
    "<!DOCTYPE a [<!ENTITY x \"a&b\">]><a/>",
];

/// What only expat accepts, each with the rule of ours. Everything else that it accepts is read.
const STRICTER: [(&str, &str); 14] = [
    // Only UTF-8 is read, because all other bytes of a feed are copied.
    (
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\u{e9}</a>",
        "encoding",
    ),
    (
        "<?xml version=\"1.0\" encoding=\"windows-1252\"?><a>\u{e9}</a>",
        "encoding",
    ),
    ("<?xml version=\"1.0\" encoding=\"koi8-r\"?><a/>", "encoding"),
    // XML 1.0 has no such versions and no such prefix of elements.
    ("<?xml version=\"2.0\"?><a/>", "not-well-formed"),
    ("<?xml version=\"1\"?><a/>", "not-well-formed"),
    ("<xml:a/>", "not-well-formed"),
    // The text of these entities is not in the feed.
    (
        "<!DOCTYPE rss PUBLIC \"a\" \"b\"><rss>&eacute;</rss>",
        "not-well-formed",
    ),
    ("<!DOCTYPE a [<!ENTITY x SYSTEM \"y\">]><a>&x;</a>", "doctype"),
    ("<!DOCTYPE a [<!ENTITY % x \"y\">%x;]><a/>", "doctype"),
    // Only a part of the parsers applies these.
    ("<!DOCTYPE a [<!ENTITY x \"<b/>\">]><a>&x;</a>", "doctype"),
    ("<!DOCTYPE a [<!ELEMENT a ANY>]><a/>", "doctype"),
    ("<!DOCTYPE a [<!ATTLIST a b CDATA \"x\">]><a/>", "doctype"),
    ("<!DOCTYPE a [<!NOTATION n SYSTEM \"x\">]><a/>", "doctype"),
    // Memory is bounded.
    (
        "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a>",
        "limit",
    ),
];

fn bytes<'a>(documents: impl IntoIterator<Item = &'a str>) -> Vec<Vec<u8>> {
    documents
        .into_iter()
        .map(|document| document.as_bytes().to_vec())
        .collect()
}

#[test]
fn what_expat_accepts_is_read() {
    let documents = bytes(WELL_FORMED);
    for (document, answer) in documents.iter().zip(expat(&documents)) {
        assert_eq!(answer, "ok", "{}", text(document));
        assert!(read(document).is_ok(), "{}: {:?}", text(document), read(document));
    }
}

#[test]
fn what_expat_refuses_is_rejected_as_not_well_formed() {
    let mut documents = bytes(MALFORMED);
    documents.extend([
        b"<a>\xe9</a>".to_vec(),
        b"<a>\xc3</a>".to_vec(),
        b"<a>\xed\xa0\x80</a>".to_vec(),
        b"<a>\xc0\x80</a>".to_vec(),
        b"<a b=\"\xff\"/>".to_vec(),
        b"<!--\xff--><a/>".to_vec(),
        b"<?xml version='1.0' encoding='us-ascii'?><a>\xc3\xa9</a>".to_vec(),
        b"<?xml version='1.0' encoding='utf8'?><a>\xc3\xa9</a>".to_vec(),
        b"{\"error\":\"not found\"}".to_vec(),
        b"\x1f\x8b\x08\0\0\0".to_vec(),
        b"PK\x03\x04rest".to_vec(),
        b"<!DOCTYPE html><html><br><p>x</html>".to_vec(),
    ]);
    for (document, answer) in documents.iter().zip(expat(&documents)) {
        assert!(answer.starts_with("no "), "{}", text(document));
        let fault = read(document).expect_err(&text(document));
        assert_eq!(fault.rule.name, "not-well-formed", "{}: {fault}", text(document));
    }
}

#[test]
fn what_only_expat_accepts_is_rejected_for_a_reason() {
    let documents = bytes(STRICTER.map(|(document, _)| document));
    for ((document, rule), answer) in STRICTER.iter().zip(expat(&documents)) {
        assert_eq!(answer, "ok", "{document}");
        assert_eq!(read(document.as_bytes()).unwrap_err().rule.name, *rule, "{document}");
    }
}

/// Numbers that are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// A feed with a few random edits.
fn edited(numbers: &mut Numbers) -> Vec<u8> {
    const FEEDS: [&str; 3] = [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\" xmlns:itunes=\"http://www.itunes.com/dtds/podcast-1.0.dtd\" xmlns:s='urn:s'><!-- c --><channel><title>A &amp; B &#x41;</title><?pi data?><item s:k=\"1\"><![CDATA[<x>]]]]><s:access xmlns:s=\"urn:t\"/><itunes:a href=\"x\" b='y'></itunes:a>\u{e9}</item></channel></rss>\n",
        "<!DOCTYPE rss [<!ENTITY nbsp \"&#160;\">\n<!-- c --><!ENTITY two '&nbsp;x'>]>\n<rss><channel><title a=\"&two;\">A&nbsp;B</title><item/></channel></rss>",
        "\u{feff}<rss xmlns='urn:x'><channel><item xmlns=''><a b=\"1\" c='2'/><![CDATA[]]></item></channel></rss>\r\n<!-- end --><?p?>",
    ];
    const PARTS: [&[u8]; 40] = [
        b"<",
        b">",
        b"&",
        b"\"",
        b"'",
        b"--",
        b"]]>",
        b"<!--",
        b"-->",
        b"<?",
        b"?>",
        b"/",
        b"=",
        b" ",
        b":",
        b"xmlns",
        b"xml",
        b"&#1;",
        b"\x01",
        b"\xff",
        b"\xc3",
        b";",
        b"a",
        b"1",
        b"<a>",
        b"</a>",
        b"<![CDATA[",
        b"\n",
        b"%",
        b"!",
        b"[",
        b"]",
        b"itunes:",
        b" xmlns:s=\"urn:s\" ",
        b"&x;",
        b"&#",
        b"\r",
        b"<a/>",
        b"b=\"1\" ",
        b"<!DOCTYPE rss>",
    ];
    let mut document = FEEDS[numbers.below(FEEDS.len())].as_bytes().to_vec();
    for _ in 0..=numbers.below(3) {
        let start = numbers.below(document.len() + 1);
        let end = (start + numbers.below(6)).min(document.len());
        let part = PARTS[numbers.below(PARTS.len())];
        match numbers.below(4) {
            0 => drop(document.splice(start..start, part.iter().copied())),
            1 => drop(document.splice(start..end, part.iter().copied())),
            2 => drop(document.drain(start..end)),
            _ => {
                let copied: Vec<_> = document
                    .iter()
                    .skip(numbers.below(document.len() + 1))
                    .take(20)
                    .copied()
                    .collect();
                drop(document.splice(start..start, copied));
            }
        }
    }
    document
}

#[test]
fn randomly_edited_feeds_are_judged_as_by_expat() {
    let mut numbers = Numbers(1);
    let documents: Vec<_> = (0..EDITED).map(|_| edited(&mut numbers)).collect();
    let mut accepted = 0;
    for (document, answer) in documents.iter().zip(expat(&documents)) {
        match (answer.as_str(), read(document)) {
            ("ok", Ok(())) => accepted += 1,
            ("ok", Err(fault)) => {
                // The last is the parser's refusal of the namespaces `xml` and `xmlns`, which are no URIs.
                let reasons = [
                    "the XML declaration is malformed",
                    "not in UTF-8",
                    "a namespace declaration",
                ];
                let is_listed =
                    fault.rule.name == "doctype" || reasons.iter().any(|reason| fault.what.contains(reason));
                assert!(is_listed, "{fault}: {}", text(document));
            }
            (_, Err(_)) => {}
            (reason, Ok(())) => panic!("{reason}: {}", text(document)),
        }
    }
    assert!((EDITED / 20..EDITED / 2).contains(&accepted), "{accepted}");
}

/// Number of randomly edited feeds.
const EDITED: usize = 6000;
