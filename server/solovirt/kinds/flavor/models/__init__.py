"""Field models of the flavor.kubevirt.io group."""
