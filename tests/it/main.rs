//! Behaviour tests: one file for one behaviour.

mod classic_model;
mod fuzz_corpus;
