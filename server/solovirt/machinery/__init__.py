"""A Kubernetes-style API server that knows no kind at all: kinds are declared to it, and it serves them."""
