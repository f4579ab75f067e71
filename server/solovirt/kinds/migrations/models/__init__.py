"""Field models of the migrations.kubevirt.io group."""
