//! The cells: one line, one test. `itself` is the control: what the scenes call a
//! good signature and a twin is so for the program that made it.

use super::{
    Act::{Attest, Sign},
    Cell,
    Layout::{Referrers, Tags},
    Place::{Bulla as Ours, Distribution},
    Program::{Bulla, Cosign2, Cosign3},
    Who::{Key, Keyless},
};

macro_rules! cells {
    ($($folder:ident $signer:ident: { $($name:ident $verifier:ident $act:ident $who:ident $layout:ident $place:ident;)* })*) => {$(
        mod $folder {
            use super::*;
            $(
                #[test]
                fn $name() {
                    let (signer, verifier) = ($signer, $verifier);
                    let (act, who, layout, place) = ($act, $who, $layout, $place);
                    Cell { signer, verifier, act, who, layout, place }.run();
                }
            )*
        }
    )*};
}

cells! {
    by_bulla Bulla: {
        cosign2_sign_key_tags_ours Cosign2 Sign Key Tags Ours;
        cosign2_sign_key_tags_distribution Cosign2 Sign Key Tags Distribution;
        cosign2_sign_key_referrers_ours Cosign2 Sign Key Referrers Ours;
        cosign2_sign_key_referrers_distribution Cosign2 Sign Key Referrers Distribution;
        cosign2_sign_keyless_tags_ours Cosign2 Sign Keyless Tags Ours;
        cosign2_sign_keyless_tags_distribution Cosign2 Sign Keyless Tags Distribution;
        cosign2_sign_keyless_referrers_ours Cosign2 Sign Keyless Referrers Ours;
        cosign2_sign_keyless_referrers_distribution Cosign2 Sign Keyless Referrers Distribution;
        cosign2_attest_key_tags_ours Cosign2 Attest Key Tags Ours;
        cosign2_attest_key_tags_distribution Cosign2 Attest Key Tags Distribution;
        cosign2_attest_key_referrers_ours Cosign2 Attest Key Referrers Ours;
        cosign2_attest_key_referrers_distribution Cosign2 Attest Key Referrers Distribution;
        cosign2_attest_keyless_tags_ours Cosign2 Attest Keyless Tags Ours;
        cosign2_attest_keyless_tags_distribution Cosign2 Attest Keyless Tags Distribution;
        cosign2_attest_keyless_referrers_ours Cosign2 Attest Keyless Referrers Ours;
        cosign2_attest_keyless_referrers_distribution Cosign2 Attest Keyless Referrers Distribution;
        cosign3_sign_key_tags_ours Cosign3 Sign Key Tags Ours;
        cosign3_sign_key_tags_distribution Cosign3 Sign Key Tags Distribution;
        cosign3_sign_key_referrers_ours Cosign3 Sign Key Referrers Ours;
        cosign3_sign_key_referrers_distribution Cosign3 Sign Key Referrers Distribution;
        cosign3_sign_keyless_tags_ours Cosign3 Sign Keyless Tags Ours;
        cosign3_sign_keyless_tags_distribution Cosign3 Sign Keyless Tags Distribution;
        cosign3_sign_keyless_referrers_ours Cosign3 Sign Keyless Referrers Ours;
        cosign3_sign_keyless_referrers_distribution Cosign3 Sign Keyless Referrers Distribution;
        cosign3_attest_key_tags_ours Cosign3 Attest Key Tags Ours;
        cosign3_attest_key_tags_distribution Cosign3 Attest Key Tags Distribution;
        cosign3_attest_key_referrers_ours Cosign3 Attest Key Referrers Ours;
        cosign3_attest_key_referrers_distribution Cosign3 Attest Key Referrers Distribution;
        cosign3_attest_keyless_tags_ours Cosign3 Attest Keyless Tags Ours;
        cosign3_attest_keyless_tags_distribution Cosign3 Attest Keyless Tags Distribution;
        cosign3_attest_keyless_referrers_ours Cosign3 Attest Keyless Referrers Ours;
        cosign3_attest_keyless_referrers_distribution Cosign3 Attest Keyless Referrers Distribution;
    }
    by_cosign2 Cosign2: {
        itself_sign_key_tags Cosign2 Sign Key Tags Distribution;
        itself_sign_key_referrers Cosign2 Sign Key Referrers Distribution;
        itself_sign_keyless_tags Cosign2 Sign Keyless Tags Ours;
        itself_sign_keyless_referrers Cosign2 Sign Keyless Referrers Ours;
        itself_attest_key_tags Cosign2 Attest Key Tags Distribution;
        itself_attest_key_referrers Cosign2 Attest Key Referrers Distribution;
        itself_attest_keyless_tags Cosign2 Attest Keyless Tags Ours;
        itself_attest_keyless_referrers Cosign2 Attest Keyless Referrers Ours;
        bulla_sign_key_tags_ours Bulla Sign Key Tags Ours;
        bulla_sign_key_tags_distribution Bulla Sign Key Tags Distribution;
        bulla_sign_key_referrers_ours Bulla Sign Key Referrers Ours;
        bulla_sign_key_referrers_distribution Bulla Sign Key Referrers Distribution;
        bulla_sign_keyless_tags_ours Bulla Sign Keyless Tags Ours;
        bulla_sign_keyless_tags_distribution Bulla Sign Keyless Tags Distribution;
        bulla_sign_keyless_referrers_ours Bulla Sign Keyless Referrers Ours;
        bulla_sign_keyless_referrers_distribution Bulla Sign Keyless Referrers Distribution;
        bulla_attest_key_tags_ours Bulla Attest Key Tags Ours;
        bulla_attest_key_tags_distribution Bulla Attest Key Tags Distribution;
        bulla_attest_key_referrers_ours Bulla Attest Key Referrers Ours;
        bulla_attest_key_referrers_distribution Bulla Attest Key Referrers Distribution;
        bulla_attest_keyless_tags_ours Bulla Attest Keyless Tags Ours;
        bulla_attest_keyless_tags_distribution Bulla Attest Keyless Tags Distribution;
        bulla_attest_keyless_referrers_ours Bulla Attest Keyless Referrers Ours;
        bulla_attest_keyless_referrers_distribution Bulla Attest Keyless Referrers Distribution;
    }
    by_cosign3 Cosign3: {
        itself_sign_key_tags Cosign3 Sign Key Tags Distribution;
        itself_sign_key_referrers Cosign3 Sign Key Referrers Distribution;
        itself_sign_keyless_tags Cosign3 Sign Keyless Tags Ours;
        itself_sign_keyless_referrers Cosign3 Sign Keyless Referrers Ours;
        itself_attest_key_tags Cosign3 Attest Key Tags Distribution;
        itself_attest_key_referrers Cosign3 Attest Key Referrers Distribution;
        itself_attest_keyless_tags Cosign3 Attest Keyless Tags Ours;
        itself_attest_keyless_referrers Cosign3 Attest Keyless Referrers Ours;
        bulla_sign_key_tags_ours Bulla Sign Key Tags Ours;
        bulla_sign_key_tags_distribution Bulla Sign Key Tags Distribution;
        bulla_sign_key_referrers_ours Bulla Sign Key Referrers Ours;
        bulla_sign_key_referrers_distribution Bulla Sign Key Referrers Distribution;
        bulla_sign_keyless_tags_ours Bulla Sign Keyless Tags Ours;
        bulla_sign_keyless_tags_distribution Bulla Sign Keyless Tags Distribution;
        bulla_sign_keyless_referrers_ours Bulla Sign Keyless Referrers Ours;
        bulla_sign_keyless_referrers_distribution Bulla Sign Keyless Referrers Distribution;
        bulla_attest_key_tags_ours Bulla Attest Key Tags Ours;
        bulla_attest_key_tags_distribution Bulla Attest Key Tags Distribution;
        bulla_attest_key_referrers_ours Bulla Attest Key Referrers Ours;
        bulla_attest_key_referrers_distribution Bulla Attest Key Referrers Distribution;
        bulla_attest_keyless_tags_ours Bulla Attest Keyless Tags Ours;
        bulla_attest_keyless_tags_distribution Bulla Attest Keyless Tags Distribution;
        bulla_attest_keyless_referrers_ours Bulla Attest Keyless Referrers Ours;
        bulla_attest_keyless_referrers_distribution Bulla Attest Keyless Referrers Distribution;
    }
}
