"""Transforms infra/template.yaml as CloudFormation does: AWS::LanguageExtensions by SAM CLI's implementation, then SAM's own translator.

Reads {"bucket", "key", "parameters": [{...}, ...], "globals"} as JSON from standard input. "bucket" and "key" locate the code in S3. "parameters" has one set
for each result. "globals" says whether the first transform resolves `Globals` too: SAM CLI's does not, and CloudFormation's behaviour is not documented.
Writes one {"template", "functions"} for each set: the transformed template, and the properties of each function with every parameter and condition resolved.
"""

import copy
import json
import sys

from cfnlint.decode import decode
from samcli.lib.cfn_language_extensions.resolvers.fn_sub import FnSubResolver
from samcli.lib.cfn_language_extensions.sam_integration import expand_language_extensions
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

PSEUDO = {
    "AWS::StackName": "soa-link",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "000000000000",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}


def resolve_sub(self, value):
    """Keeps `Fn::Sub` where only CloudFormation can resolve a variable; SAM CLI's implementation drops it."""
    text, variables = self._parse_args(self.get_function_args(value))
    variables = self._resolve_variable_map(variables)
    if any(isinstance(variable, dict) for variable in variables.values()):
        return {"Fn::Sub": [text, variables]}
    resolved = self._substitute(text, variables)
    return {"Fn::Sub": resolved} if "${" in resolved else resolved


FnSubResolver.resolve = resolve_sub


def language_extensions(template, parameters):
    return expand_language_extensions(template, parameters, enabled=True).expanded_template


def resolve_globals(template, parameters):
    """Resolves `Globals` by moving them into a resource, where the first transform looks."""
    template = copy.deepcopy(template)
    template["Resources"]["Globals"] = {"Type": "AWS::Serverless::Function", "Properties": template["Globals"]["Function"]}
    resolved = language_extensions(template, parameters)
    resolved["Globals"]["Function"] = resolved["Resources"].pop("Globals")["Properties"]
    return resolved


def transform(template, parameters, with_globals):
    resolve = resolve_globals if with_globals else language_extensions
    # No managed policies: SAM attaches one only to roles that it creates itself, and the template defines every role.
    return Translator({}, Parser()).translate(copy.deepcopy(resolve(template, parameters)), parameters)


def functions(transformed, parameters):
    transformed = language_extensions({**transformed, "Transform": ["AWS::LanguageExtensions"]}, parameters)
    resources = transformed["Resources"].items()
    return {name: it["Properties"] for name, it in resources if it["Type"] == "AWS::Lambda::Function"}


asked = json.load(sys.stdin)
template, errors = decode("infra/template.yaml")
assert not errors, errors
template = json.loads(json.dumps(template))
template["Globals"]["Function"].pop("CodeUri")
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        binary = resource["Metadata"]["BuildProperties"]["Binary"]
        resource["Properties"]["CodeUri"] = {"Bucket": asked["bucket"], "Key": asked["key"].format(binary)}
defaults = {name: parameter.get("Default", "") for name, parameter in template["Parameters"].items()}

results = []
for given in asked["parameters"]:
    parameters = {**defaults, **PSEUDO, **given}
    transformed = transform(template, parameters, asked["globals"])
    results.append({"template": transformed, "functions": functions(transformed, parameters)})
json.dump(results, sys.stdout)
