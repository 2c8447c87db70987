"""scripts/bench, once everything is built; see there for the usage."""
import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import machine
import report

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ORDER = ("projection", "drawing", "png", "epoch", "all")
ONE_THREAD = {name: "1" for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")}
SETTINGS = {"one": "one thread", "all": "all cores"}


def part_names():
    """The parts that there are, those of ORDER first."""
    found = {path.stem[len("part_"):] for path in HERE.glob("part_*.py")}
    return [name for name in ORDER if name in found] + sorted(found - set(ORDER))


def read_arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("--check", action="store_true", help="fail when a target is missed")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--build", type=Path, metavar="FOLDER", default=ROOT / "build-bench")
    parser.add_argument("--measure", nargs=2, metavar=("SETTING", "INTO"), help=argparse.SUPPRESS)
    parser.add_argument("parts", nargs="*", metavar="PART",
                        help=f"one of {', '.join(part_names())}; default: all")
    arguments = parser.parse_args()
    for name in arguments.parts:
        if name not in part_names():
            parser.error(f"there is no part {name!r}; expected {', '.join(part_names())}")
    arguments.json = arguments.json or arguments.build / "bench.json"
    arguments.parts = arguments.parts or part_names()
    return arguments


# ---- in a process of its own, with its environment set ----


def limit_threads():
    import cv2
    import torch

    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def measure(part, setting_name, into, build):
    from harness import Setting

    setting = Setting(build, setting_name == "one")
    if setting.one_thread:
        limit_threads()
    module = importlib.import_module(f"part_{part}")
    cases = module.measure(setting)
    found = {"part": part, "setting": setting_name, "title": module.TITLE, "cases": cases,
             "targets": [t.facts() for t in module.targets(cases)] if setting.one_thread else []}
    if part == "projection" and setting.one_thread:
        from library import Floor
        found["floor"] = Floor(setting).facts()
    Path(into).write_text(json.dumps(found), encoding="utf-8")


# ---- the one that starts them ----


def environments(build):
    """For the parts, and what this process was given."""
    plain = {**os.environ, "PYTHONPATH": str(ROOT / "tests"), "PYTHONDONTWRITEBYTECODE": "1",
             "EIGENCAM": str(build / "src" / "eigencam")}
    core = plain.get("OPENBLAS_CORETYPE") or machine.better_core()
    return ({**plain, "OPENBLAS_CORETYPE": core} if core else plain), plain


def run_part(part, setting_name, build, environment):
    if setting_name == "one":
        environment = {**environment, **ONE_THREAD}
    with tempfile.NamedTemporaryFile(suffix=".json") as into:
        subprocess.run([sys.executable, __file__, "--build", build, "--measure", setting_name,
                        into.name, part], env=environment, check=True)
        return json.loads(Path(into.name).read_text(encoding="utf-8"))


def run_all(arguments):
    environment, plain = environments(arguments.build)
    result = {"machine": machine.facts(ROOT, arguments.build, environment, plain), "parts": []}
    print(report.machine(result["machine"], None), flush=True)
    for part in arguments.parts:
        for setting_name, words in SETTINGS.items():
            start = time.monotonic()
            found = run_part(part, setting_name, arguments.build, environment)
            found["seconds"] = time.monotonic() - start
            if found["cases"]:
                result["parts"].append(found)
                print(report.part(found, words), flush=True)
    return result


def main():
    arguments = read_arguments()
    if arguments.measure:
        return measure(arguments.parts[0], *arguments.measure, arguments.build)
    start = time.monotonic()
    result = run_all(arguments)
    result["seconds"] = time.monotonic() - start
    result["targets"] = [t for part in result["parts"] for t in part["targets"]]
    floor = next((part["floor"] for part in result["parts"] if "floor" in part), None)
    if floor:
        print(report.machine(result["machine"], floor))
    text, missed = report.targets(result["targets"], result["machine"]["avx512"])
    print(text)
    arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"{arguments.json} holds all figures; {result['seconds']:.0f} s")
    if arguments.check and missed:
        print("bench: missed:\n" + "\n".join(missed), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
