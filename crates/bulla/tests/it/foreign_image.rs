//! foreign_image
