//! What words and numbers for severities mean as OpenTelemetry's number.
//!
//! Sources: OpenTelemetry's log data model, appendix B; levels of pino, bunyan, winston, Python's logging, zap,
//! Serilog, java.util.logging and syslog. `critical` is Python's, the highest it has; syslog's is written `crit`.

/// The longest word that is known.
const LONGEST: usize = 13;

/// A word in any case.
pub fn of_word(word: &[u8]) -> Option<u8> {
    let mut lower = [0; LONGEST];
    let lower = lower.get_mut(..word.len())?;
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    of_head_word(lower).or(match &*lower {
        b"silly" | b"verbose" | b"vrb" | b"finest" | b"finer" | b"trc" => Some(1),
        b"fine" | b"config" | b"dbg" | b"dbug" => Some(5),
        b"http" => Some(7),
        b"information" | b"informational" | b"inf" | b"ok" | b"log" | b"default" => Some(9),
        b"wrn" => Some(13),
        b"eror" => Some(17),
        b"ftl" | b"dpanic" => Some(21),
        _ => None,
    })
}

/// A word in small letters that can stand at the head of a line: nothing a sentence may begin with.
pub fn of_head_word(word: &[u8]) -> Option<u8> {
    Some(match word {
        b"trace" => 1,
        b"debug" => 5,
        b"info" => 9,
        b"notice" => 10,
        b"warn" | b"warning" => 13,
        b"error" | b"err" | b"severe" => 17,
        b"crit" => 18,
        b"alert" => 19,
        b"critical" | b"fatal" | b"panic" | b"emerg" | b"emergency" => 21,
        _ => return None,
    })
}

/// A level of pino or bunyan, with its name.
pub fn of_number(level: i64) -> Option<(u8, &'static str)> {
    Some(match level {
        10 => (1, "trace"),
        20 => (5, "debug"),
        30 => (9, "info"),
        40 => (13, "warn"),
        50 => (17, "error"),
        60 => (21, "fatal"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_each_library_are_known() {
        for (words, number) in [
            ("trace TRACE Verbose silly", 1),
            ("debug DEBUG Debug FINE", 5),
            ("info INFO Information", 9),
            ("notice", 10),
            ("warn WARN warning WARNING Warning", 13),
            ("error ERROR Error err SEVERE", 17),
            ("crit", 18),
            ("alert", 19),
            ("CRITICAL fatal Fatal panic dpanic emerg ftl", 21),
        ] {
            for word in words.split(' ') {
                assert_eq!(of_word(word.as_bytes()), Some(number), "{word}");
            }
        }
        for word in ["", "active", "200", "a word longer than any that is known"] {
            assert_eq!(of_word(word.as_bytes()), None, "{word}");
        }
    }
}
