"""Field models of the batch group."""
