//! The encoding guide's examples, damage, and lengths.

use super::*;

fn fields(input: &[u8]) -> Result<Vec<(u32, Content)>, Damaged> {
    let mut message = Message::within(0..input.len());
    let mut found = Vec::new();
    while let Some(field) = message.next(input)? {
        found.push((field.number, field.content));
    }
    Ok(found)
}

/// The examples of the encoding guide, and one field of each other kind.
#[test]
fn fields_are_read_as_the_guide_says() {
    assert_eq!(fields(&[0x08, 0x96, 0x01]), Ok(vec![(1, Content::Varint(150))]));
    assert_eq!(fields(b"\x12\x07testing"), Ok(vec![(2, Content::Bytes(2..9))]));
    assert_eq!(fields(&[0x1d, 1, 0, 0, 0]), Ok(vec![(3, Content::Fixed32(1))]));
    assert_eq!(fields(&[0x09, 0, 1, 0, 0, 0, 0, 0, 0]), Ok(vec![(1, Content::Fixed64(256))]));
}

#[test]
fn damage_is_told_with_its_place() {
    for (input, at, why) in [
        (&[0x12, 0x05, 1][..], 1, "a field longer than its message"),
        (&[0x08, 0xff], 1, "a number without an end"),
        (&[0x08, 1, 0x1d, 0], 3, "a number cut off"),
        (&[0x0b], 0, "a field of an unknown wire type"),
        (&[0x00, 1], 0, "a field without a number"),
    ] {
        assert_eq!(fields(input), Err(Damaged { at, why }), "{input:?}");
    }
}

#[test]
fn a_message_of_any_length_has_the_shortest_length_before_it() {
    for len in [0, 1, 127, 128, 16_383, 16_384, 2_097_152] {
        let (mut out, mut expected) = (vec![7], vec![7]);
        write_message(&mut out, 1, |out| out.resize(out.len() + len, 5));
        write_bytes(&mut expected, 1, &vec![5; len]);
        assert_eq!(out, expected, "{len}");
    }
}

#[test]
fn repeated_numbers_come_packed_or_not() {
    let read = |input: &[u8]| {
        let (mut numbers, mut message) = (Vec::new(), Message::within(0..input.len()));
        while let Some(field) = message.next(input)? {
            match field.number {
                4 => field.each_varint(input, |number| numbers.push(number))?,
                _ => field.each_fixed64(input, |number| numbers.push(number))?,
            }
        }
        Ok(numbers)
    };
    // The guide's example of a packed field.
    assert_eq!(read(&[0x22, 0x06, 0x03, 0x8e, 0x02, 0x9e, 0xa7, 0x05]), Ok(vec![3, 270, 86942]));
    assert_eq!(read(&[0x20, 0x03, 0x20, 0x8e, 0x02, 0x22, 0x00]), Ok(vec![3, 270]));
    let two = [[1, 0, 0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0, 0]];
    assert_eq!(read(&[&[0x2a, 16][..], &two.concat()].concat()), Ok(vec![1, 256]));
    assert_eq!(read(&[&[0x29][..], &two[1]].concat()), Ok(vec![256]));
    assert_eq!(read(&[0x22, 1, 0x80]), Err(Damaged { at: 2, why: "a number without an end" }));
    assert_eq!(read(&[0x2a, 2, 1, 1]), Err(Damaged { at: 2, why: "a number cut off" }));
}

/// The guide's table.
#[test]
fn zigzag_alternates() {
    for (signed, unsigned) in
        [(0, 0), (-1, 1), (1, 2), (-2, 3), (0x7fff_ffff, 0xffff_fffe), (-0x8000_0000, 0xffff_ffff)]
    {
        assert_eq!((to_zigzag(signed), from_zigzag(unsigned)), (unsigned, signed));
    }
}
