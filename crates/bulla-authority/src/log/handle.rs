//! A handle to a log: lead it or follow it, add an entry.
//!
//! A log that is led has a sequencer; one that is followed shows the tree that
//! the store held at the last [`Log::refresh`]. Both prove from the same kind of
//! signed tree. The checkpoint of a commit goes into answers; the *published* one
//! is the publisher's.

use bulla_core::Clock;
use bulla_crypto::{
    checkpoint::Checkpoint,
    merkle::{Frontier, NodeHash, TileId, empty_root},
    note::NoteError,
};
use bytes::Bytes;
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedMutexGuard, mpsc, oneshot, watch};

use super::{
    publisher::{Cosigner, Published, Publisher},
    role::{Fence, Leading, Role},
    sequencer::{Sequencer, Submission},
};
use crate::{
    error::AuthorityError,
    store::{Head, LogStore, Tree},
};

/// Submissions that may wait; more are held back.
const QUEUE: usize = 4096;
/// How long a submission waits for its commit. Clients give up after 20 s.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// How long signing and storing the first checkpoint may take, beside its witnesses.
const FIRST: Duration = Duration::from_secs(5);

/// Signs a checkpoint at a time in milliseconds since 1970.
pub type SignCheckpoint = Box<dyn Fn(&Checkpoint, u64) -> Result<String, NoteError> + Send + Sync>;

/// What a log needs besides its store.
pub struct LogConfig {
    /// Its name in the store.
    pub name: &'static str,
    /// Its name in checkpoints.
    pub origin: String,
    /// Signs its checkpoints.
    pub sign: SignCheckpoint,
    /// Witnesses of its published checkpoints.
    pub cosigner: Option<Arc<dyn Cosigner>>,
}

/// What becomes of a submission once its place is known.
pub struct Leaf {
    /// The bytes whose hash is in the tree.
    pub merkle: Vec<u8>,
    /// The bytes that entry bundles hold.
    pub stored: Vec<u8>,
}

/// An entry in the log, with the proof.
#[derive(Clone, Debug)]
pub struct Sequenced {
    /// Its place.
    pub index: u64,
    /// The size of the tree that the proof is for.
    pub size: u64,
    /// Its root.
    pub root: NodeHash,
    /// The inclusion proof.
    pub proof: Vec<NodeHash>,
    /// The signed checkpoint of that tree.
    pub checkpoint: Arc<str>,
    /// The bytes that entry bundles hold.
    pub stored: Bytes,
    /// Whether it was there before.
    pub duplicate: bool,
}

/// A tree that is durable, with its checkpoint.
pub(super) struct Signed {
    pub(super) head: Head,
    pub(super) frontier: Frontier,
    pub(super) checkpoint: Arc<str>,
}

/// What handles, sequencer and publisher of a log share.
pub(super) struct Core {
    pub(super) config: LogConfig,
    pub(super) store: Arc<dyn LogStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) signed: watch::Sender<Arc<Signed>>,
    pub(super) published: watch::Sender<Published>,
    /// Held by the sequencer while it runs.
    running: Arc<tokio::sync::Mutex<()>>,
}

/// A log that was taken over, and not started yet.
struct Reign {
    leading: Leading,
    next: Next,
}

/// What its sequencer begins with.
struct Next {
    signed: Arc<Signed>,
    queue: mpsc::Receiver<Submission>,
    /// Dropped by the thread at its end.
    alive: watch::Sender<()>,
}

/// A handle to a log.
#[derive(Clone)]
pub struct Log {
    pub(super) core: Arc<Core>,
    pub(super) role: Arc<Role>,
    pub(super) patience: Duration,
}

impl Core {
    pub(super) fn now_ms(&self) -> u64 {
        u64::try_from(self.clock.now().as_millisecond()).unwrap_or(0)
    }

    pub(super) fn sign(&self, head: Head, frontier: Frontier) -> Result<Arc<Signed>, NoteError> {
        let checkpoint = Checkpoint {
            origin: self.config.origin.clone(),
            size: head.size,
            root: head.root,
        };
        let note = (self.config.sign)(&checkpoint, self.now_ms())?;
        Ok(Arc::new(Signed {
            head,
            frontier,
            checkpoint: note.into(),
        }))
    }

    /// Checks the edge of a stored tree against its root, and signs it.
    fn take_up(&self, tree: &Tree) -> Result<Arc<Signed>, AuthorityError> {
        let frontier = Frontier::load(tree.head.size, |wanted| {
            let place = |id: TileId| (id.level, id.index);
            let found = tree
                .edge
                .iter()
                .find(|tile| place(tile.id) == place(wanted));
            found.map(|tile| tile.bytes.clone())
        })?;
        if frontier.root() != tree.head.root {
            return Err(AuthorityError::Damaged {
                what: format!("{} log", self.config.name),
            });
        }
        Ok(self.sign(tree.head, frontier)?)
    }
}

impl Log {
    /// Takes the log over, checks its edge against its root and starts its sequencer.
    ///
    /// # Errors
    /// [`AuthorityError::Damaged`] if tiles and head disagree, or the store fails.
    pub async fn open(
        config: LogConfig,
        store: Arc<dyn LogStore>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AuthorityError> {
        let log = Self::new(config, store, clock)?;
        log.lead(None).await?;
        Ok(log)
    }

    /// Shows what another process writes, which may be nothing yet.
    ///
    /// # Errors
    /// As for [`Log::open`].
    pub async fn follow(
        config: LogConfig,
        store: Arc<dyn LogStore>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AuthorityError> {
        let log = Self::new(config, store, clock)?;
        log.refresh().await?;
        Ok(log)
    }

    fn new(
        config: LogConfig,
        store: Arc<dyn LogStore>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AuthorityError> {
        let head = Head {
            size: 0,
            root: empty_root(),
            epoch: 0,
        };
        let nothing = Arc::new(Signed {
            head,
            frontier: Frontier::new(),
            checkpoint: "".into(),
        });
        let core = Core {
            config,
            store,
            clock,
            signed: watch::Sender::new(nothing),
            published: watch::Sender::default(),
            running: Arc::default(),
        };
        let signed = core.sign(head, Frontier::new())?;
        core.signed.send_replace(signed);
        Ok(Self {
            core: Arc::new(core),
            role: Arc::default(),
            patience: PATIENCE,
        })
    }

    /// Takes the log over: in the epoch after the last one, or in the fencing
    /// epoch of this process's lease.
    ///
    /// # Errors
    /// As for [`Log::open`]; [`crate::store::StoreError::Deposed`] if a later epoch was seen.
    pub async fn lead(&self, epoch: Option<u64>) -> Result<(), AuthorityError> {
        self.begin(epoch, None).await
    }

    /// The same in the epoch of a lease, and only while `fence` says that the
    /// lease certainly holds: after that nothing is signed or acknowledged, even
    /// if the store took it.
    ///
    /// # Errors
    /// As for [`Log::lead`].
    pub async fn lead_while(&self, epoch: u64, fence: Fence) -> Result<(), AuthorityError> {
        self.begin(Some(epoch), Some(fence)).await
    }

    async fn begin(&self, epoch: Option<u64>, fence: Option<Fence>) -> Result<(), AuthorityError> {
        self.step_down();
        let running = self.core.running.clone().lock_owned().await;
        let reign = self.take_over(epoch, fence).await?;
        self.role.set(Some(reign.leading));
        self.start(reign.next, running)
    }

    /// Waits until the sequencer of this process has ended. The epoch that it led,
    /// if it fell; nothing if it was told to stop, or another process took over.
    pub(super) async fn fallen(&self) -> Option<u64> {
        let (epoch, mut ended) = self.role.ending()?;
        // Nothing is ever sent: this is the end of the thread.
        let _ = ended.changed().await;
        self.role.has_fallen(epoch).then_some(epoch)
    }

    /// Takes the log over again after the sequencer of that epoch fell, as
    /// [`Self::lead`] does; `false` if it was told to stop meanwhile.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub(super) async fn lead_again(&self, fallen: u64) -> Result<bool, AuthorityError> {
        let running = self.core.running.clone().lock_owned().await;
        if !self.role.has_fallen(fallen) {
            return Ok(false);
        }
        let reign = self.take_over(None, None).await?;
        if !self.role.succeed(fallen, reign.leading) {
            return Ok(false);
        }
        self.start(reign.next, running)?;
        Ok(true)
    }

    /// Makes this process the log's only writer, from the tree that the store has.
    async fn take_over(
        &self,
        epoch: Option<u64>,
        fence: Option<Fence>,
    ) -> Result<Reign, AuthorityError> {
        let name = self.core.config.name;
        let tree = self.core.store.take_over(name, epoch).await?;
        let signed = self.core.take_up(&tree)?;
        self.core.show(&tree)?;
        self.core.signed.send_replace(signed.clone());
        let (submissions, queue) = mpsc::channel(QUEUE);
        let (alive, ended) = watch::channel(());
        let leading = Leading {
            epoch: tree.head.epoch,
            fence,
            submissions,
            ended,
        };
        let next = Next {
            signed,
            queue,
            alive,
        };
        Ok(Reign { leading, next })
    }

    /// Starts the sequencer, and whoever publishes its checkpoints.
    fn start(&self, next: Next, running: OwnedMutexGuard<()>) -> Result<(), AuthorityError> {
        let Next {
            signed,
            queue,
            alive,
        } = next;
        let (name, epoch) = (self.core.config.name, signed.head.epoch);
        let ended = alive.subscribe();
        let role = Arc::downgrade(&self.role);
        let sequencer = Sequencer::new(self.core.clone(), role.clone(), signed);
        let runtime = tokio::runtime::Handle::current();
        std::thread::Builder::new()
            .name(name.into())
            .spawn(move || {
                runtime.block_on(sequencer.run(queue));
                drop((running, alive));
            })
            .map_err(|error| AuthorityError::LogUnavailable {
                log: name.into(),
                why: error.to_string(),
            })?;
        tokio::spawn(Publisher::new(self.core.clone(), role, epoch).run(ended));
        Ok(())
    }

    /// Stops leading. Whoever waits for a commit gets [`AuthorityError::NotLeading`].
    pub fn step_down(&self) {
        self.role.set(None);
    }

    /// Whether this process appends to the log.
    pub fn is_leading(&self) -> bool {
        self.role.submissions().is_some()
    }

    /// Reads the present tree from the store, unless this process makes it.
    ///
    /// # Errors
    /// As for [`Log::open`].
    pub async fn refresh(&self) -> Result<(), AuthorityError> {
        let name = self.core.config.name;
        let tree = self.core.store.tree(name).await?;
        let Some(tree) = tree.filter(|_| !self.is_leading()) else {
            return Ok(());
        };
        if tree.head.size > self.size() {
            let signed = self.core.take_up(&tree)?;
            self.core.signed.send_if_modified(|old| {
                let newer = signed.head.size > old.head.size;
                if newer {
                    *old = signed;
                }
                newer
            });
        }
        self.core.show(&tree)
    }

    /// Its name in the store.
    pub fn name(&self) -> &'static str {
        self.core.config.name
    }

    pub(super) fn now(&self) -> Timestamp {
        self.core.clock.now()
    }

    /// Committed leaves.
    pub fn size(&self) -> u64 {
        self.core.signed.borrow().head.size
    }

    /// The published checkpoint: renewed each second, witnessed, never an older one.
    /// Empty until there is one.
    pub fn checkpoint(&self) -> Arc<str> {
        self.core.published.borrow().note.clone()
    }

    /// Waits for the first published checkpoint, though no longer than witnesses may
    /// take: without their quorum there is none. Whether it is there.
    pub async fn first_checkpoint(&self) -> bool {
        let cosigner = self.core.config.cosigner.as_ref();
        let limit = cosigner.map_or(Duration::ZERO, |cosigner| cosigner.limit());
        let mut news = self.core.published.subscribe();
        let first = news.wait_for(|published| !published.note.is_empty());
        let first = tokio::time::timeout(limit + FIRST, first).await;
        matches!(first, Ok(Ok(_)))
    }

    /// Adds an entry and waits until a signed checkpoint covers it. `build` gets
    /// its index and the milliseconds since 1970; of two submissions with the
    /// same `identity` only the first is built.
    ///
    /// # Errors
    /// Whatever `build` fails with; [`AuthorityError::NotLeading`];
    /// [`AuthorityError::LogUnavailable`] if it was not committed.
    pub async fn add(
        &self,
        identity: [u8; 32],
        build: impl FnOnce(u64, u64) -> Result<Leaf, AuthorityError> + Send + 'static,
    ) -> Result<Sequenced, AuthorityError> {
        let log = self.core.config.name;
        let not_leading = || AuthorityError::NotLeading { log: log.into() };
        let unavailable = |why: &str| AuthorityError::LogUnavailable {
            log: log.into(),
            why: why.into(),
        };
        let submissions = self.role.submissions().ok_or_else(not_leading)?;
        let (answer, answered) = oneshot::channel();
        let submission = Submission {
            identity,
            build: Box::new(build),
            answer,
        };
        let settled = async {
            let sent = submissions.send(submission).await;
            sent.map_err(|_| not_leading())?;
            answered
                .await
                .map_err(|_| unavailable("its sequencer has stopped"))?
        };
        let settled = tokio::time::timeout(self.patience, settled).await;
        self.show_settled(settled.map_err(|_| unavailable("its storage is too slow"))??)
            .await
    }
}
