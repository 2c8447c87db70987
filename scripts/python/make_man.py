#!/usr/bin/env python3
"""Writes a manual page.

  make_man.py program OUT VERSION EIGENCAM TEXT               eigencam(1)
  make_man.py command OUT VERSION EIGENCAM COMMAND [TEXT]     eigencam-COMMAND(1)
  make_man.py header  OUT VERSION HEADER                      eigencam_NAME(3)

What a command says for --help is its synopsis and options; TEXT has the rest:
paragraphs under lines that begin with "# ", lines indented by four are shown as
they are. A library's page is its header's comments and declarations.
"""
import os
import re
import subprocess
import sys

EXIT_STATUS = """# EXIT STATUS
0 for success, 1 for a failure while running, 2 for wrong arguments, files and endpoints."""
LIBRARIES = {"cam": "eigencam", "tensor": "eigencam", "status": "eigencam",
             "publisher": "eigencam-client", "subscriber": "eigencam-client"}


def escape(text):
    """Text of a page, which no line of must look like a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("^", "\\(ha").replace("~", "\\(ti")
    text = text.replace("`", "\\(ga").replace("'", "\\(aq").replace('"', "\\(dq")
    return re.sub(r"^(?=[.'])", r"\\&", text, flags=re.M)


def title(name, section, version):
    head = f'.TH "{name.upper()}" "{section}" "" "eigencam {version}" "eigencam"'
    return f'.\\" Written by make_man.py\n{head}\n.nh\n.ad l\n'


def heading(name):
    return f'.SH "{escape(name)}"\n'


def literal(text):
    return f".PP\n.RS 4\n.nf\n{escape(text)}\n.fi\n.RE\n"


def paragraph(text):
    return f".PP\n{escape(text)}\n"


def is_table(text):
    """Whether a comment's lines are laid out in columns, or indented."""
    lines = text.splitlines()
    return any(re.search(r"\S {2,}\S", line) for line in lines) or any(line.startswith(" ") for line in lines)


def render(text):
    """A descriptive text."""
    page = ""
    for block in filter(None, re.split(r"\n\s*\n", text.strip("\n"))):
        first, _, rest = block.partition("\n")
        if first.startswith("# "):
            page += heading(first[2:])
            block = rest
        if block.startswith("    "):
            page += literal("\n".join(line[4:] for line in block.splitlines()))
        elif block:
            page += paragraph(block)
    return page


def halves(text):
    """What comes before the first heading, and the rest."""
    about, mark, rest = ("\n" + text).partition("\n# ")
    return about, mark + rest


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def help_of(*command):
    return subprocess.run([*command, "--help"], check=True, capture_output=True, text=True).stdout


def commands_of(program):
    """Each command's name and the line about it."""
    return dict(re.findall(r"^  (\S+) +(.+)$", help_of(program), re.M))


def options_of(text):
    """Each option as it is written, and what is said about it."""
    # A long one has its explanation on the next line.
    return re.findall(r"^  (--\S+(?: \S+)*)(?:  +|\n {3,})(\S.*)$", text, re.M)


def see_also(others):
    return heading("SEE ALSO") + ",\n".join(f".BR {escape(name)} ({section})" for name, section in others) + "\n"


def program_page(version, program, text):
    page = title("eigencam", 1, version) + heading("NAME")
    page += "eigencam \\- see what a network looks at while it trains\n"
    page += heading("SYNOPSIS") + ".B eigencam\n.I COMMAND\n.RI [ options ]\n"
    about, more = halves(read(text))
    page += heading("DESCRIPTION") + render(about) + heading("COMMANDS")
    commands = commands_of(program)
    for name, what in commands.items():
        page += f".TP\n.BR eigencam\\-{escape(name)} (1)\n{escape(what)}\n"
    pages = [(f"eigencam-{name}", 1) for name in commands] + [(f"eigencam_{name}", 3) for name in LIBRARIES]
    return page + render(EXIT_STATUS) + render(more) + see_also(pages)


def command_page(version, program, command, text=None):
    said = help_of(program, command)
    usage, summary = re.match(r"usage: (.+)\n\n((?:.+\n)+)", said).groups()
    page = title(f"eigencam-{command}", 1, version) + heading("NAME")
    page += f"eigencam\\-{escape(command)} \\- {escape(commands_of(program)[command])}\n"
    page += heading("SYNOPSIS") + f".B {escape(usage)}\n"
    description, more = halves(read(text) if text else "")
    page += heading("DESCRIPTION") + paragraph(summary.strip()) + render(description) + heading("OPTIONS")
    for written, about in options_of(said):
        name, _, value = written.partition(" ")
        page += f".TP\n.BI {escape(name)}" + (f' " {escape(value)}"' if value else "") + f"\n{escape(about)}\n"
    return page + render(EXIT_STATUS) + render(more) + see_also([("eigencam", 1)])


def blocks_of(header):
    """What a header declares, with the comment in front of each: (comment, code)."""
    body = header.split('extern "C" {\n#endif\n', 1)[1].rsplit("#ifdef __cplusplus", 1)[0]
    for block in re.split(r"\n\s*\n", body.strip("\n")):
        comment, code = "", block
        if block.startswith("/*"):
            comment, _, code = block.partition("*/\n") if "*/\n" in block else (block, "", "")
        if "__attribute__" not in code:  # compilers' business
            yield comment_text(comment), re.sub(r"^ECAM_API (.*(?:\n +.*)*)", moved_left, code.rstrip("\n"), flags=re.M)


def moved_left(declaration):
    return declaration[1].replace("\n" + " " * len("ECAM_API "), "\n")


def comment_text(comment):
    lines = re.sub(r"^/\*|\*/$", "", comment.strip()).strip("\n").splitlines()
    return "\n".join(re.sub(r"^ ?\*? ?", "", line, count=1).rstrip() for line in lines).strip()


def prose(text):
    return "".join(literal(part) if is_table(part) else paragraph(part)
                   for part in re.split(r"\n\s*\n", text) if part.strip())


def header_page(version, path):
    name = os.path.basename(path)[:-2]
    header = read(path)
    about = comment_text(header[:header.index("*/") + 2])
    functions = re.findall(r"ECAM_API\b[^;{]*?\b(ecam_\w+)\)?\s*\(", header)
    page = title(f"eigencam_{name}", 3, version) + heading("NAME")
    names = [f"eigencam_{name}", *dict.fromkeys(functions)]
    sentence = re.split(r"[:.](?:\s|$)", " ".join(about.split()), maxsplit=1)[0]
    page += ", ".join(escape(n) for n in names) + f" \\- {escape(sentence)}\n"
    page += heading("SYNOPSIS") + f".nf\n#include <eigencam/{name}.h>\n.fi\n"
    page += paragraph(f"cc $(pkg-config --cflags --libs {LIBRARIES[name]})")
    page += heading("DESCRIPTION") + prose(about) + heading("INTERFACE")
    for comment, code in blocks_of(header):
        page += (literal(code) if code else "") + prose(comment)
    others = [(f"eigencam_{other}", 3) for other in LIBRARIES if other != name]
    return page + see_also([("eigencam", 1), *others])


PAGES = {"program": program_page, "command": command_page, "header": header_page}


def main():
    kind, out, *rest = sys.argv[1:]
    page = re.sub(r"^(\.SH .*\n)\.PP\n", r"\1", PAGES[kind](*rest), flags=re.M)
    with open(out, "w", encoding="utf-8") as file:
        file.write(page)


main()
