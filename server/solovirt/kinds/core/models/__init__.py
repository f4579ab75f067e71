"""Field models of the core group."""
