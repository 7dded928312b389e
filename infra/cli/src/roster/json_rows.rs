//! Rows of a JSON Lines file: one object in each line.

use std::{
    fmt,
    io::{BufRead as _, BufReader, Read},
};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::{
    cells::{Given, NOT_UTF_8, ReadRow, RowCells},
    columns::{ColumnProblem, Columns, Selection},
    source::Source,
    tracker::MAX_ROW_BYTES,
};
use crate::error::CliError;

/// Largest integer that every JSON parser reads exactly.
const MAX_EXACT_INTEGER: u64 = 1 << 53;

/// Iterator over the objects of a file.
pub(super) struct JsonRows {
    lines: BufReader<Box<dyn Read + Send>>,
    line: u64,
    selection: Selection,
}

impl JsonRows {
    /// # Errors
    /// [`CliError`] if the file is not one object per line, with what it is instead.
    pub(super) fn open(source: Source, selection: Selection) -> Result<Self, CliError> {
        if let Some(what) = what_else(&source.head) {
            return Err(CliError::new(what));
        }
        Ok(Self {
            lines: BufReader::with_capacity(1 << 16, source.text),
            line: 0,
            selection,
        })
    }

    fn cells(&self, text: &[u8]) -> Result<RowCells, String> {
        if std::str::from_utf8(text).is_err() {
            return Err(NOT_UTF_8.to_owned());
        }
        let Members(members) = serde_json::from_slice(text).map_err(|error| match text.trim_ascii() {
            [b'[', ..] => "a JSON array instead of an object".to_owned(),
            [b'{', .., b','] => "a comma after the JSON object".to_owned(),
            _ => format!("not a JSON object (column {})", error.column()),
        })?;
        let names: Vec<_> = members.iter().map(|(name, _)| name.as_str()).collect();
        let columns = self.selection.find(&names).map_err(|problem| match problem {
            ColumnProblem::Missing(name) => format!("no member {name}"),
            ColumnProblem::Repeated(name) => format!("the member {name} is repeated"),
            ColumnProblem::TwoIds => "both members partner_user_id and sub".to_owned(),
            ColumnProblem::Others(_) => "unknown members; ignore them with --ignore-other-columns".to_owned(),
        })?;
        self.row_cells(columns, &members)
    }

    fn row_cells(&self, columns: Columns, members: &[(String, Value)]) -> Result<RowCells, String> {
        let member = |place: usize| members.get(place).map_or(&Value::Null, |(_, value)| value);
        let who_is = columns.who_is.as_str();
        let who = match member(columns.who) {
            Value::String(who) => who.clone(),
            other => exact_integer(other).ok_or_else(|| format!("{who_is}: neither text nor an integer"))?,
        };
        let given = if self.selection.reads_plans() {
            plans(member(columns.given)).ok_or("plan: neither text nor a list of texts")?
        } else {
            let names = member(columns.given).as_array();
            let names = names.and_then(|names| names.iter().map(|name| name.as_str().map(str::to_owned)).collect());
            Given::List(names.ok_or("entitlements: not a list of texts")?)
        };
        let status = columns.status.map(|place| match member(place) {
            Value::Null => Ok(String::new()),
            Value::String(status) => Ok(status.trim_matches(' ').to_owned()),
            Value::Bool(status) => Ok(status.to_string()),
            other => exact_integer(other).ok_or_else(|| "status: neither text nor a truth value".to_owned()),
        });
        Ok(RowCells {
            who,
            who_is,
            given,
            status: status.transpose()?,
            hides_rows: false,
        })
    }
}

fn plans(value: &Value) -> Option<Given> {
    match value {
        Value::Null => Some(Given::List(Vec::new())),
        Value::String(plan) => Some(Given::Text(plan.trim_matches(' ').to_owned())),
        Value::Array(plans) => {
            let text = |plan: &Value| plan.as_str().map(str::to_owned).or_else(|| exact_integer(plan));
            plans.iter().map(text).collect::<Option<_>>().map(Given::List)
        }
        other => Some(Given::List(vec![exact_integer(other)?])),
    }
}

fn exact_integer(value: &Value) -> Option<String> {
    let number = value.as_u64().filter(|number| *number <= MAX_EXACT_INTEGER)?;
    Some(number.to_string())
}

/// What a file is that is not JSON Lines, with the way out.
fn what_else(head: &[u8]) -> Option<String> {
    let text = head.trim_ascii_start();
    match text.first() {
        None => None,
        Some(b'[') => Some(
            "the file is a JSON array; write one object per line, such as with: jq -c '.[]' array.json > roster.jsonl"
                .to_owned(),
        ),
        Some(b'{') => {
            let mut values = serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>();
            let is_complete = values.next().is_some_and(|value| value.is_ok());
            let object = text.get(..values.byte_offset()).unwrap_or_default();
            (is_complete && object.contains(&b'\n'))
                .then(|| "the file has JSON objects of several lines; write one object per line, such as with: jq -c . objects.json > roster.jsonl".to_owned())
        }
        Some(_) => Some("the first line is not a JSON object; if the file is CSV, pass --format csv".to_owned()),
    }
}

impl Iterator for JsonRows {
    /// The error means that the file cannot be read on.
    type Item = Result<ReadRow, CliError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut text = Vec::new();
            // One byte more than the limit, to detect a longer row.
            let mut limited = self.lines.by_ref().take(MAX_ROW_BYTES as u64 + 1);
            let read = limited.read_until(b'\n', &mut text);
            let too_long = text.len() > MAX_ROW_BYTES;
            let read = if too_long {
                read.and(self.lines.skip_until(b'\n'))
            } else {
                read
            };
            self.line += 1;
            let line = self.line;
            let cells = match read {
                Err(error) => {
                    return Some(Err(CliError::new(format!(
                        "cannot read the roster from line {line} on: {error}"
                    ))));
                }
                Ok(_) if text.is_empty() => return None,
                Ok(_) if too_long => Err("too long".to_owned()),
                Ok(_) if text.trim_ascii().is_empty() => continue,
                Ok(_) => self.cells(&text),
            };
            return Some(Ok(ReadRow { line, cells }));
        }
    }
}

/// The members of an object, with repeated names, of which `serde_json` would keep only the last.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}
