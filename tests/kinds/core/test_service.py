"""Services, by reference kubernetes-api.md 7."""

from __future__ import annotations

import ipaddress

import pytest

from solovirt.kinds.core import names


def service(name="s", **spec):
    return {"metadata": {"namespace": "n", "name": name}, "spec": {"ports": [{"port": 80}], **spec}}


@pytest.fixture
def services(kind):
    return kind("services")


def test_a_service_gets_its_defaults_and_an_address(services):
    made = services.created(service())
    address = made["spec"].pop("clusterIP")
    assert ipaddress.ip_address(address) in ipaddress.ip_network("10.96.0.0/12")
    assert made["spec"] == {
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "internalTrafficPolicy": "Cluster",
        "clusterIPs": [address],
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
    }
    assert made["status"] == {"loadBalancer": {}}


def test_no_two_services_share_an_address(services, others):
    addresses = set()
    for number in range(50):
        made = services.created(service(f"s{number}"))
        others.add(names.SERVICES, made)
        addresses.add(made["spec"]["clusterIP"])
    assert len(addresses) == 50


def test_a_taken_first_choice_leads_to_another(services, others):
    made = services.created(service())
    others.add(names.SERVICES, {**made, "metadata": {"namespace": "n", "name": "other"}})
    assert services.created(service())["spec"]["clusterIP"] != made["spec"]["clusterIP"]


def test_a_headless_service_has_no_address_and_needs_no_ports(services):
    made = services.created(service(clusterIP="None", ports=[]))
    assert made["spec"]["clusterIPs"] == ["None"]


def test_a_taken_address_is_refused(services, others):
    others.add(names.SERVICES, services.created(service("kubernetes", clusterIP="10.96.0.1")))
    _, errors = services.create(service(clusterIP="10.96.0.1"))
    assert errors == [
        'spec.clusterIPs: Invalid value: ["10.96.0.1"]: failed to allocate IP 10.96.0.1: provided IP is already allocated'
    ]


def test_an_address_outside_the_range_is_refused(services):
    _, errors = services.create(service(clusterIP="10.1.1.1"))
    assert errors == [
        (
            'spec.clusterIPs: Invalid value: ["10.1.1.1"]: failed to allocate IP 10.1.1.1: the provided IP (10.1.1.1) is not in '
            "the valid range. The range of valid IPs is 10.96.0.0/12"
        )
    ]


def test_the_address_stays(services):
    made = services.created(service(clusterIP="10.96.7.7"))
    _, errors = services.update(made, lambda obj: obj["spec"].update(clusterIP="10.96.9.9"))
    assert errors == ['spec.clusterIPs[0]: Invalid value: ["10.96.9.9"]: may not change once set']


def test_a_client_that_leaves_out_what_was_drawn_keeps_it(services):
    made = services.created(service(type="NodePort"))

    def replace(obj):
        obj["spec"] = {"type": "NodePort", "ports": [{"port": 80}], "selector": {"a": "b"}}

    updated, errors = services.update(made, replace)
    assert errors == []
    assert updated["spec"]["clusterIP"] == made["spec"]["clusterIP"]
    assert updated["spec"]["ports"] == made["spec"]["ports"]


def test_node_ports_are_drawn_from_their_range(services, others):
    others.add(
        names.SERVICES, services.created(service("other", type="NodePort", ports=[{"port": 80, "nodePort": 30080}]))
    )
    made = services.created(service(type="NodePort", ports=[{"name": "a", "port": 1}, {"name": "b", "port": 2}]))
    ports = {port["nodePort"] for port in made["spec"]["ports"]}
    assert len(ports) == 2
    assert ports <= set(range(30000, 32768)) - {30080}
    _, errors = services.create(service(type="NodePort", ports=[{"port": 80, "nodePort": 30080}]))
    assert errors == ["spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated"]
    _, errors = services.create(service(type="NodePort", ports=[{"port": 80, "nodePort": 80}]))
    assert errors == [
        (
            "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. "
            "The range of valid ports is 30000-32767"
        )
    ]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"ports": []}, ["spec.ports: Required value"]),
        (
            {"ports": [{"port": 0, "targetPort": 80}]},
            ["spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"],
        ),
        (
            {"ports": [{"port": 1}, {"port": 2}]},
            ["spec.ports[0].name: Required value", "spec.ports[1].name: Required value"],
        ),
        (
            {"ports": [{"name": "a", "port": 1}, {"name": "a", "port": 2}]},
            ['spec.ports[1].name: Duplicate value: "a"'],
        ),
        ({"type": "ExternalName", "ports": []}, ["spec.externalName: Required value"]),
        (
            {"type": "Tunnel"},
            [
                (
                    'spec.type: Unsupported value: "Tunnel": supported values: "ClusterIP", "ExternalName", "LoadBalancer", '
                    '"NodePort"'
                )
            ],
        ),
    ],
)
def test_what_a_service_must_have(services, spec, expected):
    assert services.create(service(**spec))[1] == expected


def test_an_external_name_has_no_address(services):
    made = services.created(service(type="ExternalName", externalName="example.com", ports=[]))
    assert "clusterIP" not in made["spec"]
