//! `type_converter` becomes `type_converter`.

use config::Setting;

use crate::fluent_bit::draft::Draft;
use crate::fluent_bit::table::{Field, Plugin, own};
use crate::fluent_bit::values;

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["type_converter"], kind: "type_converter", fields: FIELDS, finish };

const FIELDS: &[Field] = &[own("int_key"), own("uint_key"), own("float_key"), own("str_key")];

const TYPES: &[&str] = &["int", "uint", "float", "string"];

fn finish(draft: &mut Draft<'_, '_>) {
    let section = draft.section;
    for property in &section.properties {
        let source = match property.key.as_str() {
            "int_key" => "int",
            "uint_key" => "uint",
            "float_key" => "float",
            "str_key" => "string",
            _ => continue,
        };
        let Some(value) = draft.cx.value(property) else { continue };
        match values::words(&value.text).as_slice() {
            [from, to, kind] if TYPES.contains(&kind.to_ascii_lowercase().as_str()) => {
                let rule = Setting::map()
                    .with("from", value.setting(from.as_str()))
                    .with("to", value.setting(to.as_str()))
                    .with("source", source)
                    .with("type", kind.to_ascii_lowercase())
                    .at(value.origin);
                draft.append("rules", property.origin, rule);
            }
            _ => draft.wrong(&property.key, &value, "`FROM TO TYPE` with a type of int, uint, float or string"),
        }
    }
    if draft.settings.get("rules").is_none() {
        draft.usable = false;
    }
}
