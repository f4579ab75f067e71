from solovirt.kinds.kubevirt import denial

WEBHOOK = "virtualmachine-validator.kubevirt.io"


def test_a_denial_has_the_shape_of_a_webhooks_answer():
    """kubevirt-validation.md 1.2, the example."""
    refusal = denial.deny(WEBHOOK, [denial.invalid("spec.running", "RunStrategy must be specified")])
    assert refusal.status() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'admission webhook "virtualmachine-validator.kubevirt.io" denied the request: RunStrategy must be specified',
        "reason": "Invalid",
        "details": {
            "causes": [
                {
                    "reason": "FieldValueInvalid",
                    "message": "RunStrategy must be specified",
                    "field": "spec.running",
                }
            ]
        },
        "code": 422,
    }


def test_a_denial_names_ten_causes_and_counts_the_rest():
    """kubevirt-validation.md 1.2."""
    refusal = denial.deny(WEBHOOK, [denial.required(f"spec.f{number}", f"m{number}") for number in range(12)])
    assert refusal.message.endswith("m8, m9, and 2 more validation errors")
    assert refusal.details is not None
    assert len(refusal.details["causes"]) == 10


def test_a_plain_denial_is_a_400_without_reason_and_details():
    """kubevirt-validation.md 1.2."""
    status = denial.deny_plainly(WEBHOOK, "snapshot feature gate not enabled").status()
    assert status["code"] == 400
    assert "reason" not in status
    assert "details" not in status
