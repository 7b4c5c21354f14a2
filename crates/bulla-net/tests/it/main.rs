//! The clients of the signing services against stand-ins that answer wrongly;
//! answers of real services are tested where those services are.
#![allow(missing_docs)]

mod services;
mod socket;
