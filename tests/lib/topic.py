"""topic - Kafka topics, records and offsets, by way of the C tool build/tests/tools/topic.

A record read back is a `Record`; keys, values and header values are bytes or None, exactly as they
lie in the log. What is sent may be str, bytes, None or, for a value, anything JSON can hold.
"""
import base64
import collections
import json
import subprocess

from lib import process

Record = collections.namedtuple("Record", "partition offset timestamp key value headers")
Committed = collections.namedtuple("Committed", "partition committed low high")


class Topics:
    def __init__(self, brokers):
        self.brokers = brokers

    def _tool(self, verb, topic, *arguments):
        return [process.tool("topic"), verb, self.brokers, topic] + [str(word) for word in arguments]

    def _call(self, verb, topic, *arguments, input=None, timeout=150):
        code, out, err = process.run(self._tool(verb, topic, *arguments), input=input,
                                     timeout=timeout)
        if code != 0:
            raise process.Failed("topic %s %s ended with %d: %s" % (verb, topic, code, err.strip()))
        return out

    def reachable(self):
        """True once the broker makes a topic, which is when it is of use to a test."""
        try:
            self.create("unstale-tests-probe", 1)
        except process.Failed as error:
            return "already exists" in str(error)
        return True

    def create(self, topic, partitions=1, **config):
        self._call("create", topic, partitions,
                   *["%s=%s" % (name.replace("_", "."), value) for name, value in config.items()])

    def delete(self, topic):
        self._call("delete", topic)

    def trim(self, topic, partition, offset):
        self._call("trim", topic, partition, offset)

    def produce(self, topic, records, partition=None, transaction=None):
        """`records` are dicts of key, value, headers, timestamp; returns how many were written.
        With a transactional id they are one transaction."""
        lines = "".join(json.dumps(_encode_record(record)) + "\n" for record in records)
        place = [] if partition is None else ["--partition", partition]
        if transaction is not None:
            place += ["--transaction", transaction]
        return json.loads(self._call("produce", topic, *place, input=lines))["produced"]

    def generate(self, topic, count, value, key=None, pad=0, partition=None):
        """`{i}` in value and key is the record's number, `{i%N}` that number modulo N."""
        words = ["--generate", count, "--format", value, "--pad", pad]
        if key is not None:
            words += ["--key", key]
        if partition is not None:
            words += ["--partition", partition]
        return json.loads(self._call("produce", topic, *words, timeout=600))["produced"]

    def feed(self, topic):
        return Feeder(self._tool("produce", topic))

    def consume(self, topic, max=None, timeout=60):
        """Every record of the topic, partition by partition in the order of arrival."""
        words = ["--timeout", int(timeout * 1000)]
        if max is not None:
            words += ["--max", max]
        out = self._call("consume", topic, *words, timeout=timeout + 30)
        return [_decode_record(json.loads(line)) for line in out.splitlines()]

    def offsets(self, topic, group):
        rows = json.loads(self._call("offsets", topic, group))["partitions"]
        return [Committed(**row) for row in rows]

    def lag(self, topic, group):
        return int(self._call("lag", topic, group))

    def ends(self, topic):
        return [row.high for row in self.offsets(topic, "unstale-tests-reader")]


class Feeder:
    """One producer that stays, for a load that goes on while the test does other things. Start and
    close it in the main thread; `send` may be called in another."""

    def __init__(self, arguments):
        self.sent = 0
        self._child = process.start(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def send(self, records):
        lines = [json.dumps(_encode_record(record)) + "\n" for record in records]
        self._child.stdin.write("".join(lines).encode())
        self._child.stdin.flush()
        self.sent += len(lines)

    def close(self):
        """Waits until Kafka has confirmed everything; returns how many records that were."""
        out = self._child.communicate(timeout=120)[0]
        if self._child.returncode != 0:
            raise process.Failed("the producer ended with %d" % self._child.returncode)
        return json.loads(out)["produced"]


def _encode(value):
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    return json.dumps(value, separators=(",", ":"))


def _encode_record(record):
    headers = record.get("headers") or []
    pairs = headers.items() if isinstance(headers, dict) else headers
    out = {"key": _encode(record.get("key")), "value": _encode(record.get("value")),
           "headers": [[name, _encode(value)] for name, value in pairs]}
    if "timestamp" in record:
        out["timestamp"] = record["timestamp"]
    return out


def _decode(value):
    if value is None:
        return None
    if isinstance(value, dict):
        return base64.b64decode(value["base64"])
    return value.encode()


def _decode_record(line):
    return Record(line["partition"], line["offset"], line["timestamp"], _decode(line["key"]),
                  _decode(line["value"]),
                  [(name, _decode(value)) for name, value in line["headers"]])
