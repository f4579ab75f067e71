"""Field models of the k8s.cni.cncf.io group."""
