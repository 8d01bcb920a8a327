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


def eyas_new(folder, *words):
    """The command that makes a service in `folder`."""
    return [EYAS, "new", "orders", "--defaults", "--no-git", "--into", str(folder), *words]


def check():
    print("check: every two options of the templates in the binary, rendered and read as what they are (5 runs)")
    with tempfile.TemporaryDirectory() as base:
        words = [EYAS, "check"]
        said = subprocess.run(words, cwd=base, check=True, capture_output=True, text=True).stderr.strip()
        runs = [once(words, cwd=base) for _ in range(5)]
        say("eyas check", f"{statistics.median(runs):.2f} s", f"{memory(words, cwd=base):.0f} MiB; {said}")


def new():
    print("new: write a project, install nothing (7 runs in turns)")
    runs = {"eyas": [], "production": [], "nest": []}
    most = {}

    def command(name, folder):
        if name == "nest":
            return nest_new(folder)
        return eyas_new(folder, *(["--preset", "production", "--http"] if name == "production" else []))

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
    say("eyas new --preset production --http", f"{found['production'] * 1000:.1f} ms", f"{most['production']:.0f} MiB")
    say("nest new --skip-install (a hello world)", f"{found['nest'] * 1000:.0f} ms", f"{most['nest']:.0f} MiB")
    say("ratio", f"{found['nest'] / found['eyas']:.0f} x")


def service():
    print("service: from start to the first answer over HTTP, and its memory then (5 runs in turns)")
    base = CACHE / "bench-service"
    shutil.rmtree(base, ignore_errors=True)
    base.mkdir(parents=True)
    made = {name: base / name for name in ("standard", "production", "nest")}
    once(eyas_new(made["standard"]))
    once(eyas_new(made["production"], "--preset", "production", "--http"))
    once(nest_new("nest"), cwd=base, stdin=subprocess.DEVNULL)
    for folder in made.values():
        npm("install", cwd=folder)
        npm("run", "build", cwd=folder)
    # Nobody has to listen there: what is traced is what costs.
    traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    preload = ["--import", "./dist/instrumentation.js"]
    rows = [("eyas new (TCP and HTTP)", "standard", "/health/live", [], {}),
            ("eyas new --preset production", "production", "/health/live", preload, {}),
            ("the same, traced", "production", "/health/live", preload, traced),
            ("nest new (HTTP alone)", "nest", "/", [], {})]
    found = {row[0]: [] for row in rows}
    for _ in range(5):
        for what, name, path, words, settings in rows:
            found[what].append(boot(made[name], path, words, settings))
    for what, runs in found.items():
        seconds, memory = (statistics.median(run[part] for run in runs) for part in (0, 1))
        say(what, f"{seconds:.2f} s", f"{memory:.0f} MiB")


def boot(folder, path, words, more):
    """Starts dist/main.js: seconds until it answers at `path`, and its resident memory then, in MiB."""
    http, tcp = free_port(), free_port()
    settings = {"PORT": str(http), "HTTP_PORT": str(http), "TCP_PORT": str(tcp), **more}
    start = time.perf_counter()
    process = subprocess.Popen([NODE, *words, "dist/main.js"], cwd=folder, env={**os.environ, **settings},
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
