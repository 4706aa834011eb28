"""Hypothesis strategies for the parts of filters: texts, moments, labels, attributes and the objects around them.

Pools of values are listed in full beforehand, and one value drawn of them: that is much cheaper than to draw its
making.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from itertools import combinations
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from population import DIRECTORY, LABELS, TICK
from reference import LIVE, snake
from roster.domain.text import fold
from roster.domain.users import User

Json = dict[str, Any]

MIN_CONTAINED = 3
NOBODY = UUID(int=0)
STATES = ("ACTIVE", "EXPIRED", "REVOKED")

# How many members an object has: mostly one, for each more makes a match rarer.
_SIZES = (1, 1, 1, 1, 2, 2, 3, 0)


def objects(
    members: Mapping[str, SearchStrategy[Any]], sizes: Sequence[int] = _SIZES
) -> SearchStrategy[Json]:
    """An object with some of the members."""
    some, names = st.sampled_from(sizes), st.sampled_from(list(members))

    @st.composite
    def made(draw: st.DrawFn) -> Json:
        return {name: draw(members[name]) for name in dict.fromkeys(draw(names) for _ in range(draw(some)))}

    return made()


def values(records: Iterable[object], member: str) -> list[Any]:
    """What the records have there, each value once."""
    return list(dict.fromkeys(v for r in records if (v := getattr(r, snake(member))) is not None))


# ---- texts -----------------------------------------------------------------------------------------------------------

_WILDCARDS = ("%", "_", "\\", "%%%", "___", "a_b", "\\%")
_STRANGE_TEXTS = ("", " ", "nobody", "ß", "I\u0307", "\u017f", "\u0301", "😀", *_WILDCARDS)


def _spellings(text: str) -> list[str]:
    """The text, and others that differ from it in case or accents."""
    return [
        text,
        text.upper(),
        text.lower(),
        text.swapcase(),
        unicodedata.normalize("NFD", text),
        unicodedata.normalize("NFKC", text).title(),
        f"{text}\u0301",
        fold(text),
    ]


def spelt(pool: Sequence[str]) -> SearchStrategy[str]:
    """A text of the pool, in some spelling; seldom a strange one."""
    spellings = [spelling for text in pool for spelling in _spellings(text)]
    strangers = _STRANGE_TEXTS * (len(spellings) // (9 * len(_STRANGE_TEXTS)) + 1)
    return st.sampled_from([*spellings, *strangers])


def starts(pool: Sequence[str]) -> SearchStrategy[str]:
    """No more than 4 characters from the start of a text of the pool, in some spelling."""
    return spelt([text[:length] for text in pool for length in range(5)])


def ends(pool: Sequence[str]) -> SearchStrategy[str]:
    return spelt([text[len(text) - length :] for text in pool for length in range(min(4, len(text)) + 1)])


def contained(pool: Sequence[str], shortest: int = MIN_CONTAINED) -> SearchStrategy[str]:
    """Something from within a text of the pool, in some spelling, long enough when folded."""
    within = [
        piece
        for text in pool
        for start in range(0, len(text), 3)
        for length in (shortest, shortest + 2)
        for piece in _spellings(text[start : start + length])
        if len(fold(piece)) >= shortest
    ]
    return st.sampled_from([*within, "%%%", "a_b", "\\\\\\", "ﬃ", "ﬁx"])


def text_filters(pool: Sequence[str]) -> SearchStrategy[Json]:
    return objects({**_key_operators(pool), "contains": contained(pool), "endsWith": ends(pool)})


def key_filters(pool: Sequence[str]) -> SearchStrategy[Json]:
    return objects(_key_operators(pool))


def _key_operators(pool: Sequence[str]) -> dict[str, SearchStrategy[Any]]:
    return {
        "eq": spelt(pool),
        "in": st.lists(spelt(pool), max_size=5),
        "startsWith": starts(pool),
        "isNull": st.booleans(),
    }


def searches(pool: Sequence[str], shortest: int) -> SearchStrategy[str]:
    """One word or two, each from within a text of the pool."""
    words = contained([word for text in pool for word in fold(text).split()], shortest)
    blanks = st.sampled_from((" ", "  ", "\u00a0"))
    return words | words | st.builds(lambda one, blank, other: one + blank + other, words, blanks, words)


# ---- moments, numbers, labels, ids -----------------------------------------------------------------------------------


def _spelt_moments(moment: datetime) -> list[str]:
    """The same moment in the ways of RFC 3339."""
    in_utc = moment.isoformat(timespec="milliseconds")
    elsewhere = moment.astimezone(timezone(timedelta(hours=-3, minutes=-30))).isoformat()
    return [
        in_utc.replace("+00:00", "Z"),
        in_utc.replace("+00:00", "z").replace("T", "t"),
        in_utc.replace("+00:00", "999+00:00"),
        elsewhere,
    ]


def moments(pool: Sequence[datetime]) -> SearchStrategy[str]:
    """A moment of the pool, or just before or after."""
    near = [moment + ticks * TICK for moment in pool for ticks in (0, 0, -1, 1)]
    return st.sampled_from([text for moment in near for text in _spelt_moments(moment)])


def moment_filters(pool: Sequence[datetime]) -> SearchStrategy[Json]:
    comparisons = dict.fromkeys(("gt", "gte", "lt", "lte"), moments(pool))
    return objects({**comparisons, "isNull": st.booleans()})


def number_filters() -> SearchStrategy[Json]:
    numbers = st.sampled_from((0, 1, 3, 5, 7, 9, 10, -1, 2**31 - 1, -(2**31)))
    return objects(dict.fromkeys(("eq", "gt", "gte", "lt", "lte"), numbers))


def some_of(pool: Sequence[str], together: Iterable[Iterable[str]]) -> SearchStrategy[list[str]]:
    """Up to 3 of the pool, or what goes together in the directory; some of it several times over."""
    chosen = [list(some) for size in (0, 1, 2, 2, 3) for some in combinations(pool, size)]
    alike = [list(some) for some in together]
    return st.sampled_from(chosen) | st.sampled_from([*alike, *(some * 5 for some in alike), *chosen[::9]])


def label_filters() -> SearchStrategy[Json]:
    held = [sorted(has) for user in DIRECTORY.users if (has := DIRECTORY.permissions(user))]
    labels = some_of((*LABELS, "docs", "DOCS:READ"), (*held, *(role.permissions for role in DIRECTORY.roles)))
    return objects({**dict.fromkeys(("hasAny", "hasAll", "hasNone"), labels), "isEmpty": st.booleans()})


def role_keys() -> SearchStrategy[list[str]]:
    """In any case."""
    key_of = {role.id: role.key for role in DIRECTORY.roles}
    held_by: dict[UUID, list[str]] = {}
    for held in DIRECTORY.assignments:
        held_by.setdefault(held.user_id, []).append(key_of[held.role_id])
    keys = some_of((*dict.fromkeys(key_of.values()), "ADMIN", "NOBODY", "%", ""), held_by.values())
    return keys | keys.map(lambda some: [f" {key.title()} " for key in some])


def id_lists(prefix: str, pool: Sequence[UUID]) -> SearchStrategy[list[str]]:
    """A few of the pool, most of it, or nobody."""
    texts = [f"{prefix}_{id_.hex}" for id_ in (*pool, NOBODY)]
    lengths = (0, 1, 2, 5, len(pool) // 2, len(pool) - 2)
    return st.sampled_from([texts[start::2][:length] for length in lengths for start in range(len(texts))])


# ---- attributes ------------------------------------------------------------------------------------------------------


def _alike(value: Any) -> Sequence[Any]:
    """Mostly the value; else what could be taken for it."""
    if isinstance(value, str):
        return (value, value, value.upper(), None, [value])
    like = {1: (1.0, True, "1"), 0: (0.0, False, -0.0), 100: (100.0, 1e2, "100")}
    return (value, value, *like.get(value, (None, 1)))


def parts(value: Any) -> SearchStrategy[Any]:
    """What is in the value, or nearly: some of its keys, some of its elements in another order and number."""
    if isinstance(value, dict) and value:
        return objects({key: parts(inner) for key, inner in value.items()}, sizes=(1, 1, 2, 3, 0))
    if isinstance(value, list) and value:
        return st.lists(st.one_of([parts(one) for one in value]), max_size=3)
    return st.just(value) if isinstance(value, (dict, list)) else st.sampled_from(_alike(value))


def attribute_filters() -> SearchStrategy[Json]:
    pool = [user.attributes for user in DIRECTORY.users if user.attributes]
    return st.one_of([parts(attributes) for attributes in pool])


# ---- references and scopes -------------------------------------------------------------------------------------------


def user_refs() -> SearchStrategy[Json]:
    """Mostly who has assigned something, by any of the four names."""
    givers = {held.assigned_by.user_id for held in DIRECTORY.assignments}
    named = [ref for user in DIRECTORY.users if user.id in givers for ref in _names_of(user)]
    # Whose identifiers are not theirs any more.
    gone = [ref for user in DIRECTORY.users if user.status not in LIVE for ref in _names_of(user)]
    return st.sampled_from(named) | st.sampled_from([*gone, *named])


def _names_of(user: User) -> Iterator[Json]:
    yield {"id": f"usr_{user.id.hex}"}
    if user.email:
        yield from ({"email": user.email}, {"email": f" {user.email.upper()} "})
    if user.username:
        yield from ({"username": user.username}, {"username": user.username.upper()})
    if user.external_id:
        yield from ({"externalId": user.external_id}, {"externalId": user.external_id.swapcase()})


def _turning_points() -> list[datetime]:
    """Where an assignment begins or ends."""
    points = {
        moment
        for held in DIRECTORY.assignments
        for moment in (held.assigned_at, held.expires_at, held.ended_at)
        if moment is not None
    }
    return sorted(points)


def scopes() -> SearchStrategy[Json]:
    """Which assignments are looked at: `states` or `activeAt`, or neither."""
    some = [list(chosen) for size in (0, 1, 2, 3, 3) for chosen in combinations(STATES, size)]
    states = st.sampled_from([{"states": chosen} for chosen in (*some, ["ACTIVE", "ACTIVE"])])
    at = moments(_turning_points()).map(lambda given: {"activeAt": given})
    return st.one_of(st.just({}), states, at, at.map(lambda given: {"states": ["ACTIVE"], **given}))
