"""Builds the library with meson when the system has none, and the extension against it.

CHATCORE_SYSTEM=1 takes the installed one (pkg-config chatcore); else the library is built from the
tree that this folder is in, and comes along in the package.
"""
from setuptools import setup

setup(options={"bdist_wheel": {"py_limited_api": "cp310"}},
      cffi_modules=["build_chatcore.py:ffi", "build_chatcore.py:suites"])
