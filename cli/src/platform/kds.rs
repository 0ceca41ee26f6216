//! `sevcrypt platform kds`: a platform's certificates over HTTP, as AMD's Key Distribution Service has those of its chips.
//!
//! The least of HTTP/1.1 (RFC 9112) that such a service needs: GET and HEAD, one request for each connection. A client gets a
//! thread of its own, so many bytes and so much time, and there is a thread for so many clients.

use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use sevcrypt::platform::kds::{KdsAnswer, RateLimit};

use crate::failure::Failure;

/// The most header fields of a request.
const MAX_FIELDS: usize = 64;

/// Answers requests until the process ends. The first thing is a line on standard output with the address, whose port the
/// system may have chosen; a line for each request goes to standard error, unless it is to be quiet.
pub(crate) fn serve(
    listener: &TcpListener,
    answer: impl Fn(&str) -> KdsAnswer + Sync,
    limit: RateLimit,
    is_quiet: bool,
) -> Result<Infallible, Failure> {
    let address = listener.local_addr().map_err(Failure::usage)?;
    let mut out = io::stdout().lock();
    writeln!(out, "listening on http://{address}")?;
    out.flush()?;
    drop(out);
    Server::new(answer, limit, Bounds::default(), is_quiet).run(listener)
}

/// What a client may take.
#[derive(Clone, Copy)]
struct Bounds {
    /// How many at a time: others are sent away.
    clients: usize,
    /// Bytes of a request.
    request: usize,
    /// From the connection to the end of the request, and again for the answer.
    time: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { clients: 32, request: 8 << 10, time: Duration::from_secs(5) }
    }
}

struct Server<A> {
    answer: A,
    limit: Mutex<RateLimit>,
    start: Instant,
    bounds: Bounds,
    is_quiet: bool,
    clients: AtomicUsize,
}

impl<A: Fn(&str) -> KdsAnswer + Sync> Server<A> {
    fn new(answer: A, limit: RateLimit, bounds: Bounds, is_quiet: bool) -> Self {
        let (limit, start, clients) = (Mutex::new(limit), Instant::now(), AtomicUsize::new(0));
        Self { answer, limit, start, bounds, is_quiet, clients }
    }

    fn run(&self, listener: &TcpListener) -> ! {
        thread::scope(|scope| {
            loop {
                let (stream, peer) = match listener.accept() {
                    Ok(accepted) => accepted,
                    // The client has gone already, or there are too many open files: the next one may fare better.
                    Err(error) => {
                        self.log(format_args!("no connection: {error}"));
                        thread::sleep(Duration::from_millis(100));
                        continue;
                    }
                };
                let seat = Seat::take(&self.clients, self.bounds.clients);
                // A thread that does not come about drops what it was to do, with stream and seat.
                let spawned = match seat {
                    Some(seat) => thread::Builder::new()
                        .spawn_scoped(scope, move || self.serve(stream, peer, &seat))
                        .map(drop),
                    None => {
                        self.turn_away(stream, peer);
                        Ok(())
                    }
                };
                if let Err(error) = spawned {
                    self.log(format_args!("{peer}: no thread: {error}"));
                }
            }
        })
    }

    /// One client, from its first byte to its last.
    fn serve(&self, mut stream: TcpStream, peer: SocketAddr, _seat: &Seat<'_>) {
        let request = match read(&mut stream, self.bounds) {
            Ok(request) => request,
            Err(error) => return self.log(format_args!("{peer}: {error}")),
        };
        let (what, response) = match request {
            Ok(Request { is_head, target }) => {
                let response = Response { is_head, ..self.respond(&target) };
                (format!("{} {target}", if is_head { "HEAD" } else { "GET" }), response)
            }
            Err(refused) => ("no request".to_owned(), refused),
        };
        let (status, len) = (response.answer.status, response.answer.body.len());
        match response.send(&mut stream, self.bounds.time) {
            Ok(()) => self.log(format_args!("{peer} {} {status} {len}", what.escape_debug())),
            Err(error) => self.log(format_args!("{peer} {}: {error}", what.escape_debug())),
        }
    }

    fn respond(&self, target: &str) -> Response {
        let mut limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = limit.take(self.start.elapsed());
        drop(limit);
        match taken {
            Ok(()) => (self.answer)(target).into(),
            Err(left) => {
                // Whole seconds, none too few.
                let seconds = left.saturating_add(Duration::from_nanos(999_999_999)).as_secs();
                let field = format!("Retry-After: {seconds}\r\n");
                Response { field, ..Response::refused(429, "too many requests") }
            }
        }
    }

    /// There is nobody to serve this one. What is sent is too short to wait for.
    fn turn_away(&self, mut stream: TcpStream, peer: SocketAddr) {
        self.log(format_args!("{peer}: turned away, there are {} others", self.bounds.clients));
        let busy = Response::refused(503, "too many clients");
        let _ = stream.set_nonblocking(true).and_then(|()| stream.write_all(&busy.bytes()));
    }

    fn log(&self, line: std::fmt::Arguments<'_>) {
        if !self.is_quiet {
            // Whom should it tell?
            let _ = writeln!(io::stderr().lock(), "{line}");
        }
    }
}

/// One of the places for clients, while a client has it.
struct Seat<'s>(&'s AtomicUsize);

impl<'s> Seat<'s> {
    fn take(taken: &'s AtomicUsize, seats: usize) -> Option<Self> {
        let seat = Self(taken);
        // A seat too many is given back at once.
        (taken.fetch_add(1, Ordering::Relaxed) < seats).then_some(seat)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request that is to be answered.
struct Request {
    is_head: bool,
    target: String,
}

/// Reads a request; `Ok(Err(_))` is what to say of one that cannot be answered.
fn read(stream: &mut TcpStream, bounds: Bounds) -> io::Result<Result<Request, Response>> {
    let end = Instant::now() + bounds.time;
    let mut bytes = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        let len = match read_until(stream, &mut chunk, end) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(len) => len,
            Err(error) if is_late(&error) => {
                return Ok(Err(Response::refused(408, "the request took too long")));
            }
            Err(error) => return Err(error),
        };
        bytes.extend(chunk.iter().take(len));
        if let Some(request) = parse(&bytes) {
            return Ok(request);
        }
        if bytes.len() > bounds.request {
            return Ok(Err(Response::refused(431, "the request is too long")));
        }
    }
}

/// What has come so far, or the error [`is_late`] after the end.
fn read_until(stream: &mut TcpStream, chunk: &mut [u8], end: Instant) -> io::Result<usize> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    stream.set_read_timeout(Some(left))?;
    stream.read(chunk)
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

/// `None`: it is not yet complete.
fn parse(bytes: &[u8]) -> Option<Result<Request, Response>> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(bytes) {
        Ok(status) if status.is_partial() => None,
        Ok(_) => Some(match (request.method, request.path) {
            (Some("GET"), Some(target)) => Ok(Request { is_head: false, target: target.into() }),
            (Some("HEAD"), Some(target)) => Ok(Request { is_head: true, target: target.into() }),
            _ => Err(Response {
                field: "Allow: GET, HEAD\r\n".to_owned(),
                ..Response::refused(405, "there is nothing here but to GET")
            }),
        }),
        Err(httparse::Error::TooManyHeaders) => {
            Some(Err(Response::refused(431, "the request has too many fields")))
        }
        Err(error) => Some(Err(Response::refused(400, error))),
    }
}

/// What is sent back.
struct Response {
    answer: KdsAnswer,
    /// One more field, with its end of line.
    field: String,
    /// Everything but the body.
    is_head: bool,
}

impl From<KdsAnswer> for Response {
    fn from(answer: KdsAnswer) -> Self {
        Self { answer, field: String::new(), is_head: false }
    }
}

impl Response {
    fn refused(status: u16, why: impl std::fmt::Display) -> Self {
        KdsAnswer::error(status, why).into()
    }

    fn bytes(&self) -> Vec<u8> {
        let Self { answer: KdsAnswer { status, content_type, body }, field, is_head } = self;
        let (reason, len) = (reason(*status), body.len());
        let mut bytes = format!(
            "HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\nContent-Length: {len}\r\n{field}Connection: close\r\n\r\n"
        )
        .into_bytes();
        if !is_head {
            bytes.extend_from_slice(body);
        }
        bytes
    }

    /// Sends it, and ends the connection.
    fn send(&self, stream: &mut TcpStream, time: Duration) -> io::Result<()> {
        let end = Instant::now() + time;
        stream.set_write_timeout(Some(time))?;
        stream.write_all(&self.bytes())?;
        stream.shutdown(Shutdown::Write)?;
        // To close while something is unread would throw away what was sent. A client that goes on sending is cut off.
        let mut chunk = [0; 1024];
        for _ in 0..64 {
            match read_until(stream, &mut chunk, end) {
                Ok(1..) => {}
                Ok(0) | Err(_) => break,
            }
        }
        Ok(())
    }
}

/// What a status is called (RFC 9110, section 15; 6585 for 429 and 431).
const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use sevcrypt::platform::Chip;
    use sevcrypt::platform::ca::TestCa;
    use sevcrypt::platform::kds::Kds;
    use sevcrypt::snp::tcb::Product;

    use super::*;

    /// 2026-01-01 00:00:00 UTC.
    const NOW: i64 = 1_767_225_600;
    const SPLS: &str = "blSPL=3&teeSPL=0&snpSPL=8&ucodeSPL=115";
    const SECOND: Duration = Duration::from_secs(1);
    const OFTEN: RateLimit = RateLimit::new(1000, SECOND);

    /// A service for the rest of the process.
    fn start(
        answer: impl Fn(&str) -> KdsAnswer + Send + Sync + 'static,
        limit: RateLimit,
        bounds: Bounds,
    ) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || Server::new(answer, limit, bounds, true).run(&listener));
        address
    }

    fn echo(target: &str) -> KdsAnswer {
        KdsAnswer::error(404, format_args!("no {target}"))
    }

    /// Sends bytes, and reads until the other side ends: head and body.
    fn exchange(address: SocketAddr, bytes: &[u8]) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(20 * SECOND)).unwrap();
        stream.write_all(bytes).unwrap();
        receive(&mut stream)
    }

    fn receive(stream: &mut TcpStream) -> (String, Vec<u8>) {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        let end = all.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
        let body = all.split_off(end);
        (String::from_utf8(all).unwrap(), body)
    }

    fn get(address: SocketAddr, path: &str) -> (String, Vec<u8>) {
        exchange(address, format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes())
    }

    fn status(head: &str) -> &str {
        head.split(' ').nth(1).unwrap()
    }

    #[test]
    fn certificates() {
        let ca = TestCa::published(Product::Milan).unwrap();
        let chip = Chip::new(Product::Milan, &[7; 48], &[8; 32]);
        let hw_id = chip.hw_id().unwrap();
        let paths = [
            (format!("/vcek/v1/Milan/{hw_id}?{SPLS}"), "application/octet-stream"),
            ("/vcek/v1/Milan/crl".to_owned(), "application/octet-stream"),
            ("/vcek/v1/Milan/cert_chain".to_owned(), "application/x-pem-file"),
        ];
        let kds = Kds::new(&ca, &[&chip]);
        let wanted = paths.each_ref().map(|(path, _)| kds.answer(path, NOW).body);

        let address =
            start(move |path| Kds::new(&ca, &[&chip]).answer(path, NOW), OFTEN, Bounds::default());
        for ((path, content_type), wanted) in paths.iter().zip(wanted) {
            let (head, body) = get(address, path);
            let len = wanted.len();
            assert_eq!(
                head,
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n"
                )
            );
            assert_eq!(body, wanted);
            let asked = format!("HEAD {path} HTTP/1.0\r\n\r\n");
            assert_eq!(exchange(address, asked.as_bytes()), (head, Vec::new()));
        }
        let unknown = format!("/vcek/v1/Milan/{}?{SPLS}", "ab".repeat(64));
        for (path, wanted) in [
            (unknown.as_str(), "404"),
            ("/", "404"),
            ("/vlek/v1/Milan/cert?blSPL=3", "400"),
            (&format!("/vlek/v1/Milan/cert?{SPLS}"), "403"),
        ] {
            let (head, body) = get(address, path);
            assert_eq!(status(&head), wanted, "{path}");
            assert!(body.ends_with(b"\n"));
        }
    }

    #[test]
    fn other_methods() {
        let address = start(echo, OFTEN, Bounds::default());
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "get"] {
            let request = format!("{method} /x HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody");
            let (head, _) = exchange(address, request.as_bytes());
            assert_eq!(status(&head), "405");
            assert!(head.contains("\r\nAllow: GET, HEAD\r\n"), "{head}");
        }
    }

    /// A request may come byte by byte, and lines may end as they like.
    #[test]
    fn a_request_in_pieces() {
        let address = start(echo, OFTEN, Bounds::default());
        let mut stream = TcpStream::connect(address).unwrap();
        for byte in b"\r\nGET /a%20b?c HTTP/1.1\nAccept: */*\n\n" {
            stream.write_all(&[*byte]).unwrap();
            stream.flush().unwrap();
        }
        let (head, body) = receive(&mut stream);
        assert_eq!((status(&head), body.as_slice()), ("404", &b"no /a%20b?c\n"[..]));
    }

    #[test]
    fn too_many_requests() {
        let address = start(echo, RateLimit::new(2, 3600 * SECOND), Bounds::default());
        assert_eq!(status(&get(address, "/1").0), "404");
        // What is no request is not counted.
        assert_eq!(status(&exchange(address, b"\0\r\n\r\n").0), "400");
        assert_eq!(status(&get(address, "/2").0), "404");
        let (head, _) = get(address, "/3");
        assert_eq!(status(&head), "429");
        let after = head.split("\r\nRetry-After: ").nth(1).unwrap().split('\r').next().unwrap();
        let after: u64 = after.parse().unwrap();
        assert!((3000..=3600).contains(&after), "{after}");
    }

    #[test]
    fn what_is_no_request() {
        let address = start(echo, OFTEN, Bounds::default());
        let mut tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec();
        tls.resize(517, 7);
        for garbage in
            [&tls[..], b"GET /\r\n\r\n", b"GET / HTTP/2.0\r\n\r\n", b"GET / HTTP/1.1\r\n\0\r\n\r\n"]
        {
            assert_eq!(status(&exchange(address, garbage).0), "400", "{garbage:?}");
        }
        let field = "X: y\r\n".repeat(MAX_FIELDS + 1);
        let many = format!("GET / HTTP/1.1\r\n{field}\r\n");
        assert_eq!(status(&exchange(address, many.as_bytes()).0), "431");
        let fits = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "y".repeat(8000));
        assert_eq!(status(&exchange(address, fits.as_bytes()).0), "404");
        let long = format!("GET / HTTP/1.1\r\nX: {}", "y".repeat(20_000));
        assert_eq!(status(&exchange(address, long.as_bytes()).0), "431");
        // It goes away in the middle, and the next one is served.
        drop(TcpStream::connect(address).unwrap());
        assert_eq!(status(&get(address, "/").0), "404");
    }

    /// The silent and the slow wait for themselves alone, and not for long.
    #[test]
    fn slow_clients() {
        let bounds = Bounds { clients: 3, time: 2 * SECOND, ..Bounds::default() };
        let address = start(echo, OFTEN, bounds);
        let begin = Instant::now();
        let mut silent = TcpStream::connect(address).unwrap();
        let mut slow = TcpStream::connect(address).unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\n").unwrap();
        assert_eq!(status(&get(address, "/").0), "404");

        // More of them than there are seats: the others are turned away, if not heard.
        let more: Vec<_> = (0..20).map(|_| TcpStream::connect(address).unwrap()).collect();
        let turned_away = more.into_iter().filter(|mut stream| {
            let mut all = Vec::new();
            stream.read_to_end(&mut all).is_ok() && all.starts_with(b"HTTP/1.1 503 ")
        });
        assert!(turned_away.count() >= 10);

        for stream in [&mut silent, &mut slow] {
            assert_eq!(status(&receive(stream).0), "408");
        }
        assert!(begin.elapsed() >= 2 * SECOND);
        // Seats are free again.
        let is_served = (0..100).any(|_| {
            thread::sleep(Duration::from_millis(50));
            let Ok(mut stream) = TcpStream::connect(address) else { return false };
            let mut all = Vec::new();
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n").is_ok()
                && stream.read_to_end(&mut all).is_ok()
                && all.starts_with(b"HTTP/1.1 404 ")
        });
        assert!(is_served);
    }

    /// It never ends its request, but goes on and on.
    #[test]
    fn a_client_that_does_not_stop() {
        let bounds = Bounds { time: SECOND, ..Bounds::default() };
        let address = start(echo, OFTEN, bounds);
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_write_timeout(Some(20 * SECOND)).unwrap();
        let begin = Instant::now();
        let is_cut_off = (0..1 << 20).any(|_| stream.write_all(&[b'x'; 4096]).is_err());
        assert!(is_cut_off && begin.elapsed() < 15 * SECOND);
    }
}
