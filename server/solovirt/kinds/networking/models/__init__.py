"""Field models of the networking.k8s.io group."""
