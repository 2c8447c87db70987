"""`meson install`, and a program that is compiled against what it installs."""
import os
import re
import shlex
import subprocess

from support.program import Folder
from support.tap import case, cases_of, main

BUILD, SANITIZE = os.environ["BUILD"], os.environ["SANITIZE"]
PREFIX, LIBDIR = os.environ["PREFIX"].strip("/"), os.environ["LIBDIR"]
CC = shlex.split(os.environ.get("CC") or "cc")

PROGRAMS = {
    "eigencam": """
#include <eigencam/cam.h>
#include <stdio.h>
int main(void)
{
    float data[] = {-1, 0, 2, 7, 7, 7};
    ecam_activation act = {.data = data, .dtype = ECAM_F32, .c = 2, .h = 1, .w = 3};
    ecam_project_options options = {.n_components = 1};
    ecam_projection out;
    ecam_workspace *ws;
    if (ecam_workspace_create(&ws) != ECAM_OK || ecam_project(ws, &act, &options, &out) != ECAM_OK)
        return 1;
    printf("%.4f\\n", out.maps[2]);
    ecam_workspace_destroy(&ws);
    return 0;
}
""",
    "eigencam-client": """
#include <eigencam/publisher.h>
#include <eigencam/subscriber.h>
#include <stdio.h>
int main(void)
{
    ecam_publisher_options options;
    ecam_publisher *publisher;
    ecam_error error;
    ecam_publisher_defaults(&options);
    options.endpoint = "nonsense";
    options.run = "run";
    if (ecam_publisher_open(&options, &publisher, &error) != ECAM_EINVAL)
        return 1;
    printf("%s\\n", ecam_result_type_name(ECAM_RESULT_OVERLAY));
    return 0;
}
""",
}
SAYS = {"eigencam": "1.6667", "eigencam-client": "overlay"}
folder = Folder()
ROOT = os.path.join(folder.path, PREFIX)


def output_of(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def files():
    return {os.path.relpath(os.path.join(path, name), ROOT) for path, _, names in os.walk(ROOT) for name in names}


def pkg_config(*arguments):
    environment = {**os.environ, "PKG_CONFIG_SYSROOT_DIR": folder.path,
                   "PKG_CONFIG_PATH": os.path.join(ROOT, LIBDIR, "pkgconfig")}
    return output_of("pkg-config", *arguments, env=environment).split()


@case
def everything_is_installed():
    output_of("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", folder.path)
    there = files()
    expected = {"bin/eigencam", "share/man/man1/eigencam.1", "share/man/man1/eigencam-stage.1",
                "share/man/man3/eigencam_publisher.3", "lib/systemd/system/eigencam-stage.service",
                *(f"include/eigencam/{name}.h" for name in ("cam", "eigencam", "publisher", "status", "subscriber",
                                                           "tensor"))}
    for name in PROGRAMS:
        expected |= {f"{LIBDIR}/pkgconfig/{name}.pc", f"{LIBDIR}/lib{name}.so", f"{LIBDIR}/lib{name}.so.0"}
    assert expected <= there, expected - there
    ours = re.compile(r"bin/eigencam$|include/eigencam/|share/man/man[13]/|lib/systemd/system/eigencam-|"
                      rf"{LIBDIR}/(libeigencam|pkgconfig/)")
    foreign = [name for name in there if not ours.match(name)]
    assert not foreign, foreign


@case
def the_program_runs_where_it_is_installed():
    assert output_of(os.path.join(ROOT, "bin", "eigencam"), "--version").startswith("eigencam ")


@case
def units_start_the_program_that_is_installed():
    with open(os.path.join(ROOT, "lib/systemd/system/eigencam-stage.service"), encoding="utf-8") as file:
        assert f"\nExecStart=/{PREFIX}/bin/eigencam stage $OPTIONS\n" in file.read()


@cases_of("the soname of lib{} counts incompatible changes", PROGRAMS)
def soname(name):
    library = os.path.join(ROOT, LIBDIR, f"lib{name}.so")
    assert f"[lib{name}.so.0]" in output_of("readelf", "-d", library)
    assert os.path.realpath(library).endswith(".so." + pkg_config("--modversion", name)[0])


@cases_of("lib{} needs no other package to be compiled with", PROGRAMS)
def requires(name):
    """Its headers include their own only, and the library knows what it is linked to."""
    assert pkg_config("--print-requires", name) == [] == pkg_config("--print-requires-private", name)
    assert pkg_config("--libs-only-l", name) == [f"-l{name}"]


@cases_of("a program is compiled with {} and runs", PROGRAMS)
def compiles(name):
    source, program = folder / "program.c", folder / "program"
    with open(source, "w", encoding="utf-8") as file:
        file.write(PROGRAMS[name])
    sanitize = [] if SANITIZE == "none" else [f"-fsanitize={SANITIZE}"]
    output_of(*CC, *sanitize, "-Wall", "-Werror", source, "-o", program, *pkg_config("--cflags", "--libs", name))
    libraries = os.path.join(ROOT, LIBDIR)
    assert output_of(program, env={**os.environ, "LD_LIBRARY_PATH": libraries}).strip() == SAYS[name]


main(lambda: folder.__exit__())
