"""The MLflow bridge as a process, under a real stage, with MLflow's client replaced
(python/fakes): restarts, trackers that are away, and pictures that stay as they came."""
import glob
import os
import re
import signal

from PIL import Image

from support import tap
from support.bridge import Bridge, pictures, place, publish, shares
from support.program import Folder
from support.stream import Logger, Stage

os.environ["PYTHONPATH"] = os.pathsep.join(
    [os.path.join(os.path.dirname(os.path.abspath(__file__)), "fakes"), os.environ["PYTHONPATH"]])
WHAT = ("--what", "overlay,map,image,sheet")
NAME = re.compile(r"(.*)\+step\+(\d+)\+timestamp\+\d+\+([0-9a-f-]+)(\.png|\+compressed\.webp)")


class Case:
    """A stage, a tracker's folder and bridges between them."""

    def __init__(self):
        self.folder = Folder()
        self.tracker = self.folder / "tracker"
        os.mkdir(self.tracker)
        self.stage = Stage(folder=self.folder)
        self.logger = Logger(self.stage)
        self.epochs = {}

    def bridge(self, *options, connected=True):
        bridge = Bridge("mlflow", self.stage.loggers, self.folder / "state", "--tracking-uri",
                        self.tracker, *(options or WHAT))
        return bridge.wait_connected() if connected else bridge

    def publish(self, step, **options):
        self.epochs[step] = publish(self.stage, self.logger, step, **options)
        return self.epochs[step]

    def switch(self, name, on=True):
        path = os.path.join(self.tracker, name)
        if on:
            open(path, "w").close()
        else:
            os.remove(path)

    def run_folder(self):
        folder, = glob.glob(f"{self.tracker}/eigencam/*")
        return folder

    def stored(self):
        """{(key, step): the picture's bytes}; none twice, each with its thumbnail."""
        found, thumbnails, names = {}, set(), set()
        for path in glob.glob(f"{glob.escape(self.run_folder())}/images/*"):
            key, step, unique, end = NAME.fullmatch(os.path.basename(path)).groups()
            if end == ".png":
                assert (key, int(step)) not in found, f"{key} {step} is there twice"
                names.add(unique)
                with open(path, "rb") as file:
                    found[key, int(step)] = file.read()
            else:
                thumbnails.add(unique)
                with Image.open(path) as image:
                    assert max(image.size) == 256, image.size
        assert thumbnails == names
        return found

    def wanted(self):
        return {(f"eigencam.eval.{place(key, '.')}", step): png
                for step, epoch in self.epochs.items() for key, png in pictures(epoch).items()}

    def metrics(self):
        with open(os.path.join(self.run_folder(), "metrics")) as file:
            return sorted(eval(line) for line in file)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.logger.close()
        self.stage.__exit__(*exc)
        self.folder.__exit__()


@tap.case
def every_picture_is_stored_as_it_came():
    with Case() as case:
        with case.bridge() as bridge:
            for step in (0, 7):
                case.publish(step)
                bridge.wait_logged(step)
            assert bridge.stop(signal.SIGINT) == 0
        assert "30 pictures logged, 0 repeats left out, 0 lost" in bridge.err[-1], bridge.said()
        assert case.stored() == case.wanted()
        assert case.metrics() == sorted([f"eigencam.eval.explained.c{component}", step, mean]
                                        for step, epoch in case.epochs.items()
                                        for component, mean in shares(epoch).items())
        with open(os.path.join(case.run_folder(), "status")) as file:
            assert file.read() == "FINISHED"


@tap.case
def killed_at_a_picture_it_goes_on_behind_it():
    with Case() as case:
        first = case.bridge()
        case.publish(1)
        first.wait_logged(1)
        case.switch("down")
        before = first.spooled()
        case.publish(2)
        first.wait_until(lambda: first.spooled() == before + len(pictures(case.epochs[2])) + 1)
        first.kill()
        case.switch("down", on=False)
        case.switch("die")  # with the picture stored, and without its thumbnail
        killed = case.bridge(connected=False)
        assert killed.wait() == -signal.SIGKILL, killed.said()
        publish(case.stage, case.logger, 3)  # nobody listens
        with case.bridge() as last:
            last.wait_line("16 results wait from the last time")
            last.wait_logged(2)
            case.publish(4)
            last.wait_logged(4)
        assert case.stored() == case.wanted()
        lost = [int(line.split()[1]) for line in last.err if "lost before" in line]
        assert sum(lost) == 16, last.said()  # of epoch 3, in each topic


@tap.case
def while_the_tracker_is_away_results_wait():
    with Case() as case:
        case.switch("down")
        with case.bridge() as bridge:
            case.publish(1)
            bridge.wait_line(r"the tracker does not answer \(MlflowException: connection refused\)")
            case.switch("down", on=False)
            bridge.wait_line("the tracker answers again")
            bridge.wait_logged(1)
        assert case.stored() == case.wanted()


@tap.case
def what_there_is_no_room_for_is_dropped_and_counted():
    with Case() as case:
        case.switch("down")
        with case.bridge("--what", "sheet", "--queue", "60K") as bridge:
            case.publish(1)
            bridge.wait_until(lambda: bridge.spooled() == 2)
            dropped = publish(case.stage, case.logger, 2)
            bridge.wait_line("has reached --queue: run eigencam eval epoch 2 sheet page 0")
            assert 60 << 10 < 2 * len(dropped.sheets[0].png) < 120 << 10, "other sizes are wanted"
            case.switch("down", on=False)
            bridge.wait_logged(2)
            case.publish(3)
            bridge.wait_logged(3)
        assert "2 pictures logged" in bridge.err[-1] and "1 dropped" in bridge.err[-1], \
            bridge.said()
        assert {step for _, step in case.stored()} == {1, 3}


@tap.case
def what_the_tracker_does_not_take_holds_nothing_up():
    with Case() as case:
        key = "eigencam.eval.overlay.s0.c1"
        case.switch(f"refuse {key}")
        with case.bridge() as bridge:
            case.publish(1)
            bridge.wait_logged(1)
        assert "sample 0 component 1 is dropped" in bridge.said(), bridge.said()
        wanted = case.wanted()
        del wanted[key, 1]
        assert case.stored() == wanted


@tap.case
def left_at_once_it_keeps_what_is_not_logged():
    with Case() as case:
        case.switch("down")
        bridge = case.bridge()
        case.publish(1)
        bridge.wait_until(lambda: bridge.spooled() == 16)
        assert bridge.stop(signal.SIGINT) == 0, bridge.said()
        assert "16 results wait for the next start" in bridge.err[-1], bridge.said()
        case.switch("down", on=False)
        with case.bridge() as bridge:
            bridge.wait_logged(1)
        assert case.stored() == case.wanted()


@tap.case
def a_trainers_own_run_is_logged_into_and_left_open():
    with Case() as case:
        own = os.path.join(case.tracker, "own")
        os.makedirs(os.path.join(own, "images"))
        with case.bridge("--run-id", own) as bridge:
            case.publish(1)
            bridge.wait_logged(1)
        assert len(os.listdir(os.path.join(own, "images"))) == 2 * 7
        assert not os.path.exists(os.path.join(own, "status"))
        bridge = case.bridge("--run-id", "none")
        case.publish(2)
        assert bridge.wait() == 1 and "Run 'none' not found" in bridge.err[-1], bridge.said()


@tap.case
def filters_take_what_they_name():
    with Case() as case:
        with case.bridge("--what", "image", "--run", "b", "--mode", "eval,test") as bridge:
            publish(case.stage, case.logger, 1, "a")
            case.publish(1, run="b")
            bridge.wait_logged(1, "b")
        assert set(case.stored()) == {("eigencam.eval.image.s0", 1), ("eigencam.eval.image.s1", 1)}


def ends(status, said, *options):
    with Folder() as folder:
        bridge = Bridge(*options[:1], f"ipc://{folder / 'out'}", folder / "state", *options[1:])
        assert bridge.wait() == status, bridge.said()
        assert said in "\n".join(bridge.err), bridge.said()


@tap.case
def errors_say_what_to_do():
    ends(2, "'heat' is not accepted; expected some of overlay", "mlflow", "--what", "heat")
    ends(2, "'9X' is no size", "mlflow", "--queue", "9X")
    ends(1, "nowhere is no folder", "mlflow", "--tracking-uri", "nowhere")
    ends(2, "--in ipc:", "mlflow", "--tracking-uri", "/tmp", "--in", "nonsense")
    ends(1, "pip install 'eigencam[wandb]'", "wandb", "--offline")
    with Case() as case, case.bridge():
        other = case.bridge(connected=False)
        assert other.wait() == 1 and "give one of them another --state" in other.said()


tap.main()
