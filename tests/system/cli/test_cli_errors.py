"""What goes wrong is said in words, on stderr, with its own exit status; pages fit eighty columns."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest
from command_line import COMMAND, Place, scaffolded

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return scaffolded(tmp_path_factory.mktemp("place"))


@pytest.mark.parametrize(("arguments", "status"), [(["ruun"], 64), (["run", "nowhere/mine"], 64)])
def test_an_error_is_on_stderr_alone_and_in_the_exit_status(
    place: Place, arguments: list[str], status: int
) -> None:
    answer = place.hinterland(*arguments)

    assert (answer.returncode, answer.stdout) == (status, "")
    assert answer.stderr


def test_a_store_that_cannot_be_written_is_a_setup_error(place: Place) -> None:
    answer = place.hinterland("run", "patterns/mine", "--store", "/proc/nowhere")

    assert answer.returncode == 69
    assert "can't be written" in answer.stderr
    assert "--store DIR" in answer.stderr


def test_a_bug_is_said_to_be_one_and_shows_its_traceback_on_request(place: Place) -> None:
    breaks = "import hinterland.catalogue as c; c.experiments = lambda: 1 / 0"
    code = f"{breaks}; from hinterland.cli import main; main()"
    command = [sys.executable, "-c", code, "list"]

    quiet, loud = place.call(command), place.call(command, HINTERLAND_DEBUG="1")

    assert (quiet.returncode, loud.returncode) == (70, 70)
    assert "This is a bug in Hinterland: ZeroDivisionError" in quiet.stderr
    assert "HINTERLAND_DEBUG=1" in quiet.stderr
    assert "Traceback" not in quiet.stderr
    assert "Traceback" in loud.stderr


def test_doctor_says_what_is_here(place: Place) -> None:
    told = place.hinterland("doctor")
    document = json.loads(place.hinterland("doctor", "--json").stdout)

    assert told.returncode == 0, told.stderr
    assert [line for line in told.stdout.splitlines() if len(line) > 80 and "/" not in line] == []
    assert document["ready"] is True
    assert {"cores", "open files", "store"} <= {fact["name"] for fact in document["facts"]}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_calls_back_for_ids(place: Place, shell: str) -> None:
    script = place.hinterland("completion", shell)

    assert script.returncode == 0
    assert "__complete" in script.stdout
    assert (
        "patterns/mine"
        in place.hinterland("__complete", "run", "", HINTERLAND_EXPERIMENTS=str(place.folder)).stdout
    )


def test_a_closed_pipe_is_no_error(place: Place) -> None:
    # Given time to write after its reader has gone, so that the pipe is closed for certain.
    command = f"{sys.executable} -m hinterland list --json | true"

    answer = place.call(["bash", "-o", "pipefail", "-c", command])

    assert answer.returncode == 0
    assert answer.stderr == ""


@pytest.mark.parametrize(
    "arguments", [["list"], ["show", "patterns/mine"], ["runs"], ["--help"], ["run", "--help"]]
)
def test_eighty_columns_hold_every_page(place: Place, arguments: list[str]) -> None:
    page = place.hinterland(*arguments).stdout

    assert page
    assert [line for line in page.splitlines() if len(line) > 80 and str(place.folder) not in line] == []


def test_a_run_whose_reader_goes_is_interrupted_and_says_so_in_its_record(place: Place) -> None:
    command = [*COMMAND, "run", "patterns/mine", "--blocks", "9"]
    with subprocess.Popen(
        command, cwd=place.folder, env=place.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        said = running.stderr.read()
        assert running.wait(60) == 130
    assert said == b""
    last = json.loads(place.hinterland("report", "last", "--json").stdout)
    assert (last["status"], last["cause"]) == ("interrupted", "interrupted")


def test_a_full_disk_or_a_closed_output_is_no_bug(place: Place) -> None:
    words = f"{shlex.join(COMMAND)} list"
    full = place.call(["sh", "-c", f"{words} > /dev/full"])
    closed = place.call(["sh", "-c", f"{words} >&-"])

    assert full.returncode == 69
    assert full.stderr.startswith("The output can't be written: its disk is full.")
    assert (closed.returncode, closed.stderr) == (0, "")


def test_ctrl_c_while_modules_are_imported_shows_no_traceback(place: Place) -> None:
    code = """if True:
        import sys
        class Interrupting:
            def find_spec(self, name, *rest):
                if name == "cyclopts":
                    raise KeyboardInterrupt
        sys.meta_path.insert(0, Interrupting())
        from hinterland.cli import main
        main()"""
    answer = place.call([sys.executable, "-c", code, "runs"])

    assert (answer.returncode, answer.stderr) == (130, "")
