"""The bytes of disks: where they come from and how far they are."""
