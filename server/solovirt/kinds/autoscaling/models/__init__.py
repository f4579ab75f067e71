"""Field models of the autoscaling group."""
