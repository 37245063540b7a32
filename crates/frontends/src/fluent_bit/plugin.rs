//! Finds the plugin a section names, and says what there is when it names none.

use config::{Diagnostic, closest};

use super::context::Context;
use super::document::Section;
use super::table::Plugin;

/// The plugin and the instance's name; faults are reported.
pub(super) fn find(
    cx: &mut Context<'_>,
    section: &Section,
    role: &'static str,
    plugins: &[&'static Plugin],
    known: &[&str],
) -> Option<(&'static Plugin, String)> {
    let Some(name) = section.last("name").and_then(|property| cx.checked_value(property)) else {
        let message = format!("this [{}] section has no `Name`", section.title);
        let help = format!("add `Name` and one of {}", names(plugins));
        cx.diagnostics.push(Diagnostic::error(message).at(section.origin).help(help));
        return None;
    };
    let wanted = name.text.to_ascii_lowercase();
    let Some(plugin) = plugins.iter().find(|plugin| plugin.names.contains(&wanted.as_str())) else {
        let near = closest(&wanted, plugins.iter().flat_map(|plugin| plugin.names.iter().copied()));
        let diagnostic = match (known.contains(&wanted.as_str()), near) {
            (true, _) => {
                Diagnostic::error(format!("Fluent Bit's {role} `{wanted}` is not part of Outrigger"))
                    .help(format!("the {role}s it has are {}", names(plugins)))
            }
            (false, Some(near)) => Diagnostic::error(format!("there is no {role} `{}`", name.text))
                .help(format!("did you mean `{near}`?")),
            (false, None) => Diagnostic::error(format!("there is no {role} `{}`", name.text))
                .help(format!("the {role}s are {}", names(plugins))),
        };
        cx.diagnostics.push(diagnostic.at(name.origin));
        return None;
    };
    let alias = section.last("alias").and_then(|property| cx.value(property));
    let id = cx.instance(role, &wanted, alias);
    Some((plugin, id))
}

fn names(plugins: &[&Plugin]) -> String {
    plugins
        .iter()
        .flat_map(|plugin| plugin.names)
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
