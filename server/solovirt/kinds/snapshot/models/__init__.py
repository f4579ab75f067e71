"""Field models of the snapshot.kubevirt.io group."""
