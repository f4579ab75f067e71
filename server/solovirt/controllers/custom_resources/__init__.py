"""
CustomResourceDefinitions come into force, and go.

`served` keeps the registry as the stored definitions want it, in every process and before the first request; `controller` accepts names and
empties what is deleted; `installed` shows the server's own kinds as definitions and all versions as APIServices, once somebody looks.
"""

from solovirt.controllers.custom_resources.controller import DefinitionController
from solovirt.controllers.custom_resources.installed import InstalledObjects
from solovirt.controllers.custom_resources.served import ServedDefinitions

__all__ = ["DefinitionController", "InstalledObjects", "ServedDefinitions"]
