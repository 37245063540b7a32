//! Names that people give to credentials.

/// Whether a name is one people give to credentials, such as `apikey_2` or `DB_PASSWORD`.
pub(crate) fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["key", "token", "secret", "pass", "credential", "auth"].iter().any(|word| name.contains(word))
}
