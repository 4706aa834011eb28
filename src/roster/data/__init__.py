"""The only SQL: every function takes a Reader or a Writer first and returns domain records."""
