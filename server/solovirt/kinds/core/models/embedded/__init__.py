"""
Kubernetes types as custom resources carry them.

They differ from the core group's own in what a CustomResourceDefinition says of them: no names in the OpenAPI documents, no merge keys, but
atomic maps and defaults. Whatever custom kinds have in common is declared here once.
"""
