"""What the upload.cdi.kubevirt.io group serves (reference cdi.md 1.2)."""

from __future__ import annotations

from solovirt.machinery.admission import Behaviour
from solovirt.machinery.resource import GroupResource, ModelRef, Resource, Scope, Version

UPLOAD_TOKEN_REQUESTS = GroupResource("upload.cdi.kubevirt.io", "uploadtokenrequests")

RESOURCES: tuple[Resource, ...] = (
    Resource(
        group=UPLOAD_TOKEN_REQUESTS.group,
        kind="UploadTokenRequest",
        plural=UPLOAD_TOKEN_REQUESTS.plural,
        singular="uploadtokenrequest",
        short_names=("utr", "utrs"),
        scope=Scope.NAMESPACED,
        versions=(Version("v1beta1", ModelRef("solovirt.kinds.upload.models.requests:UploadTokenRequest")),),
        behaviour=Behaviour(),
        verbs=("create",),
        has_generation=False,
        virtual=True,
    ),
)
