//! The clock, and the only waiting there is.
#![expect(clippy::disallowed_methods, reason = "the bench is the door to the clock")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment to measure from. What is measured goes to people and logs, never into an artifact.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts measuring.
    pub fn start() -> Self {
        Stopwatch(Instant::now())
    }

    /// Milliseconds since the start.
    pub fn milliseconds(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Seconds since 1970-01-01 UTC: for logs, and to tell whether something is expired. Never for an artifact.
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}

/// Waits before another try.
pub fn wait(duration: Duration) {
    std::thread::sleep(duration);
}

/// Does something again and again on a thread of its own, until it is dropped.
#[derive(Debug)]
pub struct Heartbeat {
    stop: Option<std::sync::mpsc::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Heartbeat {
    /// Calls `beat` every `interval`, the first time after one interval.
    pub fn start(interval: Duration, beat: impl Fn() + Send + 'static) -> Self {
        let (stop, stopped) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            while stopped.recv_timeout(interval) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                beat();
            }
        });
        Heartbeat { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A beat that panicked has said so itself.
            let _ = thread.join();
        }
    }
}
