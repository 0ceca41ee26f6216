//! Chains that were verified, for the next report of each chip.

use core::fmt;
use core::num::NonZeroUsize;
use std::boxed::Box;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

use super::chain::{Chain, OnlyChain, only_chain};
use super::{Accepted, Authentic, Evidence, Trust, VerifyError, authenticate};
use crate::cpu::Arithmetic;
use crate::ecdsa::{KeyTable, VerifyingKey, tables_of};
use crate::snp::certs::Collateral;
use crate::snp::policy::Policy;
use crate::snp::report::Report;
use crate::snp::tcb::Product;
use crate::x509::{Certificate, Crl};

/// How many reports of a batch are in hand at a time.
const TOGETHER: usize = 64;

/// How many bytes of other certificates and of a revocation list are kept with a chain. AMD's have less than 5 KiB; with more,
/// reports are verified all the same, and nothing is kept.
const MOST_CONTEXT: usize = 64 << 10;

/// What was verified of chains, for a broker that sees the same chips again: the second report of a chip costs one quick signature
/// check. It can be shared by threads.
///
/// Outcomes are those of [`verify`](super::verify), always: what is kept is the chain as such, with the very bytes of its certificates,
/// revocation list, roots and product, and it is used for the same bytes only. Dates, the report's signature, and all that the
/// report says are looked at each time. Failures are not kept, nor chains of reports that are not authentic, nor chains in
/// which several certificates could stand in one place.
///
/// Each chain takes about 19 KiB, most of it a table of its key's multiples, and the certificates above the leaf, which neighbours share if
/// they are the same: 5 KiB of AMD's, never more than 64 KiB. Where the capacity is reached, a chain goes that has not been used for long.
/// A host that has many genuine leaves, or sends one with and without what is built in, can make others' chains go: they cost then what they
/// cost without a cache.
///
/// ```
/// use core::num::NonZeroUsize;
/// use sevcrypt::snp::policy::Policy;
/// use sevcrypt::snp::verify::{EndorsementCache, Time, Trust};
///
/// let cache = EndorsementCache::new(NonZeroUsize::new(1000).unwrap());
/// let trust = Trust::amd(Time::now());
/// let outcome = cache.verify(b"no report", (&[]).into(), &trust, &Policy::default());
/// assert!(outcome.is_err() && cache.is_empty());
/// ```
///
/// ```
/// # #[cfg(feature = "platform")] {
/// use core::num::NonZeroUsize;
/// use sevcrypt::ecdsa::SigningKey;
/// use sevcrypt::platform::Chip;
/// use sevcrypt::platform::ca::TestCa;
/// use sevcrypt::snp::GuestPolicy;
/// use sevcrypt::snp::policy::Policy;
/// use sevcrypt::snp::report::{Draft, Report};
/// use sevcrypt::snp::tcb::{Product, TcbVersion};
/// use sevcrypt::snp::verify::{EndorsementCache, Evidence, Time, Trust};
/// use sevcrypt::x509::Certificate;
///
/// // A chip of a test platform, and its report.
/// let (ca, chip) = (TestCa::published(Product::Genoa)?, Chip::new(Product::Genoa, &[7; 48], &[8; 32]));
/// let (key, tcb) = (SigningKey::from_random(&[9; 56]), TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x73]));
/// let vcek = ca.vcek(&chip.hw_id()?, tcb, &key.verifying_key(), 1_767_225_600)?;
/// let report = Draft::new(3)
///     .policy(GuestPolicy(0x3_0000))
///     .cpu(chip.cpu())
///     .chip_id(chip.chip_id())
///     .current_tcb(tcb)
///     .reported_tcb(tcb)
///     .committed_tcb(tcb)
///     .launch_tcb(tcb)
///     .sign(&key)?;
///
/// let roots = [Certificate::from_der(ca.ark())?];
/// let certificates = [Certificate::from_der(&vcek)?, Certificate::from_der(ca.ask())?];
/// let trust = Trust::amd(Time::At(1_767_225_600)).with_roots(&roots);
/// let cache = EndorsementCache::new(NonZeroUsize::new(1000).unwrap());
/// cache.authenticate(&Report::from_bytes(&report)?, (&certificates).into(), &trust)?;
/// assert_eq!(cache.len(), 1); // the next ones cost a signature
/// let policy = Policy::default();
/// let evidence = Evidence { report: &report, collateral: (&certificates).into(), policy: &policy };
/// assert!(cache.verify_batch(&[evidence, evidence], &trust).iter().all(Result::is_ok));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct EndorsementCache {
    capacity: NonZeroUsize,
    kept: Mutex<Kept>,
}

/// Chains in a circle, with a hand that looks for one to give up.
#[derive(Default)]
struct Kept {
    slots: Vec<Slot>,
    /// What was kept last.
    context: Option<Arc<Context>>,
    places: HashMap<Arc<[u8]>, usize>,
    hand: usize,
}

struct Slot {
    /// The leaf certificate.
    leaf: Arc<[u8]>,
    entry: Arc<Entry>,
    /// It was used since the hand was here.
    used: bool,
}

struct Entry {
    chain: Chain,
    table: Arc<KeyTable>,
    context: Arc<Context>,
}

/// What a chain's verdict depends on beside its leaf.
#[derive(PartialEq)]
struct Context {
    above: [Option<Box<[u8]>>; 2],
    crl: Option<Box<[u8]>>,
    root: Option<Box<[u8]>>,
    product: Option<Product>,
}

/// A chain's way through the cache: nothing in it had to be chosen.
struct Place<'a> {
    chain: OnlyChain<'a>,
    crl: Option<&'a [u8]>,
}

impl<'a> Place<'a> {
    /// `None` if chains of such reports are not kept.
    fn of(report: &Report<'_>, collateral: Collateral<'a>, trust: &Trust<'_>) -> Option<Self> {
        let chain = only_chain(report, collateral, trust)?;
        Some(Self { chain, crl: collateral.crls.first().map(Crl::der) })
    }

    fn leaf(&self) -> &'a [u8] {
        self.chain.leaf.der()
    }

    fn above(&self) -> [Option<&'a [u8]>; 2] {
        self.chain.above.map(|ca| ca.map(Certificate::der))
    }

    /// That of a chain that holds. `None` if it is not kept: it would be too long, or the revocation list is not of the chain, and anybody's.
    fn context(&self, chain: &Chain, trust: &Trust<'_>) -> Option<Context> {
        let root = trust.roots.first().map(Certificate::der);
        let parts = self.above().into_iter().chain([self.crl, root]).flatten();
        let is_kept = chain.holds()
            && chain.has_crl() == self.crl.is_some()
            && parts.map(<[u8]>::len).sum::<usize>() <= MOST_CONTEXT;
        is_kept.then(|| Context {
            above: self.above().map(|der| der.map(Box::from)),
            crl: self.crl.map(Box::from),
            root: root.map(Box::from),
            product: trust.product,
        })
    }
}

impl Context {
    fn is(&self, place: &Place<'_>, trust: &Trust<'_>) -> bool {
        self.product == trust.product
            && self.root.as_deref() == trust.roots.first().map(Certificate::der)
            && self.crl.as_deref() == place.crl
            && self.above.each_ref().map(Option::as_deref) == place.above()
    }
}

/// What the cache says of a place.
enum Found {
    /// The chain, verified with these very bytes.
    Chain(Arc<Entry>),
    /// The leaf's table, from a chain with other bytes.
    Table(Arc<KeyTable>),
    Nothing,
}

impl Entry {
    fn authenticate<'r>(
        &self,
        report: &Report<'r>,
        trust: &Trust<'_>,
    ) -> Result<Authentic<'r>, VerifyError> {
        self.chain.authenticate(report, trust.time, |message, signature| {
            self.table.verify_vartime(message, signature)
        })
    }
}

impl EndorsementCache {
    /// An empty one for so many chains at the most.
    #[must_use]
    pub fn new(capacity: NonZeroUsize) -> Self {
        Self { capacity, kept: Mutex::default() }
    }

    /// How many chains it holds at the most.
    #[must_use]
    pub const fn capacity(&self) -> NonZeroUsize {
        self.capacity
    }

    /// How many chains it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept().slots.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all chains.
    pub fn clear(&self) {
        *self.kept() = Kept::default();
    }

    /// Checks everything, as [`verify`](super::verify).
    ///
    /// # Errors
    /// [`VerifyError`], as there.
    pub fn verify<'r>(
        &self,
        report: &'r [u8],
        collateral: Collateral<'_>,
        trust: &Trust<'_>,
        policy: &Policy<'_>,
    ) -> Result<Accepted<'r>, VerifyError> {
        self.authenticate(&Report::from_bytes(report)?, collateral, trust)?.judge(policy)
    }

    /// Checks that AMD's keys vouch for a report, as [`authenticate`](super::authenticate).
    ///
    /// # Errors
    /// [`VerifyError`], as there.
    pub fn authenticate<'r>(
        &self,
        report: &Report<'r>,
        collateral: Collateral<'_>,
        trust: &Trust<'_>,
    ) -> Result<Authentic<'r>, VerifyError> {
        let Some(place) = Place::of(report, collateral, trust) else {
            return authenticate(report, collateral, trust);
        };
        let table = match self.find(&place, trust) {
            Found::Chain(entry) => return entry.authenticate(report, trust),
            Found::Table(table) => Some(table),
            Found::Nothing => None,
        };
        let chain = Chain::of(report, collateral, trust)?;
        let (Some(key), Some(context)) = (chain.key, place.context(&chain, trust)) else {
            return alone(&chain, report, trust);
        };
        let table = table.filter(|table| table.key() == Some(key));
        let table = table.unwrap_or_else(|| Arc::from(key.with_table()));
        let entry = Entry { chain, table, context: Arc::new(context) };
        let authentic = entry.authenticate(report, trust)?;
        self.keep(&place, Arc::new(entry));
        Ok(authentic)
    }

    /// Verifies reports, as [`verify_batch`](super::verify_batch): the outcomes are those of [`verify`](super::verify), in the order of
    /// the reports. The tables of chips that are new are made together, in less time for each.
    pub fn verify_batch<'r>(
        &self,
        evidence: &[Evidence<'r, '_>],
        trust: &Trust<'_>,
    ) -> Vec<Result<Accepted<'r>, VerifyError>> {
        let mut outcomes = Vec::with_capacity(evidence.len());
        // What is new takes memory before it is kept: not for all of a long batch at a time.
        for evidence in evidence.chunks(TOGETHER) {
            let mut fresh = Fresh::default();
            let ways: Vec<_> =
                evidence.iter().map(|one| self.way(one, trust, &mut fresh)).collect();
            let entries = fresh.entries();
            outcomes.extend(evidence.iter().zip(ways).map(|(evidence, way)| {
                let (report, way) = way?;
                let authentic = match way {
                    Way::Kept(entry) => entry.authenticate(&report, trust)?,
                    Way::Alone => authenticate(&report, evidence.collateral, trust)?,
                    Way::Chain(chain) => alone(&chain, &report, trust)?,
                    Way::Fresh(place, index) => {
                        let authentic = entries[index].authenticate(&report, trust)?;
                        self.keep(&place, Arc::clone(&entries[index]));
                        authentic
                    }
                };
                authentic.judge(evidence.policy)
            }));
        }
        outcomes
    }

    /// How a report of a batch will be verified.
    fn way<'r, 'a>(
        &self,
        evidence: &Evidence<'r, 'a>,
        trust: &Trust<'_>,
        fresh: &mut Fresh<'a>,
    ) -> Result<(Report<'r>, Way<'a>), VerifyError> {
        let report = Report::from_bytes(evidence.report)?;
        let Some(place) = Place::of(&report, evidence.collateral, trust) else {
            return Ok((report, Way::Alone));
        };
        let table = match self.find(&place, trust) {
            Found::Chain(entry) => return Ok((report, Way::Kept(entry))),
            Found::Table(table) => Some(table),
            Found::Nothing => None,
        };
        if let Some(index) = fresh.find(&place, trust) {
            return Ok((report, Way::Fresh(place, index)));
        }
        let chain = Chain::of(&report, evidence.collateral, trust)?;
        let (Some(key), Some(context)) = (chain.key, place.context(&chain, trust)) else {
            return Ok((report, Way::Chain(Box::new(chain))));
        };
        let table = table.filter(|table| table.key() == Some(key));
        let index = fresh.add(place.leaf(), FreshChain { chain, key, table, context });
        Ok((report, Way::Fresh(place, index)))
    }

    /// A panic of another thread leaves whole chains behind.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, place: &Place<'_>, trust: &Trust<'_>) -> Found {
        let entry = {
            let mut kept = self.kept();
            let Some(&index) = kept.places.get(place.leaf()) else { return Found::Nothing };
            let slot = &mut kept.slots[index];
            slot.used = true;
            Arc::clone(&slot.entry)
        };
        match entry.chain.role == place.chain.role && entry.context.is(place, trust) {
            true => Found::Chain(entry),
            false => Found::Table(Arc::clone(&entry.table)),
        }
    }

    fn keep(&self, place: &Place<'_>, entry: Arc<Entry>) {
        let der = place.leaf();
        let mut guard = self.kept();
        let kept = &mut *guard;
        if let Some(&index) = kept.places.get(der) {
            kept.slots[index].entry = entry;
            return;
        }
        let leaf: Arc<[u8]> = Arc::from(der);
        // Chains of one broker mostly have the same certificates above the leaf: they are kept once.
        let slot =
            Slot { leaf: Arc::clone(&leaf), entry: kept.with_shared_context(entry), used: false };
        let index = if kept.slots.len() < self.capacity.get() {
            kept.slots.push(slot);
            kept.slots.len() - 1
        } else {
            let index = kept.give_up();
            kept.places.remove(&*kept.slots[index].leaf);
            kept.slots[index] = slot;
            index
        };
        kept.places.insert(leaf, index);
    }
}

impl Kept {
    /// The place of a chain that was not used since the hand was there last.
    fn give_up(&mut self) -> usize {
        loop {
            let index = self.hand;
            self.hand = (index + 1) % self.slots.len();
            if !core::mem::take(&mut self.slots[index].used) {
                return index;
            }
        }
    }

    /// The entry, with the context that was kept last if it is the same.
    fn with_shared_context(&mut self, entry: Arc<Entry>) -> Arc<Entry> {
        match &self.context {
            Some(last) if **last == *entry.context => Arc::new(Entry {
                chain: entry.chain.clone(),
                table: Arc::clone(&entry.table),
                context: Arc::clone(last),
            }),
            _ => {
                self.context = Some(Arc::clone(&entry.context));
                entry
            }
        }
    }
}

impl fmt::Debug for EndorsementCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndorsementCache({} of {} chains)", self.len(), self.capacity)
    }
}

/// How a report of a batch is verified.
enum Way<'a> {
    /// By a chain that is kept.
    Kept(Arc<Entry>),
    /// By a chain that is new, of this number.
    Fresh(Place<'a>, usize),
    /// By a chain that will not be kept.
    Chain(Box<Chain>),
    /// Without the cache.
    Alone,
}

/// By a chain without a table.
fn alone<'r>(
    chain: &Chain,
    report: &Report<'r>,
    trust: &Trust<'_>,
) -> Result<Authentic<'r>, VerifyError> {
    chain.authenticate(report, trust.time, |message, signature| {
        chain.key.is_some_and(|key| key.verify_vartime(message, signature))
    })
}

/// The new chains of a batch.
#[derive(Default)]
struct Fresh<'a> {
    chains: Vec<FreshChain>,
    /// Those of each leaf.
    places: HashMap<&'a [u8], Vec<usize>>,
}

struct FreshChain {
    chain: Chain,
    key: VerifyingKey,
    table: Option<Arc<KeyTable>>,
    context: Context,
}

impl<'a> Fresh<'a> {
    fn find(&self, place: &Place<'_>, trust: &Trust<'_>) -> Option<usize> {
        let is_it = |index: &usize| {
            let fresh = &self.chains[*index];
            fresh.chain.role == place.chain.role && fresh.context.is(place, trust)
        };
        self.places.get(place.leaf())?.iter().copied().find(is_it)
    }

    fn add(&mut self, leaf: &'a [u8], chain: FreshChain) -> usize {
        let index = self.chains.len();
        self.chains.push(chain);
        self.places.entry(leaf).or_default().push(index);
        index
    }

    /// The chains with their tables.
    fn entries(self) -> Vec<Arc<Entry>> {
        let without: Vec<_> = self.chains.iter().filter(|it| it.table.is_none()).collect();
        let keys = without.iter().map(|it| &it.key);
        let mut tables = tables_of(Arithmetic::best(), keys).into_iter();
        let entry = |fresh: FreshChain| {
            let table = fresh.table.or_else(|| tables.next());
            let table = table.unwrap_or_else(|| Arc::from(fresh.key.with_table()));
            Arc::new(Entry { chain: fresh.chain, table, context: Arc::new(fresh.context) })
        };
        self.chains.into_iter().map(entry).collect()
    }
}
