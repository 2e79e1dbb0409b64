//! Every way in which a network misbehaves: in the end there is the right file or none, and the message says why.

use super::{Directory, Events, at_bench};
use crate::support::http::{Act, Request, Server, answer, head, ok, part, redirect, status};
use cargo_deploy::bench::environment::Environment;
use cargo_deploy::bench::fetch::{Download, Limits, Network};
use cargo_deploy::bench::files;
use cargo_deploy::cause::chain;
use deploy_model::Sha256;
use std::time::Duration;

/// Limits that make no test wait: no pauses, and answers come at once or not at all.
fn limits() -> Limits {
    Limits {
        connect: Duration::from_secs(10),
        read: Duration::from_secs(10),
        first_pause: Duration::ZERO,
        ..Limits::default()
    }
}

/// A content whose every part is different.
fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at as u32).wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect()
}

/// What is pinned of a content.
struct Pinned {
    sha256: Option<Sha256>,
    size: Option<u64>,
    max_size: u64,
}

impl Pinned {
    fn to(content: &[u8]) -> Self {
        Pinned { sha256: Some(Sha256::of(content)), size: None, max_size: 1 << 30 }
    }

    fn with_size(content: &[u8]) -> Self {
        Pinned { size: Some(content.len() as u64), ..Self::to(content) }
    }

    fn nothing() -> Self {
        Pinned { sha256: None, size: None, max_size: 1 << 30 }
    }
}

/// How a download ended.
struct Ended {
    /// The digest, or the whole message with the server's address as `SERVER`.
    result: Result<Sha256, String>,
    /// The bytes under the partial name.
    file: Option<Vec<u8>>,
    /// The files that are there.
    files: Vec<String>,
    /// What was told, with the server's address as `SERVER`.
    told: Vec<String>,
    progress: Vec<(u64, Option<u64>)>,
}

/// A place to download to, more than once.
struct Place {
    directory: Directory,
    limits: Limits,
}

impl Place {
    fn new() -> Self {
        Place { directory: Directory::new(), limits: limits() }
    }

    fn download(&self, server: &Server, path: &str, pinned: &Pinned) -> Ended {
        self.download_from(server, &server.url(path), pinned)
    }

    fn download_from(&self, server: &Server, url: &str, pinned: &Pinned) -> Ended {
        let events = Events::default();
        let partial = self.directory.join("partial");
        let environment = Environment::default();
        let network = Network::with_limits(&environment, self.limits.clone()).expect("a network");
        let wanted = Download {
            url,
            sha256: pinned.sha256.as_ref(),
            size: pinned.size,
            max_size: pinned.max_size,
            partial: &partial,
        };
        let result = at_bench(&self.directory.0, &events, |bench| network.download(&wanted, bench));
        let shown = |text: String| text.replace(&server.authority(), "SERVER");
        Ended {
            result: result.map(|downloaded| downloaded.sha256).map_err(|error| shown(chain(&error))),
            file: files::read_if_exists(&partial).expect("read"),
            files: self.directory.listing(),
            told: events.lines().into_iter().map(shown).collect(),
            progress: events.progress(),
        }
    }
}

impl Ended {
    #[track_caller]
    fn is(self, content: &[u8]) -> Self {
        assert_eq!(self.result, Ok(Sha256::of(content)));
        assert_eq!(self.file.as_deref(), Some(content), "the right bytes");
        assert_eq!(self.files, ["partial"], "and nothing else");
        self
    }

    #[track_caller]
    fn fails(self, message: &str) -> Self {
        assert_eq!(self.result, Err(message.to_owned()));
        self
    }

    #[track_caller]
    fn leaves_nothing(self) -> Self {
        assert!(self.files.is_empty(), "{:?}", self.files);
        self
    }
}

/// Headers of which none may ever be sent.
fn credentials(request: &Request) -> Vec<&str> {
    ["authorization", "cookie", "referer", "proxy-authorization"]
        .into_iter()
        .filter(|name| request.header(name).is_some())
        .collect()
}

#[test]
fn a_file_that_is_what_was_pinned_is_there_and_nothing_of_the_user_was_sent() {
    let content = content(1_000_000);
    let server = Server::of(&content);
    let ended = Place::new().download(&server, "/model.bin?v=3", &Pinned::with_size(&content)).is(&content);
    assert_eq!(ended.progress.first(), Some(&(0, Some(1_000_000))));
    assert_eq!(ended.progress.last(), Some(&(1_000_000, Some(1_000_000))));
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!((requests[0].method.as_str(), requests[0].path.as_str()), ("GET", "/model.bin?v=3"));
    assert_eq!(requests[0].header("accept-encoding"), Some("identity"));
    assert_eq!(credentials(&requests[0]), Vec::<&str>::new());
}

#[test]
fn a_file_that_was_cut_off_is_resumed_where_the_server_vouches_for_its_identity() {
    let content = content(100_000);
    let whole = content.clone();
    let server = Server::start(move |request, _| match request.range_start() {
        None => answer("200 OK", &["ETag: \"v1\""], whole.len(), &whole[..40_000]),
        Some(start) => part(&["ETag: \"v1\""], &whole, start),
    });
    let ended = Place::new().download(&server, "/a", &Pinned::to(&content)).is(&content);
    assert_eq!(
        ended.told,
        ["http://SERVER/a: it was cut off after 40000 of 100000 bytes; trying again (1 of 3)"]
    );
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].header("range"), Some("bytes=40000-"));
    assert_eq!(requests[1].header("if-range"), Some("\"v1\""));
}

#[test]
fn a_file_that_was_cut_off_is_begun_anew_without_a_strong_tag() {
    for tag in [&[][..], &["ETag: W/\"v1\""]] {
        let content = content(100_000);
        let whole = content.clone();
        let server = Server::start(move |_, before| match before {
            0 => answer("200 OK", tag, whole.len(), &whole[..40_000]),
            _ => ok(tag, &whole),
        });
        Place::new().download(&server, "/a", &Pinned::to(&content)).is(&content);
        assert_eq!(server.requests().iter().filter_map(|request| request.header("range")).count(), 0);
    }
}

#[test]
fn a_file_that_is_always_cut_off_is_given_up_and_kept_only_where_it_can_be_resumed() {
    let content = content(10_000);
    let cut = |tag: &'static [&'static str]| {
        let whole = content.clone();
        Server::start(move |request, _| match request.range_start() {
            None => answer("200 OK", tag, whole.len(), &whole[..1000]),
            Some(start) => {
                let range = format!("Content-Range: bytes {start}-{}/{}", whole.len() - 1, whole.len());
                let headers = [tag, &[range.as_str()]].concat();
                answer("206 Partial Content", &headers, whole.len() - start, &whole[start..start + 1000])
            }
        })
    };
    let place = Place::new();
    let server = cut(&[]);
    place
        .download(&server, "/a", &Pinned::to(&content))
        .fails("download http://SERVER/a (4 tries): it was cut off after 1000 of 10000 bytes")
        .leaves_nothing();

    let server = cut(&["ETag: \"v1\""]);
    let ended = place
        .download(&server, "/a", &Pinned::to(&content))
        .fails("download http://SERVER/a (4 tries): it was cut off after 4000 of 10000 bytes");
    assert_eq!(ended.files, ["partial", "partial.etag"]);
    assert_eq!(ended.file.as_deref(), Some(&content[..4000]));
}

#[test]
fn a_later_run_goes_on_where_an_earlier_one_was_killed() {
    let content = content(50_000);
    let whole = content.clone();
    let server = Server::start(move |request, _| match request.range_start() {
        None => vec![
            head("200 OK", &["Content-Length: 50000", "ETag: \"v1\""]),
            Act::Send(whole[..20_000].to_vec()),
            Act::Reset,
        ],
        Some(start) => part(&["ETag: \"v1\""], &whole, start),
    });
    let mut place = Place::new();
    place.limits.retries = 0;
    let first = place.download(&server, "/a", &Pinned::to(&content));
    assert!(first.result.is_err());
    place.download(&server, "/a", &Pinned::to(&content)).is(&content);
    let received = first.file.map_or(0, |file| file.len());
    assert_eq!(server.requests()[1].range_start(), (received > 0).then_some(received));
}

#[test]
fn a_file_that_was_whole_when_the_run_was_killed_is_not_asked_for_again() {
    let content = content(5000);
    let server = Server::of(b"never asked");
    let place = Place::new();
    let tag = format!(r#"{{"url":"{}","etag":"\"v1\""}}"#, server.url("/a"));
    files::replace(&place.directory.join("partial"), &content).expect("write");
    files::replace(&place.directory.join("partial.etag"), tag.as_bytes()).expect("write");
    place.download(&server, "/a", &Pinned::with_size(&content)).is(&content);
    assert_eq!(server.requests(), []);
}

#[test]
fn a_connection_that_is_reset_is_tried_again() {
    let content = content(100_000);
    let whole = content.clone();
    let server = Server::start(move |_, before| match before {
        0 => vec![Act::Reset],
        1 => {
            vec![head("200 OK", &["Content-Length: 100000"]), Act::Send(whole[..70_000].to_vec()), Act::Reset]
        }
        _ => ok(&[], &whole),
    });
    Place::new().download(&server, "/a", &Pinned::to(&content)).is(&content);
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_server_that_drips_is_given_up() {
    let server = Server::start(|_, _| {
        vec![
            head("200 OK", &["Content-Length: 300000"]),
            Act::Drip(vec![b'x'; 300], Duration::from_millis(5)),
        ]
    });
    let mut place = Place::new();
    place.limits.retries = 0;
    place.limits.rate_window = Duration::from_millis(60);
    let ended = place.download(&server, "/a", &Pinned::to(b"")).leaves_nothing();
    let message = ended.result.expect_err("too slow");
    let (before, after) = message.split_once(" after ").expect("how far it came");
    assert_eq!(before, "download http://SERVER/a: it sends less than 1000 bytes a second over 60 ms");
    assert!(after.ends_with(" of 300000 bytes"), "{message}");
}

#[test]
fn a_server_that_falls_silent_is_given_up() {
    let server = Server::start(|request, _| match request.path.as_str() {
        "/head" => vec![Act::Stall],
        _ => vec![head("200 OK", &["Content-Length: 20"]), Act::Send(vec![b'x'; 10]), Act::Stall],
    });
    let mut place = Place::new();
    place.limits.read = Duration::from_millis(150);
    place.limits.retries = 1;
    place
        .download(&server, "/body", &Pinned::to(b""))
        .fails("download http://SERVER/body (2 tries): it sent nothing for 150 ms after 10 of 20 bytes")
        .leaves_nothing();
    place
        .download(&server, "/head", &Pinned::to(b""))
        .fails("download http://SERVER/head (2 tries): it sent nothing for 150 ms after 0 bytes")
        .leaves_nothing();
}

#[test]
fn an_answer_without_an_end_is_stopped_at_the_largest_size() {
    let chunk = [b"10000\r\n".as_slice(), &[b'x'; 65536], b"\r\n"].concat();
    let server = Server::start(move |_, _| {
        vec![head("200 OK", &["Transfer-Encoding: chunked"]), Act::SendForEver(chunk.clone())]
    });
    let pinned = Pinned { max_size: 1_000_000, ..Pinned::nothing() };
    Place::new()
        .download(&server, "/a", &pinned)
        .fails("download http://SERVER/a: it is larger than 1000000 bytes, the largest size allowed")
        .leaves_nothing();
    assert_eq!(server.requests().len(), 1, "it is not tried again");
    assert!(server.sent() < 20_000_000, "{} bytes were taken", server.sent());
}

#[test]
fn an_answer_that_announces_too_much_is_not_taken_at_all() {
    let server = Server::start(|_, _| vec![head("200 OK", &["Content-Length: 5000000000"]), Act::Stall]);
    let pinned = Pinned { max_size: 1_000_000, ..Pinned::nothing() };
    Place::new()
        .download(&server, "/a", &pinned)
        .fails(
            "download http://SERVER/a: it is larger than 1000000 bytes, the largest size allowed: it announces \
             5000000000",
        )
        .leaves_nothing();
}

#[test]
fn more_bytes_than_were_pinned_are_not_taken() {
    let content = b"0123456789";
    let server = Server::start(|_, _| {
        vec![
            head("200 OK", &[]),
            Act::Send(b"another file, and a longer one, \x01 which never ends".to_vec()),
            Act::Stall,
        ]
    });
    Place::new()
        .download(&server, "/a", &Pinned::with_size(content))
        .fails(&format!(
            "download http://SERVER/a: its content is not what was pinned\n  \
             expected sha256 {}, 10 bytes\n  got      more than 10 bytes\n  \
             it begins with \"another file, and a longer one, . which never ends\"",
            Sha256::of(content)
        ))
        .leaves_nothing();
}

#[test]
fn an_answer_that_ends_with_its_connection_is_cut_off_where_bytes_are_missing() {
    let content = content(3000);
    let whole = content.clone();
    let server = Server::start(move |_, before| {
        let sent = if before < 2 { &whole[..1000] } else { &whole[..] };
        vec![head("200 OK", &[]), Act::Send(sent.to_vec())]
    });
    let ended = Place::new().download(&server, "/a", &Pinned::with_size(&content)).is(&content);
    assert_eq!(
        ended.told,
        [
            "http://SERVER/a: it was cut off after 1000 of 3000 bytes; trying again (1 of 3)",
            "http://SERVER/a: it was cut off after 1000 of 3000 bytes; trying again (2 of 3)",
        ]
    );
}

#[test]
fn errors_of_the_server_pass_and_refusals_do_not() {
    let content = content(3000);
    let whole = content.clone();
    let server = Server::start(move |request, before| match (request.path.as_str(), before) {
        ("/passing", 0) => status("500 Internal Server Error", &[]),
        ("/passing", 1) => status("503 Service Unavailable", &["Retry-After: 0"]),
        ("/passing", 2) => status("429 Too Many Requests", &[]),
        ("/passing", _) => ok(&[], &whole),
        ("/later", _) => status("503 Service Unavailable", &["Retry-After: 7200"]),
        ("/always", _) => status("502 Bad Gateway", &[]),
        _ => status("404 Not Found", &[]),
    });
    let place = Place::new();
    let ended = place.download(&server, "/passing", &Pinned::to(&content)).is(&content);
    assert_eq!(
        ended.told,
        [
            "http://SERVER/passing: it answers 500 Internal Server Error; trying again (1 of 3)",
            "http://SERVER/passing: it answers 503 Service Unavailable; trying again (2 of 3)",
            "http://SERVER/passing: it answers 429 Too Many Requests; trying again (3 of 3)",
        ]
    );
    let place = Place::new();
    let asked = |path: &str| server.requests().iter().filter(|request| request.path == path).count();
    for (path, message, requests) in [
        ("/always", "download http://SERVER/always (4 tries): it answers 502 Bad Gateway", 4),
        ("/later", "download http://SERVER/later: it asks to come back in 7200 seconds", 1),
        ("/gone", "download http://SERVER/gone: it answers 404 Not Found", 1),
    ] {
        place.download(&server, path, &Pinned::to(&content)).fails(message).leaves_nothing();
        assert_eq!(asked(path), requests, "{path}");
    }
}

#[test]
fn redirects_are_followed_but_not_for_ever() {
    let content = content(3000);
    let whole = content.clone();
    let server = Server::start(move |request, _| match request.path.as_str() {
        "/one" => redirect("two/../three?token=secret"),
        "/three?token=secret" => redirect("//127.0.0.1:1/never"),
        "/five/0" => ok(&[], &whole),
        path => match path.rsplit('/').next().and_then(|number| number.parse::<u32>().ok()) {
            Some(number) => redirect(&(number - 1).to_string()),
            None => redirect("/loop"),
        },
    });
    let place = Place::new();
    place.download(&server, "/five/5", &Pinned::to(&content)).is(&content);
    let hops = ", sent on to http://SERVER/loop".repeat(5);
    Place::new()
        .download(&server, "/loop", &Pinned::to(&content))
        .fails(&format!("download http://SERVER/loop{hops}: it redirects more than 5 times"))
        .leaves_nothing();
    assert_eq!(server.requests().iter().filter(|request| request.path == "/loop").count(), 6);
    let mut place = Place::new();
    place.limits.retries = 0;
    let ended = place.download(&server, "/one", &Pinned::to(&content)).leaves_nothing();
    let message = ended.result.expect_err("nobody listens there");
    assert!(
        message.starts_with(
            "download http://SERVER/one, sent on to http://SERVER/three?..., sent on to http://127.0.0.1:1/never: \
             there is no connection to 127.0.0.1:1: "
        ),
        "{message}"
    );
}

#[test]
fn redirects_to_where_a_download_must_not_go_are_refused() {
    for (location, shown, why) in [
        ("http://example.com/a", "http://example.com/a", "which is not encrypted: use https"),
        ("file:///etc/passwd", "file:///etc/passwd", "which is neither https nor, on this machine, http"),
        (
            "https://me:secret@example.com/a",
            "https://***@example.com/a",
            "which holds a user name or a password",
        ),
        ("https://exa mple.com/a", "https://exa mple.com/a", "which is not well-formed"),
    ] {
        let server = Server::start(move |_, _| redirect(location));
        Place::new()
            .download(&server, "/a", &Pinned::nothing())
            .fails(&format!("download http://SERVER/a: it redirects to {shown}, {why}"))
            .leaves_nothing();
        assert_eq!(server.requests().len(), 1);
    }
    let server = Server::start(|_, _| status("302 Found", &[]));
    Place::new()
        .download(&server, "/a", &Pinned::nothing())
        .fails("download http://SERVER/a: it answers 302 and does not say where to go")
        .leaves_nothing();
}

#[test]
fn another_server_learns_nothing_from_the_first_one() {
    let content = content(3000);
    let other = Server::of(&content);
    let to = other.url("/b");
    let server = Server::start(move |_, _| {
        status(
            "307 Temporary Redirect",
            &[
                &format!("Location: {to}"),
                "Set-Cookie: session=secret; Path=/",
                "WWW-Authenticate: Basic realm=x",
            ],
        )
    });
    Place::new().download(&server, "/a", &Pinned::to(&content)).is(&content);
    let requests = other.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(credentials(&requests[0]), Vec::<&str>::new());
    assert!(!format!("{:?}", requests[0]).contains("secret"));
}

#[test]
fn an_address_with_credentials_is_refused_and_not_shown() {
    let server = Server::of(b"never asked");
    let url = format!("http://me:secret@{}/a", server.authority());
    Place::new()
        .download_from(&server, &url, &Pinned::nothing())
        .fails("download http://***@SERVER/a: it is an address which holds a user name or a password")
        .leaves_nothing();
    assert_eq!(server.requests(), []);
}

#[test]
fn two_halves_of_two_objects_are_never_joined() {
    let old = vec![b'1'; 10_000];
    let new = vec![b'2'; 10_000];
    // How an object is swapped between two halves: with its new tag, without any, or with the old one.
    for (tag, told) in [
        (&["ETag: \"v2\""][..], "the server sends another part than the one asked for; fetching it anew"),
        (&[], "the parts do not make the whole; fetching it anew"),
        (&["ETag: \"v1\""], "the parts do not make the whole; fetching it anew"),
    ] {
        let (first, second) = (old.clone(), new.clone());
        let server = Server::start(move |request, before| match (before, request.range_start()) {
            (0, _) => answer("200 OK", &["ETag: \"v1\""], first.len(), &first[..4000]),
            (_, Some(start)) => part(tag, &second, start),
            (_, None) => ok(&["ETag: \"v2\""], &second),
        });
        let ended = Place::new().download(&server, "/a", &Pinned::to(&new)).is(&new);
        assert_eq!(
            ended.told,
            [
                "http://SERVER/a: it was cut off after 4000 of 10000 bytes; trying again (1 of 3)".to_owned(),
                format!("http://SERVER/a: {told}"),
            ]
        );
        let ranges: Vec<_> = server.requests().iter().map(Request::range_start).collect();
        assert_eq!(ranges, [None, Some(4000), None]);
    }
}

#[test]
fn the_old_object_is_an_error_even_where_its_second_half_is_new() {
    let old = vec![b'1'; 10_000];
    let new = vec![b'2'; 10_000];
    let second = new.clone();
    let server = Server::start(move |request, before| match (before, request.range_start()) {
        (0, _) => answer("200 OK", &["ETag: \"v1\""], 10_000, &[b'1'; 4000]),
        (_, Some(start)) => part(&[], &second, start),
        (_, None) => ok(&["ETag: \"v2\""], &second),
    });
    let ended = Place::new().download(&server, "/a", &Pinned::to(&old)).leaves_nothing();
    let shown = "2".repeat(60);
    ended.fails(&format!(
        "download http://SERVER/a (3 tries): its content is not what was pinned\n  expected sha256 {}\n  \
         got      sha256 {}, 10000 bytes\n  it begins with \"{shown}\"",
        Sha256::of(&old),
        Sha256::of(&new)
    ));
}

#[test]
fn a_part_that_does_not_fit_is_thrown_away_once() {
    let content = content(10_000);
    let whole = content.clone();
    let server = Server::start(move |request, before| match (before, request.range_start()) {
        (0, _) => answer("200 OK", &["ETag: \"v1\""], whole.len(), &whole[..4000]),
        (_, Some(_)) => answer(
            "206 Partial Content",
            &["Content-Range: bytes 0-5999/10000", "ETag: \"v1\""],
            6000,
            &whole[..6000],
        ),
        (_, None) => ok(&["ETag: \"v1\""], &whole),
    });
    Place::new().download(&server, "/a", &Pinned::to(&content)).is(&content);

    let whole = content.clone();
    let server = Server::start(move |_, _| part(&["ETag: \"v1\""], &whole, 0));
    Place::new()
        .download(&server, "/a", &Pinned::to(&content))
        .fails("download http://SERVER/a: it answers with a part, though the whole was asked for")
        .leaves_nothing();
}

#[test]
fn the_whole_may_be_the_answer_to_a_request_for_a_part() {
    let content = content(10_000);
    for refusal in ["200 OK", "416 Range Not Satisfiable"] {
        let whole = content.clone();
        let server = Server::start(move |request, before| match (before, request.range_start()) {
            (0, _) => answer("200 OK", &["ETag: \"v1\""], whole.len(), &whole[..4000]),
            (_, Some(_)) if refusal.starts_with("416") => status(refusal, &[]),
            _ => ok(&["ETag: \"v1\""], &whole),
        });
        Place::new().download(&server, "/a", &Pinned::to(&content)).is(&content);
    }
}

#[test]
fn wrong_bytes_are_deleted_and_described() {
    let server = Server::of(b"\x7fELF\x02\x01 something else\n");
    Place::new()
        .download(&server, "/a", &Pinned { size: Some(30), ..Pinned::to(b"right") })
        .fails(&format!(
            "download http://SERVER/a: its content is not what was pinned\n  expected sha256 {}, 30 bytes\n  \
             got      sha256 {}, 22 bytes\n  it begins with \".ELF.. something else.\"",
            Sha256::of(b"right"),
            Sha256::of(b"\x7fELF\x02\x01 something else\n")
        ))
        .leaves_nothing();
    assert_eq!(server.requests().len(), 1, "the same bytes would come again");
}

#[test]
fn a_login_page_is_called_one() {
    let page = b"<!DOCTYPE html><html><head><title>Welcome to our network</title></head></html>";
    for (headers, body) in
        [(&[][..], &page[..]), (&["Content-Type: text/html; charset=utf-8"], b"Please sign in")]
    {
        let server = Server::start(move |_, _| ok(headers, body));
        let beginning = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        Place::new()
            .download(&server, "/a.bin", &Pinned::to(b"right"))
            .fails(&format!(
                "download http://SERVER/a.bin: its content is not what was pinned\n  expected sha256 {}\n  \
                 got      sha256 {}, {} bytes\n  it begins with \"{beginning}\"\n  \
                 it looks like a login page: open the address in a browser",
                Sha256::of(b"right"),
                Sha256::of(body),
                body.len()
            ))
            .leaves_nothing();
    }
}

#[test]
fn an_answer_that_is_not_http_is_an_error() {
    let server = Server::start(|_, _| vec![Act::Send(b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec())]);
    let mut place = Place::new();
    place.limits.retries = 0;
    let ended = place.download(&server, "/a", &Pinned::nothing()).leaves_nothing();
    let message = ended.result.expect_err("not HTTP");
    assert!(
        message.starts_with("download http://SERVER/a: it does not answer as a web server does: "),
        "{message}"
    );
}

#[test]
fn a_proxy_is_asked_for_the_connection_and_named_when_it_refuses() {
    let proxy = Server::start(|_, _| status("403 Forbidden", &[]));
    let value = format!("http://me:secret@{}", proxy.authority());
    let environment = Environment::of(&[("HTTPS_PROXY", &value)], "/");
    let limits = Limits { retries: 0, ..limits() };
    let network = Network::with_limits(&environment, limits).expect("a network");
    let directory = Directory::new();
    let events = Events::default();
    let partial = directory.join("partial");
    let url = "https://asset.example/a";
    let wanted = Download { url, sha256: None, size: None, max_size: 10, partial: &partial };
    let error =
        at_bench(&directory.0, &events, |bench| network.download(&wanted, bench)).expect_err("it refuses");
    let message = chain(&error).replace(&proxy.authority(), "PROXY");
    assert!(
        message.starts_with(
            "download https://asset.example/a: there is no connection to asset.example:443 through the proxy PROXY: "
        ),
        "{message}"
    );
    assert!(!message.contains("secret"));
    let requests = proxy.requests();
    assert_eq!((requests[0].method.as_str(), requests[0].path.as_str()), ("CONNECT", "asset.example:443"));
    assert_eq!(requests[0].header("authorization"), None);
}

#[test]
fn nobody_listening_is_an_error_after_the_last_try() {
    let server = Server::of(b"");
    let place = Place::new();
    let url = {
        let gone = Server::of(b"");
        gone.url("/a")
    };
    let ended = place.download_from(&server, &url, &Pinned::nothing()).leaves_nothing();
    let message = ended.result.expect_err("nobody listens there");
    assert!(message.contains(" (4 tries): there is no connection to 127.0.0.1:"), "{message}");
    assert!(message.contains("efused"), "{message}");
}
