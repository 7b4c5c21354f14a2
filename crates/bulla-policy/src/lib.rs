//! Policies in one internal form, and the decision they give on evidence.
