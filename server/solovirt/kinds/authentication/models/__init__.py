"""Field models of the authentication.k8s.io group."""
