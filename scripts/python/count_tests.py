#!/usr/bin/env python3
"""Sum the cases of meson test runs: count_tests.py BUILD=testlog.json...

Every test program speaks TAP, so a program's cases count one by one; one that
crashed, ran out of time or broke its plan counts as one more failure. Prints
what failed with its output, then the last line: N passed, N failed.
"""
import json
import re
import sys

CASE = re.compile(r"^(not )?ok\b\s*\d*\s*-?\s*(.*?)(\s*#\s*skip.*)?$", re.IGNORECASE)
SHOWN_LINES = 80


def read_cases(stdout):
    """(name, "passed" | "failed" | "skipped") of each TAP line."""
    for line in stdout.splitlines():
        match = CASE.match(line)
        if match:
            bad, name, skip = match.groups()
            yield name, "skipped" if skip else "failed" if bad else "passed"


def tail(text):
    return "".join(f"    {line}\n" for line in text.splitlines()[-SHOWN_LINES:])


def count_program(build, test, totals):
    outcomes = list(read_cases(test.get("stdout", "")))
    failed = [name for name, outcome in outcomes if outcome == "failed"]
    for _, outcome in outcomes:
        totals[outcome] += 1
    if test["result"] not in ("OK", "SKIP") and not failed:
        failed.append(f"the program itself: {test['result']}, exit status {test['returncode']}")
        totals["failed"] += 1
    if not failed:
        return
    for name in failed:
        print(f"FAILED {build}: {test['name']}: {name}")
    print(tail(test.get("stdout", "")) + tail(test.get("stderr", "")))


def main():
    totals = {"passed": 0, "failed": 0, "skipped": 0}
    for argument in sys.argv[1:]:
        build, path = argument.split("=", 1)
        try:
            with open(path, encoding="utf-8") as log:
                for line in log:
                    count_program(build, json.loads(line), totals)
        except FileNotFoundError:
            print(f"FAILED {build}: no test ran")
            totals["failed"] += 1
    skipped = f", {totals['skipped']} skipped" if totals["skipped"] else ""
    print(f"{totals['passed']} passed, {totals['failed']} failed{skipped}")
    return 1 if totals["failed"] or not totals["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
