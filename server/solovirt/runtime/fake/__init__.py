"""
The fake runtime: simulated nodes and guests, for everybody who tests what runs on top of KubeVirt's API.

Behaviour is data (`scenario`), a guest's state is computed from stored facts and the clock (`life`), and `runtime` turns both into the
interface that every hypervisor has.
"""

from solovirt.runtime.fake.runtime import FakeRuntime, create_runtime
from solovirt.runtime.fake.scenario import INSTANT, TIMELESS, Scenario, ScenarioError, Script, Stage

__all__ = ["INSTANT", "TIMELESS", "FakeRuntime", "Scenario", "ScenarioError", "Script", "Stage", "create_runtime"]
