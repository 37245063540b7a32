//! Stand-ins for what Outrigger talks to. Tests only.
