//! Requests to services: what is tried again and for how long, what is refused, and that nothing secret is said.

use crate::support::http::{Act, Server, answer, ok, redirect, status};
use cargo_deploy::bench::environment::Environment;
use cargo_deploy::bench::fetch::{Limits, Network};
use cargo_deploy::bench::http::{Answer, Encryption, HttpError, Method, Request};
use cargo_deploy::cause::chain;
use deploy_model::FailureClass;
use std::time::Duration;

const SECRET: &str = "planted-correct-horse";

fn limits() -> Limits {
    Limits {
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(1500),
        all_pauses: Duration::from_secs(10),
        read: Duration::from_secs(5),
        ..Limits::default()
    }
}

fn post(limits: Limits, url: &str) -> Result<Answer, HttpError> {
    let network = Network::with_limits(&Environment::of(&[], "/"), limits).expect("a network");
    let authorization = format!("Bearer {SECRET}");
    network.exchange(&Request {
        method: &Method::POST,
        url,
        headers: &[("authorization", &authorization), ("x-kind", "test")],
        body: SECRET.as_bytes(),
        max_size: 1000,
        encryption: Encryption::Needed,
    })
}

fn failed(outcome: Result<Answer, HttpError>) -> String {
    let error = outcome.expect_err("no answer");
    let text = format!("{} {error:?}", chain(&error));
    assert!(!text.contains(SECRET), "{text}");
    chain(&error)
}

#[test]
fn a_request_arrives_as_it_was_written() {
    let server = Server::of(b"fine");
    let answer = post(limits(), &server.url("/sign?a=b%20c")).expect("an answer");
    assert_eq!((answer.status, answer.body.as_slice(), answer.tries), (200, b"fine".as_slice(), 1));
    let request = server.requests().remove(0);
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/sign?a=b%20c"));
    assert_eq!(request.header("authorization"), Some("Bearer planted-correct-horse"));
    assert_eq!((request.header("x-kind"), request.text().as_str()), (Some("test"), SECRET));
}

#[test]
fn too_many_requests_and_server_errors_pass() {
    let server = Server::start(|_, before| match before {
        0 => status("429 Too Many Requests", &["Retry-After: 1"]),
        1 => status("503 Service Unavailable", &[]),
        2 => vec![Act::Reset],
        _ => ok(&[], b"fine"),
    });
    let begun = std::time::Instant::now();
    let answer = post(limits(), &server.url("/")).expect("an answer");
    assert_eq!((answer.status, answer.tries), (200, 4));
    assert!(begun.elapsed() >= Duration::from_secs(1), "Retry-After was not heeded");
}

#[test]
fn what_does_not_pass_is_given_as_it_was_answered_the_last_time() {
    let server = Server::start(|_, _| answer("500 Internal Server Error", &[], 4, b"why?"));
    let answer = post(limits(), &server.url("/")).expect("an answer");
    assert_eq!((answer.status, answer.body.as_slice(), answer.tries), (500, b"why?".as_slice(), 4));
    for refused in ["400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found"] {
        let server = Server::start(move |_, _| status(refused, &[]));
        let answer = post(limits(), &server.url("/")).expect("an answer");
        assert_eq!((answer.status_line().as_str(), answer.tries), (refused, 1));
    }
}

#[test]
fn nobody_is_waited_for_longer_than_was_said() {
    let server = Server::start(|_, _| status("429 Too Many Requests", &["Retry-After: 3600"]));
    let answer = post(limits(), &server.url("/")).expect("an answer");
    assert_eq!((answer.status, answer.tries), (429, 1));

    let server = Server::start(|_, _| status("429 Too Many Requests", &["Retry-After: 1"]));
    let short = Limits { all_pauses: Duration::from_millis(1500), ..limits() };
    let answer = post(short, &server.url("/")).expect("an answer");
    assert_eq!((answer.status, answer.tries), (429, 2), "a second pause would have been too much");
}

#[test]
fn an_answer_has_a_largest_size_and_a_longest_time() {
    let server = Server::start(|_, _| answer("200 OK", &[], 1001, &[b'x'; 1001]));
    let said = failed(post(limits(), &server.url("/")));
    assert!(
        said.ends_with("it is larger than 1000 bytes, the largest size allowed: it announces 1001"),
        "{said}"
    );
    let server = Server::start(|_, _| {
        vec![
            Act::Send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec()),
            Act::SendForEver(vec![b'x'; 100]),
        ]
    });
    let said = failed(post(limits(), &server.url("/")));
    assert!(said.ends_with("it is larger than 1000 bytes, the largest size allowed"), "{said}");

    let server = Server::start(|_, _| {
        vec![
            Act::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n".to_vec()),
            Act::Drip(vec![b'x'; 900], Duration::from_millis(20)),
        ]
    });
    let short = Limits { exchange: Duration::from_millis(300), retries: 1, ..limits() };
    let said = failed(post(short, &server.url("/")));
    assert!(said.ends_with("(2 tries): it did not answer in full within 300 ms"), "{said}");
}

#[test]
fn no_redirect_is_followed() {
    let other = Server::of(b"fine");
    let server = Server::start({
        let url = other.url("/elsewhere");
        move |_, _| redirect(&url)
    });
    let answer = post(limits(), &server.url("/")).expect("an answer");
    assert_eq!(answer.status, 302);
    assert_eq!(other.requests(), []);
}

#[test]
fn nothing_is_sent_where_it_could_be_read_on_the_way() {
    let said = failed(post(limits(), "http://signing.example/sign?token=planted-correct-horse"));
    assert_eq!(
        said,
        "ask http://signing.example/sign?...: it is an address which is not encrypted: use https"
    );

    // What needs no encryption is sent, through the proxy of plain http.
    let proxy = Server::start(|_, _| status("403 Forbidden", &[]));
    let environment = Environment::of(&[("HTTP_PROXY", &proxy.url(""))], "/");
    let network = Network::with_limits(&environment, Limits { retries: 0, ..limits() }).expect("a network");
    let stamp = Request {
        method: &Method::POST,
        url: "http://time.example/stamp",
        headers: &[],
        body: b"stamp",
        max_size: 1000,
        encryption: Encryption::Unneeded,
    };
    let error = network.exchange(&stamp).expect_err("the proxy refuses");
    assert_eq!(error.class(), FailureClass::Remote, "{}", chain(&error));
    let asked = proxy.requests().remove(0);
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("CONNECT", "time.example:80"));
}

#[test]
fn a_server_that_is_not_there_is_a_remote_failure() {
    let gone = Server::of(b"").url("/");
    let error = post(limits(), &gone).expect_err("nobody is there");
    assert_eq!((error.class(), error.tries), (FailureClass::Remote, 4));
    let said = failed(Err(error));
    assert!(said.contains("there is no connection to 127.0.0.1:"), "{said}");
}
