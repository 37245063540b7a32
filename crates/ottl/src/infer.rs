//! Finds the context that a group of statements and conditions runs in, from the paths they use.

use crate::context::{Context, ENUMS};
use crate::fault::Fault;
use crate::functions;
use crate::parse;
use crate::syntax::{Call, Node, NodeKind};

/// What the texts of a group use.
#[derive(Default)]
struct Uses {
    roots: Vec<Context>,
    functions: Vec<String>,
    enums: Vec<String>,
    fault: Option<Fault>,
}

/// The most particular context among the paths, or a narrower one where only that knows a function or constant.
///
/// Every path must begin with its context's name. `allowed` are those of the signal. On a fault the place in
/// the list is returned with it; conditions are counted behind the statements.
pub fn infer(
    statements: &[&str],
    conditions: &[&str],
    allowed: &[Context],
) -> Result<Context, (usize, Fault)> {
    let mut uses = Uses::default();
    for (place, text) in statements.iter().enumerate() {
        uses.statement(text, allowed).map_err(|fault| (place, fault))?;
    }
    for (place, text) in conditions.iter().enumerate() {
        uses.condition(text, allowed).map_err(|fault| (statements.len() + place, fault))?;
    }
    uses.choose(allowed).map_err(|fault| (0, fault))
}

impl Uses {
    fn statement(&mut self, text: &str, allowed: &[Context]) -> Result<(), Fault> {
        let (editor, condition) = parse::statement(text)?;
        self.functions.push(editor.name.clone());
        editor.visit(&mut |node| self.node(node, allowed));
        if let Some(condition) = condition {
            self.test(&condition, allowed);
        }
        self.fault.take().map_or(Ok(()), Err)
    }

    fn condition(&mut self, text: &str, allowed: &[Context]) -> Result<(), Fault> {
        let condition = parse::condition(text)?;
        self.test(&condition, allowed);
        self.fault.take().map_or(Ok(()), Err)
    }

    fn test(&mut self, test: &crate::syntax::Bool, allowed: &[Context]) {
        let mut calls: Vec<&Call> = Vec::new();
        test.visit(&mut |node| self.node(node, allowed), &mut |call| calls.push(call));
        self.functions.extend(calls.into_iter().map(|call| call.name.clone()));
    }

    fn node(&mut self, node: &Node, allowed: &[Context]) {
        match &node.kind {
            NodeKind::Call(call) => self.functions.push(call.name.clone()),
            NodeKind::Enum(name) => self.enums.push(name.clone()),
            NodeKind::Path(segments) => {
                let (root, more) = (&segments[0], segments.len() > 1);
                match Context::named(&root.name).filter(|_| more && root.keys.is_empty()) {
                    Some(context) => self.roots.push(context),
                    None if more && root.name == "otelcol" => {}
                    None => self.fault = self.fault.take().or(Some(missing(node.at, root, allowed))),
                }
            }
            _ => {}
        }
    }

    fn choose(&self, allowed: &[Context]) -> Result<Context, Fault> {
        let candidates = || Context::ALL.into_iter().filter(|context| allowed.contains(context));
        let Some(first) = candidates().find(|context| self.roots.contains(context)) else {
            if let Some(stranger) = self.roots.first() {
                let message = format!("`{}` paths cannot be used here", stranger.name());
                return Err(Fault::new(0, message).help(options(allowed)));
            }
            // Without a path only a function or constant can tell.
            let mut able = candidates().filter(|context| self.unknown_in(*context).is_none());
            return match (able.next(), able.next()) {
                (Some(only), None) => Ok(only),
                _ => Err(Fault::new(0, "no path tells the context").help("set `context`")),
            };
        };
        let reaches = |context: &Context| {
            context.visible().contains(&first)
                && self.roots.iter().all(|root| context.visible().contains(root))
        };
        let Some(unknown) = self.unknown_in(first) else { return Ok(first) };
        let narrower = candidates().find(|context| reaches(context) && self.unknown_in(*context).is_none());
        narrower.ok_or_else(|| {
            let message = format!("\"{unknown}\" is known in no context that these paths can be used in");
            Fault::new(0, message)
        })
    }

    /// A function or constant that the context does not know. What no context knows is reported later.
    fn unknown_in(&self, context: Context) -> Option<&str> {
        let function = self.functions.iter().find(|name| {
            functions::named(name).is_some_and(|function| function.contexts & context.bit() == 0)
        });
        let constant = self.enums.iter().find(|name| {
            let mut known = ENUMS.iter().filter(|(known, ..)| known == name);
            known.next().is_some_and(|(.., contexts)| contexts & context.bit() == 0)
        });
        function.or(constant).map(String::as_str)
    }
}

fn missing(at: usize, root: &crate::syntax::Segment, allowed: &[Context]) -> Fault {
    let keys = if root.keys.is_empty() { "" } else { "[...]" };
    let message = format!("missing context name for path \"{}{keys}\"", root.name);
    let names: Vec<String> =
        allowed.iter().map(|context| format!("\"{}.{}{keys}\"", context.name(), root.name)).collect();
    Fault::new(at, message).help(format!("possibly valid options are: {}", names.join(", ")))
}

fn options(allowed: &[Context]) -> String {
    let names: Vec<&str> = allowed.iter().map(|context| context.name()).collect();
    format!("here a path begins with one of: {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGS: &[Context] = &[Context::Resource, Context::Scope, Context::Log];
    const METRICS: &[Context] = &[Context::Resource, Context::Scope, Context::Metric, Context::DataPoint];
    const TRACES: &[Context] = &[Context::Resource, Context::Scope, Context::Span, Context::SpanEvent];

    #[test]
    fn the_most_particular_path_decides() {
        for (allowed, statements, conditions, expected) in [
            (LOGS, &[r#"set(log.body, resource.attributes["a"])"#][..], &[][..], Context::Log),
            (LOGS, &[r#"set(resource.attributes["a"], "b")"#], &[], Context::Resource),
            (LOGS, &[r#"set(resource.attributes["a"], "b")"#], &[r#"log.body == "x""#], Context::Log),
            (
                TRACES,
                &[r#"set(span.name, "b")"#, r#"set(spanevent.name, span.name)"#],
                &[],
                Context::SpanEvent,
            ),
            (TRACES, &[r#"set(instrumentation_scope.name, "b")"#], &[], Context::Scope),
            (METRICS, &[r#"set(metric.unit, "b") where datapoint.value_int > 1"#], &[], Context::DataPoint),
            (METRICS, &[r#"convert_sum_to_gauge() where metric.name == "x""#], &[], Context::Metric),
        ] {
            assert_eq!(infer(statements, conditions, allowed), Ok(expected), "{statements:?}");
        }
    }

    #[test]
    fn what_cannot_be_inferred_is_refused() {
        for (statement, message) in [
            (r#"set(attributes["a"], 1)"#, "missing context name for path \"attributes[...]\""),
            (r#"set(span.name, "a")"#, "`span` paths cannot be used here"),
            (r#"set(body, "a")"#, "missing context name for path \"body\""),
        ] {
            assert_eq!(infer(&[statement], &[], LOGS).unwrap_err().1.message, message);
        }
    }
}
