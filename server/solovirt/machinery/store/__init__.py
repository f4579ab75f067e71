"""Objects and their revision log in SQL, the group-committing writer, and the watch hub. Start with `protocol`."""
