"""What an answer says of a cause: why, what else could be, what to look at, and who is hit."""
