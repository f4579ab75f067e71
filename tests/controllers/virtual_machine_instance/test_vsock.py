"""The number by which the host's VSOCK reaches an instance (kubevirt-vm.md 9.3, VSOCKCID)."""

from __future__ import annotations

import pytest

from solovirt.controllers.virtual_machine_instance.vsock import ContextIds
from solovirt.kinds.kubevirt import names
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.verbs.protocol import Edit
from tests.controllers.virtual_machine_instance.conftest import Cluster, instance


async def allow(cluster: Cluster) -> None:
    def edit(document: Document) -> None:
        document["spec"]["configuration"] = {"developerConfiguration": {"featureGates": ["VSOCK"]}}

    await cluster.system.edit(names.KUBEVIRTS, ObjectKey("kubevirt", "kubevirt"), edit)


def with_socket(name: str) -> Document:
    document = instance(name)
    document["spec"]["domain"]["devices"]["autoattachVSOCK"] = True
    return document


async def test_each_instance_with_a_socket_gets_a_number_of_its_own_and_keeps_it(cluster: Cluster) -> None:
    await allow(cluster)
    for document in (with_socket("a"), with_socket("b"), instance("c")):
        await cluster.create(document)
    await cluster.advance(1)
    numbers = [cluster.status(name).get("VSOCKCID") for name in "abc"]
    # 0 to 2 are taken by VSOCK itself.
    assert numbers[0] != numbers[1]
    assert all(number is not None and 2 < number < 2**32 for number in numbers[:2])
    assert numbers[2] is None
    await cluster.restart()
    await cluster.advance(1)
    assert [cluster.status(name).get("VSOCKCID") for name in "abc"] == numbers


class Instances:
    """Objects with instances alone."""

    def __init__(self, *documents: Document) -> None:
        self._documents = documents

    def list(self, resource: GroupResource) -> tuple[Document, ...]:
        return self._documents

    async def edit(self, resource: GroupResource, key: ObjectKey, change: Edit) -> Document:
        (found,) = (one for one in self._documents if one["metadata"]["name"] == key.name)
        change(found)
        return found


@pytest.mark.parametrize(
    ("drawn", "taken", "given"), [(7, {7, 8}, 9), (2**32 - 2, {2**32 - 2, 3}, 4), (3, set(), 3), (5, {6}, 5)]
)
async def test_numbers_that_are_taken_are_passed_over(drawn: int, taken: set[int], given: int) -> None:
    others = [with_socket(f"other-{number}") | {"status": {"VSOCKCID": number}} for number in taken]
    waiting = with_socket("vmi")
    waiting["metadata"]["uid"] = "1"
    objects = Instances(waiting, *others)
    numbers = ContextIds(objects, draw=lambda first, last: drawn)  # type: ignore[arg-type]  # all that is asked for
    assert (await numbers.ensure(waiting))["status"]["VSOCKCID"] == given
