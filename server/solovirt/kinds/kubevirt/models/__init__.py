"""Field models of the kubevirt.io group."""
