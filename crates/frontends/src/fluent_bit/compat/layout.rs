//! The layout that Fluent Bit asks of a classic file: one unit of indentation, blanks between key and value.
//!
//! Its first indented line sets the unit, a comment too. Every further line that does not begin at the margin has to
//! be indented by one unit, or two, inside groups or not (fixtures `config_errors/indent_*`, `comment_*`).

use config::{Diagnostic, Diagnostics, FileId};

pub(in crate::fluent_bit) fn check(text: &str, file: FileId, diagnostics: &mut Diagnostics) {
    let mut unit: Option<&str> = None;
    for (number, line) in (1..).zip(text.split('\n')) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() || line.starts_with(['#', '[', '@']) {
            continue;
        }
        let indentation = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        let fault = match unit {
            _ if indentation.is_empty() => Some(("a property is not indented", "indent it like the others")),
            None => {
                unit = Some(indentation);
                None
            }
            Some(unit) => misplaced(indentation, unit),
        };
        let fault = fault.or_else(|| wrong_word(&line[indentation.len()..]));
        if let Some((what, help)) = fault {
            let column = indentation.chars().count() as u32 + 1;
            let message = format!("Fluent Bit refuses this line: {what}");
            diagnostics.push(Diagnostic::warning(message).at(file.at(number, column)).help(help));
        }
    }
}

type Fault = (&'static str, &'static str);

fn misplaced(indentation: &str, unit: &str) -> Option<Fault> {
    let help = "indent every line of a file alike, comments and blank lines too";
    let Some(rest) = indentation.strip_prefix(unit) else {
        let mixed = indentation.starts_with('\t') != unit.starts_with('\t');
        let what = if mixed {
            "it mixes tabs and spaces"
        } else {
            "it is indented less than the first line that is"
        };
        return Some((what, help));
    };
    let rest = rest.strip_prefix(unit).unwrap_or(rest);
    (!rest.is_empty()).then_some(("it is indented deeper than the first line that is", help))
}

fn wrong_word(content: &str) -> Option<Fault> {
    let key = content.split(' ').next().unwrap_or_default();
    match content.as_bytes().first()? {
        b'#' => None,
        b'[' if content.trim_end().ends_with(']') => None,
        b'@' => Some(("a command has to begin at the margin", "remove the blanks before it")),
        _ if key.contains('\t') => {
            Some(("a tab stands behind the key", "write blanks between key and value"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        let mut diagnostics = Diagnostics::new();
        check(text, FileId::named("f"), &mut diagnostics);
        diagnostics.iter().map(|d| format!("{} {}", d.origin.expect("placed"), d.message)).collect()
    }

    #[test]
    fn what_reads_alike_everywhere_is_left_alone() {
        for text in [
            "[INPUT]\n    Name forward\n    Tag x\n\n[OUTPUT]\n    Name null\n",
            "[INPUT]\r\n\tName forward\r\n\r\n",
            "# a\n@SET A=b\n[A]\n  k v\n    two units\n  # note\n  \n",
            "[A]\n  k v\n  [group]\n    k v\n",
        ] {
            assert_eq!(faults(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn what_does_not_is_named_where_it_stands() {
        let check = |text: &str, expected: &str| {
            let faults = faults(text);
            assert!(faults.len() == 1 && faults[0].contains(expected), "{text}: {faults:?}");
        };
        check("[A]\n    k v\n  k v\n", "f:3:3 Fluent Bit refuses this line: it is indented less");
        check("[A]\n    k v\n      k v\n", "f:3:7 Fluent Bit refuses this line: it is indented deeper");
        check("[A]\n    k v\n\tk v\n", "tabs and spaces");
        check("[A]\nk v\n", "f:2:1 Fluent Bit refuses this line: a property is not indented");
        check("[A]\n    k\tv\n", "f:2:5 Fluent Bit refuses this line: a tab");
        check("[A]\n    k v\n    @INCLUDE x\n", "margin");
        check("[A]\n    k v\n [B]\n", "indented less");
    }
}
