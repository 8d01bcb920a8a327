"""Messages: how fast they leave, are answered, and are shown."""
import json
import os
import select
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

from . import peers
from .measure import EYAS, NEST, NODE, ORACLE, in_turns, memory, once, ratio, resident, say
from .servers import PAYLOAD, Kafka, Mock, Mosquitto, Nats, RabbitMq, Redis, Service

ROUNDS = 5
BLOCK = 100_000


@dataclass
class Emit:
    """A way to publish, and the peer that publishes so."""
    what: str
    options: list
    peer: str
    publish: callable
    count: int = 300_000


@dataclass
class Watch:
    """The peer that shows messages, and how many lines each takes there."""
    peer: str
    command: callable
    lines: int = 1
    # What the broker kept, read from its start to its end: the two commands.
    history: callable = None


@dataclass
class Row:
    """A broker and its peers."""
    broker: type
    emits: list
    watch: Watch | None
    mock: tuple = ()
    # Nest's MQTT client waits some 40 ms for each call that is alone on its way: few of them must do.
    alone: int = 2_000


ROWS = {
    "redis": Row(Redis, [Emit("", [], "redis-benchmark -P 64", peers.redis_benchmark, 1_000_000)],
                 Watch("redis-cli SUBSCRIBE", peers.redis_cli, 3)),
    "nats": Row(Nats, [Emit("", [], "nats bench --pub 1", peers.nats_bench, 2_000_000)],
                Watch("nats sub --raw", peers.nats_sub)),
    "mqtt": Row(Mosquitto, [Emit(" at QoS 0", [], "mosquitto_pub -l", peers.mosquitto_pub),
                            Emit(" at QoS 1", ["-O", "qos=1"], "mosquitto_pub -l -q 1", peers.mosquitto_pub_confirmed,
                                 100_000)],
                Watch("mosquitto_sub", peers.mosquitto_sub), alone=250),
    "rmq": Row(RabbitMq, [Emit(" that the broker confirms", [], "amqplib, 1000 on their way", peers.amqplib, 100_000)],
               None),
    "kafka": Row(Kafka, [Emit(" with acks=all", [], "kafka-producer-perf-test", peers.producer_perf_test, 1_000_000),
                         Emit(" with acks=all", [], "kcat -P", peers.kcat_produce, 1_000_000)],
                 Watch("kcat -C -J -u", peers.kcat_consume, history=lambda broker: {
                     "eyas tail --from start --no-follow -o json": (
                         [EYAS, "tail", broker.url, "orders.created", "--from", "start", "--no-follow", "-o", "json"],
                         None),
                     "kcat -C -J -e": peers.kcat(broker, "-C", "-J", "-q", "-t", "orders.created", "-o", "beginning",
                                                 "-e")})),
}


def start():
    print("start-up (200 runs in turns)")
    found = in_turns(200, true=["true"], eyas=[EYAS, "--version"])
    say("`eyas --version` over `true`", f"{(found['eyas'] - found['true']) * 1000:.2f} ms")


def send():
    print("one-shot: send one request, print its reply, end (against `eyas mock`)")
    with Mock() as mock:
        script = [NODE, str(ORACLE / "bench.mjs"), NEST, mock.url, "ping", "1", "1"]
        command = [EYAS, "send", mock.url, "ping"]
        found = in_turns(15, eyas=command, node=script)
        say("eyas send", f"{found['eyas'] * 1000:.2f} ms", f"{memory(command):.0f} MiB")
        say("Node script with Nest's ClientProxy", f"{found['node'] * 1000:.0f} ms", f"{memory(script):.0f} MiB")
        say("ratio", f"{found['node'] / found['eyas']:.0f} x")
    for in_flight, count in ((1, 20_000), (64, 60_000)):
        print(f"warm: {in_flight} in flight, {count} requests, medians of {ROUNDS} rounds in turns")
        with Mock() as mock:
            warm(mock.url, in_flight, count, "ping", "eyas mock")
        with Service() as service:
            warm(service.url, in_flight, count // 4, "echo", "a Nest service (Node is the ceiling: no ratio)")


def per_second(url, in_flight, count, pattern):
    summary = json.loads(subprocess.check_output(
        [EYAS, "bench", "send", url, pattern, "-n", str(count), "--in-flight", str(in_flight), "-o", "json"],
        stderr=subprocess.DEVNULL))
    return summary["throughput"]


def warm(url, in_flight, count, pattern, whom, peer="Nest's ClientProxy"):
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(per_second(url, in_flight, count, pattern))
        found = json.loads(subprocess.check_output(
            [NODE, str(ORACLE / "bench.mjs"), NEST, url, pattern, str(count), str(in_flight)]))
        theirs.append(found["per_second"])
    print(f"  against {whom}")
    say("eyas bench send", f"{statistics.median(ours):,.0f} /s")
    say(peer, f"{statistics.median(theirs):,.0f} /s")
    if whom == "eyas mock":
        ratio(ours, theirs, digits=1)


def rows(wanted):
    return [row for name, row in ROWS.items() if not wanted or name in wanted]


def emit(*wanted):
    for row in rows(wanted):
        for way in row.emits:
            print(f"{row.broker.name}: emit events of 128 B to nobody{way.what}, medians of {ROUNDS} rounds in turns")
            with row.broker() as broker:
                ours, theirs = [], []
                for _ in range(ROUNDS):
                    ours.append(bench_emit(broker.url, way))
                    theirs.append(way.publish(broker, way.count))
            say("eyas bench emit", f"{statistics.median(ours):,.0f} /s")
            say(way.peer, f"{statistics.median(theirs):,.0f} /s")
            ratio(ours, theirs)


def bench_emit(url, way):
    # Nobody takes them, which is 3 or 6 where the broker tells: the rate is in the summary all the same.
    run = subprocess.run([EYAS, "bench", "emit", url, "orders.created", "-d", PAYLOAD, "-n", str(way.count), "-o",
                          "json", *way.options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(run.stdout)["throughput"]


def ask(*wanted):
    for row in rows(wanted):
        print(f"{row.broker.name}: one-shot, process and all (against `eyas mock`), median of 15")
        with row.broker() as broker, Mock(broker.url, *row.mock) as mock:
            say("eyas send", f"{in_turns(15, eyas=[EYAS, 'send', mock.url, 'ping'])['eyas'] * 1000:.1f} ms")
        for in_flight, count in ((1, row.alone), (64, 20_000)):
            print(f"{row.broker.name}: send, {in_flight} in flight, medians of {ROUNDS} rounds in turns")
            with row.broker() as broker, Mock(broker.url, *row.mock) as mock:
                warm(mock.url, in_flight, count, "ping", "eyas mock")


def tail(*wanted):
    for row in rows(wanted):
        if not row.watch:
            continue
        print(f"{row.broker.name}: tail of 300000 events, {BLOCK} at a time, each from the first that is sent to the last "
              f"that is shown, medians of {ROUNDS} rounds in turns")
        with row.broker() as broker:
            ours, theirs = [], []
            for _ in range(ROUNDS):
                ours.append(watched(broker, tailing(broker), 1)[0])
                theirs.append(watched(broker, row.watch.command(broker), row.watch.lines)[0])
        say("eyas tail -o json", f"{statistics.median(ours):,.0f} /s")
        say(row.watch.peer, f"{statistics.median(theirs):,.0f} /s")
        ratio(ours, theirs)
        if row.watch.history:
            kept(row)


def kept(row, count=1_000_000):
    print(f"{row.broker.name}: {count} events that the broker kept, shown, process and all, medians of {ROUNDS} rounds "
          "in turns")
    with row.broker() as broker:
        publish(broker.url, count)
        commands = row.watch.history(broker)
        found = {what: [] for what in commands}
        for _ in range(ROUNDS):
            for what, (words, world) in commands.items():
                found[what].append(count / once(words, env=world or os.environ))
    for what, figures in found.items():
        say(what, f"{statistics.median(figures):,.0f} /s")
    ratio(*found.values())


def flat(*wanted):
    """Five million messages through one tail: what it holds after each million."""
    for row in rows(wanted):
        if not row.watch:
            continue
        with row.broker() as broker:
            held = watched(broker, tailing(broker), 1, count=1_000_000, times=5)[1]
        say(f"{row.broker.name}: tail holds, after each million", " ".join(f"{mib:.0f}" for mib in held), "MiB")


def tailing(broker):
    return [EYAS, "tail", broker.url, "orders.created", "-o", "json"], None


def publish(url, count):
    subprocess.run([EYAS, "bench", "emit", url, "orders.created", "-d", PAYLOAD, "-n", str(count), "-o", "quiet"],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def watched(broker, command, lines, count=300_000, times=1):
    """Messages shown per second, and the memory that was held each time `count` of them had been."""
    words, world = command
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=world or os.environ)
    output, held, seconds = process.stdout.fileno(), [], 0
    # It watches once it shows one.
    while lines_of(output, 0.3) is None:
        publish(broker.url, 1)
    while lines_of(output, 1) is not None:
        pass
    # In blocks that whoever watches may fall behind by: publishers are faster, and nobody holds back without end.
    for block in range(1, times * count // BLOCK + 1):
        publisher = threading.Thread(target=publish, args=(broker.url, BLOCK))
        missing = BLOCK * lines
        started = time.perf_counter()
        publisher.start()
        while missing > 0:
            came = lines_of(output, 30)
            if came is None:
                sys.exit(f"{words[0]}: {missing} of {BLOCK * lines} lines were never shown")
            missing -= came
        seconds += time.perf_counter() - started
        publisher.join()
        if block * BLOCK % count == 0:
            held.append(resident(process.pid))
    process.terminate()
    process.wait()
    return count * times / seconds, held


def lines_of(output, patience):
    """How many lines ended in what came at once; None if nothing came within `patience` seconds."""
    if not select.select([output], [], [], patience)[0]:
        return None
    came = os.read(output, 1 << 20)
    return came.count(b"\n") if came else None
