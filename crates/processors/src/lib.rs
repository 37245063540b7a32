//! Everything that changes records on their way.
//!
//! One file a processor; the list below is all there is. A processor accounts for every record: it goes on,
//! is discarded with a reason, or is held and counted.

mod actions;
mod attributes;
mod aws_metadata;
mod ecs_metadata;
mod fields;
mod filter;
mod fluent_record;
mod grep;
mod held;
pub mod join_partials;
mod literal;
mod modify;
mod multiline;
mod nest;
mod normalize;
mod operators;
mod otel_record;
pub mod parser;
mod parsing;
mod partials;
mod probabilistic_sampler;
mod record_modifier;
mod redaction;
mod resource;
mod resource_detection;
mod rewrite_tag;
mod route;
mod statements;
mod stdout;
#[cfg(test)]
mod testing;
mod throttle;
mod transform;
mod type_converter;
mod uuid;

use engine::{ProcessorEntry, processor};

/// Every processor, in the order of the reference pages.
pub const PROCESSORS: &[ProcessorEntry] = &[
    processor::<attributes::Attributes>(),
    processor::<aws_metadata::AwsMetadata>(),
    processor::<ecs_metadata::EcsMetadata>(),
    processor::<filter::Filter>(),
    processor::<fluent_record::FluentRecord>(),
    processor::<grep::Grep>(),
    processor::<join_partials::JoinPartials>(),
    processor::<modify::Modify>(),
    processor::<multiline::Multiline>(),
    processor::<nest::Nest>(),
    processor::<normalize::Normalize>(),
    processor::<operators::Operators>(),
    processor::<otel_record::OtelRecord>(),
    processor::<parser::ParserProcessor>(),
    processor::<probabilistic_sampler::ProbabilisticSampler>(),
    processor::<record_modifier::RecordModifier>(),
    processor::<redaction::Redaction>(),
    processor::<resource::Resource>(),
    processor::<resource_detection::ResourceDetection>(),
    processor::<rewrite_tag::RewriteTag>(),
    processor::<route::Route>(),
    processor::<stdout::Stdout>(),
    processor::<throttle::Throttle>(),
    processor::<transform::Transform>(),
    processor::<type_converter::TypeConverter>(),
];

#[cfg(test)]
mod tests {
    #[test]
    fn the_list_is_in_order_and_names_nothing_twice() {
        let names: Vec<&str> = super::PROCESSORS.iter().map(|entry| entry.name).collect();
        assert!(names.is_sorted_by(|one, next| one < next), "{names:?}");
    }
}
