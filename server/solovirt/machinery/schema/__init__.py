"""Structural schemas: what a kind's objects may contain. Validation, pruning, defaulting, and the OpenAPI documents made of them."""
