"""One story over HTTP, on a server of its own: a directory from its first role to its last farewell."""

from collections.abc import Awaitable, Callable

import httpx
import pytest

from client import Client
from roster.data.db import Database
from serving import serve
from story import assignments, callers, farewells, roles, users
from story.teller import Story

Chapter = Callable[[Story], Awaitable[None]]

STORY: tuple[Chapter, ...] = (
    roles.nothing_is_there_but_the_administrators_role,
    roles.roles_are_added,
    roles.a_role_needs_a_key_of_its_own_and_sound_values,
    roles.a_role_is_changed_by_who_has_seen_its_latest_version,
    roles.a_role_is_found_by_its_key_or_its_id,
    roles.roles_are_filtered_and_ordered,
    roles.roles_are_read_page_by_page,
    users.ada_is_created_with_everything_and_the_default_role,
    users.others_are_created_with_roles_of_their_own_or_none,
    users.a_user_needs_identifiers_of_its_own_and_sound_values,
    users.a_user_is_changed_by_who_has_seen_its_latest_version,
    users.a_user_is_found_in_four_ways,
    users.users_are_filtered_by_what_they_are,
    users.users_are_filtered_by_what_they_hold,
    users.users_are_read_page_by_page,
    assignments.the_first_administrator_makes_the_role_protected,
    assignments.the_last_administrator_stays,
    assignments.roles_are_assigned_to_many_at_once,
    assignments.it_is_all_of_it_or_nothing,
    assignments.an_assignment_expires_by_itself,
    assignments.roles_are_revoked_and_the_record_stays,
    assignments.the_roles_of_a_user_are_made_exactly_these,
    assignments.a_role_knows_its_holders_as_users_know_their_roles,
    assignments.the_past_is_known,
    assignments.assignments_are_read_page_by_page,
    assignments.two_mutations_in_one_request_see_each_other,
    assignments.everything_is_found_by_its_id,
    farewells.a_suspended_user_keeps_roles_that_permit_nothing,
    farewells.the_lifecycle_has_no_other_steps,
    farewells.an_archived_user_is_gone_and_frees_its_identifiers,
    farewells.an_archived_user_is_restored_once_its_identifiers_are_its_own,
    farewells.an_erased_user_is_a_tombstone,
    farewells.a_role_that_nobody_holds_is_archived_at_once,
    farewells.a_role_in_use_is_archived_with_its_assignments,
    farewells.its_key_is_free_and_its_history_stays,
    callers.a_colleague_is_given_a_token,
    callers.who_shows_it_may_what_its_owner_may,
    callers.nobody_hands_out_what_they_do_not_have,
    callers.a_token_that_is_revoked_opens_nothing,
    callers.the_log_has_all_of_it,
    callers.the_log_has_no_name_of_who_was_erased,
    callers.every_kind_of_error_was_met,
)


async def test_the_story(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    database_url = db.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("ROSTER_ACCESS_CONTROL", "false")
    with serve(database_url=database_url) as served:
        monkeypatch.delenv("ROSTER_ACCESS_CONTROL")
        with serve(database_url=database_url) as guarded:
            async with (
                httpx.AsyncClient(base_url=served.url, timeout=60) as http,
                httpx.AsyncClient(base_url=guarded.url, timeout=60) as gate,
            ):
                story = Story(Client(http, db), Client(gate, db))
                for step in STORY:
                    await step(story)
