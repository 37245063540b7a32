//! The files `~/.aws/config` and `~/.aws/credentials`.
//!
//! Read anew at every fetch: other programs rotate the keys in them. `credential_process` is not run; a
//! log router starts no programs.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::Environment;

/// Files larger than this are not credentials.
const MAX_FILE_BYTES: u64 = 1 << 20;

pub(super) struct Profiles {
    profiles: HashMap<String, Profile>,
    selected: String,
    chosen: bool,
}

/// One profile, both files merged; the credentials file wins where both have a key.
#[derive(Default)]
pub(super) struct Profile {
    pub(super) access_key_id: Option<String>,
    pub(super) secret_access_key: Option<String>,
    pub(super) session_token: Option<String>,
    pub(super) role_arn: Option<String>,
    pub(super) source_profile: Option<String>,
    pub(super) credential_source: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) role_session_name: Option<String>,
    pub(super) web_identity_token_file: Option<PathBuf>,
    pub(super) region: Option<String>,
    has_process: bool,
}

impl Profiles {
    pub(super) fn read(environment: &Environment) -> Profiles {
        let home = environment.first(&["HOME", "USERPROFILE"]);
        let file = |variable: &str, name: &str| {
            let default = || home.map(|home| PathBuf::from(home).join(".aws").join(name));
            environment.get(variable).map(PathBuf::from).or_else(default).and_then(|path| load(&path))
        };
        let config = file("AWS_CONFIG_FILE", "config").unwrap_or_default();
        let credentials = file("AWS_SHARED_CREDENTIALS_FILE", "credentials").unwrap_or_default();
        let chosen = environment.first(&["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]);
        Profiles::parse(&config, &credentials, chosen)
    }

    fn parse(config: &str, credentials: &str, chosen: Option<&str>) -> Profiles {
        let mut profiles: HashMap<String, Profile> = HashMap::new();
        for (section, key, value) in settings(config) {
            // In this file all but the default say `[profile NAME]`; other sections are not profiles.
            let named = section.strip_prefix("profile ").map(str::trim);
            if let Some(name) = named.or((section == "default").then_some("default")) {
                profiles.entry(name.into()).or_default().set(key, value);
            }
        }
        for (section, key, value) in settings(credentials) {
            profiles.entry(section.into()).or_default().set(key, value);
        }
        let selected = chosen.unwrap_or("default").to_owned();
        Profiles { profiles, selected, chosen: chosen.is_some() }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    pub(super) fn selected(&self) -> Option<&Profile> {
        self.get(&self.selected)
    }

    pub(super) fn selected_name(&self) -> &str {
        &self.selected
    }

    /// Whether a variable named the profile, rather than it being the default.
    pub(super) fn is_chosen(&self) -> bool {
        self.chosen
    }
}

impl Profile {
    fn set(&mut self, key: &str, value: &str) {
        let field = match key {
            "aws_access_key_id" => &mut self.access_key_id,
            "aws_secret_access_key" => &mut self.secret_access_key,
            "aws_session_token" => &mut self.session_token,
            "role_arn" => &mut self.role_arn,
            "source_profile" => &mut self.source_profile,
            "credential_source" => &mut self.credential_source,
            "external_id" => &mut self.external_id,
            "role_session_name" => &mut self.role_session_name,
            "region" => &mut self.region,
            "web_identity_token_file" => {
                self.web_identity_token_file = Some(value.into());
                return;
            }
            "credential_process" => {
                self.has_process = true;
                return;
            }
            _ => return,
        };
        *field = Some(value.into());
    }

    pub(super) fn has_credentials(&self) -> bool {
        self.access_key_id.is_some() || self.role_arn.is_some() || self.has_process
    }

    /// Why there are no keys in it.
    pub(super) fn lacks(&self) -> &'static str {
        match (&self.access_key_id, self.has_process) {
            (Some(_), _) => "`aws_access_key_id` is there and `aws_secret_access_key` is not",
            (None, true) => "`credential_process` is not supported; use keys or `role_arn`",
            (None, false) => "the profile has neither keys nor `role_arn`",
        }
    }
}

fn load(path: &std::path::Path) -> Option<String> {
    let metadata = std::fs::metadata(path).ok()?;
    (metadata.len() <= MAX_FILE_BYTES).then(|| std::fs::read_to_string(path).ok()).flatten()
}

/// Every `key = value` with its section. Indented lines belong to nested settings, which we read none of.
fn settings(text: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    let mut section = "";
    text.lines().filter_map(move |line| {
        if line.starts_with([' ', '\t', '#', ';']) {
            return None;
        }
        if let Some(header) = line.trim_end().strip_prefix('[') {
            section = header.split(']').next().unwrap_or(header).trim();
            return None;
        }
        let (key, value) = line.split_once('=')?;
        // A comment begins at a `#` or `;` after white space; in a secret either may stand.
        let comment = value.find(" #").or_else(|| value.find(" ;"));
        let value = comment.map_or(value, |at| &value[..at]).trim();
        (!section.is_empty() && !value.is_empty()).then_some((section, key.trim(), value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_both_files_and_ignores_the_rest() {
        let config = "[default]\nregion = eu-west-1 # home\ns3 =\n  aws_access_key_id = nested\n\
                      [profile  ops]\nrole_arn=arn:aws:iam::1:role/ops\nsource_profile = default\n[sso-session x]\nregion=no";
        let credentials = "; old\n[default]\naws_access_key_id = AKID\naws_secret_access_key = a=b;c#d\n";
        let profiles = Profiles::parse(config, credentials, Some("ops"));
        let default = profiles.get("default").unwrap();
        assert_eq!(default.access_key_id.as_deref(), Some("AKID"));
        assert_eq!(default.secret_access_key.as_deref(), Some("a=b;c#d"));
        assert_eq!(default.region.as_deref(), Some("eu-west-1"));
        let ops = profiles.selected().unwrap();
        assert_eq!(ops.source_profile.as_deref(), Some("default"));
        assert!(profiles.get("sso-session x").is_none() && profiles.is_chosen());
    }
}
