"""The tutorials' decorators and classes around the cache."""
import json
import time
from functools import wraps
from hashlib import md5

from django.core.cache import cache


def cached_method(timeout=300, key_func=None):
    def decorator(method):
        @wraps(method)
        def wrapper(self, *args, **kwargs):
            if key_func:
                cache_key = key_func(self, *args, **kwargs)
            else:
                cache_key = f"{self.__class__.__name__}:{self.pk}:{method.__name__}"
            result = cache.get(cache_key)
            if result is None:
                result = method(self, *args, **kwargs)
                cache.set(cache_key, result, timeout)
            return result
        return wrapper
    return decorator


def cache_result(timeout=300, prefix="func"):
    def decorator(func):
        @wraps(func)
        def wrapper(*args, **kwargs):
            key_data = json.dumps({"args": args, "kwargs": kwargs}, sort_keys=True)
            key_hash = md5(key_data.encode()).hexdigest()
            cache_key = f"{prefix}:{func.__name__}:{key_hash}"
            result = cache.get(cache_key)
            if result is None:
                result = func(*args, **kwargs)
                cache.set(cache_key, result, timeout)
            return result
        return wrapper
    return decorator


class CachedQuerySet:
    def __init__(self, queryset, cache_key, timeout=300):
        self.queryset = queryset
        self.cache_key = cache_key
        self.timeout = timeout

    def get(self):
        result = cache.get(self.cache_key)
        if result is None:
            result = list(self.queryset)
            cache.set(self.cache_key, result, self.timeout)
        return result


def get_with_lock(key, compute_func, timeout=300, lock_timeout=10):
    """The second tutorial's: the lock is KEY:lock, and waiting ends with computing anyway."""
    value = cache.get(key)
    if value is not None:
        return value
    lock_key = f"{key}:lock"
    if cache.add(lock_key, "1", lock_timeout):
        try:
            value = compute_func()
            cache.set(key, value, timeout)
            return value
        finally:
            cache.delete(lock_key)
    for _ in range(lock_timeout * 10):
        time.sleep(0.1)
        value = cache.get(key)
        if value is not None:
            return value
    return compute_func()


def get_or_wait(key, compute_func, timeout=3600):
    """The first tutorial's: the lock is KEY_lock, and whoever has it not calls again."""
    lock_key = f"{key}_lock"
    data = cache.get(key)
    if data is not None:
        return data
    if cache.add(lock_key, 1, timeout=60):
        try:
            data = compute_func()
            cache.set(key, data, timeout)
            return data
        finally:
            cache.delete(lock_key)
    time.sleep(0.1)
    return get_or_wait(key, compute_func, timeout)
