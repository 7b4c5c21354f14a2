//! stub
use crate::Result;
pub fn run(_: &[String]) -> Result {
    Ok(())
}
