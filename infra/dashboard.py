"""Draws the dashboard of template.yaml from metrics in the embedded metric format.

Usage: dashboard.py <JSON lines> <picture>. Panels that show only AWS's own metrics are left out.
"""

import collections
import json
import pathlib
import statistics
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import yaml

OWN = "soa-link/${AWS::StackName}"


def dashboard():
    loader = type("Loader", (yaml.SafeLoader,), {})
    loader.add_multi_constructor("!", lambda loader, tag, node: None)
    template = yaml.load(pathlib.Path(__file__).with_name("template.yaml").read_text(), loader)
    return json.loads(template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])


def points(lines):
    """Values by metric and dimensions, then by five-minute period."""
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    for line in map(json.loads, lines):
        directive = line["_aws"]["CloudWatchMetrics"][0]
        dimensions = tuple((name, line[name]) for name in directive["Dimensions"][0])
        for metric in directive["Metrics"]:
            value = line[metric["Name"]]
            period = line["_aws"]["Timestamp"] // 300_000
            found[metric["Name"], dimensions][period] += value if isinstance(value, list) else [value]
    return found


def statistic(values, name):
    if name.startswith("p"):
        return sorted(values)[min(len(values) - 1, int(len(values) * float(name[1:]) / 100))]
    return {"Sum": sum, "Maximum": max, "Average": statistics.mean}[name](values)


def lines_of(widget):
    """Label, metric and statistic of each line in a panel."""
    for metric in widget["metrics"]:
        options = metric[-1] if isinstance(metric[-1], dict) else {}
        names = [part for part in metric if not isinstance(part, dict)]
        if names[0] == OWN:
            dimensions = tuple(zip(names[2::2], names[3::2]))
            yield options.get("label", names[1]), (names[1], dimensions), options.get("stat", widget["stat"])


def draw(found, picture):
    widgets = [widget for widget in dashboard()["widgets"] if widget["type"] == "metric"]
    panels = [widget for widget in widgets if any(lines_of(widget["properties"]))]
    first = min(period for periods in found.values() for period in periods)
    last = max(period for periods in found.values() for period in periods)
    figure, axes = plt.subplots((len(panels) + 1) // 2, 2, figsize=(13, 2.9 * ((len(panels) + 1) // 2)))
    for axis, panel in zip(axes.flat, panels):
        properties = panel["properties"]
        for label, key, stat in lines_of(properties):
            periods = found.get(key, {})
            empty = 0 if stat == "Sum" else float("nan")
            values = [statistic(periods[period], stat) if period in periods else empty for period in range(first, last + 1)]
            axis.plot([5 * place for place in range(len(values))], values, marker=".", label=label)
        axis.set_title(properties["title"], fontsize=10, loc="left")
        axis.legend(fontsize=7, frameon=False)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.2)
        axis.spines[["top", "right"]].set_visible(False)
    for axis in list(axes.flat)[len(panels):]:
        axis.axis("off")
    for axis in axes[-1]:
        axis.set_xlabel("minutes")
    figure.tight_layout()
    figure.savefig(picture, dpi=80)


draw(points(pathlib.Path(sys.argv[1]).read_text().splitlines()), sys.argv[2])
