"""SQLite has no locks of shards: one relay, and no second one."""
import sqlite3

import pytest
from django.core.management import CommandError, call_command
from outbox_support import wait_until

from unstale.django.outbox import shard_of


def put(project, *pks):
    with sqlite3.connect(project.environment["OUTBOX_DATABASE"], timeout=30) as connection:
        for pk in pks:
            key = "shop.Product:%d" % pk
            connection.execute(
                "INSERT INTO unstale_outbox (shard, key, value, created)"
                " VALUES (?, ?, ?, '2026-01-01 00:00:00')",
                [shard_of(key.encode()), key,
                 '{"event":"post_save","model":"shop.Product","pk":%d}' % pk])
    connection.close()


def waiting(project):
    connection = sqlite3.connect(project.environment["OUTBOX_DATABASE"], timeout=30)
    try:
        return connection.execute("SELECT count(*) FROM unstale_outbox").fetchone()[0]
    finally:
        connection.close()


def test_one_relay_sends_and_a_second_is_refused(sqlite_project):
    first = sqlite_project.relay("--poll", "0.1").says("shards 0,1,")
    put(sqlite_project, *range(50))
    wait_until(lambda: not waiting(sqlite_project), lambda: first.text())
    assert sorted(event["pk"] for _, event in sqlite_project.events()) == list(range(50))
    for arguments in ([], ["--once"]):
        code, text = sqlite_project.run("unstale_relay", *arguments)
        assert code == 1 and "unstale_relay" in text and ":%d is at work" % first.child.pid in text
    assert str(first.child.pid) in sqlite_project.run("unstale_relay", "--check")[1]
    first.kill()
    put(sqlite_project, 50)
    code, text = sqlite_project.run("unstale_relay", "--once")
    assert code == 0 and "1 events sent" in text


def test_shards_are_for_postgresql(sqlite_project):
    code, text = sqlite_project.run("unstale_relay", "--shards", "0-7")
    assert code == 1 and "SQLite has one relay" in text


@pytest.mark.django_db
def test_a_database_in_memory_has_none():
    for arguments in ([], ["--check"]):
        with pytest.raises(CommandError, match="in memory"):
            call_command("unstale_relay", *arguments)
