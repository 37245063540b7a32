//! `${NAME}` and `${NAME:-default}` in values.

use crate::secrets::names_a_secret;

/// A value with its variables filled in.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Expanded {
    pub text: String,
    /// Variables without a value and without a default, in order.
    pub missing: Vec<String>,
    /// Whether a variable whose name says so supplied a credential.
    pub secret: bool,
}

/// A variable that is set but empty counts as unset. There is no way to write `${` itself.
pub(super) fn expand(raw: &str, lookup: impl Fn(&str) -> Option<String>) -> Expanded {
    let mut out = Expanded::default();
    let mut rest = raw;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start + 2..].find('}') else { break };
        out.text.push_str(&rest[..start]);
        let inner = &rest[start + 2..start + 2 + length];
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name.trim(), Some(default)),
            None => (inner.trim(), None),
        };
        match (lookup(name).filter(|value| !value.is_empty()), default) {
            (Some(value), _) => {
                out.secret |= names_a_secret(name);
                out.text.push_str(&value);
            }
            (None, Some(default)) => out.text.push_str(default),
            (None, None) => out.missing.push(name.to_owned()),
        }
        rest = &rest[start + 3 + length..];
    }
    out.text.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in() {
        let lookup = |name: &str| match name {
            "REGION" => Some("eu-west-1".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        for (raw, text, missing) in [
            ("plain", "plain", vec![]),
            ("${REGION}", "eu-west-1", vec![]),
            ("a-${REGION}-${REGION}", "a-eu-west-1-eu-west-1", vec![]),
            ("${NONE}", "", vec!["NONE"]),
            ("${EMPTY}x", "x", vec!["EMPTY"]),
            ("${NONE:-eu}", "eu", vec![]),
            ("${REGION:-eu}", "eu-west-1", vec![]),
            ("${NONE:-}", "", vec![]),
            ("$TAG $0 $log['a']", "$TAG $0 $log['a']", vec![]),
            ("${open", "${open", vec![]),
            ("a}b{", "a}b{", vec![]),
            ("${}", "", vec![""]),
            ("é${REGION}é", "éeu-west-1é", vec![]),
        ] {
            let expanded = expand(raw, lookup);
            assert_eq!(
                (expanded.text.as_str(), expanded.missing),
                (text, missing.iter().map(|m| m.to_string()).collect()),
                "{raw}"
            );
        }
    }

    #[test]
    fn a_credential_is_known_by_its_variable() {
        let lookup = |_: &str| Some("x".to_owned());
        assert!(expand("Bearer ${API_TOKEN}", lookup).secret);
        assert!(expand("${apikey_2}", lookup).secret);
        assert!(!expand("${AWS_REGION}", lookup).secret);
    }
}
