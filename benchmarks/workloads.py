"""What is asked: for every workload, the bodies of requests that differ from one another.

In a body `@n@` stands for a number of 8 digits that the load generator counts up, so that no two requests are alike.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from benchmarks.contenders import Contender
from benchmarks.contenders.asgi_sql.statements import STATEMENTS
from benchmarks.subjects import Subjects

# Names as they are in the data: parts of addresses, at least three letters.
_PARTS = ("son", "ski", "ova", "mar", "lia", "dez", "oli", "ber", "ton", "ell", "ann", "ric")
_PAGE, _LARGE_PAGE = 50, 200
_BODIES = 200
_ONCE = 20_000  # As many as are used up in a run, where a request cannot be repeated.
_GIVEN, _FAMILY = "Mary", "Anning"

Variables = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """`variables` yields those of one request after the other; a contender takes what its operation declares."""

    key: str
    title: str
    operation: str
    variables: Callable[[Subjects], Iterator[Variables]]
    writes: bool = False
    bodies: int = _BODIES
    once: bool = False
    new_text: bool = False

    @property
    def is_statement(self) -> bool:
        """Whether it can be asked without GraphQL."""
        return self.operation in STATEMENTS and not self.new_text

    def takes_part(self, contender: Contender) -> bool:
        return self.operation in contender.operations if contender.operations else self.is_statement


def _users(subjects: Subjects) -> Iterator[Variables]:
    for user in _forever(subjects.users):
        yield {"id": user}


def _pages(first: int) -> Callable[[Subjects], Iterator[Variables]]:
    def pages(subjects: Subjects) -> Iterator[Variables]:
        for place in _forever(subjects.places):
            yield {"first": first, "after": place}

    return pages


def _late_pages(subjects: Subjects) -> Iterator[Variables]:
    for place in _forever(subjects.late_places):
        yield {"first": _PAGE, "after": place}


def _filters(subjects: Subjects) -> Iterator[Variables]:
    dice = random.Random(3)  # noqa: S311 -- the same ones every time
    while True:
        keys = dice.sample(subjects.role_keys, 2)
        yield {"first": _PAGE, "contains": dice.choice(_PARTS), "keys": keys}


def _searches(subjects: Subjects) -> Iterator[Variables]:
    for given, family in _forever(subjects.names):
        words = {"words": f"{given} {family}", "givenFold": given, "familyFold": family}
        yield {"first": _PAGE, **words}


def _nothing(_: Subjects) -> Iterator[Variables]:
    while True:
        yield {}


def _phones(subjects: Subjects) -> Iterator[Variables]:
    for user in _forever(subjects.users):
        yield {"id": user, "phone": "+4930@n@", "now": _now()}


def _new_users(_: Subjects) -> Iterator[Variables]:
    given, family = _GIVEN.lower(), _FAMILY.lower()
    email = "created-@n@@example.org"
    while True:
        yield {
            "email": email,
            "givenName": _GIVEN,
            "familyName": _FAMILY,
            "displayName": f"{_GIVEN} {_FAMILY}",
            "givenFold": given,
            "familyFold": family,
            "displayFold": f"{given} {family}",
            "searchFold": f"{given}\n{family}\n{given} {family}\n{email}",
            "now": _now(),
        }


def _assignments(subjects: Subjects) -> Iterator[Variables]:
    """Three roles for each user without any, then three others, until there are no three left."""
    roles = subjects.roles
    for first in range(0, len(roles) - 2, 3):
        trio = dict(zip(("role1", "role2", "role3"), roles[first : first + 3], strict=True))
        for user in subjects.without_roles:
            yield {"id": user, **trio, "now": _now()}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _forever(values: list[Any]) -> Iterator[Any]:
    while True:
        yield from values


def body(workload: Workload, contender: Contender, variables: Variables) -> str:
    """The body of one request."""
    fitting = _fitting(contender, variables)
    if not contender.operations:
        return json.dumps({"operation": workload.operation, "variables": fitting})
    operation = contender.operations[workload.operation]
    text = operation.text
    if workload.new_text:
        name = workload.operation
        text = text.replace(f"query {name}", f"query {name}@n@", 1)
    declared = {name: value for name, value in fitting.items() if name in operation.variables}
    return json.dumps({"query": text, "variables": declared})


def bodies(
    workload: Workload, contender: Contender, subjects: Subjects, cursors: Mapping[str, str]
) -> list[str]:
    """Those of a run. `cursors` has the contender's own for every place."""
    return [
        body(workload, contender, {**variables, "after": cursors.get(variables.get("after", ""))})
        for variables in islice(workload.variables(subjects), workload.bodies)
    ]


def _fitting(contender: Contender, variables: Variables) -> dict[str, Any]:
    """With ids as the contender writes them."""

    def fit(name: str, value: object) -> object:
        prefix = {"id": contender.user_prefix}.get(name, contender.role_prefix if name[:-1] == "role" else "")
        return prefix + str(value).replace("-", "") if prefix else value

    return {name: fit(name, value) for name, value in variables.items()}


WORKLOADS = (
    Workload(key="W1", title="user by id with roles", operation="user", variables=_users),
    Workload(key="W2", title="page of 50 with roles", operation="page", variables=_pages(_PAGE)),
    Workload(key="W3", title="page of 50, filtered and ordered", operation="filtered", variables=_filters),
    Workload(key="W4", title="page of 200 with roles", operation="page", variables=_pages(_LARGE_PAGE)),
    Workload(key="W5", title="updateUser", operation="update", variables=_phones, writes=True),
    Workload(key="W6", title="createUser", operation="create", variables=_new_users, writes=True),
    Workload(
        key="W7",
        title="assignRoles, 3 roles",
        operation="assign",
        variables=_assignments,
        writes=True,
        bodies=_ONCE,
        once=True,
    ),
    Workload(key="W8", title="page of 50, 90 % through", operation="page", variables=_late_pages),
    Workload(key="W9a", title="totalCount, capped at 10,000", operation="countCapped", variables=_nothing),
    Workload(key="W9b", title="totalCount, exact", operation="count", variables=_nothing),
    Workload(key="W10", title="search for two words", operation="search", variables=_searches),
    Workload(
        key="W11",
        title="W2, each time a new document",
        operation="page",
        variables=_pages(_PAGE),
        new_text=True,
    ),
)
