"""Field models of the snapshot.storage.k8s.io group."""
