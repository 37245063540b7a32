//! TLS against itself, with certificates that expire and are renewed.
