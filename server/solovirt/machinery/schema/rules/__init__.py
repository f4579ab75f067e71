"""Validation rules of custom resources: x-kubernetes-validations, written in CEL."""
