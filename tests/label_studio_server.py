"""A Label Studio server of the tests' own: in an environment of its own, on loopback, its data in a temporary folder."""

import contextlib
import http.cookiejar
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

VERSION = "1.23.2"
MAIL, PASSWORD, KEY = "admin@example.org", "not-a-secret-1", "0123456789abcdef0123456789abcdef01234567"
ENVIRONMENT = "WEAKLABEL_LABEL_STUDIO"
"""Names an environment that has Label Studio already, so that it is not installed anew."""


def installed(folder):
    """Return the program `label-studio`, installed into a new environment in `folder`; None and why if it can't be."""
    there = os.environ.get(ENVIRONMENT)
    if there:
        program = Path(there) / "bin" / "label-studio"
        return (program, "") if program.exists() else (None, f"{ENVIRONMENT} holds no label-studio")
    venv = folder / "venv"
    for words in (
        [sys.executable, "-m", "venv", venv],
        [venv / "bin" / "python", "-m", "pip", "install", "--quiet", f"label-studio=={VERSION}"],
    ):
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=1800)
        except (OSError, subprocess.TimeoutExpired) as error:
            return None, f"Label Studio could not be installed: {error}"
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
            return None, f"Label Studio could not be installed: {last}"
    return venv / "bin" / "label-studio", ""


@contextlib.contextmanager
def running(program, folder):
    """Run a server; give its URL. It is ended by its own id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder.mkdir(parents=True, exist_ok=True)
    quiet = {
        "COLLECT_ANALYTICS": "False",
        "LATEST_VERSION_CHECK": "False",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "FEATURE_FLAGS_OFFLINE": "True",
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "True",
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "True",
        "LABEL_STUDIO_HOST": f"http://127.0.0.1:{port}",
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
    }
    words = [program, "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port)]
    words += [
        "--data-dir",
        str(folder / "data"),
        "--username",
        MAIL,
        "--password",
        PASSWORD,
        "--user-token",
        KEY,
    ]
    url, log = f"http://127.0.0.1:{port}", folder / "log"
    with log.open("w") as out:
        server = subprocess.Popen(words, cwd=folder, env=quiet, stdout=out, stderr=out)
        try:
            _wait(url, server, log)
            yield url
        finally:
            server.terminate()
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait(30)


def _wait(url, server, log):
    deadline = time.monotonic() + 900
    while True:
        try:
            urllib.request.urlopen(f"{url}/health", timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Label Studio did not start:\n{log.read_text()[-3000:]}") from None
            time.sleep(0.5)


def account(url, admin, mail):
    """Make an account by invitation, as people do; return its personal access token."""
    page = url + admin._ask("GET", "/api/invite")["invite_url"]
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))

    def token():
        return next(cookie.value for cookie in jar if cookie.name == "csrftoken")

    browser.open(page).close()
    form = {
        "csrfmiddlewaretoken": token(),
        "email": mail,
        "password": PASSWORD,
        "how_find_us": "Other",
        "elaborate": "-",
    }
    filled = urllib.request.Request(
        page, data=urllib.parse.urlencode(form).encode(), headers={"Referer": page}
    )
    browser.open(filled).close()
    headers = {"Content-Type": "application/json", "X-CSRFToken": token(), "Referer": url}
    with browser.open(urllib.request.Request(f"{url}/api/token/", data=b"{}", headers=headers)) as answer:
        return json.loads(answer.read())["token"]


def tasks_by_item(studio, project):
    """Return the tasks of a project by our id."""
    query = {"project": project, "fields": "all", "page_size": 100}
    return {task["data"]["weaklabel_id"]: task for task in studio._ask("GET", "/api/tasks/", query)["tasks"]}


def annotate(studio, task, *labels, comment=None, seconds=4.2, **more):
    """Answer a task as its labeling page does; return the annotation."""
    result = [_region("label", "choices", {"choices": list(labels)})] if labels else []
    if comment is not None:
        result.append(_region("comment", "textarea", {"text": [comment]}))
    body = {"result": result, "lead_time": seconds, **more}
    return studio._ask("POST", f"/api/tasks/{task['id']}/annotations/", body=body)


def _region(name, kind, value):
    return {"from_name": name, "to_name": "text", "type": kind, "value": value}
