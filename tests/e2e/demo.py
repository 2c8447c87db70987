"""`scripts/demo` checks what it shows, and ends with the gallery's address."""
import os
import re
import subprocess

from support.program import EIGENCAM, PATIENCE, Folder
from support.tap import case, main

DEMO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts", "demo")


def demo(*arguments):
    return subprocess.run([DEMO, *arguments], env={**os.environ, "EIGENCAM": os.path.abspath(EIGENCAM)}, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=2 * PATIENCE, check=False)


@case
def pictures_are_in_the_gallery_while_the_recording_plays():
    with Folder() as folder:
        ran = demo("--dir", folder / "out")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        during = re.search(r"^(\d+) of 16 epochs were in the gallery before", ran.stdout, re.M)
        assert during and int(during[1]) > 0, ran.stdout
        assert re.search(r"http://127\.0\.0\.1:\d+/$", ran.stdout.rstrip()), ran.stdout
        assert "0 lost on the way, 0 failed" in ran.stderr and "\033" not in ran.stderr, ran.stderr


@case
def it_says_what_is_wrong():
    assert demo("--nonsense").returncode == 2
    with Folder() as folder:
        ran = demo("--dir", folder / "out", "--port", "none")
        assert ran.returncode != 0 and "--port" in ran.stderr, ran.stderr


if __name__ == "__main__":
    main()
