//! Phase: the PROXY protocol, version 2. A proxy that does not read HTTP says before all else for whom it connects.

use std::io;
use std::net::SocketAddr;

use ppp::v2::{Addresses, Command, Header};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Bytes before those that say how many follow, and these.
const FIXED: usize = 16;
/// Two IPv6 addresses with ports are 36; what a cloud adds in its own fields is some hundred.
const MOST: usize = 2_048;

/// Reads the header. The client that it tells of; none when the proxy connects for itself, to look whether we are there.
pub(crate) async fn client(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<SocketAddr>> {
    let mut header = vec![0; FIXED];
    stream.read_exact(&mut header).await?;
    if !header.starts_with(ppp::v2::PROTOCOL_PREFIX) {
        return Err(invalid("the connection does not begin with a header of the PROXY protocol, version 2"));
    }
    let more = usize::from(u16::from_be_bytes([header[14], header[15]]));
    if FIXED + more > MOST {
        return Err(invalid("the header of the PROXY protocol is too long"));
    }
    header.resize(FIXED + more, 0);
    stream.read_exact(&mut header[FIXED..]).await?;
    let header = Header::try_from(header.as_slice()).map_err(|error| invalid(&error.to_string()))?;
    match (header.command, header.addresses) {
        (Command::Local, _) => Ok(None),
        (Command::Proxy, Addresses::IPv4(told)) => Ok(Some((told.source_address, told.source_port).into())),
        (Command::Proxy, Addresses::IPv6(told)) => Ok(Some((told.source_address, told.source_port).into())),
        (Command::Proxy, _) => Err(invalid("the header of the PROXY protocol tells of no IP address")),
    }
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What HAProxy sends for TCP over IPv4: the signature, version 2 and PROXY, the family, 12 bytes.
    fn header(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let mut bytes = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
        bytes.extend([0x20 | command, family]);
        bytes.extend(u16::try_from(addresses.len()).unwrap().to_be_bytes());
        bytes.extend(addresses);
        bytes
    }

    const V4: [u8; 12] = [198, 51, 100, 1, 10, 0, 0, 1, 0x12, 0x67, 0, 80];

    async fn read(bytes: &[u8]) -> Result<(Option<String>, usize), String> {
        let mut rest = bytes;
        let told = client(&mut rest).await.map_err(|error| error.to_string())?;
        Ok((told.map(|address| address.to_string()), rest.len()))
    }

    #[tokio::test]
    async fn it_says_who_connects_and_what_follows_is_left() {
        let mut bytes = header(1, 0x11, &V4);
        bytes.extend(b"GET / HTTP/1.1\r\n");
        assert_eq!(read(&bytes).await, Ok((Some("198.51.100.1:4711".to_owned()), 16)));
        let mut with_more = V4.to_vec();
        with_more.extend([0x04, 0, 1, 7]);
        assert_eq!(read(&header(1, 0x11, &with_more)).await, Ok((Some("198.51.100.1:4711".to_owned()), 0)));
        let mut v6 = [0; 36];
        v6[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        v6[15] = 1;
        assert_eq!(read(&header(1, 0x21, &v6)).await, Ok((Some("[2001:db8::1]:0".to_owned()), 0)));
        assert_eq!(read(&header(0, 0, &[])).await, Ok((None, 0)));
    }

    #[tokio::test]
    async fn anything_else_is_refused() {
        let mut long = header(1, 0x11, &V4);
        long[14..16].copy_from_slice(&4_000_u16.to_be_bytes());
        long.resize(5_000, 0);
        for bytes in [
            &b""[..],
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"PROXY TCP4 198.51.100.1 10.0.0.1 4711 80\r\n",
            &header(1, 0x11, &V4)[..20],
            &header(1, 0x11, &V4[..8]),
            // Who is connected with is not told: what it says of itself is not the proxy's word.
            &header(1, 0, &[]),
            &header(1, 0x31, &[0; 216]),
            &header(2, 0x11, &V4),
            &long,
        ] {
            assert!(read(bytes).await.is_err(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes: Vec<u8>, command: u8, family: u8) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let _ = runtime.block_on(read(&bytes));
            let _ = runtime.block_on(read(&header(command, family, &bytes[..bytes.len().min(300)])));
        }
    }
}
