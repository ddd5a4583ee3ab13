//! Each form, each mistake, and that what is read is written again.

use proptest::prelude::*;

use super::*;

fn written<T: ToString>(read: Result<Vec<T>, SpellingError>) -> Vec<String> {
    read.unwrap().iter().map(ToString::to_string).collect()
}

#[test]
fn every_form_of_a_local_forward_is_read() {
    for (text, canonical) in [
        ("8080:web.example:80", "127.0.0.1:8080:web.example:80"),
        ("8080:Web.Example:80", "127.0.0.1:8080:web.example:80"),
        ("0:web:80", "127.0.0.1:0:web:80"),
        ("192.0.2.1:8080:web:80", "192.0.2.1:8080:web:80"),
        ("localhost:8080:web:80", "localhost:8080:web:80"),
        ("[::1]:8080:[2001:db8::1]:80", "[::1]:8080:[2001:db8::1]:80"),
        ("*:8080:web:80", "[::]:8080:web:80"),
        (":8080:web:80", "[::]:8080:web:80"),
        (":8080", "[::]:8080"),
        ("8080", "127.0.0.1:8080"),
        ("8080:@Files", "127.0.0.1:8080:@files"),
        ("*:8080:@files", "[::]:8080:@files"),
        ("8080:/run/docker.sock", "127.0.0.1:8080:/run/docker.sock"),
        ("/tmp/x.sock:web:80", "/tmp/x.sock:web:80"),
        ("/tmp/x.sock:/run/docker.sock", "/tmp/x.sock:/run/docker.sock"),
        ("/tmp/x.sock:@files", "/tmp/x.sock:@files"),
        ("/tmp/x.sock", "/tmp/x.sock"),
        (r"/tmp/a\:b\,c\\d:web:80", r"/tmp/a\:b\,c\\d:web:80"),
        ("53:8.8.8.8:53/udp", "127.0.0.1:53:8.8.8.8:53/udp"),
        ("53:@dns/udp", "127.0.0.1:53:@dns/udp"),
        ("8080:/run/x/udp", "127.0.0.1:8080:/run/x/udp"),
        ("8080:web:80,proxy-protocol=v1", "127.0.0.1:8080:web:80,proxy-protocol=v1"),
        ("8080:/run/x.sock,proxy-protocol=v2", "127.0.0.1:8080:/run/x.sock,proxy-protocol=v2"),
        ("8080,proxy-protocol=v2", "127.0.0.1:8080,proxy-protocol=v2"),
    ] {
        assert_eq!(written(local(text)), [canonical], "{text}");
        assert_eq!(written(local(canonical)), [canonical]);
    }
}

#[test]
fn a_range_is_one_forward_for_each_port() {
    let forwards = local("*:8000-8002:web:9000-9002/udp").unwrap();
    assert_eq!(
        written(Ok(forwards.clone())),
        ["[::]:8000:web:9000/udp", "[::]:8001:web:9001/udp", "[::]:8002:web:9002/udp"]
    );
    assert!(forwards.iter().all(|forward| matches!(forward.listen, ListenOn::Udp(_))));
    assert_eq!(written(remote("7-8:[::1]:9-10")), ["127.0.0.1:7:[::1]:9", "127.0.0.1:8:[::1]:10"]);
    assert_eq!(local("1-1024:web:1-1024").unwrap().len(), MAX_RANGE);
}

#[test]
fn every_form_of_the_others_is_read() {
    for (text, canonical) in [
        ("8080:localhost:3000", "127.0.0.1:8080:localhost:3000"),
        ("*:8080:[fe80::1%eth0]:3000", "[::]:8080:[fe80::1%eth0]:3000"),
        ("8080:/run/x.sock", "127.0.0.1:8080:/run/x.sock"),
        ("/run//x.sock:localhost:3000", "/run/x.sock:localhost:3000"),
        ("/run/x.sock", "/run/x.sock"),
        ("1080", "127.0.0.1:1080"),
        (":1080", "[::]:1080"),
        ("53:localhost:53/udp", "127.0.0.1:53:localhost:53/udp"),
        ("8080:localhost:3000,proxy-protocol=v2", "127.0.0.1:8080:localhost:3000,proxy-protocol=v2"),
    ] {
        assert_eq!(written(remote(text)), [canonical], "{text}");
        assert_eq!(written(remote(canonical)), [canonical]);
    }
    assert_eq!(remote("1080").unwrap()[0].to, ReverseTo::AskedFor);
    let text = |read: Result<Forward, SpellingError>| read.unwrap().to_string();
    assert_eq!(text(dynamic("1080")), "127.0.0.1:1080");
    assert_eq!(text(dynamic("*:1080")), "[::]:1080");
    assert_eq!(text(dynamic("/run/proxy.sock")), "/run/proxy.sock");
    assert_eq!(dynamic("1080").unwrap().to, CarryTo::AskedFor);
    for same in ["host.example:22", "[::1]:22", "@shell", "/run/x.sock"] {
        assert_eq!(text(stdio(same)), same);
        assert_eq!(stdio(same).unwrap().listen, ListenOn::Stdio);
    }
    for (spelled, canonical) in [
        ("files=8000", "files=localhost:8000"),
        ("Files=host:8000", "files=host:8000"),
        ("files=/run/x.sock", "files=/run/x.sock"),
        ("dns=8.8.8.8:53/udp", "dns=8.8.8.8:53/udp"),
        ("dns=53/udp", "dns=localhost:53/udp"),
        ("files=[::1]:8000,proxy-protocol=v1", "files=[::1]:8000,proxy-protocol=v1"),
    ] {
        assert_eq!(publish(spelled).unwrap().to_string(), canonical);
        assert_eq!(publish(canonical).unwrap().to_string(), canonical);
    }
}

#[test]
fn a_forward_says_which_option_its_text_is_of() {
    assert_eq!(local("1:h:2").unwrap()[0].option(), "-L");
    assert_eq!(dynamic("1").unwrap().option(), "-D");
    assert_eq!(stdio("h:1").unwrap().option(), "-W");
    assert_eq!(remote("1").unwrap()[0].option(), "-R");
    assert_eq!(publish("a=1").unwrap().option(), "--publish");
}

fn mistake<T>(read: Result<T, SpellingError>) -> String {
    read.err().expect("it is wrong").to_string()
}

#[test]
fn the_wrong_part_is_named_with_an_example() {
    for (text, part) in [
        ("", "'' is not a port"),
        ("http:web:80", "'http' is not a port"),
        ("70000:web:80", "'70000' is not a port"),
        ("8080:web:http", "'http' is not a port"),
        ("8080:web:0", "'0' is not a port"),
        ("8080:web", "'web' is not a port"),
        ("+1:web:80", "'+1' is not a port"),
        ("8080::80", "':80': the host is empty"),
        ("8080:a b:80", "'a b:80': the host is neither"),
        ("8080:127.1:80", "'127.1:80': the host is neither"),
        ("a b:8080:web:80", "'a b' is not a host"),
        ("::1:8080:web:80", "6 parts"),
        ("[::1:8080:web:80", "'[' is not an IPv6 address in brackets"),
        ("8080:[web]:80", "'[web]:80': an IPv6 address"),
        ("8080:[::1]x:80", "is not an IPv6 address in brackets"),
        ("8080:@", "'@': the name of a service"),
        ("@files", "1 parts"),
        ("8080:/run/../x", "'/run/../x': the path of a socket"),
        ("8000-8010:web:80", "11 cannot lead to 1"),
        ("8000-8001:web:80-82", "2 cannot lead to 3"),
        ("8000-8001:@files", "a range of ports"),
        ("8000-8001", "a range of ports"),
        ("8001-8000:web:1-2", "'8001-8000' is not a range"),
        ("0-3:web:1-4", "'0-3' is not a range"),
        ("1-1025:web:1-1025", "'1-1025' is not a range"),
        ("/x.sock:web:80/udp", "a Unix socket takes streams"),
        ("53/udp", "own target takes streams"),
        ("8080:web:80/tcp", "'80/tcp' is not a port"),
        ("8080:web:80,proxy-protocol", "'proxy-protocol' is no option"),
        ("8080:web:80,proxy-protocol=v3", "'proxy-protocol=v3' is no option"),
        ("53:web:53/udp,proxy-protocol=v2", "header of the PROXY protocol"),
    ] {
        let said = mistake(local(text));
        assert!(said.contains(part) && said.starts_with(&format!("-L {text}: ")), "{text}: {said}");
        assert!(said.ends_with("for example: -L 8080:web.example:80"), "{said}");
    }
}

#[test]
fn what_only_some_options_have_is_refused_by_the_others() {
    for (said, part) in [
        (mistake(remote("8080:@files")), "'@files' is a published name"),
        (mistake(remote("run/x:localhost:1")), "'run/x' is not a port"),
        (mistake(remote("/run/../x:localhost:1")), "'/run/../x'"),
        (mistake(remote("1080/udp")), "takes TCP connections"),
        (mistake(remote("1080,proxy-protocol=v1")), "header of the PROXY protocol"),
        (mistake(remote("8080:a b:80")), "'a b' is not a host"),
        (mistake(dynamic("1080:web:80")), "say where they want to go"),
        (mistake(dynamic("1080/udp")), "takes TCP connections"),
        (mistake(dynamic("1080-1081")), "a range of ports"),
        (mistake(dynamic("1080,proxy-protocol=v1")), "header of the PROXY protocol"),
        (mistake(stdio("web")), "'web' is a host without a port"),
        (mistake(stdio("web:1-2")), "1 cannot lead to 2"),
        (mistake(stdio("web:53/udp")), "standard input is a stream"),
        (mistake(publish("files")), "there is no '='"),
        (mistake(publish("-a=80")), "'-a'"),
        (mistake(publish("files=http")), "'http' is not a port"),
        (mistake(publish("files=@other")), "'@other' is a published name"),
        (mistake(publish("files=web:1-2")), "1 cannot lead to 2"),
    ] {
        assert!(said.contains(part) && said.contains("for example: "), "{said}");
    }
}

#[test]
fn two_forwards_on_one_address_are_named() {
    let checked = |locals: &[&str], remotes: &[&str]| {
        let forwards: Vec<_> = locals.iter().flat_map(|text| local(text).unwrap()).collect();
        let mut reverses: Vec<_> = remotes.iter().flat_map(|text| remote(text).unwrap()).collect();
        reverses.push(publish("files=80").unwrap());
        // Streams and datagrams of one name are two things.
        reverses.push(publish("files=80/udp").unwrap());
        check_distinct(&forwards, &reverses)
    };
    for [one, other] in [
        ["8080:a:1", "8080:b:2"],
        ["8080:a:1", "localhost:8080:b:2"],
        ["*:8080:a:1", "8080"],
        ["8080", "*:8080:a:1"],
        ["0.0.0.0:8080:a:1", "8080"],
        ["*:8080:a:1", "[::1]:8080"],
        ["Box:8080", "box:8080"],
        ["8080-8090:a:1-11", "8085"],
        ["/x.sock:a:1", "/x.sock:b:1"],
        ["53:a:53/udp", "53:b:53/udp"],
    ] {
        let error = checked(&["1:a:1", one, other], &[]).unwrap_err();
        let [first, second] = error.pair.map(|which| match which {
            Which::Forward(at) => at,
            Which::Reverse(_) => panic!("{error}"),
        });
        assert!(0 < first && first < second, "{error}");
        let error = checked(&[one], &[one, other].map(|text| if text == "8080" { "8080:c:1" } else { text }));
        assert!(matches!(error.unwrap_err().pair, [Which::Reverse(_), Which::Reverse(_)]), "{one}");
    }
    assert_eq!(checked(&["8080", "[::1]:8080", "192.0.2.1:8080", "box:8080"], &["8080"]), Ok(()));
    assert_eq!(checked(&["0:a:1", "0:b:1", "53:a:53", "53:a:53/udp"], &[]), Ok(()));
    assert_eq!(checked(&["0.0.0.0:80", "[::1]:80"], &[]), Ok(()));
    let twice = [publish("files=80").unwrap(), publish("files=81").unwrap()];
    let said = check_distinct(&[], &twice).unwrap_err().to_string();
    assert!(said.contains("--publish files=localhost:80 and --publish files=localhost:81"), "{said}");
}

proptest! {
    #[test]
    fn what_is_read_is_written_and_read_again_the_same(
        text in r"(\*|[a-z]{0,3}|\[::1\]|/[a-z\\:,]{1,4})?(:?[1-9]{1,2}(-[1-9]{2})?)?(:(@?[a-z]{1,3}|/[a-z\\,]{1,4}|\[::2\]))?(:[1-9]{1,2}(-[1-9]{2})?)?(/udp)?(,proxy-protocol=v[12])?"
    ) {
        if let Ok(forwards) = local(&text) {
            for forward in forwards {
                prop_assert_eq!(local(&forward.to_string()), Ok(vec![forward]));
            }
        }
        if let Ok(reverses) = remote(&text) {
            for reverse in reverses {
                prop_assert_eq!(remote(&reverse.to_string()), Ok(vec![reverse]));
            }
        }
        if let Ok(forward) = dynamic(&text) {
            prop_assert_eq!(dynamic(&forward.to_string()), Ok(forward));
        }
        if let Ok(forward) = stdio(&text) {
            prop_assert_eq!(stdio(&forward.to_string()), Ok(forward));
        }
        if let Ok(reverse) = publish(&format!("name={text}")) {
            prop_assert_eq!(publish(&reverse.to_string()), Ok(reverse));
        }
    }

    #[test]
    fn anything_is_read_or_refused(text in r"[0-9a-z@/:\[\]*,=%\\. -]{0,30}|\PC{0,20}") {
        let all = [
            local(&text).err(), remote(&text).err(), dynamic(&text).err(), stdio(&text).err(), publish(&text).err(),
        ];
        for error in all.into_iter().flatten() {
            prop_assert!(error.to_string().contains("for example: "));
        }
    }
}
