//! Where PicUp is, for the terminal in which it was started: its addresses on this machine and in the home network, and
//! while there is no account, the link that makes the first, also as a QR code that a phone can read. Called by
//! [`crate::roles`] once, when PicUp listens.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code, so that a camera finds its edge (ISO/IEC 18004 section 6.3.8).
const QUIET: usize = 4;
/// Black on white whatever the terminal's own colours are: inverted codes are not read by every phone.
const PAPER: &str = "\x1b[38;5;16;48;5;231m";
const PLAIN: &str = "\x1b[0m";

/// What to print so that the first account can be made: the link with its one-time `code` at every address worth trying,
/// and, when there is a `terminal` to show it on, a QR code for the address that a phone can reach.
///
/// `plain` is where it listens without TLS; over TLS, the public address is the one that the certificate is for.
pub(crate) fn setup_message(
    plain: Option<SocketAddr>,
    public_base: Option<&str>,
    code: &str,
    terminal: bool,
) -> String {
    message(&bases(plain, public_base, plain.and_then(home_address)), code, terminal)
}

/// What to print when there is an account already: every address worth trying.
pub(crate) fn address_message(plain: Option<SocketAddr>, public_base: Option<&str>) -> String {
    format!("PicUp is ready:\n\n{}", table(&bases(plain, public_base, plain.and_then(home_address)), "/"))
}

/// An address to try, with what to call it; whether a phone can reach it.
struct Base {
    called: &'static str,
    url: String,
    from_elsewhere: bool,
}

fn bases(plain: Option<SocketAddr>, public_base: Option<&str>, home: Option<IpAddr>) -> Vec<Base> {
    let mut bases = Vec::new();
    if let Some(public) = public_base {
        bases.push(Base { called: "Everywhere", url: public.to_owned(), from_elsewhere: true });
    }
    let Some(listen) = plain else { return bases };
    let base = |called, ip: IpAddr, from_elsewhere| Base {
        called,
        url: format!("http://{}", SocketAddr::new(ip, listen.port())),
        from_elsewhere,
    };
    let loopback = match listen.ip() {
        ip if ip.is_loopback() => Some(ip),
        IpAddr::V4(ip) if ip.is_unspecified() => Some(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => Some(Ipv6Addr::LOCALHOST.into()),
        _ => None,
    };
    bases.extend(loopback.map(|ip| base("On this machine", ip, false)));
    bases.extend(home.map(|ip| base("In the home network", ip, true)));
    bases
}

fn message(bases: &[Base], code: &str, terminal: bool) -> String {
    let path = format!("/#/setup/{code}");
    let mut text =
        format!("PicUp waits for its first account. Open this link in a browser:\n\n{}", table(bases, &path));
    let phone = bases.iter().find(|base| base.from_elsewhere).filter(|_| terminal);
    if let Some(code) = phone.and_then(|base| qr(&format!("{}{path}", base.url))) {
        text.push_str(&format!("\n{code}\nOr read the code with a phone's camera.\n"));
    }
    text.push_str("\nWhoever opens the link first becomes the administrator; it works once.\n");
    text
}

fn table(bases: &[Base], path: &str) -> String {
    let width = bases.iter().map(|base| base.called.len()).max().unwrap_or_default();
    bases.iter().map(|base| format!("  {:width$}  {}{path}\n", base.called, base.url)).collect()
}

/// The address at which other machines reach a listener: its own, or for one that listens everywhere, the one that this
/// machine would send from.
fn home_address(listen: SocketAddr) -> Option<IpAddr> {
    if !listen.ip().is_unspecified() {
        return (!listen.ip().is_loopback()).then_some(listen.ip());
    }
    // Connecting a UDP socket only chooses a route; nothing is sent. The first target needs a way to the internet (it is
    // an address for documentation, RFC 5737), the others only a usual home network.
    [[192, 0, 2, 1], [192, 168, 0, 1], [10, 0, 0, 1], [172, 16, 0, 1]].into_iter().find_map(|target| {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
        socket.connect((Ipv4Addr::from(target), 9)).ok()?;
        let ip = socket.local_addr().ok()?.ip();
        (!ip.is_loopback() && !ip.is_unspecified()).then_some(ip)
    })
}

/// A QR code in half blocks, two rows of modules in each line of text.
fn qr(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let size = code.width();
    let colors = code.to_colors();
    let dark = |row: usize, column: usize| {
        let inside = |at: usize| at.checked_sub(QUIET).filter(|at| *at < size);
        match (inside(row), inside(column)) {
            (Some(row), Some(column)) => colors[row * size + column] == Color::Dark,
            _ => false,
        }
    };
    let whole = size + 2 * QUIET;
    let mut drawn = String::new();
    for row in (0..whole).step_by(2) {
        drawn.push_str(PAPER);
        drawn.extend((0..whole).map(|column| match (dark(row, column), dark(row + 1, column)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        }));
        drawn.push_str(PLAIN);
        drawn.push('\n');
    }
    Some(drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(listen: &str, public: Option<&str>, home: Option<&str>, terminal: bool) -> String {
        let home = home.map(|ip| ip.parse().unwrap());
        message(&bases(listen.parse().ok(), public, home), "CODE", terminal)
    }

    #[test]
    fn a_listener_on_loopback_has_one_link_and_no_code() {
        let text = text("127.0.0.1:8080", None, None, true);
        assert!(text.contains("On this machine  http://127.0.0.1:8080/#/setup/CODE"), "{text}");
        assert!(!text.contains('█') && !text.contains("home network"), "{text}");
    }

    #[test]
    fn a_listener_everywhere_has_the_home_address_too_and_its_code_on_a_terminal_only() {
        let shown = text("0.0.0.0:8080", None, Some("192.168.1.5"), true);
        assert!(shown.contains("http://127.0.0.1:8080/#/setup/CODE"), "{shown}");
        assert!(shown.contains("In the home network  http://192.168.1.5:8080/#/setup/CODE"), "{shown}");
        assert!(shown.contains('█'));
        assert!(!text("0.0.0.0:8080", None, Some("192.168.1.5"), false).contains(['█', '\x1b']));
        assert!(text("[::]:80", None, Some("fd00::5"), false).contains("http://[::1]:80/#/setup/CODE"));
    }

    #[test]
    fn the_public_address_comes_first() {
        let text = text("0.0.0.0:8080", Some("https://photos.example.org"), Some("192.168.1.5"), false);
        let first = text.lines().nth(2).unwrap();
        assert_eq!(
            first.split_whitespace().collect::<Vec<_>>(),
            ["Everywhere", "https://photos.example.org/#/setup/CODE"]
        );
    }

    #[test]
    fn with_an_account_only_the_addresses_are_told() {
        let text = address_message("127.0.0.1:8080".parse().ok(), Some("https://photos.example.org"));
        assert_eq!(
            text,
            "PicUp is ready:\n\n  Everywhere       https://photos.example.org/\n  On this machine  http://127.0.0.1:8080/\n"
        );
    }

    #[test]
    fn over_tls_there_is_the_address_of_the_certificate_alone() {
        let text = address_message(None, Some("https://photos.example.org"));
        assert_eq!(text, "PicUp is ready:\n\n  Everywhere  https://photos.example.org/\n");
    }

    #[test]
    fn an_address_of_ones_own_is_the_home_address() {
        assert_eq!(home_address("192.168.1.5:80".parse().unwrap()), Some("192.168.1.5".parse().unwrap()));
        assert_eq!(home_address("127.0.0.1:80".parse().unwrap()), None);
    }

    #[test]
    fn the_code_is_square_and_drawn_whole() {
        let drawn = qr("http://192.168.1.5:8080/#/setup/0123456789").unwrap();
        let lines: Vec<&str> = drawn.lines().collect();
        let modules = lines[0].trim_start_matches(PAPER).trim_end_matches(PLAIN).chars().count();
        assert_eq!(lines.len(), modules.div_ceil(2));
        assert!(lines.iter().all(|line| line.starts_with(PAPER) && line.ends_with(PLAIN)));
        // The finder pattern's upper edge: seven dark modules after the quiet zone.
        let row = lines[QUIET / 2].trim_start_matches(PAPER);
        assert_eq!(row.chars().skip(QUIET).take(7).collect::<String>(), "█▀▀▀▀▀█");
    }
}
