//! Each service's answers and refusals.
