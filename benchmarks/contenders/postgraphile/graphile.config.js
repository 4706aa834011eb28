// As in "Configuration" and "Using PostGraphile as a Library" of PostGraphile's documentation, version 5, with the
// preset Amber, and the filter plugin as its readme says. GRAPHILE_ENV=production switches off what development adds.
import { makePgService } from "postgraphile/adaptors/pg"
import { sql } from "postgraphile/pg-sql2"
import { PostGraphileAmberPreset } from "postgraphile/presets/amber"
import { jsonPgSmartTags, wrapPlans } from "postgraphile/utils"
import { PostGraphileConnectionFilterPreset } from "postgraphile-plugin-connection-filter"

// As in "wrapPlans", which is for "additional filters to a collection": the users that Roster lists. In the text of the
// statement, so that every plan of PostgreSQL's can use the indexes of these users; a filter in the documents is slower.
const LIVE_USERS = wrapPlans({
  Query: {
    allUsers(plan) {
      const $connection = plan()
      const $users = $connection.getSubplan()
      $users.where(sql`${$users.alias}.status in ('PENDING', 'ACTIVE', 'SUSPENDED')`)
      return $connection
    },
  },
})

export default {
  extends: [PostGraphileAmberPreset, PostGraphileConnectionFilterPreset],
  // What has no index of its own is not filtered by unless one says so.
  plugins: [
    jsonPgSmartTags({
      version: 1,
      config: {
        attribute: {
          "users.search_fold": { tags: { behavior: "+filterBy" } },
          "roles.key": { tags: { behavior: "+filterBy" } },
        },
      },
    }),
    LIVE_USERS,
  ],
  pgServices: [
    makePgService({
      connectionString: `socket:${process.env.PGHOST}?db=${process.env.PGDATABASE}`,
      schemas: ["public"],
      poolConfig: { max: Number(process.env.POOL_SIZE) },
    }),
  ],
  grafserv: { port: Number(process.env.PORT), host: "127.0.0.1", graphiql: false, watch: false },
}
