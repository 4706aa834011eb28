"""The statement of each workload that reads. The contender `pgbench` runs them too."""

# The users that Roster lists; in the text of a statement, so that the indexes of these users serve it.
_LIVE = "status in ('PENDING', 'ACTIVE', 'SUSPENDED')"
_USER = """
    json_build_object(
        'id', u.id, 'email', u.email, 'firstName', u.first_name, 'lastName', u.last_name,
        'displayName', u.display_name, 'phone', u.phone, 'status', u.status, 'createdAt', u.created_at,
        'roles', coalesce(held.roles, '[]'::json)
    )
"""
_ROLES = """
    left join lateral (
        select json_agg(
            json_build_object('key', r.key, 'name', r.name, 'description', r.description) order by r.key
        ) as roles
        from role_assignments a join roles r on r.id = a.role_id
        where a.user_id = u.id and a.ended_at is null
    ) held on true
"""


def _page(chosen: str, key: str) -> str:
    """`chosen` selects one user more than the page has, in the order of `key` and id; its cursor is `key,id`."""
    return f"""
        with chosen as materialized ({chosen}),
        page as (select * from chosen order by {key}, id limit %(first)s::int)
        select json_build_object('data', json_build_object('users', json_build_object(
            'edges', coalesce(json_agg(
                json_build_object('cursor', u.{key} || ',' || u.id, 'node', {_USER}) order by u.{key}, u.id
            ), '[]'),
            'pageInfo', json_build_object(
                'hasNextPage', (select count(*) > %(first)s::int from chosen),
                'endCursor', (select {key} || ',' || id from page order by {key} desc, id desc limit 1)
            )
        )))::text
        from page u {_ROLES}
    """


STATEMENTS = {
    "user": f"""
        select json_build_object('data', json_build_object('user', {_USER}))::text
        from users u {_ROLES}
        where u.id = %(id)s::uuid
    """,
    "page": _page(
        f"""
        select * from users
        where {_LIVE}
            and (created_at, id) > (split_part(%(after)s, ',', 1)::timestamptz, split_part(%(after)s, ',', 2)::uuid)
        order by created_at, id limit %(first)s::int + 1
        """,
        "created_at",
    ),
    "filtered": _page(
        f"""
        select * from users
        where {_LIVE} and email like '%%' || %(contains)s || '%%' and exists (
            select from role_assignments a join roles r on r.id = a.role_id
            where a.user_id = users.id and a.ended_at is null and r.key = any(%(keys)s::text[])
        )
        order by display_name_fold, id limit %(first)s::int + 1
        """,
        "display_name_fold",
    ),
}
