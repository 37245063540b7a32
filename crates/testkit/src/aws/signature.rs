//! Checks Signature Version 4, written from AWS's description of it and sharing no code with the signer.

use sha2::{Digest, Sha256};

use crate::http::Request;

/// The one key pair the stand-ins know. It opens nothing.
pub const ACCESS_KEY: &str = "AKIDEXAMPLE";
pub const SECRET_KEY: &str = "example-secret";

/// What the signature was made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub access_key: String,
    pub region: String,
    pub service: String,
}

/// The scope of a request that is signed correctly with [`SECRET_KEY`], else what is wrong with it.
pub fn verify(request: &Request) -> Result<Scope, String> {
    let header = |name: &str| request.header(name).ok_or(format!("the header {name} is missing"));
    let authorization = header("authorization")?;
    let fields = authorization.strip_prefix("AWS4-HMAC-SHA256 ").ok_or("not signed with version 4")?;
    let field = |name: &str| {
        fields.split(',').find_map(|f| f.trim().strip_prefix(name)).ok_or(format!("{name} is missing"))
    };
    let credential: Vec<&str> = field("Credential=")?.split('/').collect();
    let [access_key, date, region, service, "aws4_request"] = credential[..] else {
        return Err(format!("not a credential scope: {credential:?}"));
    };
    if access_key != ACCESS_KEY {
        return Err(format!("the access key {access_key} is not known"));
    }
    let signed: Vec<&str> = field("SignedHeaders=")?.split(';').collect();
    check_signed_headers(request, &signed)?;
    let time = header("x-amz-date")?;
    if !time.starts_with(date) {
        return Err(format!("x-amz-date {time} is not in the scope's day {date}"));
    }
    let payload = hex(&Sha256::digest(&request.body));
    if let Some(claimed) = request.header("x-amz-content-sha256")
        && claimed != payload
        && claimed != "UNSIGNED-PAYLOAD"
    {
        return Err("x-amz-content-sha256 is not the hash of the body".into());
    }
    let payload = request.header("x-amz-content-sha256").unwrap_or(&payload);
    let canonical = canonical(request, &signed, service, payload);
    let scope = format!("{date}/{region}/{service}/aws4_request");
    let hash = hex(&Sha256::digest(canonical.as_bytes()));
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hash}");
    let mut key = hmac(format!("AWS4{SECRET_KEY}").as_bytes(), date.as_bytes());
    for part in [region, service, "aws4_request"] {
        key = hmac(&key, part.as_bytes());
    }
    if hex(&hmac(&key, text.as_bytes())) != field("Signature=")? {
        return Err(format!("the signature does not match; the canonical request is\n{canonical}"));
    }
    Ok(Scope { access_key: access_key.into(), region: region.into(), service: service.into() })
}

fn check_signed_headers(request: &Request, signed: &[&str]) -> Result<(), String> {
    if !signed.is_sorted() {
        return Err("the signed headers are not sorted".into());
    }
    for required in ["host", "x-amz-date"] {
        if !signed.contains(&required) {
            return Err(format!("{required} is not signed"));
        }
    }
    let unsigned = request.headers.iter().map(|(name, _)| name.to_lowercase());
    let unsigned =
        unsigned.filter(|name| name.starts_with("x-amz-")).find(|name| !signed.contains(&&name[..]));
    unsigned.map_or(Ok(()), |name| Err(format!("{name} is sent but not signed")))
}

fn canonical(request: &Request, signed: &[&str], service: &str, payload: &str) -> String {
    // Every service but S3 encodes the path a second time.
    let path = match service {
        "s3" => request.path.clone(),
        _ => request.path.split('/').map(encode).collect::<Vec<_>>().join("/"),
    };
    let mut query: Vec<(&str, &str)> = request
        .query
        .split('&')
        .filter(|q| !q.is_empty())
        .map(|q| q.split_once('=').unwrap_or((q, "")))
        .collect();
    query.sort();
    let query: Vec<String> = query.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let mut headers = String::new();
    for name in signed {
        let value = request.header(name).unwrap_or_default();
        let value: Vec<&str> = value.split_whitespace().collect();
        headers.push_str(&format!("{name}:{}\n", value.join(" ")));
    }
    let (method, query, signed) = (&request.method, query.join("&"), signed.join(";"));
    format!("{method}\n{path}\n{query}\n{headers}\n{signed}\n{payload}")
}

fn encode(segment: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    segment.bytes().map(|b| if plain(b) { (b as char).to_string() } else { format!("%{b:02X}") }).collect()
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 64;
    let mut block = [0u8; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new().chain_update(block.map(|b| b ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block.map(|b| b ^ 0x5c)).chain_update(inner).finalize().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2, and the signing key of AWS's own documentation page.
    #[test]
    fn hashes_as_published() {
        let tag = hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(hex(&tag), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let mut key = hmac(b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", b"20150830");
        for part in ["us-east-1", "iam", "aws4_request"] {
            key = hmac(&key, part.as_bytes());
        }
        assert_eq!(hex(&key), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    }

    #[test]
    fn an_unsigned_request_is_refused() {
        assert!(verify(&Request::default()).unwrap_err().contains("authorization"));
    }
}
