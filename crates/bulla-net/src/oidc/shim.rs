//! SHIM until tokens are merged.
#![allow(missing_docs, unused_variables, clippy::all)]
use super::Token;
use crate::HttpClient;
use bulla_core::{Code, Diagnose};
#[derive(Debug, thiserror::Error)]
#[error("shim")]
pub struct OidcError;
impl Diagnose for OidcError { fn code(&self) -> Code { Code("NET-0000") } }
#[derive(Default)]
pub struct Detect { pub provider: Option<Provider> }
pub struct Provider;
impl std::str::FromStr for Provider { type Err = OidcError; fn from_str(_: &str) -> Result<Self, OidcError> { Err(OidcError) } }
impl std::fmt::Display for Provider { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { Ok(()) } }
pub struct Found { pub token: Token, pub provider: Provider }
pub async fn detect(http: &HttpClient, options: &Detect) -> Result<Option<Found>, OidcError> { Ok(None) }
pub fn given(text: &str) -> Result<Token, OidcError> { Ok(Token::new(text)) }
pub struct Flow;
impl Flow { pub fn new(issuer: &str) -> Self { Self } }
pub async fn browser(http: &HttpClient, flow: &Flow, notify: &(dyn Fn(&str) + Send + Sync)) -> Result<Token, OidcError> { Err(OidcError) }
pub async fn device(http: &HttpClient, flow: &Flow, notify: &(dyn Fn(&str) + Send + Sync)) -> Result<Token, OidcError> { Err(OidcError) }
