"""Role assignments as a GraphQL client sees them."""
