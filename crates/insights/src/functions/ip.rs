//! Functions over IP addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Call;
use crate::value::Value;

fn address(call: &mut Call<'_, '_>) -> Option<IpAddr> {
    call.text(0)?.parse().ok()
}

pub fn is_valid<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    Value::flag(address(&mut call).is_some())
}

pub fn is_valid_v4<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    Value::flag(matches!(address(&mut call), Some(IpAddr::V4(_))))
}

pub fn is_valid_v6<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    Value::flag(matches!(address(&mut call), Some(IpAddr::V6(_))))
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)) << 96,
        IpAddr::V6(v6) => u128::from(v6),
    }
}

fn contains(network: IpAddr, prefix: u32, address: IpAddr) -> bool {
    let width = if network.is_ipv4() { 32 } else { 128 };
    let same_family = network.is_ipv4() == address.is_ipv4();
    same_family && prefix <= width && (prefix == 0 || (bits(network) ^ bits(address)) >> (128 - prefix) == 0)
}

/// False where the address or the subnet is not one, or they are of different families.
fn member<'r>(call: &mut Call<'_, 'r>, fits: fn(&IpAddr) -> bool) -> Value<'r> {
    let Some(address) = address(call).filter(fits) else { return Value::flag(false) };
    let Some(subnet) = call.text(1) else { return Value::flag(false) };
    let Some((network, prefix)) = subnet.split_once('/') else { return Value::flag(false) };
    let (Ok(network), Ok(prefix)) = (network.parse(), prefix.parse()) else { return Value::flag(false) };
    Value::flag(contains(network, prefix, address))
}

pub fn in_subnet<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    member(&mut call, |_| true)
}

pub fn in_subnet_v4<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    member(&mut call, IpAddr::is_ipv4)
}

pub fn in_subnet_v6<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    member(&mut call, IpAddr::is_ipv6)
}

pub fn v4_to_number<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    match address(&mut call) {
        Some(IpAddr::V4(v4)) => Value::Int(i64::from(u32::from(v4))),
        _ => Value::Null,
    }
}

fn private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private(),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

/// What the registries of special addresses keep from the public internet, private ranges apart.
fn reserved(address: IpAddr) -> bool {
    let inside = |network: [u8; 4], prefix| contains(IpAddr::V4(Ipv4Addr::from(network)), prefix, address);
    match address {
        IpAddr::V4(v4) => {
            v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_documentation()
                || inside([0, 0, 0, 0], 8)
                || inside([100, 64, 0, 0], 10)
                || inside([192, 0, 0, 0], 24)
                || inside([198, 18, 0, 0], 15)
                || inside([240, 0, 0, 0], 4)
        }
        IpAddr::V6(v6) => {
            let documentation = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0));
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unicast_link_local()
                || contains(documentation, 32, address)
        }
    }
}

pub fn is_private<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    Value::flag(address(&mut call).is_some_and(private))
}

pub fn is_reserved<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    Value::flag(address(&mut call).is_some_and(reserved))
}

pub fn is_public<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    Value::flag(address(&mut call).is_some_and(|address| !private(address) && !reserved(address)))
}
