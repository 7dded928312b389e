//! The file of `--plans`: which entitlements a platform's plan, tier or product grants, and which subscription statuses are active.

use std::collections::HashMap;

use shared::partner::Entitlements;
use toml::{Table, Value};

use super::cells::{Given, is_separator};

/// Entitlements by plan, and active statuses.
#[derive(Debug)]
pub(super) struct PlanMap {
    plans: HashMap<String, Entitlements>,
    /// Whether a status is active; `None` if every row is.
    statuses: Option<HashMap<String, bool>>,
}

/// What the plans of one row grant.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Granted {
    pub(super) entitlements: Entitlements,
    /// Number of plans that the file knows.
    pub(super) known: u64,
    pub(super) unknown: Vec<String>,
}

impl PlanMap {
    /// Parses the file: `[plans]` with a list of entitlements by plan, and optionally `[statuses]` with the lists `active` and `inactive`. Plans may also stand
    /// at the top, without `[plans]`.
    ///
    /// # Errors
    /// A text for the operator.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        let mut plans = HashMap::new();
        let mut statuses = None;
        for (name, value) in table {
            match (name.as_str(), value) {
                ("plans", Value::Table(more)) => {
                    for (plan, value) in more {
                        add_plan(&mut plans, &plan, &value)?;
                    }
                }
                ("statuses", Value::Table(table)) => statuses = Some(parse_statuses(table)?),
                ("statuses", _) => {
                    return Err("[statuses] must be a table with the lists active and inactive".to_owned());
                }
                (_, value) => add_plan(&mut plans, &name, &value)?,
            }
        }
        if plans.is_empty() {
            return Err("there are no plans: write \"id of the plan\" = [\"entitlement\"] below [plans]".to_owned());
        }
        Ok(Self { plans, statuses })
    }

    pub(super) fn has_statuses(&self) -> bool {
        self.statuses.is_some()
    }

    /// Whether a status grants the row's plans, or `None` if the file does not name the status.
    pub(super) fn is_active(&self, status: Option<&str>) -> Option<bool> {
        match &self.statuses {
            None => Some(true),
            Some(statuses) => statuses.get(status.unwrap_or_default()).copied(),
        }
    }

    /// Unites the entitlements of a row's plans. A cell is one plan, or else a list of plans.
    pub(super) fn grant(&self, given: &Given) -> Granted {
        let mut granted = Granted::default();
        match given {
            Given::List(plans) => plans
                .iter()
                .for_each(|plan| self.add(&mut granted, plan.trim_matches(' '))),
            Given::Text(cell) if self.plans.contains_key(cell.as_str()) => self.add(&mut granted, cell),
            Given::Text(cell) => {
                let products = product_ids(cell);
                if products.is_empty() {
                    self.add_list(&mut granted, cell);
                }
                for product in products {
                    self.add(&mut granted, product);
                }
            }
        }
        granted
    }

    fn add(&self, granted: &mut Granted, plan: &str) {
        match self.plans.get(plan) {
            Some(entitlements) => {
                granted.entitlements = granted.entitlements.union(entitlements);
                granted.known += 1;
            }
            None => granted.unknown.push(plan.to_owned()),
        }
    }

    /// Adds the plans of a list. A plan may itself contain a separator, so the longest known plan comes first.
    fn add_list(&self, granted: &mut Granted, cell: &str) {
        let mut starts = vec![0];
        starts.extend(
            cell.match_indices(|c: char| is_separator(c) || c == '\n')
                .map(|(place, found)| place + found.len()),
        );
        let end_before = |start: usize| if start == cell.len() + 1 { cell.len() } else { start - 1 };
        starts.push(cell.len() + 1);
        let mut from = 0;
        while let Some(start) = starts.get(from).filter(|start| **start <= cell.len()) {
            let ends = (from + 1..starts.len()).rev();
            let piece = |to: usize| {
                starts
                    .get(to)
                    .and_then(|end| cell.get(*start..end_before(*end)))
                    .unwrap_or_default()
                    .trim()
            };
            let known = ends.clone().find(|to| self.plans.contains_key(piece(*to)));
            let to = known.unwrap_or(from + 1);
            if !piece(to).is_empty() {
                self.add(granted, piece(to));
            }
            from = to;
        }
    }
}

/// The ids in `order_items` of `WooCommerce`, such as `product_id:12|name:Gold|quantity:1;product_id:13|name:Silver`. Empty for any other cell.
fn product_ids(cell: &str) -> Vec<&str> {
    if !cell.starts_with("product_id:") || !cell.contains('|') {
        return Vec::new();
    }
    let fields = cell.split(['|', ';']);
    fields
        .filter_map(|field| field.strip_prefix("product_id:"))
        .map(str::trim)
        .collect()
}

fn add_plan(plans: &mut HashMap<String, Entitlements>, plan: &str, value: &Value) -> Result<(), String> {
    if value.is_table() {
        return Err(format!(
            "[{plan}] is neither [plans] nor [statuses]; an id with periods needs quotes"
        ));
    }
    let Some(names) = texts(value) else {
        return Err(format!(
            "the plan {plan} needs a list of entitlements, such as [\"basic\"]"
        ));
    };
    if plan.trim_matches(' ') != plan {
        return Err(format!("the plan {plan} begins or ends with a space"));
    }
    let entitlements = Entitlements::parse(&names).map_err(|error| format!("the plan {plan}: {error}"))?;
    // Only the same id at the top and in [plans] can repeat: TOML rejects a repeated key.
    plans
        .insert(plan.to_owned(), entitlements)
        .map_or(Ok(()), |_| Err(format!("the plan {plan} is repeated")))
}

fn parse_statuses(table: Table) -> Result<HashMap<String, bool>, String> {
    let mut statuses = HashMap::new();
    for (name, value) in table {
        let active = match name.as_str() {
            "active" => true,
            "inactive" => false,
            _ => return Err(format!("[statuses] has the lists active and inactive, and no {name}")),
        };
        let names = texts(&value).ok_or_else(|| format!("{name} in [statuses] must be a list of texts"))?;
        for status in names {
            if status.trim_matches(' ') != status {
                return Err(format!("the status \"{status}\" begins or ends with a space"));
            }
            if statuses.insert(status.to_owned(), active).is_some() {
                return Err(format!("the status {status} is repeated"));
            }
        }
    }
    if statuses.values().all(|active| !active) {
        return Err("[statuses] has no active status, so no plan would grant anything".to_owned());
    }
    Ok(statuses)
}

fn texts(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANS: &str = r#"
        [plans]
        price_1Nabc = ["basic"]
        "Gold tier" = ["basic", "all-access"]
        "Gold, all shows" = ["gold"]
        12 = ["monthly"]
        free = []

        [statuses]
        active = ["active", "trialing"]
        inactive = ["canceled", ""]
    "#;

    fn granted(cell: &str) -> (String, Vec<String>) {
        let granted = PlanMap::parse(PLANS).unwrap().grant(&Given::Text(cell.to_owned()));
        (
            granted.entitlements.iter().collect::<Vec<_>>().join(" "),
            granted.unknown,
        )
    }

    #[test]
    fn a_plan_grants_its_entitlements_and_several_are_united() {
        for (cell, names) in [
            ("price_1Nabc", "basic"),
            ("Gold tier", "all-access basic"),
            ("Gold, all shows", "gold"),
            ("price_1Nabc, Gold, all shows", "basic gold"),
            ("Gold, all shows;12", "gold monthly"),
            ("Gold tier|free", "all-access basic"),
            ("free", ""),
            ("", ""),
            (" , ", ""),
            ("product_id:12|name:Gold|quantity:1|total:5.00|meta:|tax:0", "monthly"),
            (
                "product_id:12|name:A|quantity:1;product_id:free|name:B|quantity:2",
                "monthly",
            ),
        ] {
            assert_eq!(granted(cell), (names.to_owned(), Vec::new()), "{cell}");
        }
        let list = Given::List(vec!["price_1Nabc".to_owned(), "12".to_owned()]);
        assert_eq!(PlanMap::parse(PLANS).unwrap().grant(&list).known, 2);
    }

    #[test]
    fn an_unknown_plan_grants_nothing_and_is_reported() {
        for (cell, names, unknown) in [
            ("gold tier", "", &["gold tier"][..]),
            ("Gold", "", &["Gold"]),
            ("price_1Nabc,other", "basic", &["other"]),
            ("Gold, some shows", "", &["Gold", "some shows"]),
            ("product_id:99|name:price_1Nabc|quantity:1", "", &["99"]),
        ] {
            let unknown: Vec<_> = unknown.iter().map(|&plan| plan.to_owned()).collect();
            assert_eq!(granted(cell), (names.to_owned(), unknown), "{cell}");
        }
        let list = Given::List(vec!["price_1Nabc,12".to_owned()]);
        assert_eq!(PlanMap::parse(PLANS).unwrap().grant(&list).unknown, ["price_1Nabc,12"]);
    }

    #[test]
    fn a_status_is_active_inactive_or_unknown() {
        let plans = PlanMap::parse(PLANS).unwrap();
        for (status, active) in [
            (Some("active"), Some(true)),
            (Some("trialing"), Some(true)),
            (Some("canceled"), Some(false)),
            (Some(""), Some(false)),
            (None, Some(false)),
            (Some("Active"), None),
            (Some("paused"), None),
        ] {
            assert_eq!(plans.is_active(status), active, "{status:?}");
        }
        assert_eq!(PlanMap::parse("a = [\"b\"]").unwrap().is_active(None), Some(true));
    }

    #[test]
    fn plans_may_stand_at_the_top_of_the_file() {
        let plans = PlanMap::parse("\"Gold tier\" = [\"gold\"]\n[statuses]\nactive = [\"active\"]").unwrap();
        assert_eq!(plans.grant(&Given::Text("Gold tier".to_owned())).known, 1);
        assert!(plans.has_statuses());
    }

    #[test]
    fn a_wrong_plans_file_is_rejected_with_its_reason() {
        for (text, reason) in [
            ("", "no plans"),
            ("[plans]", "no plans"),
            ("[statuses]\nactive = [\"a\"]", "no plans"),
            ("gold = \"gold\"", "needs a list"),
            ("gold = [1]", "needs a list"),
            ("gold.tier = [\"gold\"]", "[gold] is neither"),
            (
                "gold = [\"a\"]\n[statusses]\nactive = [\"a\"]",
                "[statusses] is neither",
            ),
            ("[plan]\ngold = [\"a\"]", "[plan] is neither"),
            ("gold = [\"a\"]\n[statuses]\nactive = [\" a\"]", "space"),
            ("gold = [\"bad name\"]", "the plan gold"),
            ("\" gold\" = [\"gold\"]", "space"),
            ("gold = [\"a\"]\ngold = [\"b\"]", "duplicate key"),
            ("gold = [\"a\"]\n[plans]\ngold = [\"b\"]", "repeated"),
            ("gold = [\"a\"]\n[statuses]\nactive = \"a\"", "list of texts"),
            ("gold = [\"a\"]\n[statuses]\ncanceled = [\"a\"]", "active and inactive"),
            (
                "gold = [\"a\"]\n[statuses]\nactive = [\"a\"]\ninactive = [\"a\"]",
                "repeated",
            ),
            ("gold = [\"a\"]\n[statuses]\ninactive = [\"a\"]", "no active status"),
            ("statuses = [\"a\"]\ngold = [\"a\"]", "table"),
            ("{\"gold\": [\"gold\"]}", "TOML"),
        ] {
            let said = PlanMap::parse(text).unwrap_err();
            assert!(said.contains(reason), "{text}: {said}");
        }
    }
}
