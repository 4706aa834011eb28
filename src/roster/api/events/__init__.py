"""Events as a GraphQL client sees them."""
