"""What SAM makes of infra/template.yaml before CloudFormation sees it, as JSON, by SAM's own translator. The code is wherever arguments 1 and 2 say in S3."""

import json
import sys

from cfnlint.decode import decode
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

template, errors = decode("infra/template.yaml")
assert not errors, errors
template = json.loads(json.dumps(template))
template["Globals"]["Function"].pop("CodeUri")
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        binary = resource["Metadata"]["BuildProperties"]["Binary"]
        resource["Properties"]["CodeUri"] = {"Bucket": sys.argv[1], "Key": sys.argv[2].format(binary)}
defaults = {name: parameter.get("Default", "") for name, parameter in template["Parameters"].items()}
# The one managed policy that SAM attaches, to roles of its own making: we have none.
json.dump(Translator({}, Parser()).translate(template, defaults), sys.stdout)
