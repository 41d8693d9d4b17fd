#!/usr/bin/python3
"""What is written for operators is true: every setting and every metric that the server has stands in
docs/operations.md, and the page names none that it has not; dashboard and alert rules name metrics that
there are; the packaged file of settings is a good one.

    operations_test.py CHATCORED SOURCE
"""
import json
import re
import subprocess
import sys
import urllib.request

from cases import run_cases
from harness import Server

# The command line's own: no settings.
NO_SETTINGS = {"check-config", "config", "help", "usage", "version"}


def page():
    with open(f"{sys.argv[2]}/docs/operations.md", encoding="utf8") as file:
        return file.read()


def first_cells(text, heading):
    """The names in the first column of the tables of a section."""
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def difference(wanted, found):
    return f"not on the page: {sorted(wanted - found)}; not in the server: {sorted(found - wanted)}"


def every_setting_is_told():
    shown = subprocess.run([sys.argv[1], "--help"], capture_output=True, text=True, check=True)
    settings = set(re.findall(r"^ +(?:-\S, )?--([a-z0-9-]+)", shown.stdout, re.MULTILINE))
    settings -= NO_SETTINGS
    assert len(settings) > 20, settings
    told = first_cells(page(), "Settings")
    assert told == settings, difference(settings, told)


def metrics():
    with Server() as server:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics") as answer:
            text = answer.read().decode()
    return set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))


def every_metric_is_told():
    known = metrics()
    told = first_cells(page(), "Metrics")
    assert told == known, difference(known, told)


def packaged(name):
    with open(f"{sys.argv[2]}/packaging/{name}", encoding="utf8") as file:
        return file.read()


def names_in(text):
    return set(re.findall(r"\bchatcore_(?:engine|gateway)_[a-z_]+", text))


def dashboard_and_alerts_know_the_metrics():
    known = metrics()
    dashboard = json.loads(packaged("grafana.json"))
    asked = {target["expr"] for panel in dashboard["panels"] for target in panel["targets"]}
    assert len(asked) > 20
    for text in ["\n".join(asked), packaged("alerts.yaml")]:
        named = names_in(text)
        assert named and named <= known, f"there is no {sorted(named - known)}"


def the_packaged_file_is_good():
    shown = subprocess.run([sys.argv[1], "--check-config", "--config",
                            f"{sys.argv[2]}/packaging/chatcored.conf"], capture_output=True,
                           text=True, check=False)
    assert shown.returncode == 0, shown


if __name__ == "__main__":
    sys.exit(run_cases((every_setting_is_told, every_metric_is_told,
                        dashboard_and_alerts_know_the_metrics, the_packaged_file_is_good)))
