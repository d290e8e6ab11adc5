//! Who asks for a session, before it is known whose: the address it comes from, and the device as it calls itself.

use std::net::IpAddr;

/// Known of a caller by its connection and headers alone.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The address it comes from, as the gateway believes it.
    pub address: IpAddr,
    /// Its `User-Agent`, empty when it sends none.
    pub user_agent: String,
}

/// Pieces of a `User-Agent` and what people call them. The first that is found counts: browsers claim to be those they
/// descend from, so descendants stand before them.
const PROGRAMS: [(&str, &str); 12] = [
    ("picup", "PicUp"),
    ("immich", "Immich"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];

const SYSTEMS: [(&str, &str); 8] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

impl Visitor {
    /// What its person recognises it by, such as "Firefox on Linux".
    pub(crate) fn label(&self) -> String {
        let known = |list: &[(&str, &'static str)]| {
            list.iter().find(|(piece, _)| self.user_agent.contains(piece)).map(|(_, name)| *name)
        };
        match (known(&PROGRAMS), known(&SYSTEMS)) {
            (Some(program), Some(system)) => format!("{program} on {system}"),
            (Some(only), None) | (None, Some(only)) => only.to_owned(),
            (None, None) => {
                // The first product it names, as RFC 9110 has it: `name/version`.
                let product = self.user_agent.split(['/', ' ', '(']).next().unwrap_or_default();
                let readable: String = product.chars().filter(|c| !c.is_control()).take(50).collect();
                if readable.is_empty() { "Unknown device".to_owned() } else { readable }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_called_what_people_call_them() {
        for (user_agent, label) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
                "Chrome on Windows",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36 Edg/126.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1 Version/17.5 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1 Version/17.5 Safari/605.1",
                "Safari on macOS",
            ),
            ("picup/0.1.0", "PicUp"),
            ("backup-robot/2.0 (x)", "backup-robot"),
            ("", "Unknown device"),
            ("\u{7}", "Unknown device"),
        ] {
            let visitor = Visitor { address: [127, 0, 0, 1].into(), user_agent: user_agent.to_owned() };
            assert_eq!(visitor.label(), label, "{user_agent}");
        }
    }
}
