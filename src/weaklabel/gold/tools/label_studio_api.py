"""Label Studio over its API: projects made, tasks sent, answers fetched; the server itself says what it has already."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from weaklabel.errors import GoldError
from weaklabel.gold.tools.names import ID

KEY = "LABEL_STUDIO_API_KEY"
"""The environment variable that holds the key. It is read nowhere else and written nowhere."""
PAGE = 100
CHUNK = 100
"""Tasks that are sent in one request."""
_LONGEST_TITLE = 50
_TAKE = "Account & Settings, Personal Access Token (or Legacy Token, where it is allowed)"
_SHOWN = 300
_COUNTS = {"fields": "all", "include": "id,data,total_annotations,cancelled_annotations"}
_LATER = "sync again later: what is missing is sent"


class NoAnswer(GoldError):
    """A server can't be reached, or fails for now; asking again later may help."""


@dataclass(frozen=True)
class Project:
    """A project on the server.

    Parameters
    ----------
    id
        Its number.
    title, description, config
        As they stand there now.

    Examples
    --------
    >>> Project(7, "mail b1 ann", "", "<View/>").id
    7
    """

    id: int
    title: str
    description: str
    config: str


@dataclass(frozen=True)
class There:
    """How often each of our items is in a project.

    Parameters
    ----------
    tasks
        Item -> tasks that show it.
    open
        Item -> those of them that nobody has answered or skipped.

    Examples
    --------
    >>> There({"a": 2}, {"a": 1}).tasks["a"]
    2
    """

    tasks: Mapping[str, int]
    open: Mapping[str, int]


@dataclass
class LabelStudio:
    """A Label Studio server and a person's key to it.

    A personal access token (of three parts with dots) is exchanged for one of a few minutes whenever that is needed; any
    other key is sent as it is. A server that answers with another address is not followed, so that the key goes nowhere
    else. Its messages are repeated without the key.

    Parameters
    ----------
    url
        Where the server is, such as "https://labels.example.org".
    key
        A personal access token or a legacy token.
    seconds
        How long one answer may take.

    Raises
    ------
    GoldError
        The address is none, names a project or holds a password; there is no key.

    Examples
    --------
    >>> LabelStudio("https://labels.example.org/", "secret-key")
    LabelStudio(url='https://labels.example.org', seconds=60.0)
    >>> LabelStudio("https://labels.example.org/projects/7", "secret-key")
    Traceback (most recent call last):
    ...
    weaklabel.errors.GoldError: this is the address of a project
      where: https://labels.example.org/projects/7
      hint: name the server alone; each person gets a project, which is made
    """

    url: str
    key: str = field(repr=False)
    seconds: float = 60.0
    _pass: str | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.url = _address(self.url)
        self.key = self.key.strip()
        if not self.key:
            raise GoldError("there is no key to the server", where=KEY, hint=f"in Label Studio: {_TAKE}")
        if not self.key.isascii() or not self.key.isprintable() or " " in self.key:
            raise GoldError("the key holds characters that no key has", where=KEY, hint="copy it again")

    @property
    def private(self) -> bool:
        """Whether nobody on the way can read what is sent: it is encrypted, or stays on this machine."""
        parts = urllib.parse.urlsplit(self.url)
        return parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1")

    # ---- what there is ----

    def person(self) -> str:
        """Return the e-mail address of the key's owner; this is how a key is tried."""
        return str(self._object("GET", "/api/current-user/whoami").get("email", ""))

    def people(self) -> dict[int, str]:
        """Return number and e-mail address of the people on the server whom the key may see."""
        found = self._ask("GET", "/api/users/")
        rows = found.get("results", []) if isinstance(found, dict) else found
        return {int(one["id"]): str(one["email"]) for one in _objects(rows) if one.get("email")}

    def projects(self) -> list[Project]:
        """Return all projects that the key may see, the oldest first."""
        rows = [row for page in self._pages("/api/projects/", {}) for row in page]
        return sorted((_project(row) for row in rows), key=lambda project: project.id)

    def there(self, project: int) -> There:
        """Return which of our items a project has, and which of them wait for an answer."""
        tasks, waiting = Counter[str](), Counter[str]()
        for page in self._pages("/api/tasks/", {"project": project, **_COUNTS}, key="tasks"):
            for row in page:
                data = row.get("data")
                item = data.get(ID) if isinstance(data, dict) else None
                if item is None:
                    continue
                tasks[str(item)] += 1
                answered = _number(row.get("total_annotations")) + _number(row.get("cancelled_annotations"))
                waiting[str(item)] += answered == 0
        return There(tasks, +waiting)

    def answers(self, project: int) -> list[dict[str, Any]]:
        """Return a project's tasks that have been answered or skipped, in the form of its JSON export.

        Where the export names people by number, their e-mail address is added.
        """
        rows = _objects(self._ask("GET", f"/api/projects/{project}/export", {"exportType": "JSON"}))
        bare = any(isinstance(one.get("completed_by"), int) for task in rows for one in _annotations(task))
        people = self._known() if bare else {}
        for task in rows:
            for one in _annotations(task):
                number = one.get("completed_by")
                if isinstance(number, int) and number in people:
                    one["completed_by"] = {"id": number, "email": people[number]}
        return rows

    def _known(self) -> dict[int, str]:
        """Return people as far as the key may see them; the others keep their numbers."""
        try:
            return self.people()
        except NoAnswer:
            raise
        except GoldError:
            return {}

    # ---- what is sent ----

    def make(self, title: str, description: str, config: str) -> Project:
        """Make a project in which tasks are shown in the order in which they were sent."""
        body = {
            "title": title[:_LONGEST_TITLE],
            "description": description,
            "label_config": config,
            "sampling": "Sequential sampling",
            "maximum_annotations": 1,
            "show_collab_predictions": True,
            "show_skip_button": True,
            "skip_queue": "IGNORE_SKIPPED",
            "enable_empty_annotation": True,
        }
        return _project(self._object("POST", "/api/projects/", body=body))

    def send(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> None:
        """Send tasks in one request; `CHUNK` of them is a good number.

        Raises
        ------
        NoAnswer
            It is not known that all arrived; `there` tells.
        """
        path = f"/api/projects/{project}/import"
        found = self._object("POST", path, {"return_task_ids": "true"}, body=list(tasks))
        if found.get("task_count") != len(tasks):
            what = f"the server took {found.get('task_count')} of {len(tasks)} tasks"
            raise NoAnswer(what, where=f"{self.url}/projects/{project}", hint=_LATER)

    # ---- asking ----

    def _pages(
        self, path: str, query: Mapping[str, Any], *, key: str = "results"
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows of a list, page by page."""
        page, seen = 1, 0
        while True:
            found = self._ask("GET", path, {**query, "page": page, "page_size": PAGE})
            rows = _objects(found.get(key) if isinstance(found, dict) else found)
            yield rows
            seen += len(rows)
            total = found.get("count", found.get("total")) if isinstance(found, dict) else None
            if not rows or not isinstance(total, int) or seen >= total:
                return
            page += 1

    def _object(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, *, body: Any = None
    ) -> dict[str, Any]:
        found = self._ask(method, path, query, body=body)
        if not isinstance(found, dict):
            raise self._strange(path)
        return found

    def _ask(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, *, body: Any = None
    ) -> Any:
        """Return what the server answers; a pass that has run out is renewed once."""
        fresh = self._pass is None
        try:
            return self._once(method, path, query, body, self._authorization())
        except _Refused as refused:
            if fresh or not self._of_parts:
                raise self._unwelcome(refused.said) from None
        self._pass = None
        try:
            return self._once(method, path, query, body, self._authorization())
        except _Refused as refused:
            raise self._unwelcome(refused.said) from None

    @property
    def _of_parts(self) -> bool:
        return self.key.count(".") == 2

    def _authorization(self) -> str:
        if not self._of_parts:
            return f"Token {self.key}"
        if self._pass is None:
            try:
                found = self._once("POST", "/api/token/refresh/", None, {"refresh": self.key}, None)
            except _Refused as refused:
                raise self._unwelcome(refused.said) from None
            given = found.get("access") if isinstance(found, dict) else None
            if not isinstance(given, str):
                raise self._strange("/api/token/refresh/")
            self._pass = given
        return f"Bearer {self._pass}"

    def _once(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: Any, authorization: str | None
    ) -> Any:
        asked = f"?{urllib.parse.urlencode(query)}" if query else ""
        data = None if body is None else json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        request = urllib.request.Request(f"{self.url}{path}{asked}", data=data, method=method)
        request.add_header("Accept", "application/json")
        if data is not None:
            request.add_header("Content-Type", "application/json")
        if authorization is not None:
            request.add_unredirected_header("Authorization", authorization)
        opener = urllib.request.build_opener(_Stay)
        try:
            with opener.open(request, timeout=self.seconds) as answer:
                raw = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(
                    error.code, path, error.read(4000), error.headers.get("Location")
                ) from None
        except (urllib.error.URLError, OSError, ValueError) as error:
            why = str(getattr(error, "reason", error)) or type(error).__name__
            raise NoAnswer(
                f"no answer from the server: {self._bare(why)}",
                where=self.url,
                hint="is it running, and is the address right?",
            ) from None
        try:
            return json.loads(raw) if raw.strip() else {}
        except ValueError:
            raise self._strange(path) from None

    # ---- what is told ----

    def _refusal(self, status: int, path: str, raw: bytes, elsewhere: str | None) -> GoldError | _Refused:
        said, where = self._said(raw), f"{self.url}{path}"
        if status == 401:
            return _Refused(said)
        if status == 403:
            return GoldError(f"the key's owner may not do this{said}", where=where)
        if status == 404:
            return GoldError(
                f"the server knows nothing here{said}",
                where=where,
                hint="a project may have been deleted meanwhile; or this is no Label Studio",
            )
        if 300 <= status < 400:
            hint = f"it sends us to {self._bare(elsewhere)}: give that address" if elsewhere else None
            return GoldError("the server is elsewhere", where=self.url, hint=hint)
        if status >= 500 or status in (408, 429):
            return NoAnswer(f"the server failed ({status}){said}", where=where, hint=_LATER)
        return GoldError(f"the server refused ({status}){said}", where=where)

    def _unwelcome(self, said: str) -> GoldError:
        return GoldError(
            f"the server refuses the key{said}", where=f"{KEY}, {self.url}", hint=f"in Label Studio: {_TAKE}"
        )

    def _strange(self, path: str) -> GoldError:
        what = "the answer is none that Label Studio gives"
        return GoldError(what, where=f"{self.url}{path}", hint="is there a Label Studio at this address?")

    def _said(self, raw: bytes) -> str:
        """Return what the server gives as its reason, short and without the key."""
        try:
            found = json.loads(raw)
        except ValueError:
            return ""
        if not isinstance(found, dict):
            return ""
        more = found.get("validation_errors")
        said = json.dumps(more, ensure_ascii=False) if more else found.get("detail")
        return f": {self._bare(str(said))[:_SHOWN]}" if said else ""

    def _bare(self, text: str) -> str:
        for secret in (self.key, self._pass):
            text = text.replace(secret, "…") if secret else text
        return text


def is_address(place: str) -> bool:
    """Say whether a place is the address of a server, not a folder.

    Examples
    --------
    >>> is_address("http://127.0.0.1:8080"), is_address("shared/labels")
    (True, False)
    """
    return "://" in place


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no other address: the key would go there too."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class _Refused(Exception):
    """The server does not take the key."""

    def __init__(self, said: str) -> None:
        self.said = said
        super().__init__(said)


def _address(url: str) -> str:
    parts = urllib.parse.urlsplit(url.strip())
    shown = url.strip()
    if parts.username is not None or parts.password is not None:
        shown = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        hint = f"give the key in the environment, as {KEY}"
        raise GoldError("an address with a password in it is not taken", where=shown, hint=hint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise GoldError(
            "this is no address of a server", where=shown, hint="such as https://labels.example.org"
        )
    if parts.query or parts.fragment:
        raise GoldError("this is the address of a page", where=shown, hint="name the server alone")
    if "/projects" in parts.path:
        hint = "name the server alone; each person gets a project, which is made"
        raise GoldError("this is the address of a project", where=shown, hint=hint)
    return shown.rstrip("/")


def _project(row: Mapping[str, Any]) -> Project:
    number = row.get("id")
    if not isinstance(number, int):
        raise GoldError("the server names a project without a number")
    texts = (str(row.get(name) or "") for name in ("title", "description", "label_config"))
    return Project(number, *texts)


def _objects(rows: Any) -> list[dict[str, Any]]:
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _annotations(task: Mapping[str, Any]) -> list[dict[str, Any]]:
    return _objects(task.get("annotations"))


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0
