#!/usr/bin/python3
"""The settings of chatcored from an operator's side: faults are told with file, line and name;
--check-config; the trace's formats; what SIGHUP renews and what it does not; readiness for systemd.

    config_test.py CHATCORED
"""
import asyncio
import functools
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

from cases import run_cases
from harness import Client, Refused, Server

PATIENCE_S = 20


def run(*arguments):
    return subprocess.run([sys.argv[1], *arguments], capture_output=True, text=True,
                          timeout=PATIENCE_S, check=False)


def write(path, text):
    """As a careful operator does: never half."""
    with open(f"{path}.new", "w", encoding="utf8") as file:
        file.write(text)
    os.rename(f"{path}.new", path)


def until(wanted, what):
    deadline = time.monotonic() + PATIENCE_S
    while not wanted():
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(0.02)


def certificate(folder, name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                    "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.cert"],
                   check=True, capture_output=True)


# --- spam ----------------------------------------------------------------------------------------

async def refused_at(server, user, texts):
    """The index of the first that is refused, and why; None if none is."""
    client = await Client.login(server, user)
    try:
        for i, text in enumerate(texts):
            await client.send(user=f"{user}-{i}", text=text)
        return None
    except Refused as error:
        assert error.name == "rejected", error
        return i, error.error["message"]
    finally:
        await client.lose()


def spam_has_thresholds(_):
    different = ["".join(chr(97 + (i * 7 + j * j) % 26) for j in range(i + 5)) for i in range(6)]
    links = [f"{text} https://{text}.example" for text in different]
    with Server("--spam-repeats", "2/60", "--spam-strangers", "4/60", "--spam-links",
                "3/60") as server:
        for user, texts, wanted in [
                ("repeats", ["the same"] * 6, (2, "the same text in too many conversations")),
                ("strangers", different, (4, "first messages to too many people")),
                ("links", links, (3, "too many links"))]:
            got = asyncio.run(refused_at(server, user, texts))
            assert got == wanted, (user, got)
    with Server("--spam-strangers", "4/1") as server:
        assert asyncio.run(refused_at(server, "ann", different))[0] == 4
        time.sleep(1.2)
        assert asyncio.run(refused_at(server, "ann", different[:4])) is None
    for value in ("many", "3", "0/60", "3/0", "3/60s"):
        told = run("--listen", "127.0.0.1:0", "--spam-links", value)
        assert told.returncode != 0 and "not a number in so many seconds" in told.stderr, told


# --- the file ------------------------------------------------------------------------------------

FAULTS = """\
[chatcored]
threads = many
  listen = nowhere
max-threads = 1
send-rate = fast
trusted-proxies = 10.0.0.0/8, 10.0.0.0/33
drain-ms = 1
drain-ms = 2
jwt-secret-file = /nonexistent
origins = LONG
dev = maybe
[other]
threads = 1
"""

TOLD = ["2: threads: many: the value makes no sense", "3: listen: nowhere: not an address and port",
        "4: max-threads: 1: there is no such setting", "5: send-rate: fast: not a rate",
        "6: trusted-proxies: ", "8: drain-ms: 2: it is set twice",
        "9: jwt-secret-file: /nonexistent: No such file", "10: the line is too long",
        "11: dev: maybe: neither true nor false", "13: threads: the only section is [chatcored]"]


def every_fault_is_told_with_its_line(folder):
    path = f"{folder}/faults"
    write(path, FAULTS.replace("LONG", "x" * 300))
    result = run("--check-config", "--config", path)
    assert result.returncode == 1, result
    lines = result.stderr.splitlines()
    assert len(lines) == len(TOLD), lines
    for line, told in zip(lines, TOLD):
        assert line.startswith(f"chatcored: {path}:{told}"), (line, told)


def what_can_not_be_opened_is_told_with_its_line(folder):
    path = f"{folder}/config"
    write(f"{folder}/short", "short")
    write(path, f"threads = 2\njwt-secret-file = {folder}/short\n")
    result = run("--check-config", "--config", path)
    assert result.returncode == 1 and f"{path}:2: jwt-secret-file: " in result.stderr, result
    certificate(folder, "one")
    certificate(folder, "two")
    write(path, f"tls-cert = {folder}/one.cert\ntls-key = {folder}/two.key\n")
    result = run("--check-config", "--config", path)
    assert result.returncode == 1 and f"{path}:1: tls-cert: " in result.stderr, result
    write(path, f"tls-key = {folder}/two.key\n")
    result = run("--check-config", "--config", path)
    assert result.returncode == 1 and f"{path}:1: tls-key: " in result.stderr, result


def a_data_folder_without_parent_is_told(folder):
    told = run("--listen", "127.0.0.1:0", "--data", f"{folder}/none/data")
    assert told.returncode == 1, told
    assert told.stderr == f"chatcored: {folder}/none/data: No such file or directory\n", told


def a_good_file_is_said_to_be_good_and_touches_nothing(folder):
    path = f"{folder}/good"
    certificate(folder, "good")
    write(path, f"data = {folder}/data\ntls-cert = {folder}/good.cert\ntls-key = {folder}/good.key\n"
                "origins = https://one.example\norigins = https://two.example\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("--check-config", "--config", path, "--listen",
                     f"127.0.0.1:{taken.getsockname()[1]}")
    assert result.returncode == 0 and not result.stderr, result
    assert not os.path.exists(f"{folder}/data")


# --- the trace -----------------------------------------------------------------------------------

def renewed(server, count):
    def is_there():
        with open(f"{server.directory}/stderr", encoding="utf8") as file:
            return file.read().count("renewed") >= count
    server.process.send_signal(signal.SIGHUP)
    until(is_there, "the line that all is renewed")


def lines_are_fields(folder):
    path = f"{folder}/trace"
    write(path, "log-level = info\nthreads = 1\n")
    with Server("--config", path) as server:
        renewed(server, 1)
        write(path, "log-level = info\nlog-format = json\nthreads = 2\n")
        renewed(server, 2)
        with open(f"{server.directory}/stderr", encoding="utf8") as file:
            lines = file.read().splitlines()
    assert lines[0].startswith("time=20") and "level=info" in lines[0], lines
    assert lines[0].endswith("area=settings message=renewed"), lines
    fields = [json.loads(line) for line in lines[1:]]
    assert fields[0]["message"] == "threads has changed, and counts from the next start", fields
    assert fields[1]["level"] == "info" and fields[1]["area"] == "settings", fields


# --- SIGHUP --------------------------------------------------------------------------------------

async def is_let_in(server, user):
    client = await Client.open(server)
    try:
        await client.call("connect", token=server.token(user), device="d")
        return True
    except (Refused, ConnectionError):
        return False
    finally:
        await client.socket.close()


async def is_held_up(server, user):
    """By a rate of one message."""
    client = await Client.login(server, user)
    await client.send(user="bob", client_id="1")
    try:
        await client.send(user="bob", client_id="2")
        return False
    except Refused as refused:
        return refused.name == "rate_limited"
    finally:
        await client.socket.close()


def keys_and_rates_are_renewed(folder):
    path = f"{folder}/renewed"
    write(path, "log-level = info\n")
    with Server("--config", path) as server:
        assert not asyncio.run(is_held_up(server, "ann"))
        old, server.secret = server.secret, "another secret, long enough"
        assert not asyncio.run(is_let_in(server, "ann"))
        write(server.secret_path, server.secret)
        write(path, "log-level = info\nsend-rate = 1/1\n")
        renewed(server, 1)
        assert asyncio.run(is_held_up(server, "dan"))
        assert asyncio.run(is_let_in(server, "ben"))
        server.secret = old
        assert not asyncio.run(is_let_in(server, "cid"))


def a_fault_renews_nothing(folder):
    path = f"{folder}/nothing"
    write(path, "log-level = info\n")
    with Server("--config", path) as server:
        write(server.secret_path, "short")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: "nothing is renewed" in server.trace(), "the line that nothing is renewed")
        assert f"--jwt-secret-file: {server.secret_path}: no usable key" in server.trace()
        write(path, "log-level = loud\n")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: f"{path}:1: log-level: loud" in server.trace(), "the line with the fault")
        assert asyncio.run(is_let_in(server, "ann"))


def shown_name(server):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", server.port)) as plain:
        with context.wrap_socket(plain) as wrapped:
            pem = ssl.DER_cert_to_PEM_cert(wrapped.getpeercert(binary_form=True))
    shown = subprocess.run(["openssl", "x509", "-noout", "-subject"], input=pem, check=True,
                           capture_output=True, text=True)
    return shown.stdout.strip().split()[-1]


def certificates_are_renewed(folder):
    certificate(folder, "old")
    certificate(folder, "new")
    for kind in ("cert", "key"):
        os.rename(f"{folder}/old.{kind}", f"{folder}/used.{kind}")
    with Server("--tls-cert", f"{folder}/used.cert", "--tls-key", f"{folder}/used.key", "--threads",
                "2") as server:
        assert shown_name(server) == "old"
        os.rename(f"{folder}/new.cert", f"{folder}/used.cert")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: "no certificate with its key" in server.trace(), "a certificate without key")
        assert shown_name(server) == "old"
        os.rename(f"{folder}/new.key", f"{folder}/used.key")
        server.process.send_signal(signal.SIGHUP)
        # both threads have it: the kernel spreads connections over them
        until(lambda: all(shown_name(server) == "new" for _ in range(8)), "the new certificate")


# --- the service manager -------------------------------------------------------------------------

def a_service_manager_is_told(folder):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"{folder}/notify")
        manager.settimeout(PATIENCE_S)
        os.environ["NOTIFY_SOCKET"] = f"{folder}/notify"
        os.environ["WATCHDOG_USEC"] = "200000"
        try:
            with Server() as server:
                told = {manager.recv(100) for _ in range(4)}
                assert told == {b"READY=1", b"WATCHDOG=1"}, told
                server.process.send_signal(signal.SIGTERM)
                until(lambda: manager.recv(100) == b"STOPPING=1", "STOPPING=1")
                server.process.wait(timeout=PATIENCE_S)
        finally:
            del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]


TESTS = [every_fault_is_told_with_its_line, a_data_folder_without_parent_is_told,
         what_can_not_be_opened_is_told_with_its_line,
         a_good_file_is_said_to_be_good_and_touches_nothing, lines_are_fields,
         keys_and_rates_are_renewed, a_fault_renews_nothing, certificates_are_renewed,
         a_service_manager_is_told, spam_has_thresholds]


def in_folder(test):
    """A case of a test that wants a folder of its own."""
    @functools.wraps(test)
    def case():
        with tempfile.TemporaryDirectory(prefix="chatcore-config-") as folder:
            test(folder)
    return case


if __name__ == "__main__":
    sys.exit(run_cases(map(in_folder, TESTS)))
