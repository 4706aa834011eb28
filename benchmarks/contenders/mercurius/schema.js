export const schema = `
  enum UserOrder { CREATED_AT DISPLAY_NAME }
  input UserFilter { emailContains: String rolesAnyOf: [String!] search: [String!] createdFrom: String }
  type Role { key: String! name: String! description: String }
  type User {
    id: ID!
    email: String
    firstName: String
    lastName: String
    displayName: String!
    phone: String
    status: String!
    createdAt: String!
    roles: [Role!]!
  }
  type UserEdge { cursor: String! node: User! }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
  type UserConnection { edges: [UserEdge!]! pageInfo: PageInfo! totalCount(cap: Int): Int! }
  type Query {
    user(id: ID!): User
    users(first: Int!, after: String, filter: UserFilter, orderBy: UserOrder = CREATED_AT): UserConnection!
  }
  type Mutation {
    createUser(email: String!, firstName: String!, lastName: String!): User!
    updateUser(id: ID!, phone: String!): User
    assignRoles(id: ID!, roles: [ID!]!): User
  }
`
