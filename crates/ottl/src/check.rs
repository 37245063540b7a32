//! Syntax to what can run: names become paths, functions and constants, arguments are checked against kinds.

use crate::context::{Context, ENUMS};
use crate::eval::{Expr, Invocation, Test};
use crate::fault::{Fault, nearest};
use crate::function::{Arg, Function, Kind, Parameter};
use crate::functions::{self, FUNCTIONS};
use crate::path::{self, Field, Key, Path};
use crate::pattern::{self, Pattern};
use crate::syntax::{Argument, Bool, Call, Node, NodeKind, Segment};

pub struct Checker {
    pub context: Context,
}

impl Checker {
    pub fn editor(&self, call: Call) -> Result<Invocation, Fault> {
        self.call(call)
    }

    pub fn test(&self, test: Bool) -> Result<Test, Fault> {
        let all = |terms: Vec<Bool>| -> Result<Box<[Test]>, Fault> {
            terms.into_iter().map(|term| self.test(term)).collect()
        };
        Ok(match test {
            Bool::Literal(value) => Test::Literal(value),
            Bool::Not(inner) => Test::Not(Box::new(self.test(*inner)?)),
            Bool::And(terms) => Test::And(all(terms)?),
            Bool::Or(terms) => Test::Or(all(terms)?),
            Bool::Compare(operator, left, right) => {
                Test::Compare(operator, self.value(left)?, self.value(right)?)
            }
            Bool::Call(call) => Test::Call(self.call(call)?),
        })
    }

    pub fn value(&self, node: Node) -> Result<Expr, Fault> {
        let at = node.at;
        Ok(match node.kind {
            NodeKind::Nil => Expr::Nil,
            NodeKind::Bool(value) => Expr::Bool(value),
            NodeKind::Int(value) => Expr::Int(value),
            NodeKind::Float(value) => Expr::Double(value),
            NodeKind::Text(text) => Expr::Text(text.into_bytes().into()),
            NodeKind::Bytes(bytes) => Expr::Bytes(bytes.into()),
            NodeKind::Enum(name) | NodeKind::Function(name) => Expr::Int(self.constant(at, &name)?),
            NodeKind::Path(segments) => Expr::Path(self.path(&mut segments.into_iter())?),
            NodeKind::Call(call) => Expr::Call(Box::new(self.call(call)?)),
            NodeKind::List(items) => {
                Expr::List(items.into_iter().map(|item| self.value(item)).collect::<Result<_, _>>()?)
            }
            NodeKind::Map(entries) => {
                let entry = |(key, value): (String, Node)| Ok((key.into_bytes().into(), self.value(value)?));
                Expr::Map(entries.into_iter().map(entry).collect::<Result<_, Fault>>()?)
            }
            NodeKind::Math(operator, left, right) => {
                let left = self.operand(*left)?;
                Expr::Math(operator, Box::new(left), Box::new(self.operand(*right)?))
            }
            NodeKind::Negative(inner) => Expr::Negative(Box::new(self.operand(*inner)?)),
        })
    }

    fn operand(&self, node: Node) -> Result<Expr, Fault> {
        let at = node.at;
        match self.value(node)? {
            value @ (Expr::Int(_)
            | Expr::Double(_)
            | Expr::Path(_)
            | Expr::Call(_)
            | Expr::Math(..)
            | Expr::Negative(_)) => Ok(value),
            _ => Err(Fault::new(at, "only numbers, times, paths and converters can be reckoned with")),
        }
    }

    fn constant(&self, at: usize, name: &str) -> Result<i64, Fault> {
        let known = || ENUMS.iter().filter(|(.., contexts)| contexts & self.context.bit() != 0);
        if let Some((_, value, _)) = known().find(|(known, ..)| *known == name) {
            return Ok(*value);
        }
        let near = nearest(name, known().map(|(name, ..)| *name));
        let fault = Fault::new(at, format!("enum symbol, {name}, not found"));
        Err(fault.help_if(near.map(|near| format!("did you mean `{near}`?"))))
    }

    fn path(&self, segments: &mut dyn Iterator<Item = Segment>) -> Result<Path, Fault> {
        let mut segments: Vec<Segment> = segments.collect();
        let at = segments[0].at;
        let context = self.strip_prefix(&mut segments)?;
        let Some(last) = segments.pop() else {
            return Err(Fault::new(at, "a path needs a field behind its context"));
        };
        if let Some(keyed) = segments.iter().find(|segment| !segment.keys.is_empty()) {
            return Err(Fault::new(keyed.at, format!("keys cannot stand behind `{}`", keyed.name)));
        }
        let mut name = String::new();
        for segment in &segments {
            name.push_str(&segment.name);
            name.push('.');
        }
        name.push_str(&last.name);
        let field = self.field(at, context, &name)?;
        if !last.keys.is_empty() && !field.takes_keys() {
            return Err(Fault::new(last.at, format!("`{name}` is no map or list, so it takes no keys")));
        }
        let keys = last.keys.into_iter().map(|key| self.key(key)).collect::<Result<_, _>>()?;
        Ok(Path { field, keys })
    }

    /// Takes the context's name off the front. Without one the path is of the statement's own context.
    fn strip_prefix(&self, segments: &mut Vec<Segment>) -> Result<Option<Context>, Fault> {
        let (at, name) = (segments[0].at, segments[0].name.clone());
        let named = Context::named(&name);
        let is_prefix = segments.len() > 1 && segments[0].keys.is_empty();
        if !is_prefix {
            return Ok(Some(self.context));
        }
        if name == "otelcol" {
            segments.remove(0);
            return Ok(None);
        }
        match named {
            Some(context) if self.context.visible().contains(&context) => {
                segments.remove(0);
                Ok(Some(context))
            }
            Some(_) => {
                let mine = self.context.name();
                let fault = Fault::new(at, format!("`{name}` paths cannot be used in the context `{mine}`"));
                let visible: Vec<&str> =
                    self.context.visible().iter().map(|context| context.name()).collect();
                Err(fault.help(format!("here a path begins with one of: {}", visible.join(", "))))
            }
            None => Ok(Some(self.context)),
        }
    }

    fn field(&self, at: usize, context: Option<Context>, name: &str) -> Result<Field, Fault> {
        let Some(context) = context else {
            let known = path::CLIENT.contains(&name);
            return if known {
                Ok(Field::Client)
            } else {
                Err(unknown_path(at, "otelcol", name, path::CLIENT))
            };
        };
        if name == "cache" {
            if context == self.context {
                return Ok(Field::Cache);
            }
            let fault = Fault::new(at, format!("`{}.cache` is out of reach here", context.name()));
            return Err(fault.help(format!("use `{}.cache`", self.context.name())));
        }
        let table = path::table(context);
        if let Some((_, field)) = table.iter().find(|(known, _)| *known == name) {
            return Ok(*field);
        }
        let names: Vec<&str> = table.iter().map(|(known, _)| *known).chain(["cache"]).collect();
        Err(unknown_path(at, context.name(), name, &names))
    }

    fn key(&self, node: Node) -> Result<Key, Fault> {
        let at = node.at;
        Ok(match self.value(node)? {
            Expr::Text(text) => Key::Name(text),
            Expr::Int(index) => Key::Index(index),
            computed @ (Expr::Path(_) | Expr::Call(_) | Expr::Math(..) | Expr::Negative(_)) => {
                Key::Computed(computed)
            }
            _ => return Err(Fault::new(at, "a key is a string or an integer")),
        })
    }

    fn call(&self, call: Call) -> Result<Invocation, Fault> {
        let function = self.function(call.at, &call.name)?;
        let arguments = self.placed(call.at, function, call.arguments)?;
        let mut args = Vec::with_capacity(arguments.len());
        for (place, (argument, parameter)) in arguments.into_iter().zip(function.parameters).enumerate() {
            args.push(match argument {
                Some(node) => {
                    let at = node.at;
                    self.argument(node, parameter).map_err(|fault| invalid(place, at, fault))?
                }
                None => Arg::Absent,
            });
        }
        (function.check)(&args)
            .map_err(|message| Fault::new(call.at, format!("{}: {message}", call.name)))?;
        let keys = call.keys.into_iter().map(|key| self.key(key)).collect::<Result<_, _>>()?;
        Ok(Invocation { function, args: args.into(), keys })
    }

    fn function(&self, at: usize, name: &str) -> Result<&'static Function, Fault> {
        if let Some(function) = functions::named(name) {
            if function.contexts & self.context.bit() != 0 {
                return Ok(function);
            }
            let mine = self.context.name();
            return Err(Fault::new(at, format!("function \"{name}\" is not known in the context `{mine}`")));
        }
        let lower = name.starts_with(|letter: char| letter.is_ascii_lowercase());
        let alike = FUNCTIONS.iter().filter(|function| function.is_editor() == lower);
        let near = nearest(name, alike.map(|function| function.name));
        let fault = Fault::new(at, format!("undefined function \"{name}\""));
        Err(fault.help_if(near.map(|near| format!("did you mean `{near}`?"))))
    }

    /// The arguments in the order of the parameters.
    fn placed(
        &self,
        at: usize,
        function: &Function,
        arguments: Vec<Argument>,
    ) -> Result<Vec<Option<Node>>, Fault> {
        let (most, least, given) = (function.parameters.len(), function.required(), arguments.len());
        if given > most || given < least {
            let expected = if most == least { most.to_string() } else { format!("{least} to {most}") };
            let message = format!(
                "{}: incorrect number of arguments. Expected: {expected} Received: {given}",
                function.name
            );
            return Err(Fault::new(at, message).help(format!("write {}", signature(function))));
        }
        let mut placed: Vec<Option<Node>> = function.parameters.iter().map(|_| None).collect();
        let mut any_named = false;
        for (place, argument) in arguments.into_iter().enumerate() {
            let at = argument.value.at;
            let place = match argument.name {
                None if any_named => {
                    return Err(Fault::new(at, "unnamed argument used after named argument"));
                }
                None => place,
                Some((at, name)) => {
                    any_named = true;
                    let same = |parameter: &Parameter| plain(parameter.name) == plain(&name);
                    let known = function.parameters.iter().position(same);
                    known.ok_or_else(|| {
                        Fault::new(at, format!("no such parameter: {name}"))
                            .help(format!("write {}", signature(function)))
                    })?
                }
            };
            if placed[place].replace(argument.value).is_some() {
                let name = function.parameters[place].name;
                return Err(Fault::new(at, format!("the argument `{name}` is given twice")));
            }
        }
        for (argument, parameter) in placed.iter().zip(function.parameters) {
            if argument.is_none() && !parameter.optional {
                let name = parameter.name;
                return Err(Fault::new(at, format!("{}: the argument `{name}` is missing", function.name)));
            }
        }
        Ok(placed)
    }

    fn argument(&self, node: Node, parameter: &Parameter) -> Result<Arg, Fault> {
        let at = node.at;
        let wrong = |wanted: &str| Fault::new(at, format!("`{}` must be {wanted}", parameter.name));
        Ok(match parameter.kind {
            Kind::Path => match self.value(node)? {
                Expr::Path(path) if path.field.is_read_only() => return Err(wrong("a path that can be set")),
                Expr::Path(path) => Arg::Path(path),
                _ => return Err(wrong("a path")),
            },
            Kind::Function => match node.kind {
                NodeKind::Function(name) => {
                    let function = self.function(at, &name)?;
                    if function.required() != 1 || function.is_editor() {
                        return Err(wrong("a converter that takes one string"));
                    }
                    Arg::Function(function)
                }
                _ => return Err(wrong("the name of a converter, such as SHA256")),
            },
            Kind::Values | Kind::Strings | Kind::StringLikes => match self.value(node)? {
                Expr::List(items) => {
                    let string = parameter.kind == Kind::Strings;
                    if string && items.iter().any(|item| never(item, Kind::String)) {
                        return Err(wrong("a list of strings"));
                    }
                    Arg::Values(items)
                }
                _ => return Err(wrong("a list in brackets")),
            },
            Kind::Regex | Kind::Glob => {
                let glob = parameter.kind == Kind::Glob;
                match self.value(node)? {
                    Expr::Text(text) => {
                        let text = String::from_utf8_lossy(&text);
                        let compiled = if glob { pattern::glob(&text) } else { pattern::regex(&text) };
                        let fault =
                            |fault| Fault::new(at, format!("the pattern `{text}` is invalid: {fault}"));
                        Arg::Pattern(Pattern::Fixed(compiled.map_err(fault)?))
                    }
                    other if never(&other, Kind::String) => return Err(wrong("a string")),
                    other => Arg::Pattern(Pattern::computed(other, glob)),
                }
            }
            kind => match (literal(kind, self.value(node)?), kind) {
                (Ok(arg), _) => arg,
                (Err(wanted), _) => return Err(wrong(&wanted)),
            },
        })
    }
}

fn invalid(place: usize, at: usize, fault: Fault) -> Fault {
    // A fault deeper inside says its own place.
    if fault.at != at {
        return fault;
    }
    let message = format!("invalid argument at position {place}: {}", fault.message);
    Fault { message, ..fault }
}

fn unknown_path(at: usize, context: &str, name: &str, known: &[&str]) -> Fault {
    let fault = Fault::new(at, format!("path `{name}` is not known in the context `{context}`"));
    let same_start = |candidate: &&&str| candidate.split('.').next() == name.split('.').next();
    let near = nearest(name, known.iter().copied()).or_else(|| known.iter().find(same_start).copied());
    match near {
        Some(near) => fault.help(format!("did you mean `{near}`?")),
        None => fault.help(format!("it has: {}", known.join(", "))),
    }
}

/// Parameters are found whether written in camel or snake case.
fn plain(name: &str) -> String {
    name.chars().filter(|letter| *letter != '_').map(|letter| letter.to_ascii_lowercase()).collect()
}

fn signature(function: &Function) -> String {
    let mut names = Vec::new();
    for parameter in function.parameters {
        names.push(format!("{}{}", parameter.name, if parameter.optional { "?" } else { "" }));
    }
    format!("`{}({})`", function.name, names.join(", "))
}

/// The kind's argument from an expression, or what would have been right.
fn literal(kind: Kind, value: Expr) -> Result<Arg, String> {
    let text = |value: Expr| match value {
        Expr::Text(text) => Some(String::from_utf8_lossy(&text).into_owned()),
        _ => None,
    };
    Ok(match kind {
        Kind::LiteralString => Arg::Text(text(value).ok_or("a string in quotes")?.into()),
        Kind::AtLeast(least) => match value {
            Expr::Int(int) if int >= least => Arg::Int(int),
            _ => return Err(format!("an integer written out, at least {least}")),
        },
        Kind::LiteralDouble => match value {
            Expr::Int(int) => Arg::Double(int as f64),
            Expr::Double(double) => Arg::Double(double),
            _ => return Err("a number written out".to_owned()),
        },
        Kind::LiteralBool => match value {
            Expr::Bool(bool) => Arg::Bool(bool),
            _ => return Err("true or false".to_owned()),
        },
        Kind::LiteralStrings => {
            let Expr::List(items) = value else { return Err("a list of strings in quotes".to_owned()) };
            let texts = items.into_iter().map(|item| text(item).map(Box::from));
            Arg::Texts(texts.collect::<Option<_>>().ok_or("a list of strings in quotes")?)
        }
        Kind::LiteralDoubles => {
            let Expr::List(items) = value else { return Err("a list of numbers".to_owned()) };
            let doubles = items.into_iter().map(|item| match item {
                Expr::Int(int) => Some(int as f64),
                Expr::Double(double) => Some(double),
                _ => None,
            });
            Arg::Doubles(doubles.collect::<Option<_>>().ok_or("a list of numbers")?)
        }
        Kind::Choice(words) => {
            let chosen = text(value).and_then(|text| words.iter().position(|word| *word == text));
            Arg::Choice(chosen.ok_or_else(|| format!("one of \"{}\"", words.join("\", \"")))?)
        }
        Kind::TimeFormat => {
            let text = text(value).ok_or("a string in quotes")?;
            Arg::TimeFormat(functions::format_time::Format::parse(&text)?)
        }
        _ if never(&value, kind) => return Err(wanted(kind).to_owned()),
        _ => Arg::Value(value),
    })
}

fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::String => "a string",
        Kind::Int => "an integer",
        Kind::Map => "a map",
        Kind::List => "a list",
        Kind::Time => "a time",
        Kind::Duration => "a duration",
        _ => "of another type",
    }
}

/// The expression is a literal of a type that this kind never takes. What else may be wrong shows at run time.
fn never(value: &Expr, kind: Kind) -> bool {
    if let Expr::Path(_) | Expr::Call(_) | Expr::Math(..) | Expr::Negative(_) = value {
        return false;
    }
    match kind {
        Kind::String => !matches!(value, Expr::Text(_)),
        Kind::Int => !matches!(value, Expr::Int(_)),
        Kind::Map => !matches!(value, Expr::Map(_)),
        Kind::List => !matches!(value, Expr::List(_)),
        Kind::Time | Kind::Duration => true,
        _ => false,
    }
}
