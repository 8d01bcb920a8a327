"""Calls without a broker in between, gRPC's and HTTP's, and recordings that are sent again."""
import json
import statistics
import subprocess
import tempfile
from pathlib import Path

from . import peers
from .measure import EYAS, NEST, NODE, ORACLE, in_turns, memory, ratio, say
from .servers import PAYLOAD, Mock, Redis
from .talk import ROUNDS, per_second, warm

METHOD = "heroes.v1.Heroes/FindOne"


def grpc_mock():
    return Mock(f"grpc://127.0.0.1:0?proto={ORACLE / 'heroes.proto'}", on=METHOD + '={"name":"a"}')


def grpc():
    print("gRPC: one-shot, the schema asked for by reflection, process and all (against `eyas mock`)")
    with grpc_mock() as mock:
        command = [EYAS, "send", mock.url, METHOD]
        script = [NODE, str(ORACLE / "bench.mjs"), NEST, mock.url, METHOD, "1", "1"]
        found = in_turns(15, eyas=command, node=script)
        say("eyas send", f"{found['eyas'] * 1000:.1f} ms", f"{memory(command):.0f} MiB")
        say("Node script with Nest's gRPC client, which has the proto", f"{found['node'] * 1000:.0f} ms",
            f"{memory(script):.0f} MiB")
        say("ratio", f"{found['node'] / found['eyas']:.0f} x")
    for in_flight, count in ((1, 10_000), (64, 40_000)):
        print(f"gRPC: unary, {in_flight} in flight, {count} calls, medians of {ROUNDS} rounds in turns")
        with grpc_mock() as mock:
            warm(mock.url, in_flight, count, METHOD, "eyas mock", "Nest's gRPC client")


def http():
    for in_flight, count in ((1, 20_000), (64, 100_000)):
        print(f"HTTP: GET, {in_flight} in flight, {count} requests, medians of {ROUNDS} rounds in turns")
        with Mock("http://127.0.0.1:0", on='GET /ping={"ok":true}') as mock:
            ours, theirs = [], []
            for _ in range(ROUNDS):
                ours.append(per_second(mock.url, in_flight, count, "/ping"))
                theirs.append(peers.oha(f"{mock.url}/ping", in_flight, count))
        say("eyas bench send", f"{statistics.median(ours):,.0f} /s")
        say("oha", f"{statistics.median(theirs):,.0f} /s")
        ratio(ours, theirs)


def replay(count=200_000):
    count = int(count)
    print(f"replay of {count} recorded events of 128 B into Redis, as fast as they go, median of {ROUNDS} rounds")
    record = ('{"type":"message","v":1,"ts":"2026-01-31T12:00:00Z","transport":"redis","dir":"event",'
              '"pattern":"orders.created","headers":{},"data":' + PAYLOAD + ',"size":128,"meta":{}}\n')
    with Redis() as broker, tempfile.TemporaryDirectory() as folder:
        for name in ("events.jsonl", "events.jsonl.zst"):
            file = Path(folder) / name
            file.write_text(record * count)
            if name.endswith(".zst"):
                plain = file.rename(file.with_suffix(""))
                subprocess.run(["zstd", "-q", "-3", str(plain), "-o", str(file)], check=True)
            found = []
            for _ in range(ROUNDS):
                # Nobody takes them, which is 3 or 6: the rate is in the summary all the same.
                run = subprocess.run([EYAS, "replay", str(file), broker.url, "--speed", "max", "-o", "json"],
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
                summary = json.loads(run.stdout.splitlines()[-1])
                found.append(summary["emitted"] / summary["seconds"])
            say(f"eyas replay {name}", f"{statistics.median(found):,.0f} /s")
