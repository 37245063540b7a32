//! One multiline parser, compiled: which line continues a group, which starts one, which ends one.

use std::time::Duration;

use config::{Interval, Pattern};
use engine::{BuildContext, ConfigError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::parsing::{Parser, ParserConfig};

/// How lines belong together.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct MultilineParser {
    /// Its name in messages.
    pub name: String,
    /// `regex` follows `rules`. `endswith` and `equal` end a group with a line that ends with, or is,
    /// `match_string`, and put no line feed between the lines they join. `first` begins a group with a line that
    /// matches `pattern`, `last` ends one with it.
    pub r#type: Type,
    /// For `endswith` and `equal`.
    pub match_string: Option<String>,
    /// For `first` and `last`.
    pub pattern: Option<Pattern>,
    /// For `endswith` and `equal`: end a group with a line that does *not* fit.
    #[serde(default)]
    pub negate: bool,
    /// The field that holds the text, once `parser` has read the line.
    pub key_content: Option<String>,
    /// The field that decides, when it is not the text itself.
    pub key_pattern: Option<String>,
    /// A field whose values keep groups apart, such as the stream a line was written to.
    pub key_group: Option<String>,
    /// Reads each line first. Its fields become the record; a line it cannot read is not this parser's.
    pub parser: Option<ParserConfig>,
    /// How long a group waits for its next line.
    pub flush_after: Option<Interval>,
    /// For `regex`: from a state, a line that matches leads to the next state.
    #[serde(default)]
    pub rules: Vec<RuleConfig>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    Regex,
    Endswith,
    Equal,
    First,
    Last,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct RuleConfig {
    /// The states it applies in. `start_state` is where no group is open.
    pub states: Vec<String>,
    pub regex: Pattern,
    /// The state it leads to. A state without rules ends the group.
    pub next: String,
}

pub(super) struct Machine {
    pub key_content: Option<String>,
    pub key_pattern: Option<String>,
    pub key_group: Option<String>,
    pub parser: Option<Parser>,
    pub flush_after: Duration,
    kind: Kind,
}

enum Kind {
    Rules { rules: Vec<Rule>, starts: Vec<usize> },
    End { text: Vec<u8>, whole: bool, negate: bool },
    First(Pattern),
    Last(Pattern),
}

struct Rule {
    regex: Pattern,
    /// Rules that may apply to the line after.
    successors: Vec<usize>,
    /// Whether the group is complete with this line.
    ends: bool,
}

/// Where a group stands: the rule that took its last line.
pub(super) type State = usize;

/// What a line is to a parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    NotMine,
    Starts { state: State, ends: bool },
    Continues { state: State, ends: bool },
}

const START: &str = "start_state";
const DEFAULT_WAIT: Interval = Interval::from_secs(2);

impl Machine {
    pub fn build(
        config: MultilineParser,
        wait: Option<Interval>,
        cx: &mut BuildContext<'_>,
    ) -> Result<Machine, ConfigError> {
        let kind = match (config.r#type, config.match_string) {
            (Type::Regex, _) => rules(&config.name, &config.rules, cx)?,
            (kind @ (Type::First | Type::Last), _) => {
                let Some(pattern) = config.pattern else {
                    let message = format!("multiline parser `{}` has no expression", config.name);
                    return Err(cx.refuse("parsers", message, "set `pattern`"));
                };
                if kind == Type::First { Kind::First(pattern) } else { Kind::Last(pattern) }
            }
            (kind, Some(text)) => {
                Kind::End { text: text.into_bytes(), whole: kind == Type::Equal, negate: config.negate }
            }
            (_, None) => {
                let message = format!("multiline parser `{}` has no text to look for", config.name);
                return Err(cx.refuse("parsers", message, "set `match_string`"));
            }
        };
        let parser = config.parser.map(|parser| Parser::build(parser, "parsers", cx)).transpose()?;
        let flush_after = wait.or(config.flush_after).unwrap_or(DEFAULT_WAIT).get();
        let (key_content, key_pattern) = (config.key_content, config.key_pattern);
        Ok(Machine { key_content, key_pattern, key_group: config.key_group, parser, flush_after, kind })
    }

    /// What the line is, given where its group stands when one is open.
    pub fn judge(&self, open: Option<State>, line: &[u8]) -> Verdict {
        let (rules, starts) = match &self.kind {
            Kind::Rules { rules, starts } => (rules, starts),
            Kind::First(pattern) => {
                return match open.filter(|_| !pattern.is_match(line)) {
                    Some(state) => Verdict::Continues { state, ends: false },
                    None => Verdict::Starts { state: 0, ends: false },
                };
            }
            Kind::Last(pattern) => return taken(open, pattern.is_match(line)),
            Kind::End { text, whole, negate } => {
                let fits = if *whole { line == text } else { line.ends_with(text) };
                return taken(open, fits != *negate);
            }
        };
        let matching = |rule: &&usize| rules[**rule].regex.is_match(line);
        if let Some(&state) = open.and_then(|state| rules[state].successors.iter().find(matching)) {
            return Verdict::Continues { state, ends: rules[state].ends };
        }
        match starts.iter().find(matching) {
            Some(&state) => Verdict::Starts { state, ends: rules[state].ends },
            None => Verdict::NotMine,
        }
    }

    /// What is put between the text so far and the next line. Lines come without their line feed, and an empty
    /// line is one line feed.
    pub fn joint(&self, content: &[u8], line: &[u8]) -> &'static [u8] {
        if let Kind::End { .. } = self.kind {
            return b"";
        }
        match (content.last(), line.is_empty()) {
            (None | Some(b'\n'), false) => b"",
            (None | Some(b'\n'), true) | (Some(_), false) => b"\n",
            (Some(_), true) => b"\n\n",
        }
    }
}

/// What a line is to a parser that takes every line and knows the last.
fn taken(open: Option<State>, ends: bool) -> Verdict {
    match open {
        Some(state) => Verdict::Continues { state, ends },
        None => Verdict::Starts { state: 0, ends },
    }
}

fn rules(name: &str, rules: &[RuleConfig], cx: &mut BuildContext<'_>) -> Result<Kind, ConfigError> {
    let applying_in = |state: &str| -> Vec<usize> {
        (0..rules.len()).filter(|rule| rules[*rule].states.iter().any(|own| own == state)).collect()
    };
    let starts = applying_in(START);
    if starts.is_empty() {
        let message = format!("multiline parser `{name}` has no rule for `start_state`, so no group begins");
        return Err(cx.refuse("parsers", message, "begin with a rule for `start_state`"));
    }
    let compile = |rule: &RuleConfig| {
        let successors = applying_in(&rule.next);
        // A line after which only a new group can begin leaves nothing to wait for. A rule that begins groups may
        // also continue them, as the one of java does.
        let ends = successors.is_empty() || rule.next == START;
        Rule { regex: rule.regex.clone(), successors, ends }
    };
    Ok(Kind::Rules { rules: rules.iter().map(compile).collect(), starts })
}
