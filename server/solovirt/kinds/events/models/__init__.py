"""Field models of the coordination.k8s.io group."""
