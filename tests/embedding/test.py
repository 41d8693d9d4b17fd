#!/usr/bin/python3
"""Programs outside the tree build with libchatcore in each way that docs/guide.md tells, and run.

    test.py SOURCE
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = ["examples/embed_minimal/embed_minimal.c", "examples/cpp_minimal/cpp_minimal.cpp"]


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, timeout=600, **options)
    assert done.returncode == 0, (command, done.stdout[-3000:])
    return done.stdout


def project(name, source, folder):
    """A copy of one of the projects here, with the programs of the examples."""
    copy = folder / name
    shutil.copytree(HERE / name, copy)
    for program in PROGRAMS:
        shutil.copy(source / program, copy)
    return copy


def says_hello(program, folder, **environment):
    said = run(program, cwd=folder, env=dict(os.environ, **environment))
    assert said.startswith("bob has: Hello"), said


def installed(source, folder):
    prefix = folder / "prefix"
    build = folder / "library"
    run("meson", "setup", build, source, "--prefix", prefix, "--libdir", "lib", "--buildtype",
        "release", "-Dtests=false", "-Dwerror=false")
    run("meson", "install", "-C", build, "--quiet")
    return prefix


def with_cmake(source, folder):
    prefix = installed(source, folder)
    copy = project("cmake", source, folder)
    run("cmake", "-S", copy, "-B", copy / "build", f"-DCMAKE_PREFIX_PATH={prefix}",
        env=dict(os.environ, PKG_CONFIG_PATH=str(prefix / "lib/pkgconfig")))
    run("cmake", "--build", copy / "build")
    for program in ("in_c", "in_cpp", "by_pkg_config"):
        (copy / program).mkdir()
        says_hello(copy / "build" / program, copy / program, LD_LIBRARY_PATH=str(prefix / "lib"))


def with_external_project(source, folder):
    copy = project("external", source, folder)
    run("cmake", "-S", copy, "-B", copy / "build", f"-DCHATCORE_SOURCE={source}")
    run("cmake", "--build", copy / "build")
    says_hello(copy / "build/in_c", copy)


def as_subproject(source, folder):
    copy = project("meson", source, folder)
    (copy / "subprojects").mkdir()
    (copy / "subprojects/chatcore").symlink_to(source)
    run("meson", "setup", copy / "build", copy, "--buildtype", "release")
    run("ninja", "-C", copy / "build")
    for program in ("in_c", "in_cpp"):
        (copy / program).mkdir()
        says_hello(copy / "build" / program, copy / program)
    # None of the library's own programs and tests are in a host's build.
    assert not (copy / "build/subprojects/chatcore/examples/chatcored").exists()


def main():
    source = pathlib.Path(sys.argv[1]).resolve()
    if not shutil.which("cmake"):
        print("cmake is not installed")
        return 77
    for way in (as_subproject, with_cmake, with_external_project):
        with tempfile.TemporaryDirectory(prefix="chatcore-embedding-") as folder:
            way(source, pathlib.Path(folder))
        print("ok", way.__name__, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
