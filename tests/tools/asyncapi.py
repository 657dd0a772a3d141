#!/usr/bin/env python3
"""asyncapi - writes schemas/asyncapi.json: what unstale reads from Kafka and writes there.

  tests/tools/asyncapi.py           writes it anew
  tests/tools/asyncapi.py --check   changes nothing; exit code 1 if it is not what would be written

The payload is schemas/event.v1.schema.json, its definitions under components, and the examples are
those of schemas/examples. The rest, topics and headers, stands here.
Source: AsyncAPI 3.0.0, Kafka bindings 0.5.0.
"""
import argparse
import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCHEMA = os.path.join(ROOT, "schemas", "event.v1.schema.json")
EXAMPLES = os.path.join(ROOT, "schemas", "examples", "event", "valid")
DOCUMENT = os.path.join(ROOT, "schemas", "asyncapi.json")
# Words of JSON Schema that mean nothing here: where it lies, and what editors offer.
LEFT_OUT = ("$schema", "$id", "$defs", "defaultSnippets")
KAFKA = "0.5.0"
SHOWN = ("update.json", "create.json", "delete.json", "m2m-add.json", "bulk-rows.json")

DEAD_LETTER_HEADERS = {
    "__connect.errors.topic": "The topic that the record came from.",
    "__connect.errors.partition": "Its partition.",
    "__connect.errors.offset": "Its offset.",
    "__connect.errors.exception.class.name": "The reason, once more.",
    "__connect.errors.exception.message": "What was wrong, for people.",
    "unstale.reason": "missing_field, bad_event, redis_error, ...",
    "unstale.rule": "The rule that could not be applied; of the first failure.",
    "unstale.action": "Its verb.",
    "unstale.field": "The field that was missing, as the rule names it.",
    "unstale.rules_hash": "Of the rules in force.",
    "unstale.attempts": "How often it was tried.",
    "unstale.failures": "All failures of the record, as a JSON array.",
    "unstale.value_size": "Of a stub only: the length of the value, which the broker refused.",
    "unstale.value_sha256": "Of a stub only: the hash of the whole value.",
}

MARK_HEADERS = {
    "unstale.done": "What was done with the letter: retried or dropped.",
    "unstale.letter": "The letter's offset, in the same partition.",
}


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def moved(value):
    """The schema with its own definitions found under components."""
    if isinstance(value, dict):
        return {name: "#/components/schemas/" + member.split("/")[-1] if name == "$ref"
                else moved(member)
                for name, member in value.items() if name not in LEFT_OUT}
    if isinstance(value, list):
        return [moved(element) for element in value]
    return value


def schemas():
    event = load(SCHEMA)
    found = {"event": moved(event)}
    found.update((name, moved(definition)) for name, definition in event["$defs"].items())
    return found


def examples():
    return [{"name": name[:-len(".json")], "payload": load(os.path.join(EXAMPLES, name))}
            for name in SHOWN]


def kafka(**members):
    return {"kafka": dict(members, bindingVersion=KAFKA)}


def ref(*path):
    return {"$ref": "#/" + "/".join(path)}


def channel(address, messages, description):
    return {"address": address, "description": description,
            "messages": {message: ref("components", "messages", message) for message in messages},
            "bindings": kafka()}


def operation(action, name, message, summary):
    return {"action": action, "summary": summary, "channel": ref("channels", name),
            "messages": [ref("channels", name, "messages", message)]}


def model_event():
    return {"title": "Model event", "summary": "One change of one model.",
            "contentType": "application/json", "payload": ref("components", "schemas", "event"),
            "bindings": kafka(key={
                "type": "string",
                "description": "model:pk, as in shop.Product:42, so that an object's events keep "
                               "their order; the model alone for pks, rows and truncate."}),
            "examples": examples()}


def described(headers):
    return {"type": "object", "properties": {name: {"type": "string", "description": text}
                                             for name, text in headers.items()}}


def dead_letter():
    return {"title": "Record set aside",
            "summary": "A record that could not be applied: key, value, timestamp and headers as "
                       "they came, and why.",
            "headers": described(DEAD_LETTER_HEADERS),
            "payload": {"description": "The record's value, byte for byte."},
            "bindings": kafka(key={"description": "The record's key, byte for byte."})}


def mark():
    return {"title": "Mark of a record set aside",
            "summary": "A letter of the same partition is done with; see unstale dlq.",
            "headers": described(MARK_HEADERS), "payload": {"type": "null"}}


def document():
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "unstale", "version": "1.0.0",
                 "description": "What `unstale run` reads from Kafka and what it writes there. "
                                "Generated from the schema of events; topics are settings, these "
                                "are the defaults.",
                 "license": {"name": "Apache-2.0"}},
        "defaultContentType": "application/json",
        "channels": {
            "modelEvents": channel("model-events", ["modelEvent"],
                                   "Changes of models, as the application committed them."),
            "deadLetters": channel("model-events.dlq", ["deadLetter", "deadLetterMark"],
                                   "Records that could not be applied, and which are done with.")},
        "operations": {
            "readModelEvents": operation("receive", "modelEvents", "modelEvent",
                                         "Invalidates what the rules say."),
            "setAside": operation("send", "deadLetters", "deadLetter",
                                  "Keeps what could not be applied; see unstale dlq."),
            "markAsDone": operation("send", "deadLetters", "deadLetterMark",
                                    "Says that a letter was sent again, or dropped.")},
        "components": {"messages": {"modelEvent": model_event(), "deadLetter": dead_letter(),
                                    "deadLetterMark": mark()},
                       "schemas": schemas()},
    }


def main():
    parser = argparse.ArgumentParser(description="The AsyncAPI document of the events.")
    parser.add_argument("--check", action="store_true", help="only compare")
    arguments = parser.parse_args()
    text = json.dumps(document(), indent=2, ensure_ascii=False) + "\n"
    if arguments.check:
        with open(DOCUMENT, encoding="utf-8") as file:
            if file.read() == text:
                return 0
        print("schemas/asyncapi.json is old: run tests/tools/asyncapi.py", file=sys.stderr)
        return 1
    with open(DOCUMENT, "w", encoding="utf-8") as file:
        file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
