//! Advisory database, matching, VEX and secrets: it finds, bulla-policy judges.
