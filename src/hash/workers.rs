//! Digests of many pages in their order, by one thread or by several.

use super::{Sha384Digest, sha384_each};
use crate::addr::PAGE;
use crate::cpu::Backend;

/// Who hashes pages: a backend, and how many threads of it.
///
/// A launch digest is a chain over the digests of pages. With more than one thread the chain hides behind them: the caller's thread
/// follows it while others hash on ahead. No thread outlives a call.
///
/// ```
/// use sevcrypt::Backend;
/// use sevcrypt::hash::Workers;
///
/// assert_eq!(Workers::from(Backend::best()).threads(), 1);
/// # #[cfg(feature = "std")]
/// assert_eq!(Workers::new(Backend::best(), 4).threads(), 4);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workers {
    backend: Backend,
    threads: usize,
}

impl From<Backend> for Workers {
    /// The caller's thread alone.
    fn from(backend: Backend) -> Self {
        Self { backend, threads: 1 }
    }
}

/// How many pages are hashed at a time: so many that pages of zeroes among them leave few of a kernel's lanes empty.
const BATCH: usize = 128;

impl Workers {
    /// So many threads, the caller's own among them; zero is one.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn new(backend: Backend, threads: usize) -> Self {
        Self { backend, threads: threads.max(1) }
    }

    /// What they hash with.
    #[must_use]
    pub const fn backend(&self) -> Backend {
        self.backend
    }

    /// How many threads there are.
    #[must_use]
    pub const fn threads(&self) -> usize {
        self.threads
    }

    /// SHA-384 of each page, into `digests`.
    ///
    /// ```
    /// use sevcrypt::Backend;
    /// use sevcrypt::hash::{Workers, sha384};
    ///
    /// let mut digests = [[0; 48]; 2];
    /// Workers::from(Backend::best()).digests(&[0xcc; 2 * 4096], &mut digests);
    /// assert_eq!(digests, [sha384(&[0xcc; 4096]); 2]);
    /// ```
    ///
    /// # Panics
    /// If there is not a digest for each page.
    pub fn digests(self, pages: &[u8], digests: &mut [Sha384Digest]) {
        assert_eq!(pages.len(), PAGE * digests.len(), "a digest for each page");
        let mut places = digests.iter_mut();
        self.each_page(pages, &mut |digest| {
            if let Some(place) = places.next() {
                *place = *digest;
            }
        });
    }

    /// Runs `work` on each part, by as many threads as there are.
    ///
    /// # Errors
    /// An error of `work`: no part is begun after it.
    #[cfg(feature = "platform")]
    pub(crate) fn each_part<P: Send, E: Send>(
        self,
        parts: impl ExactSizeIterator<Item = P> + Send,
        work: impl Fn(P) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        threads::each_part(self, parts, work)
    }

    /// Shows the digest of each page, in order. `pages` are whole pages.
    pub(crate) fn each_page(self, pages: &[u8], visit: &mut dyn FnMut(&Sha384Digest)) {
        #[cfg(feature = "std")]
        if self.threads > 1 && pages.len() >= 2 * threads::WORTH_A_THREAD {
            return threads::each_page(self, pages, visit);
        }
        let mut digests = [[0; 48]; BATCH];
        for batch in pages.chunks(BATCH * PAGE) {
            let digests = &mut digests[..batch.len() / PAGE];
            sha384_each(self.backend, PAGE, batch, digests);
            digests.iter().for_each(&mut *visit);
        }
    }
}

#[cfg(feature = "std")]
mod threads {
    #[cfg(feature = "platform")]
    use std::sync::Mutex;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::vec::Vec;
    use std::{iter, thread};

    use super::{BATCH, PAGE, Sha384Digest, Workers, sha384_each};

    /// How many bytes each thread has to do at least, so that starting it is worth it.
    pub(super) const WORTH_A_THREAD: usize = 1 << 20;

    /// Every thread takes the next part that nobody has taken.
    #[cfg(feature = "platform")]
    pub(super) fn each_part<P: Send, E: Send>(
        workers: Workers,
        parts: impl ExactSizeIterator<Item = P> + Send,
        work: impl Fn(P) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        let threads = workers.threads.min(parts.len());
        let (parts, result) = (Mutex::new(parts), Mutex::new(Ok(())));
        let next = || result.lock().ok()?.is_ok().then(|| parts.lock().ok()?.next())?;
        let do_all = || {
            while let Some(part) = next() {
                let done = work(part);
                if let (Err(_), Ok(mut result)) = (&done, result.lock()) {
                    *result = done;
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..threads {
                // Where the system gives no more threads, those that there are do the work.
                if thread::Builder::new().spawn_scoped(scope, do_all).is_err() {
                    break;
                }
            }
            do_all();
        });
        result.into_inner().unwrap_or(Ok(()))
    }

    /// Every thread takes the next batch that nobody has taken. The caller's thread shows the batches in order, and
    /// takes some itself where it would wait.
    pub(super) fn each_page(workers: Workers, pages: &[u8], visit: &mut dyn FnMut(&Sha384Digest)) {
        let batches: Vec<&[u8]> = pages.chunks(BATCH * PAGE).collect();
        let done: Vec<OnceLock<[Sha384Digest; BATCH]>> =
            iter::repeat_with(OnceLock::new).take(batches.len()).collect();
        let next = AtomicUsize::new(0);
        let hash_one = || {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let batch = batches.get(n)?;
            let mut digests = [[0; 48]; BATCH];
            sha384_each(workers.backend, PAGE, batch, &mut digests[..batch.len() / PAGE]);
            done[n].get_or_init(|| digests);
            Some(())
        };
        thread::scope(|scope| {
            for _ in 1..workers.threads.min(pages.len() / WORTH_A_THREAD) {
                let start =
                    thread::Builder::new().spawn_scoped(scope, || while hash_one().is_some() {});
                // Where the system gives no more threads, those that there are do the work.
                if start.is_err() {
                    break;
                }
            }
            for (batch, digests) in batches.iter().zip(&done) {
                let digests = loop {
                    match digests.get() {
                        Some(digests) => break digests,
                        None if hash_one().is_some() => {}
                        // Another thread has taken it, and does nothing else before it is done.
                        None => break digests.wait(),
                    }
                };
                digests[..batch.len() / PAGE].iter().for_each(&mut *visit);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "platform")]
    use std::sync::Mutex;
    use std::vec::Vec;

    use super::*;
    use crate::hash::sha384;

    /// Every number of threads shows the same digests, each once and in order.
    #[cfg(feature = "std")]
    #[test]
    fn threads_show_what_one_shows() {
        for length in [0, 1, BATCH, 1024, 1024 + 33] {
            let pages: Vec<u8> =
                (0..length).flat_map(|n| [[n as u8, (n >> 8) as u8]; PAGE / 2]).flatten().collect();
            let expected: Vec<_> = pages.chunks(PAGE).map(sha384).collect();
            for threads in [0, 1, 2, 3, 64] {
                let mut digests = Vec::new();
                let workers = Workers::new(Backend::best(), threads);
                workers.each_page(&pages, &mut |digest| digests.push(*digest));
                assert!(digests == expected, "{length} pages by {threads}");
            }
        }
    }

    /// Every part is done once, by any number of threads; after an error the rest is not begun, and the error is told.
    #[cfg(feature = "platform")]
    #[test]
    fn parts_are_done_once() {
        for threads in [1, 2, 5] {
            let workers = Workers::new(Backend::best(), threads);
            for parts in [0, 1, 4, 100] {
                let seen = Mutex::new(Vec::new());
                let all = workers.each_part(0..parts, |part| -> Result<(), usize> {
                    seen.lock().unwrap().push(part);
                    Ok(())
                });
                assert_eq!(all, Ok(()));
                let mut seen = seen.into_inner().unwrap();
                seen.sort_unstable();
                assert!(seen.into_iter().eq(0..parts));
            }
            let failing = |part| if part < 3 { Ok(()) } else { Err(part) };
            assert!(matches!(workers.each_part(0..100, failing), Err(3..100)));
        }
    }
}
