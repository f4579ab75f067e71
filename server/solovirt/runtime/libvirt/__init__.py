"""
The libvirt runtime: guests are real QEMU processes, run by libvirt.

`capabilities` says what a host can do, `places` where a guest's files are, `identity` how a domain says whose it is, `domain` makes a domain of an
instance; the driver turns what becomes of domains into what the control plane hears of guests.
"""
