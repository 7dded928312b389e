//! Which column or JSON member is which: the names of `--columns`, the lenient comparison of header names, and errors that name what was found.

use std::str::FromStr;

/// A column that an import reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Sub,
    PartnerUserId,
    Entitlements,
    Plan,
    Status,
}

impl Role {
    const ALL: [Self; 5] = [
        Self::Sub,
        Self::PartnerUserId,
        Self::Entitlements,
        Self::Plan,
        Self::Status,
    ];

    /// The name in `--columns`, in errors, and of the column itself by default.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Sub => "sub",
            Self::PartnerUserId => "partner_user_id",
            Self::Entitlements => "entitlements",
            Self::Plan => "plan",
            Self::Status => "status",
        }
    }
}

/// One value of `--columns`: column names by role, such as `sub=Customer ID,plan=Plan`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ColumnNames(Vec<(Role, String)>);

impl FromStr for ColumnNames {
    type Err = String;

    /// A comma separates two names only before a role and `=`, so that names may contain commas.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut names: Vec<(Role, String)> = Vec::new();
        for part in text.split(',') {
            let start = part.split_once('=').and_then(|(role, name)| {
                let role = Role::ALL
                    .into_iter()
                    .find(|known| normalized(known.as_str()) == normalized(role))?;
                Some((role, name.to_owned()))
            });
            match (start, names.last_mut()) {
                (Some(start), _) => names.push(start),
                (None, Some((_, name))) => name.extend([",", part]),
                (None, None) => {
                    return Err(
                        "write ROLE=NAME, where ROLE is sub, partner_user_id, entitlements, plan or status".into(),
                    );
                }
            }
        }
        for (role, name) in &mut names {
            name.truncate(name.trim_end().len());
            if name.trim().is_empty() {
                return Err(format!("the name of the column {} is empty", role.as_str()));
            }
        }
        Ok(Self(names))
    }
}

/// The columns that one import needs, by their names in the file.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    sub: Option<String>,
    partner_user_id: Option<String>,
    /// Column of the entitlements, or of the plans.
    given: (Role, String),
    status: Option<String>,
    others_ignored: bool,
}

/// Positions of the needed columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) who: usize,
    /// [`Role::Sub`] or [`Role::PartnerUserId`].
    pub(super) who_is: Role,
    pub(super) given: usize,
    pub(super) status: Option<usize>,
}

/// Why a header or a JSON object does not have the needed columns.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ColumnProblem {
    /// There is no column with this name, or none of two names.
    Missing(String),
    Repeated(String),
    /// Both `sub` and `partner_user_id`, which could name different subscribers.
    TwoIds,
    /// Columns beside these, which are neither needed nor ignored.
    Others(Columns),
}

impl Selection {
    /// Combines the values of `--columns` with the defaults. `with_status` is `None` without `--plans`, else whether the plans file has statuses.
    ///
    /// # Errors
    /// A text for the operator if the names contradict each other or the plans file.
    pub(super) fn new(
        columns: &[ColumnNames],
        with_status: Option<bool>,
        ignore_other_columns: bool,
    ) -> Result<Self, String> {
        let mut names = [const { None }; Role::ALL.len()];
        for (role, name) in columns.iter().flat_map(|names| &names.0) {
            let place = Role::ALL.iter().position(|known| known == role);
            let slot = place.and_then(|place| names.get_mut(place));
            if slot.is_none_or(|slot| slot.replace(name.clone()).is_some()) {
                return Err(format!("--columns names {} twice", role.as_str()));
            }
        }
        let [sub, partner_user_id, entitlements, plan, status] = names;
        if sub.is_some() && partner_user_id.is_some() {
            return Err("--columns must name either sub or partner_user_id".to_owned());
        }
        let who = sub.as_ref().or(partner_user_id.as_ref());
        if who.is_some() && (who == entitlements.as_ref() || who == plan.as_ref()) {
            return Err("--columns names one column both for subscribers and for what they get".to_owned());
        }
        let given = match (with_status, entitlements, plan) {
            (None, _, Some(_)) => return Err("the column plan requires --plans".to_owned()),
            (Some(_), Some(_), Some(_)) => return Err("--columns must name either plan or entitlements".to_owned()),
            (None, entitlements, None) => (Role::Entitlements, entitlements),
            (Some(_), entitlements, plan) => (Role::Plan, plan.or(entitlements)),
        };
        let status = match (with_status, status) {
            (None, Some(_)) => return Err("the column status requires --plans".to_owned()),
            (Some(false), Some(_)) => {
                return Err(
                    "the plans file has no [statuses]: say there which statuses are active and inactive".to_owned(),
                );
            }
            (Some(true), status) => Some(status.unwrap_or_else(|| Role::Status.as_str().to_owned())),
            (None | Some(false), None) => None,
        };
        let default = sub.is_none() && partner_user_id.is_none();
        let by_default = |role: Role| default.then(|| role.as_str().to_owned());
        Ok(Self {
            sub: sub.or_else(|| by_default(Role::Sub)),
            partner_user_id: partner_user_id.or_else(|| by_default(Role::PartnerUserId)),
            given: (given.0, given.1.unwrap_or_else(|| given.0.as_str().to_owned())),
            status,
            others_ignored: ignore_other_columns || !columns.is_empty() || with_status.is_some(),
        })
    }

    /// Whether cells hold plans instead of entitlements.
    pub(super) fn reads_plans(&self) -> bool {
        self.given.0 == Role::Plan
    }

    /// Finds the needed columns. Names with the same letters and digits are equal, unless one is exact.
    pub(super) fn find(&self, header: &[&str]) -> Result<Columns, ColumnProblem> {
        let place = |name: &Option<String>| name.as_deref().map_or(Ok(None), |name| position(header, name));
        let (who, who_is) = match (place(&self.partner_user_id)?, place(&self.sub)?) {
            (Some(who), None) => (who, Role::PartnerUserId),
            (None, Some(who)) => (who, Role::Sub),
            (Some(_), Some(_)) => return Err(ColumnProblem::TwoIds),
            (None, None) => {
                let names = [&self.partner_user_id, &self.sub].into_iter().flatten();
                let names: Vec<_> = names.map(String::as_str).collect();
                return Err(ColumnProblem::Missing(names.join(" or ")));
            }
        };
        let needed = |name: &str| position(header, name)?.ok_or_else(|| ColumnProblem::Missing(name.to_owned()));
        let given = needed(&self.given.1)?;
        let status = self.status.as_deref().map(needed).transpose()?;
        let columns = Columns {
            who,
            who_is,
            given,
            status,
        };
        let used = 2 + usize::from(status.is_some());
        let named = header.iter().filter(|name| !name.trim().is_empty()).count();
        if named > used && !self.others_ignored {
            return Err(ColumnProblem::Others(columns));
        }
        Ok(columns)
    }

    /// The settings as text, to recognize the same import.
    pub(super) fn describe(&self) -> String {
        format!("{self:?}")
    }

    /// Why a header was rejected: what was found, and what helps. It names columns only if they look like names and not like data.
    pub(super) fn explain(&self, problem: &ColumnProblem, header: &[&str], separator: &str) -> String {
        let missing = match problem {
            ColumnProblem::Repeated(name) => return format!("the header has the column {name} more than once"),
            ColumnProblem::TwoIds => {
                return "the header has both columns partner_user_id and sub; choose one with --columns, such as --columns sub=sub".to_owned();
            }
            ColumnProblem::Others(_) => {
                return format!(
                    "the header has unknown columns; ignore them with --ignore-other-columns. {}",
                    found(header, separator)
                );
            }
            ColumnProblem::Missing(name) => name,
        };
        if header.iter().all(|name| name.is_empty()) {
            return "the file has no header: its first line must name the columns, such as sub,entitlements".to_owned();
        }
        let role = if *missing == self.given.1 {
            self.given.0
        } else if Some(missing) == self.status.as_ref() {
            Role::Status
        } else {
            Role::Sub
        };
        let found = found(header, separator);
        if let [line] = header
            && line.contains([',', ';', '\t', '|'])
        {
            return format!("the header has no column {missing}. {found}; remove the outer quotes of all lines");
        }
        if !is_header(header) {
            return format!(
                "the header has no column {missing}. {found}. If it is one, name the column with --columns, such as --columns '{}=Name of the column'; else add a header, such as sub,entitlements",
                role.as_str()
            );
        }
        format!(
            "the header has no column {missing}. {found}. Name the column with --columns, such as --columns '{}=Name of the column'",
            role.as_str()
        )
    }
}

/// Describes a first line by its separator and columns.
fn found(header: &[&str], separator: &str) -> String {
    let count = match header {
        [one] if one.contains([',', ';', '\t', '|']) => {
            "The header is one column; perhaps the whole line is in quotes".to_owned()
        }
        [_] => "The first line is one column without a separator".to_owned(),
        many => format!("The first line has {} columns, separated by {separator}", many.len()),
    };
    if !is_header(header) {
        return format!("{count}; it does not look like a header, so its cells are not shown");
    }
    let shown: Vec<_> = header
        .iter()
        .map(|name| if is_shown(name) { name.trim() } else { "…" })
        .collect();
    format!("{count}: {}", shown.join(", "))
}

/// Whether a first line certainly names columns: a cell is a usual name, and no cell looks like an email address or an id.
fn is_header(cells: &[&str]) -> bool {
    const USUAL: [&str; 29] = [
        "id",
        "email",
        "emailaddress",
        "name",
        "fullname",
        "firstname",
        "plan",
        "plans",
        "planid",
        "planname",
        "tier",
        "tiers",
        "product",
        "productid",
        "priceid",
        "status",
        "state",
        "sub",
        "partneruserid",
        "entitlement",
        "entitlements",
        "userid",
        "customerid",
        "customeremail",
        "memberfulid",
        "subscriptionid",
        "subscriptionstatus",
        "createdat",
        "username",
    ];
    let digits = |cell: &str| cell.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > 2);
    let like_data = cells.iter().any(|cell| cell.contains('@') || digits(cell));
    let words = |cell: &str| {
        cell.split([';', ',', '|', '\t'])
            .any(|word| USUAL.contains(&normalized(word).as_str()))
    };
    !like_data && cells.iter().any(|cell| words(cell))
}

fn is_shown(name: &str) -> bool {
    name.chars().count() <= 60 && !name.chars().any(char::is_control)
}

/// Position of the only column with this name, or `None` if no column has it.
fn position(header: &[&str], name: &str) -> Result<Option<usize>, ColumnProblem> {
    let only = |same: &dyn Fn(&str) -> bool| {
        let mut places = (0..)
            .zip(header)
            .filter(|(_, known)| same(known))
            .map(|(place, _)| place);
        match (places.next(), places.next()) {
            (first, None) => Ok(first),
            _ => Err(ColumnProblem::Repeated(name.to_owned())),
        }
    };
    if let Some(exact) = only(&|known| known == name)? {
        return Ok(Some(exact));
    }
    let wanted = normalized(name);
    if wanted.is_empty() {
        return Ok(None);
    }
    only(&|known| normalized(known) == wanted)
}

/// The letters and digits of a name, in lower case: `Partner User ID`, `partner_user_id` and `partnerUserId` are equal.
pub(super) fn normalized(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(columns: &[&str]) -> Selection {
        let columns: Vec<_> = columns.iter().map(|names| names.parse().unwrap()).collect();
        Selection::new(&columns, None, false).unwrap()
    }

    #[test]
    fn names_are_equal_despite_case_space_hyphen_and_invisible_characters() {
        for (who, who_is) in [
            (" Sub ", Role::Sub),
            ("SUB", Role::Sub),
            ("Partner User ID", Role::PartnerUserId),
            ("partner-user-id", Role::PartnerUserId),
            ("partnerUserId", Role::PartnerUserId),
            ("Partner User ID*", Role::PartnerUserId),
            ("Partner\u{a0}User\u{a0}Id", Role::PartnerUserId),
            ("\u{feff}partner_user_id", Role::PartnerUserId),
            ("“sub”", Role::Sub),
            ("partner.user.id", Role::PartnerUserId),
        ] {
            let columns = selection(&[]).find(&[who, "ENTITLEMENTS"]).unwrap();
            assert_eq!((columns.who, columns.who_is, columns.given), (0, who_is, 1), "{who}");
        }
        for other in ["subs", "partner_id", "sub2", "user_id", "*"] {
            let problem = selection(&[]).find(&[other, "entitlements"]);
            assert!(matches!(problem, Err(ColumnProblem::Missing(_))), "{other}");
        }
    }

    #[test]
    fn an_exact_name_wins_and_an_inexact_one_must_be_unique() {
        let selection = selection(&["sub=Email,entitlements=Plan"]);
        let columns = selection.find(&["email", "Email", "Plan", "Phone"]).unwrap();
        assert_eq!(columns.who, 1);
        let repeated = selection.find(&["email", "EMAIL", "Plan"]);
        assert_eq!(repeated, Err(ColumnProblem::Repeated("Email".to_owned())));
        let repeated = selection.find(&["Email", "Email", "Plan"]);
        assert_eq!(repeated, Err(ColumnProblem::Repeated("Email".to_owned())));
    }

    #[test]
    fn columns_are_named_in_one_value_or_several() {
        let one: ColumnNames = "sub=Customer ID,entitlements=Plan, monthly,status=a=b".parse().unwrap();
        let expected = [
            (Role::Sub, "Customer ID"),
            (Role::Entitlements, "Plan, monthly"),
            (Role::Status, "a=b"),
        ];
        assert_eq!(one.0, expected.map(|(role, name)| (role, name.to_owned())));
        for wrong in ["", "Customer ID", "Customer ID=sub", "sub=", "sub=,plan=x", "tier=x"] {
            assert!(wrong.parse::<ColumnNames>().is_err(), "{wrong}");
        }
        let twice = ["sub=a".parse().unwrap(), "sub=b".parse().unwrap()];
        assert!(Selection::new(&twice, None, false).unwrap_err().contains("twice"));
    }

    #[test]
    fn columns_must_fit_the_plans_file() {
        let names = |text: &str| [text.parse::<ColumnNames>().unwrap()];
        let wrong = |text: &str, with_status| Selection::new(&names(text), with_status, false).unwrap_err();
        assert!(wrong("plan=Plan", None).contains("requires --plans"));
        assert!(wrong("status=Status", None).contains("requires --plans"));
        assert!(wrong("entitlements=Plan,plan=Plan", Some(false)).contains("either"));
        let alias = Selection::new(&names("entitlements=Tier"), Some(false), false).unwrap();
        assert!(alias.reads_plans() && alias.find(&["sub", "Tier"]).is_ok());
        assert!(wrong("status=Status", Some(false)).contains("[statuses]"));
        assert!(wrong("sub=a,partner_user_id=b", None).contains("either"));
        let found = Selection::new(&names("sub=ID"), Some(true), false).unwrap();
        let columns = found.find(&["Status", "Plan", "ID", "Name"]).unwrap();
        assert_eq!((columns.who, columns.given, columns.status), (2, 1, Some(0)));
        assert_eq!(
            found.find(&["Plan", "ID"]),
            Err(ColumnProblem::Missing("status".to_owned()))
        );
    }

    #[test]
    fn other_columns_are_ignored_only_on_request_and_unnamed_ones_always() {
        let header = ["sub", "entitlements", "Note"];
        assert!(matches!(selection(&[]).find(&header), Err(ColumnProblem::Others(_))));
        assert!(selection(&[]).find(&["sub", "entitlements", "", " "]).is_ok());
        assert!(Selection::new(&[], None, true).unwrap().find(&header).is_ok());
        assert!(selection(&["sub=sub"]).find(&header).is_ok());
    }

    #[test]
    fn a_rejected_header_is_described_by_its_names() {
        let selection = selection(&[]);
        let header = ["Name", "Email", "Patron Status", "Tier"];
        let problem = selection.find(&header).unwrap_err();
        let said = selection.explain(&problem, &header, "';'");
        for part in [
            "no column partner_user_id or sub",
            "4 columns, separated by ';': Name, Email, Patron Status, Tier",
            "--columns 'sub=",
        ] {
            assert!(said.contains(part), "{said}");
        }
        let header = ["sub", "tier"];
        let problem = selection.find(&header).unwrap_err();
        assert!(
            selection
                .explain(&problem, &header, ",")
                .contains("--columns 'entitlements=")
        );
    }

    #[test]
    fn cells_of_a_first_line_that_is_no_header_are_not_shown() {
        let selection = selection(&[]);
        for header in [
            &["ada@example.com", "basic"][..],
            &["member-1002", "basic"],
            &["ada", "gold", "active"],
            &["Ada Lovelace", "basic"],
            &["id", "email", "ada@example.com"],
            &["name", "cus_4711"],
        ] {
            let problem = selection.find(header).unwrap_err();
            let said = selection.explain(&problem, header, "','");
            assert!(said.contains("are not shown"), "{said}");
            for cell in header {
                assert!(
                    !said.contains(&format!(": {cell}")) && !said.contains(&format!("{cell},")),
                    "{said}"
                );
            }
        }
    }
}
