"""Who somebody is: reviews of tokens and of oneself, and requests for tokens."""

from typing import Annotated

from solovirt.machinery.schema.markers import ApiModel, CoreTime, Int64, ListAtomic
from solovirt.machinery.schema.meta import ObjectMeta


class UserInfo(ApiModel):
    schema_name = "io.k8s.api.authentication.v1.UserInfo"

    extra: dict[str, list[str]] | None = None
    groups: Annotated[list[str] | None, ListAtomic()] = None
    uid: str | None = None
    username: str | None = None


class SelfSubjectReviewStatus(ApiModel):
    schema_name = "io.k8s.api.authentication.v1.SelfSubjectReviewStatus"

    user_info: UserInfo | None = None


class SelfSubjectReview(ApiModel):
    """Asks who the one who asks is."""

    schema_name = "io.k8s.api.authentication.v1.SelfSubjectReview"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    status: SelfSubjectReviewStatus | None = None


class TokenReviewSpec(ApiModel):
    schema_name = "io.k8s.api.authentication.v1.TokenReviewSpec"

    audiences: Annotated[list[str] | None, ListAtomic()] = None
    token: str


class TokenReviewStatus(ApiModel):
    schema_name = "io.k8s.api.authentication.v1.TokenReviewStatus"

    audiences: Annotated[list[str] | None, ListAtomic()] = None
    authenticated: bool | None = None
    error: str | None = None
    user: UserInfo | None = None


class TokenReview(ApiModel):
    """Asks whose a bearer token is."""

    schema_name = "io.k8s.api.authentication.v1.TokenReview"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: TokenReviewSpec
    status: TokenReviewStatus | None = None


class BoundObjectReference(ApiModel):
    schema_name = "io.k8s.api.authentication.v1.BoundObjectReference"

    api_version: str | None = None
    kind: str | None = None
    name: str | None = None
    uid: str | None = None


class TokenRequestSpec(ApiModel):
    schema_name = "io.k8s.api.authentication.v1.TokenRequestSpec"

    audiences: Annotated[list[str] | None, ListAtomic()] = None
    bound_object_ref: BoundObjectReference | None = None
    expiration_seconds: Int64 | None = None


class TokenRequestStatus(ApiModel):
    schema_name = "io.k8s.api.authentication.v1.TokenRequestStatus"

    expiration_timestamp: CoreTime | None = None
    token: str | None = None


class TokenRequest(ApiModel):
    """Asks for a token of a service account."""

    schema_name = "io.k8s.api.authentication.v1.TokenRequest"

    api_version: str | None = None
    kind: str | None = None
    metadata: ObjectMeta | None = None
    spec: TokenRequestSpec | None = None
    status: TokenRequestStatus | None = None
