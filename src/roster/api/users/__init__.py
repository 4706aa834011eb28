"""Users as a GraphQL client sees them."""
