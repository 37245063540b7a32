//! What a query says about where its rows come from.

/// The `SOURCE` command. A program does not act on it: who feeds the program picks the rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// `logGroups(namePrefix: [..])`: rows whose log group starts with any of these.
    pub prefixes: Vec<String>,
    /// `logGroups(class: [..])`: `STANDARD`, `INFREQUENT_ACCESS`.
    pub classes: Vec<String>,
    /// `logGroups(accountIdentifiers: [..])`.
    pub accounts: Vec<String>,
    /// `dataSource([..])`.
    pub data_sources: Vec<String>,
    /// `SOURCE 'group'`: exactly these groups.
    pub groups: Vec<String>,
}
