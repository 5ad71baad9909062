//! One expression of PromQL against what is exposed: names, labels, kinds of numbers, and the labels that come out of it. It
//! evaluates nothing.

use std::collections::BTreeSet;

use promql_parser::label::Labels;
use promql_parser::parser::{self, AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, VectorSelector};

use super::exposed::{Exposed, Number};
use super::{ATTACHED, values};

/// For what only grows.
const OF_COUNTERS: [&str; 3] = ["increase", "irate", "rate"];

type Set = BTreeSet<String>;

/// The labels that come out of it. What is wrong is told one by one.
pub(super) fn labels(expression: &str, exposed: &Exposed, fault: &mut dyn FnMut(String)) -> Set {
    match parser::parse(expression) {
        Ok(parsed) => Look { exposed, fault }.of(&parsed, None),
        Err(error) => {
            fault(format!("no PromQL: {error}"));
            Set::new()
        }
    }
}

struct Look<'a> {
    exposed: &'a Exposed,
    fault: &'a mut dyn FnMut(String),
}

impl Look<'_> {
    /// `function`: whose argument it is.
    fn of(&mut self, expression: &Expr, function: Option<&str>) -> Set {
        match expression {
            Expr::VectorSelector(selector) => self.of_selector(selector, function),
            Expr::MatrixSelector(matrix) => self.of_selector(&matrix.vs, function),
            Expr::Call(call) => self.of_call(call),
            Expr::Aggregate(aggregate) => self.of_aggregate(aggregate),
            Expr::Binary(binary) => self.of_binary(binary),
            Expr::Paren(inner) => self.of(&inner.expr, function),
            Expr::Unary(inner) => self.of(&inner.expr, function),
            Expr::Subquery(inner) => self.of(&inner.expr, function),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => Set::new(),
        }
    }

    fn of_selector(&mut self, selector: &VectorSelector, function: Option<&str>) -> Set {
        let name = selector.name.as_deref().unwrap_or_default();
        let Some((number, labels)) = self.exposed.get(name) else {
            (self.fault)(format!("no metric is called {name}"));
            return Set::new();
        };
        let labels: Set = labels.iter().cloned().chain(ATTACHED.map(str::to_owned)).collect();
        for matcher in &selector.matchers.matchers {
            if !labels.contains(&matcher.name) {
                (self.fault)(format!("{name} has no label {}", matcher.name));
            }
            values(name, matcher, self.fault);
        }
        let of_counters = function.filter(|function| OF_COUNTERS.contains(function));
        match (of_counters, number) {
            (Some(function), Number::Gauge) => (self.fault)(format!("{function} of {name}, which is no counter")),
            (None, Number::Counter) => {
                (self.fault)(format!("{name} only grows: rate or increase is missing"));
            }
            _ => {}
        }
        labels
    }

    fn of_call(&mut self, call: &Call) -> Set {
        let name = call.func.name;
        let mut out = Set::new();
        for argument in &call.args.args {
            out.extend(self.of(argument, Some(name)));
        }
        match name {
            "histogram_quantile" if !out.remove("le") => {
                (self.fault)("histogram_quantile of what has no le".to_owned())
            }
            "absent" | "scalar" | "vector" => out.clear(),
            _ => {}
        }
        out
    }

    fn of_aggregate(&mut self, aggregate: &AggregateExpr) -> Set {
        let inner = self.of(&aggregate.expr, None);
        // topk and its like choose among what there is.
        let chooses = aggregate.param.is_some();
        let Some(modifier) = &aggregate.modifier else { return if chooses { inner } else { Set::new() } };
        let named = names(modifier.labels());
        for label in named.difference(&inner) {
            (self.fault)(format!("by or without {label}, which is not there"));
        }
        match modifier {
            _ if chooses => inner,
            LabelModifier::Include(_) => named,
            LabelModifier::Exclude(_) => inner.difference(&named).cloned().collect(),
        }
    }

    fn of_binary(&mut self, binary: &BinaryExpr) -> Set {
        let (left, right) = (self.of(&binary.lhs, None), self.of(&binary.rhs, None));
        if let Some(LabelModifier::Include(on)) =
            binary.modifier.as_ref().and_then(|modifier| modifier.matching.as_ref())
        {
            for label in names(on).iter().filter(|label| !left.contains(*label) || !right.contains(*label)) {
                (self.fault)(format!("on {label}, which is not on both sides"));
            }
        }
        if left.is_empty() { right } else { left }
    }
}

fn names(labels: &Labels) -> Set {
    labels.labels.iter().cloned().collect()
}
