"""Fixtures: one stack a run, one bus a module and backend; Redis and the tables empty for each test."""
import contextlib
import os
import re
import sys

import django
import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import stack as servers

# Django has a Redis backend of its own from 4.0 on.
BACKENDS = ("django-redis", "django") if django.VERSION >= (4, 0) else ("django-redis",)
if "UNSTALE_TEST_SHORT" in os.environ:
    BACKENDS = BACKENDS[-1:]
WHOLE = re.compile(r"\{?(myapp|prod|html):1:")
SESSION = ":django.contrib.sessions."
HOST = {"secure": True, "HTTP_HOST": "shop.example"}


def pytest_configure(config):
    config.stash[STACK] = servers.Stack()
    django.setup()


def pytest_unconfigure(config):
    if STACK in config.stash:
        config.stash[STACK].stop()


STACK = pytest.StashKey()


def pytest_generate_tests(metafunc):
    if "backend" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("backends")
        wanted = marker.args[0] if marker else BACKENDS
        names = [name for name in wanted if name in BACKENDS + ("production",)] or wanted
        metafunc.parametrize("backend", names, scope="module", indirect=True)


@pytest.fixture(scope="session")
def stack(pytestconfig):
    return pytestconfig.stash[STACK]


@pytest.fixture(scope="session", autouse=True)
def database(django_db_blocker):
    """The tables, in the database of this job; open for the whole run, and nothing is rolled back:
    events are sent on commit."""
    from django.core.management import call_command
    with django_db_blocker.unblock():
        call_command("migrate", run_syncdb=True, verbosity=0)
        yield


@pytest.fixture(scope="module")
def backend(request):
    """The name of the backend; the project's CACHES are set accordingly."""
    from django.conf import settings
    from django.test import override_settings
    with override_settings(CACHES=settings.CACHES_BY_BACKEND[request.param]):
        yield request.param


@pytest.fixture(scope="module")
def module_bus(request, stack, backend):
    running = servers.Bus(stack, request.module.RULES)
    yield running
    running.stop()


@pytest.fixture
def bus(request, module_bus):
    """`unstale run` with the rule file of the module's RULES, with nothing left to do. Where tests
    share patterns (the module says SAME_PATTERNS) none of them waits for another's walk."""
    again = getattr(request.module, "SAME_PATTERNS", False) and module_bus.has_walked()
    if again or module_bus.is_busy():
        module_bus.renew()
    return module_bus


@pytest.fixture(autouse=True)
def empty_tables(database):
    from django.apps import apps
    from django.db import connection
    kept = {"contenttypes.ContentType", "auth.Permission"}
    tables = [connection.ops.quote_name(model._meta.db_table)
              for model in apps.get_models(include_auto_created=True)
              if model._meta.managed and not model._meta.proxy and model._meta.label not in kept]
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE %s CASCADE" % ", ".join(tables))


@pytest.fixture(autouse=True)
def keys(stack):
    """Redis, which holds nothing but strangers' keys when a test begins."""
    keys = servers.Keys(stack.redis)
    keys.reset()
    return keys


@pytest.fixture
def watch(bus, keys):
    """`with watch(gone=[...])`: what the block changes is applied, and exactly those keys went.

    Names are the application's, or whole keys with a prefix of the project's. Of `changed` the value
    is another, `made` were not there before, `free` may be as they like; every other key is there as
    it was. Sessions that began meanwhile are left aside. No event was set aside."""
    from django.core.cache import cache

    def whole(names):
        return {name if WHOLE.match(name) else cache.make_key(name) for name in names}

    @contextlib.contextmanager
    def watching(gone=(), changed=(), made=(), free=()):
        bus.applied()
        before = keys.all()
        dead = bus.dead_letters()
        assert whole(gone) <= set(before), "a key that should go was never there"
        yield
        bus.applied()
        after = keys.all()
        change = servers.Change(before, after, whole(free))
        assert change.gone == whole(gone)
        assert change.changed == whole(changed)
        assert {name for name in change.made if SESSION not in name} == whole(made)
        assert bus.dead_letters() == dead
    return watching


@pytest.fixture
def given():
    """`given(Product, name="Tea")`: a row that was there all along, so no event tells of it."""
    def made(model, **values):
        row, = model._base_manager.bulk_create([model(**values)])
        return model.objects.get(pk=row.pk)
    return made


@pytest.fixture
def page():
    """`page(address)`: what a visitor sees there, on https://shop.example."""
    from django.test import Client

    def get(address, client=None, **headers):
        answer = (client or Client()).get(address, **HOST, **headers)
        assert answer.status_code == 200, answer
        return answer.content.decode()
    return get


@pytest.fixture
def user(given):
    from django.contrib.auth import get_user_model
    made = given(get_user_model(), username="ada", email="ada@shop.example")
    return made


@pytest.fixture
def other_user(given):
    from django.contrib.auth import get_user_model
    return given(get_user_model(), username="bob", email="bob@shop.example")


@pytest.fixture
def login(bus):
    """`login(user)`: a visitor who is logged in, which the bus has been told already."""
    from django.test import Client

    def logged_in(user):
        client = Client()
        client.force_login(user)
        bus.applied()
        return client
    return logged_in
