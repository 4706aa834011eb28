// As in "Pooling", "Queries" (prepared statements) and "Transactions" of node-postgres' documentation.
import pg from "pg"

// The address is in the variables of libpq.
export const database = new pg.Pool({ max: Number(process.env.POOL_SIZE) })

export async function one(name, text, values) {
  const { rows } = await database.query({ name, text, values })
  return rows[0]
}

export async function transaction(work) {
  const client = await database.connect()
  try {
    await client.query("begin")
    const answer = await work(async (name, text, values) => (await client.query({ name, text, values })).rows[0])
    await client.query("commit")
    return answer
  } catch (error) {
    await client.query("rollback")
    throw error
  } finally {
    client.release()
  }
}
