"""Secrets of API tokens: what one is, that no other text passes for it, and when one can be used."""

import hashlib
import re
import string
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roster.domain.errors import InvalidReason, MutationError, Rejected
from roster.domain.ids import new_id
from roster.domain.instants import format_instant
from roster.domain.tokens import (
    ApiToken,
    ApiTokenState,
    NewApiToken,
    check_new_token,
    check_token_to_revoke,
    digest,
    is_secret,
    new_secret,
)
from roster.domain.users import UserKey, UserRef

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OWNER = UserRef(key=UserKey.USERNAME, value="ci")
# Of one of them the checksum begins with a zero, which must not get lost.
SECRETS = [f"rst_{'0' * 64}34b1e4cb", f"rst_{32:064x}06878649", f"rst_{'0123456789abcdef' * 4}a77cac63"]
WRITABLE = string.digits + string.ascii_letters + "_-."


# ---- the secret ----


def test_a_secret_is_as_scanners_look_for_it() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    for secret in made:
        assert re.fullmatch("rst_[0-9a-f]{72}", secret)
        assert is_secret(secret)


@pytest.mark.parametrize("secret", SECRETS)
def test_the_checksum_is_that_of_the_bits_as_they_are_written(secret: str) -> None:
    """Those of before pass for ever, whatever becomes of the code."""
    assert is_secret(secret)


@pytest.mark.parametrize("secret", SECRETS)
def test_no_character_can_be_another(secret: str) -> None:
    changed = (
        secret[:place] + other + secret[place + 1 :]
        for place in range(len(secret))
        for other in WRITABLE
        if other != secret[place]
    )
    assert not [text for text in changed if is_secret(text)]


@given(st.integers(0, 75), st.integers(0, 75))
def test_no_two_characters_can_change_places(first: int, second: int) -> None:
    text = list(SECRETS[2])
    text[first], text[second] = text[second], text[first]
    swapped = "".join(text)
    assert is_secret(swapped) == (swapped == SECRETS[2])


@pytest.mark.parametrize(
    "change",
    [
        lambda secret: secret[:-1],
        lambda secret: secret + "0",
        lambda secret: secret + "\n",
        lambda secret: " " + secret,
        lambda secret: secret.upper(),
        lambda secret: secret.removeprefix("rst_"),
        lambda secret: secret[4:] + secret[:4],
        lambda secret: secret + secret,
        lambda secret: secret.translate(
            str.maketrans(string.digits, "".join(map(chr, range(0xFF10, 0xFF1A))))
        ),
    ],
)
def test_what_is_cut_off_or_copied_wrong_is_no_secret(change: Any) -> None:
    for secret in SECRETS:
        assert not is_secret(change(secret))


@given(st.text())
def test_no_other_text_is_a_secret(text: str) -> None:
    assert not is_secret(text)


def test_what_is_kept_is_the_sha_256_of_all_of_it() -> None:
    assert digest(SECRETS[0]) == hashlib.sha256(SECRETS[0].encode()).digest()
    assert len({digest(secret) for secret in SECRETS}) == len(SECRETS)


# ---- what there can be ----


def token(**given: Any) -> ApiToken:
    made = ApiToken(
        id=new_id(),
        owner_id=new_id(),
        label="CI",
        created_at=NOW - HOUR,
        expires_at=NOW,
        last_used_at=None,
        revoked_at=None,
    )
    return replace(made, **given)


@pytest.mark.parametrize(
    ("given", "at", "state"),
    [
        ({}, NOW - timedelta(milliseconds=1), ApiTokenState.ACTIVE),
        ({}, NOW, ApiTokenState.EXPIRED),
        ({}, NOW + HOUR, ApiTokenState.EXPIRED),
        ({"revoked_at": NOW - HOUR}, NOW - HOUR, ApiTokenState.REVOKED),
        ({"revoked_at": NOW - HOUR}, NOW + HOUR, ApiTokenState.REVOKED),
    ],
)
def test_a_token_can_be_used_until_it_expires_or_is_revoked(
    given: dict[str, Any], at: datetime, state: ApiTokenState
) -> None:
    assert token(**given).state(at) is state


# ---- what is asked for ----


def new(label: str = "CI", expires_at: datetime | str = NOW + HOUR) -> NewApiToken:
    text = expires_at if isinstance(expires_at, str) else format_instant(expires_at)
    return check_new_token(owner=OWNER, label=label, expires_at=text, now=NOW)


def problems(label: str = "CI", expires_at: datetime | str = NOW + HOUR) -> list[MutationError]:
    with pytest.raises(Rejected) as raised:
        new(label, expires_at)
    return list(raised.value.errors)


def test_a_new_token_has_an_id_of_its_own_and_a_label_of_one_line() -> None:
    first, second = new("  CI \t of  main "), new()
    assert first.id != second.id
    assert first == NewApiToken(id=first.id, owner=OWNER, label="CI of main", expires_at=NOW + HOUR)


@pytest.mark.parametrize("ahead", [timedelta(milliseconds=1), timedelta(days=366)])
def test_it_lives_for_a_moment_or_a_leap_year(ahead: timedelta) -> None:
    assert new(expires_at=NOW + ahead).expires_at == NOW + ahead


@pytest.mark.parametrize(
    ("until", "reason", "limit"),
    [
        (NOW, InvalidReason.IN_THE_PAST, None),
        (NOW - HOUR, InvalidReason.IN_THE_PAST, None),
        (NOW + timedelta(days=366, milliseconds=1), InvalidReason.OUT_OF_RANGE, 1),
        ("tomorrow", InvalidReason.BAD_FORMAT, None),
    ],
)
def test_it_does_not_live_for_ever(until: datetime | str, reason: InvalidReason, limit: int | None) -> None:
    (problem,) = problems(expires_at=until)
    assert (problem.path, getattr(problem, "reason", None), getattr(problem, "limit", None)) == (
        ("expires_at",),
        reason,
        limit,
    )


def test_every_problem_is_told_at_once() -> None:
    assert [problem.path for problem in problems("a" * 101, NOW)] == [("label",), ("expires_at",)]


def test_a_reason_to_revoke_is_one_line_or_none() -> None:
    id_ = new_id()
    assert check_token_to_revoke(token_id=id_, why=" It  leaked ").reason == "It leaked"
    assert check_token_to_revoke(token_id=id_, why=None).reason is None
    with pytest.raises(Rejected) as raised:
        check_token_to_revoke(token_id=id_, why=" ")
    assert [error.path for error in raised.value.errors] == [("reason",)]
