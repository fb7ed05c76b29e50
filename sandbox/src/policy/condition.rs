//! Owns `Condition`: operators, their qualifiers, and what an absent key means.
//!
//! Sources: IAM User Guide, "IAM JSON policy elements: Condition operators",
//! "Set operators for multi-valued context keys".

use std::net::IpAddr;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::context::Context;
use super::keys;
use super::pattern::Pattern;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    /// No qualifier: the key is expected to have one value.
    Single,
    ForAny,
    ForAll,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    String,
    StringIgnoreCase,
    StringLike,
    Arn,
    Numeric(Order),
    Date(Order),
    Bool,
    Binary,
    Ip,
    Null,
}

/// One operator with one key and its values.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    test: Test,
    /// `StringNotEquals` and its kin: none of the values may match.
    negated: bool,
    if_exists: bool,
    set: Set,
    key: String,
    values: Vec<Pattern>,
}

impl Condition {
    /// Parses an operator's name with one key and its values.
    pub(crate) fn parse(
        operator: &str,
        key: &str,
        values: &[String],
        variables: bool,
    ) -> Result<Self, String> {
        let (set, rest) = if let Some(rest) = operator.strip_prefix("ForAnyValue:") {
            (Set::ForAny, rest)
        } else if let Some(rest) = operator.strip_prefix("ForAllValues:") {
            (Set::ForAll, rest)
        } else {
            (Set::Single, operator)
        };
        let (name, if_exists) = match rest.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (rest, false),
        };
        let (test, negated) = Self::operator(name)
            .ok_or_else(|| format!("unknown condition operator {operator:?}"))?;
        if test == Test::Null && (if_exists || set != Set::Single) {
            return Err(format!("Null takes no qualifier: {operator:?}"));
        }
        if !keys::is_known(key) {
            return Err(format!("unknown condition key {key:?}"));
        }
        // Variables are for strings and ARNs only.
        let variables = variables
            && matches!(
                test,
                Test::String | Test::StringIgnoreCase | Test::StringLike | Test::Arn
            );
        let condition = Self {
            test,
            negated,
            if_exists,
            set,
            key: key.to_owned(),
            values: values
                .iter()
                .map(|value| Pattern::parse(value, variables))
                .collect::<Result<_, _>>()?,
        };
        condition.check_values(operator)?;
        Ok(condition)
    }

    fn operator(name: &str) -> Option<(Test, bool)> {
        Some(match name {
            "StringEquals" => (Test::String, false),
            "StringNotEquals" => (Test::String, true),
            "StringEqualsIgnoreCase" => (Test::StringIgnoreCase, false),
            "StringNotEqualsIgnoreCase" => (Test::StringIgnoreCase, true),
            "StringLike" => (Test::StringLike, false),
            "StringNotLike" => (Test::StringLike, true),
            // "ArnEquals and ArnLike behave identically."
            "ArnEquals" | "ArnLike" => (Test::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Test::Arn, true),
            "NumericEquals" => (Test::Numeric(Order::Equal), false),
            "NumericNotEquals" => (Test::Numeric(Order::Equal), true),
            "NumericLessThan" => (Test::Numeric(Order::Less), false),
            "NumericLessThanEquals" => (Test::Numeric(Order::LessOrEqual), false),
            "NumericGreaterThan" => (Test::Numeric(Order::Greater), false),
            "NumericGreaterThanEquals" => (Test::Numeric(Order::GreaterOrEqual), false),
            "DateEquals" => (Test::Date(Order::Equal), false),
            "DateNotEquals" => (Test::Date(Order::Equal), true),
            "DateLessThan" => (Test::Date(Order::Less), false),
            "DateLessThanEquals" => (Test::Date(Order::LessOrEqual), false),
            "DateGreaterThan" => (Test::Date(Order::Greater), false),
            "DateGreaterThanEquals" => (Test::Date(Order::GreaterOrEqual), false),
            "Bool" => (Test::Bool, false),
            "BinaryEquals" => (Test::Binary, false),
            "IpAddress" => (Test::Ip, false),
            "NotIpAddress" => (Test::Ip, true),
            "Null" => (Test::Null, false),
            _ => return None,
        })
    }

    fn check_values(&self, operator: &str) -> Result<(), String> {
        for value in &self.values {
            let text = value.source();
            let sound = match self.test {
                Test::Numeric(_) => text.parse::<f64>().is_ok(),
                Test::Date(_) => date(text).is_some(),
                Test::Bool | Test::Null => {
                    text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
                }
                Test::Ip => network(text).is_some(),
                Test::String
                | Test::StringIgnoreCase
                | Test::StringLike
                | Test::Arn
                | Test::Binary => true,
            };
            if !sound {
                return Err(format!("{operator} cannot take the value {text:?}"));
            }
        }
        Ok(())
    }

    /// The key that is asked for.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// True if the request satisfies this condition.
    pub(crate) fn holds(&self, context: &Context) -> bool {
        let present = context.get(&self.key);
        if self.test == Test::Null {
            let absent = present.is_none();
            return self
                .values
                .iter()
                .any(|value| value.source().eq_ignore_ascii_case("true") == absent);
        }
        let Some(actual) = present else {
            return self.if_exists
                || match self.set {
                    Set::ForAll => true,
                    Set::ForAny => false,
                    // A negated operator matches a request that lacks the key.
                    Set::Single => self.negated,
                };
        };
        let one = |value: &String| {
            let hit = self
                .values
                .iter()
                .any(|wanted| self.matches(wanted, value, context));
            hit != self.negated
        };
        match self.set {
            Set::ForAll => actual.iter().all(one),
            Set::ForAny => actual.iter().any(one),
            Set::Single => match actual {
                [only] => one(only),
                // AWS leaves a multivalued key without a set operator
                // undefined; the sandbox lets such a condition never hold.
                [] | [_, ..] => false,
            },
        }
    }

    fn matches(&self, wanted: &Pattern, actual: &str, context: &Context) -> bool {
        match self.test {
            Test::String => wanted.equals(actual, context, false),
            Test::StringIgnoreCase => wanted.equals(actual, context, true),
            Test::StringLike => wanted.like(actual, context),
            Test::Arn => wanted.arn_like(actual, context),
            Test::Numeric(order) => compare(
                order,
                actual.parse::<f64>().ok(),
                wanted.source().parse::<f64>().ok(),
            ),
            Test::Date(order) => compare(order, date(actual), date(wanted.source())),
            Test::Bool | Test::Null => wanted.source().eq_ignore_ascii_case(actual),
            Test::Binary => wanted.source() == actual,
            Test::Ip => match (network(wanted.source()), actual.parse::<IpAddr>()) {
                (Some((net, bits)), Ok(address)) => in_network(net, bits, address),
                _ => false,
            },
        }
    }
}

fn compare<T: PartialOrd>(order: Order, actual: Option<T>, wanted: Option<T>) -> bool {
    let (Some(actual), Some(wanted)) = (actual, wanted) else {
        return false;
    };
    match order {
        Order::Equal => actual == wanted,
        Order::Less => actual < wanted,
        Order::LessOrEqual => actual <= wanted,
        Order::Greater => actual > wanted,
        Order::GreaterOrEqual => actual >= wanted,
    }
}

/// A date of ISO 8601, or seconds since the epoch.
fn date(text: &str) -> Option<OffsetDateTime> {
    if let Ok(seconds) = text.parse::<i64>() {
        return OffsetDateTime::from_unix_timestamp(seconds).ok();
    }
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address.parse::<IpAddr>().ok()?, bits.parse().ok()?),
        None => {
            let address = text.parse::<IpAddr>().ok()?;
            (address, if address.is_ipv4() { 32 } else { 128 })
        }
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    (bits <= most).then_some((address, bits))
}

fn in_network(net: IpAddr, bits: u32, address: IpAddr) -> bool {
    match (net, address) {
        (IpAddr::V4(net), IpAddr::V4(address)) => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            u32::from(net) & mask == u32::from(address) & mask
        }
        (IpAddr::V6(net), IpAddr::V6(address)) => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            u128::from(net) & mask == u128::from(address) & mask
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}
