//! Where it is not known who is in a group.

use std::fs::Metadata;
use std::path::Path;

/// Not that anybody knows.
pub(super) const fn is_private(_found: &Metadata, _path: &Path) -> bool {
    false
}
