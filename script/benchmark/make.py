"""`new` beside Nest's own generator, and what they make."""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from .measure import CACHE, EYAS, NODE, Path, free_port, memory, once, resident, say


def npm(*words, cwd):
    """Runs npm under the Node of the cache."""
    paths = f"{Path(NODE).parent}:{os.environ['PATH']}"
    subprocess.run(["npm", *words, "--no-audit", "--no-fund", "--loglevel=error"], cwd=cwd, check=True,
                   env={**os.environ, "PATH": paths}, stdout=subprocess.DEVNULL)


def nest_cli():
    """Nest's own generator, installed once."""
    folder = CACHE / "nest-cli"
    if not (folder / "node_modules").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private":true}')
        npm("install", "@nestjs/cli@12.0.8", cwd=folder)
    return str(folder / "node_modules" / "@nestjs" / "cli" / "bin" / "nest.js")


def nest_new(name):
    """The command that makes an application in the folder `name` of the current one."""
    return [NODE, nest_cli(), "new", "orders", "--directory", name, "--skip-install", "--skip-git",
            "--package-manager", "npm", "--strict", "--no-observe"]


def new():
    print("new: write a project, install nothing (7 runs in turns)")
    runs = {"eyas": [], "nest": []}
    most = {}

    def command(name, folder):
        if name == "nest":
            return nest_new(folder)
        return [EYAS, "new", "orders", "--defaults", "--no-git", "--into", folder]

    with tempfile.TemporaryDirectory() as base:
        for number in range(8):
            for name in runs:
                seconds = once(command(name, f"{name}{number}"), cwd=base, stdin=subprocess.DEVNULL)
                if number:
                    runs[name].append(seconds)
        for name in runs:
            most[name] = memory(command(name, f"{name}-memory"), cwd=base)
    found = {name: statistics.median(seconds) for name, seconds in runs.items()}
    say("eyas new (service, health, tests, Docker, CI …)", f"{found['eyas'] * 1000:.1f} ms", f"{most['eyas']:.0f} MiB")
    say("nest new --skip-install (a hello world)", f"{found['nest'] * 1000:.0f} ms", f"{most['nest']:.0f} MiB")
    say("ratio", f"{found['nest'] / found['eyas']:.0f} x")


def service():
    print("service: from start to the first answer over HTTP, and its memory then (5 runs in turns)")
    base = CACHE / "bench-service"
    shutil.rmtree(base, ignore_errors=True)
    base.mkdir(parents=True)
    made = {"eyas": base / "eyas", "nest": base / "nest"}
    once([EYAS, "new", "orders", "--defaults", "--no-git", "--into", str(made["eyas"])])
    once(nest_new("nest"), cwd=base, stdin=subprocess.DEVNULL)
    for folder in made.values():
        npm("install", cwd=folder)
        npm("run", "build", cwd=folder)
    found = {name: [] for name in made}
    for _ in range(5):
        for name, folder in made.items():
            found[name].append(boot(folder, "/health/live" if name == "eyas" else "/"))
    for name, what in (("eyas", "eyas new (hybrid, TCP and HTTP)"), ("nest", "nest new (HTTP alone)")):
        seconds, memory = (statistics.median(run[part] for run in found[name]) for part in (0, 1))
        say(what, f"{seconds:.2f} s", f"{memory:.0f} MiB")


def boot(folder, path):
    """Starts dist/main.js: seconds until it answers at `path`, and its resident memory then, in MiB."""
    http, tcp = free_port(), free_port()
    settings = {"PORT": str(http), "HTTP_PORT": str(http), "TCP_PORT": str(tcp)}
    start = time.perf_counter()
    process = subprocess.Popen([NODE, "dist/main.js"], cwd=folder, env={**os.environ, **settings},
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{http}{path}", timeout=1).read()
                break
            except OSError:
                time.sleep(0.005)
        else:
            sys.exit(f"{folder}: ended with {process.returncode}")
        seconds = time.perf_counter() - start
        return seconds, resident(process.pid)
    finally:
        process.terminate()
        process.wait()
