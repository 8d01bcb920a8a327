"""The tools that people would use instead. Each function publishes or shows; rates are messages per second."""
import json
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

from .measure import CACHE, NEST, NODE, ROOT
from .servers import PACKET, PAYLOAD

NATSCLI = "v0.1.6"
OHA = "1.16.0"


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


def amqplib(broker, count):
    """Nest's own driver, confirmed, a thousand on their way."""
    return float(subprocess.check_output(
        [NODE, str(ROOT / "script" / "benchmark" / "amqplib.mjs"), NEST, f"amqp://127.0.0.1:{broker.port}", "orders",
         PACKET, str(count), "1000"], text=True))


def producer_perf_test(broker, count):
    """Kafka's own measure, as its script calls it."""
    libraries = CACHE / "bench" / "kafka-tools"
    if not libraries.exists():
        version = next((CACHE / "kafka" / "libs").glob("kafka-clients-*.jar")).stem.removeprefix("kafka-clients-")
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "pom.xml").write_text(f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>eyas</groupId><artifactId>peers</artifactId><version>1</version>
  <dependencies><dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId>
  <version>{version}</version></dependency></dependencies></project>""")
            subprocess.run(["mvn", "-B", "-q", "dependency:copy-dependencies", f"-DoutputDirectory={libraries}"],
                           cwd=folder, check=True)
    said = subprocess.check_output(
        ["java", "-cp", f"{libraries}/*", "org.apache.kafka.tools.ProducerPerformance", "--topic", "orders.created",
         "--num-records", str(count), "--record-size", str(len(PAYLOAD)), "--throughput", "-1", "--producer-props",
         f"bootstrap.servers=127.0.0.1:{broker.port}", "acks=all"], text=True, stderr=subprocess.DEVNULL)
    return float(re.findall(r"([\d.]+) records/sec", said)[-1])


def kcat(broker, *words):
    """Debian's, unpacked; with the libraries that it needs."""
    folder = CACHE / "bench" / "kcat"
    if not folder.exists():
        folder.mkdir(parents=True)
        subprocess.run(["apt-get", "download", "kcat", "librdkafka1", "libyajl2"], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg", "-x", str(package), "unpacked"], cwd=folder, check=True)
    libraries = ":".join(str(path) for path in folder.glob("unpacked/usr/lib/*-linux-gnu"))
    command = [str(folder / "unpacked" / "usr" / "bin" / "kcat"), "-b", f"127.0.0.1:{broker.port}", *words]
    return command, {**os.environ, "LD_LIBRARY_PATH": libraries}


def kcat_produce(broker, count):
    command, world = kcat(broker, "-P", "-t", "orders.created", "-X", "acks=all")
    lines = (PAYLOAD + "\n").encode() * count
    start = time.perf_counter()
    subprocess.run(command, input=lines, check=True, env=world)
    return count / (time.perf_counter() - start)


def kcat_consume(broker):
    return kcat(broker, "-C", "-J", "-q", "-u", "-t", "orders.created", "-o", "end")


def oha(url, in_flight, count):
    """Built once by Cargo, as its own lock file has it."""
    folder = CACHE / "bench" / f"oha-{OHA}"
    if not (folder / "bin" / "oha").exists():
        subprocess.run(["cargo", "install", "oha", "--version", OHA, "--locked", "--quiet", "--root", str(folder)],
                       check=True)
    said = subprocess.check_output(
        [str(folder / "bin" / "oha"), "--no-tui", "--output-format", "json", "-n", str(count), "-c", str(in_flight),
         url], stderr=subprocess.DEVNULL)
    return json.loads(said)["summary"]["requestsPerSec"]
