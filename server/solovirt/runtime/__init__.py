"""Hypervisors: the interface in `protocol`, and what implements it. Found by entry point, so others can ship one."""
