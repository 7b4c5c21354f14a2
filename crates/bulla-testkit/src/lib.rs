//! Fakes, fixtures and the whole-CLI harness for tests.
