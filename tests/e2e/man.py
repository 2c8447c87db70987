"""The manual pages: that they say what the program and the headers say."""
import glob
import os
import re
import shutil
import subprocess

from support.program import run
from support.tap import case, cases_of, main

MAN = os.environ["MAN_PAGES"]
INCLUDE = os.path.join(os.environ["SOURCE_ROOT"], "include", "eigencam")
PAGES = sorted(os.path.basename(path) for path in glob.glob(os.path.join(MAN, "*.[13]")))


def page(name):
    """Its text, without what makes characters out of them."""
    with open(os.path.join(MAN, name), encoding="utf-8") as file:
        text = file.read()
    for name, character in (("\\-", "-"), ("\\(aq", "'"), ("\\(dq", '"'), ("\\(ti", "~"), ("\\(ga", "`"),
                            ("\\(ha", "^"), ("\\&", ""), ("\\e", "\\")):
        text = text.replace(name, character)
    return text


def help_lines(*command):
    status, out, err = run(*command, "--help")
    assert status == 0 and not err, err
    return out


COMMANDS = [line.split()[0] for line in help_lines() if re.match(r"  \S", line)]


@case
def every_command_has_a_page():
    assert len(COMMANDS) >= 9
    assert [name for name in PAGES if name.endswith(".1")] == sorted(
        ["eigencam.1", *(f"eigencam-{command}.1" for command in COMMANDS)])
    listed = page("eigencam.1")
    assert all(f".BR eigencam-{command} (1)\n" in listed for command in COMMANDS)


@cases_of("eigencam-{}(1) has every option that --help has", COMMANDS)
def options(command):
    lines, text = help_lines(command), page(f"eigencam-{command}.1")
    count = 0
    for number, line in enumerate(lines):
        option = re.match(r"  (--\S+)(.*)", line)
        if not option:
            continue
        count += 1
        assert re.search(rf'^\.BI {option[1]}(?: "|$)', text, re.M), option[1]
        value, _, about = option[2].strip().partition("  ")
        if line.startswith(f"  {option[1]}  "):
            value, about = "", option[2].strip()
        about = (about or lines[number + 1]).strip()
        expected = f'.BI {option[1]} " {value}"\n{about}\n' if value else f".BI {option[1]}\n{about}\n"
        assert expected in text, expected
    assert count >= 2 and f".B {lines[0].removeprefix('usage: ')}\n" in text
    assert text.count(".BI --") == count


@case
def every_header_has_a_page_with_all_that_it_declares():
    headers = sorted(name for name in os.listdir(INCLUDE) if name != "eigencam.h")
    assert [f"eigencam_{name[:-2]}.3" for name in headers] == [name for name in PAGES if name.endswith(".3")]
    for name in headers:
        with open(os.path.join(INCLUDE, name), encoding="utf-8") as file:
            header = file.read()
        text = page(f"eigencam_{name[:-2]}.3")
        names = re.search(r'"NAME"\n(.*) - ', text)[1].split(", ")
        functions = re.findall(r"^ECAM_API\b[^;{]*?\b(ecam_\w+)\)?\s*\(", header, re.M)
        assert functions and sorted(set(functions)) == sorted(names[1:]), name
        for function in functions:
            assert re.search(rf"\b{function}\)?\(", text[text.index('"INTERFACE"'):]), function
        for word in re.findall(r"^} (ecam_\w+);", header, re.M):
            assert f"}} {word};" in text, word
        assert "ECAM_API" not in text, name


if shutil.which("man"):
    @cases_of("man shows {} without a warning", PAGES)
    def lint(name):
        done = subprocess.run(
            ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", os.path.join(MAN, name)], capture_output=True,
            text=True, env={**os.environ, "LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80"}, check=False)
        assert done.returncode == 0 and not done.stderr, done.stderr
        assert len(done.stdout.splitlines()) > 20, done.stdout


main()
