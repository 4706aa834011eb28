-- A million users with what trips plans up: names repeat, the oldest tenth is archived, one role is held by nearly
-- everyone, one by thirty, one by nobody; of locales, time zones, departments, types of events one is rare.
-- Whenever it is made it is the same: what is planned depends on how the moments lie that docs/SCALE.md asks for.
SET LOCAL maintenance_work_mem = '512MB';

CREATE TEMPORARY TABLE clock AS SELECT timestamptz '2026-11-23 12:00Z' AS today;
SELECT setseed(0.5);

INSERT INTO roles (key, key_fold, name, name_fold, permissions, created_at, updated_at)
SELECT key, lower(key), initcap(key), lower(key), ARRAY[label], today - interval '5 years', today - interval '5 years'
FROM clock, (
    VALUES ('EVERYONE', 'doors:open'), ('NOBODY', 'vault:open'), ('RARE', 'safe:open')
    UNION ALL SELECT 'TEAM_' || n, 'team:' || n FROM generate_series(1, 46) AS n
) AS listed (key, label);

-- Squares of random numbers: the first names are common, the last ones rare.
CREATE TEMPORARY TABLE drawn AS
SELECT n, today - (1000000 - n) * interval '100 seconds' AS created, n <= 100000 AS gone, n <= 1000 AS erased,
    floor(200 * random() ^ 2)::int AS f, floor(1000 * random() ^ 2)::int AS l, random() AS a, random() AS b
FROM generate_series(1, 1000000) AS n, clock;

INSERT INTO users (id, kind, email, email_verified_at, username, first_name, first_name_fold, last_name, last_name_fold,
    display_name, display_name_fold, display_name_given, phone, locale, timezone, external_id, attributes, search_fold,
    status, created_at, updated_at)
SELECT uuidv7(created - now()), kind, email, CASE WHEN a < 0.8 AND email IS NOT NULL THEN created END, username,
    first, lower(first), last, lower(last), shown, lower(shown), false,
    CASE WHEN b < 0.6 THEN '+4930' || 1000000 + n END,
    CASE WHEN a < 0.0001 THEN 'mt-MT' WHEN a < 0.6 THEN 'en-GB' ELSE 'de-DE' END,
    CASE WHEN b < 0.0001 THEN 'Europe/Malta' WHEN b < 0.6 THEN 'Europe/London' ELSE 'Europe/Berlin' END,
    CASE WHEN a < 0.9 THEN 'hr-' || n END,
    jsonb_build_object('department', CASE WHEN a < 0.0001 THEN 'Archive' WHEN a < 0.5 THEN 'Sales' ELSE 'Research' END,
        'desk', n % 5000),
    concat_ws(E'\n', lower(first), lower(last), lower(shown), email, username), status, created, updated
FROM clock, drawn, LATERAL (
    SELECT CASE n % 50 WHEN 1 THEN 'SERVICE' ELSE 'PERSON' END AS kind,
        CASE WHEN gone THEN 'ARCHIVED' WHEN n > 995000 THEN 'PENDING' WHEN a > 0.99 THEN 'SUSPENDED' ELSE 'ACTIVE' END AS status,
        chr(65 + f % 26) || (ARRAY['lma', 'runo', 'ecil', 'dith', 'rank', 'race', 'elen', 'onas'])[1 + f / 26] AS first,
        chr(65 + l % 26)
            || (ARRAY['akker', 'ishop', 'olter', 'ekker', 'arber', 'ibson', 'ansen', 'versen', 'usterman', 'nuth'])[1 + l / 26 % 10]
            || (ARRAY['', 'by', 'ford', 'sen'])[1 + l / 260] AS last,
        CASE WHEN b < 0.3 THEN created + a * (today - created) ELSE created END AS updated
) AS person, LATERAL (
    SELECT first || ' ' || last AS shown, lower(first || '.' || last) || n AS name
) AS named, LATERAL (
    SELECT CASE kind WHEN 'PERSON' THEN name || CASE WHEN a < 0.7 THEN '@example.com' ELSE '@mail.example.org' END END AS email,
        CASE WHEN kind = 'SERVICE' OR b < 0.5 THEN name END AS username
) AS addressed
WHERE NOT erased;

INSERT INTO users (id, kind, display_name, display_name_fold, display_name_given, search_fold, status, created_at, updated_at)
SELECT uuidv7(created - now()), 'PERSON', 'Erased user', 'erased user', true, 'erased user', 'ERASED', created, created
FROM drawn WHERE erased;

CREATE TEMPORARY TABLE people AS
SELECT id, created_at AS since, status IN ('ARCHIVED', 'ERASED') AS gone, row_number() OVER (ORDER BY created_at) AS n,
    random() AS a, random() AS b
FROM users;

INSERT INTO role_assignments (id, user_id, role_id, assigned_at, assigned_by_kind, assigned_by_user_id, expires_at, ended_at,
    revoked_by_kind)
SELECT uuidv7(since - now()), people.id, roles.id, since, kind, CASE kind WHEN 'USER' THEN giver END,
    CASE WHEN lasts = 'limited' THEN today + n % 30 * interval '1 day' + interval '50 years'
         WHEN lasts = 'lapsed' THEN since + interval '1 hour' END,
    CASE WHEN lasts IN ('lapsed', 'revoked') THEN since + interval '1 hour' END,
    CASE WHEN lasts = 'revoked' THEN 'SYSTEM' END
FROM clock, people
CROSS JOIN LATERAL (
    SELECT 'EVERYONE' AS key WHERE a < 0.97
    UNION ALL SELECT 'RARE' WHERE n % 33333 = 1 AND NOT gone
    UNION ALL SELECT DISTINCT 'TEAM_' || 1 + floor(46 * (n * k * 7919 % 1009 / 1009.0) ^ 2) FROM generate_series(1, floor(b * 5)::int) AS k
) AS held
JOIN roles USING (key)
CROSS JOIN LATERAL (
    SELECT CASE WHEN gone OR (key <> 'EVERYONE' AND a < 0.05) THEN 'revoked' WHEN key <> 'EVERYONE' AND a < 0.08 THEN 'lapsed'
        WHEN a > 0.99 THEN 'limited' END AS lasts, CASE WHEN n % 3 = 0 THEN 'USER' ELSE 'CLI' END AS kind
) AS given
CROSS JOIN (SELECT id AS giver FROM people WHERE n = 500000) AS giver;

INSERT INTO events (id, epoch, transaction, type, at, actor_kind, actor_user_id, user_id, changes)
SELECT uuidv7(since - now()), epoch, transaction, 'USER_CREATED', since, kind, CASE kind WHEN 'USER' THEN giver END,
    id, '[]'
FROM people, (SELECT id AS giver FROM people WHERE n = 500000), LATERAL (
    SELECT CASE WHEN n % 3 = 0 THEN 'USER' ELSE 'CLI' END AS kind
), (SELECT epoch, transaction FROM events ORDER BY sequence DESC LIMIT 1)
ORDER BY n;

INSERT INTO events (id, epoch, transaction, type, at, actor_kind, role_id, role_key, user_id, changes)
SELECT uuidv7(assigned_at - now()), epoch, transaction, 'ROLE_ASSIGNED', assigned_at, 'CLI', role_id, key, user_id, '[]'
FROM role_assignments JOIN roles ON roles.id = role_id, (SELECT epoch, transaction FROM events ORDER BY sequence DESC LIMIT 1)
WHERE key IN ('RARE', 'TEAM_1');
