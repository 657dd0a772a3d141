"""The relay against PostgreSQL and Kafka: what is committed arrives, once it can, in order."""
import threading
import time

import pytest
from django.db import connections, transaction
from outbox_support import wait_until
from shop.models import Product, Tag

from unstale.django.models import OutboxEvent
from unstale.django.outbox import SHARDS, lag, shard_of, store
from unstale.event import record_key

pytestmark = pytest.mark.django_db(databases=["default", "postgres"], transaction=True)


def atomic():
    return transaction.atomic(using="postgres")


def rows():
    return OutboxEvent.objects.using("postgres")


def wait_empty():
    wait_until(lambda: not rows().filter(shard__gte=0).exists(), lambda: "%d rows" % rows().count())


def put(pk, nr, model="shop.Product"):
    store({"event": "post_save", "model": model, "pk": pk, "meta": {"nr": nr}}, "postgres")


def numbers(project, pk):
    """What was sent of one object, in order."""
    return [event["meta"]["nr"] for _, event in project.events() if event["pk"] == pk]


def once(values):
    """Each number when it came last: what a sender that repeats its tail comes to."""
    return list(dict.fromkeys(reversed(values)))[::-1]


def test_a_change_is_a_row_of_its_transaction(outbox):
    with atomic():
        product = Product.objects.create(name="a")
        assert [row.key for row in rows()] == ["shop.Product:%d" % product.pk]
    row = rows().get()
    assert row.shard == shard_of(row.key.encode()) and row.sent_at is None
    assert lag("postgres").rows == 1


def test_a_rollback_leaves_no_row(outbox):
    with pytest.raises(ZeroDivisionError), atomic():
        Product.objects.create(name="a")
        raise ZeroDivisionError
    with atomic():
        Product.objects.create(name="kept")
        with pytest.raises(ZeroDivisionError), atomic():
            Product.objects.create(name="not kept")
            raise ZeroDivisionError
    assert rows().count() == 1


def test_the_shard_of_a_key_never_changes():
    assert [shard_of(key) for key in (b"shop.Product:42", b"shop.Tag", "ä".encode())] == [12, 4, 3]


def test_once_sends_what_is_there(outbox, project):
    products = [Product.objects.create(name=str(nr)) for nr in range(5)]
    products[0].price = 3
    products[0].save()
    products[1].delete()
    code, text = project.run("unstale_relay", "--once")
    assert code == 0 and "7 events sent" in text
    events = [event for _, event in project.events()]
    assert sorted(record_key(event) for event in events) == sorted(
        ["shop.Product:%d" % each for each in range(products[2].pk, products[4].pk + 1)]
        + ["shop.Product:%d" % (products[2].pk - 2)] * 2
        + ["shop.Product:%d" % (products[2].pk - 1)] * 2)
    assert not rows().exists()


def test_a_relay_is_woken_by_a_commit(outbox, project):
    project.relay("--poll", "30").says("shards 0,1,")
    started = time.monotonic()
    for nr in range(5):
        Tag.objects.create(name=str(nr))
        wait_empty()
    assert time.monotonic() - started < 10


def test_without_notify_the_relay_looks_by_itself(outbox, project):
    relay = project.relay("--poll", "0.2").says("shards 0,1,")
    with outbox.cursor() as cursor:
        cursor.execute(
            "INSERT INTO unstale_outbox (shard, key, value, created) VALUES (3, 'a.B:1', %s, now())",
            ['{"event":"post_save","model":"a.B","pk":1}'])
    wait_empty()
    assert relay.terminate() == 0


def test_a_transaction_that_commits_late_is_not_skipped(outbox, project):
    """Its rows have lower ids than others that are long gone."""
    project.relay("--poll", "0.1").says("shards 0,1,")
    is_open, may_commit = threading.Event(), threading.Event()

    def slow():
        with atomic():
            put("late", 0)
            is_open.set()
            assert may_commit.wait(30)
        connections.close_all()

    thread = threading.Thread(target=slow)
    thread.start()
    assert is_open.wait(30)
    for nr in range(100):
        put(nr, nr)
    wait_empty()
    may_commit.set()
    thread.join()
    wait_empty()
    assert numbers(project, "late") == [0]
    assert len(project.events()) == 101


def test_two_relays_share_the_shards(outbox, project):
    first = project.relay().says("shards 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15")
    second = project.relay()
    second.says("now shards 8,9,10,11,12,13,14,15")
    first.says("now shards 0,1,2,3,4,5,6,7")
    for nr in range(300):
        put(nr % 40, nr)
    wait_empty()
    first.kill()
    second.says("now shards 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15")
    for nr in range(300, 600):
        put(nr % 40, nr)
    wait_empty()
    for pk in range(40):
        assert numbers_of(project, pk) == list(range(pk, 600, 40))[:len(range(pk, 300, 40))] + [
            nr for nr in range(300, 600) if nr % 40 == pk]


def numbers_of(project, pk):
    if not hasattr(project, "seen"):
        project.seen = {}
        for _, event in project.events():
            project.seen.setdefault(event["pk"], []).append(event["meta"]["nr"])
    return once(project.seen[pk])


def test_named_shards_are_not_given_away(outbox, project):
    low = project.relay("--shards", "0-7").says("shards 0,1,2,3,4,5,6,7")
    rest = project.relay().says("shards 8,9,10,11,12,13,14,15")
    for nr in range(100):
        put(nr, nr)
    wait_empty()
    assert len(project.events()) == 100
    assert low.terminate() == 0 and rest.terminate() == 0


@pytest.mark.parametrize("pause", [0.0, 0.2])
def test_a_relay_that_is_killed_loses_nothing(outbox, project, pause):
    for nr in range(2000):
        put(nr % 7, nr)
    for _ in range(2):
        relay = project.relay("--batch", "200").says("shards 0,1,")
        time.sleep(pause)  # the moment of the kill, not a wait for something
        relay.kill()
    wait_until(lambda: project.run("unstale_relay", "--once")[0] == 0, "the outbox is empty")
    for pk in range(7):
        assert numbers_of(project, pk) == list(range(pk, 2000, 7))


def test_kept_rows_go_after_their_time(outbox, project):
    put(1, 1)
    code, text = project.run("unstale_relay", "--once", "--keep", "1")
    assert code == 0, text
    row = rows().get()
    assert row.shard == OutboxEvent.SENT and row.sent_at is not None
    assert project.run("unstale_relay", "--once")[0] == 0
    assert numbers(project, 1) == [1]
    rows().update(sent_at="2020-01-01T00:00:00Z")
    project.relay("--keep", "1")
    wait_until(lambda: not rows().exists(), "the row is gone")


def test_a_refused_row_holds_up_its_shard_alone(outbox, project):
    put(1, 1)
    rows().update(value='{"event":"post_save","model":7,"pk":1}')
    bad = rows().get()
    put(1, 2)
    others = [pk for pk in range(2, 60) if shard_of(b"shop.Product:%d" % pk) != bad.shard]
    for pk in others:
        put(pk, pk)
    relay = project.relay("--poll", "0.1").says("row %d was refused" % bad.id)
    wait_until(lambda: rows().filter(shard__gte=0).count() == 2, lambda: list(rows()))
    assert numbers(project, 1) == []
    code, text = project.run("unstale_relay", "--drop", str(bad.id))
    assert code == 0 and '"model":7' in text
    wait_empty()
    assert numbers(project, 1) == [2]
    assert relay.terminate() == 0


def test_check_says_what_waits(outbox, quiet_project):
    assert quiet_project.run("unstale_relay", "--check")[0] == 0
    put(1, 1)
    rows().update(created="2020-01-01T00:00:00Z")
    code, text = quiet_project.run("unstale_relay", "--check", "--format", "json")
    assert code == 1 and '"rows": 1' in text and '"ok": false' in text
    assert quiet_project.run("unstale_relay", "--check", "--max-age", "1e12")[0] == 0
    assert quiet_project.run(
        "unstale_relay", "--check", "--max-age", "1e12", "--max-rows", "0")[0] == 1


def test_without_kafka_it_waits_and_ends_in_time(outbox, quiet_project):
    put(1, 1)
    relay = quiet_project.relay("--grace", "0.5").says("shards 0,1,")
    started = time.monotonic()
    assert relay.terminate() == 0
    assert time.monotonic() - started < 15
    code, text = quiet_project.run("unstale_relay", "--once", "--timeout", "0.5")
    assert code == 1 and "1 events are left" in text
    assert rows().count() == 1


def test_a_lost_session_is_taken_up_again(outbox, project):
    relay = project.relay("--poll", "0.1").says("shards 0,1,")
    with outbox.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                       " WHERE application_name LIKE 'unstale_relay%%'")
    relay.says("the database is away")
    put(1, 1)
    wait_empty()
    assert numbers(project, 1) == [1]


def test_shards_must_be_shards(outbox, quiet_project):
    for text in ("16", "a", "3-", "5-4"):
        code, said = quiet_project.run("unstale_relay", "--shards", text)
        assert code == 1 and "shards" in said
    assert SHARDS == 16
