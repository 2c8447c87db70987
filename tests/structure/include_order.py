"""A file includes its own folder and lower ones, and each library has its users."""
import os
import re

from support.tap import case, cases_of, main

ROOT = os.environ["SOURCE_ROOT"]

# base < cam, wire, shm, codec < client, sinks < stage, web < cli
LEVELS = {"base": 0, "cam": 1, "wire": 1, "shm": 1, "codec": 1, "client": 2, "sinks": 2, "stage": 3, "web": 3,
          "cli": 4}

# Public headers stand where what they declare does; wire encodes the client's types.
PUBLIC = {"status.h": set(LEVELS), "tensor.h": set(LEVELS),
          "cam.h": {"cam", "sinks", "stage", "web", "cli"},
          "subscriber.h": {"wire", "client", "sinks", "stage", "web", "cli"},
          "publisher.h": {"wire", "shm", "client", "stage", "web", "cli"}}

# A library's headers -> the folders that may know it.
LIBRARIES = {r"lapacke\.h|cblas\.h|openblas.*": {"cam"},
             r"png\.h|pngconf\.h": {"codec"},
             r"libdeflate\.h|zlib\.h|pango/.*|cairo.*": {"codec"},
             r"msgpack.*": {"wire"},
             r"zmq.*": {"client", "stage", "cli"},
             r"sqlite3\.h": {"sinks", "web"},
             r"xxhash\.h": {"sinks"},
             r"protobuf-c/.*|.*\.pb-c\.h": {"sinks"},
             r"yaml\.h|cyaml.*": {"stage"},
             r"jansson\.h": {"stage", "web"},
             r"microhttpd\.h": {"web"}}

# Mathematics opens, logs and waits for nothing.
NOT_IN_CAM = {"stdio.h", "fcntl.h", "unistd.h", "pthread.h", "sys/mman.h", "sys/socket.h", "sys/stat.h", "time.h",
              "signal.h", "poll.h"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def sources(folder):
    for name in sorted(os.listdir(os.path.join(ROOT, "src", folder))):
        if name.endswith((".c", ".h")):
            yield os.path.join("src", folder, name)


def includes(path):
    """Line, whether in quotes, and name of each include."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        for line, text in enumerate(file, 1):
            found = INCLUDE.match(text)
            if found:
                yield line, found[1] == '"', found[2]


def folders():
    found = sorted(d for d in os.listdir(os.path.join(ROOT, "src"))
                   if os.path.isdir(os.path.join(ROOT, "src", d)) and list(sources(d)))
    assert found, "there are no sources"
    return found


def check(breaches):
    assert not breaches, "\n".join(breaches)


@case
def every_folder_has_its_level():
    check([f"src/{folder} has no level" for folder in folders() if folder not in LEVELS])


@cases_of("{} includes itself and what lies below", folders())
def order(folder):
    breaches = []
    for path in sources(folder):
        for line, quoted, name in includes(path):
            below, slash, rest = name.partition("/")
            if not quoted:
                continue
            if below == "eigencam":
                if folder not in PUBLIC.get(rest, set()):
                    breaches.append(f"{path}:{line}: {folder} includes {name}")
            elif not slash or below not in LEVELS:
                breaches.append(f"{path}:{line}: {name} is not named from src/")
            elif below != folder and LEVELS[below] >= LEVELS[folder]:
                breaches.append(f"{path}:{line}: {folder} includes {name}")
    check(breaches)


@cases_of("{} knows its own libraries only", folders())
def libraries(folder):
    breaches = []
    for path in sources(folder):
        for line, quoted, name in includes(path):
            for pattern, users in LIBRARIES.items():
                if not quoted and re.fullmatch(pattern, name) and folder not in users:
                    breaches.append(f"{path}:{line}: <{name}> is for {', '.join(sorted(users))}")
    check(breaches)


@case
def cam_knows_no_files_threads_or_clocks():
    check([f"{path}:{line}: <{name}>" for path in sources("cam") for line, _, name in includes(path)
           if name in NOT_IN_CAM])


@case
def public_headers_include_public_ones_only():
    breaches = []
    folder = os.path.join("include", "eigencam")
    for header in sorted(os.listdir(os.path.join(ROOT, folder))):
        for line, quoted, name in includes(os.path.join(folder, header)):
            if quoted != name.startswith("eigencam/"):
                breaches.append(f"{folder}/{header}:{line}: {name}")
    check(breaches)


@case
def eigencam_h_includes_all_public_headers():
    folder = os.path.join("include", "eigencam")
    named = {name for _, _, name in includes(os.path.join(folder, "eigencam.h"))}
    there = {"eigencam/" + name for name in os.listdir(os.path.join(ROOT, folder))} - {"eigencam/eigencam.h"}
    check([f"{name} is missing" for name in sorted(there - named)])


main()
