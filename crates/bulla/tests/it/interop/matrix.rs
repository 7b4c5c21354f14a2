//! Who signs × who verifies × layout × key or identity × registry: every cell of
//! the matrix is one test, and each refuses the twins of what it accepts.
//!
//! Cells are named by_SIGNER::VERIFIER_ACT_WHO_LAYOUT_REGISTRY. Each makes images of
//! its own, so that cells disturb each other in nothing.

mod blobs;
mod cells;
mod children;
mod key_kinds;
mod policies;
mod program;
mod replaced;
mod site;
mod together;

use super::stage::{ERIN, refused};
use program::{By, KIND, Want, somebody_else};
use site::{Edit, Image, Site};

/// A program that signs or verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Bulla,
    Cosign2,
    Cosign3,
}

/// Whose registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Bulla,
    Distribution,
}

/// Where evidence lies beside an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `sha256-<hex>.sig` and `.att`.
    Tags,
    /// Bundles that refer to the image.
    Referrers,
    /// Both, from one act of signing.
    Both,
}

/// Who signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Key,
    /// Erin, with a token of the instance.
    Keyless,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Sign,
    Attest,
}

impl Layout {
    fn name(self) -> &'static str {
        match self {
            Self::Tags => "tags",
            Self::Referrers => "referrers",
            Self::Both => "referrers,tags",
        }
    }
}

impl Act {
    fn suffix(self) -> &'static str {
        match self {
            Self::Sign => ".sig",
            Self::Attest => ".att",
        }
    }
}

/// One cell.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    pub signer: Program,
    pub verifier: Program,
    pub act: Act,
    pub who: Who,
    pub layout: Layout,
    pub place: Place,
}

impl Cell {
    /// The site of the cell, where both programs are here; `None` after saying `SKIP`.
    #[track_caller]
    fn site(&self) -> Option<Site> {
        self.signer.start()?;
        self.verifier.start()?;
        Site::of(self.place)
    }

    /// What a verification of its image must insist on.
    fn want(&self) -> Want<'static> {
        let by = match self.who {
            Who::Key => By::Key(&self.signer.keys().expect("keys").public),
            Who::Keyless => By::Identity(ERIN),
        };
        Want {
            act: self.act,
            layout: self.layout,
            by,
            kind: KIND,
            annotation: self.is_annotated().then_some("stage=tested"),
            // cosign 2 gets by without; the others ask the instance's authority.
            stamped: self.signer != Program::Cosign2,
        }
    }

    /// cosign 2.6.5 takes `-a` for bundles too, and leaves it out of them.
    fn is_annotated(&self) -> bool {
        let forgets = self.signer == Program::Cosign2 && self.layout == Layout::Referrers;
        self.act == Act::Sign && !forgets
    }

    /// The repository of its images.
    fn repository(&self) -> String {
        let Self {
            signer,
            verifier,
            act,
            who,
            layout,
            place,
        } = self;
        format!("matrix/{signer:?}-{verifier:?}-{act:?}-{who:?}-{layout:?}-{place:?}")
            .to_lowercase()
    }

    #[track_caller]
    fn run(&self) {
        let Some(site) = self.site() else {
            return;
        };
        let (name, want) = (self.repository(), self.want());
        let image = site.image(&name, &name);
        self.nothing(&want, &image);
        self.signer
            .seal(&want, self.who, &image.pinned(), &[])
            .success();
        let found = self.verifier.verify(&want, &image.pinned(), &[]);
        found.success();

        let other_signer = Want {
            by: somebody_else(want.by),
            ..want
        };
        self.refused(&other_signer, &image);
        let other_claim = match self.act {
            Act::Sign => Want {
                annotation: Some("stage=released"),
                ..want
            },
            Act::Attest => Want {
                kind: "https://example.com/other/v1",
                ..want
            },
        };
        if !self.ignores_annotations() {
            self.refused(&other_claim, &image);
        }

        // The same evidence in another repository still holds: what follows fails
        // for its edit alone.
        let whole = site.image(&format!("{name}/whole"), &name);
        image.move_evidence(&whole, self.layout, self.act, Edit::None);
        self.verifier.verify(&want, &whole.pinned(), &[]).success();
        for (edit, name) in [(Edit::Payload, "payload"), (Edit::Signature, "signature")] {
            let repository = format!("{}/{name}", image.repository);
            let twin = site.image(&repository, &image.repository);
            image.move_evidence(&twin, self.layout, self.act, edit);
            self.refused(&want, &twin);
        }
        let other = site.image(&format!("{name}/other"), "another image");
        image.move_evidence(&other, self.layout, self.act, Edit::None);
        self.refused(&want, &other);
    }

    /// cosign 2.6.5 accepts `-a` for bundles and then looks at none: not our hole.
    fn ignores_annotations(&self) -> bool {
        self.verifier == Program::Cosign2
            && self.layout == Layout::Referrers
            && self.act == Act::Sign
    }

    /// Before anything is signed there is nothing to verify, and that is no success.
    #[track_caller]
    fn nothing(&self, want: &Want, image: &Image) {
        let outcome = self.verifier.verify(want, &image.pinned(), &[]);
        match (self.verifier, self.act) {
            (Program::Bulla, _) => outcome.exit(3),
            // cosign's own code for an image without signatures.
            (Program::Cosign3, Act::Sign) => outcome.exit(10),
            (Program::Cosign2, Act::Sign) if self.layout == Layout::Tags => outcome.exit(10),
            _ => refused(&outcome),
        };
    }

    #[track_caller]
    fn refused(&self, want: &Want, image: &Image) {
        let outcome = self.verifier.verify(want, &image.pinned(), &[]);
        refused(&outcome);
        match self.verifier {
            // Denied; or nothing left that was asked for. Never usage, never trouble.
            Program::Bulla => assert!([1, 3].contains(&outcome.code), "{}", outcome.account()),
            // One of cosign's codes, and never that nothing lay there.
            _ => assert!([1, 12, 13].contains(&outcome.code), "{}", outcome.account()),
        }
    }
}
