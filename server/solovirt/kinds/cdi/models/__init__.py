"""Field models of the cdi.kubevirt.io group."""
