"""
What KubeVirt's webhooks demand of a VirtualMachineInstance's metadata and spec, wherever it stands.

The same rules hold for an instance and for the template of a virtual machine, replica set or pool; only the path differs. So each rule is a
function of the spec and its path that returns causes, in modules by topic. `instance.check` runs them in KubeVirt's order. Rules are
numbered as in reference kubevirt-validation.md; the schema has been checked before, so types can be relied on.
"""
