"""Field models of the policy group."""
