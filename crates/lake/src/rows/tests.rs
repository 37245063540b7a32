//! Rows of real requests.
