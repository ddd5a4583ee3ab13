//! What the behaviour tests stand on: pairs in process, real processes, bad networks.
