#!/usr/bin/env python3
"""Sum gcov's figures over the sources: coverage.py BUILD. Prints a table, then the bounds that
hold and the last line: N passed, N failed."""
import collections
import gzip
import json
import os
import subprocess
import sys
import tempfile

WHOLE = 90.0  # per cent of the lines of src
EVERY_LINE = ("src/wire/scan.c", "src/shm/ring_copy.c", "src/shm/ring_read.c", "src/shm/ring_write.c")


def read(build):
    """Source -> line -> how often it ran; a line counts if any object that has it ran it."""
    ran = collections.defaultdict(dict)
    root = os.getcwd()
    notes = [os.path.join(folder, name) for folder, _, names in os.walk(build)
             for name in names if name.endswith(".gcda")]
    with tempfile.TemporaryDirectory() as folder:
        for i in range(0, len(notes), 50):
            subprocess.run(["gcov", "--json-format", *[os.path.abspath(n) for n in notes[i:i + 50]]],
                           cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
            for name in os.listdir(folder):
                with gzip.open(os.path.join(folder, name), "rt", encoding="utf-8") as file:
                    for source in json.load(file)["files"]:
                        path = os.path.relpath(os.path.normpath(os.path.join(build, source["file"])), root)
                        if not path.startswith("src" + os.sep):
                            continue
                        lines = ran[path]
                        for line in source["lines"]:
                            number = line["line_number"]
                            lines[number] = lines.get(number, 0) + line["count"]
                os.remove(os.path.join(folder, name))
    return ran


def share(counts):
    return 100.0 * sum(1 for count in counts if count) / len(counts) if counts else 0.0


def main():
    ran = read(sys.argv[1])
    folders = collections.defaultdict(list)
    for path, lines in ran.items():
        folders[os.path.dirname(path)].extend(lines.values())
    for folder in sorted(folders):
        print(f"{folder:<14} {len(folders[folder]):>6} lines {share(folders[folder]):6.1f} %")
    for path in sorted(ran, key=lambda path: share(list(ran[path].values())))[:15]:
        print(f"least: {path} {share(list(ran[path].values())):.1f} %")
    whole = share([count for lines in ran.values() for count in lines.values()])
    results = [(whole >= WHOLE, f"src: {whole:.1f} % of its lines, {WHOLE:g} % at least")]
    for path in EVERY_LINE:
        missed = sorted(number for number, count in ran.get(path, {0: 0}).items() if not count)
        results.append((not missed, f"{path}: every line" + (f", but not {missed}" if missed else "")))
    for good, text in results:
        print(f"{'ok' if good else 'FAILED'}: {text}")
    failed = sum(1 for good, _ in results if not good)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
