"""Field models of the apps group."""
