//! The rows of a roster as subscribers with their entitlements. The error of a bad row names its line and the wrong column, and never its content.

use std::{path::Path, sync::Arc};

use encoding_rs::Encoding;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::{
    partner::{Entitlements, PartnerId, PartnerUserId},
    secrets::Versions,
    sign_in::{PartnerKeys, subject_id},
};

use super::{
    args::Format,
    cells::{ReadRow, RowCells, check_entitlements, check_id, entitlements},
    columns::Selection,
    csv_rows::CsvRows,
    json_rows::JsonRows,
    plan_map::PlanMap,
    source::Source,
};
use crate::error::CliError;

/// A valid row.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) partner_user_id: PartnerUserId,
    pub(super) entitlements: Entitlements,
    /// Number of plans that the plans file knows.
    pub(super) known_plans: u64,
    pub(super) unknown_plans: Vec<String>,
}

/// A row that cannot be used, with the reason.
#[derive(Debug, Serialize)]
pub(super) struct BadRow {
    pub(super) line: u64,
    pub(super) what: String,
    /// The row's subscriber, if that could be read. Another row of the same subscriber then does not count either.
    #[serde(skip)]
    pub(super) partner_user_id: Option<PartnerUserId>,
    /// The status, if the plans file does not have it.
    #[serde(skip)]
    pub(super) unknown_status: Option<String>,
    /// Whether a cell only looks wrong.
    #[serde(skip)]
    pub(super) suspicious: bool,
}

impl BadRow {
    fn new(line: u64, what: String) -> Self {
        Self {
            line,
            what,
            partner_user_id: None,
            unknown_status: None,
            suspicious: false,
        }
    }
}

/// Settings for reading rows.
#[derive(Clone)]
pub(super) struct RowFormat {
    pub(super) format: Format,
    pub(super) separator: Option<u8>,
    pub(super) encoding: Option<&'static Encoding>,
    pub(super) partner_id: PartnerId,
    /// Keys that derive a Partner User ID from `sub`; `None` if rows must not have `sub`.
    pub(super) keys: Option<Arc<Versions<PartnerKeys>>>,
    pub(super) selection: Selection,
    pub(super) plans: Option<Arc<PlanMap>>,
    pub(super) cells_as_they_are: bool,
}

/// Iterator over the rows of a file, in order.
pub(super) struct Rows {
    reading: RowFormat,
    encoding: &'static str,
    cells: AnyRows,
}

enum AnyRows {
    Csv(CsvRows),
    Json(JsonRows),
}

impl Rows {
    pub(super) fn open(path: &Path, reading: RowFormat) -> Result<Self, CliError> {
        let source = Source::open(path, reading.encoding)?;
        let encoding = source.encoding;
        let cells = match reading.format {
            Format::Csv => AnyRows::Csv(CsvRows::open(source, &reading.selection, reading.separator)?),
            Format::Jsonl => AnyRows::Json(JsonRows::open(source, reading.selection.clone())?),
        };
        Ok(Self {
            reading,
            encoding,
            cells,
        })
    }

    /// How the file is read, for the operator.
    pub(super) fn describe(&self) -> String {
        let (mut said, unread_status) = match &self.cells {
            AnyRows::Csv(rows) => {
                let (separator, columns) = (rows.separator(), rows.used().join(", "));
                let said = format!("CSV, {}, separator {separator}, columns {columns}", self.encoding);
                (said, rows.unread_status())
            }
            AnyRows::Json(_) => (format!("JSON Lines, {}", self.encoding), None),
        };
        if self.reading.plans.as_ref().is_some_and(|plans| !plans.has_statuses()) {
            said.push_str("; every row counts as active, because the plans file has no [statuses]");
            if let Some(name) = unread_status {
                said.extend([", and the column ", &name, " is not read"]);
            }
        }
        said
    }

    /// Number of rows so far whose cells are all empty. They are not rows.
    pub(super) fn blank(&self) -> u64 {
        match &self.cells {
            AnyRows::Csv(rows) => rows.blank(),
            AnyRows::Json(_) => 0,
        }
    }

    /// Number of rows so far with line breaks in cells.
    pub(super) fn multiline(&self) -> u64 {
        match &self.cells {
            AnyRows::Csv(rows) => rows.multiline(),
            AnyRows::Json(_) => 0,
        }
    }
}

impl Iterator for Rows {
    /// The outer error means that the file cannot be read on; the inner one is a bad row.
    type Item = Result<Result<Row, BadRow>, CliError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = match &mut self.cells {
            AnyRows::Csv(rows) => rows.next()?,
            AnyRows::Json(rows) => rows.next()?,
        };
        Some(read.map(|ReadRow { line, cells }| match cells {
            Ok(cells) => self.reading.row(line, &cells),
            Err(what) => Err(BadRow::new(line, what)),
        }))
    }
}

impl RowFormat {
    fn row(&self, line: u64, cells: &RowCells) -> Result<Row, BadRow> {
        let partner_user_id = self.person(line, cells)?;
        if cells.hides_rows && !self.cells_as_they_are {
            let what = "each of its lines could be a row; perhaps a quote is not closed".to_owned();
            return Err(BadRow {
                partner_user_id: Some(partner_user_id),
                suspicious: true,
                ..BadRow::new(line, what)
            });
        }
        let bad = |what: String| BadRow {
            partner_user_id: Some(partner_user_id.clone()),
            ..BadRow::new(line, what)
        };
        let row = |entitlements| Row {
            line,
            partner_user_id: partner_user_id.clone(),
            entitlements,
            known_plans: 0,
            unknown_plans: Vec::new(),
        };
        let Some(plans) = &self.plans else {
            let entitlements = entitlements(&cells.given).map_err(|reason| bad(format!("entitlements: {reason}")))?;
            return match check_entitlements(&cells.given) {
                Err(reason) if !self.cells_as_they_are => Err(BadRow {
                    suspicious: true,
                    ..bad(format!("entitlements: {reason}"))
                }),
                _ => Ok(row(entitlements)),
            };
        };
        match plans.is_active(cells.status.as_deref()) {
            Some(true) => {
                let granted = plans.grant(&cells.given);
                if granted.entitlements.len() > Entitlements::MAX_COUNT {
                    return Err(bad("plan: more than 500 entitlements".to_owned()));
                }
                Ok(Row {
                    known_plans: granted.known,
                    unknown_plans: granted.unknown,
                    ..row(granted.entitlements)
                })
            }
            Some(false) => Ok(row(Entitlements::default())),
            None => Err(BadRow {
                unknown_status: cells.status.clone(),
                ..bad("status: neither active nor inactive in the plans file".to_owned())
            }),
        }
    }

    fn person(&self, line: u64, cells: &RowCells) -> Result<PartnerUserId, BadRow> {
        let bad = |reason: &str| BadRow::new(line, format!("{}: {reason}", cells.who_is));
        if let "partner_user_id" = cells.who_is {
            return PartnerUserId::parse(&cells.who).map_err(|_| {
                let reason = check_id(&cells.who).err();
                bad(reason.unwrap_or("not 16 to 128 characters of 0-9 a-f"))
            });
        }
        let Some(keys) = &self.keys else {
            return Err(BadRow::new(line, "sub requires --partner-keys-id".to_owned()));
        };
        if cells.who.is_empty() {
            return Err(bad("empty"));
        }
        if let (Err(reason), false) = (check_id(&cells.who), self.cells_as_they_are) {
            return Err(BadRow {
                suspicious: true,
                ..bad(reason)
            });
        }
        let claims = Map::from_iter([("sub".to_owned(), Value::from(cells.who.as_str()))]);
        subject_id(keys, &self.partner_id, &claims)
            .map_err(|_| bad("longer than 255 bytes, or with a control character"))
    }
}
