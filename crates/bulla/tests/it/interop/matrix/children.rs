//! Indexes: `--recursive` signs an index and each image below it, and without it
//! the images below stay unsigned, whoever signs and whoever looks.

use super::{
    Act, Cell, Layout, Place,
    Program::{self, Bulla, Cosign2, Cosign3},
    Who,
    site::{Image, Site},
};

struct Family {
    index: Image,
    children: [Image; 2],
}

fn family(site: &Site, repository: &str) -> Family {
    let children =
        ["one", "two"].map(|child| site.image(repository, &format!("{repository} {child}")));
    let index = site.index(repository, &[&children[0], &children[1]]);
    Family { index, children }
}

#[track_caller]
fn check(signer: Program, verifier: Program, layout: Layout, place: Place) {
    let cell = Cell {
        signer,
        verifier,
        act: Act::Sign,
        who: Who::Key,
        layout,
        place,
    };
    let Some(site) = cell.site() else {
        return;
    };
    let (name, want) = (cell.repository(), cell.want());
    let whole = family(&site, &format!("{name}/recursive"));
    signer
        .seal(&want, cell.who, &whole.index.pinned(), &["--recursive"])
        .success();
    for image in whole.children.iter().chain([&whole.index]) {
        verifier.verify(&want, &image.pinned(), &[]).success();
    }
    // cosign cannot verify what it signs so; here one command does.
    let recursive = |family: &Family| {
        let more = ["--recursive"];
        Bulla.verify(&want, &family.index.pinned(), &more)
    };
    recursive(&whole).success();
    let alone = family(&site, &format!("{name}/index"));
    signer
        .seal(&want, cell.who, &alone.index.pinned(), &[])
        .success();
    verifier.verify(&want, &alone.index.pinned(), &[]).success();
    recursive(&alone).exit(3).says(&alone.children[0].digest());
    for child in &alone.children {
        cell.nothing(&want, child);
    }
}

macro_rules! families {
    ($($name:ident $signer:ident $verifier:ident $layout:ident $place:ident;)*) => {$(
        #[test]
        fn $name() {
            check($signer, $verifier, Layout::$layout, Place::$place);
        }
    )*};
}

families! {
    bulla_for_cosign2_tags_ours Bulla Cosign2 Tags Bulla;
    bulla_for_cosign3_tags_distribution Bulla Cosign3 Tags Distribution;
    bulla_for_cosign3_referrers_ours Bulla Cosign3 Referrers Bulla;
    bulla_for_cosign3_referrers_distribution Bulla Cosign3 Referrers Distribution;
    cosign2_for_bulla_tags_distribution Cosign2 Bulla Tags Distribution;
    cosign3_for_bulla_tags_ours Cosign3 Bulla Tags Bulla;
    cosign3_for_bulla_referrers_ours Cosign3 Bulla Referrers Bulla;
    cosign3_for_bulla_referrers_distribution Cosign3 Bulla Referrers Distribution;
}
