"""Worker processes: they import our code wherever the user stands, and they end with the process that started them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import main
from scenarios.errors import CvmaxError
from scenarios.processes import processes

ROOT = Path(__file__).parent.parent
SLEEPERS = """
import os, sys, time
sys.path[:0] = [{root!r}, {tests!r}]
import test_processes
from scenarios.processes import processes
if __name__ == "__main__":
    with processes(None, 2) as pool:
        list(pool(test_processes.sleep, [{folder!r}] * 2))
"""


def sleep(_, folder):
    (Path(folder) / f"{os.getpid()}.pid").write_text("")
    time.sleep(60)


def hears_ctrl_c():
    """Whoever runs the tests in the background of a script ignores Ctrl-C, and so do all that they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def die(_, job):
    if job == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return job


def raise_it(_, job):
    raise CvmaxError([f"job {job}"])


def add(shared, job):
    return shared + job


def alive(pid):
    """A zombie whose parent has not looked yet is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def waited(true, seconds=40):
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    return true()


@pytest.fixture
def elsewhere(tmp_path):
    """A folder with an engine and solvers of the user's own; the environment in which cvmax is found all the same."""
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "__init__.py").write_text("")
    (tmp_path / "solvers.py").write_text("")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "cvmax").write_text("from cli import main\nif __name__ == '__main__':\n    main()\n")
    return tmp_path, {**os.environ, "PYTHONPATH": str(ROOT)}


def test_jobs_come_back_in_order_and_their_errors_as_they_are():
    with processes(10, 2) as pool:
        assert list(pool(add, [1, 2, 3])) == [11, 12, 13]
        with pytest.raises(CvmaxError, match="job 4"):
            list(pool(raise_it, [4]))
    assert "PYTHONSAFEPATH" not in os.environ


def test_a_run_uses_its_own_code_wherever_the_user_stands(elsewhere):
    folder, environment = elsewhere
    line = "run starter --workers 2 --strategies none --replications 0 --no-sensitivity --set population.customers=100"
    done = subprocess.run(
        [sys.executable, folder / "bin" / "cvmax", *line.split()],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, "Everything is in runs" in done.stdout) == (0, True), done.stderr
    done = subprocess.run(
        [sys.executable, "-m", "cli", "validate", "starter"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout[:11]) == (0, "starter: ok"), done.stderr


def test_a_worker_that_dies_is_told_in_a_sentence():
    told = r"a worker process was killed or crashed.*hint: --workers 1"
    with pytest.raises(CvmaxError, match=told), processes(None, 2) as pool:
        list(pool(die, [0, 1, 2, 3]))


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks processes up in /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_parent_however_it_ends(tmp_path, how):
    script = tmp_path / "sleepers.py"
    script.write_text(SLEEPERS.format(root=str(ROOT), tests=str(ROOT / "tests"), folder=str(tmp_path)))
    with subprocess.Popen(
        [sys.executable, script], stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=hears_ctrl_c
    ) as parent:
        assert waited(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
        pids = [int(file.stem) for file in tmp_path.glob("*.pid")]
        if how == signal.SIGINT:
            os.killpg(parent.pid, how)  # as Ctrl-C does: to all processes of the terminal
        else:
            parent.send_signal(how)
        assert waited(lambda: not any(alive(pid) for pid in pids))
        told = parent.communicate()[1]
    assert told.count("Traceback") == (how == signal.SIGINT)  # the script's own
    if how == signal.SIGINT:  # who is killed leaves locks behind
        assert "leaked" not in told, told


def test_ctrl_c_ends_in_one_line_with_130(monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("scenarios.describe.checked", stop)
    result = CliRunner().invoke(main, ["validate", "starter"])
    assert (result.exit_code, result.stderr, result.stdout) == (130, "stopped\n", "")
