#!/usr/bin/python3
"""What is installed beside the programs, judged by the programs that will read it: man pages by
mandoc and groff, completion by bash, zsh and fish, metrics and alert rules by promtool, the unit by
systemd.

    packaging_test.py CHATCORED CHATCORECTL SOURCE PAGES…
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request

from cases import Missing, run_cases
from harness import Server

CHATCORED, CHATCORECTL, SOURCE = map(os.path.abspath, sys.argv[1:4])
PAGES = sys.argv[4:]
COMPLETION = f"{SOURCE}/packaging/completion"

# What `systemd-analyze security` calls the exposure, from 0 to 100: the network, and little else.
EXPOSURE_MAX = 20


def run(*command, **options):
    if not shutil.which(command[0]):
        raise Missing(f"{command[0]} is not installed")
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60,
                          **options)


def well(*command, **options):
    """It has nothing to say against it."""
    done = run(*command, **options)
    assert done.returncode == 0 and not done.stderr, (command, done.stdout[-2000:], done.stderr)
    return done.stdout


# --- man pages ---


def page(name):
    (path,) = [path for path in PAGES if os.path.basename(path) == name]
    return path


def man_pages_are_well_formed():
    assert len(PAGES) == 3, PAGES
    for path in PAGES:
        assert not well("mandoc", "-Tlint", "-Wwarning", path)
        well("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path,
             env={**os.environ, "LC_ALL": "C.UTF-8"})


def words(name):
    """Of a page as it is shown, without what marks bold letters for a printer."""
    shown = re.sub(".\x08", "", well("mandoc", "-Tascii", "-Owidth=200", page(name)))
    return set(re.findall(r"[a-z0-9-]*[a-z0-9]", shown))


def man_pages_tell_of_everything():
    shown = words("chatcorectl.1")
    rows = [json.loads(line) for line in well(CHATCORECTL, "help", "--json").splitlines()]
    for row in rows:
        assert row["name"] in shown, row["name"]
        for option in row["options"]:
            assert "--" + option["name"] in shown, option
    settings = set(re.findall(r"^ +(?:-\S, )?--([a-z0-9-]+)", well(CHATCORED, "--help"),
                              re.MULTILINE))
    settings -= {"config", "check-config", "help", "usage", "version"}
    assert len(settings) > 20
    assert settings <= words("chatcored.conf.5"), settings - words("chatcored.conf.5")
    missing = {"--" + name for name in settings} - words("chatcored.8")
    assert not missing, missing


# --- completion ---


def in_bash(*words):
    script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _chatcorectl; ' \
        'printf "%s\\n" "${COMPREPLY[@]}"'
    return well("bash", "-c", script, "bash", f"{COMPLETION}/chatcorectl.bash", CHATCORECTL, *words)


def in_zsh(*words):
    script = 'functions[it]="$(<$1)"; shift; compadd() { print -l -- $offered }; ' \
        '_files() { print _files $* }; words=("$@"); CURRENT=$#; it'
    return well("zsh", "-f", "-c", script, "zsh", f"{COMPLETION}/_chatcorectl", CHATCORECTL, *words)


def in_fish(*words):
    folder = os.path.dirname(CHATCORECTL)
    return well("fish", "--no-config", "-c", f"source {COMPLETION}/chatcorectl.fish; "
                f'complete -C "chatcorectl {" ".join(words)}"',
                env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"})


def completes(shell, files):
    """Commands, alternatives, options; and where files belong, what stands for them."""
    names = {json.loads(line)["name"] for line in well(CHATCORECTL, "help", "--json").splitlines()}
    assert names - {"complete"} <= set(shell("").split()), shell("")
    assert "check" in shell("ch").split() and "backup" in shell("ba").split()
    assert {"list", "create", "rotate", "revoke"} <= set(shell("keys", "DATA", "").split())
    assert "rotate" in shell("keys", "DATA", "ro").split()
    assert {"--json", "--quiet"} <= set(shell("check", "--").split())
    assert not shell("tail", "").split()
    assert files in shell("check", ""), shell("check", "")
    assert files not in shell("stats", "")


def bash_completes():
    with tempfile.TemporaryDirectory() as folder:
        before = os.getcwd()
        os.chdir(folder)
        os.mkdir("some_folder")
        try:
            completes(in_bash, "some_folder")
            assert "some_folder" in in_bash("tail", "--key-file", "")
        finally:
            os.chdir(before)


def zsh_completes():
    completes(in_zsh, "_files -/")


def fish_completes():
    with tempfile.TemporaryDirectory() as folder:
        before = os.getcwd()
        os.chdir(folder)
        os.mkdir("some_folder")
        try:
            completes(in_fish, "some_folder")
        finally:
            os.chdir(before)


# --- monitoring ---


def prometheus_takes_metrics_and_rules():
    well("promtool", "check", "rules", f"{SOURCE}/packaging/alerts.yaml")
    with Server() as server:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics") as answer:
            well("promtool", "check", "metrics", input=answer.read().decode())


def every_alert_fires_when_it_should():
    with open(f"{SOURCE}/packaging/alerts.yaml", encoding="utf8") as rules, \
            open(f"{SOURCE}/tests/e2e/alerts_test.yaml", encoding="utf8") as tests:
        alerts = set(re.findall(r"alert: (\w+)", rules.read()))
        tried = set(re.findall(r"^ +alertname: (\w+)$", tests.read(), re.MULTILINE))
    assert len(alerts) > 5 and tried == alerts, tried ^ alerts
    well("promtool", "test", "rules", f"{SOURCE}/tests/e2e/alerts_test.yaml")


def prometheus_understands_the_dashboard():
    """Each query as a rule, with what Grafana puts in for its variables."""
    with open(f"{SOURCE}/packaging/grafana.json", encoding="utf8") as file:
        panels = json.load(file)["panels"]
    asked = {target["expr"] for panel in panels for target in panel["targets"]}
    rules = [{"record": f"query:{number}",
              "expr": expr.replace("$__rate_interval", "1m").replace("$instance", ".*")}
             for number, expr in enumerate(sorted(asked))]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
        file.flush()
        well("promtool", "check", "rules", file.name)


# --- systemd ---


def the_unit_is_sound():
    with open(f"{SOURCE}/packaging/chatcored.service", encoding="utf8") as file:
        unit = file.read()
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/chatcored.service"
        with open(path, "w", encoding="utf8") as file:
            file.write(unit.replace("/usr/bin/chatcored", CHATCORED))
        well("systemd-analyze", "verify", "--man=no", path)
        well("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", path)


TESTS = [man_pages_are_well_formed, man_pages_tell_of_everything, bash_completes, zsh_completes,
         fish_completes, prometheus_takes_metrics_and_rules, every_alert_fires_when_it_should,
         prometheus_understands_the_dashboard,
         the_unit_is_sound]


if __name__ == "__main__":
    sys.exit(run_cases(TESTS))
