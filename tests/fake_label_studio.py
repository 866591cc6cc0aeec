"""A small Label Studio on loopback, in the forms that the real one was recorded with; it can be made to fail."""

import contextlib
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LEGACY = "f00dfeed" * 5
PERSONAL = "eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.c2lnbmF0dXJl"
PEOPLE = {1: "admin@example.org", 2: "ann@example.org", 3: "bob@example.org", 4: "cid@example.org"}
TIME = "2026-11-21T10:00:00.000000Z"


class Fake:
    """What the server knows, and what was asked of it."""

    def __init__(self):
        self.url = ""
        self.projects, self.tasks, self.asked = {}, {}, []
        self.passes = set()
        self.expire_after = None  # requests for which a pass is good
        self.fails = []  # (method, part of the path, status, how many to let through first)
        self.lost = 0  # imports that are done, but whose answer is lost

    # ---- what people do there ----

    def project_of(self, annotator):
        return next(n for n, p in self.projects.items() if p["title"].endswith(f" {annotator}"))

    def tasks_of(self, annotator):
        number = self.project_of(annotator)
        return [task for task in self.tasks.values() if task["project"] == number]

    def answer(self, task, label=None, *, by, comment=None, cancelled=False):
        regions = [] if label is None else [_region("label", "choices", {"choices": [label]})]
        if comment:
            regions.append(_region("comment", "textarea", {"text": [comment]}))
        number = 1 + sum(len(one["annotations"]) for one in self.tasks.values())
        task["annotations"].append({
            "id": number, "completed_by": by, "result": regions, "was_cancelled": cancelled, "ground_truth": False,
            "created_at": TIME, "updated_at": TIME, "draft_created_at": None, "lead_time": 4.2, "prediction": {},
            "result_count": len(regions), "unique_id": f"{self.url}-{number}", "task": task["id"],
            "project": task["project"], "parent_prediction": None, "parent_annotation": None,
        })  # fmt: skip

    # ---- what it answers ----

    def respond(self, method, path, query, authorization, body):
        for fail in self.fails:
            if fail[0] == method and fail[1] in path:
                if fail[3] > 0:
                    fail[3] -= 1
                    continue
                return fail[2], {"detail": f"made to fail; {authorization}"}
        if path == "/api/token/refresh/":
            if body != {"refresh": PERSONAL}:
                return 401, {"detail": "Token is invalid"}
            name = f"eyJ.pass{len(self.passes)}.x"
            self.passes.add(name)
            return 200, {"access": name}
        if not self._may(authorization):
            return 401, {"detail": f"Invalid token. {authorization}"}
        return self._found(method, path.strip("/").split("/")[1:], query, body)

    def _may(self, authorization):
        kind, _, key = (authorization or "").partition(" ")
        if kind == "Token":
            return key == LEGACY
        if self.expire_after is not None:
            self.expire_after -= 1
            if self.expire_after < 0:
                self.passes.discard(key)
                self.expire_after = None
        return kind == "Bearer" and key in self.passes

    def _found(self, method, parts, query, body):
        if parts == ["current-user", "whoami"]:
            return 200, {"id": 1, "email": PEOPLE[1]}
        if parts == ["users"]:
            return 200, [{"id": number, "email": mail} for number, mail in PEOPLE.items()]
        if parts == ["projects"] and method == "POST":
            number = len(self.projects) + 1
            self.projects[number] = {"id": number, **body}
            return 201, self.projects[number]
        if parts == ["projects"]:
            rows = list(self.projects.values())[::-1]
            return 200, {"count": len(rows), "next": None, "previous": None, "results": _page(rows, query)}
        if parts == ["tasks"]:
            rows = [t for t in self.tasks.values() if t["project"] == int(query["project"])]
            shown = [{**t, **_counts(t)} for t in _page(rows, query)]
            return 200, {"total_annotations": 0, "total_predictions": 0, "total": len(rows), "tasks": shown}
        number = int(parts[1])
        if number not in self.projects:
            return 404, {"detail": "No Project matches the given query."}
        if parts[2] == "import":
            for one in body:
                task = {
                    "id": len(self.tasks) + 1,
                    "project": number,
                    "annotations": [],
                    "drafts": [],
                    "meta": {},
                }
                self.tasks[task["id"]] = {
                    **task,
                    "predictions": one.get("predictions", []),
                    "data": one["data"],
                }
            if self.lost:
                self.lost -= 1
                return 504, {}
            return 201, {"task_count": len(body), "annotation_count": 0}
        done = [t for t in self.tasks.values() if t["project"] == number and t["annotations"]]
        rows = [{**t, "predictions": list(range(len(t["predictions"])))} for t in done]
        return 200, json.loads(json.dumps(rows))


def _region(name, kind, value):
    return {"from_name": name, "to_name": "text", "type": kind, "value": value}


def _counts(task):
    cancelled = sum(a["was_cancelled"] for a in task["annotations"])
    return {
        "total_annotations": len(task["annotations"]) - cancelled,
        "cancelled_annotations": cancelled,
        "annotations": [],
    }


def _page(rows, query):
    page, size = int(query.get("page", 1)), int(query.get("page_size", 30))
    return rows[(page - 1) * size : page * size]


@contextlib.contextmanager
def serving(respond):
    """Serve `respond(method, path, query, authorization, body)`, which gives a status and JSON; give the URL."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self):
            parts = urllib.parse.urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, data = respond(
                self.command,
                parts.path,
                dict(urllib.parse.parse_qsl(parts.query)),
                self.headers.get("Authorization"),
                json.loads(raw) if raw else None,
            )
            sent = data if isinstance(data, bytes) else json.dumps(data).encode()
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PATCH = _any

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def fake_server():
    """Run a fake server; give it."""
    fake = Fake()

    def respond(method, path, query, authorization, body):
        fake.asked.append((method, path, query, authorization, body))
        return fake.respond(method, path, query, authorization, body)

    with serving(respond) as url:
        fake.url = url
        yield fake
