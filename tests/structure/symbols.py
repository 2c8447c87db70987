"""What the shared libraries show and what they need."""
import os
import re
import subprocess

from support.tap import case, cases_of, main

ROOT = os.environ["SOURCE_ROOT"]
LIBRARIES = {"libeigencam": os.environ["LIBEIGENCAM"], "libeigencam-client": os.environ["LIBEIGENCAM_CLIENT"]}

# Which library holds what a public header declares.
HOLDERS = {"status.h": ["libeigencam", "libeigencam-client"], "tensor.h": ["libeigencam", "libeigencam-client"],
           "cam.h": ["libeigencam"], "subscriber.h": ["libeigencam-client"], "publisher.h": ["libeigencam-client"]}

# A trainer that loads the client must not get these.
UNWANTED = re.compile(r"lib(open)?blas|liblapack|libpng|libcairo|libpango|libsqlite|libyaml|libjansson|libdeflate|"
                      r"libgomp|libgfortran")


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def exported(library):
    """Names that other programs can link to; sanitizers add some of their own."""
    lines = output_of("nm", "-D", "--defined-only", library).splitlines()
    names = [line.split()[-1].partition("@")[0] for line in lines]
    return {name for name in names if not name.startswith(("__asan_", "__odr_asan", "__ubsan_", "__tsan_"))}


def declared(header):
    with open(os.path.join(ROOT, "include", "eigencam", header), encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
    found = re.findall(r"ECAM_API\b[^;{]*?\b(ecam_\w+)\)?\s*\(", text)
    assert len(found) >= text.count("ECAM_API ") - text.count("define ECAM_API"), f"{header}: {found}"
    return found


@cases_of("{} shows nothing but ecam_", LIBRARIES)
def private(name):
    foreign = sorted(s for s in exported(LIBRARIES[name]) if not s.startswith("ecam_"))
    assert not foreign, foreign


@cases_of("{} shows nothing that no public header declares", LIBRARIES)
def undeclared(name):
    public = {f for header in HOLDERS for f in declared(header)}
    extra = sorted(exported(LIBRARIES[name]) - public)
    assert not extra, extra


@cases_of("what {} declares can be linked", HOLDERS)
def linkable(header):
    functions = declared(header)
    assert functions, "nothing is declared"
    for holder in HOLDERS[header]:
        missing = sorted(set(functions) - exported(LIBRARIES[holder]))
        assert not missing, f"{holder}: {missing}"


@case
def every_public_header_has_a_library():
    there = set(os.listdir(os.path.join(ROOT, "include", "eigencam"))) - {"eigencam.h"}
    assert there == set(HOLDERS), there ^ set(HOLDERS)


@case
def the_client_needs_no_mathematics_and_no_pictures():
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", output_of("readelf", "-d", LIBRARIES["libeigencam-client"]))
    assert any(n.startswith("libzmq") for n in needed), needed
    assert not [n for n in needed if UNWANTED.match(n)], needed


@case
def nor_does_what_it_needs():
    lines = output_of("ldd", LIBRARIES["libeigencam-client"]).splitlines()
    loaded = [line.split()[0] for line in lines if line.split()]
    assert not [n for n in loaded if UNWANTED.match(n)], loaded


@case
def the_computing_library_needs_no_sockets_and_no_pictures():
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", output_of("readelf", "-d", LIBRARIES["libeigencam"]))
    assert any("blas" in n for n in needed), needed
    assert not [n for n in needed if re.match(r"libzmq|libmsgpack|libpng|libcairo|libpango|libsqlite", n)], needed


main()
