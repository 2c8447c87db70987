"""Each public header compiles alone, in C and in C++; each internal one in C."""
import os
import shlex
import subprocess

from support.tap import cases_of, main

ROOT = os.environ["SOURCE_ROOT"]
CC = shlex.split(os.environ.get("CC") or "cc")
CXX = shlex.split(os.environ.get("CXX") or "g++")
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]

# Made to be included in the middle of a file: each kernel is compiled for several processors.
TEMPLATES = "cam/kernels_"


def public():
    return ["eigencam/" + name for name in sorted(os.listdir(os.path.join(ROOT, "include", "eigencam")))]


def internal():
    src = os.path.join(ROOT, "src")
    folders = [d for d in sorted(os.listdir(src)) if os.path.isdir(os.path.join(src, d))]
    found = [f"{folder}/{name}" for folder in folders for name in sorted(os.listdir(os.path.join(src, folder)))
             if name.endswith(".h")]
    return [name for name in found if not name.startswith(TEMPLATES)]


def compile_alone(command, language, header, folders):
    # Twice, so that its guard is needed; the declaration keeps C from being empty.
    text = f'#include "{header}"\n#include "{header}"\nint not_empty;\n'
    paths = [f"-I{os.path.join(ROOT, folder)}" for folder in folders]
    run = subprocess.run([*command, *STRICT, *paths, "-x", language, "-"], input=text, text=True, capture_output=True,
                         check=False)
    assert run.returncode == 0, "\n".join(run.stderr.splitlines()[:20])


@cases_of("{} alone in C11", public())
def in_c(header):
    compile_alone([*CC, "-std=c11"], "c", header, ["include"])


@cases_of("{} alone in C++17", public())
def in_cpp(header):
    compile_alone([*CXX, "-std=c++17"], "c++", header, ["include"])


@cases_of("{} alone in C", internal())
def in_gnu_c(header):
    compile_alone([*CC, "-std=gnu11", "-D_GNU_SOURCE"], "c", header, ["include", "src"])


main()
