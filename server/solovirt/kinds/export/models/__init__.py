"""Field models of the export.kubevirt.io group."""
