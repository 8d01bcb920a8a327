"""What is spoken to: `eyas mock`, a real Nest service, brokers with nothing kept."""
import base64
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from .measure import CACHE, EYAS, NEST, NODE, ORACLE, free_port

PAYLOAD = json.dumps({"id": 7, "text": "x" * 106}, separators=(",", ":"))
"""128 bytes of data."""
PACKET = '{"pattern":"orders.created","data":' + PAYLOAD + "}"
"""The same in Nest's envelope: what a peer that knows no envelope must carry."""


class Running:
    """A process that ends with the block."""

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def __exit__(self, *_):
        self.stop()


class Mock(Running):
    """`eyas mock`, which answers `ping` or what else it is told: on a free port, or at a broker."""

    def __init__(self, url="tcp://127.0.0.1:0", *options, on='ping={"ok":true}'):
        self.url, self.options, self.rule = url, options, on

    def __enter__(self):
        self.process = subprocess.Popen(
            [EYAS, "mock", self.url, "--on", self.rule, "-o", "quiet", *self.options],
            stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "listening on " in line:
                if ":0" in self.url:
                    self.url = line.split("listening on ")[1].split()[0]
                return self
        sys.exit("eyas mock did not start")


class Service(Running):
    """A real Nest service."""

    def __enter__(self):
        self.process = subprocess.Popen(
            [NODE, str(ORACLE / "service.mjs"), NEST, "tcp://127.0.0.1:0"], stdout=subprocess.PIPE,
            stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            ready = json.loads(line).get("ready")
            if ready:
                self.url = ready if isinstance(ready, str) else f"tcp://127.0.0.1:{ready}"
                return self
        sys.exit("the Nest service did not start")


class Broker(Running):
    """A broker of `script/setup` on a free port, with nothing kept. It lets a slow reader lag as far as it will:
    what is measured is the reader, not when it is cut off."""

    def __init__(self):
        self.port = free_port()
        self.url = f"{self.scheme}://127.0.0.1:{self.port}"
        self.folder = tempfile.TemporaryDirectory()

    def __enter__(self):
        self.process = subprocess.Popen(self.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for port in self.ports():
            while socket.socket().connect_ex(("127.0.0.1", port)):
                time.sleep(0.01)
        self.prepare()
        return self

    def ports(self):
        """Those that listen once it is ready."""
        return [self.port]

    def prepare(self):
        """Makes what must be there before anybody publishes."""

    def __exit__(self, *_):
        self.stop()
        self.folder.cleanup()


class Redis(Broker):
    name = scheme = "redis"

    def command(self):
        return [str(CACHE / "redis_server" / "redis-server"), "--bind", "127.0.0.1", "--port", str(self.port), "--save",
                "", "--dir", self.folder.name, "--client-output-buffer-limit", "pubsub 0 0 0"]


class Nats(Broker):
    name, scheme = "NATS", "nats"

    def command(self):
        settings = Path(self.folder.name) / "nats.conf"
        settings.write_text(f"listen: 127.0.0.1:{self.port}\nmax_pending: 4GB\nwrite_deadline: 60s\n")
        return [str(CACHE / "nats_server" / "nats-server"), "-c", str(settings)]


class Mosquitto(Broker):
    name, scheme = "MQTT", "mqtt"

    def command(self):
        settings = Path(self.folder.name) / "mosquitto.conf"
        settings.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"
                            "max_inflight_messages 0\nsys_interval 1\n")
        return [str(CACHE / "mosquitto" / "mosquitto"), "-c", str(settings)]


class RabbitMq(Broker):
    """With the queue `orders`, whose messages nobody takes."""
    name, scheme = "RabbitMQ", "amqp"

    def __init__(self):
        super().__init__()
        self.api, self.distribution = free_port(), free_port()
        self.url += "?queue=orders"

    def command(self):
        return [str(CACHE / "rabbitmq" / "rabbitmq-server"), self.folder.name, str(self.port), str(self.api),
                str(self.distribution)]

    def ports(self):
        return [self.port, self.api]

    def prepare(self):
        self.make_queue("orders")

    def make_queue(self, name):
        request = urllib.request.Request(f"http://127.0.0.1:{self.api}/api/queues/%2F/{name}", method="PUT",
                                         data=b'{"durable":true}', headers={
                                             "content-type": "application/json",
                                             "authorization": "Basic " + base64.b64encode(b"guest:guest").decode()})
        urllib.request.urlopen(request).read()


class Kafka(Broker):
    """One node; topics are made by whoever publishes first."""
    name, scheme = "Kafka", "kafka"

    def __init__(self):
        super().__init__()
        self.controller = free_port()

    def command(self):
        return [str(CACHE / "kafka" / "kafka-server"), self.folder.name, str(self.port), str(self.controller)]

    def prepare(self):
        for topic in ("orders.created", "ping", "ping.reply"):
            subprocess.run([EYAS, "emit", self.url, topic, "-d", PAYLOAD, "-O", "create=true", "-q"], check=True)
