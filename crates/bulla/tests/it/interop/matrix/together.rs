//! Several programs at one image: each adds to what the others attached and
//! takes nothing away, and one act of bulla's serves both layouts.

use super::{
    Act, Cell, Layout, Place,
    Program::{self, Bulla, Cosign2, Cosign3},
    Who, refused,
    site::{Image, Site},
};

fn cell(signer: Program, verifier: Program, act: Act, layout: Layout, place: Place) -> Cell {
    Cell {
        signer,
        verifier,
        act,
        who: Who::Key,
        layout,
        place,
    }
}

/// Each program seals in turn; then each verifies what every one of them sealed.
#[track_caller]
fn in_turn(programs: &[Program], act: Act, layout: Layout, place: Place) {
    let cells = programs
        .iter()
        .map(|signer| cell(*signer, *signer, act, layout, place));
    let cells: Vec<Cell> = cells.collect();
    let sites: Vec<Option<Site>> = cells.iter().map(Cell::site).collect();
    let Some(site) = sites.into_iter().collect::<Option<Vec<_>>>() else {
        return;
    };
    let repository = format!("together/{programs:?}-{act:?}-{layout:?}-{place:?}")
        .to_lowercase()
        .replace(['[', ']', ',', ' '], "");
    let image = site[0].image(&repository, &repository);
    for cell in &cells {
        cell.signer
            .seal(&cell.want(), cell.who, &image.pinned(), &[])
            .success();
    }
    for cell in &cells {
        for verifier in programs {
            verifier
                .verify(&cell.want(), &image.pinned(), &[])
                .success();
        }
    }
}

#[test]
fn signatures_of_three_programs_lie_under_one_tag() {
    in_turn(
        &[Cosign2, Bulla, Cosign3],
        Act::Sign,
        Layout::Tags,
        Place::Distribution,
    );
}

#[test]
fn signatures_of_three_programs_lie_under_one_tag_of_ours() {
    in_turn(
        &[Bulla, Cosign3, Cosign2],
        Act::Sign,
        Layout::Tags,
        Place::Bulla,
    );
}

#[test]
fn attestations_of_three_programs_lie_under_one_tag() {
    in_turn(
        &[Bulla, Cosign2, Cosign3],
        Act::Attest,
        Layout::Tags,
        Place::Distribution,
    );
}

#[test]
fn bundles_of_two_programs_refer_to_one_image() {
    in_turn(
        &[Cosign3, Bulla],
        Act::Sign,
        Layout::Referrers,
        Place::Bulla,
    );
}

#[test]
fn bundles_of_two_programs_share_the_fallback_tag() {
    in_turn(
        &[Cosign3, Bulla, Cosign3],
        Act::Sign,
        Layout::Referrers,
        Place::Distribution,
    );
}

/// An image that one act of bulla's sealed in both layouts.
#[track_caller]
fn in_both_layouts(act: Act, place: Place) -> Option<(Cell, Image)> {
    let cell = cell(Bulla, Cosign3, act, Layout::Both, place);
    let site = cell.site()?;
    Cosign2.start()?;
    let name = format!("both/{act:?}-{place:?}").to_lowercase();
    let image = site.image(&name, &name);
    Bulla
        .seal(&cell.want(), cell.who, &image.pinned(), &[])
        .success();
    Some((cell, image))
}

#[track_caller]
fn each_layout_is_read(act: Act, place: Place) {
    let Some((cell, image)) = in_both_layouts(act, place) else {
        return;
    };
    for (verifier, layout) in [
        (Cosign3, Layout::Referrers),
        (Cosign3, Layout::Tags),
        (Cosign2, Layout::Tags),
        (Bulla, Layout::Tags),
    ] {
        let want = super::Want {
            layout,
            ..cell.want()
        };
        verifier.verify(&want, &image.pinned(), &[]).success();
    }
}

#[test]
fn one_signature_in_both_layouts() {
    each_layout_is_read(Act::Sign, Place::Bulla);
    each_layout_is_read(Act::Sign, Place::Distribution);
}

#[test]
fn one_attestation_in_both_layouts() {
    each_layout_is_read(Act::Attest, Place::Bulla);
    each_layout_is_read(Act::Attest, Place::Distribution);
}

/// cosign 2 can also write the old manifests as referrers (`oci-1-1`).
#[test]
fn the_old_manifest_as_a_referrer_is_found() {
    let cell = cell(Cosign2, Bulla, Act::Sign, Layout::Tags, Place::Bulla);
    let Some(site) = cell.site() else {
        return;
    };
    let image = site.image("together/oci-1-1", "oci-1-1");
    let want = cell.want();
    let mut command = Cosign2
        .start()
        .expect("cosign2, which this test already had");
    command
        .env("COSIGN_EXPERIMENTAL", "1")
        .args(["sign", "-y", "--tlog-upload=false", "-a", "stage=tested"])
        .args(["--registry-referrers-mode", "oci-1-1", "--key"])
        .arg(&Cosign2.keys().expect("keys").private)
        .arg(image.pinned());
    super::super::stage::run(command).success();
    assert!(image.evidence(Layout::Tags, Act::Sign).is_empty());
    Bulla
        .verify(&want, &image.pinned(), &["--insecure-ignore-tlog"])
        .success();
    refused(&Bulla.verify(&want, &image.pinned(), &[]));
}
