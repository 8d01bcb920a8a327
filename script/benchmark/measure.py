"""Clocks, memory, and how a figure is shown."""
import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = Path(os.environ.get("EYAS_CACHE", ROOT / ".cache")).resolve()
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
EYAS = str(TARGET / "release" / "eyas")
NODE = str(CACHE / "node" / "bin" / "node")
ORACLE = ROOT / "tests" / "oracle"
NEST = str(CACHE / "nest12")


def once(command, **options):
    """Runs `command` to its end: seconds."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    status = process.wait()
    seconds = time.perf_counter() - start
    if status:
        sys.exit(f"{command}: ended with {status}")
    return seconds


def memory(command, **options):
    """The most memory that `command` held, in MiB. What forks it counts, too, so that is a Python without its
    modules: some 5 MiB are the least that this can tell."""
    small = """if True:
        import os, sys
        child = os.fork()
        if child == 0:
            null = os.open(os.devnull, os.O_RDWR)
            [os.dup2(null, stream) for stream in (0, 1, 2)]
            os.execvp(sys.argv[1], sys.argv[1:])
        print(os.wait4(child, 0)[2].ru_maxrss)"""
    run = subprocess.run([sys.executable, "-S", "-E", "-c", small, *command], check=True, capture_output=True,
                         text=True, **options)
    return int(run.stdout) / 1024


def in_turns(rounds, **commands):
    """Median seconds of each command, run in turns after one round that does not count."""
    runs = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            seconds = once(command)
            if number:
                runs[name].append(seconds)
    return {name: statistics.median(results) for name, results in runs.items()}


def say(what, figure, note=""):
    print(f"  {what:<46} {figure:>14}  {note}".rstrip())


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def ratio(ours, theirs, digits=2):
    """One line: the middle of our figures over the middle of theirs."""
    say("ratio", f"{statistics.median(ours) / statistics.median(theirs):.{digits}f} x")


def resident(pid):
    """The memory that a process holds now, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024
