#!/usr/bin/python3
"""The Debian packages: dpkg installs them into an empty root, and what is there serves.

Once with the libraries of this machine; once by apt on a fresh Debian, where what a package forgets
to name is missing.

    package_test.py SOURCE
"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request

from debian_root import DebianRoot, why_not
from harness import Server, free_port, page_when_served, skip


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def installed(packages, root):
    os.makedirs(f"{root}/var/lib/dpkg")
    open(f"{root}/var/lib/dpkg/status", "w", encoding="ascii").close()
    run("dpkg", f"--root={root}", "--force-not-root", "--force-depends", "--force-script-chrootless",
        "--install", *packages)


def serves(root):
    library = glob.glob(f"{root}/usr/lib/*/libchatcore.so.0")[0]
    os.environ["LD_LIBRARY_PATH"] = os.path.dirname(library)
    settings = f"{root}/etc/chatcore/chatcored.conf"
    run(f"{root}/usr/bin/chatcored", "--check-config", "--config", settings)
    with Server("--config", settings, path=f"{root}/usr/bin/chatcored") as server:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/readyz") as answer:
            assert answer.status == 200
        run(f"{root}/usr/bin/chatcorectl", "stats", f"127.0.0.1:{server.port}")


def apt_installs(packages):
    port = free_port()
    with DebianRoot() as root:
        for path in packages:
            shutil.copy(path, f"{root.path}/root")
        names = [f"./{os.path.basename(path)}" for path in packages]
        root.run("apt-get", "update", "-q")
        root.run("apt-get", "install", "--yes", "-q", "--no-install-recommends", *names, cwd="/root")
        server = root.start("chatcored", "--config", "/etc/chatcore/chatcored.conf", "--dev",
                            "--data", "/root/data", "--listen", f"127.0.0.1:{port}")
        try:
            page_when_served(f"http://127.0.0.1:{port}/readyz", server, 60)
        finally:
            server.kill()
            server.wait()
        root.run("apt-get", "purge", "--yes", "-q", "chatcored", "libchatcore1")
        assert not os.path.exists(f"{root.path}/etc/chatcore/chatcored.conf")


def main():
    for tool in ("dpkg", "dpkg-deb", "dpkg-shlibdeps", "dpkg-architecture"):
        if not shutil.which(tool):
            skip(f"{tool} is not installed (package dpkg-dev)")
    with tempfile.TemporaryDirectory(prefix="chatcore-package-") as folder:
        run(f"{sys.argv[1]}/tools/package", folder)
        packages = sorted(glob.glob(f"{folder}/*.deb"))
        names = [os.path.basename(path).split("_")[0] for path in packages]
        assert names == ["chatcored", "libchatcore-client0", "libchatcore-dev",
                         "libchatcore1"], names
        needed = run("dpkg-deb", "-f", packages[3], "Depends")
        assert "libwebsockets-evlib-uv" in needed and "liblmdb0" in needed, needed
        assert "libchatcore.so\n" in run("dpkg-deb", "-c", packages[2]).replace(" -> ", "\n")
        if shutil.which("lintian"):
            assert not run("lintian", "--allow-root", "--fail-on", "error,warning", *packages)
        installed(packages, f"{folder}/root")
        serves(f"{folder}/root")
        for page in ("man1/chatcorectl.1", "man5/chatcored.conf.5", "man8/chatcored.8"):
            assert os.path.exists(f"{folder}/root/usr/share/man/{page}.gz"), page
        print("ok packages_install_and_serve")
        reason = why_not()
        if reason:
            print(f"SKIPPED apt_installs_on_a_fresh_machine: {reason}")
        else:
            apt_installs(packages)
            print("ok apt_installs_on_a_fresh_machine")
    return 0


if __name__ == "__main__":
    sys.exit(main())
