//! The only opener of sockets: listeners, HTTP, TLS, size caps, AWS signing.
