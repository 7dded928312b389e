#!/usr/bin/env bash
# Usage: infra/deploy.sh <stage> [<option of sam deploy>...]
# Builds and deploys a stage of samconfig.toml, and sets the stack policy (stack-policy.json).
# ALLOW_KEY_UPDATE=1 lets this deployment update PartnerKeys, which a change of the stack's tags or of KmsKeyArn needs. The full policy is set again
# afterwards, also if the deployment fails.
set -euo pipefail
cd "$(dirname "$0")"
stage=${1:?a stage of samconfig.toml}
shift
sam=${SAM:-$PWD/../.venv/sam/bin/sam}
python=$PWD/../.venv/sam/bin/python
command -v aws >/dev/null || { echo "The AWS CLI is missing. It sets the stack policy." >&2 && exit 1; }

# Sets `stack` and `options` from samconfig.toml. As for SAM, values of the section `deploy` come before those of `global`.
read_config() {
    { read -r stack && read -r region && read -r profile; } < <("$python" - "$stage" <<'PYTHON'
import sys, tomlkit

stage = tomlkit.parse(open("samconfig.toml").read()).unwrap().get(sys.argv[1], {})
of_all, of_deploy = (stage.get(command, {}).get("parameters", {}) for command in ("global", "deploy"))
for name in ("stack_name", "region", "profile"):
    print(of_deploy.get(name, of_all.get(name, "")))
PYTHON
    )
    [ -n "$stack" ] || { echo "samconfig.toml has no stack_name for the stage $stage." >&2 && exit 2; }
    # The longest derived name is <stack name>-entitlements, and Lambda limits the name of a function to 64 characters.
    if [ ${#stack} -gt 51 ]; then
        echo "The stack name $stack has ${#stack} characters, and at most 51 are possible: the function <stack name>-entitlements may have 64." >&2
        exit 2
    fi
    options=(--stack-name "$stack" ${region:+--region "$region"} ${profile:+--profile "$profile"})
}

set_policy() {
    aws cloudformation set-stack-policy "${options[@]}" --stack-policy-body "$1"
}

read_config
full=$(<stack-policy.json)
make --silent -C .. build STAGE="$stage"
if [ "${ALLOW_KEY_UPDATE:-}" = 1 ]; then
    # Without the last statement, which denies every update of PartnerKeys.
    relaxed=$("$python" -c 'import json; policy = json.load(open("stack-policy.json")); policy["Statement"].pop(); print(json.dumps(policy))')
    trap 'set_policy "$full"' EXIT
    set_policy "$relaxed"
fi
"$sam" deploy --config-env "$stage" --no-fail-on-empty-changeset "$@"
# `sam deploy --guided` may have written another name or region.
read_config
set_policy "$full"
trap - EXIT
