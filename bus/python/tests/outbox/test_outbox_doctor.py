"""unstale_doctor: each mistake is found, with what to write, and nothing where there is none."""
import json
import subprocess

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from unstale.django.management.doctor import code, rulefile

pytestmark = pytest.mark.filterwarnings("ignore")


def shouting(key, prefix, version):
    return "%s|v%s|%s" % (prefix, version, key)


def hashing(key, prefix, version):
    import hashlib
    return "%s:%s:%s" % (prefix, version, hashlib.md5(key.encode()).hexdigest())


def opaque(key, prefix, version):
    return "always the same"


def redis_cache(url="redis://127.0.0.1:6379/1", **members):
    return {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": url, "KEY_PREFIX": "myapp",
            **members}


def builtin(url="redis://127.0.0.1:6379/1", **members):
    return {**redis_cache(url, **members), "BACKEND": "django.core.cache.backends.redis.RedisCache"}


DJANGO = {"keys": "django", "prefix": "myapp"}


def document(cache=DJANGO, **do):
    rules = [{"name": "r", "when": {"model": "shop.Product"}, "do": do}] if do else []
    caches = {} if cache is None else {"caches": {"default": cache}}
    return {"version": 1, **caches, "rules": rules}


@pytest.fixture
def findings(tmp_path, capsys, monkeypatch):
    """[(trap, fix)] for a rule file and CACHES, or one cache "default"."""
    monkeypatch.delenv("UNSTALE_REDIS_URL", raising=False)

    def run(rules, cache, *arguments, **settings):
        path = tmp_path / "rules.json"
        path.write_text(rules if isinstance(rules, str) else json.dumps(rules))
        caches = cache if "default" in cache else {"default": cache}
        with override_settings(CACHES=caches, **settings):
            try:
                call_command("unstale_doctor", str(path), "--format", "json", "--no-code",
                             *arguments)
                code = 0
            except SystemExit as end:
                code = end.code
        found = json.loads(capsys.readouterr().out)
        assert code == (1 if found else 0)
        assert all(each["text"] and each["where"] for each in found)
        return [(each["trap"], each["fix"]) for each in found]
    return run


def test_nothing_is_found_where_nothing_is_wrong(findings):
    rules = document({**DJANGO, "serializer": "pickle"}, delete="product:{pk}",
                     bump={"key": "products_version"},
                     refresh={"key": "p:{pk}", "value": {}, "ttl": "5m"})
    assert findings(rules, redis_cache()) == []
    assert findings(rules, builtin()) == []


def fix(**members):
    return {"caches": {"default": members}}


@pytest.mark.parametrize("cache, found", [
    ({"KEY_PREFIX": "prod"}, ("T1", fix(prefix="prod"))),
    ({"VERSION": 2}, ("T1", fix(version=2))),
    ({"KEY_FUNCTION": shouting}, ("T1", fix(key_function="{prefix}|v{version}|{key}"))),
    ({"KEY_FUNCTION": hashing}, ("T1", fix(key_function="{prefix}:{version}:{key|md5}"))),
    ({"KEY_FUNCTION": opaque}, ("T1", fix(key_function="{prefix}...{key}"))),
    ({"LOCATION": "redis://127.0.0.1:6379/0"},
     ("T0", {"redis": {"default": {"url": "redis://127.0.0.1:6379/0"}}})),
    ({"LOCATION": ["redis://127.0.0.1:6379/3", "redis://127.0.0.1:6380/3"]},
     ("T0", {"redis": {"default": {"url": "redis://127.0.0.1:6379/3"}}})),
    ({"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
     ("T0", "a backend that keeps keys in Redis")),
])
def test_what_settings_say_otherwise(findings, cache, found):
    assert findings(document(delete="p:{pk}"), redis_cache(**cache)) == [found]


def test_a_key_function_that_is_declared(findings):
    rules = document({**DJANGO, "key_function": "{prefix}|v{version}|{key}"}, delete="p:{pk}")
    assert findings(rules, redis_cache(KEY_FUNCTION=shouting)) == []


def test_several_versions_and_databases_named_otherwise(findings):
    rules = document({**DJANGO, "version": [1, 2]}, delete="p:{pk}")
    assert findings(rules, redis_cache(VERSION=2)) == []
    assert findings(rules, redis_cache("redis://h", OPTIONS={"DB": 4}), "--redis",
                    "redis://h/4") == []
    assert findings(rules, redis_cache("unix:///run/redis.sock?db=4"), "--redis",
                    "default=redis://h/4") == []
    assert [trap for trap, _ in findings(rules, builtin(OPTIONS={"db": 4}))] == ["T0"]


def test_the_service_s_settings_are_read(findings, tmp_path):
    config = tmp_path / "unstale.jsonc"
    config.write_text('{"redis": {"default": {"url": "redis://h/7",},}, /* all */}')
    rules = document(delete="p:{pk}")
    assert findings(rules, redis_cache("redis://h/7"), "--config", str(config)) == []
    assert [trap for trap, _ in findings(rules, redis_cache(), "--config", str(config))] == ["T0"]


def test_keys_without_prefix_and_version(findings):
    declared = {"keys": "django", "prefix": "myapp", "version": 1, "serializer": "pickle"}
    assert findings(document(None, delete="p:{pk}"), redis_cache()) == [("T1", fix(**declared))]
    raw = document({"keys": "raw", "prefix": "myapp:"}, purge="products:*")
    assert findings(raw, redis_cache()) == [("T1", fix(**declared))]
    assert findings(document({"prefix": "myapp:1:"}, purge="products:*"), redis_cache()) == []


@pytest.mark.parametrize("do, found", [
    ({"purge": "myapp:products:*"}, ("T1", {"purge": "products:*"})),
    ({"delete": "myapp:1:p:{pk}"}, ("T1", {"delete": "p:{pk}"})),
    ({"delete": "products_version"}, ("T2", {"bump": {"key": "products_version", "start": 1}})),
    ({"delete": "products:category:{after.category_id}"},
     ("T5", {"delete": "products:category:{category_id}"})),
    ({"delete": "views.decorators.cache.cache_header..{uri|md5}"},
     ("T9", {"delete": {"page": "https://shop.example/products/", "vary": True}})),
])
def test_what_rules_say(findings, do, found):
    assert findings(document(**do), redis_cache()) == [found]


def test_a_counter_must_not_expire(findings):
    rules = document(bump="n", expire={"key": "n", "within": "5s"})
    assert findings(rules, redis_cache()) == [("T3", "no expire of it")]


def test_old_and_new_together_are_right(findings):
    rules = document(delete=["c:{after.category_id}", "c:{before.category_id}"])
    assert findings(rules, redis_cache()) == []


@pytest.mark.parametrize("declared, options, found", [
    ("pickle", {"SERIALIZER": "django_redis.serializers.json.JSONSerializer",
                "COMPRESSOR": "django_redis.compressors.zlib.ZlibCompressor"},
     ("T6", fix(serializer="json"))),
    (None, {}, ("T6", fix(serializer="pickle"))),
    ("json", {"SERIALIZER": "django_redis.serializers.msgpack.MSGPackSerializer"},
     ("T6", fix(serializer="msgpack"))),
    ("json", {"SERIALIZER": "shop.Own"}, ("T6", "delete instead of refresh")),
    ("pickle", {"CLIENT_CLASS": "django_redis.client.HerdClient"},
     ("T6", "delete instead, or DefaultClient")),
    ("pickle", {"CLIENT_CLASS": "django_redis.client.ShardClient"},
     ("T0", "a cache and a redis target for each server")),
])
def test_values_that_readers_cannot_decode(findings, declared, options, found):
    cache = {**DJANGO, "serializer": declared} if declared else DJANGO
    rules = document(cache, refresh={"key": "p:{pk}", "value": {}, "ttl": "5m"})
    assert findings(rules, redis_cache(OPTIONS=options)) == [found]


def test_patterns_beside_sessions_and_queues(findings):
    cache = {**DJANGO, "allow_broad": True}
    rules = document(cache, purge={"pattern": "*", "allow": "broad"})
    alone = {"SESSION_ENGINE": "django.contrib.sessions.backends.db"}
    assert findings(rules, redis_cache(), **alone) == []
    expected = [("T7", fix(allow_broad=False))]
    assert findings(rules, redis_cache(), SESSION_CACHE_ALIAS="default",
                    SESSION_ENGINE="django.contrib.sessions.backends.cached_db") == expected
    assert findings(rules, redis_cache(), CELERY_BROKER_URL="redis://127.0.0.1:6379/1",
                    **alone) == expected
    assert findings(rules, redis_cache(), CELERY_BROKER_URL="redis://127.0.0.1:6379/0",
                    **alone) == []


def test_names_that_differ(findings):
    rules = {"version": 1, "caches": {"pages": DJANGO}, "rules": []}
    found = findings(rules, {"default": redis_cache()})
    assert found[0][0] == "T0"
    assert findings(rules, {"default": redis_cache()}, "--cache", "pages=default") == []


def test_comments_are_no_obstacle():
    text = '{ // "a"\n "b": "// no /* comment */", /* c, */ "d": [1, /* x */ ], }'
    assert json.loads(rulefile.plain_json(text)) == {"b": "// no /* comment */", "d": [1]}


def looked_at(tmp_path, source, **do):
    path = tmp_path / "views.py"
    path.write_text(source)
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps(document(**do)))
    return [(each.trap, int(each.where.rpartition(":")[2]), each.fix)
            for each in code.check(rulefile.read([str(rules)]), [str(path)])]


@pytest.mark.parametrize("source, do, found", [
    ('V = 1\nn = cache.get("v", V)\n', {}, [("T4", 2, "read it in the function that uses it")]),
    ('def f():\n    return cache.get("v", 1)\n', {}, []),
    ('class A:\n    n = caches["default"].get("v")\n', {},
     [("T4", 2, "read it in the function that uses it")]),
    ('K = "n"\ndef f():\n    return cache.get(K, 0)\n', {"bump": "n"},
     [("T2", 3, {"bump": {"key": "n", "start": 0}})]),
    ('def f():\n    cache.get("n", 0)\n', {"bump": {"key": "n", "start": 0}}, []),
    ('def f():\n    cache.set("n", 1)\n    cache.set("n", 1, None)\n', {"bump": "n"},
     [("T3", 2, "timeout=None")]),
    ('@receiver([post_save, post_delete], sender=A)\ndef f(**k):\n    cache.delete("x")\n', {},
     [("T8", 3, "a rule instead of the handler")]),
    ('@receiver(signals.post_save)\ndef f(**k):\n'
     '    transaction.on_commit(lambda: cache.delete("x"))\n', {}, []),
    ('@vary_on_cookie\ndef f(r):\n    pass\n', {"delete": {"page": "https://h/"}},
     [("T9", 1, {"delete": {"page": "https://h/", "vary": True}})]),
    ('@vary_on_cookie\ndef f(r):\n    pass\n', {"delete": {"page": "https://h/", "vary": True}},
     []),
    ('p = KafkaProducer()\njson.dumps(x, cls=DjangoJSONEncoder)\n', {},
     [("T10", 2, "unstale.Emitter encodes them in full")]),
    ('def f(i):\n    return i["keyspace_hits"] / 2\n', {},
     [("T11", 2, "the difference of two readings")]),
    ("this is no Python", {}, []),
])
def test_what_code_does(tmp_path, source, do, found):
    assert looked_at(tmp_path, source, **do) == found


def test_every_fix_for_rules_is_one_that_check_takes(tmp_path, program, findings):
    """The fixes are put in, and the program has nothing to say."""
    rules = document({"prefix": "myapp:"}, delete="product:{after.category_id}")
    for trap, change in findings(rules, redis_cache(KEY_FUNCTION=shouting)):
        if trap == "T1":
            rules["caches"]["default"] = change["caches"]["default"]
        else:
            rules["rules"][0]["do"] = change
    path = tmp_path / "fixed.json"
    path.write_text(json.dumps(rules))
    done = subprocess.run([program, "check", "--strict", str(path)], capture_output=True, text=True,
                          timeout=30, env={})
    assert done.returncode == 0, done.stdout + done.stderr
    assert findings(rules, redis_cache(KEY_FUNCTION=shouting)) == []


def test_the_text_says_what_to_write(tmp_path, capsys):
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(document(delete="p:{pk}")))
    with override_settings(CACHES={"default": redis_cache(KEY_PREFIX="prod")}), \
            pytest.raises(SystemExit):
        call_command("unstale_doctor", str(path), "--no-code")
    said = capsys.readouterr().out
    assert 'T1 caches["default"]: KEY_PREFIX is "prod", the rules say "myapp"' in said
    assert 'write: {"caches": {"default": {"prefix": "prod"}}}' in said and "1 finding" in said


def test_rules_that_cannot_be_read(tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("unstale_doctor", str(tmp_path / "none.json"))
    with override_settings(UNSTALE={"MODELS": [], "RULES": str(tmp_path / "no.json")}), \
            pytest.raises(CommandError, match="no.json"):
        call_command("unstale_doctor")


def test_this_project_has_nothing_of_the_kind(tmp_path, capsys):
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(document(delete="p:{pk}")))
    with override_settings(CACHES={"default": redis_cache()}):
        call_command("unstale_doctor", str(path))
    assert "nothing found" in capsys.readouterr().out
