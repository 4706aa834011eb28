"""What the product does: decides on permission, transaction, order of steps and what is recorded."""
