"""Whether all contenders do the same: they answer reads with the same data, and write the same."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from benchmarks.database import Database
from benchmarks.servers import Server
from benchmarks.subjects import Subjects
from benchmarks.workloads import Workload, body

_READS = 5  # Requests that are compared, of each workload.
_MOMENTS = {"createdAt"}
# What a write leaves, but for the number in it, which is another for each contender.
_ROWS: Mapping[str, str] = {
    "update": "select id, updated_at > now() - interval '1 minute' from users where phone = '+4930' || %(n)s",
    "create": (
        "select first_name, first_name_fold, last_name, last_name_fold, display_name, display_name_fold,"
        " display_name_given, replace(search_fold, email, 'email'), kind, status"
        " from users where email = 'created-' || %(n)s || '@example.org'"
    ),
    "assign": (
        "select user_id, key, assigned_at > now() - interval '1 minute', ended_at, expires_at from role_assignments"
        " join roles on roles.id = role_id where user_id = %(id)s order by key"
    ),
}
Cursors = Mapping[str, str]


class DisagreementError(Exception):
    """Two contenders do not do the same."""


def normalised(value: object) -> object:
    """An answer without what is each contender's own: how ids, moments, cursors and the nesting of roles look.

    Raises KeyError if roles have another shape.
    """
    if isinstance(value, Mapping):
        return {name: _normalised_field(name, each) for name, each in value.items() if each is not None}
    return [normalised(each) for each in value] if isinstance(value, list) else value


def _normalised_field(name: str, value: object) -> object:
    if name == "id":
        return re.sub(r"^[a-z]{3}_|-", "", str(value))
    if name in _MOMENTS:
        return datetime.fromisoformat(str(value)).timestamp()
    if name in {"cursor", "endCursor"}:
        return "a cursor"
    if name == "roles":
        listed = [node["role"] for node in value["nodes"]] if isinstance(value, Mapping) else value
        # That is the only list whose order no argument of PostGraphile's gives.
        return sorted(map(normalised, _list(listed)), key=str)
    return normalised(value)


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise DisagreementError(f"A list of roles is expected, not {value!r}.")
    return value


def check(
    workload: Workload,
    servers: Sequence[tuple[Server, Cursors]],
    subjects: Subjects,
    database: Database,
) -> None:
    """Raises DisagreementError, telling the first difference, and ContenderError."""
    answers: dict[str, object] = {}
    for number, (server, cursors) in enumerate(servers):
        name = server.contender.name
        if not workload.takes_part(server.contender):
            continue
        if workload.writes:
            answers[name] = _written(workload, server, subjects, database, f"{number:08d}")
        else:
            answers[name] = _read(workload, server, cursors, subjects)
        if not answers[name]:
            raise DisagreementError(f"{workload.key}: {name} finds or writes nothing.")
    require_equal(workload.key, answers)


def require_equal(what: str, answers: Mapping[str, object]) -> None:
    """Raises DisagreementError."""
    names = list(answers)
    for other in names[1:]:
        if answers[other] != answers[names[0]]:
            place = difference(answers[names[0]], answers[other])
            raise DisagreementError(f"{what}: {names[0]} and {other} differ at {place}")


def difference(one: object, other: object, path: str = "$") -> str:
    """Where two unequal values first differ, and how."""
    if isinstance(one, Mapping) and isinstance(other, Mapping) and one.keys() == other.keys():
        pairs = [(f"{path}.{name}", one[name], other[name]) for name in one]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(f"{path}[{index}]", *pair) for index, pair in enumerate(zip(one, other, strict=True))]
    else:
        return f"{path}: {one!r:.300} and {other!r:.300}"
    return next((difference(a, b, place) for place, a, b in pairs if a != b), path)


def _read(workload: Workload, server: Server, cursors: Cursors, subjects: Subjects) -> list[object]:
    """The answers that found something."""
    asked = (
        body(workload, server.contender, {**variables, "after": cursors.get(variables.get("after", ""))})
        for variables in islice(workload.variables(subjects), _READS)
    )
    answers = [normalised(server.ask(each.replace("@n@", ""))) for each in asked]
    return [answer for answer in answers if not _is_empty(answer)]


def _written(
    workload: Workload, server: Server, subjects: Subjects, database: Database, number: str
) -> list[object]:
    """The rows that it leaves; they are taken away again."""
    variables = next(workload.variables(subjects))
    server.ask(body(workload, server.contender, variables).replace("@n@", number))
    with database.connect() as connection:
        found = connection.execute(
            _ROWS[workload.operation].encode(), {"n": number, "id": variables.get("id")}
        )
        rows = [list(row) for row in found]
    database.undo_writes()
    return list(rows)


def _is_empty(answer: object) -> bool:
    page = answer.get("users") if isinstance(answer, Mapping) else None
    return isinstance(page, Mapping) and page.get("edges") == []


def cursors_of(server: Server, subjects: Subjects) -> dict[str, str]:
    """The contender's own cursor for every place."""
    places = [*subjects.places, *subjects.late_places]
    seek = server.contender.operations.get("seek")
    if seek is None:
        return {place: place for place in places}
    return {place: _cursor(server, seek.text, place) for place in places}


def _cursor(server: Server, text: str, place: str) -> str:
    moment = place.partition(",")[0]
    answer: Any = server.ask(json.dumps({"query": text, "variables": {"from": moment}}))
    cursor: str = answer["users"]["edges"][0]["cursor"]
    return cursor
