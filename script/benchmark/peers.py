"""The tools that people would use instead. Each function publishes or shows; rates are messages per second."""
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

from .measure import CACHE
from .servers import PACKET

NATSCLI = "v0.1.6"


def natscli():
    """`nats`, built once by Go; later ones cannot be verified by every checksum database."""
    program = CACHE / "bench" / f"nats-{NATSCLI}"
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            run = lambda *words: subprocess.run(words, cwd=folder, check=True, stderr=subprocess.DEVNULL,
                                                env={**os.environ, "GOFLAGS": "-mod=mod"})
            run("go", "mod", "init", "peers")
            run("go", "mod", "edit", f"-require=github.com/nats-io/natscli@{NATSCLI}")
            run("go", "build", "-o", str(program), "github.com/nats-io/natscli/nats")
    return str(program)


def redis_tool(name):
    """A program of Redis and the libraries it needs: it stands beside the server, or on the path."""
    packed = CACHE / "redis_server" / "unpacked" / "usr"
    libraries = ":".join(str(path) for path in packed.glob("lib/*-linux-gnu"))
    return (str(packed / "bin" / name) if packed.exists() else name), {**os.environ, "LD_LIBRARY_PATH": libraries}


def redis_benchmark(broker, count):
    program, world = redis_tool("redis-benchmark")
    said = subprocess.check_output(
        [program, "-p", str(broker.port), "-P", "64", "-n", str(count), "-q", "PUBLISH", "orders.created", PACKET],
        text=True, env=world)
    return float(re.search(r"([\d.]+) requests per second", said).group(1))


def nats_bench(broker, count):
    said = subprocess.check_output(
        [natscli(), "--server", broker.url, "bench", "orders.created", "--pub", "1", "--msgs", str(count), "--size",
         str(len(PACKET)), "--no-progress"], text=True, stderr=subprocess.STDOUT)
    return float(re.search(r"stats: ([\d,]+) msgs/sec", said).group(1).replace(",", ""))


def mosquitto(name, broker, *words):
    return [str(CACHE / "mosquitto" / name), "-h", "127.0.0.1", "-p", str(broker.port), *words]


def received(broker):
    """How many publications the broker has counted so far; it says so once a second."""
    def ask():
        return int(subprocess.check_output(
            mosquitto("mosquitto_sub", broker, "-C", "1", "-t", "$SYS/broker/publish/messages/received")))
    before = ask()
    while True:
        time.sleep(1.2)
        now = ask()
        if now == before:
            return now
        before = now


def mosquitto_pub(broker, count, qos="0"):
    """Counted by the broker, for at QoS 1 it ends before all it was given has arrived."""
    before = received(broker)
    lines = (PACKET + "\n").encode() * count
    start = time.perf_counter()
    subprocess.run(mosquitto("mosquitto_pub", broker, "-t", "orders.created", "-q", qos, "-l"), input=lines, check=True)
    seconds = time.perf_counter() - start
    return (received(broker) - before) / seconds


def mosquitto_pub_confirmed(broker, count):
    return mosquitto_pub(broker, count, qos="1")


def redis_cli(broker):
    program, world = redis_tool("redis-cli")
    return [program, "-p", str(broker.port), "SUBSCRIBE", "orders.created"], world


def nats_sub(broker):
    return [natscli(), "--server", broker.url, "sub", "--raw", "orders.created"], None


def mosquitto_sub(broker):
    return mosquitto("mosquitto_sub", broker, "-t", "orders.created"), None
