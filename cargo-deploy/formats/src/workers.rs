//! Worker threads that keep order: jobs go in, each gives a ticket, and a ticket gives the result.
//!
//! The compressors of this crate cut their input at fixed places and hand every piece to these threads.
//! Who takes the results in the order of the tickets gets the same bytes for every number of threads.

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};

type Work<Job, Done> = Box<dyn FnMut(Job) -> Done>;
type Start<Job, Done> = dyn Fn() -> Work<Job, Done> + Send + Sync;
type Order<Job, Done> = (Job, SyncSender<Done>);

/// Up to a fixed number of threads, started when there is work for them and joined when this is dropped.
pub(crate) struct Workers<Job, Done> {
    wanted: NonZeroUsize,
    start: Arc<Start<Job, Done>>,
    orders: Option<Sender<Order<Job, Done>>>,
    queue: Arc<Mutex<Receiver<Order<Job, Done>>>>,
    running: Vec<JoinHandle<()>>,
}

impl<Job, Done> fmt::Debug for Workers<Job, Done> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Workers")
            .field("wanted", &self.wanted)
            .field("running", &self.running.len())
            .finish_non_exhaustive()
    }
}

impl<Job: Send + 'static, Done: Send + 'static> Workers<Job, Done> {
    /// At most `wanted` threads. `start` runs once in each of them and gives what does the jobs, so that a
    /// costly compressor is made once a thread.
    pub(crate) fn new(
        wanted: NonZeroUsize,
        start: impl Fn() -> Work<Job, Done> + Send + Sync + 'static,
    ) -> Self {
        let (orders, queue) = channel();
        Workers {
            wanted,
            start: Arc::new(start),
            orders: Some(orders),
            queue: Arc::new(Mutex::new(queue)),
            running: Vec::new(),
        }
    }

    /// How many jobs may be under way at once without the threads running dry while results are written.
    /// It bounds the memory: who submits holds at most this many tickets.
    pub(crate) fn places(&self) -> usize {
        self.wanted.get().saturating_mul(2).saturating_add(2)
    }

    /// Queues a job.
    pub(crate) fn submit(&mut self, job: Job) -> io::Result<Ticket<Done>> {
        if self.running.len() < self.wanted.get() {
            match self.spawn() {
                Ok(thread) => self.running.push(thread),
                // With fewer threads the bytes are the same; only with none there is no way on.
                Err(cause) if self.running.is_empty() => return Err(cause),
                Err(_) => {}
            }
        }
        let (done, result) = sync_channel(1);
        let sent = self.orders.as_ref().is_some_and(|orders| orders.send((job, done)).is_ok());
        if sent { Ok(Ticket(result)) } else { Err(ended()) }
    }

    fn spawn(&self) -> io::Result<JoinHandle<()>> {
        let queue = Arc::clone(&self.queue);
        let start = Arc::clone(&self.start);
        Builder::new().name("compress".to_owned()).spawn(move || {
            let mut work = start();
            loop {
                let order = match queue.lock() {
                    Ok(queue) => queue.recv(),
                    Err(_) => return,
                };
                let Ok((job, done)) = order else { return };
                // The receiver is gone when the writer was dropped unfinished: nobody waits for this.
                let _ = done.send(work(job));
            }
        })
    }
}

impl<Job, Done> Drop for Workers<Job, Done> {
    fn drop(&mut self) {
        self.orders = None;
        for thread in self.running.drain(..) {
            // A panic of a worker has already reached the writer as a ticket without a result.
            let _ = thread.join();
        }
    }
}

/// The claim to the result of one job.
#[derive(Debug)]
pub(crate) struct Ticket<Done>(Receiver<Done>);

impl<Done> Ticket<Done> {
    /// Waits for the result.
    pub(crate) fn wait(self) -> io::Result<Done> {
        self.0.recv().map_err(|_| ended())
    }
}

fn ended() -> io::Error {
    io::Error::other("a compression thread ended before its work was done")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_tickets() {
        let mut workers = Workers::new(NonZeroUsize::new(3).unwrap(), || Box::new(|job: u64| job * job));
        let tickets: Vec<_> = (0..100).map(|job| workers.submit(job).unwrap()).collect();
        let results: Vec<u64> = tickets.into_iter().map(|ticket| ticket.wait().unwrap()).collect();
        assert_eq!(results, (0..100).map(|job| job * job).collect::<Vec<u64>>());
    }

    #[test]
    fn a_worker_that_panics_is_an_error_for_who_waits() {
        let mut workers = Workers::new(NonZeroUsize::MIN, || {
            Box::new(|job: u32| if job == 1 { panic!("job one") } else { job })
        });
        let ticket = workers.submit(1).unwrap();
        assert_eq!(
            ticket.wait().unwrap_err().to_string(),
            "a compression thread ended before its work was done"
        );
    }
}
