//! Where in a query the library's refusal belongs, as far as the words alone can tell.

use std::ops::Range;

use crate::scan::{Kind, Token, is_word_operator};

/// The library's message for "the grammar has no such thing".
pub const NO_GRAMMAR: &str = "invalid promql query";

/// A better message, and the place, for what the library said.
pub fn place_of(message: &str, tokens: &[Token]) -> (String, Option<Range<usize>>) {
    if message == NO_GRAMMAR {
        let end = tokens.last().map_or(0, |token| token.place.end);
        return match unexpected(tokens) {
            Some(Some(i)) => (format!("unexpected {:?}", tokens[i].text), Some(tokens[i].place.clone())),
            Some(None) => ("unexpected end of input".into(), Some(end..end)),
            None => ("the query does not follow PromQL's grammar".into(), None),
        };
    }
    // Its names of types are not those of Prometheus.
    let named = ["type ", "got "].iter().fold(message.to_string(), |message, before| {
        let message = message.replace(&format!("{before}vector"), &format!("{before}instant vector"));
        message.replace(&format!("{before}matrix"), &format!("{before}range vector"))
    });
    (named, quoted_word(message, tokens))
}

/// The word that the message quotes.
fn quoted_word(message: &str, tokens: &[Token]) -> Option<Range<usize>> {
    let quoted = message.split('\'').skip(1).step_by(2);
    quoted.into_iter().find_map(|name| {
        let mut found = tokens.iter().filter(|token| token.kind == Kind::Word && token.text == name);
        found.next().map(|token| token.place.clone())
    })
}

/// The first token that cannot stand where it stands; `Some(None)` means the end.
fn unexpected(tokens: &[Token]) -> Option<Option<usize>> {
    let mut wants_operand = true;
    let mut i = 0;
    while let Some(token) = tokens.get(i) {
        let next_opens = tokens.get(i + 1).is_some_and(|next| next.is("("));
        match (wants_operand, token.kind) {
            (true, Kind::Word) if is_word_operator(token) && !next_opens => return Some(Some(i)),
            (true, Kind::Word | Kind::Number | Kind::Text) => {
                wants_operand = token.kind == Kind::Word && next_opens
            }
            (true, Kind::Open) if token.is("{") => {
                i = close_of(tokens, i);
                wants_operand = false;
            }
            (true, Kind::Open) if token.is("(") => {}
            (true, Kind::Mark) if token.is("+") || token.is("-") => {}
            // The end of an empty list of arguments.
            (true, Kind::Close) if i > 1 && tokens[i - 1].is("(") && tokens[i - 2].kind == Kind::Word => {
                wants_operand = false;
            }
            (true, _) => return Some(Some(i)),
            (false, Kind::Open) if !token.is("(") => i = close_of(tokens, i),
            (false, Kind::Mark) if token.is("@") => i = after_time(tokens, i),
            (false, Kind::Word) if token.is("offset") => i = after_time(tokens, i),
            (false, Kind::Word) if token.is("by") || token.is("without") => i = after_list(tokens, i),
            (false, Kind::Mark) => {
                wants_operand = true;
                i = after_modifiers(tokens, i);
            }
            (false, Kind::Word) if is_word_operator(token) => {
                wants_operand = true;
                i = after_modifiers(tokens, i);
            }
            (false, Kind::Comma) => wants_operand = true,
            (false, Kind::Close) => {}
            (false, _) => return Some(Some(i)),
        }
        // `sum by (job) (x)`: the list stands before the arguments.
        if tokens.get(i + 1).is_some_and(|next| next.is("by") || next.is("without"))
            && token.kind == Kind::Word
        {
            i = after_list(tokens, i + 1);
            wants_operand = tokens.get(i + 1).is_some_and(|next| next.is("("));
        }
        i += 1;
    }
    wants_operand.then_some(None)
}

fn close_of(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0usize;
    for (i, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return i;
        }
    }
    tokens.len()
}

/// From a word to the end of the list in parentheses behind it, if there is one.
fn after_list(tokens: &[Token], word: usize) -> usize {
    if tokens.get(word + 1).is_some_and(|next| next.is("(")) { close_of(tokens, word + 1) } else { word }
}

/// From `@` or `offset` to the end of its time.
fn after_time(tokens: &[Token], word: usize) -> usize {
    let mut i = word;
    while tokens.get(i + 1).is_some_and(|next| next.is("+") || next.is("-")) {
        i += 1;
    }
    match tokens.get(i + 1) {
        Some(next) if next.kind == Kind::Number => i + 1,
        Some(next) if next.is("start") || next.is("end") => after_list(tokens, i + 1),
        _ => i,
    }
}

fn after_modifiers(tokens: &[Token], operator: usize) -> usize {
    let words = ["bool", "on", "ignoring", "group_left", "group_right"];
    let mut i = operator;
    while tokens.get(i + 1).is_some_and(|next| words.iter().any(|word| next.is(word))) {
        i = after_list(tokens, i + 1);
    }
    i
}
