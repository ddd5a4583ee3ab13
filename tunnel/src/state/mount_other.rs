//! Where there are no containers of this kind.

use std::convert::Infallible;
use std::fs::{File, Metadata};
use std::path::Path;

/// There is none.
pub(super) struct Mount(Infallible);

impl Mount {
    /// Nothing is.
    pub(super) const fn from_outside(_file: &File) -> Option<Self> {
        None
    }

    /// Of none.
    pub(super) const fn is_read_only(&self) -> bool {
        match self.0 {}
    }

    /// Of none.
    pub(super) const fn fixed_point(&self) -> Option<&Path> {
        match self.0 {}
    }

    /// Of none.
    pub(super) const fn is_for_secrets(&self, _found: &Metadata) -> bool {
        match self.0 {}
    }
}
