"""Django's cache on its Redis backend."""

import os

from django.conf import settings

url = f"redis://:{os.environ['SERVER_PASSWORD']}@127.0.0.1:{os.environ['SERVER_PORT']}/1"
settings.configure(CACHES={"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}})

from django.core.cache import cache  # noqa: E402  (the settings must come first)

cache.set("page", {"html": "<p>"}, timeout=100)
assert cache.get("page") == {"html": "<p>"} and cache.get("none", 7) == 7
assert cache.add("page", 1) is False and cache.add("new", 1) is True
assert cache.incr("new", 5) == 6 and cache.decr("new") == 5
cache.set_many({"a": 1, "b": 2}, timeout=50)
assert cache.get_many(["a", "b", "c"]) == {"a": 1, "b": 2}
assert cache.touch("a", 500) and not cache.touch("none")
assert cache.has_key("a") and cache.delete("a") and not cache.delete("a")
cache.delete_many(["b", "new"])
cache.clear()
assert cache.get("page") is None
