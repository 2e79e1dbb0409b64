//! A web server on this machine that answers as it is told, badly where a test wants it so.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

/// What the server was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// `GET`, or what else it was.
    pub(crate) method: String,
    /// The path with its query.
    pub(crate) path: String,
    /// The headers, names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// Where the part begins that is asked for, if one is.
    pub(crate) fn range_start(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// One thing that the server does with a connection, one after the other; then it closes it.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Sends bytes.
    Send(Vec<u8>),
    /// Sends these bytes again and again until the client has enough.
    SendForEver(Vec<u8>),
    /// Sends bytes one by one, with a pause before each.
    Drip(Vec<u8>, Duration),
    /// Sends nothing until the client goes away.
    Stall,
    /// Closes the connection in a way that loses what is under way (RST).
    Reset,
}

/// What the server does for a request: it gets the request and how many came before it.
type Handler = dyn Fn(&Request, usize) -> Vec<Act> + Send + Sync;

/// The server. It ends when it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    sent: Arc<AtomicU64>,
    ends: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    /// Starts a server on a free port of 127.0.0.1.
    pub(crate) fn start(handler: impl Fn(&Request, usize) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let sent = Arc::new(AtomicU64::new(0));
        let ends = Arc::new(AtomicBool::new(false));
        let handler: Arc<Handler> = Arc::new(handler);
        let thread = std::thread::spawn({
            let (requests, sent, ends) = (Arc::clone(&requests), Arc::clone(&sent), Arc::clone(&ends));
            move || {
                for stream in listener.incoming() {
                    if ends.load(Ordering::SeqCst) {
                        return;
                    }
                    let Ok(stream) = stream else { continue };
                    let (handler, requests, sent) =
                        (Arc::clone(&handler), Arc::clone(&requests), Arc::clone(&sent));
                    std::thread::spawn(move || serve(stream, &*handler, &requests, &sent));
                }
            }
        });
        Server { address, requests, sent, ends, thread: Some(thread) }
    }

    /// A server that answers every request with the same content.
    pub(crate) fn of(content: &[u8]) -> Self {
        let content = content.to_vec();
        Self::start(move |_, _| ok(&[], &content))
    }

    /// The address of a path on this server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The host and port.
    pub(crate) fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Everything that was asked so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no panic").clone()
    }

    /// How many bytes were sent so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A whole answer with its length.
pub(crate) fn ok(headers: &[&str], content: &[u8]) -> Vec<Act> {
    answer("200 OK", headers, content.len(), content)
}

/// An answer with a status, that announces `length` bytes and has this content.
pub(crate) fn answer(status: &str, headers: &[&str], length: usize, content: &[u8]) -> Vec<Act> {
    let length = format!("Content-Length: {length}");
    let headers = [&[length.as_str()], headers].concat();
    vec![head(status, &headers), Act::Send(content.to_vec())]
}

/// The part of a content from `start` to its end.
pub(crate) fn part(headers: &[&str], content: &[u8], start: usize) -> Vec<Act> {
    let range = format!("Content-Range: bytes {start}-{}/{}", content.len() - 1, content.len());
    let headers = [&[range.as_str()], headers].concat();
    answer("206 Partial Content", &headers, content.len() - start, &content[start..])
}

/// The head of an answer alone. The connection is closed after it.
pub(crate) fn head(status: &str, headers: &[&str]) -> Act {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    Act::Send(format!("HTTP/1.1 {status}\r\n{lines}Connection: close\r\n\r\n").into_bytes())
}

/// An answer without content.
pub(crate) fn status(status: &str, headers: &[&str]) -> Vec<Act> {
    answer(status, headers, 0, b"")
}

/// A redirect.
pub(crate) fn redirect(to: &str) -> Vec<Act> {
    status("302 Found", &[&format!("Location: {to}")])
}

fn serve(mut stream: TcpStream, handler: &Handler, requests: &Mutex<Vec<Request>>, sent: &AtomicU64) {
    let Some((request, length)) = peek_request(&stream) else { return };
    let before = {
        let mut requests = requests.lock().expect("no panic");
        requests.push(request.clone());
        requests.len() - 1
    };
    let acts = handler(&request, before);
    let resets = acts.iter().any(|act| matches!(act, Act::Reset));
    if !resets {
        // What is left unread when a socket is closed makes the system reset the connection.
        let mut taken = vec![0; length];
        let _ = stream.read_exact(&mut taken);
    }
    for act in acts {
        if perform(&mut stream, act, sent).is_err() {
            return;
        }
    }
}

fn perform(stream: &mut TcpStream, act: Act, sent: &AtomicU64) -> std::io::Result<()> {
    let send = |stream: &mut TcpStream, bytes: &[u8]| {
        stream.write_all(bytes)?;
        sent.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        stream.flush()
    };
    match act {
        Act::Send(bytes) => send(stream, &bytes),
        Act::SendForEver(bytes) => loop {
            send(stream, &bytes)?;
        },
        Act::Drip(bytes, pause) => {
            // Nobody sends: this is a pause that ends after its time.
            let (_sender, receiver) = mpsc::channel::<()>();
            for byte in bytes {
                let _ = receiver.recv_timeout(pause);
                send(stream, &[byte])?;
            }
            Ok(())
        }
        Act::Stall => {
            let _ = stream.read(&mut [0]);
            Ok(())
        }
        Act::Reset => Ok(()),
    }
}

/// Reads a request with its body without taking it from the socket; gives also its length. All of it has to fit into
/// 64 KiB.
fn peek_request(stream: &TcpStream) -> Option<(Request, usize)> {
    let mut buffer = vec![0; 64 * 1024];
    let mut seen = 0;
    loop {
        let count = stream.peek(&mut buffer).ok()?;
        if count == 0 || (count == seen && count == buffer.len()) {
            return None;
        }
        if let Some(end) = buffer[..count].windows(4).position(|window| window == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&buffer[..end]).into_owned();
            let mut lines = text.split("\r\n");
            let mut words = lines.next()?.split(' ');
            let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
            let headers: BTreeMap<String, String> = lines
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect();
            let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            if let Some(body) = buffer[..count].get(end + 4..end + 4 + length) {
                let body = body.to_vec();
                return Some((Request { method, path, headers, body }, end + 4 + length));
            }
        }
        seen = count;
        std::thread::yield_now();
    }
}
