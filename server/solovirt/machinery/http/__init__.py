"""The API over HTTP: one handler that takes a path apart, asks who it is, calls a verb, and sends stored bytes."""
