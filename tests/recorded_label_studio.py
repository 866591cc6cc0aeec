"""What is asked of Label Studio and what it answered: recorded from a real server, played again in CI."""

import contextlib
import json
import urllib.error
import urllib.request
from pathlib import Path

import polars as pl

from fake_label_studio import serving
from weaklabel.errors import WeakLabelError
from weaklabel.gold.tools import to_tool
from weaklabel.gold.tools.label_studio_api import LabelStudio
from weaklabel.schema import Label, LabelSchema

FILE = Path(__file__).parent / "recorded" / "label_studio_1_23_2.json"
SCHEMA = LabelSchema(["ham", Label("spam", "An advert & more.")])
LEGACY = "0123456789abcdef0123456789abcdef01234567"
PERSONAL, PASS = "eyJh.recorded.refresh", "eyJh.recorded.access"
ITEMS = pl.DataFrame(
    {
        "id": ["a", "b", "c", "d", "e"],
        "text": ["one 😀", "two\r\nzwei", "שלום <b>three</b>", 'four "&" \u2028 more', "five"],
        "order": [1, 2, 3, 4, 5],
    }
)


def tasks_and_config(folder):
    """Return tasks for one person, and the labeling configuration, as they are sent."""
    out = to_tool(
        "label_studio",
        ITEMS,
        schema=SCHEMA,
        folder=folder,
        fields=["order"],
        batch="b1",
        guideline="1-ab",
        suggestions=pl.DataFrame({"item": ["a", "b"], "suggestion": [["ham"], ["spam"]]}),
        assignment=pl.DataFrame({"annotator": ["ann"] * 5, "item": ["c", "a", "b", "e", "d"]}),
    )
    return json.loads((out.folder / "ann.json").read_text("utf-8")), (out.folder / "labeling.xml").read_text()


def scenario(url, personal, folder, annotate):
    """Do all that is done with a server; `annotate(project)` stands for people. Return what was found."""
    tasks, config = tasks_and_config(folder)
    studio = LabelStudio(url, LEGACY)
    found = {"person": studio.person(), "before": studio.projects()}
    project = studio.make("mail b1 ann", "What ann is asked. weaklabel:0123", config)
    found["project"] = project
    studio.send(project.id, tasks[:3])
    found["part"] = studio.there(project.id)
    studio.send(project.id, tasks[3:])
    annotate(project.id)
    found["there"] = studio.there(project.id)
    found["answers"] = studio.answers(project.id)
    found["people"] = studio.people()
    found["after"] = studio.projects()
    found["other"] = LabelStudio(url, personal).person()
    found["errors"] = [
        _error(lambda: studio.answers(99999)),
        _error(lambda: studio.send(99999, tasks[:1])),
        _error(lambda: studio.send(project.id, [{"data": {"weaklabel_id": "x"}}])),
        _error(lambda: studio.make("mail b2 ann", "", "<View><Choices")),
        _error(lambda: LabelStudio(url, "f" * 40).person()),
        _error(lambda: LabelStudio(url, personal[:-4] + "AAAA").person()),
    ]
    return found


def _error(do):
    try:
        do()
    except WeakLabelError as error:
        return error.what
    raise AssertionError("no error")


# ---- recording ----


@contextlib.contextmanager
def recording(url, exchanges):
    """Stand between us and a real server, and note what passes; give the URL."""

    def respond(method, path, query, authorization, body):
        asked = "?" + urllib.parse.urlencode(query) if query else ""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{url}{path}{asked}", data=data, method=method)
        request.add_header("Content-Type", "application/json")
        if authorization:
            request.add_header("Authorization", authorization)
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                status, raw = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, raw = error.code, error.read()
        try:
            said = json.loads(raw)
        except ValueError:
            said = raw.decode("utf-8", "replace")
        kind = (authorization or "").partition(" ")[0]
        exchanges.append(
            {
                "method": method,
                "path": path,
                "query": query,
                "authorization": kind,
                "body": body,
                "status": status,
                "answer": said,
            }
        )
        return status, raw

    with serving(respond) as between:
        yield between


def scrubbed(exchanges, secrets):
    """Return exchanges as they may be kept: no key, pass or address of the server they came from."""
    text = json.dumps(exchanges, ensure_ascii=False)
    for secret, stand_in in secrets.items():
        text = text.replace(secret, stand_in)
    kept = json.loads(text)
    for one in kept:
        if one["path"] == "/api/token/refresh/" and one["status"] == 200:
            one["answer"]["access"] = PASS
        if isinstance(one["answer"], str):
            one["answer"] = one["answer"][:200]
    return kept


# ---- playing ----


@contextlib.contextmanager
def playing(exchanges):
    """Serve recorded answers, one after the other; what is asked must be what was recorded."""
    left, odd = list(exchanges), []

    def respond(method, path, query, authorization, body):
        kind = (authorization or "").partition(" ")[0]
        asked = {"method": method, "path": path, "query": query, "authorization": kind, "body": body}
        expected = left.pop(0) if left else {}
        if asked != {name: expected.get(name) for name in asked}:
            odd.append((asked, expected))
            return 418, {"detail": "not as recorded"}
        said = expected["answer"]
        return expected["status"], said.encode() if isinstance(said, str) else said

    with serving(respond) as url:
        yield url
    assert odd == []
    assert left == [], f"{len(left)} recorded requests were not made"
