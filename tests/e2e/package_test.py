#!/usr/bin/python3
"""The Debian packages: dpkg installs them into an empty root, and what is there serves.

Not in a root of its own with all dependencies: that takes a mirror. The libraries that the packages
depend on are those of this machine; that they are named is looked at.

    package_test.py SOURCE
"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request

from harness import Server, skip


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
    return 0


if __name__ == "__main__":
    sys.exit(main())
