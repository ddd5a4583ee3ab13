//! The files of the page. There is no build step: they are what is in `page`.

const FILES: [(&str, &str, &str); 5] = [
    ("/", "text/html; charset=utf-8", include_str!("page/index.html")),
    ("/page.css", "text/css; charset=utf-8", include_str!("page/page.css")),
    ("/page.js", "text/javascript; charset=utf-8", include_str!("page/page.js")),
    ("/plot.js", "text/javascript; charset=utf-8", include_str!("page/plot.js")),
    ("/icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
];

/// The media type and the text of the file at that path.
pub(crate) fn file(path: &str) -> Option<(&'static str, &'static str)> {
    FILES.iter().find(|(at, ..)| *at == path).map(|(_, kind, text)| (*kind, *text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_asks_no_other_host_for_anything() {
        for (path, _, text) in FILES {
            // A name of XML is no address.
            let text = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("//") || path.ends_with(".js"), "{path}");
            assert!(!text.contains("http:") && !text.contains("https:"), "{path}");
        }
    }

    #[test]
    fn the_policy_has_nothing_to_forbid() {
        let (_, html) = file("/").unwrap();
        for inline in ["<style", " style=", " onclick", " onload", "javascript:", "<script>"] {
            assert!(!html.contains(inline), "{inline}");
        }
        for (path, _, text) in FILES {
            assert!(
                !text.contains("innerHTML") && !text.contains("eval("),
                "{path}: texts of others are texts"
            );
        }
    }

    #[test]
    fn the_scripts_are_small() {
        let lines = |path: &str| file(path).map_or(0, |(_, text)| text.lines().count());
        assert!(lines("/page.js") + lines("/plot.js") < 300);
    }
}
