"""django-ratelimit: a limit of requests for each user, counted in Django's cache."""

import os

import django
from django.conf import settings

url = f"redis://:{os.environ['SERVER_PASSWORD']}@127.0.0.1:{os.environ['SERVER_PORT']}/2"
settings.configure(
    ALLOWED_HOSTS=["*"],
    CACHES={"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}},
)
django.setup()

from django.http import HttpResponse  # noqa: E402  (the settings must come first)
from django.test import RequestFactory  # noqa: E402
from django_ratelimit.core import get_usage  # noqa: E402
from django_ratelimit.decorators import ratelimit  # noqa: E402
from django_ratelimit.exceptions import Ratelimited  # noqa: E402


@ratelimit(key="header:x-user", rate="5/h", method="POST")
def view(request):
    return HttpResponse("ok")


factory = RequestFactory()


def post(user):
    try:
        return view(factory.post("/", headers={"x-user": user})).status_code
    except Ratelimited:
        return 429


assert [post("one") for _ in range(7)] == [200] * 5 + [429] * 2
assert post("two") == 200
assert view(factory.get("/", headers={"x-user": "one"})).status_code == 200, "only POST is limited"
usage = get_usage(factory.post("/", headers={"x-user": "one"}), group="__main__.view", key="header:x-user", rate="5/h", method="POST")
assert usage["count"] == 7 and usage["limit"] == 5 and usage["should_limit"], usage
