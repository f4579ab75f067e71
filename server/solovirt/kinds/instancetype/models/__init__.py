"""Field models of the instancetype.kubevirt.io group."""
