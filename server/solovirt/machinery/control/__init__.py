"""Informer views, work queues, reconcilers and the manager that runs them. Start with `protocol`."""
