//! XXH3 of 64 and 128 bits, seed 0, after the specification of xxHash 0.8. Not fit to keep a secret.

const P32_1: u64 = 0x9e37_79b1;
const P32_2: u64 = 0x85eb_ca77;
const P32_3: u64 = 0xc2b2_ae3d;
const P64_1: u64 = 0x9e37_79b1_85eb_ca87;
const P64_2: u64 = 0xc2b2_ae3d_27d4_eb4f;
const P64_3: u64 = 0x1656_67b1_9e37_79f9;
const P64_4: u64 = 0x85eb_ca77_c2b2_ae63;
const P64_5: u64 = 0x27d4_eb2f_1656_67c5;
const MIX_1: u64 = 0x1656_6791_9e37_79f9;
const MIX_2: u64 = 0x9fb2_1c65_1e98_df25;

/// The key material that the specification fixes.
#[rustfmt::skip]
const SECRET: [u8; 192] = [
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
    0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
    0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
    0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
    0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
    0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
    0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
    0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
    0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
    0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
    0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
    0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
];

fn word(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}

fn half(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |half| u32::from_le_bytes(*half).into())
}

/// Two words of the secret joined.
fn flip(at: usize) -> u64 {
    word(&SECRET, at) ^ word(&SECRET, at + 8)
}

fn product(a: u64, b: u64) -> (u64, u64) {
    let product = u128::from(a) * u128::from(b);
    (product as u64, (product >> 64) as u64)
}

fn folded(a: u64, b: u64) -> u64 {
    let (low, high) = product(a, b);
    low ^ high
}

fn avalanche(mut hash: u64) -> u64 {
    hash = (hash ^ hash >> 37).wrapping_mul(MIX_1);
    hash ^ hash >> 32
}

fn avalanche64(mut hash: u64) -> u64 {
    hash = (hash ^ hash >> 33).wrapping_mul(P64_2);
    hash = (hash ^ hash >> 29).wrapping_mul(P64_3);
    hash ^ hash >> 32
}

fn mix16(input: &[u8], at: usize, secret: usize) -> u64 {
    folded(word(input, at) ^ word(&SECRET, secret), word(input, at + 8) ^ word(&SECRET, secret + 8))
}

/// The bytes of an input of one to three, with its length.
fn short(input: &[u8]) -> u64 {
    let len = input.len();
    let byte = |at: usize| u64::from(input[at]);
    byte(0) << 16 | byte(len / 2) << 24 | byte(len - 1) | (len as u64) << 8
}

pub fn xxh3(input: &[u8]) -> u64 {
    let len = input.len();
    match len {
        0 => avalanche64(flip(56)),
        1..=3 => avalanche64(short(input) ^ (half(&SECRET, 0) ^ half(&SECRET, 4))),
        4..=8 => {
            let keyed = (half(input, len - 4) + (half(input, 0) << 32)) ^ flip(8);
            let mut hash = keyed ^ keyed.rotate_left(49) ^ keyed.rotate_left(24);
            hash = hash.wrapping_mul(MIX_2);
            hash = (hash ^ ((hash >> 35).wrapping_add(len as u64))).wrapping_mul(MIX_2);
            hash ^ hash >> 28
        }
        9..=16 => {
            let (low, high) = (word(input, 0) ^ flip(24), word(input, len - 8) ^ flip(40));
            let sum = (len as u64).wrapping_add(low.swap_bytes()).wrapping_add(high);
            avalanche(sum.wrapping_add(folded(low, high)))
        }
        17..=128 => {
            let mut sum = (len as u64).wrapping_mul(P64_1);
            for pair in 0..=(len - 1) / 32 {
                sum = sum.wrapping_add(mix16(input, 16 * pair, 32 * pair));
                sum = sum.wrapping_add(mix16(input, len - 16 * (pair + 1), 32 * pair + 16));
            }
            avalanche(sum)
        }
        129..=240 => {
            let mut sum = (len as u64).wrapping_mul(P64_1);
            for round in 0..8 {
                sum = sum.wrapping_add(mix16(input, 16 * round, 16 * round));
            }
            sum = avalanche(sum);
            for round in 8..len / 16 {
                sum = sum.wrapping_add(mix16(input, 16 * round, 16 * (round - 8) + 3));
            }
            avalanche(sum.wrapping_add(mix16(input, len - 16, 119)))
        }
        _ => merged(&long(input), 11, (len as u64).wrapping_mul(P64_1)),
    }
}

/// The low and the high half.
pub fn xxh128(input: &[u8]) -> (u64, u64) {
    let len = input.len();
    let length = len as u64;
    match len {
        0 => (avalanche64(flip(64)), avalanche64(flip(80))),
        1..=3 => {
            let low = short(input);
            let high = u64::from((low as u32).swap_bytes().rotate_left(13));
            let flips = [half(&SECRET, 0) ^ half(&SECRET, 4), half(&SECRET, 8) ^ half(&SECRET, 12)];
            (avalanche64(low ^ flips[0]), avalanche64(high ^ flips[1]))
        }
        4..=8 => {
            let keyed = (half(input, 0) + (half(input, len - 4) << 32)) ^ flip(16);
            let (mut low, mut high) = product(keyed, P64_1.wrapping_add(length << 2));
            high = high.wrapping_add(low << 1);
            low ^= high >> 3;
            low = (low ^ low >> 35).wrapping_mul(MIX_2);
            (low ^ low >> 28, avalanche(high))
        }
        9..=16 => {
            let (first, mut last) = (word(input, 0), word(input, len - 8));
            let (mut low, mut high) = product(first ^ last ^ flip(32), P64_1);
            low = low.wrapping_add((length - 1) << 54);
            last ^= flip(48);
            let stretched = (last & 0xffff_ffff).wrapping_mul(P32_2 - 1);
            high = high.wrapping_add(last.wrapping_add(stretched));
            low ^= high.swap_bytes();
            let (out, carried) = product(low, P64_2);
            (avalanche(out), avalanche(carried.wrapping_add(high.wrapping_mul(P64_2))))
        }
        17..=240 => {
            let mut sums = (length.wrapping_mul(P64_1), 0);
            if len <= 128 {
                for pair in (0..=(len - 1) / 32).rev() {
                    mix32(&mut sums, input, 16 * pair, len - 16 * (pair + 1), 32 * pair);
                }
            } else {
                for at in (0..128).step_by(32) {
                    mix32(&mut sums, input, at, at + 16, at);
                }
                sums = (avalanche(sums.0), avalanche(sums.1));
                for end in (160..=len).step_by(32) {
                    mix32(&mut sums, input, end - 32, end - 16, 3 + end - 160);
                }
                mix32(&mut sums, input, len - 16, len - 32, 103);
            }
            let high = sums.0.wrapping_mul(P64_1).wrapping_add(sums.1.wrapping_mul(P64_4));
            let high = high.wrapping_add(length.wrapping_mul(P64_2));
            (avalanche(sums.0.wrapping_add(sums.1)), avalanche(high).wrapping_neg())
        }
        _ => {
            let sums = long(input);
            let low = merged(&sums, 11, length.wrapping_mul(P64_1));
            (low, merged(&sums, 192 - 64 - 11, !length.wrapping_mul(P64_2)))
        }
    }
}

fn mix32(sums: &mut (u64, u64), input: &[u8], one: usize, other: usize, secret: usize) {
    let both = |at: usize| word(input, at).wrapping_add(word(input, at + 8));
    sums.0 = sums.0.wrapping_add(mix16(input, one, secret)) ^ both(other);
    sums.1 = sums.1.wrapping_add(mix16(input, other, secret + 16)) ^ both(one);
}

fn accumulate(sums: &mut [u64; 8], input: &[u8], secret: usize) {
    for lane in 0..8 {
        let value = word(input, 8 * lane);
        let key = value ^ word(&SECRET, secret + 8 * lane);
        sums[lane ^ 1] = sums[lane ^ 1].wrapping_add(value);
        sums[lane] = sums[lane].wrapping_add((key & 0xffff_ffff).wrapping_mul(key >> 32));
    }
}

/// Eight lanes over blocks of sixteen stripes, 64 bytes each, for inputs above 240 bytes.
fn long(input: &[u8]) -> [u64; 8] {
    const STRIPE: usize = 64;
    const BLOCK: usize = 1024;
    let mut sums = [P32_3, P64_1, P64_2, P64_3, P64_4, P32_2, P64_5, P32_1];
    let whole = (input.len() - 1) / BLOCK;
    for block in input.chunks(BLOCK).take(whole) {
        for (place, stripe) in block.chunks(STRIPE).enumerate() {
            accumulate(&mut sums, stripe, 8 * place);
        }
        for (lane, sum) in sums.iter_mut().enumerate() {
            let key = word(&SECRET, 192 - 64 + 8 * lane);
            *sum = (*sum ^ *sum >> 47 ^ key).wrapping_mul(P32_1);
        }
    }
    let rest = &input[whole * BLOCK..];
    for (place, stripe) in rest.chunks(STRIPE).take((rest.len() - 1) / STRIPE).enumerate() {
        accumulate(&mut sums, stripe, 8 * place);
    }
    accumulate(&mut sums, &input[input.len() - STRIPE..], 192 - 64 - 7);
    sums
}

fn merged(sums: &[u64; 8], secret: usize, start: u64) -> u64 {
    let pair = |place: usize| {
        let key = |lane: usize| sums[lane] ^ word(&SECRET, secret + 8 * lane);
        folded(key(2 * place), key(2 * place + 1))
    };
    avalanche((0..4).fold(start, |sum, place| sum.wrapping_add(pair(place))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One input for each way of reckoning: the bytes 0, 1, 2 and so on; sums by another implementation.
    #[test]
    fn every_length_has_its_hash() {
        for (len, expected, wide) in [
            (0, 0x2d06800538d394c2, 0x99aa06d3014798d86001c324468d497f_u128),
            (1, 0xc44bdff4074eecdb, 0xa6cd5e9392000f6ac44bdff4074eecdb),
            (4, 0x60dab036a58211f2, 0xeb70bf5fc779e9e6a6111d53e80a3db5),
            (9, 0xe9612598145bb9dc, 0x16c769d83e4aebce907931979dca3746),
            (17, 0x9ef341a99de37328, 0x685bc458b37d057fc06e233df7729217),
            (129, 0xec7642b431ba3e5a, 0xdd5e74ac6b45f54ebc30b63382b09a3b),
            (241, 0x02e8cd95421c6d02, 0x1da1cb61bcb8a2a102e8cd95421c6d02),
            (1025, 0x78c86e91ee939852, 0xe1e508f110763b4678c86e91ee939852),
        ] {
            let input: Vec<u8> = (0..len).map(|byte: usize| byte as u8).collect();
            assert_eq!(xxh3(&input), expected, "{len}");
            let (low, high) = xxh128(&input);
            assert_eq!(u128::from(high) << 64 | u128::from(low), wide, "{len}");
        }
    }
}
