//! Files of others.

use super::network::{Network, options};
use crate::node::Options;
use crate::node::words::{Reply, Request};

#[tokio::test]
async fn files_come_from_the_shared_folder_and_from_nowhere_else() {
    let folder = std::env::temp_dir().join(format!("peer-shared-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("in/a")).unwrap();
    let bytes: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(folder.join("in/a/large"), &bytes).unwrap();
    std::fs::write(folder.join("in/empty"), "").unwrap();
    std::fs::write(folder.join("secret"), "secret").unwrap();
    std::os::unix::fs::symlink("../secret", folder.join("in/way")).unwrap();
    let mut network = Network::new("files").await;
    network.start("n00", Options { share: Some(folder.join("in")), ..options() }).await;
    network.start("n01", options()).await;
    let asking = network.at("n01");
    asking.until("n00 is known", |members| members.iter().any(|member| member.name.as_str() == "n00")).await;
    let of = || "n00".parse().unwrap();
    let (files, failed) = asking.ask(Request::Files { of: of() }).await;
    let listed: Vec<(String, u64)> = files
        .into_iter()
        .map(|(reply, _)| {
            let Reply::File { path, size } = reply else { panic!("{reply:?}") };
            (path, size)
        })
        .collect();
    assert_eq!((listed, failed), (vec![("a/large".into(), 1_200_000), ("empty".into(), 0)], None));
    let (parts, failed) = asking.ask(Request::Get { of: of(), path: "a/large".into() }).await;
    let got: Vec<u8> = parts.into_iter().flat_map(|(_, body)| body).collect();
    assert!(got == bytes && failed.is_none());
    assert_eq!(asking.ask(Request::Get { of: of(), path: "empty".into() }).await.1, None);
    for path in ["../secret", "way", "a", "/etc/passwd", "no"] {
        let (parts, failed) = asking.ask(Request::Get { of: of(), path: path.into() }).await;
        assert!(parts.is_empty() && failed.is_some(), "{path}");
    }
    // Who shares nothing says so.
    let (_, failed) = network.at("n00").ask(Request::Files { of: "n01".parse().unwrap() }).await;
    assert!(failed.unwrap().contains("shares no folder"));
    std::fs::remove_dir_all(folder).unwrap();
}
