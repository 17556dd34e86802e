"""An ML2 mechanism driver for a network without agents: every port binds at once on any host."""

from typing import Any

from neutron_lib import constants
from neutron_lib.api.definitions import portbindings
from neutron_lib.plugins.ml2 import api


class Mechanism(api.MechanismDriver):  # type: ignore[misc]
    """Loaded by the entry point `passerelle` of group neutron.ml2.mechanism_drivers."""

    def initialize(self) -> None:
        """Do nothing; the interface requires the method."""

    @property
    def connectivity(self) -> str:
        """Return that ports have layer 2 connectivity."""
        return str(portbindings.CONNECTIVITY_L2)

    def bind_port(self, context: Any) -> None:
        """Bind a port as Open vSwitch, because Nova refuses vif_type `bridge` ("no longer supported")."""
        context.set_binding(
            context.segments_to_bind[0][api.ID],
            portbindings.VIF_TYPE_OVS,
            {portbindings.CAP_PORT_FILTER: True},
            status=constants.PORT_STATUS_ACTIVE,
        )
