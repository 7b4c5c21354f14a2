//! second_repository
