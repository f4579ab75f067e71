"""Field models of the clone.kubevirt.io group."""
