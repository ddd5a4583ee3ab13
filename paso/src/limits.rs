//! The longest texts that there may be, in bytes, and the most places.

#[doc(inline)]
pub use proto::destination::{MAX_LEN as MAX_DESTINATION_LEN, MAX_NAME_LEN};
#[doc(inline)]
pub use proto::target::{MAX_HOST_LEN, MAX_LEN as MAX_TARGET_LEN};
#[doc(inline)]
pub use proto::ticket::place::{MAX_PLACES, MAX_PORTS, MAX_TEXT_LEN as MAX_PLACES_LEN};
