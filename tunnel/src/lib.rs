//! The tokio shell that both proxies are made of.
