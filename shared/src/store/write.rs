//! Conditional updates of one item. A [`Write`] collects clauses and conditions. It replaces every value by a placeholder, and every name that could be a
//! reserved word of DynamoDB.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, Update, builders::UpdateBuilder},
};

use super::{
    StoreError,
    error::write_error,
    item::{Item, number},
};

/// An update expression with its condition, for one item.
#[derive(Default)]
pub(super) struct Write {
    set: Vec<Vec<Token>>,
    remove: Vec<Vec<Token>>,
    add: Vec<Vec<Token>>,
    conditions: Vec<Vec<Token>>,
}

/// A part of an expression.
enum Token {
    Text(&'static str),
    Name(&'static str),
    Value(AttributeValue),
}

use Token::{Name, Text, Value};

impl Write {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn set(mut self, name: &'static str, value: AttributeValue) -> Self {
        self.set.push(vec![Name(name), Text(" = "), Value(value)]);
        self
    }

    /// Sets an attribute if the item does not have it.
    pub(super) fn set_if_absent(mut self, name: &'static str, value: AttributeValue) -> Self {
        let (start, end) = (Text(" = if_not_exists("), Text(")"));
        self.set
            .push(vec![Name(name), start, Name(name), Text(", "), Value(value), end]);
        self
    }

    pub(super) fn remove(mut self, names: &[&'static str]) -> Self {
        self.remove.extend(names.iter().map(|name| vec![Name(name)]));
        self
    }

    /// Adds to a number, or to a set.
    pub(super) fn add(mut self, name: &'static str, value: AttributeValue) -> Self {
        self.add.push(vec![Name(name), Text(" "), Value(value)]);
        self
    }

    /// Adds 1 to a number; an absent number counts as 0.
    pub(super) fn increment(self, name: &'static str) -> Self {
        self.add(name, number(1))
    }

    /// Adds a condition. All conditions must hold.
    pub(super) fn when(mut self, condition: Condition) -> Self {
        self.conditions.push(condition.0);
        self
    }

    /// Adds any number of conditions; also accepts an `Option`.
    pub(super) fn when_all(self, conditions: impl IntoIterator<Item = Condition>) -> Self {
        conditions.into_iter().fold(self, Self::when)
    }

    /// Sends the write. `update` names the table, the key and the values to return.
    ///
    /// # Errors
    /// [`StoreError`] if the call fails. A condition that does not hold is not an error: see [`ConditionalWrite::Refused`].
    pub(super) async fn send(self, update: UpdateItemFluentBuilder) -> Result<ConditionalWrite, StoreError> {
        let expressions = self.expressions();
        let update = update
            .update_expression(expressions.update)
            .set_condition_expression(expressions.condition)
            .set_expression_attribute_names(expressions.names)
            .set_expression_attribute_values(expressions.values);
        match update.send().await {
            Ok(written) => Ok(ConditionalWrite::Done(written.attributes.unwrap_or_default())),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(ConditionalWrite::Refused(failed.item.clone()))
                }
                _ => Err(write_error(&error)),
            },
        }
    }

    /// The write as part of a transaction. `update` names the table and the key.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] if `update` lacks one of them.
    pub(super) fn in_transaction(self, update: UpdateBuilder) -> Result<Update, StoreError> {
        let expressions = self.expressions();
        let update = update
            .update_expression(expressions.update)
            .set_condition_expression(expressions.condition)
            .set_expression_attribute_names(expressions.names)
            .set_expression_attribute_values(expressions.values);
        update.build().map_err(|_| StoreError::Malformed)
    }

    fn expressions(self) -> Expressions {
        let (mut update, mut condition) = (String::new(), String::new());
        let mut placeholders = Placeholders::default();
        for (clause, operands) in [("SET ", self.set), (" REMOVE ", self.remove), (" ADD ", self.add)] {
            if !operands.is_empty() {
                update.push_str(if update.is_empty() { clause.trim_start() } else { clause });
                placeholders.join(&mut update, operands, ", ");
            }
        }
        placeholders.join(&mut condition, self.conditions, " AND ");
        Expressions {
            update,
            condition: Some(condition).filter(|condition| !condition.is_empty()),
            names: Some(placeholders.names).filter(|names| !names.is_empty()),
            values: Some(placeholders.values).filter(|values| !values.is_empty()),
        }
    }
}

/// The parts of a [`Write`] in DynamoDB's language.
struct Expressions {
    update: String,
    condition: Option<String>,
    names: Option<HashMap<String, String>>,
    values: Option<Item>,
}

/// The result of a [`Write`].
pub(super) enum ConditionalWrite {
    /// The item was written. Contains the new item if the update asked for it.
    Done(Item),
    /// The condition did not hold. Contains the stored item if there is one and the update asked for it.
    Refused(Option<Item>),
}

impl ConditionalWrite {
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    /// The new item. Returns `None` if the condition did not hold.
    pub(super) fn done(self) -> Option<Item> {
        match self {
            Self::Done(item) => Some(item),
            Self::Refused(_) => None,
        }
    }
}

/// A condition on the stored item.
pub(super) struct Condition(Vec<Token>);

impl Condition {
    pub(super) fn exists(name: &'static str) -> Self {
        Self(vec![Text("attribute_exists("), Name(name), Text(")")])
    }

    pub(super) fn absent(name: &'static str) -> Self {
        Self(vec![Text("attribute_not_exists("), Name(name), Text(")")])
    }

    pub(super) fn equal(name: &'static str, value: AttributeValue) -> Self {
        Self(vec![Name(name), Text(" = "), Value(value)])
    }

    /// The attribute has this value; for `None`, the attribute is absent.
    pub(super) fn unchanged(name: &'static str, value: Option<AttributeValue>) -> Self {
        value.map_or_else(|| Self::absent(name), |value| Self::equal(name, value))
    }

    pub(super) fn less(name: &'static str, value: AttributeValue) -> Self {
        Self(vec![Name(name), Text(" < "), Value(value)])
    }

    pub(super) fn at_most(name: &'static str, value: AttributeValue) -> Self {
        Self(vec![Name(name), Text(" <= "), Value(value)])
    }

    pub(super) fn greater(name: &'static str, value: AttributeValue) -> Self {
        Self(vec![Name(name), Text(" > "), Value(value)])
    }

    /// The attribute has one of `values`, which must not be empty.
    pub(super) fn one_of(name: &'static str, values: impl IntoIterator<Item = AttributeValue>) -> Self {
        let mut tokens = vec![Name(name), Text(" IN (")];
        for (n, value) in values.into_iter().enumerate() {
            tokens.extend((n > 0).then_some(Text(", ")));
            tokens.push(Value(value));
        }
        tokens.push(Text(")"));
        Self(tokens)
    }

    /// The set contains `value`.
    pub(super) fn contains(name: &'static str, value: AttributeValue) -> Self {
        Self(vec![Text("contains("), Name(name), Text(", "), Value(value), Text(")")])
    }

    /// The set has fewer members than `value`.
    pub(super) fn size_less(name: &'static str, value: AttributeValue) -> Self {
        Self(vec![Text("size("), Name(name), Text(") < "), Value(value)])
    }

    /// The set has fewer members than the number in the attribute `limit`.
    pub(super) fn size_less_than_attribute(name: &'static str, limit: &'static str) -> Self {
        Self(vec![Text("size("), Name(name), Text(") < "), Name(limit)])
    }

    pub(super) fn and(self, other: Self) -> Self {
        self.joined(" AND ", other)
    }

    pub(super) fn or(self, other: Self) -> Self {
        self.joined(" OR ", other)
    }

    fn joined(self, operator: &'static str, other: Self) -> Self {
        let mut tokens = vec![Text("(")];
        tokens.extend(self.0);
        tokens.push(Text(operator));
        tokens.extend(other.0);
        tokens.push(Text(")"));
        Self(tokens)
    }
}

/// The names and values of an expression, keyed by placeholder.
#[derive(Default)]
struct Placeholders {
    names: HashMap<String, String>,
    values: Item,
}

impl Placeholders {
    /// Appends expressions to `text`.
    fn join(&mut self, text: &mut String, expressions: Vec<Vec<Token>>, separator: &str) {
        for (n, tokens) in expressions.into_iter().enumerate() {
            text.push_str(if n > 0 { separator } else { "" });
            for token in tokens {
                self.place(text, token);
            }
        }
    }

    fn place(&mut self, text: &mut String, token: Token) {
        let start = text.len();
        match token {
            Text(part) => text.push_str(part),
            // No reserved word has an underscore (DynamoDB Developer Guide, Reserved words).
            Name(name) if name.contains('_') => text.push_str(name),
            Name(name) => {
                text.push('#');
                text.push_str(name);
                let placeholder = text.get(start..).unwrap_or_default();
                if !self.names.contains_key(placeholder) {
                    self.names.insert(placeholder.to_owned(), name.to_owned());
                }
            }
            Value(value) => {
                text.push(':');
                text.push_str(&self.values.len().to_string());
                self.values
                    .insert(text.get(start..).unwrap_or_default().to_owned(), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::item::text;

    #[test]
    fn each_value_and_each_name_that_may_be_reserved_has_a_placeholder() {
        let write = Write::new()
            .set("language", text("en"))
            .set_if_absent("dirty_since", text("1"))
            .remove(&["language", "changed_at"])
            .when(Condition::absent("language").or(Condition::equal("consumed_by", text("a"))));
        let expressions = write.expressions();
        assert_eq!(
            expressions.update,
            "SET #language = :0, dirty_since = if_not_exists(dirty_since, :1) REMOVE #language, changed_at"
        );
        let condition = "(attribute_not_exists(#language) OR consumed_by = :2)";
        assert_eq!(expressions.condition.as_deref(), Some(condition));
        let names = HashMap::from([("#language".to_owned(), "language".to_owned())]);
        assert_eq!(expressions.names, Some(names));
        let values = [(":0", "en"), (":1", "1"), (":2", "a")];
        let values = values.map(|(placeholder, value)| (placeholder.to_owned(), text(value)));
        assert_eq!(expressions.values, Some(values.into()));
    }

    #[test]
    fn a_write_without_placeholders_sends_no_empty_list_which_dynamodb_refuses() {
        let expressions = Write::new().remove(&["changed_at"]).expressions();
        assert_eq!(expressions.update, "REMOVE changed_at");
        assert_eq!(
            (expressions.condition, expressions.names, expressions.values),
            (None, None, None)
        );
    }
}
