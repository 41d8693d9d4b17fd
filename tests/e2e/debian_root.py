"""A fresh Debian 12 in a folder, made by mmdebstrap, to try what a stranger would on a machine that
has nothing yet. It shares the network and the certificates of this machine, and nothing else.

    with DebianRoot() as root:
        root.run("apt-get", "install", "--yes", "./program.deb", cwd="/root")
"""
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request

MIRROR = "http://deb.debian.org/debian"
# What lets a machine reach PyPI and Debian from behind a proxy of its own.
CERTIFICATES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/apt/apt.conf.d")

ENTER = """
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
root=$1; folder=$2; shift 2
exec chroot "$root" /usr/bin/env --chdir "$folder" -- "$@"
"""


def why_not():
    """Why such a root can't be made here, or None."""
    if os.geteuid() != 0:
        return "a root of its own takes root's rights"
    if not shutil.which("mmdebstrap"):
        return "mmdebstrap is not installed"
    if subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], check=False,
                      capture_output=True).returncode:
        return "mounts of one's own are not allowed here"
    try:
        urllib.request.urlopen(f"{MIRROR}/dists/bookworm/Release", timeout=20).close()
    except (urllib.error.URLError, OSError) as error:
        return f"no mirror of Debian: {error}"
    return None


class DebianRoot:
    """With these packages besides."""

    def __init__(self, *packages):
        self.packages = ("ca-certificates", *packages)
        self.path = tempfile.mkdtemp(prefix="chatcore-debian-")

    def __enter__(self):
        subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", "--include=" + ",".join(self.packages),
                        "bookworm", self.path, MIRROR], check=True, stdin=subprocess.DEVNULL)
        for path in CERTIFICATES:
            if os.path.isdir(path):
                shutil.copytree(path, self.path + path, dirs_exist_ok=True)
            elif os.path.exists(path):
                shutil.copy(path, self.path + path)
        shutil.copy("/etc/resolv.conf", f"{self.path}/etc/resolv.conf")
        return self

    def __exit__(self, *_):
        # Mounts are in namespaces that end with their programs: there is nothing to unmount.
        shutil.rmtree(self.path, ignore_errors=True)

    def start(self, *command, cwd="/", **options):
        """The program within the root, in a session of its own; it is ended by its process group."""
        return subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", ENTER, "enter",
             self.path, cwd, *command],
            env={"HOME": "/root", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                 "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL, text=True, errors="replace", **options)

    def run(self, *command, cwd="/"):
        """What it said; an assertion where it failed."""
        process = self.start(*command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said, _ = process.communicate()
        assert process.returncode == 0, (command, said[-3000:])
        return said
