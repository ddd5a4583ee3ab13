//! Behaviour tests: one file for one behaviour.
