"""Hypothesis strategies for filters as a client sends them: JSON for the variables of an operation.

Most values are of the directory in population.py, or near them, so that a filter often matches some rows and not
others; the rest are strangers and troublemakers.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from operands import (
    MIN_CONTAINED,
    attribute_filters,
    id_lists,
    key_filters,
    label_filters,
    moment_filters,
    number_filters,
    objects,
    role_keys,
    scopes,
    searches,
    text_filters,
    user_refs,
    values,
)
from population import DIRECTORY
from reference import LIVE, MAX_DEPTH

Json = dict[str, Any]

USER_TEXTS = ("email", "username", "firstName", "lastName", "displayName")
FOLDED_KEYS = ("phone", "locale", "timezone")
USER_MOMENTS = ("emailVerifiedAt", "createdAt", "updatedAt")
ROLE_TEXTS = ("key", "name", "description")
ROLE_MOMENTS = ("createdAt", "updatedAt")
_ONE_IN_TEN = st.integers(0, 9).map(lambda drawn: drawn == 0)


@st.composite
def telling(
    draw: st.DrawFn, filters: SearchStrategy[Json], matches: Callable[[Json], Sequence[bool]]
) -> Json:
    """Mostly a filter that matches some and not all: in a tree of others little would show."""
    for _ in range(4):
        given = draw(filters)
        if len(set(matches(given))) > 1 or draw(_ONE_IN_TEN):
            break
    return given


def _connectives(inner: SearchStrategy[Json]) -> dict[str, SearchStrategy[Any]]:
    return {"and": st.lists(inner, max_size=3), "or": st.lists(inner, max_size=3), "not": inner}


def _tree(
    leaves: Mapping[str, SearchStrategy[Any]], inner: SearchStrategy[Json] | None, *branches: str
) -> SearchStrategy[Json]:
    """As often a leaf as a branch, and seldom both in one object. Some leaves lead deeper: they are branches too."""
    if inner is None:
        return objects(leaves)
    branching = {**_connectives(inner), **{name: leaves[name] for name in branches}}
    both = objects({**leaves, **branching}, sizes=(2, 2, 3))
    return objects(leaves) | objects(branching, sizes=(1, 1, 1, 2)) | both


def user_leaves(levels: int = MAX_DEPTH) -> Mapping[str, SearchStrategy[Any]]:
    return {**_user_values(), "roles": user_roles_filters(levels)}


@cache
def _user_values() -> Mapping[str, SearchStrategy[Any]]:
    users = DIRECTORY.users
    names = [text for member in USER_TEXTS for text in values(users, member)]
    # Where two names of a user would meet, if they did.
    seams = [
        f"{user.first_name[-2:]}{user.last_name[:2]}" for user in users if user.first_name and user.last_name
    ]
    return {
        "search": searches([*names, *seams * 3], MIN_CONTAINED),
        "id": id_lists("usr", [user.id for user in users]),
        "kind": st.sampled_from(("PERSON", "SERVICE")),
        "status": st.lists(st.sampled_from((*LIVE, "ARCHIVED", "ERASED")), max_size=3),
        **{member: text_filters(values(users, member)) for member in USER_TEXTS},
        **{member: key_filters(values(users, member)) for member in (*FOLDED_KEYS, "externalId")},
        **{member: moment_filters(values(users, member)) for member in USER_MOMENTS},
        "attributes": attribute_filters(),
        "permissions": label_filters(),
    }


@cache
def user_filters(levels: int = MAX_DEPTH) -> SearchStrategy[Json]:
    """At most that many levels deep."""
    inner = user_filters(levels - 1) if levels > 1 else None
    tree = _tree(user_leaves(levels), inner, "roles")
    return telling(tree, lambda given: [DIRECTORY.user_is(given, user) for user in DIRECTORY.users])


@cache
def user_roles_filters(levels: int) -> SearchStrategy[Json]:
    predicates: dict[str, SearchStrategy[Any]] = {
        **dict.fromkeys(("anyOf", "allOf", "noneOf"), role_keys()),
        "isEmpty": st.booleans(),
    }
    if levels > 1:
        predicates |= dict.fromkeys(("some", "every", "none"), user_assignment_filters(levels - 1))
    return st.builds(lambda scope, given: {**scope, **given}, scopes(), objects(predicates))


@cache
def _held_leaves() -> Mapping[str, SearchStrategy[Any]]:
    assignments = DIRECTORY.assignments
    return {
        "assignedAt": moment_filters(values(assignments, "assignedAt")),
        "assignedBy": user_refs(),
        "expiresAt": moment_filters(values(assignments, "expiresAt")),
    }


@cache
def user_assignment_filters(levels: int) -> SearchStrategy[Json]:
    role = {"role": role_filters(levels - 1)} if levels > 1 else {}
    return telling(objects({**_held_leaves(), **role}), _held_matches)


def _held_matches(given: Json) -> list[bool]:
    """Of a sample: there are many, and each is of a user and a role."""
    return [DIRECTORY.held_is(given, held) for held in DIRECTORY.assignments[::7]]


@cache
def role_leaves() -> Mapping[str, SearchStrategy[Any]]:
    roles = DIRECTORY.roles
    names = [text for member in ROLE_TEXTS for text in values(roles, member)]
    return {
        "search": searches(names, 1),
        "id": id_lists("rol", [role.id for role in roles]),
        **{member: text_filters(values(roles, member)) for member in ROLE_TEXTS},
        "permissions": label_filters(),
        "isDefault": st.booleans(),
        **{member: moment_filters(values(roles, member)) for member in ROLE_MOMENTS},
        "holderCount": number_filters(),
    }


@cache
def role_filters(levels: int = MAX_DEPTH) -> SearchStrategy[Json]:
    tree = _tree(role_leaves(), role_filters(levels - 1) if levels > 1 else None)
    return telling(tree, lambda given: [DIRECTORY.role_is(given, role) for role in DIRECTORY.roles])


@cache
def assignment_leaves(levels: int = MAX_DEPTH) -> Mapping[str, SearchStrategy[Any]]:
    if levels == 1:
        return _held_leaves()
    return {**_held_leaves(), "role": role_filters(levels - 1), "user": user_filters(levels - 1)}


@cache
def assignment_filters(levels: int = MAX_DEPTH) -> SearchStrategy[Json]:
    if levels == 1:
        return telling(objects(assignment_leaves(1)), _held_matches)
    tree = _tree(assignment_leaves(levels), assignment_filters(levels - 1), "role", "user")
    return telling(tree, _held_matches)
