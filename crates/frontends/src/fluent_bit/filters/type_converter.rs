//! `type_converter` becomes `type_converter`.

use config::Setting;

use crate::fluent_bit::draft::Draft;
use crate::fluent_bit::table::{Field, Plugin, own_many};
use crate::fluent_bit::values;

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["type_converter"], kind: "type_converter", fields: FIELDS, finish };

const FIELDS: &[Field] =
    &[own_many("int_key"), own_many("uint_key"), own_many("float_key"), own_many("str_key")];

const TYPES: &[&str] = &["int", "uint", "float", "hex", "string"];

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
            _ => draft.wrong(
                &property.key,
                &value,
                "`FROM TO TYPE` with a type of int, uint, float, hex or string",
            ),
        }
    }
    if draft.settings.get("rules").is_none() {
        draft.usable = false;
    }
}
