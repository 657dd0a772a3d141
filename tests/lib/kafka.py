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

CLUSTER_SETTINGS = {"default.replication.factor": 3, "offsets.topic.replication.factor": 3,
                    "min.insync.replicas": 2, "transaction.state.log.replication.factor": 3,
                    "broker.session.timeout.ms": 3000, "broker.heartbeat.interval.ms": 500,
                    "controller.quorum.election.timeout.ms": 500,
                    "controller.quorum.fetch.timeout.ms": 1000,
                    "replica.lag.time.max.ms": 3000}


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
    def __init__(self, start=True, port=None, controller=None, **settings):
        self.folder = process.private_folder("kafka")
        self.port = port or process.free_port()
        self.brokers = "127.0.0.1:%d" % self.port
        self.log = os.path.join(self.folder, "kafka.log")
        self.topics = Topics(self.brokers)
        self.child = None
        self._libs = os.path.join(fetch(), "*")
        self._settings = os.path.join(self.folder, "server.properties")
        text = SETTINGS.format(port=self.port,
                               controller=controller or process.free_port(), folder=self.folder)
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
        self._format_as(_cluster_id())

    def _format_as(self, cluster):
        code, out, err = process.run(
            self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c",
                       self._settings, heap="64m"))
        if code != 0:
            raise process.Failed("kafka could not be formatted:\n%s%s" % (out, err))

    def start(self, timeout=60):
        self.launch()
        self.wait(timeout)

    def launch(self):
        self.child = process.start(self._java("kafka.Kafka", self._settings), log=self.log)

    def wait(self, timeout=60):
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
        process.freeze(self.child)

    def thaw(self):
        self.child.send_signal(signal.SIGCONT)

    def restart(self):
        self.stop()
        self.start()


class Node(KafkaBroker):
    """One of a KafkaCluster's; its settings name all of them."""

    def __init__(self, at, ports, controllers, cluster):
        self._cluster = cluster
        voters = ",".join("%d@127.0.0.1:%d" % (n + 1, port) for n, port in enumerate(controllers))
        super().__init__(start=False, port=ports[at], controller=controllers[at], **{
            "node_id": at + 1, "controller.quorum.voters": voters, **CLUSTER_SETTINGS})

    def _format(self):
        self._format_as(self._cluster)

    def _answers(self):
        if self.child.poll() is not None:
            raise process.Failed("kafka ended with %d\n%s" %
                                 (self.child.returncode, process.tail(self.log)))
        return process.listens(self.port)


class KafkaCluster:
    """Three nodes, every topic on all of them, two must have a record before it is acknowledged."""

    def __init__(self):
        ports = [process.free_port() for _ in range(3)]
        controllers = [process.free_port() for _ in range(3)]
        cluster = _cluster_id()
        self.nodes = [Node(at, ports, controllers, cluster) for at in range(3)]
        self.brokers = ",".join(node.brokers for node in self.nodes)
        self.topics = Topics(self.brokers)
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait()
        process.wait_until(self.topics.reachable, 60, lambda: "the brokers make a topic\n" +
                           process.tail(self.nodes[0].log))

    @property
    def log(self):
        return self.nodes[0].log

    def stop(self):
        for node in self.nodes:
            if node.child is not None and node.child.poll() is None:
                node.thaw()
                # Together: a controller that is alone would wait for the others.
                node.kill()


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


def alter_partitions(brokers, topic, number):
    """More partitions for a topic, by Kafka's own tool."""
    code, out, err = process.run(
        ["java", "-Xmx64m", "-XX:TieredStopAtLevel=1", "-cp", os.path.join(fetch(), "*"),
         "org.apache.kafka.tools.TopicCommand", "--bootstrap-server", brokers, "--alter",
         "--topic", topic, "--partitions", str(number)])
    if code != 0:
        raise process.Failed("partitions could not be added:\n%s%s" % (out, err))
