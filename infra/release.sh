#!/usr/bin/env bash
# Usage: infra/release.sh arm64|x86_64 <folder> [<commit>]
# Builds the functions' zips of a commit (default HEAD) into <folder>. Uncommitted changes are left out.
# The same tools give the same bytes on every machine, because local paths and file times are removed. BUILT-WITH-<arch> lists the tools.
set -euo pipefail
cd "$(dirname "$0")/.."
arch=${1:?arm64 or x86_64} folder=${2:?a folder} commit=${3:-HEAD}
functions=(entrypoint callback unlink entitlements sync partners)
case $arch in
arm64) target=aarch64-unknown-linux-gnu ;;
x86_64) target=x86_64-unknown-linux-gnu ;;
*) echo "either arm64 or x86_64" >&2 && exit 2 ;;
esac
make --silent .venv/lambda/.installed
mkdir -p "$folder" target
folder=$(realpath "$folder")
export PATH="$PWD/.venv/lambda/bin:$PATH"
source=$(mktemp -d "$PWD/target/release.XXXXXX")
trap 'rm -rf "$source"' EXIT
git archive "$commit" | tar -x -C "$source"
cd "$source"
export CARGO_TARGET_DIR="$source/target"
export RUSTFLAGS="--remap-path-prefix=$source=/soa-link --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo --remap-path-prefix=$(rustc --print sysroot)=/rust"
# The C code of aws-lc contains paths as well.
export CFLAGS="-ffile-prefix-map=${CARGO_HOME:-$HOME/.cargo}=/cargo -ffile-prefix-map=$source=/soa-link"
(rustc --version && cargo lambda --version && echo "zig $(python3 -m ziglang version)") >"$folder/BUILT-WITH-$arch"
cargo lambda build --release --locked --target "$target" "${functions[@]/#/--package=}"
python3 - "$CARGO_TARGET_DIR/lambda" "$folder" "$arch" "${functions[@]}" <<'PYTHON'
import hashlib, pathlib, sys, zipfile

lambdas, folder, arch, *functions = sys.argv[1:]
sums = []
for function in functions:
    path = pathlib.Path(folder, f"soa-link-{function}-{arch}.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        # The earliest time that a zip can store, and the permissions that Lambda needs.
        entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
        entry.create_system, entry.external_attr, entry.compress_type = 3, 0o100755 << 16, zipfile.ZIP_DEFLATED
        program = pathlib.Path(lambdas, function, "bootstrap").read_bytes()
        if b"SOA_LINK_MEASURE_CA" in program:
            sys.exit(f"{function} trusts the CA of the benchmark: it was built with the feature `measure`")
        archive.writestr(entry, program)
    sums.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
pathlib.Path(folder, f"SHA256SUMS-{arch}").write_text("".join(sums))
print("".join(sums), end="")
PYTHON
