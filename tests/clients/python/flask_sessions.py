"""Sessions of a Flask application, kept by Flask-Session."""

import os

from flask import Flask, session
from flask_session import Session
from redis import Redis

app = Flask(__name__)
app.config["SESSION_TYPE"] = "redis"
app.config["SESSION_REDIS"] = Redis(port=int(os.environ["SERVER_PORT"]), password=os.environ["SERVER_PASSWORD"])
Session(app)


@app.route("/visit")
def visit():
    session["visits"] = session.get("visits", 0) + 1
    return str(session["visits"])


@app.route("/leave")
def leave():
    session.clear()
    return ""


one, other = app.test_client(), app.test_client()
assert [one.get("/visit").text for _ in range(3)] == ["1", "2", "3"]
assert other.get("/visit").text == "1"
one.get("/leave")
assert one.get("/visit").text == "1" and other.get("/visit").text == "2"
keys = list(app.config["SESSION_REDIS"].scan_iter("session:*"))
assert keys and all(app.config["SESSION_REDIS"].ttl(key) > 0 for key in keys)
