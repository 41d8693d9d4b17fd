#!/usr/bin/python3
"""The packaged unit under a real systemd, which is process 1 of namespaces of its own: it is started
when the server says that it is ready, with all doors closed; reloaded, killed and started again
without loss, and stopped.

    systemd_test.py CHATCORED LIBRARY SOURCE
"""
import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

from harness import Client, Server, skip

CHATCORED, LIBRARY, SOURCE = map(os.path.abspath, sys.argv[1:4])
PATIENCE_S = 30

# What systemd finds when it begins. The unit hides /tmp and /home, so the server stands in /run.
BOOT = r"""
set -e
mount --make-rprivate /
mount --make-rshared / # credentials are mounted elsewhere, and have to arrive
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/chatcore /run/systemd/system/chatcored.service.d
cp {chatcored} {library} {secret} {conf} /run/chatcore
mount -t tmpfs tmpfs /var/lib
mount -t cgroup2 cgroup2 /sys/fs/cgroup
cp {unit} /run/systemd/system/chatcored.service
cp {drop_in} /run/systemd/system/chatcored.service.d/test.conf
printf '[Unit]\nDefaultDependencies=no\nWants=chatcored.service\n' >/run/systemd/system/boot.target
export container=docker
exec /lib/systemd/systemd --system --unit=boot.target --log-target=null
"""

DROP_IN = """[Unit]
DefaultDependencies=no

[Service]
Environment=LD_LIBRARY_PATH=/run/chatcore
LoadCredential=jwt-secret:/run/chatcore/secret
"""


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def cgroup_made():
    """A cgroup for what systemd makes, so that nothing is left behind."""
    with open("/proc/mounts", encoding="utf8") as file:
        roots = [line.split()[1] for line in file if line.split()[2] == "cgroup2"]
    if not roots:
        skip("there is no cgroup2")
    path = f"{roots[0]}/chatcore-test-{os.getpid()}"
    try:
        os.mkdir(path)
    except OSError as error:
        skip(f"no cgroup can be made: {error}")
    return path


def cgroup_removed(path):
    for folder, _, _ in os.walk(path, topdown=False):
        for _ in range(50):
            try:
                os.rmdir(folder)
                break
            except OSError:  # its processes are still ending
                time.sleep(0.1)


class Machine:
    """systemd, and the server's folder."""

    def __init__(self):
        self.server = Server()
        self.server.port = free_port()
        self.folder = self.server.directory
        self.cgroup = cgroup_made()
        self.process = None
        self.first = None

    def write(self, name, text):
        path = f"{self.folder}/{name}"
        with open(path, "w", encoding="utf8") as file:
            file.write(text)
        return path

    def packaged(self, name):
        with open(f"{SOURCE}/packaging/{name}", encoding="utf8") as file:
            return file.read()

    def boot_script(self):
        unit = self.packaged("chatcored.service")
        for old in ("/usr/bin/chatcored", "/etc/chatcore/chatcored.conf"):
            assert old in unit
            unit = unit.replace(old, f"/run/chatcore/{os.path.basename(old)}")
        unit = "".join(line for line in unit.splitlines(True) if "network-online" not in line)
        conf = self.packaged("chatcored.conf").replace(
            "listen = 127.0.0.1:8080", f"listen = 127.0.0.1:{self.server.port}").replace(
            "#jwt-secret-file = /etc/chatcore/jwt-secret",
            "jwt-secret-file = /run/credentials/chatcored.service/jwt-secret")
        assert "credentials" in conf and str(self.server.port) in conf
        return BOOT.format(
            chatcored=CHATCORED, library=os.path.dirname(LIBRARY) + "/libchatcore.so.0",
            secret=self.server.secret_path, conf=self.write("chatcored.conf", conf),
            unit=self.write("chatcored.service", unit), drop_in=self.write("test.conf", DROP_IN))

    def __enter__(self):
        def enter():
            with open(f"{self.cgroup}/cgroup.procs", "w", encoding="ascii") as file:
                file.write(str(os.getpid()))

        self.output = open(f"{self.folder}/output", "w+", encoding="utf8")
        # pylint: disable=consider-using-with,subprocess-popen-preexec-fn
        self.process = subprocess.Popen(
            ["unshare", "--fork", "--pid", "--kill-child", "--mount", "--uts", "--ipc", "--cgroup",
             "--mount-proc", "bash", "-c", self.boot_script()],
            stdout=self.output, stderr=self.output, preexec_fn=enter)
        return self

    def __exit__(self, kind, value, trace):
        if self.first:
            try:
                os.kill(self.first, signal.SIGKILL)  # with it goes all that it has started
            except ProcessLookupError:
                pass
        self.process.kill()
        self.process.wait()
        self.output.close()
        cgroup_removed(self.cgroup)
        shutil.rmtree(self.folder, ignore_errors=True)

    def said(self):
        self.output.seek(0)
        return self.output.read()[-1000:]

    def booted(self):
        """Where namespaces are not to be had, this is no place for the test."""
        children = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        deadline = time.monotonic() + PATIENCE_S
        while self.process.poll() is None and time.monotonic() < deadline:
            with open(children, encoding="ascii") as file:
                found = file.read().split()
            if found:
                self.first = int(found[0])
                if self.systemctl("is-system-running").stdout.strip() not in ("", "offline"):
                    return
            time.sleep(0.1)
        skip(f"systemd does not boot in namespaces here: {self.said() or 'it says nothing'}")

    def systemctl(self, *arguments):
        return subprocess.run(
            ["nsenter", "-t", str(self.first), "-m", "-p", "-u", "-i", "-C", "systemctl",
             "--no-pager", *arguments], capture_output=True, text=True, check=False,
            timeout=PATIENCE_S)

    def show(self, name):
        return self.systemctl("show", "-P", name, "chatcored").stdout.strip()

    def until(self, name, *wanted):
        deadline = time.monotonic() + PATIENCE_S
        while (found := self.show(name)) not in wanted:
            assert time.monotonic() < deadline, \
                f"{name} is {found}: {self.systemctl('status', 'chatcored').stdout}"
            time.sleep(0.1)


async def say(machine, text):
    client = await Client.login(machine.server, "alice")
    sent = await client.send(user="bob", text=text)
    await client.close()
    return sent


async def said(machine, sent):
    client = await Client.login(machine.server, "bob")
    page = await client.call("history", conversation=sent["conversation"], after=0, limit=10)
    await client.close()
    return [message["text"] for message in page["messages"] if "text" in message]


def in_namespace(machine, path):
    return os.stat(f"/proc/{machine.first}/root{path}")


def the_unit_runs(machine):
    machine.until("ActiveState", "active")
    main = int(machine.show("MainPID"))
    assert main > 1
    sent = asyncio.run(say(machine, "before the kill"))
    folder = in_namespace(machine, "/var/lib/private/chatcore")
    assert folder.st_mode & 0o777 == 0o700 and folder.st_uid != 0, folder
    assert machine.systemctl("reload", "chatcored").returncode == 0
    assert int(machine.show("MainPID")) == main
    machine.systemctl("kill", "-s", "KILL", "chatcored")
    machine.until("NRestarts", "1")
    machine.until("ActiveState", "active")
    assert asyncio.run(said(machine, sent)) == ["before the kill"]
    assert machine.systemctl("stop", "chatcored").returncode == 0
    assert (machine.show("ActiveState"), machine.show("Result")) == ("inactive", "success")


def main():
    if os.geteuid() != 0:
        skip("it takes root to make namespaces")
    for tool in ("unshare", "nsenter", "systemctl", "/lib/systemd/systemd"):
        if not shutil.which(tool):
            skip(f"{tool} is not installed")
    with Machine() as machine:
        machine.booted()
        the_unit_runs(machine)
    print("ok the_unit_runs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
