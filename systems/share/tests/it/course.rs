//! Every status of every operation, as bytes: over plain TCP and over the link, with no services, with dead ones, and with both.

use super::support::{Beside, Way, World};

/// What is sent, `|` for a zero byte, and what comes back.
type Script<'a> = &'a [(&'a str, &'a [u8])];

/// Plays a script against a new server of each kind.
async fn play(script: Script<'_>) {
    for way in [Way::Plain, Way::Link] {
        for beside in [Beside::Nothing, Beside::DeadServices, Beside::Services] {
            let world = World::new(beside, way).await;
            for (sent, expected) in script {
                let answer = world.say(sent.replace('|', "\0").as_bytes()).await;
                assert_eq!(
                    answer.escape_ascii().to_string(),
                    expected.escape_ascii().to_string(),
                    "{sent} over {way:?} beside {beside:?}"
                );
            }
            let count = script.len() as u64;
            match beside {
                Beside::Nothing => assert_eq!(world.reports.reported(), share::services::Reported::default()),
                Beside::DeadServices => assert_eq!(world.reported(count).await.not_logged, count),
                Beside::Services => assert_eq!(world.reported(count).await.logged, count),
            }
        }
    }
}

/// A test for each script.
macro_rules! scripts {
    ($($name:ident: $($sent:literal => $answer:expr),+;)+) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            play(&[$(($sent, $answer)),+]).await;
        })+
    };
}

scripts! {
    register_of_a_new_user: "REGISTER|alice|" => b"\0";
    register_of_a_user_there_is: "REGISTER|alice|" => b"\0", "REGISTER|alice|" => b"\x01";
    register_of_no_name: "REGISTER||" => b"\x02";
    register_of_a_name_that_moves_the_cursor: "REGISTER|al\x1b[2Jice|" => b"\x02";
    unregister: "REGISTER|alice|" => b"\0", "UNREGISTER|alice|" => b"\0", "UNREGISTER|alice|" => b"\x01";
    unregister_of_nobody: "UNREGISTER|alice|" => b"\x01";
    unregister_of_a_connected_user_takes_its_files_too:
        "REGISTER|alice|" => b"\0",
        "CONNECT|alice|6000|" => b"\0",
        "PUBLISH|alice|/poem|a poem|" => b"\0",
        "UNREGISTER|alice|" => b"\0",
        "REGISTER|alice|" => b"\0",
        "CONNECT|alice|6000|" => b"\0",
        "LIST_CONTENT|alice|alice|" => b"\x000\0";
    connect: "REGISTER|alice|" => b"\0", "CONNECT|alice|6000|" => b"\0";
    connect_of_nobody: "CONNECT|alice|6000|" => b"\x01";
    connect_twice: "REGISTER|alice|" => b"\0", "CONNECT|alice|6000|" => b"\0", "CONNECT|alice|6001|" => b"\x02";
    connect_at_no_port:
        "REGISTER|alice|" => b"\0",
        "CONNECT|alice|0|" => b"\x03",
        "CONNECT|alice|70000|" => b"\x03",
        "CONNECT|alice|here|" => b"\x03";
    disconnect: "REGISTER|alice|" => b"\0", "CONNECT|alice|6000|" => b"\0", "DISCONNECT|alice|" => b"\0";
    disconnect_of_nobody: "DISCONNECT|alice|" => b"\x01";
    disconnect_of_one_who_is_not_connected: "REGISTER|alice|" => b"\0", "DISCONNECT|alice|" => b"\x02";
    publish:
        "REGISTER|alice|" => b"\0",
        "CONNECT|alice|6000|" => b"\0",
        "PUBLISH|alice|/poem|a poem|" => b"\0",
        "PUBLISH|alice|/other||" => b"\0",
        "LIST_CONTENT|alice|alice|" => b"\x002\0/other\0/poem\0";
    publish_of_nobody: "PUBLISH|alice|/poem|a poem|" => b"\x01";
    publish_of_one_who_is_not_connected: "REGISTER|alice|" => b"\0", "PUBLISH|alice|/poem|a poem|" => b"\x02";
    publish_twice:
        "REGISTER|alice|" => b"\0",
        "CONNECT|alice|6000|" => b"\0",
        "PUBLISH|alice|/poem|a poem|" => b"\0",
        "PUBLISH|alice|/poem|another|" => b"\x03";
    publish_of_no_path:
        "REGISTER|alice|" => b"\0", "CONNECT|alice|6000|" => b"\0", "PUBLISH|alice||a poem|" => b"\x04";
    delete:
        "REGISTER|alice|" => b"\0",
        "CONNECT|alice|6000|" => b"\0",
        "PUBLISH|alice|/poem|a poem|" => b"\0",
        "DELETE|alice|/poem|" => b"\0",
        "LIST_CONTENT|alice|alice|" => b"\x000\0";
    delete_of_nobody: "DELETE|alice|/poem|" => b"\x01";
    delete_of_one_who_is_not_connected: "REGISTER|alice|" => b"\0", "DELETE|alice|/poem|" => b"\x02";
    delete_of_what_is_not_published:
        "REGISTER|alice|" => b"\0", "CONNECT|alice|6000|" => b"\0", "DELETE|alice|/poem|" => b"\x03";
    list_users_of_nobody: "LIST_USERS|alice|" => b"\x01";
    list_users_of_one_who_is_not_connected: "REGISTER|alice|" => b"\0", "LIST_USERS|alice|" => b"\x02";
    list_content:
        "REGISTER|alice|" => b"\0",
        "REGISTER|bob|" => b"\0",
        "CONNECT|alice|6000|" => b"\0",
        "LIST_CONTENT|alice|bob|" => b"\x000\0";
    list_content_of_nobody: "LIST_CONTENT|alice|bob|" => b"\x01";
    list_content_of_one_who_is_not_connected: "REGISTER|alice|" => b"\0", "LIST_CONTENT|alice|alice|" => b"\x02";
    list_content_of_a_user_there_is_not:
        "REGISTER|alice|" => b"\0", "CONNECT|alice|6000|" => b"\0", "LIST_CONTENT|alice|bob|" => b"\x03";
    get_file_that_nobody_has:
        "REGISTER|alice|" => b"\0", "CONNECT|alice|6000|" => b"\0", "GET_FILE|alice|bob|/poem|" => b"\x01";
    get_file_of_one_who_may_not_ask: "GET_FILE|alice|bob|/poem|" => b"\x02";
    get_multifile_that_nobody_has:
        "REGISTER|alice|" => b"\0", "CONNECT|alice|6000|" => b"\0", "GET_MULTIFILE|alice|poem|" => b"\x01";
    get_multifile_of_one_who_may_not_ask: "GET_MULTIFILE|alice|poem|" => b"\x02";
    holders_of_a_file:
        "REGISTER|alice|" => b"\0",
        "CONNECT|alice|6000|" => b"\0",
        "HOLDERS|alice||poem|" => b"\x03",
        "OFFER|alice|/poem|a poem|nonsense|5|" => b"\x04",
        "HOLDERS|bob||poem|" => b"\x01";
    a_date_may_stand_before_the_fields_or_behind_them:
        "REGISTER|01/02/2024 10:11:12|alice|" => b"\0",
        "CONNECT|2024-02-01 10:11:12|alice|6000|" => b"\0",
        "PUBLISH|alice|/poem|a poem|01/02/2024 10:11:12|" => b"\0",
        "LIST_CONTENT|alice|alice|01/02/2024 10:11:12|" => b"\x001\0/poem\0";
    names_of_operations_may_be_in_lower_case: "register|alice|" => b"\0", "unregister|alice|" => b"\0";
}

#[tokio::test]
async fn list_users_and_get_file_say_where_users_of_plain_tcp_are() {
    let world = World::new(Beside::Nothing, Way::Plain).await;
    for (sent, expected) in [
        ("REGISTER|alice|", b"\0".as_slice()),
        ("REGISTER|bob|", b"\0"),
        ("CONNECT|alice|6000|", b"\0"),
        ("LIST_USERS|alice|", b"\x001\0alice\x00127.0.0.1\x006000\0"),
        ("CONNECT|bob|6001|", b"\0"),
        ("LIST_USERS|alice|", b"\x002\0alice\x00127.0.0.1\x006000\0bob\x00127.0.0.1\x006001\0"),
        ("PUBLISH|bob|/home/bob/poem|a poem|", b"\0"),
        ("GET_FILE|alice|bob|/home/bob/poem|", b"\x00127.0.0.1\x006001\0"),
        ("GET_FILE|alice|bob|poem|", b"\x01"),
        ("GET_FILE|bob|/home/bob/poem|/tmp/copy|", b"\x00127.0.0.1\x006001\0"),
        ("GET_MULTIFILE|alice|poem|", b"\0\x01127.0.0.1\x006001\0/home/bob/poem\0"),
        ("DISCONNECT|bob|", b"\0"),
        ("GET_MULTIFILE|alice|poem|", b"\x01"),
        ("LIST_CONTENT|alice|bob|", b"\x001\0/home/bob/poem\0"),
    ] {
        let answer = world.say(sent.replace('|', "\0").as_bytes()).await;
        assert_eq!(answer.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{sent}");
    }
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let world = World::new(Beside::Nothing, Way::Plain).await;
    let long = "a".repeat(256);
    for (sent, expected) in [
        ("STEAL|alice|".to_owned(), b"".as_slice()),
        (long.clone(), b""),
        (format!("REGISTER|{long}|"), b"\x02"),
        (format!("UNREGISTER|{long}|"), b"\x02"),
        (format!("CONNECT|{long}|6000|"), b"\x03"),
        (format!("DISCONNECT|{long}|"), b"\x03"),
        (format!("PUBLISH|alice|{long}||"), b"\x04"),
        (format!("DELETE|alice|{long}|"), b"\x04"),
        (format!("LIST_USERS|{long}|"), b"\x03"),
        (format!("LIST_CONTENT|alice|{long}|"), b"\x04"),
        (format!("GET_FILE|alice|bob|{long}|"), b"\x02"),
        (format!("GET_MULTIFILE|alice|{long}|"), b"\x02"),
    ] {
        let answer = world.say(sent.replace('|', "\0").as_bytes()).await;
        assert_eq!(answer, expected, "{sent}");
    }
    assert_eq!(world.say(b"REGISTER\0\xff\xfe\0").await, b"\x02");
    assert_eq!(world.say(format!("REGISTER\0{}\0", "a".repeat(255)).as_bytes()).await, b"\0");
}

#[tokio::test]
async fn the_logger_is_told_what_the_course_tells_it() {
    let mut world = World::new(Beside::Services, Way::Plain).await;
    world.say(b"REGISTER\x0001/02/2024 10:11:12\0alice\0").await;
    world.say(b"CONNECT\x0001/02/2024 10:11:13\0alice\x006000\0").await;
    world.say(b"PUBLISH\x0001/02/2024 10:11:14\0alice\0/a poem\0of\x1bmine\0").await;
    world.say(b"LIST_USERS\0alice\0").await;
    assert_eq!(world.lines.recv().await.unwrap(), "alice REGISTER 01/02/2024 10:11:12");
    assert_eq!(world.lines.recv().await.unwrap(), "alice CONNECT 01/02/2024 10:11:13");
    assert_eq!(world.lines.recv().await.unwrap(), "alice PUBLISH /a poem 01/02/2024 10:11:14");
    let dated = world.lines.recv().await.unwrap();
    let date = dated.strip_prefix("alice LIST_USERS ").unwrap();
    assert!(share::wire::date::is_date(date), "the clock says when: {dated}");
}
