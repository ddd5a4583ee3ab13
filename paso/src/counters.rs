//! What each of the [`Counters`](crate::Counters) is: its name, its sentence, its unit.

#[doc(inline)]
pub use tunnel::metrics::{CountedOn, CounterKind, DESCRIPTORS, Descriptor, LinkKind, Sum, Unit};
