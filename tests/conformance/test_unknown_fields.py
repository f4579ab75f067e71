"""
A field that nobody declared, beside those of every object at every level of the main kinds: refused under strict validation with its path, dropped with
a warning otherwise, kept where the schema preserves what it does not know (reference kubernetes-api.md 2.2, 4.2 and 7).
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests import documents
from tests.conformance.conftest import Client, Reply
from tests.served import PRESERVE, Component, Kind, Path, Served, at, written

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUICK = [
    ("flavor.kubevirt.io/v1alpha1", "virtualmachineflavors"),
    ("flavor.kubevirt.io/v1alpha1", "virtualmachineclusterflavors"),
    ("cdi.kubevirt.io/v1beta1", "datavolumes"),
    *(("v1", plural) for plural in ("persistentvolumeclaims", "services", "configmaps", "secrets", "nodes", "events")),
    ("coordination.k8s.io/v1", "leases"),
]
LARGE = [
    ("kubevirt.io/v1", "virtualmachines"),
    ("kubevirt.io/v1", "virtualmachineinstances"),
    ("kubevirt.io/v1", "kubevirts"),
    ("v1", "pods"),
    # These have whole machines and pods in them and no rules about what goes with what, so that one sees everything dropped there.
    ("snapshot.kubevirt.io/v1beta1", "virtualmachinesnapshotcontents"),
    ("v1", "podtemplates"),
]
# Of these a document with one of each thing breaks rules: two sources of a volume, a selector without terms.
WITH_RULES = ("kubevirts", "virtualmachines", "virtualmachineinstances", "datavolumes", "pods", "podtemplates")
# Published as objects without fields, and of any content.
OPEN = ("io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1", "io.k8s.apimachinery.pkg.runtime.RawExtension")
INVENTED = {"x": 1}


def keeps(schema: Component) -> bool:
    return bool(schema.get(PRESERVE)) or schema.name in OPEN


class Asker:
    """Sends documents of one kind that are to be changed nothing by."""

    def __init__(self, client: Client, served: Served, kind: Kind) -> None:
        self._client = client
        self._served = served
        self._kind = kind
        self._existing: dict[str, Any] | None = None

    async def prepare(self) -> None:
        """A status is taken of an object that is there, and a second KubeVirt is not."""
        if self._kind.plural == "kubevirts":
            found = await self._client("GET", f"{self._kind.root}/kubevirts")
            self._existing = {"apiVersion": self._kind.api_version, "kind": self._kind.kind, **found.json["items"][0]}
        elif "status" in self._kind.subresources:
            made = await self._client(
                "POST",
                self._kind.collection,
                documents.document(self._kind, self._served, f"existing-{self._kind.plural}"),
            )
            assert made.status == 201, made.body
            self._existing = made.json

    async def __call__(self, path: Path, query: str = "") -> Reply:
        """Write a document that has a field `invented` in the object at *path*."""
        kind = self._kind
        below = "/status" if path[:1] == ("status",) and "status" in kind.subresources else ""
        if self._existing is not None and (below or kind.plural == "kubevirts"):
            meta = self._existing["metadata"]
            collection = (
                f"{kind.root}/namespaces/{meta['namespace']}/{kind.plural}" if kind.namespaced else kind.collection
            )
            where = f"{collection}/{meta['name']}"
            # What controllers write in between is none of this test's business.
            latest = (await self._client("GET", where)).json["metadata"]["resourceVersion"]
            document = {**self._existing, "metadata": {**meta, "resourceVersion": latest}}
            document = copy.deepcopy(document)
            method, where = "PUT", where + below
        else:
            document = documents.document(kind, self._served, "invention")
            method, where = "POST", kind.collection
        self._served.reach(document, self._served.of(kind), path)["invented"] = INVENTED
        reply = await self._client(method, f"{where}?dryRun=All{query}", document)
        return await self(path, query) if reply.status == 409 else reply


@pytest.mark.parametrize(
    ("version", "plural"),
    [*QUICK, *(pytest.param(*one, marks=pytest.mark.slow) for one in LARGE)],
    ids=lambda value: value.rpartition("/")[2],
)
async def test_an_invented_sibling_of_any_object_is_refused_or_dropped(
    client: Client, served: Served, kinds, version, plural
):
    kind = kinds[version, plural]
    ask = Asker(client, served, kind)
    await ask.prepare()
    unseen: list[tuple[str, bytes]] = []
    for path, schema in served.objects(served.of(kind)):
        if schema.get("additionalProperties"):
            # Every key of a map is known.
            continue
        where = written((*path, "invented"))
        reply = await ask(path)
        stored = reply.status in (200, 201)
        if not stored:
            unseen.append((where, reply.body))
        warnings = [one for one in reply.warnings if one.startswith("unknown field")]
        if keeps(schema):
            assert warnings == [], where
            # Who manages what is the server's to say.
            if stored and "managedFields" not in path:
                assert at(reply.json, (*path, "invented")) == INVENTED, where
            continue
        assert warnings == [f'unknown field "{where}"'], where
        if stored:
            assert at(reply.json, (*path, "invented")) is None, where
        strict = await ask(path, "&fieldValidation=Strict")
        assert strict.json == {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: '
            f'strict decoding error: unknown field "{where}"',
            "reason": "BadRequest",
            "code": 400,
        }
    if plural not in WITH_RULES:
        # The path of a containerPath must be absolute, which its schema says as a rule.
        assert [one for one in unseen if "containerPath" not in one[0]] == []
