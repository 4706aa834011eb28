import { database, one, transaction } from "./database.js"

const COLUMNS = `id, email, first_name as "firstName", last_name as "lastName", display_name as "displayName", phone,
  status, created_at as "createdAt"`
// The users that Roster lists; in the text of a statement, so that the indexes of these users serve it.
const LIVE = "status in ('PENDING', 'ACTIVE', 'SUSPENDED')"
// The key of each order in a row as it is selected, and what it is called in the table.
const ORDERS = {
  CREATED_AT: { column: "created_at", type: "timestamptz", key: (user) => user.createdAt },
  DISPLAY_NAME: { column: "display_name_fold", type: "text", key: (user) => user.orderedBy },
}

export const resolvers = {
  Query: {
    user: (_, { id }) => one("user", `select ${COLUMNS} from users where id = $1`, [id]),
    users,
  },
  UserConnection: { totalCount },
  User: { createdAt: (user) => user.createdAt.toISOString() },
  Mutation: { createUser, updateUser, assignRoles },
}

export const loaders = {
  User: {
    roles: {
      async loader(queries) {
        const { rows } = await database.query({
          name: "roles",
          text: `select user_id, key, name, description
            from role_assignments join roles on roles.id = role_id
            where user_id = any($1) and ended_at is null
            order by key`,
          values: [queries.map(({ obj }) => obj.id)],
        })
        const held = new Map(queries.map(({ obj }) => [obj.id, []]))
        for (const role of rows) held.get(role.user_id).push(role)
        return queries.map(({ obj }) => held.get(obj.id))
      },
      opts: { cache: false },
    },
  },
}

async function users(_, { first, after, filter, orderBy }) {
  const { column, type, key } = ORDERS[orderBy]
  const values = []
  const value = (given) => `$${values.push(given)}`
  const conditions = [LIVE]
  if (after) {
    const [keyThere, idThere] = JSON.parse(Buffer.from(after, "base64url").toString())
    conditions.push(`(${column}, id) > (${value(keyThere)}::${type}, ${value(idThere)}::uuid)`)
  }
  if (filter?.emailContains) conditions.push(`email like ${value(`%${filter.emailContains}%`)}`)
  if (filter?.rolesAnyOf) {
    conditions.push(`exists (select from role_assignments join roles on roles.id = role_id
      where user_id = users.id and ended_at is null and key = any(${value(filter.rolesAnyOf)}))`)
  }
  for (const word of filter?.search ?? []) conditions.push(`search_fold like ${value(`%${word}%`)}`)
  if (filter?.createdFrom) conditions.push(`created_at >= ${value(filter.createdFrom)}`)
  const text = `select ${COLUMNS}, ${column} as "orderedBy" from users
    where ${conditions.join(" and ")} order by ${column}, id limit ${value(first + 1)}`
  const { rows } = await database.query({ text, values })
  const edges = rows.slice(0, first).map((node) => ({
    cursor: Buffer.from(JSON.stringify([key(node), node.id])).toString("base64url"),
    node,
  }))
  return { edges, pageInfo: { hasNextPage: rows.length > first, endCursor: edges.at(-1)?.cursor } }
}

async function totalCount(_, { cap }) {
  const counted = cap
    ? await one("capped", `select count(*)::int from (select from users where ${LIVE} limit $1 + 1) as capped`, [cap])
    : await one("count", `select count(*)::int from users where ${LIVE}`, [])
  return counted.count
}

function updateUser(_, { id, phone }) {
  return transaction((query) =>
    query("update", `update users set phone = $2, updated_at = now() where id = $1 returning ${COLUMNS}`, [id, phone]),
  )
}

function createUser(_, { email, firstName, lastName }) {
  const displayName = `${firstName} ${lastName}`
  const folds = [firstName, lastName, displayName].map((name) => name.normalize("NFKD").toLowerCase())
  return transaction((query) =>
    query(
      "create",
      `insert into users (kind, email, first_name, last_name, display_name, display_name_given, first_name_fold,
          last_name_fold, display_name_fold, search_fold, status, created_at, updated_at)
        values ('PERSON', $1, $2, $3, $4, false, $5, $6, $7, $8, 'ACTIVE', now(), now()) returning ${COLUMNS}`,
      [email, firstName, lastName, displayName, ...folds, [...folds, email].join("\n")],
    ),
  )
}

function assignRoles(_, { id, roles }) {
  return transaction(async (query) => {
    await query(
      "assign",
      `insert into role_assignments (user_id, role_id, assigned_at, assigned_by_kind)
        select $1, role_id, now(), 'SYSTEM' from unnest($2::uuid[]) role_id`,
      [id, roles],
    )
    return query("user", `select ${COLUMNS} from users where id = $1`, [id])
  })
}
