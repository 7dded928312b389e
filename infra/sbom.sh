#!/usr/bin/env bash
# Usage: infra/sbom.sh <file>
# Writes one CycloneDX bill of materials for all functions. It is the same for both architectures.
set -euo pipefail
cd "$(dirname "$0")/.."
file=${1:?a file}
functions=(entrypoint callback unlink entitlements sync partners)
# cargo-cyclonedx writes a file into each package of the workspace.
trap 'rm -f {functions/*,shared,tests,tests/bench,tests/bench/references,tests/load,tests/sandbox,infra/cli}/soa-link-sbom.json' EXIT
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) cargo cyclonedx --quiet --format json --spec-version 1.5 --no-build-deps --target x86_64-unknown-linux-gnu --override-filename soa-link-sbom
mkdir -p "$(dirname "$file")"
python3 - "$file" "${functions[@]}" <<'PYTHON'
import json, pathlib, sys

file, *functions = sys.argv[1:]
boms = [json.loads(pathlib.Path("functions", function, "soa-link-sbom.json").read_text()) for function in functions]
whole = boms[0] | {"components": [], "dependencies": []}
whole["metadata"]["component"] = {"type": "application", "bom-ref": "soa-link", "name": "soa-link", "version": boms[0]["metadata"]["component"]["version"]}
seen = set()
for bom in boms:
    for component in bom.get("components", []):
        if component["bom-ref"] not in seen:
            seen.add(component["bom-ref"])
            whole["components"].append(component)
whole["components"].sort(key=lambda component: (component["name"], component["version"]))
refs = {}
for bom in boms:
    for dependency in bom.get("dependencies", []):
        refs.setdefault(dependency["ref"], set()).update(dependency.get("dependsOn", []))
whole["dependencies"] = [{"ref": ref, "dependsOn": sorted(on)} for ref, on in sorted(refs.items())]
# Replace the path of the checkout, so that the file is the same on every machine.
text = json.dumps(whole, indent=1).replace(pathlib.Path.cwd().as_uri(), "file:///soa-link")
pathlib.Path(file).write_text(text + "\n")
print(f"{len(whole['components'])} crates in {file}")
PYTHON
