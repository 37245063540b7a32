//! Why a TLS handshake with a destination failed, sorted by what a person would do about it.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsProblem {
    #[error("the server's certificate has expired; renew it there, or check this machine's clock")]
    Expired,
    #[error("the server's certificate is not valid yet; check this machine's clock")]
    NotYetValid,
    #[error(
        "the server's certificate comes from an authority we do not know; name its CA with `ca_file` or SSL_CERT_FILE"
    )]
    UnknownIssuer,
    #[error("the server's certificate is for another name{0}; correct the host, or set `server_name`")]
    WrongName(String),
    #[error("the server asks for a client certificate; set `certificate_file` and `key_file`")]
    ClientCertificateWanted,
    #[error(
        "the server refuses our client certificate ({0}); renew it, or check which authority the server trusts"
    )]
    ClientCertificateRefused(String),
    #[error("the server does not speak TLS on this port; use `http://` or another port")]
    NotTls,
    #[error("the server shares no protocol version or cipher with us; it may speak only TLS older than 1.2")]
    NoCommonVersion,
    #[error("{0}")]
    Other(String),
}

impl TlsProblem {
    pub(crate) fn of(error: &io::Error) -> TlsProblem {
        match rustls_error(error) {
            Some(inner) => sort(inner),
            None if error.kind() == io::ErrorKind::UnexpectedEof => {
                TlsProblem::Other("the server closed the connection during the handshake".into())
            }
            None => TlsProblem::Other(error.to_string()),
        }
    }
}

/// The problem behind an I/O error on an open connection, when it is TLS's: TLS 1.3 servers refuse a
/// client certificate only after the handshake.
pub(crate) fn problem_of(error: &io::Error) -> Option<TlsProblem> {
    rustls_error(error).map(sort)
}

fn rustls_error(error: &io::Error) -> Option<&Error> {
    let inner = error.get_ref()?;
    inner.downcast_ref::<Error>().or_else(|| inner.source()?.downcast_ref::<Error>())
}

fn sort(error: &Error) -> TlsProblem {
    match error {
        Error::InvalidCertificate(certificate) => sort_certificate(certificate),
        Error::AlertReceived(AlertDescription::CertificateRequired) => TlsProblem::ClientCertificateWanted,
        Error::AlertReceived(
            alert @ (AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateRevoked
            | AlertDescription::AccessDenied),
        ) => TlsProblem::ClientCertificateRefused(format!("{alert:?}")),
        Error::AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure)
        | Error::PeerIncompatible(_) => TlsProblem::NoCommonVersion,
        Error::InvalidMessage(_) => TlsProblem::NotTls,
        other => TlsProblem::Other(other.to_string()),
    }
}

fn sort_certificate(error: &CertificateError) -> TlsProblem {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsProblem::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            TlsProblem::NotYetValid
        }
        // A bad signature is what a private authority looks like whose key was replaced under the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => TlsProblem::UnknownIssuer,
        CertificateError::NotValidForName => TlsProblem::WrongName(String::new()),
        CertificateError::NotValidForNameContext { presented, .. } => {
            // A certificate may list a hundred names; three are enough to see which server answered.
            let names: Vec<&str> = presented.iter().take(3).map(|name| bare(name)).collect();
            TlsProblem::WrongName(format!(" ({})", names.join(", ")))
        }
        // webpki's answer to a self-signed server certificate that is itself marked as an authority.
        CertificateError::Other(inner) if inner.to_string().contains("CaUsedAsEndEntity") => {
            TlsProblem::UnknownIssuer
        }
        other => TlsProblem::Other(format!("the server's certificate is refused: {other}")),
    }
}

/// rustls shows a name as `DnsName("a.example")`.
fn bare(name: &str) -> &str {
    name.split('"').nth(1).unwrap_or(name)
}
