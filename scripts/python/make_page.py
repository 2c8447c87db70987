#!/usr/bin/env python3
"""Writes the files of the gallery's page as C: see src/web/page.h.

    make_page.py OUT.c FILE...
"""
import hashlib
import os
import sys

TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
START = "index.html"  # what / is
LINE = 24  # bytes


def array(number, data):
    rows = [",".join(map(str, data[at:at + LINE])) for at in range(0, len(data), LINE)]
    return f"static const unsigned char file_{number}[] = {{\n" + ",\n".join(rows or ["0"]) + "};\n"


def entry(number, name, data):
    path = "/" if name == START else "/" + name
    etag = hashlib.sha256(data).hexdigest()[:32]
    return f'    {{"{path}", "{TYPES[os.path.splitext(name)[1]]}", "\\"{etag}\\"", file_{number}, {len(data)}}},\n'


def main():
    out, *names = sys.argv[1:]
    files = []
    for name in sorted(names, key=os.path.basename):
        with open(name, "rb") as file:
            files.append((os.path.basename(name), file.read()))
    with open(out, "w", encoding="utf-8") as file:
        file.write('#include "web/page.h"\n\n')
        file.writelines(array(number, data) for number, (_, data) in enumerate(files))
        file.write("\nconst ecam_page_file ecam_page_files[] = {\n")
        file.writelines(entry(number, *named) for number, named in enumerate(files))
        file.write("    {NULL, NULL, NULL, NULL, 0},\n};\n")


main()
