"""The names that the parts of admission webhooks agree on."""

from __future__ import annotations

from solovirt.machinery.resource import GroupResource

GROUP = "admissionregistration.k8s.io"
MUTATING = GroupResource(GROUP, "mutatingwebhookconfigurations")
VALIDATING = GroupResource(GROUP, "validatingwebhookconfigurations")
POLICY_KINDS = ("ValidatingAdmissionPolicy", "MutatingAdmissionPolicy")
