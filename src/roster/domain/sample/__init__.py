"""A believable directory of any size, made of nothing but a number and a moment."""
