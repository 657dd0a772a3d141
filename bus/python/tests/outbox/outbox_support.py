"""Commands of a project in processes of their own, and what came of them in Kafka."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
SECONDS = 30


def wait_until(condition, what, seconds=SECONDS):
    deadline = time.monotonic() + seconds
    while not condition():
        shown = what() if callable(what) else what
        assert time.monotonic() < deadline, "not within %g s: %s" % (seconds, shown)
        time.sleep(0.01)


class Command:
    """manage.py NAME ARGUMENTS in a process of its own."""

    def __init__(self, environment, folder, name, *arguments):
        self.log = folder / ("%s-%d.log" % (name, time.monotonic_ns()))
        with open(self.log, "w") as log:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "django", name, *arguments], stdout=log, stderr=log,
                env=environment)

    def text(self):
        return self.log.read_text()

    def says(self, text, seconds=SECONDS):
        def said():
            assert text in self.text() or self.child.poll() is None, self.text()
            return text in self.text()
        wait_until(said, lambda: "%r in %s" % (text, self.text()), seconds)
        return self

    def end(self, seconds=SECONDS):
        """The exit code of a process that ends by itself."""
        return self.child.wait(seconds)

    def terminate(self):
        self.child.send_signal(signal.SIGTERM)
        return self.end()

    def kill(self):
        self.child.kill()
        self.child.wait()


class Project:
    def __init__(self, database, folder, topic):
        self.folder = folder
        self.topic = topic
        paths = [str(HERE), str(HERE.parent / "django"), os.environ.get("PYTHONPATH", "")]
        self.environment = {
            **os.environ, "PYTHONPATH": os.pathsep.join(paths), "OUTBOX_DATABASE": database,
            "DJANGO_SETTINGS_MODULE": "outbox_settings"}
        if topic is not None:
            self.environment.update(OUTBOX_BROKERS=topic.brokers, OUTBOX_TOPIC=topic.name)
        self.commands = []

    def command(self, name, *arguments, **environment):
        found = Command({**self.environment, **environment}, self.folder, name, *arguments)
        self.commands.append(found)
        return found

    def relay(self, *arguments, **environment):
        return self.command("unstale_relay", *arguments, **environment)

    def run(self, name, *arguments, **environment):
        """(exit code, what it said)."""
        command = self.command(name, *arguments, **environment)
        return command.end(), command.text()

    def events(self):
        """[(partition, event)] of the topic, in order within each partition."""
        return [(record.partition, json.loads(record.value)) for record in self.topic.records()]

    def stop(self):
        for command in self.commands:
            if command.child.poll() is None:
                command.kill()


def url_of(connection):
    settings = connection.settings_dict
    return "postgresql://%s@%s:%s/%s" % (
        settings["USER"], settings["HOST"], settings["PORT"], settings["NAME"])
