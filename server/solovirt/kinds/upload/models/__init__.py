"""Field models of the upload.cdi.kubevirt.io group."""
