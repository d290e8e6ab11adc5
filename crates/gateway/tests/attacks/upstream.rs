//! A process behind the gateway that reads requests by its own rules, stricter than any server's: what is not exactly one way to
//! write a request is a flaw, and what it took for requests can be counted.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use picup_gateway::{BalanceSettings, Balancer, Upstream as Address};
use prometheus_client::registry::Registry;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// It reads and answers until the test ends.
pub(crate) struct Upstream {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

/// What came.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) requests: Vec<Request>,
    /// What was no request as the standard has it.
    pub(crate) flaws: Vec<String>,
}

/// One request, whose head had come whole.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    /// By lower-case name, the values in order.
    pub(crate) headers: BTreeMap<String, Vec<String>>,
    pub(crate) body: Vec<u8>,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Arc::<Mutex<Seen>>::default());
        let of = seen.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let seen = of.clone();
                tokio::spawn(async move {
                    if let Err(flaw) = serve(BufReader::new(stream), &seen).await {
                        seen.lock().unwrap().flaws.push(flaw);
                    }
                });
            }
        });
        Self { address, seen }
    }

    pub(crate) fn balancer(&self) -> Balancer {
        let balancer = Balancer::new(BalanceSettings::default(), &mut Registry::default());
        balancer.set(&[Address { address: self.address.to_string(), weight: 1, drains: false }]);
        balancer
    }

    /// Takes what has come so far.
    pub(crate) fn take(&self) -> Seen {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|values| values[0].as_str())
    }
}

/// Requests one after the other, until the gateway ends the connection.
async fn serve(mut stream: BufReader<TcpStream>, seen: &Mutex<Seen>) -> Result<(), String> {
    while let Some(request) = head(&mut stream).await? {
        let (answer, is_head) = (answer(&request), request.method == "HEAD");
        let index = {
            let mut seen = seen.lock().unwrap();
            seen.requests.push(request.clone());
            seen.requests.len() - 1
        };
        // A body may be cut off with its connection: that is the client's doing.
        let Some(body) = body(&mut stream, &request).await? else { return Ok(()) };
        if let Some(request) = seen.lock().unwrap().requests.get_mut(index) {
            request.body = body;
        }
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        let sent = if is_head { &answer[..end] } else { &answer[..] };
        if stream.write_all(sent).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// What it answers; some paths have it lie.
fn answer(request: &Request) -> Vec<u8> {
    let whole = |text: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len());
    let told = format!("{} {}", request.method, request.target);
    match request.target.as_str() {
        "/api/answers-twice" => whole(&told) + &whole("for nobody"),
        "/api/two-lengths" => format!("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 40\r\n\r\n{told}"),
        "/api/both-framings" => {
            "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n".to_owned()
        }
        "/api/switches" => "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n".to_owned(),
        "/api/no-http" => "SSH-2.0-x\r\n\r\n".to_owned(),
        _ => whole(&told),
    }
    .into_bytes()
}

/// A line without its end, or none where the connection has ended.
async fn line(stream: &mut BufReader<TcpStream>) -> Result<Option<String>, String> {
    let mut line = Vec::new();
    // A gateway that gives a connection up may reset it.
    if stream.read_until(b'\n', &mut line).await.is_err() || !line.ends_with(b"\n") {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&line).into_owned();
    let Some(text) = text.strip_suffix("\r\n") else { return Err(format!("a line ends without CR: {text:?}")) };
    if text.contains(|c: char| c.is_control() && c != '\t') {
        return Err(format!("a control character in {text:?}"));
    }
    Ok(Some(text.to_owned()))
}

/// The head of the next request, or none where the connection has ended.
async fn head(stream: &mut BufReader<TcpStream>) -> Result<Option<Request>, String> {
    let Some(first) = line(stream).await? else { return Ok(None) };
    let parts: Vec<_> = first.split(' ').collect();
    let [method, target, "HTTP/1.1"] = parts[..] else { return Err(format!("no request line: {first:?}")) };
    if method.is_empty() || !method.chars().all(is_token) || !target.starts_with(['/', '*']) {
        return Err(format!("no request line: {first:?}"));
    }
    let mut headers = BTreeMap::<String, Vec<String>>::new();
    loop {
        let Some(line) = line(stream).await? else { return Ok(None) };
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or(format!("no header: {line:?}"))?;
        if name.is_empty() || !name.chars().all(is_token) {
            return Err(format!("no header: {line:?}"));
        }
        headers.entry(name.to_ascii_lowercase()).or_default().push(value.trim().to_owned());
    }
    for once in ["host", "content-length", "transfer-encoding", "cookie", "x-forwarded-for", "x-request-id"] {
        if headers.get(once).is_some_and(|values| values.len() > 1) {
            return Err(format!("{once} more than once: {headers:?}"));
        }
    }
    for hop in ["connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "expect"] {
        if headers.contains_key(hop) {
            return Err(format!("{hop} is of another connection: {headers:?}"));
        }
    }
    if !headers.contains_key("host") || !headers.contains_key("x-request-id") {
        return Err(format!("without a host or an id: {headers:?}"));
    }
    Ok(Some(Request { method: method.to_owned(), target: target.to_owned(), headers, body: Vec::new() }))
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// The body that a head announces, or none where the connection ended in its middle.
async fn body(stream: &mut BufReader<TcpStream>, request: &Request) -> Result<Option<Vec<u8>>, String> {
    match (request.header("content-length"), request.header("transfer-encoding")) {
        (Some(_), Some(_)) => Err(format!("two framings: {:?}", request.headers)),
        (None, None) => Ok(Some(Vec::new())),
        (Some(length), None) => {
            let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
            let length = digits.then(|| length.parse().ok()).flatten();
            let length = length.ok_or(format!("no length: {:?}", request.headers))?;
            Ok(exactly(stream, length).await.ok())
        }
        (None, Some("chunked")) => chunks(stream).await,
        (None, Some(_)) => Err(format!("another encoding: {:?}", request.headers)),
    }
}

async fn exactly(stream: &mut BufReader<TcpStream>, length: u64) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    stream.take(length).read_to_end(&mut body).await?;
    if body.len() as u64 == length { Ok(body) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

async fn chunks(stream: &mut BufReader<TcpStream>) -> Result<Option<Vec<u8>>, String> {
    let mut body = Vec::new();
    loop {
        let Some(size) = line(stream).await? else { return Ok(None) };
        let length = u64::from_str_radix(&size, 16).map_err(|_| format!("no chunk's size: {size:?}"))?;
        let Ok(chunk) = exactly(stream, length).await else { return Ok(None) };
        body.extend(chunk);
        match line(stream).await? {
            None => return Ok(None),
            Some(end) if end.is_empty() => {}
            Some(more) => return Err(format!("after a chunk, or a trailer: {more:?}")),
        }
        if length == 0 {
            return Ok(Some(body));
        }
    }
}
