#!/bin/sh
# cargo's RUSTC_WRAPPER of `cargo xtask fuzz --smoke`: the coverage that libFuzzer
# steers by, in our own crates alone, by flags that a stable compiler knows. So
# everything else is what the tests have compiled already.
case " $* " in
*" --crate-name bulla_"*)
    exec "$@" -Cpasses=sancov-module \
        -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
        -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares
    ;;
*)
    exec ${BULLA_RUSTC_WRAPPER:-} "$@"
    ;;
esac
