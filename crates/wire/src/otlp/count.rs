//! How many items a request holds, without reading them.

use model::Signal;

use crate::protobuf::{Damaged, Message};

/// Where a metric keeps its points: gauge, sum, histogram, exponential histogram, summary.
const POINTS_OF: [u32; 5] = [5, 7, 9, 10, 11];

/// Log records, spans, or metric data points of an export request. Fails where the lengths of the outer messages
/// do not fit into each other.
pub fn count(signal: Signal, request: &[u8]) -> Result<u64, Damaged> {
    let mut items = 0;
    // Resource, scope, item: the fields 1, 2 and 2 of all three requests.
    each(Message::within(0..request.len()), request, &[1], &mut |of_resource| {
        each(of_resource, request, &[2], &mut |of_scope| {
            each(of_scope, request, &[2], &mut |item| {
                if signal != Signal::Metrics {
                    items += 1;
                    return Ok(());
                }
                each(item, request, &POINTS_OF, &mut |data| {
                    each(data, request, &[1], &mut |_| {
                        items += 1;
                        Ok(())
                    })
                })
            })
        })
    })?;
    Ok(items)
}

fn each(
    mut message: Message,
    input: &[u8],
    numbers: &[u32],
    visit: &mut dyn FnMut(Message) -> Result<(), Damaged>,
) -> Result<(), Damaged> {
    while let Some(field) = message.next(input)? {
        if numbers.contains(&field.number) {
            visit(field.message()?)?;
        }
    }
    Ok(())
}

/// Two requests that hold one's resources, about as many each; `None` when there is only one.
pub fn halve(request: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut message = Message::within(0..request.len());
    let mut ends = Vec::new();
    while let Some(field) = message.next(request).ok()? {
        ends.push(field.range().ok()?.end);
    }
    let middle = ends.len().checked_div(2).filter(|&middle| middle > 0)?;
    Some(request.split_at(*ends.get(middle - 1)?))
}
