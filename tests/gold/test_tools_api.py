"""Label Studio's API: what is asked and how answers are read, against what a real server answered."""

import json

import pytest

from fake_label_studio import LEGACY as FAKE_LEGACY
from fake_label_studio import PERSONAL as FAKE_PERSONAL
from fake_label_studio import fake_server, serving
from recorded_label_studio import FILE, ITEMS, PERSONAL, SCHEMA, playing, scenario
from weaklabel.errors import GoldError
from weaklabel.gold.tools import label_studio
from weaklabel.gold.tools import label_studio_api as api
from weaklabel.gold.tools.label_studio_api import LabelStudio, NoAnswer


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What the recorded server was found to hold."""
    recorded = json.loads(FILE.read_text("utf-8"))
    with playing(recorded["exchanges"]) as url:
        return scenario(url, PERSONAL, tmp_path_factory.mktemp("out") / "tasks", lambda project: None)


# ---- the recorded server ----


def test_who_the_key_is_of(found):
    assert (found["person"], found["other"]) == ("admin@example.org", "ann@example.org")
    assert set(found["people"].values()) >= {"admin@example.org", "ann@example.org"}


def test_a_project_is_made_as_it_was_asked(found):
    project = found["project"]
    assert project.id not in {one.id for one in found["before"]}
    assert project in found["after"]
    assert (project.title, project.description) == ("mail b1 ann", "What ann is asked. weaklabel:0123")
    assert "An advert &amp; more." in project.config


def test_what_is_there_is_counted_and_what_is_answered_is_not_open(found):
    assert found["part"].tasks == found["part"].open == {"c": 1, "a": 1, "b": 1}
    assert found["there"].tasks == dict.fromkeys("abcde", 1)
    assert found["there"].open == {"e": 1}


def test_the_answers_are_read_with_all_that_people_said(found, tmp_path):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(found["answers"]))
    back = label_studio.read(path, schema=SCHEMA, people={"ann@example.org": "ann"})
    names = [
        "item",
        "annotator",
        "kind",
        "labels",
        "seconds",
        "batch",
        "guideline",
        "suggested",
        "suggestion",
    ]
    assert sorted(back.frame.select(names).rows()) == [
        ("a", "ann", "label", ["spam"], 4.2, "b1", "1-ab", True, ["ham"]),
        ("b", "ann", "skip", [], 1.5, "b1", "1-ab", True, ["spam"]),
        ("c", "ann", "none", [], 4.2, "b1", "1-ab", False, None),
        ("d", "ann", "unsure", [], 7.5, "b1", "1-ab", False, None),
    ]
    said = dict(back.frame.select("item", "comment").drop_nulls().rows())
    assert said == {"c": "why? 😀\r\nשלום"}
    assert back.frame["at"].null_count() == 0 and back.notes == ()


def test_texts_come_back_as_they_went(found):
    texts = dict(ITEMS.select("id", "text").rows())
    back = {task["data"]["weaklabel_id"]: task["data"]["text"] for task in found["answers"]}
    assert back == {item: texts[item] for item in "abcd"}


def test_an_answer_is_known_by_what_no_other_server_has(found, tmp_path):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(found["answers"]))
    keys = label_studio.read(path, schema=SCHEMA).frame["key"]
    uuids = {one["unique_id"] for task in found["answers"] for one in task["annotations"]}
    assert set(keys) == {f"label_studio:{uuid}" for uuid in uuids} and len(uuids) == 4


def test_mistakes_are_told_in_the_servers_words(found):
    no_project, no_import, no_text, no_config, no_key, no_token = found["errors"]
    assert no_project.startswith("the server knows nothing here")
    assert no_import.startswith("the server")
    assert "the server refused (400)" in no_text and '"text" key is expected' in no_text.replace("\\", "")
    assert "the server refused (400)" in no_config
    assert no_key == "the server refuses the key: Invalid token."
    assert no_token == "the server refuses the key: Token is invalid"


def test_the_recording_holds_no_secret():
    said = FILE.read_text("utf-8")
    assert "127.0.0.1" not in said and "/tmp" not in said
    tokens = [word for word in said.replace('"', " ").split() if word.startswith("eyJ")]
    assert set(tokens) <= {PERSONAL, PERSONAL[:-4] + "AAAA", "eyJh.recorded.access"} and tokens


def test_playing_can_fail():
    one = {
        "method": "GET",
        "path": "/api/current-user/whoami",
        "query": {},
        "authorization": "Token",
        "body": None,
    }
    with (
        pytest.raises(AssertionError, match="1 recorded requests were not made"),
        playing([{**one, "status": 200, "answer": {"email": "x"}}] * 2) as url,
    ):
        LabelStudio(url, "k").person()
    with pytest.raises(AssertionError), playing([]) as url, pytest.raises(GoldError, match="418"):
        LabelStudio(url, "k").person()


# ---- keys ----


@pytest.fixture
def fake():
    with fake_server() as server:
        yield server


def test_a_personal_token_is_exchanged_once_and_again_when_it_has_run_out(fake):
    studio = LabelStudio(fake.url, FAKE_PERSONAL)
    fake.expire_after = 3
    for _ in range(5):
        assert studio.person() == "admin@example.org"
    exchanged = [path for _, path, *_ in fake.asked if path == "/api/token/refresh/"]
    assert len(exchanged) == 2
    assert all(kind == "Bearer" for *_, kind in _kinds(fake))


def test_a_legacy_token_is_sent_as_it_is(fake):
    assert LabelStudio(fake.url, f" {FAKE_LEGACY}\n").person() == "admin@example.org"
    assert [kind for *_, kind in _kinds(fake)] == ["Token"]


def _kinds(fake):
    return [(path, (key or "").partition(" ")[0]) for _, path, _, key, _ in fake.asked if "token" not in path]


def test_a_key_that_was_withdrawn_is_asked_for_twice_at_most(fake):
    studio = LabelStudio(fake.url, FAKE_PERSONAL)
    studio.person()
    fake.passes = set()
    fake.fails = [["POST", "/api/token/refresh", 401, 0]]
    with pytest.raises(GoldError, match="the server refuses the key"):
        studio.person()
    assert len(fake.asked) == 4


@pytest.mark.parametrize("key", [FAKE_LEGACY, FAKE_PERSONAL])
def test_no_message_and_no_repr_holds_a_key(fake, key):
    studio = LabelStudio(fake.url, key)
    studio.person()
    secrets = {key, *fake.passes}
    for status in (400, 403, 404, 429, 500):
        fake.fails = [["GET", "/api/projects", status, 0]]
        with pytest.raises(GoldError) as error:
            studio.projects()
        assert "made to fail" in str(error.value)
        assert not any(secret in f"{error.value}{error.value!r}{studio!r}" for secret in secrets)


@pytest.mark.parametrize("key", ["", "  ", "two words", "clé", "line\nbreak"])
def test_a_key_that_is_none_is_refused_before_it_is_sent(key):
    with pytest.raises(GoldError, match="key") as error:
        LabelStudio("http://127.0.0.1:9", key)
    assert error.value.where == "LABEL_STUDIO_API_KEY"


# ---- addresses and answers ----


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("ftp://x.org", "this is no address of a server"),
        ("http://", "this is no address of a server"),
        ("https://x.org/projects/3/data", "this is the address of a project"),
        ("https://x.org/?tab=1", "this is the address of a page"),
        ("https://ann:secret@x.org", "an address with a password in it is not taken"),
    ],
)
def test_addresses_that_are_none(url, what):
    with pytest.raises(GoldError, match=what) as error:
        LabelStudio(url, "k")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://x.org", True),
        ("http://x.org", False),
        ("http://127.0.0.1:8", True),
        ("http://127.0.0.1.x.org", False),
    ],
)
def test_what_others_may_read_on_the_way(url, private):
    assert LabelStudio(url, "k").private is private


def test_an_address_below_a_path():
    asked = []

    def respond(method, path, *_):
        asked.append(path)
        return 200, {"email": "x"}

    with serving(respond) as url:
        LabelStudio(f"{url}/labels/", "k").person()
    assert asked == ["/labels/api/current-user/whoami"]


@pytest.mark.parametrize("answer", [b"<html>hello</html>", b"[1]", b'"x"', b"\xff\xfe"])
def test_what_is_no_label_studio_is_told(answer):
    what = "the answer is none that Label Studio gives"
    with serving(lambda *_: (200, answer)) as url, pytest.raises(GoldError, match=what):
        LabelStudio(url, "k").person()


def test_no_answer_is_an_error_of_its_own_which_a_sync_waits_out():
    with pytest.raises(NoAnswer, match=r"no answer from the server: .*refused"):
        LabelStudio("http://127.0.0.1:9", "k").person()


def test_lists_of_many_pages_are_read_whole(fake, monkeypatch):
    monkeypatch.setattr(api, "PAGE", 2)
    studio = LabelStudio(fake.url, FAKE_LEGACY)
    made = [studio.make(f"p{i}", "", "<View/>") for i in range(5)]
    assert studio.projects() == made
    studio.send(1, [{"data": {"weaklabel_id": str(i % 4), "text": "x"}} for i in range(7)])
    assert studio.there(1).tasks == {"0": 2, "1": 2, "2": 2, "3": 1}
    assert studio.there(2).tasks == {}


def test_tasks_that_are_not_ours_are_not_counted(fake):
    studio = LabelStudio(fake.url, FAKE_LEGACY)
    studio.make("p", "", "<View/>")
    studio.send(1, [{"data": {"text": "x"}}, {"data": {"weaklabel_id": 7, "text": "x"}}])
    assert studio.there(1).tasks == {"7": 1}


def test_a_server_that_takes_fewer_tasks_says_so():
    what = "the server took 1 of 2 tasks"
    with serving(lambda *_: (201, {"task_count": 1})) as url, pytest.raises(NoAnswer, match=what):
        LabelStudio(url, "k").send(3, [{"data": {}}] * 2)


def test_titles_are_cut_where_the_server_would_refuse_them(fake):
    assert len(LabelStudio(fake.url, FAKE_LEGACY).make("t" * 80, "", "<View/>").title) == 50
