//! The variables a client is configured by, as a value, so that tests need no process-wide state.
//!
//! Values may be secrets: `Debug` prints names only.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A snapshot of environment variables. An empty value counts as unset, as the AWS SDKs treat it.
#[derive(Clone, Default)]
pub struct Environment(Arc<BTreeMap<String, String>>);

impl Environment {
    /// The variables of this process. Those that are not UTF-8 are left out.
    pub fn process() -> Environment {
        std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .collect()
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The first of several names that is set, as with `AWS_REGION` and `AWS_DEFAULT_REGION`.
    pub fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.get(name))
    }

    /// `true` and `1` in any case, as the AWS SDKs read switches.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
    }

    /// A copy with one variable set.
    pub fn with(&self, name: impl Into<String>, value: impl Into<String>) -> Environment {
        let mut variables = (*self.0).clone();
        variables.insert(name.into(), value.into());
        Environment(Arc::new(variables))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Environment {
        Environment(Arc::new(variables.into_iter().map(|(k, v)| (k.into(), v.into())).collect()))
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Environment {
        variables.into_iter().collect()
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
