"""kafka - a private Apache Kafka: the real broker, one node, on free ports of the loopback.

The jars come from Maven once, by tests/kafka/pom.xml, into a cache folder that git ignores
(`UNSTALE_TEST_CACHE`, else .cache/kafka-VERSION in the checkout). A marker is written last and
holds a hash of the pom: an interrupted fetch, or one for another version, is done again. A Java
start costs seconds, so a run of the suite has one broker and each test its own topics and groups.
"""
import base64
import fcntl
import hashlib
import os
import re
import shutil
import signal
import uuid

from lib import process
from lib.topic import Topics

POM = os.path.join(process.ROOT, "tests", "kafka", "pom.xml")
LOGGING = os.path.join(process.ROOT, "tests", "kafka", "log4j2.properties")
FETCH = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"

SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
log.dirs={folder}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
auto.create.topics.enable=false
message.max.bytes=20000000
num.network.threads=2
num.io.threads=2
log.retention.check.interval.ms=1000
"""


def version():
    return re.search(r"<artifactId>kafka_2\.13</artifactId>\s*<version>([^<]+)<",
                     process.read(POM)).group(1)


def cache_folder():
    return os.environ.get("UNSTALE_TEST_CACHE") or \
        os.path.join(process.ROOT, ".cache", "kafka-" + version())


def fetch():
    """The folder of the broker's jars, fetched if it is not complete."""
    cache = cache_folder()
    libs = os.path.join(cache, "libs")
    marker = os.path.join(cache, "complete")
    wanted = hashlib.sha256(process.read(POM).encode()).hexdigest()
    os.makedirs(cache, exist_ok=True)
    with open(os.path.join(cache, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(marker) and process.read(marker) == wanted:
            return libs
        for program in ("mvn", "java"):
            if shutil.which(program) is None:
                raise process.Failed("%s is not installed (make deps does it)" % program)
        shutil.rmtree(libs, ignore_errors=True)
        code, out, err = process.run(
            ["mvn", "-B", "-q", "-f", POM, FETCH, "-DoutputDirectory=" + libs,
             "-DincludeScope=runtime"], timeout=900)
        if code != 0:
            raise process.Failed("Apache Kafka could not be fetched:\n%s%s" % (out, err))
        with open(marker, "w", encoding="ascii") as file:
            file.write(wanted)
    return libs


class KafkaBroker:
    def __init__(self, start=True, **settings):
        self.folder = process.private_folder("kafka")
        self.port = process.free_port()
        self.brokers = "127.0.0.1:%d" % self.port
        self.log = os.path.join(self.folder, "kafka.log")
        self.topics = Topics(self.brokers)
        self.child = None
        self._libs = os.path.join(fetch(), "*")
        self._settings = os.path.join(self.folder, "server.properties")
        text = SETTINGS.format(port=self.port, controller=process.free_port(), folder=self.folder)
        for name, value in settings.items():
            text += "%s=%s\n" % (name.replace("_", "."), value)
        with open(self._settings, "w", encoding="ascii") as file:
            file.write(text)
        self._format()
        if start:
            self.start()

    def _java(self, *arguments, heap="384m"):
        return ["java", "-Xms" + heap, "-Xmx" + heap, "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1", "-Dlog4j2.configurationFile=" + LOGGING,
                "-cp", self._libs] + list(arguments)

    def _format(self):
        code, out, err = process.run(
            self._java("kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c",
                       self._settings, heap="64m"))
        if code != 0:
            raise process.Failed("kafka could not be formatted:\n%s%s" % (out, err))

    def start(self, timeout=60):
        self.child = process.start(self._java("kafka.Kafka", self._settings), log=self.log)
        process.wait_until(self._answers, timeout,
                           lambda: "kafka is ready\n" + process.tail(self.log))

    def _answers(self):
        if self.child.poll() is not None:
            raise process.Failed("kafka ended with %d\n%s" %
                                 (self.child.returncode, process.tail(self.log)))
        return process.listens(self.port) and self.topics.reachable()

    def stop(self):
        if self.child is not None:
            process.kill(self.child, signal.SIGTERM)

    def kill(self):
        process.kill(self.child, signal.SIGKILL)

    def freeze(self):
        self.child.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.child.send_signal(signal.SIGCONT)

    def restart(self):
        self.stop()
        self.start()


class GivenBroker:
    """A broker that somebody else started and will stop."""

    def __init__(self, brokers):
        self.brokers = brokers
        self.topics = Topics(brokers)

    def stop(self):
        pass


def _cluster_id():
    # Kafka's own form: the 16 bytes of a UUID in URL-safe base64 without padding, and no dash
    # first, which its command line would take for an option.
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text
