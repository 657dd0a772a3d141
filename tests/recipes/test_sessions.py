"""Sessions in the cache: only their own keys reach them."""
import datetime

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.management import call_command
from django.utils import timezone

from apps.accounts.services import set_password

RULES = "sessions"


def session_key(client):
    return client.cookies["sessionid"].value


def cached(client):
    return "django.contrib.sessions.cache" + session_key(client)


def is_logged_in(client):
    return "ada" in client.get("/sidebar/").content.decode()


@pytest.mark.recipe("Sessions", "user-sessions")
def test_a_user_who_is_logged_out_everywhere(user, other_user, login, watch):
    visitors = [login(user), login(user)]
    stranger = login(other_user)
    keys = [session_key(visitor) for visitor in visitors]
    with watch(gone=[cached(visitor) for visitor in visitors]):
        set_password(user, "new", keys)
    assert not any(is_logged_in(visitor) for visitor in visitors)
    assert cache.get(cached(stranger)) is not None


@pytest.mark.recipe("Sessions", "user-sessions")
def test_a_user_whose_keys_nobody_sends(user, login, watch):
    visitor = login(user)
    with watch():
        type(user).objects.filter(pk=user.pk).update(email="ada@home.example")
        user.email = "ada@home.example"
        user.save()
    assert is_logged_in(visitor)


@pytest.fixture
def cached_db(settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"


@pytest.mark.recipe("Sessions", "session-row")
def test_a_session_whose_row_is_deleted(cached_db, user, login, watch):
    visitor, other = login(user), login(user)
    with watch(gone=["django.contrib.sessions.cached_db" + session_key(visitor)]):
        Session.objects.get(pk=session_key(visitor)).delete()
    assert not is_logged_in(visitor)
    assert is_logged_in(other)


@pytest.mark.recipe("Sessions", "session-row")
def test_sessions_that_have_ended(cached_db, user, login, watch):
    visitor, other = login(user), login(user)
    Session.objects.filter(pk=session_key(visitor)).update(
        expire_date=timezone.now() - datetime.timedelta(days=1))
    with watch(gone=["django.contrib.sessions.cached_db" + session_key(visitor)]):
        call_command("clearsessions")
    assert is_logged_in(other)
