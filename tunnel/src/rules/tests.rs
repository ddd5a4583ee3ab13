//! The grammar; the answers are in modules of their own.

mod addresses;
mod blocks;
mod dialling;
mod listening;
mod speed;

use proptest::prelude::*;

use super::*;

fn rules(texts: &str) -> Rules {
    Rules::parse(texts.split_whitespace()).unwrap()
}

#[test]
fn each_rule_has_one_text() {
    for (text, canonical) in [
        ("dial:target", "dial:target"),
        ("dial:target:80", "dial:target:80"),
        ("dial:*:*", "dial:*:*"),
        ("dial:private:22,80", "dial:private:22,80"),
        ("dial:Db.Example.:5432", "dial:db.example:5432"),
        ("dial:*.Example.com:443,80-90,91", "dial:*.example.com:80-91,443"),
        ("dial:192.0.2.7:80", "dial:192.0.2.7:80"),
        ("dial:192.0.2.7/32:80", "dial:192.0.2.7:80"),
        ("dial:10.0.0.0/8:53/udp", "dial:10.0.0.0/8:53/udp"),
        ("dial:0.0.0.0/0:*", "dial:0.0.0.0/0:*"),
        ("dial:[::1]:80", "dial:[::1]:80"),
        ("dial:[2001:DB8::]/32:*", "dial:[2001:db8::/32]:*"),
        ("dial:[2001:db8::/32]:*", "dial:[2001:db8::/32]:*"),
        ("dial:[::ffff:10.0.0.0/104]:1", "dial:10.0.0.0/8:1"),
        ("dial:[::ffff:127.0.0.1]:1", "dial:127.0.0.1:1"),
        ("dial:unix:/run/x.sock", "dial:unix:/run/x.sock"),
        ("dial:unix:/run/x/*", "dial:unix:/run/x/*"),
        ("listen:*:8000-8010", "listen:*:8000-8010"),
        ("listen:unix:/*", "listen:unix:/*"),
        ("publish:Team-*", "publish:team-*"),
        ("use:?", "use:?"),
    ] {
        let rule: Rule = text.parse().expect(text);
        assert_eq!(rule.to_string(), canonical);
        assert_eq!(canonical.parse(), Ok(rule));
    }
}

#[test]
fn a_bad_rule_names_its_part_and_has_an_example() {
    for (text, part, example) in [
        ("", "''", "dial:db.example:5432"),
        ("allow:x:1", "'allow'", "dial:db.example:5432"),
        ("dial", "''", ""),
        ("dial:db", "'db' has no ports", "db:8000-8010"),
        ("dial::80", "':80' has no ports", ""),
        ("dial:db:", "''", "8000-8010"),
        ("dial:db:0", "'0'", "443"),
        ("dial:db:65536", "'65536'", "443"),
        ("dial:db:+80", "'+80'", "443"),
        ("dial:db:90-80", "'90-80'", "8000-8010"),
        ("dial:db:80,", "''", "443"),
        ("dial:db:80/tcp", "'80/tcp'", "443"),
        ("dial:::1:80", "'::1'", "[2001:db8::/32]"),
        ("dial:[::1]", "'[::1]' has no ports", ""),
        ("dial:127.1:80", "'127.1'", "192.0.2.7"),
        ("dial:2130706433:80", "'2130706433'", "192.0.2.7"),
        ("dial:0x7f000001:80", "'0x7f000001'", "192.0.2.7"),
        ("dial:0177.0.0.1:80", "'0177.0.0.1'", "192.0.2.7"),
        ("dial:d*.example:80", "'d*.example'", "*.example.com"),
        ("dial:*.*.example:80", "'*.*.example'", "*.example.com"),
        ("dial:*.:80", "''", "*.example.com"),
        ("dial:[fe80::1%eth0]:80", "zone", "[fe80::1]:22"),
        ("dial:10.0.0.0/33:80", "'/33'", "10.0.0.0/8"),
        ("dial:10.0.0.0/:80", "'/'", "10.0.0.0/8"),
        ("dial:10.0.0.1/8:80", "'10.0.0.1/8'", "write 10.0.0.0/8"),
        ("dial:name/8:80", "'name/8'", "10.0.0.0/8"),
        ("dial:target/udp", "TCP", "dial:target:53/udp"),
        ("listen:target:80", "'target:80'", "listen:127.0.0.1:8080"),
        ("listen:*.example:80", "'*.example:80'", "listen:127.0.0.1:8080"),
        ("dial:unix:run/x", "'run/x'", "/run/app/*"),
        ("dial:unix:/run/../x", "'/run/../x'", "/run/app/*"),
        ("dial:unix:/run/*/x", "'/run/*/x'", "/run/app/*"),
        ("dial:unix:/run/x/../*", "'/run/x/../*'", "/run/app/*"),
        ("publish:", "''", "team-*"),
        ("publish:a/b", "'a/b'", "team-*"),
        ("use:a b", "blank", "dial:db.example:5432"),
    ] {
        let error = text.parse::<Rule>().expect_err(text).to_string();
        assert!(error.contains(&format!("'{text}'")), "{text}: {error}");
        assert!(error.contains(part) && error.contains(example), "{text}: {error}");
    }
}

/// What is shown of a rule is all of it, and no terminal obeys it.
#[test]
fn a_rule_has_no_invisible_characters() {
    for hidden in ["\u{202e}", "\u{200b}", "\u{feff}", "\u{1b}[2J", "\0", "\u{a0}", "\u{85}"] {
        for text in
            [format!("dial:unix:/run/{hidden}x"), format!("dial:{hidden}db:80"), format!("{hidden}use:x")]
        {
            let error = text.parse::<Rule>().expect_err(&text).to_string();
            assert!(error.contains("invisible"), "{error:?}");
            assert!(error.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{error:?}");
        }
    }
    for text in ["dial:unix:/run/caf\u{e9}", "dial:unix:/run/cafe\u{301}", "dial:unix:/run/it's\"\\"] {
        assert_eq!(text.parse::<Rule>().expect(text).to_string(), text);
    }
}

#[test]
fn rules_are_kept_once_and_there_is_an_end_to_them() {
    let twice = rules("dial:a:80 dial:A.:80 use:x");
    assert_eq!(twice.iter().map(Rule::to_string).collect::<Vec<_>>(), ["dial:a:80", "use:x"]);
    let many = (0..=10_000).map(|number| format!("use:x{number}").parse().unwrap());
    assert!(Rules::new(many).unwrap_err().to_string().contains("at most 10000"));
}

#[test]
fn nothing_is_allowed_unless_it_is_said() {
    let name = "files".parse().unwrap();
    assert_eq!(Rules::none().may_publish(&name), Err(Forbidden));
    assert_eq!(Rules::none().may_use(&name), Err(Forbidden));
    let rules = rules("publish:fi*s publish:?x use:files");
    for (text, is_allowed) in
        [("files", true), ("fis", true), ("fixes.s", true), ("file", false), ("ax", true), ("abx", false)]
    {
        let name = text.parse().unwrap();
        assert_eq!(rules.may_publish(&name).is_ok(), is_allowed, "{text}");
        assert_eq!(rules.may_use(&name).is_ok(), text == "files", "{text}");
    }
}

/// As the pattern is defined.
fn matches_by_definition(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            (0..=name.len()).any(|taken| matches_by_definition(rest, name.get(taken..).unwrap()))
        }
        (Some((byte, pattern)), Some((first, name))) => {
            (*byte == b'?' || byte == first) && matches_by_definition(pattern, name)
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn a_pattern_matches_as_it_is_defined(pattern in "[ab*?]{1,8}", name in "[ab]{1,10}") {
        let rules = rules(&format!("publish:{pattern}"));
        let name: proto::destination::ServiceName = name.parse().unwrap();
        let expected = matches_by_definition(pattern.as_bytes(), name.as_str().as_bytes());
        prop_assert_eq!(rules.may_publish(&name).is_ok(), expected);
    }

    #[test]
    fn what_is_read_is_read_again_the_same(
        text in "(dial|listen|use):(unix:|\\*\\.|target:)?[a-z0-9:.,/*%\\[\\]-]{0,24}(:[0-9,*-]{1,6})?(/udp)?"
    ) {
        if let Ok(rule) = text.parse::<Rule>() {
            prop_assert_eq!(rule.to_string().parse(), Ok(rule));
        }
    }

    #[test]
    fn anything_is_read_or_refused(text in "\\PC{0,60}") {
        let _ = text.parse::<Rule>();
    }
}
