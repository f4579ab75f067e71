"""Requests for tokens to upload with."""

from pydantic import Field

from solovirt.machinery.schema.markers import ApiModel
from solovirt.machinery.schema.meta import ObjectMeta


class UploadTokenRequestSpec(ApiModel):
    pvc_name: str = Field(description="The PersistentVolumeClaim to upload into.")


class UploadTokenRequestStatus(ApiModel):
    token: str | None = Field(None, description="What the upload is sent with, as a bearer token.")


class UploadTokenRequest(ApiModel):
    """Asks for a token to upload into a PersistentVolumeClaim with. Nothing is stored."""

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: UploadTokenRequestSpec = Field(description="What the token is for.")
    status: UploadTokenRequestStatus | None = Field(None, description="The answer.")
