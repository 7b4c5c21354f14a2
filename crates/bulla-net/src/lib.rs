//! The one outgoing HTTP client, and the clients of CA, log and timestamp authority.
