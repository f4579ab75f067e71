"""Field models of the pool.kubevirt.io group."""
